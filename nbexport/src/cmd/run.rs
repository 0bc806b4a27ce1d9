//! `nbexport run`: the notebooks run, in the kernel or natively, and what comes out is written into them or compared.

use nbexport::diagnostic::Result;
use nbexport::run::outputs::Keep;
use nbexport::run::{Outcome, Progress, native};

use super::report::Reporter;
use super::test::{listen_for_interrupts, options};
use super::{Context, Status, kernel, tell_to_reload};
use crate::cli::{Format, Global, RunArgs};

/// Runs the notebooks, and writes each when it is through.
pub(crate) fn run(args: &RunArgs, global: &Global) -> Result<Status> {
    let keep = match args {
        RunArgs { check: true, .. } => Keep::Check,
        RunArgs { timings: true, .. } => Keep::OutputsAndTimes,
        _ => Keep::Outputs,
    };
    run_and(args, global, keep)
}

/// Runs the notebooks, and does this with each one's outputs.
pub(super) fn run_and(args: &RunArgs, global: &Global, keep: Keep) -> Result<Status> {
    let context = Context::of_notebooks(&args.how.paths, global)?;
    listen_for_interrupts()?;
    let notebooks = context.notebooks_or_all()?;
    let reporter = Reporter::new(context.printer, Format::Text, notebooks.len());
    let options = options(&context.project, &args.how, args.native, keep);
    let tell = |it: Progress<'_>| reporter.tell(&it);
    let outcomes = if args.native {
        native::test(&context.project, &notebooks, &options, &tell)?
    } else {
        let name = args.kernel.as_deref().unwrap_or_default();
        kernel::test(&context.project, &notebooks, (name, &args.server), &options, &tell)?
    };
    let status = reporter.finish(&outcomes, None);
    if !args.check && outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Ran(_))) {
        tell_to_reload(context.printer);
    }
    Ok(status)
}
