//! What the compiler says and how a program ended → a verdict on a cell, at the cell's own line.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::build::{self, Build, Built};
use super::keep::Answer;
use super::primary;
use super::program::{Line, Program};
use super::run::{CellRun, End, Ran};
use super::subject::Subject;
use crate::diagnostic::{Diagnostic, Source};
use crate::notebook::header::first_code;
use crate::places::{Place, Places};
use crate::run::verdict::{Failure, FailureKind, Verdict};

/// Which line of the program a compiler's error is about, and the error as it is shown in its cell.
pub(super) struct Culprit {
    pub(super) line: Line,
    pub(super) diagnostic: Diagnostic,
    /// The line of the program that asks about a variable, and the variable, if the error has to do with such a line.
    pub(super) asked: Option<(Line, String)>,
}

/// `None`: the error is about no cell.
pub(super) fn culprit(message: &Value, program: &Program, places: &Places, file: &str) -> Option<Culprit> {
    let spans = message["spans"].as_array()?;
    // The place itself, then where a macro of another crate was called, then any place at all.
    let first = primary(message)?;
    let here = |span: &Value| {
        let line = usize::try_from(span["line_start"].as_u64()?).ok()?;
        (span["file_name"] == file).then(|| Some((line, *program.lines.get(line - 1)?)))?
    };
    let of_frame = |line: &Line| *line == Line::Frame;
    let mut line = std::iter::successors(Some(first), |span| span.get("expansion")?.get("span"))
        .chain(spans)
        .filter_map(here)
        .map(|(_, line)| line)
        .find(|line| !of_frame(line))?;
    if latest_is_to_blame(message) {
        let notes = message["children"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|child| child["spans"].as_array());
        let all = notes.flatten().chain(spans).filter_map(here).map(|(_, line)| line);
        line = all.filter(|line| !of_frame(line)).max_by_key(Line::number).unwrap_or(line);
    }
    // Where one variable is taken while another borrows from it, the other is the one in question.
    let is_later_use =
        |span: &&Value| span["label"].as_str().is_some_and(|label| label.contains("later used"));
    let mut asking = spans.iter().filter(is_later_use).chain(spans).filter_map(here);
    let asked = asking.find_map(|(at, line)| match line {
        Line::Known(_) | Line::Lasts(_) | Line::Borrows(_) => Some((line, program.asks(at)?)),
        _ => None,
    });
    let text = message["message"].as_str().unwrap_or_default();
    let start = std::iter::successors(Some(first), |span| span.get("expansion")?.get("span"))
        .find_map(|span| Some((places.start_of(span)?, places.end_of(span))));
    let diagnostic = match start {
        Some((start, end)) => {
            let from = start.offset();
            let to = end.filter(|end| end.cell == start.cell).map_or(from, |end| end.offset()).max(from);
            let rendered = message["rendered"].as_str().unwrap_or_default();
            let returns = matches!(message["code"]["code"].as_str(), Some("E0069" | "E0308"))
                && (rendered.contains("__nbexport_notebook()") || rendered.contains("`Infallible`"));
            if returns {
                Diagnostic::error("a `return` in the midst of a cell: the kernel takes the cell for one that failed")
                    .at(&start.source, from..to, "")
                    .help("put what is to end early into a function, or into a block: `'early: { … break 'early; … }`")
            } else {
                Diagnostic::error(coded(message))
                    .at(&start.source, from..to, "")
                    .as_rendered(places.rewrite_rendered(rendered).trim_end().to_owned() + "\n")
            }
        }
        None => Diagnostic::error(text.to_owned()),
    };
    Some(Culprit { line, diagnostic, asked })
}

/// What an error tells of a variable, where it is no more than the answer to a question.
pub(super) fn answer(message: &Value, culprit: &Culprit) -> Option<((usize, String), Answer)> {
    let (line, name) = culprit.asked.as_ref()?;
    let code = message["code"]["code"].as_str().unwrap_or_default();
    let answer = match line {
        // Whether it was moved by the end of its cell is asked next.
        Line::Borrows(_) if !NOT_KNOWN.contains(&code) => Answer::Borrows,
        // Nothing is left to be kept.
        Line::Lasts(_) if code == "E0382" && culprit.line == *line => Answer::Moved,
        _ => return None,
    };
    Some(((line.number()?, name.clone()), answer))
}

/// Errors about types that are not known.
const NOT_KNOWN: &[&str] = &["E0282", "E0283", "E0284"];

/// Whether an error is shown where something is defined, though the cell that came last brought it about: two `impl`s that
/// are the same, a method that there is twice, a constant that cannot be computed for the types it is used with.
fn latest_is_to_blame(message: &Value) -> bool {
    matches!(message["code"]["code"].as_str(), Some("E0592" | "E0034" | "E0119" | "E0080"))
}

fn coded(message: &Value) -> String {
    let text = message["message"].as_str().unwrap_or_default();
    match message["code"]["code"].as_str() {
        Some(code) if code.starts_with('E') => format!("{text} [{code}]"),
        _ => text.to_owned(),
    }
}

/// What is said of a closing expression whose value cannot be shown.
pub(super) fn unshown(message: &Value) -> Diagnostic {
    let text = message["message"].as_str().unwrap_or_default();
    if message["code"]["code"] != "E0599" {
        return Diagnostic::error(coded(message));
    }
    let name = text.split('`').nth(3).unwrap_or("the value").trim_start_matches('&');
    Diagnostic::error(format!("`{name}` cannot be shown: it has neither `Debug` nor an `evcxr_display`"))
        .help(format!("derive it, `#[derive(Debug)]`, or end the cell in `;` to show nothing of `{name}`"))
}

/// Several errors of one cell as one.
pub(super) fn joined(mut diagnostics: Vec<Diagnostic>) -> Diagnostic {
    if diagnostics.len() == 1 {
        return diagnostics.remove(0);
    }
    let rendered: Vec<String> =
        diagnostics.iter().map(|it| it.render(true).trim_end().to_owned() + "\n").collect();
    diagnostics.remove(0).as_rendered(rendered.join("\n"))
}

/// What is said of a variable that the kernel could not keep.
pub(super) fn not_kept(message: &Value, name: &str, is_known: bool) -> Diagnostic {
    if is_known {
        return Diagnostic::error(format!(
            "`{name}` borrows from another variable, and the kernel cannot keep such a one"
        ))
        .note(coded(message))
        .help("clone what it borrows, or put braces around the lines that need it");
    }
    Diagnostic::error(format!(
        "the type of `{name}` is not known by the end of its cell, when the kernel needs it"
    ))
    .help(format!("say it: `let {name}: Vec<f64> = …`"))
}

/// Whether a compiler's error says that one of these names is not known: what the cell needs was in one that is left out.
pub(super) fn is_missing(message: &Value, names: &BTreeSet<String>) -> bool {
    let code = message["code"]["code"].as_str().unwrap_or_default();
    let text = message["message"].as_str().unwrap_or_default();
    let is_unresolved = ["E0405", "E0412", "E0422", "E0423", "E0425", "E0432", "E0433", "E0531", "E0574"]
        .contains(&code)
        || text.starts_with("cannot find");
    is_unresolved
        && text
            .split('`')
            .skip(1)
            .step_by(2)
            .any(|name| names.contains(name.rsplit("::").next().unwrap_or(name)))
}

/// Settles the cells that compile only because of later ones. Tells whether there are any.
pub(super) fn earlier_failures(subject: &mut Subject<'_>, built: &Built, places: &Places) -> bool {
    let mut found = Vec::new();
    for (before, program) in &subject.before {
        let name = subject.name_before(*before);
        let file = format!("{}/src/bin/{name}.rs", subject.package);
        let errors =
            built.messages.iter().filter(|(target, message)| *target == name && build::is_error(message));
        let culprit = |(_, message): &(String, Value)| culprit(message, program, places, &file);
        let Some(Culprit { line, diagnostic, .. }) =
            errors.filter_map(culprit).min_by_key(|it| it.line.number())
        else {
            continue;
        };
        let later = subject.plan.parsed.cells[*before].cell.number;
        let diagnostic = diagnostic.note(format!("cell {later} has what is missing, but comes later"));
        found.extend(line.number().and_then(|number| Some((subject.index_of(number)?, diagnostic))));
    }
    for (index, diagnostic) in &found {
        subject.verdicts[*index] = Some(failed(FailureKind::NotCompiled, diagnostic.clone(), String::new()));
    }
    !found.is_empty()
}

/// Settles the cells that are not to compile, each by the program that ends in it. Tells whether all are: an error may be
/// the answer to a question.
pub(super) fn expected_failures(subject: &mut Subject<'_>, built: &Built, places: &Places) -> bool {
    let mut is_complete = true;
    for (index, program) in &subject.failing {
        let name = subject.failing_name(*index);
        let file = format!("{}/src/bin/{name}.rs", subject.package);
        // The cells before it compile, or there would be no main program.
        let errors: Vec<&Value> = built
            .messages
            .iter()
            .filter(|(target, message)| *target == name && build::is_error(message))
            .map(|(_, message)| message)
            .collect();
        let answers =
            errors.iter().filter_map(|message| answer(message, &culprit(message, program, places, &file)?));
        let answers: Vec<_> = answers.collect();
        if !answers.is_empty() {
            subject.answers.extend(answers);
            is_complete = false;
            continue;
        }
        subject.verdicts[*index] = Some(if errors.is_empty() {
            let cell = &subject.plan.parsed.cells[*index];
            let diagnostic = Diagnostic::error("the cell was expected not to compile, and compiles")
                .at(cell.source(), first_code(&cell.cell.source.text), "")
                .help("take `compile_fail` off it");
            failed(FailureKind::Unexpected, diagnostic, String::new())
        } else {
            Verdict::Passed
        });
    }
    is_complete
}

/// Why there is no program, though no cell is at fault.
pub(super) fn no_program(build: &Build, unplaced: &[&Value], places: &Places) -> Diagnostic {
    let shown = |messages: &[&Value]| {
        let rendered = messages.iter().filter_map(|message| message["rendered"].as_str());
        rendered.map(|text| places.rewrite_rendered(text)).collect::<Vec<_>>().join("\n")
    };
    if !unplaced.is_empty() {
        let text = unplaced[0]["message"].as_str().unwrap_or_default().to_owned();
        return Diagnostic::error(text).as_rendered(shown(unplaced));
    }
    if let Some((name, errors)) = build.broken().next() {
        let place = errors.iter().find_map(|message| places.start_of(primary(message)?));
        let diagnostic = Diagnostic::error(format!("`{name}`, which the notebook needs, does not compile"));
        let diagnostic = match place {
            Some(place) => diagnostic.at(&place.source, line_from(&place), ""),
            None => diagnostic,
        };
        return diagnostic.as_rendered(format!(
            "{}\n\nerror: `{name}`, which the notebook needs, does not compile\n",
            shown(&errors).trim_end()
        ));
    }
    let said = build.said.lines().filter(|line| !line.trim_start().starts_with("Blocking waiting"));
    let said = said.collect::<Vec<_>>().join("\n");
    Diagnostic::error("cargo cannot build the notebook's program")
        .note(said)
        .help("see that its `:dep` lines name crates and versions that there are")
}

/// The verdict on a cell that began.
pub(super) fn verdict(
    notebook: &str,
    source: &Arc<Source>,
    run: &CellRun,
    ran: &Ran,
    places: &Places,
    limit: Option<Duration>,
) -> Verdict {
    let about = |message: String| Diagnostic::error(message).at(source, first_code(&source.text), "");
    let is_last = ran.cells.last().is_some_and(|last| last.number == run.number);
    if run.ended && run.unexpected {
        let diagnostic = about("the cell was expected to panic, and ran to its end".to_owned())
            .help("take `should_panic` (or the tag `raises-exception`) off it, or mend what is to panic");
        return failed(FailureKind::Unexpected, diagnostic, run.printed());
    }
    if run.ended && (!is_last || ran.end == End::Finished) {
        return Verdict::Passed;
    }
    let (kind, diagnostic) = match &ran.end {
        End::Shell(how) => {
            (FailureKind::NotCompiled, about(format!("a shell command of the cell failed ({how})")))
        }
        End::Closure(name) => {
            let message =
                format!("the type of the variable `{name}` holds a closure, and the kernel cannot keep it");
            (
                FailureKind::NotCompiled,
                about(message).help("collect it, box it, or put braces around the lines that need it"),
            )
        }
        End::Unknown(name) => {
            let message =
                format!("the type of `{name}` is not known by the end of its cell, when the kernel needs it");
            (FailureKind::NotCompiled, about(message).help(format!("say it: `let {name}: Vec<f64> = …`")))
        }
        End::Finished | End::Outlived(..) => {
            (FailureKind::Unknown, about("the program ended, but this cell did not".to_owned()))
        }
        End::Panicked { message, place, frames } => {
            let said = format!("the cell panicked: {message}");
            let here = |place: &Place| place.cell == run.number && place.notebook == notebook;
            let called = || frames.iter().filter_map(|frame| by_suffix(places, frame)).find(here);
            let diagnostic = match places.parse(place) {
                Some(place) if here(&place) => {
                    Diagnostic::error(said).at(&place.source, line_from(&place), "")
                }
                Some(place) => {
                    let diagnostic =
                        Diagnostic::error(said).at(&place.source, line_from(&place), "the panic");
                    match called() {
                        Some(from) => diagnostic.and_at(&from.source, line_from(&from), "called here"),
                        None => diagnostic.and_at(source, first_code(&source.text), "called by this cell"),
                    }
                }
                None => match called() {
                    Some(from) => Diagnostic::error(said)
                        .at(&from.source, line_from(&from), "")
                        .note(format!("the panic is at {place}")),
                    None => about(said),
                },
            };
            (FailureKind::Stopped, diagnostic)
        }
        End::Failed { message, place } => {
            let said = format!("an error was returned: {message}");
            let diagnostic = match places.parse(place) {
                Some(place) => Diagnostic::error(said).at(&place.source, line_from(&place), ""),
                None => about(said),
            };
            (FailureKind::Stopped, diagnostic)
        }
        End::Ended(how) => {
            let diagnostic = about(format!("the cell ended the process it ran in ({how})"))
                .help("no later cell can run then; return, panic or use `?` instead");
            (FailureKind::ProcessEnded, diagnostic)
        }
        End::TimedOut => {
            let seconds = limit.unwrap_or_default().as_secs_f64();
            let message = format!("the cell did not end within {seconds} s, and its process was killed");
            (FailureKind::TimedOut, about(message).help("give it more time with `--timeout SECONDS`"))
        }
        End::Flooded => {
            let message = "the cell printed more than a gigabyte, and its process was killed".to_owned();
            (FailureKind::ProcessEnded, about(message))
        }
    };
    failed(kind, diagnostic, run.printed())
}

/// A frame of a backtrace names a file by its whole path.
fn by_suffix(places: &Places, frame: &str) -> Option<Place> {
    let frame = frame.trim().trim_start_matches("./");
    let starts = std::iter::once(0).chain(frame.match_indices('/').map(|(at, _)| at + 1));
    starts.into_iter().find_map(|at| places.parse(&frame[at..]))
}

fn failed(kind: FailureKind, diagnostic: Diagnostic, printed: String) -> Verdict {
    Verdict::Failed(Box::new(Failure { kind, diagnostic, printed }))
}

/// From a place to the end of its line.
fn line_from(place: &Place) -> std::ops::Range<usize> {
    let text = &place.source.text;
    let start = place.offset().min(text.len());
    let line = text[start..].lines().next().unwrap_or_default();
    start..start + line.trim_end().len()
}
