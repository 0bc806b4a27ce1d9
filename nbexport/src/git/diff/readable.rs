//! A notebook as the text that git compares where it asks for one (`git show`, `git log -p`, `git blame`).

use std::fmt::Write as _;

use super::{outputs, summary};
use crate::notebook::{CellKind, Notebook};

/// The cells, each under a line with its id, its outputs summed up in a line. No numbers: a new cell above would
/// change them all.
pub fn readable(notebook: &Notebook) -> String {
    let mut text = String::new();
    for cell in &notebook.cells {
        let kind = match cell.kind {
            CellKind::Code => "",
            CellKind::Markdown => " [markdown]",
            CellKind::Other => " [raw]",
        };
        let _ = writeln!(text, "// %%{kind} {}\n{}", cell.id, cell.text().trim_end_matches('\n'));
        let outputs = outputs(notebook, cell);
        if !outputs.is_empty() {
            let _ = writeln!(text, "// outputs: {}", summary(&outputs));
        }
        text.push('\n');
    }
    text
}
