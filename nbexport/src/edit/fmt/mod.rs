//! rustfmt in the cells, with the user's own rustfmt and `rustfmt.toml`.
//!
//! Many cells go through one rustfmt process. Each stands inside a `mod` or a `fn` of its own, one level deep; the line
//! width is that much wider, so that a cell comes out as rustfmt would write it at the level of a module. A cell that
//! would lose a token or a comment by it, or on which rustfmt does not end, is named and left alone.

mod content;
mod rustfmt;

use std::ops::Range;
use std::path::Path;

use self::rustfmt::{Answer, Rustfmt};
use crate::diagnostic::{Diagnostic, Result};
use crate::notebook::cell::{Code, Shape};
use crate::notebook::header;
use crate::notebook::parsed::{ParsedCell, ParsedNotebook};
use crate::notebook::{Edit, Notebook};

/// What formatting does to one notebook.
#[derive(Clone, Debug, Default)]
pub struct Formatted {
    /// The cells whose text changes: number, old text, new text.
    pub cells: Vec<(usize, String, String)>,
    /// The notebook's new text; `None` when nothing changes.
    pub text: Option<String>,
    /// The cells that were left alone, and why.
    pub diagnostics: Vec<Diagnostic>,
}

/// Formats the code cells of notebooks; `root` is where rustfmt looks for its configuration from.
///
/// # Errors
/// There is no rustfmt, or it cannot be run.
pub fn format(notebooks: &[Notebook], root: &Path) -> Result<Vec<Formatted>> {
    let rustfmt = Rustfmt::new(root)?;
    let parsed: Vec<ParsedNotebook<'_>> =
        notebooks.iter().map(|notebook| ParsedNotebook::new(notebook).0).collect();
    let mut results: Vec<Formatted> = notebooks.iter().map(|_| Formatted::default()).collect();
    let mut pieces = Vec::new();
    for (index, parsed) in parsed.iter().enumerate() {
        for cell in &parsed.cells {
            match cell.code() {
                Err(diagnostic) => results[index].diagnostics.push(diagnostic.clone()),
                Ok(code) if code.shape() == Shape::Empty => {}
                Ok(code) => pieces.push((index, cell, Piece::new(cell, code))),
            }
        }
    }
    let bodies: Vec<&Piece> = pieces.iter().map(|(_, _, piece)| piece).collect();
    let formatted = rustfmt.format_all(&bodies)?;
    let mut edits: Vec<Vec<Edit>> = notebooks.iter().map(|_| Vec::new()).collect();
    for ((index, cell, piece), answer) in pieces.iter().zip(formatted) {
        let result = &mut results[*index];
        match piece.checked(answer) {
            Err((why, help)) => result.diagnostics.push(
                Diagnostic::error(format!("{why}, so it was left as it is"))
                    .at(cell.source(), piece.body.clone(), "")
                    .help(help),
            ),
            Ok(body) => {
                let old = cell.cell.text();
                let new = format!("{}{body}", &old[..piece.body.start]);
                if new != old.trim_end_matches('\n') {
                    edits[*index].push(notebooks[*index].set_source(cell.cell, &new));
                    result.cells.push((cell.cell.number, old.to_owned(), new));
                }
            }
        }
    }
    for ((result, notebook), edits) in results.iter_mut().zip(notebooks).zip(edits) {
        result.text = (!edits.is_empty()).then(|| notebook.edited(edits));
    }
    Ok(results)
}

/// The part of a cell that rustfmt gets: all below its last directive or `:command`.
struct Piece {
    text: String,
    body: Range<usize>,
    is_items: bool,
}

impl Piece {
    fn new(cell: &ParsedCell<'_>, code: &Code) -> Self {
        let text = cell.cell.text();
        let header = header::lines(text)
            .filter(|line| line.text.trim_start().starts_with("//|") || line.is_command())
            .last()
            .map_or(0, |line| (line.span().end + 1).min(text.len()));
        // Blank lines below the header are the writer's.
        let blank = text[header..].len() - text[header..].trim_start_matches(['\n', '\r']).len();
        let body = header + blank..text.len();
        Self { text: text[body.clone()].to_owned(), body, is_items: code.shape() == Shape::Items }
    }

    /// The formatted text, if it says what the cell said; otherwise why not, and what to do.
    fn checked(&self, answer: Answer) -> Result<String, (String, &'static str)> {
        match answer {
            Answer::Refused => Err((
                "rustfmt does not format this cell".to_owned(),
                "rustfmt takes it for a mistake that the parser lets pass, such as a reserved word",
            )),
            Answer::Spent => Err((
                "rustfmt needs too much time or memory for this cell".to_owned(),
                "nested code and long tables do that: write `#[rustfmt::skip]` above them, or parts of them as items of their own",
            )),
            Answer::Formatted(body) => match content::difference(&self.text, &body) {
                None => Ok(body),
                Some(what) => Err((
                    format!("rustfmt would drop or change `{what}` of this cell"),
                    "move a comment to a line of its own, where rustfmt keeps it",
                )),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether there is a rustfmt; without one a test is passed over, since `cargo test` asks for the compiler and cargo
    /// only. `NBEXPORT_REQUIRE_TOOLS=1` makes that a failure.
    fn has_rustfmt() -> bool {
        let said = std::process::Command::new("rustfmt").arg("--version").output();
        let runs = said.is_ok_and(|said| said.status.success());
        assert!(runs || std::env::var_os("NBEXPORT_REQUIRE_TOOLS").is_none(), "there is no rustfmt");
        if !runs {
            eprintln!("skipped, since there is no rustfmt");
        }
        runs
    }

    fn formatted(cells: &[&str]) -> (Vec<String>, Vec<String>) {
        let cells: Vec<_> =
            cells.iter().map(|text| serde_json::json!({"cell_type": "code", "source": text})).collect();
        let json = serde_json::json!({ "cells": cells, "nbformat": 4, "nbformat_minor": 5 });
        let notebook = Notebook::parse("x.ipynb", json.to_string()).unwrap();
        let root = tempfile::tempdir().unwrap();
        let mut results = format(std::slice::from_ref(&notebook), root.path()).unwrap();
        let result = results.remove(0);
        let said = result.diagnostics.iter().map(|diagnostic| diagnostic.message.clone()).collect();
        let text = result.text.unwrap_or_else(|| notebook.text().to_owned());
        let again = Notebook::parse("x.ipynb", text).unwrap();
        let twice = format(std::slice::from_ref(&again), root.path()).unwrap().remove(0);
        assert_eq!(twice.cells, [], "formatting twice changes nothing");
        (again.cells.iter().map(|cell| cell.text().to_owned()).collect(), said)
    }

    #[test]
    fn items_statements_and_expressions_are_formatted_and_headers_stay() {
        if !has_rustfmt() {
            return;
        }
        let (cells, said) = formatted(&[
            "//|export\n:dep   a=\"1\"\n\n/// Doc.\npub fn f( x:u8 )->u8{x}\nuse b;\nuse a;",
            "let  x=1;\nlet s = \"a\n  b\";\nx+1 // shown",
            "println!( \"x\" )\n// done",
            "//| test t\n:dep x",
            "use z;\nuse y;",
        ]);
        assert_eq!(said, Vec::<String>::new());
        assert_eq!(
            cells,
            [
                "//|export\n:dep   a=\"1\"\n\n/// Doc.\npub fn f(x: u8) -> u8 {\n    x\n}\nuse a;\nuse b;",
                "let x = 1;\nlet s = \"a\n  b\";\nx + 1 // shown",
                "println!(\"x\")\n// done",
                "//| test t\n:dep x",
                "use y;\nuse z;",
            ]
        );
    }

    #[test]
    fn a_cell_that_does_not_parse_is_named_and_the_rest_formatted() {
        if !has_rustfmt() {
            return;
        }
        let (cells, said) = formatted(&["let = 3;", "let  x=1;"]);
        assert_eq!(cells, ["let = 3;", "let x = 1;"]);
        assert!(said[0].contains("does not parse"), "{said:?}");
    }

    #[test]
    fn a_cell_is_as_wide_as_a_module() {
        if !has_rustfmt() {
            return;
        }
        let line = format!("fn f() -> u8 {{\n    {}\n}}", "1 + ".repeat(23) + "100");
        assert_eq!(line.lines().nth(1).unwrap().len(), 99);
        assert_eq!(formatted(&[&line]).0, [line]);
    }
}
