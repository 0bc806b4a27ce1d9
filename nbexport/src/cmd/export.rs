//! `nbexport [PATH]…` and `nbexport export`.

use std::collections::HashSet;

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::export::module::Target;
use nbexport::export::{self, Exported, Options, Outcome, Report};
use serde_json::json;

use super::{Context, Status, count};
use crate::cli::{ExportArgs, Format, Global};
use crate::printer::Printer;

/// Exports, and prints a line for each notebook.
pub(crate) fn run(args: &ExportArgs, global: &Global) -> Result<Status> {
    let context = Context::new(&args.paths, global)?;
    let options = Options { check: args.check, force: args.force };
    let report = export::export(&context.project, context.notebooks.as_deref(), &options)?;
    match args.format {
        Format::Text | Format::Github => print(&report, &context, args.check),
        Format::Json => print_json(&report, &context),
    }
    Ok(status(&report, args.check))
}

fn status(report: &Report, check: bool) -> Status {
    let bad = report.outcomes.iter().any(Outcome::is_bad);
    if report.outcomes.iter().any(|outcome| outcome.failed)
        || report.diagnostics.iter().any(Diagnostic::is_error)
    {
        Status::Failed
    } else if bad
        || check && (!report.changes.is_empty() || report.diagnostics.iter().any(|it| it.is_finding))
    {
        Status::Found
    } else {
        Status::Success
    }
}

fn print(report: &Report, context: &Context, check: bool) {
    let printer = &context.printer;
    // What two notebooks have in common is said once.
    let mut said: Vec<&Diagnostic> = Vec::new();
    let all = report.outcomes.iter().flat_map(|outcome| &outcome.diagnostics).chain(&report.diagnostics);
    for diagnostic in all {
        if !said.contains(&diagnostic) {
            printer.error(diagnostic);
            said.push(diagnostic);
        }
    }
    if check {
        for change in &report.changes {
            printer.diff(&change.diff());
        }
    }
    if report.outcomes.is_empty() {
        printer.info(&format!("no notebooks in `{}`", context.project.name_of(&context.project.notebooks)));
    }
    let changed: HashSet<&str> = report.changes.iter().map(|change| change.name.as_str()).collect();
    let held_back = report.diagnostics.iter().any(Diagnostic::is_error);
    let said = |name: &str| match (changed.contains(name), check) {
        _ if held_back => "not exported",
        (false, _) => "unchanged",
        (true, true) => "stale",
        (true, false) => "exported",
    };
    for outcome in &report.outcomes {
        for line in lines(outcome, context, said) {
            printer.info(&line);
        }
    }
    let modules = report.outcomes.iter().flat_map(|outcome| &outcome.modules);
    let of_notebooks: HashSet<String> = modules.map(|module| name_of(module, context)).collect();
    for change in &report.changes {
        if !of_notebooks.contains(&change.name) {
            printer.info(&format!("{} {}", change.name, if check { "is stale" } else { "updated" }));
        }
    }
    if check && !report.changes.is_empty() {
        printer.error(
            &Diagnostic::error("the crate is not what the notebooks say")
                .help("run `nbexport` and commit the result"),
        );
    }
}

/// One line for each file a notebook goes to: from, to, how much.
fn lines(outcome: &Outcome, context: &Context, said: impl Fn(&str) -> &'static str) -> Vec<String> {
    if outcome.is_bad() {
        let errors = outcome.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
        return vec![format!("{}: not exported, {}", outcome.notebook, count(errors, "error"))];
    }
    if outcome.modules.is_empty() {
        return vec![format!("{}: nothing to export", outcome.notebook)];
    }
    outcome
        .modules
        .iter()
        .map(|module| {
            let to = name_of(module, context);
            let held = match module.target {
                Target::Bench => count(module.cells, "benchmark"),
                _ => format!("{}, {}", count(module.cells, "cell"), count(module.tests, "test")),
            };
            format!("{} → {to}: {held}, {}", outcome.notebook, said(&to))
        })
        .collect()
}

/// How messages call a file of the crate.
fn name_of(module: &Exported, context: &Context) -> String {
    context.project.name_of(&context.project.krate.join(&module.path))
}

fn print_json(report: &Report, context: &Context) {
    let diagnostics = |all: &[Diagnostic]| all.iter().map(Printer::json).collect::<Vec<_>>();
    for outcome in &report.outcomes {
        let modules: Vec<_> = outcome
            .modules
            .iter()
            .map(|module| {
                let path = name_of(module, context);
                json!({ "name": module.name, "path": path, "cells": module.cells, "tests": module.tests })
            })
            .collect();
        Printer::json_line(&json!({
            "notebook": outcome.notebook,
            "modules": modules,
            "changed": outcome.changed,
            "diagnostics": diagnostics(&outcome.diagnostics),
        }));
    }
    let changes: Vec<_> = report.changes.iter().map(|change| change.name.clone()).collect();
    Printer::json_line(&json!({ "changes": changes, "diagnostics": diagnostics(&report.diagnostics) }));
}
