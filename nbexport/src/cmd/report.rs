//! The notebooks that run, told while they do: a bar for a person who waits, lines on each, JSON for a program.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use nbexport::diagnostic::{Diagnostic, visible};
use nbexport::run::verdict::{CellReport, Failure, NotebookReport, Verdict};
use nbexport::run::{Outcome, Progress};
use serde_json::{Value, json};

use super::{Status, count};
use crate::cli::Format;
use crate::printer::Printer;

/// Tells what is going on.
pub(super) struct Reporter {
    printer: Printer,
    format: Format,
    bar: ProgressBar,
    began: Instant,
    notebooks: usize,
}

impl Reporter {
    /// For a number of notebooks.
    pub(super) fn new(printer: Printer, format: Format, notebooks: usize) -> Self {
        Self { printer, format, bar: bar(printer, notebooks), began: Instant::now(), notebooks }
    }

    /// Tells one thing.
    pub(super) fn tell(&self, progress: &Progress<'_>) {
        let Self { printer, format, bar, .. } = self;
        match progress {
            Progress::Building(line) => bar.set_message(visible(line).into_owned()),
            Progress::Cell(notebook, cell) => bar.set_message(format!("{}:cell {cell}", visible(notebook))),
            Progress::Warning(warning) => bar.suspend(|| printer.error(warning)),
            Progress::Note(note) => bar.suspend(|| printer.note(note)),
            Progress::Done(name, outcome) => {
                bar.suspend(|| match format {
                    // What several notebooks take to compile is told of all of them, in the end.
                    Format::Text | Format::Github => {
                        tell(*printer, name, outcome, (self.notebooks == 1).then(|| self.began.elapsed()));
                    }
                    Format::Json => Printer::json_line(&json(name, outcome)),
                });
                bar.inc(1);
            }
        }
    }

    /// Takes the bar away: something else is to be printed.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Sums up. `broken` says of the crate that it does not compile.
    pub(super) fn finish(&self, outcomes: &[(String, Outcome)], broken: Option<&Diagnostic>) -> Status {
        self.clear();
        if self.format != Format::Json && outcomes.len() > 1 {
            let bad = outcomes.iter().filter(|(_, outcome)| outcome.is_bad()).count();
            let all = count(outcomes.len(), "notebook");
            let took = format!("in {:.1} s", self.began.elapsed().as_secs_f64());
            self.printer.info(&match bad {
                0 if broken.is_some() => format!("{all}: all passed {took}, but the crate does not compile"),
                0 => format!("{all}: all passed {took}"),
                bad => format!("{all}: {} passed, {bad} not {took}", outcomes.len() - bad),
            });
        }
        status(outcomes).max(if broken.is_some() { Status::Found } else { Status::Success })
    }
}

/// What all notebooks amount to.
pub(super) fn status(outcomes: &[(String, Outcome)]) -> Status {
    outcomes.iter().map(|(_, outcome)| status_of(outcome)).max().unwrap_or(Status::Success)
}

/// A bar for a person who waits; nothing where no one looks.
fn bar(printer: Printer, length: usize) -> ProgressBar {
    if printer.is_quiet() || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} [{elapsed}] {wide_msg}");
    let bar =
        ProgressBar::new(length as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn tell(printer: Printer, name: &str, outcome: &Outcome, all: Option<Duration>) {
    match outcome {
        Outcome::Ran(report) => tell_cells(printer, report, all),
        Outcome::Unable(diagnostic) => {
            printer.error(diagnostic);
            printer.info(&format!("{name}: not run"));
        }
        Outcome::NotBegun => {
            printer.info(&format!(
                "{name}: not begun, since another notebook failed (`--no-fail-fast` goes on)"
            ));
        }
    }
}

/// What is wrong with a notebook's cells, and a line on the whole.
fn tell_cells(printer: Printer, report: &NotebookReport, all: Option<Duration>) {
    for (_, failure) in report.failures() {
        printer.error(&told(failure));
    }
    for stale in &report.stale {
        printer.error(stale);
    }
    for cell in &report.cells {
        for test in &cell.tests_not_run {
            printer.info(&format!(
                "{}: `#[test] fn {test}` was not run; a cell that begins with `//| test` is",
                cell.source.name
            ));
        }
    }
    let all = all.map(|all| format!(" ({:.1} s with compiling)", all.as_secs_f64()));
    printer.info(&(line(report) + &all.unwrap_or_default()));
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
    let mut told = vec![count(report.passed(), "cell") + " passed"];
    let flags: BTreeSet<_> = report.cells.iter().filter_map(left_out_by).collect();
    let skipped = match flags.into_iter().collect::<Vec<_>>().join(",") {
        flags if flags.is_empty() => "skipped".to_owned(),
        flags => format!("skipped (`--flags {flags}` runs more)"),
    };
    let others =
        [(report.failed(), "failed"), (report.skipped(), &*skipped), (report.not_reached(), "not reached")];
    told.extend(others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    if !report.stale.is_empty() {
        told.push(format!("{} with other outputs than in the notebook", report.stale.len()));
    }
    if report.unchanged {
        return format!("{}: {}, unchanged (`--fresh` runs it)", report.name, told.join(", "));
    }
    format!("{}: {} in {:.1} s", report.name, told.join(", "), report.time.as_secs_f64())
}

/// The flags for want of which a cell was skipped.
fn left_out_by(cell: &CellReport) -> Option<String> {
    match &cell.verdict {
        Verdict::Skipped(why) => Some(why.strip_prefix("flags: ")?.replace(' ', ",")),
        _ => None,
    }
}

/// The same for a program, one object for the notebook.
fn json(name: &str, outcome: &Outcome) -> Value {
    let report = match outcome {
        Outcome::Ran(report) => report,
        Outcome::Unable(diagnostic) => return json!({ "notebook": name, "error": Printer::json(diagnostic) }),
        Outcome::NotBegun => return json!({ "notebook": name, "not_begun": true }),
    };
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
        "unchanged": report.unchanged, "skipped": report.skipped(), "not_reached": report.not_reached(), "seconds": report.time.as_secs_f64(),
    })
}

/// The last lines of a text, with a word on how many are left out.
fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    let left_out = lines.len().saturating_sub(most);
    let note = (left_out > 0).then(|| format!("… {left_out} lines before"));
    note.iter().map(String::as_str).chain(lines[left_out..].iter().copied()).collect::<Vec<_>>().join("\n")
}

/// What a notebook amounts to.
fn status_of(outcome: &Outcome) -> Status {
    match outcome {
        Outcome::Ran(report) if report.failed() > 0 || !report.stale.is_empty() => Status::Found,
        Outcome::Ran(_) | Outcome::NotBegun => Status::Success,
        Outcome::Unable(why) if why.is_finding => Status::Found,
        Outcome::Unable(_) => Status::Failed,
    }
}
