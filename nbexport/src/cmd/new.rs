//! `nbexport new` and `nbexport init`.

use std::path::Path;

use nbexport::diagnostic::Result;
use nbexport::export::{self, Options};
use nbexport::project::Project;
use nbexport::scaffold;

use super::Status;
use crate::cli::{Global, NewArgs};
use crate::printer::Printer;

/// Makes a project, and exports its notebook.
pub(crate) fn new(args: &NewArgs, global: &Global) -> Result<Status> {
    let made = scaffold::new(&args.name)?;
    finish(&args.name, &made, global)?;
    let name = args.name.display();
    Printer::new(global).info(&format!("created {name}: try `cd {name} && cargo test`"));
    Printer::new(global).info("its notebooks as a site: `nbexport docs --serve`");
    Ok(Status::Success)
}

/// Sets up the package in the working directory, and exports its notebook.
pub(crate) fn init(global: &Global) -> Result<Status> {
    let made = scaffold::init(Path::new("."))?;
    finish(Path::new("."), &made, global)?;
    Ok(Status::Success)
}

fn finish(folder: &Path, made: &[String], global: &Global) -> Result<()> {
    let printer = Printer::new(global);
    for name in made {
        printer.info(&format!("  {name}"));
    }
    let project = Project::discover(folder, None)?;
    let report = export::export(&project, None, &Options::default())?;
    for change in report.changes.iter().filter(|change| change.before.is_none()) {
        printer.info(&format!("  {}", change.name));
    }
    for outcome in &report.outcomes {
        printer.diagnostics(&outcome.diagnostics);
    }
    Ok(())
}
