//! `nbexport run`: the notebooks run in the kernel, and what comes out is written into them.

use nbexport::diagnostic::Diagnostic;
use nbexport::kernel;

use super::{Context, Status, in_kernel, report};
use crate::cli::{Global, RunArgs};

/// Runs the notebooks, and writes each when it is through.
pub(crate) fn run(args: &RunArgs, global: &Global) -> Result<Status, Box<Diagnostic>> {
    let context = Context::new(&args.how.paths, global)?;
    in_kernel::run(&context, args.kernel.as_deref(), &args.how, |path, outcome| {
        let written = outcome.and_then(|(notebook, run)| {
            kernel::write(path, &notebook, &run)?;
            Ok(report::print(context.printer, &run.report))
        });
        written.unwrap_or_else(|diagnostic| {
            context.printer.error(&diagnostic);
            Status::Failed
        })
    })
}
