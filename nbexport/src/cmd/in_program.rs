//! What `test` does without `--kernel`: the notebooks of the command line, each as a program of its own.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use nbexport::diagnostic::Diagnostic;
use nbexport::native::{self, Options, Outcome, Progress, Select};
use nbexport::process;
use serde_json::json;

use super::report::{self, count};
use super::{Context, Status};
use crate::cli::{Format, TestArgs};
use crate::printer::Printer;

/// Runs the notebooks and prints a line for each.
pub(super) fn test(args: &TestArgs, context: &Context) -> Result<Status, Box<Diagnostic>> {
    let interrupts = process::stop_on_interrupt();
    interrupts.map_err(|error| Diagnostic::error(format!("cannot listen for interrupts: {error}")))?;
    let paths = match &context.notebooks {
        Some(named) => named.clone(),
        None => context.project.notebook_paths()?,
    };
    let options = Options {
        jobs: args.how.jobs.into(),
        timeout: (args.how.timeout > 0).then(|| Duration::from_secs(args.how.timeout)),
        keep_going: args.how.no_fail_fast,
        select: args.filter.as_deref().map(Select::parse).unwrap_or_default(),
    };
    let printer = context.printer;
    let bar = bar(printer, paths.len());
    let outcomes = native::test(&context.project, &paths, &options, &|progress| match progress {
        Progress::Building(line) => bar.set_message(line.to_owned()),
        Progress::Cell(notebook, cell) => bar.set_message(format!("{notebook}:cell {cell}")),
        Progress::Warning(warning) => bar.suspend(|| printer.error(warning)),
        Progress::Note(note) => bar.suspend(|| printer.note(note)),
        Progress::Done(name, outcome) => {
            bar.suspend(|| tell(printer, args.format, name, outcome));
            bar.inc(1);
        }
    })?;
    bar.finish_and_clear();
    if outcomes.is_empty() {
        let filter = args.filter.as_deref().unwrap_or_default();
        return Err(Box::new(if filter.is_empty() {
            Diagnostic::error("there is no notebook to test")
        } else {
            Diagnostic::error(format!("no notebook and cell fits `--filter {filter}`"))
                .help("write a part of a notebook's name, and a cell's number or id behind a colon: `02:14`")
        }));
    }
    if let Some(file) = &args.junit {
        write_junit(file, &outcomes)?;
    }
    if args.format == Format::Text && outcomes.len() > 1 {
        sum_up(printer, &outcomes);
    }
    Ok(outcomes.iter().map(|(_, outcome)| status(outcome)).max().unwrap_or(Status::Success))
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

fn tell(printer: Printer, format: Format, name: &str, outcome: &Outcome) {
    match (outcome, format) {
        (Outcome::Ran(run), Format::Text) => {
            report::print(printer, run);
        }
        (Outcome::Ran(run), Format::Json) => Printer::json_line(&report::json(run)),
        (Outcome::Unable(diagnostic), Format::Text) => {
            printer.error(diagnostic);
            printer.info(&format!("{name}: not run"));
        }
        (Outcome::Unable(diagnostic), Format::Json) => {
            Printer::json_line(&json!({ "notebook": name, "error": Printer::json(diagnostic) }));
        }
        (Outcome::NotBegun, Format::Text) => {
            printer.info(&format!(
                "{name}: not begun, since another notebook failed (`--no-fail-fast` goes on)"
            ));
        }
        (Outcome::NotBegun, Format::Json) => {
            Printer::json_line(&json!({ "notebook": name, "not_begun": true }));
        }
    }
}

fn status(outcome: &Outcome) -> Status {
    match outcome {
        Outcome::Ran(run) => report::status(run),
        Outcome::Unable(_) => Status::Failed,
        Outcome::NotBegun => Status::Success,
    }
}

fn sum_up(printer: Printer, outcomes: &[(String, Outcome)]) {
    let bad = outcomes.iter().filter(|(_, outcome)| outcome.is_bad()).count();
    let all = count(outcomes.len(), "notebook", "");
    printer.info(&match bad {
        0 => format!("{all}: all passed"),
        bad => format!("{all}: {} passed, {bad} not", outcomes.len() - bad),
    });
}

fn write_junit(file: &std::path::Path, outcomes: &[(String, Outcome)]) -> Result<(), Box<Diagnostic>> {
    let tested: Vec<report::Tested<'_>> = outcomes
        .iter()
        .map(|(name, outcome)| {
            let result = match outcome {
                Outcome::Ran(run) => Ok(run),
                Outcome::Unable(diagnostic) => Err(diagnostic.message.clone()),
                Outcome::NotBegun => Err("not begun, since another notebook failed".to_owned()),
            };
            (name.as_str(), result)
        })
        .collect();
    nbexport::krate::replace(file, &report::junit(&tested))
        .map_err(|error| Box::new(Diagnostic::error(format!("cannot write `{}`: {error}", file.display()))))
}
