//! `nbexport run`: the notebooks run in the kernel, and what comes out is written into them.

use nbexport::diagnostic::Result;
use nbexport::run::Outcome;
use nbexport::run::kernel;
use nbexport::run::outputs::Keep;

use super::report::Reporter;
use super::test::{listen_for_interrupts, options};
use super::{Context, Status, tell_to_reload};
use crate::cli::{Format, Global, RunArgs};

/// Runs the notebooks, and writes each when it is through.
pub(crate) fn run(args: &RunArgs, global: &Global) -> Result<Status> {
    let context = Context::of_notebooks(&args.how.paths, global)?;
    let spec = kernel::find(args.kernel.as_deref())?;
    listen_for_interrupts()?;
    let notebooks = context.notebooks_or_all()?;
    let reporter = Reporter::new(context.printer, Format::Text, notebooks.len());
    let mut options = options(&context.project, &args.how, None);
    options.keep = if args.timings { Keep::OutputsAndTimes } else { Keep::Outputs };
    let outcomes = kernel::test(&context.project, &notebooks, &spec, &options, &|it| reporter.tell(&it));
    let status = reporter.finish(&outcomes);
    if outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Ran(_))) {
        tell_to_reload(context.printer);
    }
    Ok(status)
}
