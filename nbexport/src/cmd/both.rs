//! `nbexport test --both`: what the two engines say of each cell, side by side where they differ.

use nbexport::run::Outcome;
use nbexport::run::verdict::{CellReport, Verdict};

use super::{Status, count};
use crate::printer::Printer;

/// Prints the cells of which the engines say different things, and tells whether there are any. Where an engine says
/// that it did not come to a cell, or that the notebook needs the kernel, it says nothing of the cell.
pub(super) fn compare(
    printer: Printer,
    native: &[(String, Outcome)],
    kernel: &[(String, Outcome)],
) -> Status {
    let mut lines = Vec::new();
    let mut compared = 0;
    for (name, outcome) in native {
        let other = kernel.iter().find(|(other, _)| other == name);
        let (Outcome::Ran(native), Some((_, Outcome::Ran(kernel)))) = (outcome, other) else { continue };
        for cell in &native.cells {
            let Some(other) = kernel.cells.iter().find(|other| other.number == cell.number) else { continue };
            let (Some(natively), Some(in_kernel)) = (said(cell), said(other)) else { continue };
            compared += 1;
            if natively != in_kernel {
                lines.push(format!("{}: natively {natively}, in the kernel {in_kernel}", cell.source.name));
            }
        }
    }
    for line in &lines {
        printer.passed_on(line);
    }
    printer.info(&match lines.len() {
        0 => format!("the engines agree on {}", count(compared, "cell")),
        differ => format!("of {} the engines judge {differ} differently", count(compared, "cell")),
    });
    if lines.is_empty() { Status::Success } else { Status::Found }
}

/// What an engine says of a cell.
fn said(cell: &CellReport) -> Option<&'static str> {
    match cell.verdict {
        Verdict::Passed => Some("passed"),
        Verdict::Failed(_) => Some("failed"),
        Verdict::Skipped(_) | Verdict::NotReached => None,
    }
}
