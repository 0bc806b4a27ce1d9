//! `nbexport test`: a truthful verdict on every cell.

use nbexport::diagnostic::Diagnostic;

use super::{Context, Status, in_kernel};
use crate::cli::{Format, Global, TestArgs};
use crate::printer::Printer;

/// Runs the notebooks and prints a line for each.
pub(crate) fn run(args: &TestArgs, global: &Global) -> Result<Status, Box<Diagnostic>> {
    let context = Context::new(&args.how.paths, global)?;
    let Some(kernel) = &args.kernel else {
        return Err(Box::new(
            Diagnostic::error("notebooks are not run natively yet")
                .help("run them in the kernel: `--kernel`"),
        ));
    };
    let kernel = (!kernel.is_empty()).then_some(kernel.as_str());
    in_kernel::run(&context, kernel, &args.how, |_, outcome| match (outcome, args.format) {
        (Ok((_, run)), Format::Text) => in_kernel::print(context.printer, &run.report),
        (Ok((_, run)), Format::Json) => in_kernel::print_json(&run.report),
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
