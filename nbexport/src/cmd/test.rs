//! `nbexport test`: a truthful verdict on every cell, natively or (`--kernel`) in the evcxr kernel.

use nbexport::diagnostic::Diagnostic;

use super::{Context, Status, in_kernel, in_program, report};
use crate::cli::{Format, Global, TestArgs};
use crate::printer::Printer;

/// Runs the notebooks and prints a line for each.
pub(crate) fn run(args: &TestArgs, global: &Global) -> Result<Status, Box<Diagnostic>> {
    let context = Context::new(&args.how.paths, global)?;
    let Some(kernel) = &args.kernel else {
        return in_program::test(args, &context);
    };
    let kernel = (!kernel.is_empty()).then_some(kernel.as_str());
    in_kernel::run(&context, kernel, &args.how, |_, outcome| match (outcome, args.format) {
        (Ok((_, run)), Format::Text) => report::print(context.printer, &run.report),
        (Ok((_, run)), Format::Json) => {
            Printer::json_line(&report::json(&run.report));
            report::status(&run.report)
        }
        (Err(diagnostic), Format::Text) => {
            context.printer.error(&diagnostic);
            Status::Failed
        }
        (Err(diagnostic), Format::Json) => {
            Printer::json_line(&Printer::json(&diagnostic));
            Status::Failed
        }
    })
}
