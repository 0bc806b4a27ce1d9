//! `nbexport cargo …`: cargo's own words, about cells.

use std::path::Path;

use nbexport::cargo::{self, Said};
use nbexport::diagnostic::Result;
use nbexport::project::Project;

use super::Status;
use crate::cli::{CargoArgs, Global};
use crate::printer::Printer;

/// Runs cargo; ends as it ends.
pub(crate) fn run(args: &CargoArgs, global: &Global) -> Result<Status> {
    let printer = Printer::new(global);
    let project = Project::discover(Path::new("."), global.krate.as_deref())?;
    let code = cargo::run(&project, &args.args, printer.colors_errors(), &|said| match said {
        Said::Out(line) => printer.info(&line),
        Said::Error(text) => printer.raw_error(&text),
        Said::Json(value) => Printer::json_line(&value),
        Said::Diagnostic(diagnostic) => printer.error(&diagnostic),
    })?;
    Ok(match code {
        0 => Status::Success,
        // What cargo was not able to begin is no finding.
        1 => Status::Failed,
        _ => Status::Found,
    })
}
