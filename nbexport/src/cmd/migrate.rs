//! `nbexport migrate`.

use nbexport::diagnostic::Diagnostic;
use nbexport::krate;
use nbexport::migrate;
use nbexport::notebook::Notebook;

use super::{Context, Status};
use crate::cli::{Global, MigrateArgs};

/// Migrates, and prints a line for each notebook, or a diff for each cell that would change.
pub(crate) fn run(args: &MigrateArgs, global: &Global) -> Result<Status, Box<Diagnostic>> {
    let context = Context::new(&args.paths, global)?;
    let printer = context.printer;
    let mut status = Status::Success;
    for path in context.notebooks_or_all()? {
        let name = context.project.name_of(&path);
        let notebook = match Notebook::read(&path, &name) {
            Ok(notebook) => notebook,
            Err(diagnostic) => {
                printer.error(&diagnostic);
                status = Status::Failed;
                continue;
            }
        };
        if let Some(language) = notebook.language().filter(|language| language != "rust") {
            printer.info(&format!("{name}: a notebook in {language}, left alone"));
            continue;
        }
        let migrated = migrate::migrate(&notebook);
        printer.diagnostics(&migrated.diagnostics);
        let Some(text) = &migrated.text else {
            printer.info(&format!("{name}: nothing to migrate"));
            continue;
        };
        if args.check {
            for (number, old, new) in &migrated.cells {
                printer.cell_diff(&name, *number, old, new);
            }
            status = status.max(Status::Found);
        } else {
            krate::save(&path, &name, text)?;
            let count = migrated.cells.len();
            printer.info(&format!("{name}: {count} cell{} migrated", if count == 1 { "" } else { "s" }));
        }
    }
    Ok(status)
}
