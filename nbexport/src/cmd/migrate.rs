//! `nbexport migrate`.

use nbexport::diagnostic::Result;
use nbexport::edit::migrate;

use super::{Context, Status, count};
use crate::cli::{Global, MigrateArgs};

/// Migrates, and prints a line for each notebook, or a diff for each cell that would change.
pub(crate) fn run(args: &MigrateArgs, global: &Global) -> Result<Status> {
    let context = Context::of_notebooks(&args.paths, global)?;
    let printer = context.printer;
    let lock = if args.check { None } else { Some(context.lock()?) };
    context.each_notebook(|path, notebook| {
        let name = &notebook.name;
        if let Some(language) = notebook.language().filter(|language| language != "rust") {
            printer.info(&format!("{name}: a notebook in {language}, left alone"));
            return Ok(Status::Success);
        }
        let migrated = migrate::migrate(&notebook);
        printer.diagnostics(&migrated.diagnostics);
        let Some(text) = migrated.text else {
            printer.info(&format!("{name}: nothing to migrate"));
            return Ok(Status::Success);
        };
        let Some(lock) = &lock else {
            for (number, old, new) in &migrated.cells {
                printer.cell_diff(name, *number, old, new);
            }
            return Ok(Status::Found);
        };
        context.write(lock, path, &notebook, text)?;
        printer.info(&format!("{name}: {} migrated", count(migrated.cells.len(), "cell")));
        Ok(Status::Success)
    })
}
