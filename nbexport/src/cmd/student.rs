//! `nbexport student`.

use nbexport::diagnostic::Result;
use nbexport::student;

use super::{Context, Status, count};
use crate::cli::{Global, StudentArgs};

/// Writes copies without solutions, and prints a line for each.
pub(crate) fn run(args: &StudentArgs, global: &Global) -> Result<Status> {
    let context = Context::new(&args.paths, global)?;
    // What is not named from the working directory lies in the project.
    let folder = context.project.root.join(&args.folder);
    match student::student(&context.project, &context.notebooks_or_all()?, &folder) {
        Ok(copies) => {
            for copy in copies {
                let said = if copy.changed { "written" } else { "unchanged" };
                let without = count(copy.solutions, "solution");
                context.printer.info(&format!("{}: {without} left out, {said}", copy.name));
            }
            Ok(Status::Success)
        }
        Err(wrong) => {
            context.printer.diagnostics(&wrong);
            Ok(if wrong.iter().all(|it| it.is_finding) { Status::Found } else { Status::Failed })
        }
    }
}
