//! A whole notebook in the kernel: every code cell gets a verdict, and its outputs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::explain::Sent;
use super::{End, Host, Kernel, KernelOptions, Lost, Refused, Run, Use, Why, explain};
use crate::diagnostic::{Diagnostic, Result, Source};
use crate::notebook::{Cell, Notebook, header};
use crate::run::Select;
use crate::run::outputs::Ran;
use crate::run::plan::{Plan, reads_stdin};
use crate::run::verdict::{CellReport, Expect, Failure, FailureKind, NotebookReport, Verdict};

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

/// Runs a notebook's code cells from top to bottom in a kernel of their own. `progress` hears of each cell before it
/// runs.
pub fn run(
    notebook: &Notebook,
    options: &RunOptions,
    mut progress: impl FnMut(&Cell),
) -> Result<NotebookReport> {
    let plan = Plan::new(notebook, &options.select)?;
    let start = Instant::now();
    let mut kernel = None;
    let mut stopped = false;
    let mut before: Vec<Sent> = Vec::new();
    let mut cells = Vec::new();
    for (index, (cell, expect)) in plan.cells().enumerate() {
        let began = Instant::now();
        let mut ran = None;
        let verdict = match expect {
            Expect::Skip(why) => Verdict::Skipped(why),
            _ if stopped => Verdict::NotReached,
            _ => {
                progress(cell.cell);
                let kernel = match &mut kernel {
                    Some(kernel) => kernel,
                    none => none.insert(ready(&options.kernel, &plan)?),
                };
                let what = if expect == Expect::Compiles { Use::Compile } else { Use::Run };
                let run = kernel.run(cell.cell.text(), what, options.timeout)?;
                before.push(Sent { source: Arc::clone(cell.source()), cell: run.sent.clone() });
                let verdict = judge(&expect, &run, &before, options.timeout);
                tell_incomplete(&options.kernel, cell.source(), &run);
                // Without its variables the notebook cannot go on, whatever was asked for.
                let gone = !kernel.is_running();
                stopped = gone || (matches!(verdict, Verdict::Failed(_)) && !options.keep_going);
                ran = Some(Ran {
                    outputs: run.outputs,
                    execution_count: run.execution_count,
                    times: run.times,
                });
                verdict
            }
        };
        cells.push(CellReport { ran, ..plan.report(index, verdict, began.elapsed()) });
    }
    Ok(NotebookReport {
        name: notebook.name.clone(),
        cells,
        stale: Vec::new(),
        unchanged: false,
        time: start.elapsed(),
    })
}

/// Starts a kernel that is ready for the first cell.
#[cfg_attr(not(feature = "server"), expect(unused_variables, reason = "a server is told of it"))]
fn ready(options: &KernelOptions, plan: &Plan<'_>) -> Result<Kernel> {
    match &options.host {
        Host::Here(_) => Kernel::start(options),
        #[cfg(feature = "server")]
        Host::Server(server) => {
            let mut kernel = Kernel::start(options)?;
            match super::server::prepare(&mut kernel, server, plan, options) {
                // It does not answer, or is not heard, and was deleted: of the next one that is seldom true as well.
                Err(error) if !kernel.is_running() => {
                    server
                        .warn(Diagnostic::warning(error.message.clone()).note("another one took its place"));
                    kernel = Kernel::start(options)?;
                    super::server::prepare(&mut kernel, server, plan, options)?;
                }
                prepared => prepared?,
            }
            Ok(kernel)
        }
    }
}

/// Tells of a cell that ended well, but whose outputs may not all have come.
#[cfg_attr(not(feature = "server"), expect(unused_variables, reason = "nothing gets lost on this machine"))]
fn tell_incomplete(options: &KernelOptions, source: &Arc<Source>, run: &Run) {
    #[cfg(feature = "server")]
    if let (Host::Server(server), Some(lost), End::Finished) = (&options.host, &run.incomplete, &run.end) {
        let message = format!("what this cell put out may not be all here: {lost}");
        server.warn(Diagnostic::warning(message).at(source, header::first_code(&source.text), ""));
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
        (_, End::Unknown | End::OutOfStep | End::Lost(_)) => FailureKind::Unknown,
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
        (_, End::Refused(Refused { why: Why::ReadsStdin, span, .. })) => reads_stdin(source, span.clone()),
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
        (_, End::Lost(lost)) => {
            let way_out = match lost {
                Lost::Connection(_) => "run the notebook again; the server's log may say more",
                Lost::Outputs(_) => {
                    "print less, or start the server with `--ZMQChannelsWebsocketConnection.limit_rate=False`"
                }
            };
            about(format!("how this cell ended cannot be told: {lost}")).help(way_out)
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
