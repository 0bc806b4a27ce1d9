//! `nbexport readme`.

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::readme::{self, Options};

use super::{Context, Status};
use crate::cli::{Global, ReadmeArgs};

/// Writes README.md, or shows what would change.
pub(crate) fn run(args: ReadmeArgs, global: &Global) -> Result<Status> {
    let context = Context::new(&[], global)?;
    let report = readme::readme(&context.project, Options { check: args.check, force: args.force })?;
    let printer = &context.printer;
    printer.diagnostics(&report.diagnostics);
    if !args.check {
        let said = if report.is_stale() { "written" } else { "unchanged" };
        printer.info(&format!("README.md: {said}"));
        return Ok(Status::Success);
    }
    if let Some(change) = &report.change {
        printer.diff(&change.diff());
    }
    for picture in &report.pictures {
        printer.info(&format!("{picture}: missing"));
    }
    if !report.is_stale() {
        printer.info("README.md: unchanged");
        return Ok(Status::Success);
    }
    printer.error(
        &Diagnostic::error("README.md is not what `index.ipynb` says")
            .help("run `nbexport readme` and commit the result"),
    );
    Ok(Status::Found)
}
