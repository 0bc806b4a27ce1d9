//! A notebook that was run → lines for a person, JSON for a program, `JUnit` XML for a CI server.

use std::fmt::Write as _;

use nbexport::diagnostic::Diagnostic;
use nbexport::verdict::{Failure, NotebookReport, Verdict};
use serde_json::{Value, json};

use super::Status;
use crate::printer::Printer;

/// Prints what is wrong with a notebook's cells, and a line on the whole.
pub(crate) fn print(printer: Printer, report: &NotebookReport) -> Status {
    for (_, failure) in report.failures() {
        printer.error(&told(failure));
    }
    for cell in &report.cells {
        for test in &cell.tests_not_run {
            printer.info(&format!(
                "{}: `#[test] fn {test}` was not run; a cell that begins with `//| test` is",
                cell.source.name
            ));
        }
    }
    printer.info(&line(report));
    status(report)
}

/// The failure with what the cell printed.
fn told(failure: &Failure) -> Diagnostic {
    let mut diagnostic = failure.diagnostic.clone();
    if !failure.printed.trim().is_empty() {
        diagnostic = diagnostic.note(format!("it printed:\n{}", last_lines(&failure.printed, 40)));
    }
    diagnostic
}

fn line(report: &NotebookReport) -> String {
    let mut told = vec![count(report.passed(), "cell", " passed")];
    let others =
        [(report.failed(), "failed"), (report.skipped(), "skipped"), (report.not_reached(), "not reached")];
    told.extend(others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    format!("{}: {} in {:.1} s", report.name, told.join(", "), report.time.as_secs_f64())
}

/// A number of things.
pub(crate) fn count(number: usize, what: &str, more: &str) -> String {
    format!("{number} {what}{}{more}", if number == 1 { "" } else { "s" })
}

/// The same for a program, one object for the notebook.
pub(crate) fn json(report: &NotebookReport) -> Value {
    let cells: Vec<Value> = report
        .cells
        .iter()
        .map(|cell| {
            let (verdict, why, printed) = match &cell.verdict {
                Verdict::Passed => ("passed", Value::Null, Value::Null),
                Verdict::Skipped(why) => ("skipped", json!(why), Value::Null),
                Verdict::NotReached => ("not reached", Value::Null, Value::Null),
                Verdict::Failed(failure) => ("failed", Printer::json(&failure.diagnostic), json!(failure.printed)),
            };
            json!({
                "cell": cell.number, "id": cell.source.cell_id, "verdict": verdict, "why": why, "printed": printed,
                "seconds": cell.time.as_secs_f64(), "tests_not_run": cell.tests_not_run,
            })
        })
        .collect();
    json!({
        "notebook": report.name, "cells": cells, "passed": report.passed(), "failed": report.failed(),
        "skipped": report.skipped(), "not_reached": report.not_reached(), "seconds": report.time.as_secs_f64(),
    })
}

/// A notebook that was run, or why it was not.
pub(crate) type Tested<'a> = (&'a str, Result<&'a NotebookReport, String>);

/// All of it as `JUnit` XML: a suite for each notebook, a case for each cell.
pub(crate) fn junit(tested: &[Tested<'_>]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"nbexport\">\n".to_owned();
    for (name, outcome) in tested {
        let name = escaped(name);
        match outcome {
            Err(why) => {
                let _ = writeln!(
                    text,
                    "  <testsuite name=\"{name}\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\n    \
                     <testcase classname=\"{name}\" name=\"the notebook\">\n      <error message=\"{}\"/>\n    \
                     </testcase>\n  </testsuite>\n",
                    escaped(why)
                );
            }
            Ok(report) => {
                let _ = write!(
                    text,
                    "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{:.3}\">",
                    report.cells.len(),
                    report.failed(),
                    report.skipped() + report.not_reached(),
                    report.time.as_secs_f64()
                );
                for cell in &report.cells {
                    let id = cell.source.cell_id.as_deref().unwrap_or_default();
                    let _ = write!(
                        text,
                        "    <testcase classname=\"{name}\" name=\"cell {} ({})\" time=\"{:.3}\"",
                        cell.number,
                        escaped(id),
                        cell.time.as_secs_f64()
                    );
                    text += &match &cell.verdict {
                        Verdict::Passed => "/>\n".to_owned(),
                        Verdict::Skipped(why) => closed(&format!("<skipped message=\"{}\"/>", escaped(why))),
                        Verdict::NotReached => closed("<skipped message=\"not reached\"/>"),
                        Verdict::Failed(failure) => closed(&format!(
                            "<failure message=\"{}\">{}</failure>\n      <system-out>{}</system-out>",
                            escaped(&failure.diagnostic.message),
                            escaped(&failure.diagnostic.render(false)),
                            escaped(&failure.printed)
                        )),
                    };
                }
                text += "  </testsuite>\n";
            }
        }
    }
    text + "</testsuites>\n"
}

fn closed(inner: &str) -> String {
    format!(">\n      {inner}\n    </testcase>\n")
}

/// Text as XML takes it; what XML cannot hold at all is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\n' => escaped += "&#10;",
            '\t' => escaped += "&#9;",
            char if char.is_control() => {}
            char => escaped.push(char),
        }
    }
    escaped
}

/// What a notebook's verdicts amount to.
pub(crate) fn status(report: &NotebookReport) -> Status {
    if report.failed() > 0 { Status::Found } else { Status::Success }
}

/// The last lines of a text, with a word on how many are left out.
fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    let left_out = lines.len().saturating_sub(most);
    let note = (left_out > 0).then(|| format!("… {left_out} lines before"));
    note.iter().map(String::as_str).chain(lines[left_out..].iter().copied()).collect::<Vec<_>>().join("\n")
}
