//! A whole notebook in the kernel: every code cell gets a verdict, and the outputs a place in the file.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::explain::Sent;
use super::{End, Kernel, KernelOptions, Output, Refused, Run, Use, Why, explain};
use crate::diagnostic::{Diagnostic, Result};
use crate::files::{Lock, Original};
use crate::notebook::{Cell, Edit, Notebook, header};
use crate::project::Project;
use crate::run::Select;
use crate::run::plan::Plan;
use crate::run::verdict::{Expect, Failure, FailureKind, NotebookReport, Verdict};

/// How a notebook is run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The kernel it gets.
    pub kernel: KernelOptions,
    /// How long one cell may take, compilation included.
    pub timeout: Option<Duration>,
    /// Whether cells after a failed one are tried.
    pub keep_going: bool,
    /// How far it is run.
    pub select: Select,
}

/// What of a run is written into the notebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Outputs and execution counts.
    Outputs,
    /// The times of each cell as well, where JupyterLab keeps them: in `metadata.execution`.
    OutputsAndTimes,
}

/// A notebook that was run, with what its cells put out.
#[derive(Debug)]
pub struct KernelReport {
    /// The verdicts.
    pub report: NotebookReport,
    /// For each cell of the report that ran: what came of it.
    runs: Vec<Option<Ran>>,
}

#[derive(Debug)]
struct Ran {
    outputs: Vec<Output>,
    execution_count: Option<u64>,
    times: Vec<(&'static str, String)>,
}

/// Runs a notebook's code cells from top to bottom in a kernel of their own. `progress` hears of each cell before it
/// runs.
pub fn run(
    notebook: &Notebook,
    options: &RunOptions,
    mut progress: impl FnMut(&Cell),
) -> Result<KernelReport> {
    let plan = Plan::new(notebook, &options.select)?;
    let start = Instant::now();
    let mut kernel = None;
    let mut stopped = false;
    let mut before: Vec<Sent> = Vec::new();
    let mut cells = Vec::new();
    let mut runs = Vec::new();
    for (index, (cell, expect)) in plan.cells().enumerate() {
        let began = Instant::now();
        let mut outcome = None;
        let verdict = match expect {
            Expect::Skip(why) => Verdict::Skipped(why),
            _ if stopped => Verdict::NotReached,
            _ => {
                progress(cell.cell);
                let kernel = match &mut kernel {
                    Some(kernel) => kernel,
                    none => none.insert(Kernel::start(&options.kernel)?),
                };
                let what = if expect == Expect::Compiles { Use::Compile } else { Use::Run };
                let run = kernel.run(cell.cell.text(), what, options.timeout)?;
                before.push(Sent { source: Arc::clone(cell.source()), cell: run.sent.clone() });
                let verdict = judge(&expect, &run, &before, options.timeout);
                // Without its variables the notebook cannot go on, whatever was asked for.
                let gone = !kernel.is_running();
                stopped = gone || (matches!(verdict, Verdict::Failed(_)) && !options.keep_going);
                outcome = Some(Ran {
                    outputs: run.outputs,
                    execution_count: run.execution_count,
                    times: run.times,
                });
                verdict
            }
        };
        cells.push(plan.report(index, verdict, began.elapsed()));
        runs.push(outcome);
    }
    let report = NotebookReport { name: notebook.name.clone(), cells, time: start.elapsed() };
    Ok(KernelReport { report, runs })
}

impl KernelReport {
    /// The edits that put outputs and execution counts into the notebook. Cells that did not run keep theirs.
    pub fn edits(&self, notebook: &Notebook, what: Write) -> Vec<Edit> {
        let mut edits = Vec::new();
        for (cell, run) in notebook.cells.iter().filter(|cell| cell.is_code()).zip(&self.runs) {
            let Some(Ran { outputs, execution_count, times }) = run else { continue };
            // A reader learns nothing from the `()` that the kernel shows for a closing `for` or `println!`.
            let outputs =
                outputs.iter().filter(|output| !output.is_unit()).map(Output::to_nbformat).collect();
            let count = execution_count.map_or(Value::Null, Value::from);
            // In the order in which nbformat sorts the keys, should both be new.
            set(notebook, cell, "execution_count", cell.spans.execution_count.as_ref(), &count, &mut edits);
            if what == Write::OutputsAndTimes {
                let metadata = with_times(notebook, cell, times);
                set(notebook, cell, "metadata", cell.spans.metadata.as_ref(), &metadata, &mut edits);
            }
            set(notebook, cell, "outputs", cell.spans.outputs.as_ref(), &outputs, &mut edits);
        }
        edits
    }
}

/// Writes outputs and execution counts into the notebook's file: at once, and only when they differ.
pub fn write(
    project: &Project,
    path: &Path,
    notebook: &Notebook,
    run: &KernelReport,
    what: Write,
) -> Result<()> {
    let text = notebook.edited(run.edits(notebook, what));
    match Original::of(notebook, path).in_project(project, text)? {
        Some(change) => Lock::of(project)?.commit(&[change]),
        None => Ok(()),
    }
}

/// A cell's metadata with the times of its run, in the place where nbformat, which sorts keys, has them.
fn with_times(notebook: &Notebook, cell: &Cell, times: &[(&'static str, String)]) -> Value {
    let span = cell.spans.metadata.clone();
    let old: Option<Map<String, Value>> =
        span.and_then(|span| serde_json::from_str(&notebook.text()[span]).ok());
    let mut times: Vec<_> =
        times.iter().map(|(key, date)| ((*key).to_owned(), Value::from(date.as_str()))).collect();
    times.sort_by(|a, b| a.0.cmp(&b.0));
    let mut entries: Vec<_> =
        old.unwrap_or_default().into_iter().filter(|(key, _)| key != "execution").collect();
    let at = entries.iter().position(|(key, _)| key.as_str() > "execution").unwrap_or(entries.len());
    entries.insert(at, ("execution".to_owned(), Value::Object(times.into_iter().collect())));
    Value::Object(entries.into_iter().collect())
}

/// The edit that gives `key` of a cell a value; nothing when it has that value already.
fn set(
    notebook: &Notebook,
    cell: &Cell,
    key: &str,
    span: Option<&Range<usize>>,
    value: &Value,
    edits: &mut Vec<Edit>,
) {
    let text = notebook.text();
    let new = notebook.json(value, 3);
    let Some(span) = span else {
        // A cell without the key is against nbformat, yet there are such notebooks: it goes right after the brace.
        let start = cell.spans.cell.start + 1;
        let space = &text[start..start + text[start..].find('"').unwrap_or(0)];
        let new = format!("{space}\"{key}\": {new},");
        match edits.last_mut().filter(|edit| edit.range == (start..start)) {
            Some(edit) => edit.text.push_str(&new),
            None => edits.push(Edit { range: start..start, text: new }),
        }
        return;
    };
    let same = serde_json::from_str::<Value>(&text[span.clone()]).is_ok_and(|old| old == *value);
    if !same {
        edits.push(Edit { range: span.clone(), text: new });
    }
}

/// Holds how a cell ended against what is expected of it. `before` has the cells sent so far, this one last.
fn judge(expect: &Expect, run: &Run, before: &[Sent], limit: Option<Duration>) -> Verdict {
    let Sent { source, .. } = before.last().expect("the cell that is judged was sent");
    let kind = match (expect, &run.end) {
        (Expect::Success | Expect::Compiles, End::Finished)
        | (Expect::Panic, End::Stopped)
        | (Expect::CompileError, End::NotCompiled | End::Refused(Refused { why: Why::NotRust, .. })) => {
            return Verdict::Passed;
        }
        (Expect::Panic, End::Finished)
        | (Expect::CompileError, End::Finished | End::Stopped | End::ProcessEnded(_)) => {
            FailureKind::Unexpected
        }
        (_, End::Stopped | End::Finished | End::Refused(Refused { why: Why::ReadsStdin, .. })) => {
            FailureKind::Stopped
        }
        (_, End::NotCompiled | End::Refused(_)) => FailureKind::NotCompiled,
        (_, End::ProcessEnded(_) | End::KernelDied(_)) => FailureKind::ProcessEnded,
        (_, End::TimedOut(_)) => FailureKind::TimedOut,
        (_, End::Unknown | End::OutOfStep) => FailureKind::Unknown,
    };
    let whole = || header::first_code(&source.text);
    let about = |message: String| Diagnostic::error(message).at(source, whole(), "");
    let printed = explain::Printed::of(&run.outputs);
    let diagnostic = match (kind, &run.end) {
        (FailureKind::Unexpected, _) if *expect == Expect::Panic => {
            about("the cell was expected to panic, and ran to its end".to_owned())
                .help("take `should_panic` (or the tag `raises-exception`) off it, or mend what is to panic")
        }
        (FailureKind::Unexpected, _) => {
            about("the cell was expected not to compile, and compiles".to_owned())
                .help("take `compile_fail` off it")
        }
        (_, End::Refused(Refused { why: Why::ReadsStdin, message, span })) => Diagnostic::error(message)
            .at(source, span.clone(), "")
            .note("evcxr sends its commands by it: whoever reads there waits for the next cell")
            .help("read a file or a string (`&b\"…\"[..]` is a `Read`), or give the cell `no_run`"),
        (_, End::Refused(refused)) => {
            let message = format!("this cell does not parse as Rust: {}", refused.message);
            Diagnostic::error(message).at(source, refused.span.clone(), "")
        }
        (_, End::NotCompiled) => explain::compiler(&run.outputs, source),
        (_, End::ProcessEnded(how)) => about(format!("the cell ended the process it ran in ({how})"))
            .help("the variables of earlier cells are lost with it; return, panic or use `?` instead"),
        (_, End::KernelDied(how)) => about(format!("the kernel died while the cell ran ({how})")),
        (_, End::TimedOut(_)) => {
            let seconds = limit.unwrap_or_default().as_secs_f64();
            about(format!("the cell did not end within {seconds} s, and its process was killed"))
                .help("give it more time with `--timeout SECONDS`")
        }
        (_, End::OutOfStep) => {
            about("the cell printed a line that evcxr takes for its own, and the two lost step".to_owned())
                .note("a line `EVCXR_EXECUTION_COMPLETE` tells evcxr that a cell has ended")
                .help("print something else; the other lines that begin with `EVCXR_` are evcxr's too")
        }
        (_, End::Unknown) => {
            about("how this cell ended cannot be told: it compiles only as it is".to_owned())
                .note("nbexport adds code after a cell's last line, to learn whether that was reached")
                .help("end the cell in a statement, and take `:types` out of the notebook")
        }
        (_, End::Stopped | End::Finished) => explain::stopped(&printed, run.program.as_deref(), before),
    };
    Verdict::Failed(Box::new(Failure { kind, diagnostic, printed: printed.rest }))
}
