//! Are the outputs in a notebook what its cells put out? A snapshot test of the whole notebook.
//!
//! What differs from run to run by nature is taken off both sides: execution counts, the place and the thread that a
//! panic names, backtraces, what a picture's file says beside the picture, and what the project declares.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::Value;

use super::{Output, Ran, picture};
use crate::diagnostic::{Diagnostic, Result};
use crate::notebook::directive::{self, Directives, Kind};
use crate::notebook::{Cell, Notebook, header, joined};
use crate::project::Project;
use crate::run::verdict::{NotebookReport, Verdict};

/// What of a text may differ.
pub(super) struct Volatile(Vec<(Regex, &'static str)>);

impl Volatile {
    /// What the project declares, and what always may.
    pub(super) fn of(project: &Project) -> Result<Self> {
        let declared = project.volatile.iter().map(|pattern| {
            Regex::new(pattern).map(|pattern| (pattern, "…")).map_err(|error| {
                Diagnostic::error(format!("`{pattern}` in `volatile` is no regular expression: {error}"))
                    .help("mend it in `[workspace.metadata.nbexport]`: `volatile = ['\\d+ ms']`, say")
            })
        });
        let always = [
            // The number of the thread is another one each time, and the place is in the engine's own file.
            (r"(?m)^thread '[^']*'( \(\d+\))? panicked at [^\n]*$", "a panic:"),
            (r"(?m)^stack backtrace:\n(\s+[^\n]*\n)*", ""),
            (r"(?m)^note: (run with `RUST_BACKTRACE|Some details are omitted)[^\n]*\n?", ""),
            // Said by evcxr alone, of what it keeps between cells.
            (r"(?m)^The type of the variable [^\n]* was redefined, so was lost\.\n?", ""),
            // What `dbg!` begins with.
            (r"(?m)^\[[^\]\n]*:\d+:\d+\]", "[]"),
        ];
        let always = always.iter().filter_map(|(pattern, to)| Some((Regex::new(pattern).ok()?, *to)));
        Ok(Self(declared.collect::<Result<Vec<_>>>()?.into_iter().chain(always).collect()))
    }

    fn without(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, (pattern, to)| pattern.replace_all(&text, *to).into_owned())
    }
}

/// What is wrong with the outputs of a notebook that ran: something for each cell whose outputs are others now.
pub(super) fn compare(notebook: &Notebook, report: &NotebookReport, volatile: &Volatile) -> Vec<Diagnostic> {
    let cells = notebook.cells.iter().filter(|cell| cell.is_code()).zip(&report.cells);
    let stale = cells.filter_map(|(cell, report)| {
        let ran = report.ran.as_ref().filter(|_| report.verdict == Verdict::Passed)?;
        let (kept, now) = both(notebook, cell, ran, volatile)?;
        (kept != now).then(|| stale(cell, &kept, &now))
    });
    stale.collect()
}

/// Whether what stands in the notebook may stay: it is what the cell put out, or may differ from it.
pub(super) fn is_current(notebook: &Notebook, cell: &Cell, ran: &Ran, volatile: &Volatile) -> bool {
    match both(notebook, cell, ran, volatile) {
        Some((kept, now)) => kept == now,
        None => !notebook.outputs(cell).is_empty(),
    }
}

/// The outputs in the notebook and those of the run, as they are compared; `None` for a cell whose outputs may be others.
fn both(notebook: &Notebook, cell: &Cell, ran: &Ran, volatile: &Volatile) -> Option<(Parts, Parts)> {
    let (directives, _) = directive::parse(cell);
    if directives.has(&Kind::Volatile) || cell.has_tag("nbval-ignore-output") {
        return None;
    }
    let now: Vec<Value> = ran.outputs.iter().filter(|it| !it.is_unit()).map(Output::to_nbformat).collect();
    let parts = |outputs: &[Value]| parts(outputs, cell, &directives, volatile);
    Some((parts(&notebook.outputs(cell)), parts(&now)))
}

/// What of a cell's outputs is compared, by what it is called in messages.
type Parts = BTreeMap<String, String>;

fn parts(outputs: &[Value], cell: &Cell, directives: &Directives, volatile: &Volatile) -> Parts {
    let is_to_panic = directives.has(&Kind::ShouldPanic) || cell.has_tag("raises-exception");
    let mut parts = Parts::new();
    let mut results = 0;
    for output in outputs {
        match output["output_type"].as_str().unwrap_or_default() {
            // JupyterLab may keep one stream in several pieces, with the other's between.
            "stream" => {
                let name = output["name"].as_str().unwrap_or("stdout");
                // How a panic and an error are told is the engine's own.
                if !(is_to_panic && name == "stderr") {
                    *parts.entry(name.to_owned()).or_default() += &joined(&output["text"]);
                }
            }
            "error" => {
                *parts.entry("error".to_owned()).or_default() +=
                    output["evalue"].as_str().unwrap_or_default();
            }
            _ => {
                results += 1;
                let data = output["data"].as_object();
                for (mime, content) in data.into_iter().flatten() {
                    let of = if results == 1 { String::new() } else { format!(" of output {results}") };
                    parts.insert(format!("{mime}{of}"), content_of(mime, content));
                }
            }
        }
    }
    for (name, part) in &mut parts {
        if !name.starts_with("image/") || name.starts_with("image/svg") {
            *part = volatile.without(part);
        }
    }
    parts.retain(|_, part| !part.is_empty());
    parts
}

fn content_of(mime: &str, content: &Value) -> String {
    match content {
        Value::String(_) | Value::Array(_)
            if mime.starts_with("image/") && !mime.starts_with("image/svg") =>
        {
            picture::content(&joined(content))
        }
        Value::String(_) | Value::Array(_) => joined(content).trim_end().to_owned(),
        other => other.to_string(),
    }
}

fn stale(cell: &Cell, kept: &Parts, now: &Parts) -> Diagnostic {
    let mut diagnostic = Diagnostic::error("the output in the notebook is not what the cell puts out")
        .at(&cell.source, header::first_code(&cell.source.text), "")
        .help("`nbexport run` writes what it puts out; begin the cell with `//| volatile` if it may differ");
    let names: std::collections::BTreeSet<_> = kept.keys().chain(now.keys()).collect();
    for name in names {
        diagnostic = match (kept.get(name), now.get(name)) {
            (Some(kept), Some(now)) if kept == now => diagnostic,
            (Some(_), Some(_)) if is_picture(name) => diagnostic.note(format!("{name}: another picture")),
            (Some(kept), Some(now)) => diagnostic.note(format!("{name}:\n{}", difference(kept, now))),
            (Some(_), None) if is_picture(name) => diagnostic.note(format!("{name}: there is none any more")),
            (None, Some(_)) if is_picture(name) => diagnostic.note(format!("{name}: it is missing")),
            (Some(kept), None) => {
                diagnostic.note(format!("{name}: there is none any more\n{}", difference(kept, "")))
            }
            (None, now) => diagnostic
                .note(format!("{name}: it is missing\n{}", difference("", now.map_or("", String::as_str)))),
        };
    }
    diagnostic
}

fn is_picture(name: &str) -> bool {
    name.starts_with("image/")
}

/// The lines that differ, with a few around; of very many, the first.
fn difference(kept: &str, now: &str) -> String {
    const MOST: usize = 20;
    let diff = similar::TextDiff::from_lines(kept, now);
    let unified = diff.unified_diff().context_radius(1).to_string();
    let lines: Vec<&str> =
        unified.lines().filter(|line| !line.starts_with("@@") && !line.starts_with('\\')).collect();
    let rest = lines.len().saturating_sub(MOST);
    let mut shown: Vec<String> = lines.iter().take(MOST).map(|line| (*line).to_owned()).collect();
    if rest > 0 {
        shown.push(format!("… {rest} lines more"));
    }
    shown.join("\n")
}
