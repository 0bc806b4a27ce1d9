//! A Jupyter kernel for Rust: start it, run cells in it, stop it. The only async code, and none of it shows.
//!
//! [`Kernel::execute`] is the Jupyter protocol as it is. [`Kernel::run`] is what a runner wants: it gets an end of the
//! cell that is true ([`End`]), whatever the kernel answered, and all of what the cell printed, however late.

mod builds;
mod error;
mod explain;
mod instrument;
mod many;
mod notebook;
mod output;
mod sink;
mod spec;
mod wire;

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jupyter_protocol::{ExecuteRequest, JupyterMessage};
use jupyter_zmq_client::{ClientIoPubConnection, ClientShellConnection};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::{sleep, sleep_until, timeout};

pub use builds::builds_dir;
pub use error::Error;
pub use instrument::{Instrumented, Refused, Use, instrument};
pub use many::test;
pub use notebook::{KernelReport, RunOptions, Write, run, write};
pub use output::{Output, plain};
pub use spec::{Spec, find};

use crate::run::process::Group;
use builds::{Builds, library_path};
use sink::Sink;
use wire::{collect, connect, connection_info, random};

/// How a kernel is started.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// Which kernel.
    pub spec: Spec,
    /// Its working directory: the notebook's folder, from which relative paths of `:dep`s count.
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
    pub fn new(spec: Spec, cwd: impl Into<PathBuf>) -> Self {
        Self {
            spec,
            cwd: cwd.into(),
            env: Vec::new(),
            builds: None,
            patience: Duration::from_mins(2),
            output_limit: 8 << 20,
        }
    }
}

/// What the kernel answered to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `ok`, which of a Rust cell does not say that it succeeded.
    Ok,
    /// Anything else.
    Error,
    /// Nothing: its process ended.
    Died,
    /// Nothing in the time it was given. The kernel was killed.
    TimedOut,
}

/// The answer to one request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What the kernel answered.
    pub status: Status,
    /// What came out, streams merged by name.
    pub outputs: Vec<Output>,
    /// The number the kernel gave it.
    pub execution_count: Option<u64>,
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It ran to its end.
    Finished,
    /// It stopped before its end: a panic, or a `?` that returned an error.
    Stopped,
    /// It did not compile; nothing of it ran.
    NotCompiled,
    /// It was not sent, since the kernel would not have run what it says.
    Refused(Refused),
    /// The process it ran in ended: an exit, an abort, a signal. The variables are lost.
    ProcessEnded(String),
    /// The kernel itself died.
    KernelDied(String),
    /// It took too long, and the kernel was killed.
    TimedOut(Duration),
    /// It compiles as it is, but not with the mark at its end, so that nobody knows how it ended.
    Unknown,
}

/// One run of a cell.
#[derive(Clone, Debug)]
pub struct Run {
    /// How it ended.
    pub end: End,
    /// What it put out, as Jupyter would have shown it.
    pub outputs: Vec<Output>,
    /// The number it gets in the notebook.
    pub execution_count: Option<u64>,
    /// The `#[test]` functions in it, which did not run.
    pub tests: Vec<String>,
    /// The program that the kernel made of it, when it stopped before its end: panics name its lines.
    pub program: Option<String>,
    /// What was sent.
    pub sent: String,
    /// When the kernel began and ended it: events as Jupyter calls them, with the kernel's own time.
    pub times: Vec<(&'static str, String)>,
}

/// A running kernel. Dropping it kills it and all it started.
pub struct Kernel {
    // In this order: the process ends before its folder goes and the folder for builds is free again.
    group: Option<Group>,
    shell: ClientShellConnection,
    iopub: ClientIoPubConnection,
    runtime: Runtime,
    name: String,
    _home: TempDir,
    builds: Builds,
    output_limit: usize,
    /// Requests that the notebook knows nothing of, but the kernel counted.
    hidden: u64,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel").field("name", &self.name).field("group", &self.group).finish_non_exhaustive()
    }
}

/// How the names of a kernel's temporary folders begin.
const HOME: &str = "nbexport-kernel-";
/// How often a kernel is started anew when another program took one of its ports.
const TRIES: usize = 4;
/// How long the last lines of a cell that ended well may take to arrive.
const LATE_OUTPUT: Duration = Duration::from_secs(5);
/// How long a process is waited for whose connection broke.
const DYING: Duration = Duration::from_secs(2);
/// How long the request that fetches the output of a failed cell may take.
const FLUSH: Duration = Duration::from_mins(1);

impl Kernel {
    /// Starts a kernel and waits until it answers.
    pub fn start(options: &KernelOptions) -> Result<Self, Error> {
        let start = |source| options.spec.not_started(source);
        let mut tries = 1;
        loop {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(start)?;
            match Self::try_start(options, runtime) {
                Err(Error::Ended { said, .. }) if tries < TRIES && said.contains("ddress") => tries += 1,
                result => return result,
            }
        }
    }

    fn try_start(options: &KernelOptions, runtime: Runtime) -> Result<Self, Error> {
        let start = |source| options.spec.not_started(source);
        let builds = match &options.builds {
            Some(root) => Some(Builds::claim(root).map_err(start)?),
            None => None,
        };
        // Only this user may enter it: the connection file is the key to a program that runs what it is told.
        let parent = builds.as_ref().map_or_else(std::env::temp_dir, |builds| builds.path.clone());
        let home = tempfile::Builder::new().prefix(HOME).tempdir_in(parent).map_err(start)?;
        let builds = builds.unwrap_or_else(|| Builds::passing(home.path().join("build")));
        std::fs::create_dir_all(&builds.path).map_err(start)?;
        let connection = connection_info(&options.spec.name).map_err(start)?;
        let file = home.path().join("connection.json");
        std::fs::write(&file, serde_json::to_vec(&connection).map_err(std::io::Error::from).map_err(start)?)
            .map_err(start)?;
        let said = home.path().join("said.txt");
        let log = File::create(&said).map_err(start)?;

        let mut argv =
            options.spec.argv.iter().map(|arg| arg.replace("{connection_file}", &file.to_string_lossy()));
        let mut command = Command::new(argv.next().unwrap_or_default());
        command
            .args(argv)
            .current_dir(&options.cwd)
            .envs(&options.spec.env)
            .env("EVCXR_TMPDIR", &builds.path)
            .envs(library_path(&options.cwd))
            .envs(options.env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let group = Group::spawn(&mut command).map_err(start)?;

        let connected = runtime.block_on(async {
            tokio::select! {
                ready = timeout(options.patience, connect(&connection)) => match ready {
                    // The connection breaks a moment before the end of the process is seen.
                    Ok(Err(_)) if timeout(DYING, ended(&group)).await.is_ok() => None,
                    ready => Some(ready),
                },
                () = ended(&group) => None,
            }
        });
        let said = || {
            let text = std::fs::read_to_string(&said).unwrap_or_default();
            let text = text.split("\nStack backtrace:").next().unwrap_or_default().trim_end();
            let lines: Vec<_> = text.lines().rev().take(20).collect();
            lines.into_iter().rev().fold(String::new(), |all, line| all + "\n  " + line)
        };
        let kernel = options.spec.name.clone();
        match connected {
            Some(Ok(connected)) => {
                let (shell, iopub) = connected?;
                let output_limit = options.output_limit;
                let group = Some(group);
                Ok(Self {
                    group,
                    shell,
                    iopub,
                    runtime,
                    name: kernel,
                    _home: home,
                    builds,
                    output_limit,
                    hidden: 0,
                })
            }
            Some(Err(_)) => Err(Error::NotReady { kernel, after: options.patience, said: said() }),
            None => {
                let status = group.kill().map_or_else(|error| error.to_string(), |status| status.to_string());
                Err(Error::Ended { kernel, status, said: said() })
            }
        }
    }

    /// Whether the kernel can be sent more cells.
    pub fn is_running(&self) -> bool {
        self.group.as_ref().is_some_and(|group| !group.has_ended())
    }

    /// The process group that everything of this kernel is in.
    pub fn process_group(&self) -> Option<u32> {
        self.group.as_ref().map(Group::id)
    }

    /// Has the kernel execute `code` as it is, and tells what it answered.
    pub fn execute(&mut self, code: &str, limit: Option<Duration>) -> Result<Reply, Error> {
        let mut sink = Sink::new(self.output_limit, "");
        let status = self.request(code, limit, &mut sink)?;
        let execution_count = self.visible(sink.count);
        Ok(Reply { status, outputs: sink.finish(execution_count), execution_count })
    }

    /// Runs a cell. It is sent in a form that says by itself whether it ran to its end.
    pub fn run(&mut self, source: &str, r#use: Use, limit: Option<Duration>) -> Result<Run, Error> {
        // New for every cell and unknown to it, so that nothing it prints can be taken for the mark.
        let mark = format!("{:016x}", random());
        let cell = match instrument(source, &mark, r#use) {
            Ok(cell) => cell,
            Err(refused) => {
                let value = refused.message.clone();
                let error = Output::Error { name: "Error".to_owned(), traceback: vec![value.clone()], value };
                return Ok(Run {
                    end: End::Refused(refused),
                    outputs: vec![error],
                    execution_count: None,
                    tests: Vec::new(),
                    program: None,
                    sent: String::new(),
                    times: Vec::new(),
                });
            }
        };
        let mut sink = Sink::new(self.output_limit, &mark);
        let status = self.request(&cell.code, limit, &mut sink)?;
        let execution_count = self.visible(sink.count);
        let mut program = None;
        let end = match status {
            Status::Ok if !cell.marked => End::Finished,
            Status::Ok if sink.reached_end => {
                self.wait_for_marks(&mut sink)?;
                End::Finished
            }
            Status::Ok => {
                program = std::fs::read_to_string(self.builds.path.join("src/lib.rs")).ok();
                self.flush(&mut sink)?;
                End::Stopped
            }
            Status::Error => match sink.process_end() {
                Some(how) => {
                    self.flush(&mut sink)?;
                    End::ProcessEnded(how)
                }
                None if cell.changed && r#use == Use::Run => {
                    self.hidden += 1;
                    let mut plain = Sink::new(self.output_limit, "");
                    // It does not compile, so it does not run now either; but this time the messages show the cell.
                    let status = self.request(source, limit, &mut plain)?;
                    let not_compiled = status == Status::Error && plain.process_end().is_none();
                    sink = plain;
                    if not_compiled { End::NotCompiled } else { End::Unknown }
                }
                None => End::NotCompiled,
            },
            Status::Died => End::KernelDied(self.stop()),
            Status::TimedOut => End::TimedOut(limit.unwrap_or_default()),
        };
        let times = std::mem::take(&mut sink.times);
        let outputs = sink.finish(execution_count);
        Ok(Run { end, outputs, execution_count, tests: cell.tests, program, sent: cell.code, times })
    }

    /// Ends the kernel and everything it started.
    pub fn shutdown(mut self) {
        self.stop();
    }

    /// Kills the process group; tells how the kernel ended.
    fn stop(&mut self) -> String {
        let Some(group) = self.group.take() else {
            return "it was stopped before".to_owned();
        };
        group.kill().map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    /// The number a cell has for its reader: without the requests that only this module knows of.
    fn visible(&self, count: Option<u64>) -> Option<u64> {
        count.map(|count| count.saturating_sub(self.hidden))
    }

    /// Sends `code` and collects what comes of it until the kernel is idle again.
    fn request(&mut self, code: &str, limit: Option<Duration>, sink: &mut Sink) -> Result<Status, Error> {
        let group = self.group.as_ref().ok_or(Error::Gone)?;
        let request: JupyterMessage =
            ExecuteRequest { stop_on_error: false, ..ExecuteRequest::new(code.into()) }.into();
        sink.begin(&request.header.msg_id);
        let deadline = Instant::now() + limit.unwrap_or(Duration::from_hours(24 * 365));
        let (shell, iopub) = (&mut self.shell, &mut self.iopub);
        let answered = self.runtime.block_on(async {
            shell.send(request).await.map_err(|error| Error::Protocol(error.to_string()))?;
            tokio::select! {
                result = collect(shell, iopub, sink, |sink| sink.status.is_some() && sink.idle) => {
                    result.map(|()| None)
                }
                () = sleep_until(deadline.into()) => Ok(Some(Status::TimedOut)),
                () = ended(group) => Ok(Some(Status::Died)),
            }
        });
        let stopped = match answered {
            // The connection breaks a moment before the end of the process is seen.
            Err(error) if !self.dies_now() => return Err(error),
            Err(_) => Some(Status::Died),
            Ok(stopped) => stopped,
        };
        if stopped == Some(Status::TimedOut) {
            self.stop();
        }
        Ok(stopped.or(sink.status).unwrap_or(Status::Error))
    }

    fn dies_now(&self) -> bool {
        let group = self.group.as_ref();
        group.is_some_and(|group| self.runtime.block_on(async { timeout(DYING, ended(group)).await.is_ok() }))
    }

    /// Waits for the last lines of a cell that ran to its end.
    fn wait_for_marks(&mut self, sink: &mut Sink) -> Result<(), Error> {
        let (shell, iopub) = (&mut self.shell, &mut self.iopub);
        let all = self.runtime.block_on(async {
            let all = collect(shell, iopub, sink, |sink| sink.stdout.marked && sink.stderr.marked);
            // A cell may have closed its stdout; then there is nothing to wait for.
            timeout(LATE_OUTPUT, all).await
        });
        all.unwrap_or(Ok(()))
    }

    /// Fetches what a cell that failed printed. A panic's text takes its time through the kernel; what is printed after
    /// it takes the same way, so when that has arrived, so has the panic's.
    fn flush(&mut self, sink: &mut Sink) -> Result<(), Error> {
        let (count, status) = (sink.count, sink.status);
        self.hidden += 1;
        let code = instrument::flush(&sink.mark);
        self.request(&code, Some(FLUSH), sink)?;
        if self.is_running() {
            self.wait_for_marks(sink)?;
        }
        (sink.count, sink.status) = (count, status);
        Ok(())
    }
}

/// Returns when the group's leader has ended.
async fn ended(group: &Group) {
    while !group.has_ended() {
        sleep(Duration::from_millis(100)).await;
    }
}
