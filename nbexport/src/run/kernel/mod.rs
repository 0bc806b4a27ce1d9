//! A Jupyter kernel for Rust: start it, run cells in it, stop it. The only async code, and none of it shows.
//!
//! [`Kernel::execute`] is the Jupyter protocol as it is. [`Kernel::run`] is what a runner wants: it gets an end of the
//! cell that is true ([`End`]), whatever the kernel answered, and all of what the cell printed, however late.

mod answer;
mod builds;
mod explain;
mod install;
mod instrument;
mod launch;
mod many;
mod message;
mod notebook;
#[cfg(feature = "server")]
mod server;
mod sink;
mod spec;
mod transport;
mod wire;

use std::ffi::OsString;
use std::path::PathBuf;
#[cfg(feature = "server")]
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::time::{sleep_until, timeout};

pub use answer::{End, Lost, Reply, Run, Status};
pub use builds::builds_dir;
pub use install::{Installed, NAME, install, uninstall};
pub use instrument::{Instrumented, Refused, Use, Why, instrument};
pub use many::test;
pub use notebook::{RunOptions, run};
#[cfg(feature = "server")]
pub use server::{Server, Token};
pub use spec::{Spec, find};

use crate::diagnostic::{Diagnostic, Result};
use crate::run::outputs::LIMIT;
use launch::launch;
#[cfg(feature = "server")]
use server::Session;
use sink::Sink;
use transport::{Incoming, Transport};
use wire::random;

/// Where a kernel runs.
#[derive(Clone, Debug)]
pub enum Host {
    /// On this machine.
    Here(Spec),
    /// On a server.
    #[cfg(feature = "server")]
    Server(Arc<Server>),
}

impl From<Spec> for Host {
    fn from(spec: Spec) -> Self {
        Self::Here(spec)
    }
}

/// How a kernel is started.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// Which kernel, and where.
    pub host: Host,
    /// Its working directory: the notebook's folder, from which relative paths of `:dep`s count. On a server, where it
    /// is below the server's own root.
    pub cwd: PathBuf,
    /// What is added to its environment.
    pub env: Vec<(OsString, OsString)>,
    /// Where compiled dependencies are kept from run to run; without it they go with the kernel.
    pub builds: Option<PathBuf>,
    /// How long it may take until it answers.
    pub patience: Duration,
    /// How much of a cell's stdout, and of its stderr, is kept.
    pub output_limit: usize,
}

impl KernelOptions {
    /// A kernel in the folder `cwd`, with the usual limits.
    pub fn new(host: impl Into<Host>, cwd: impl Into<PathBuf>) -> Self {
        Self {
            host: host.into(),
            cwd: cwd.into(),
            env: Vec::new(),
            builds: None,
            patience: Duration::from_mins(2),
            output_limit: LIMIT,
        }
    }
}

/// A running kernel. Dropping it kills it and all it started.
pub struct Kernel {
    transport: Transport,
    runtime: Runtime,
    name: String,
    output_limit: usize,
    /// Requests that the notebook knows nothing of, but the kernel counted.
    hidden: u64,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How long the last lines of a cell that ended well may take to arrive.
const LATE_OUTPUT: Duration = Duration::from_secs(5);
/// How long the request that fetches the output of a failed cell may take.
const FLUSH: Duration = Duration::from_mins(1);
/// How long a command may take that needs no compiler.
#[cfg(feature = "server")]
const ASK: Duration = Duration::from_secs(30);

impl Kernel {
    /// Starts a kernel and waits until it answers.
    ///
    /// # Errors
    /// Its program cannot be started, ends at once (what it said is in the message), or does not answer in time.
    pub fn start(options: &KernelOptions) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Diagnostic::error(format!("cannot speak with a kernel: {error}")))?;
        let (name, transport) = match &options.host {
            Host::Here(spec) => {
                (spec.name.clone(), Transport::Process(Box::new(launch(spec, options, &runtime)?)))
            }
            #[cfg(feature = "server")]
            Host::Server(server) => {
                let session = runtime.block_on(Session::start(
                    server,
                    &options.cwd.to_string_lossy(),
                    options.patience,
                ))?;
                (server.to_string(), Transport::Server(Box::new(session)))
            }
        };
        Ok(Self { transport, runtime, name, output_limit: options.output_limit, hidden: 0 })
    }

    /// Whether the kernel can be sent more cells.
    pub(crate) fn is_running(&self) -> bool {
        !self.transport.has_ended()
    }

    /// Has the kernel execute `code` as it is, and tells what it answered.
    pub fn execute(&mut self, code: &str, limit: Option<Duration>) -> Result<Reply> {
        let mut sink = Sink::new(self.output_limit, "");
        let status = self.request(code, limit, &mut sink)?;
        let execution_count = self.visible(sink.count);
        Ok(Reply { status, outputs: sink.finish(execution_count), execution_count })
    }

    /// Runs a cell. It is sent in a form that says by itself whether it ran to its end.
    pub fn run(&mut self, source: &str, r#use: Use, limit: Option<Duration>) -> Result<Run> {
        // New for every cell and unknown to it, so that nothing it prints can be taken for the mark.
        let mark = random();
        let cell = match instrument(source, &mark, r#use) {
            Ok(cell) => cell,
            Err(refused) => return Ok(Run::refused(refused)),
        };
        let mut sink = Sink::new(self.output_limit, &mark);
        let status = self.request(&cell.code, limit, &mut sink)?;
        let mut doubt = self.transport.doubt();
        let execution_count = self.visible(sink.count);
        let mut program = None;
        let end = match status {
            Status::Ok if !cell.marked => End::Finished,
            Status::Ok if sink.reached_end => {
                self.wait_for_marks(&mut sink)?;
                doubt = doubt.or_else(|| self.transport.doubt());
                End::Finished
            }
            Status::Ok => {
                if let Some(doubt) = &doubt {
                    End::Lost(doubt.clone())
                } else {
                    program = self.program(&mut sink);
                    self.flush(&mut sink)?;
                    if sink.ended_late {
                        self.transport.stop();
                        End::OutOfStep
                    } else {
                        End::Stopped
                    }
                }
            }
            Status::Error => match (sink.process_end(), &doubt) {
                (Some(how), _) => {
                    self.flush(&mut sink)?;
                    End::ProcessEnded(how)
                }
                (None, Some(doubt)) if !sink.has_error() => End::Lost(doubt.clone()),
                (None, _) if cell.changed && r#use == Use::Run => {
                    self.hidden += 1;
                    let mut plain = Sink::new(self.output_limit, "");
                    // It does not compile, so it does not run now either; but this time the messages show the cell.
                    let status = self.request(source, limit, &mut plain)?;
                    let not_compiled = status == Status::Error && plain.process_end().is_none();
                    sink = plain;
                    if not_compiled { End::NotCompiled } else { End::Unknown }
                }
                (None, _) => End::NotCompiled,
            },
            Status::Died => End::KernelDied(self.transport.stop()),
            Status::TimedOut => End::TimedOut(limit.unwrap_or_default()),
            Status::Lost => End::Lost(doubt.clone().unwrap_or_else(|| Lost::Connection(String::new()))),
        };
        let times = std::mem::take(&mut sink.times);
        let outputs = sink.finish(execution_count);
        Ok(Run { end, outputs, execution_count, program, sent: cell, times, incomplete: doubt })
    }

    /// Ends the kernel and everything it started.
    pub fn shutdown(mut self) {
        self.transport.stop();
    }

    /// The program that the kernel made of the last request.
    #[cfg_attr(not(feature = "server"), expect(unused_variables, reason = "a server is asked"))]
    fn program(&mut self, sink: &mut Sink) -> Option<String> {
        match &self.transport {
            Transport::Process(process) => process.program(),
            #[cfg(feature = "server")]
            Transport::Server(session) => {
                let command = session.show_program()?;
                self.aside(&command, sink).ok()?;
                sink.shown.take()
            }
        }
    }

    /// Has the kernel execute a command that the notebook knows nothing of, and tells what it shows; nothing if it
    /// fails.
    #[cfg(feature = "server")]
    fn ask(&mut self, command: &str) -> Result<Option<String>> {
        let mut sink = Sink::new(self.output_limit, "");
        sink.begin(random());
        self.hidden += 1;
        match self.request(command, Some(ASK), &mut sink)? {
            Status::Ok => Ok(Some(sink.shown.unwrap_or_default())),
            Status::Error => Ok(None),
            status => {
                let how = match (status, self.transport.doubt()) {
                    // An answer is not all that a request ends with.
                    (Status::TimedOut, _) if sink.status.is_some() => {
                        format!("it answers, but what it publishes was not heard for {} s", ASK.as_secs())
                    }
                    (Status::TimedOut, _) => format!("it did not answer within {} s", ASK.as_secs()),
                    (_, Some(lost)) => lost.to_string(),
                    _ => "it ended".to_owned(),
                };
                Err(Diagnostic::error(format!("the kernel at {} cannot be used: {how}", self.name))
                    .help("run the notebook again; the server's log may say more"))
            }
        }
    }

    #[cfg(feature = "server")]
    fn session(&mut self) -> Option<&mut Session> {
        match &mut self.transport {
            Transport::Server(session) => Some(session),
            Transport::Process(_) => None,
        }
    }

    /// The number a cell has for its reader: without the requests that only this module knows of.
    fn visible(&self, count: Option<u64>) -> Option<u64> {
        count.map(|count| count.saturating_sub(self.hidden))
    }

    /// Sends `code` and collects what comes of it until the kernel is idle again.
    fn request(&mut self, code: &str, limit: Option<Duration>, sink: &mut Sink) -> Result<Status> {
        let deadline = Instant::now() + limit.unwrap_or(Duration::from_hours(24 * 365));
        let transport = &mut self.transport;
        let stopped = self.runtime.block_on(async {
            sink.begin(transport.execute(code).await?);
            tokio::select! {
                stopped = collect(transport, sink, Sink::is_answered) => stopped,
                // Without a connection, it is not the cell that takes its time.
                () = sleep_until(deadline.into()) => Ok(Some(if transport.is_cut() { Status::Lost } else { Status::TimedOut })),
            }
        })?;
        if matches!(stopped, Some(Status::TimedOut | Status::Lost)) {
            self.transport.stop();
        }
        Ok(stopped.or(sink.status).unwrap_or(Status::Error))
    }

    /// Waits for the last lines of a cell that ran to its end.
    fn wait_for_marks(&mut self, sink: &mut Sink) -> Result<()> {
        let transport = &mut self.transport;
        let all = self.runtime.block_on(async {
            // A cell may have closed its stdout; then there is nothing to wait for.
            timeout(LATE_OUTPUT, collect(transport, sink, Sink::has_all)).await
        });
        all.unwrap_or(Ok(None)).map(|_| ())
    }

    /// Fetches what a cell that failed printed. A panic's text takes its time through the kernel; what is printed after
    /// it takes the same way, so when that has arrived, so has the panic's.
    fn flush(&mut self, sink: &mut Sink) -> Result<()> {
        let code = instrument::flush(&sink.mark);
        self.aside(&code, sink)?;
        if self.is_running() {
            self.wait_for_marks(sink)?;
        }
        Ok(())
    }

    /// Has the kernel execute what the notebook knows nothing of, while the cell's outputs are still coming.
    fn aside(&mut self, code: &str, sink: &mut Sink) -> Result<()> {
        let (count, status) = (sink.count, sink.status);
        self.hidden += 1;
        self.request(code, Some(FLUSH), sink)?;
        (sink.count, sink.status) = (count, status);
        Ok(())
    }
}

/// Takes messages in until `done`; tells what ended that before.
async fn collect(
    transport: &mut Transport,
    sink: &mut Sink,
    done: fn(&Sink) -> bool,
) -> Result<Option<Status>> {
    while !done(sink) {
        match transport.next().await? {
            Incoming::Reply(message) => sink.answer(&message),
            Incoming::Published(message) => sink.publish(message),
            Incoming::Ended => return Ok(Some(Status::Died)),
            #[cfg(feature = "server")]
            Incoming::Lost => return Ok(Some(Status::Lost)),
        }
    }
    Ok(None)
}
