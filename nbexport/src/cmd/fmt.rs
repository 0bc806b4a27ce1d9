//! `nbexport fmt`.

use nbexport::diagnostic::Diagnostic;
use nbexport::fmt;
use nbexport::krate;
use nbexport::notebook::Notebook;

use super::{Context, Status};
use crate::cli::{FmtArgs, Global};

/// Formats, and prints a line for each notebook that changed, or a diff for each cell that would.
pub(crate) fn run(args: &FmtArgs, global: &Global) -> Result<Status, Box<Diagnostic>> {
    let context = Context::new(&args.paths, global)?;
    let printer = context.printer;
    let mut status = Status::Success;
    let mut paths = Vec::new();
    let mut notebooks = Vec::new();
    for path in context.notebooks_or_all()? {
        match Notebook::read(&path, &context.project.name_of(&path)) {
            Ok(notebook) if notebook.language().is_none_or(|language| language == "rust") => {
                notebooks.push(notebook);
                paths.push(path);
            }
            Ok(_) => {}
            Err(diagnostic) => {
                printer.error(&diagnostic);
                status = Status::Failed;
            }
        }
    }
    let results = fmt::format(&notebooks, &context.project.root)?;
    for ((path, notebook), result) in paths.iter().zip(&notebooks).zip(results) {
        printer.diagnostics(&result.diagnostics);
        if !result.diagnostics.is_empty() {
            status = status.max(Status::Found);
        }
        let Some(text) = &result.text else { continue };
        if args.check {
            for (number, old, new) in &result.cells {
                printer.cell_diff(&notebook.name, *number, old, new);
            }
            status = status.max(Status::Found);
        } else {
            krate::save(path, &notebook.name, text)?;
            let count = result.cells.len();
            printer.info(&format!(
                "{}: {count} cell{} formatted",
                notebook.name,
                if count == 1 { "" } else { "s" }
            ));
        }
    }
    Ok(status)
}
