//! `nbexport fmt`.

use nbexport::diagnostic::Result;
use nbexport::edit::fmt;

use super::{Context, Status, count};
use crate::cli::{FmtArgs, Global};

/// Formats, and prints a line for each notebook that changed, or a diff for each cell that would.
pub(crate) fn run(args: &FmtArgs, global: &Global) -> Result<Status> {
    let context = Context::of_notebooks(&args.paths, global)?;
    let printer = context.printer;
    let lock = if args.check { None } else { Some(context.lock()?) };
    let (mut paths, mut notebooks) = (Vec::new(), Vec::new());
    let mut status = context.each_notebook(|path, notebook| {
        if notebook.language().is_none_or(|language| language == "rust") {
            paths.push(path.to_owned());
            notebooks.push(notebook);
        }
        Ok(Status::Success)
    })?;
    let results = fmt::format(&notebooks, &context.project.root)?;
    for ((path, notebook), result) in paths.iter().zip(&notebooks).zip(results) {
        printer.diagnostics(&result.diagnostics);
        if !result.diagnostics.is_empty() {
            status = status.max(Status::Found);
        }
        let Some(text) = result.text else { continue };
        let Some(lock) = &lock else {
            for (number, old, new) in &result.cells {
                printer.cell_diff(&notebook.name, *number, old, new);
            }
            status = status.max(Status::Found);
            continue;
        };
        match context.write(lock, path, notebook, text) {
            Ok(()) => {
                printer.info(&format!("{}: {} formatted", notebook.name, count(result.cells.len(), "cell")));
            }
            Err(diagnostic) => status = status.max(context.tell(&diagnostic)),
        }
    }
    context.tell_to_reload();
    Ok(status)
}
