//! What `run` and `test --kernel` share: the notebooks of the command line, each in a kernel of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nbexport::diagnostic::Diagnostic;
use nbexport::kernel::{self, KernelOptions, KernelReport, RunOptions, Spec};
use nbexport::notebook::Notebook;
use nbexport::process;
use nbexport::verdict::{NotebookReport, Verdict};
use serde_json::{Value, json};

use super::{Context, Status};
use crate::cli::HowToRun;
use crate::printer::Printer;

/// What came of a notebook: it was run, or could not be.
pub(super) type Outcome = Result<(Notebook, KernelReport), Box<Diagnostic>>;

/// Runs the notebooks, `jobs` at a time. `done` hears of each when it is through, in whatever order that is.
pub(super) fn run(
    context: &Context,
    kernel: Option<&str>,
    how: &HowToRun,
    done: impl Fn(&Path, Outcome) -> Status + Sync,
) -> Result<Status, Box<Diagnostic>> {
    let spec = kernel::find(kernel).map_err(|error| told(&error))?;
    let interrupts = process::stop_on_interrupt();
    interrupts.map_err(|error| Diagnostic::error(format!("cannot listen for interrupts: {error}")))?;
    let all = match &context.notebooks {
        Some(named) => named.clone(),
        None => context.project.notebook_paths()?,
    };
    let one = |path: &PathBuf| {
        let outcome = run_one(context, path, &spec, how);
        done(path, outcome)
    };
    Ok(kernel::side_by_side(&all, how.jobs.into(), one).into_iter().max().unwrap_or(Status::Success))
}

fn run_one(context: &Context, path: &Path, spec: &Spec, how: &HowToRun) -> Outcome {
    let name = context.project.name_of(path);
    let notebook = Notebook::read(path, &name)?;
    if let Some(language) = notebook.language().filter(|language| language != "rust") {
        let message = format!("`{name}` is a notebook in another language: {language}");
        return Err(Box::new(Diagnostic::error(message).help("nbexport runs notebooks in Rust")));
    }
    let mut options = KernelOptions::new(spec.clone(), path.parent().unwrap_or(Path::new(".")));
    options.builds = kernel::builds_dir();
    let timeout = (how.timeout > 0).then(|| Duration::from_secs(how.timeout));
    let options = RunOptions { kernel: options, timeout, keep_going: how.no_fail_fast };
    let report = kernel::run(&notebook, &options, |_| ()).map_err(|error| told(&error))?;
    Ok((notebook, report))
}

/// A kernel's error as a diagnostic; its message holds the way out on a line of its own.
fn told(error: &kernel::Error) -> Box<Diagnostic> {
    let text = error.to_string();
    Box::new(match text.split_once("\nhelp: ") {
        Some((message, help)) => Diagnostic::error(message).help(help),
        None => Diagnostic::error(text),
    })
}

/// Prints a line on a notebook, and all on its failing cells.
pub(super) fn print(printer: Printer, report: &NotebookReport) -> Status {
    for (_, failure) in report.failures() {
        let mut diagnostic = failure.diagnostic.clone();
        if !failure.printed.trim().is_empty() {
            diagnostic = diagnostic.note(format!("it printed:\n{}", last_lines(&failure.printed, 40)));
        }
        printer.error(&diagnostic);
    }
    for cell in &report.cells {
        for test in &cell.tests_not_run {
            printer.info(&format!(
                "{}: `#[test] fn {test}` was not run; a cell that begins with `//| test` is",
                cell.source.name
            ));
        }
    }
    let mut told = vec![format!("{} passed", cells(report.passed()))];
    let others =
        [(report.failed(), "failed"), (report.skipped(), "skipped"), (report.not_reached(), "not reached")];
    told.extend(others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    printer.info(&format!("{}: {} in {:.1} s", report.name, told.join(", "), report.time.as_secs_f64()));
    status(report)
}

/// The same for a program.
pub(super) fn print_json(report: &NotebookReport) -> Status {
    let cells: Vec<Value> = report
        .cells
        .iter()
        .map(|cell| {
            let (verdict, why) = match &cell.verdict {
                Verdict::Passed => ("passed", Value::Null),
                Verdict::Skipped(why) => ("skipped", json!(why)),
                Verdict::NotReached => ("not reached", Value::Null),
                Verdict::Failed(failure) => ("failed", Printer::json(&failure.diagnostic)),
            };
            let printed = match &cell.verdict {
                Verdict::Failed(failure) => json!(failure.printed),
                _ => Value::Null,
            };
            json!({
                "cell": cell.number, "id": cell.source.cell_id, "verdict": verdict, "why": why, "printed": printed,
                "seconds": cell.time.as_secs_f64(), "tests_not_run": cell.tests_not_run,
            })
        })
        .collect();
    Printer::json_line(&json!({
        "notebook": report.name, "cells": cells, "passed": report.passed(), "failed": report.failed(),
        "skipped": report.skipped(), "not_reached": report.not_reached(), "seconds": report.time.as_secs_f64(),
    }));
    status(report)
}

fn status(report: &NotebookReport) -> Status {
    if report.failed() > 0 { Status::Found } else { Status::Success }
}

fn cells(count: usize) -> String {
    format!("{count} {}", if count == 1 { "cell" } else { "cells" })
}

/// The last lines of a text, with a word on how many are left out.
fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    let left_out = lines.len().saturating_sub(most);
    let note = (left_out > 0).then(|| format!("… {left_out} lines before"));
    note.iter().map(String::as_str).chain(lines[left_out..].iter().copied()).collect::<Vec<_>>().join("\n")
}
