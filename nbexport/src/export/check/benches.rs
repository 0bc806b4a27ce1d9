//! A benchmark measures what its cell ends in, and has a name of its own.

use super::first_line;
use crate::diagnostic::Diagnostic;
use crate::export::module::{self, NotMeasured};
use crate::notebook::parsed::{ParsedCell, ParsedNotebook, Role};

pub(super) fn check(parsed: &ParsedNotebook<'_>, wrong: &mut Vec<Diagnostic>) {
    let mut setup: Vec<&ParsedCell<'_>> = Vec::new();
    let mut seen: Vec<(&str, &ParsedCell<'_>)> = Vec::new();
    for cell in &parsed.cells {
        if cell.role() == Role::Setup {
            setup.push(cell);
        }
        // In this order: a cell of another role is not to be parsed for this.
        let Role::Bench(name) = cell.role() else { continue };
        let Ok(code) = cell.code() else { continue };
        wrong.extend(module::measured(code).err().map(|why| not_measured(cell, why)));
        if module::question_mark_and_await(code, &setup).1 {
            wrong.push(
                Diagnostic::error("this benchmark, or a setup cell before it, awaits")
                    .at(cell.source(), first_line(cell), "")
                    .note("a benchmark is measured without a runtime")
                    .help(
                        "run what is to be measured in a runtime of its own (`block_on`), inside the closure",
                    ),
            );
        }
        if let Some((_, first)) = seen.iter().find(|(other, _)| *other == name) {
            wrong.push(
                Diagnostic::error(format!("two benchmarks are called `{name}`"))
                    .at(cell.source(), first_line(cell), "called the same")
                    .and_at(first.source(), first_line(first), "first called so here")
                    .help("give each benchmark a name of its own: `//| bench NAME`"),
            );
        }
        seen.push((name, cell));
    }
}

fn not_measured(cell: &ParsedCell<'_>, why: NotMeasured) -> Diagnostic {
    let way_out = "end the cell with the expression to measure, without `;`, or with a call that is given it as a \
                   closure: `timeit(|| f(&x))`";
    match why {
        NotMeasured::NoExpression(span) => {
            let span = if span.is_empty() { first_line(cell) } else { span };
            Diagnostic::error("this benchmark ends in no expression, so it measures nothing")
                .at(cell.source(), span, "no expression")
                .help(way_out)
        }
        NotMeasured::Macro(span) => Diagnostic::error("this benchmark would measure a macro that has no value")
            .at(cell.source(), span, "")
            .note("of `println!` and its kind a benchmark takes the last argument, if that is a call with a closure")
            .help(way_out),
        NotMeasured::Leaves(span) => Diagnostic::error("what a benchmark measures cannot leave it by `?` or `.await`")
            .at(cell.source(), span, "measured many times over")
            .help("take what can fail into the lines before, or end the cell with `timeit(|| f(&x))`, whose `f` returns"),
    }
}
