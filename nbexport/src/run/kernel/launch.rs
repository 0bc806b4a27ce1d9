//! A kernel's process: its folder, its ports, its environment, and the wait until it answers.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jupyter_protocol::{ConnectionInfo, JupyterMessage};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use super::builds::{Builds, library_path};
use super::transport::Incoming;
use super::wire::{Wire, connection_info};
use super::{KernelOptions, Spec};
use crate::diagnostic::{Diagnostic, Result};
use crate::files;
use crate::run::process::Group;

/// How the names of a kernel's temporary folders begin.
pub(super) const HOME: &str = "nbexport-kernel-";
/// How often a kernel is started anew when another program took one of its ports.
const TRIES: usize = 4;
/// How long a process is waited for whose connection broke.
const DYING: Duration = Duration::from_secs(2);

/// A kernel's process, and the connection to it. Dropping it ends the process and all it started.
pub(super) struct Process {
    wire: Wire,
    // In this order: the process ends before its folder goes and the folder for builds is free again.
    group: Option<Group>,
    _home: TempDir,
    builds: Builds,
}

impl Process {
    pub(super) fn has_ended(&self) -> bool {
        self.group.as_ref().is_none_or(Group::has_ended)
    }

    pub(super) async fn send(&mut self, request: JupyterMessage) -> Result<String> {
        let id = request.header.msg_id.clone();
        match self.wire.send(request).await {
            // That the kernel ended is what comes next.
            Err(_) if self.dies_now().await => Ok(id),
            sent => sent,
        }
    }

    pub(super) async fn next(&mut self) -> Result<Incoming> {
        let next = tokio::select! {
            biased;
            next = self.wire.next() => next,
            () = gone(self.group.as_ref()) => Ok(Incoming::Ended),
        };
        match next {
            Err(_) if self.dies_now().await => Ok(Incoming::Ended),
            next => next,
        }
    }

    /// The program that the kernel made of the last request.
    pub(super) fn program(&self) -> Option<String> {
        std::fs::read_to_string(self.builds.path.join("src/lib.rs")).ok()
    }

    /// Kills the process group; tells how the kernel ended.
    pub(super) fn stop(&mut self) -> String {
        let Some(group) = self.group.take() else {
            return "it was stopped before".to_owned();
        };
        group.kill().map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    /// The connection breaks a moment before the end of the process is seen.
    async fn dies_now(&self) -> bool {
        timeout(DYING, gone(self.group.as_ref())).await.is_ok()
    }
}

/// Starts a kernel and waits until it answers.
pub(super) fn launch(spec: &Spec, options: &KernelOptions, runtime: &Runtime) -> Result<Process> {
    for _ in 1..TRIES {
        match try_launch(spec, options, runtime) {
            Err(NotLaunched::PortTaken(_)) => {}
            Err(NotLaunched::Otherwise(error)) => return Err(error),
            Ok(launched) => return Ok(launched),
        }
    }
    try_launch(spec, options, runtime)
        .map_err(|(NotLaunched::PortTaken(error) | NotLaunched::Otherwise(error))| error)
}

/// Why a kernel did not start.
enum NotLaunched {
    /// Another program took a port between the choice of it and the kernel's start.
    PortTaken(Diagnostic),
    Otherwise(Diagnostic),
}

impl From<Diagnostic> for NotLaunched {
    fn from(error: Diagnostic) -> Self {
        Self::Otherwise(error)
    }
}

fn try_launch(spec: &Spec, options: &KernelOptions, runtime: &Runtime) -> Result<Process, NotLaunched> {
    let kernel = &spec.name;
    let not_started = |error: std::io::Error| spec.not_started(&error);
    let builds = options.builds.as_deref().map(Builds::claim).transpose().map_err(not_started)?;
    // Only this user may enter it: the connection file is the key to a program that runs what it is told.
    let parent = builds.as_ref().map_or_else(std::env::temp_dir, |builds| builds.path.clone());
    let home = tempfile::Builder::new().prefix(HOME).tempdir_in(parent).map_err(not_started)?;
    let builds = builds.unwrap_or_else(|| Builds::passing(home.path().join("build")));
    let connection = connection_info(kernel).map_err(not_started)?;
    let said = home.path().join("said.txt");
    let mut command =
        command(spec, options, &connection, home.path(), &builds.path, &said).map_err(not_started)?;
    let group = Group::spawn(&mut command).map_err(not_started)?;

    let connected = runtime.block_on(async {
        tokio::select! {
            ready = timeout(options.patience, Wire::connect(&connection)) => match ready {
                // The connection breaks a moment before the end of the process is seen.
                Ok(Err(_)) if timeout(DYING, ended(&group)).await.is_ok() => None,
                ready => Some(ready),
            },
            () = ended(&group) => None,
        }
    });
    match connected {
        Some(Ok(wire)) => Ok(Process { wire: wire?, group: Some(group), _home: home, builds }),
        Some(Err(_)) => {
            let (seconds, said) = (options.patience.as_secs(), last_lines(&said));
            let message = format!("the kernel `{kernel}` did not answer within {seconds} s{said}");
            Err(Diagnostic::error(message).into())
        }
        None => {
            let status = group.kill().map_or_else(|error| error.to_string(), |status| status.to_string());
            let said = last_lines(&said);
            let error =
                Diagnostic::error(format!("the kernel `{kernel}` ended while it started ({status}){said}"));
            // As the systems word it: `Address already in use`, `address in use`.
            let port_taken = said.to_lowercase().contains("address");
            Err(if port_taken { NotLaunched::PortTaken(error) } else { NotLaunched::Otherwise(error) })
        }
    }
}

/// The command that starts the kernel, its files written.
fn command(
    spec: &Spec,
    options: &KernelOptions,
    connection: &ConnectionInfo,
    home: &Path,
    builds: &Path,
    said: &Path,
) -> std::io::Result<Command> {
    std::fs::create_dir_all(builds)?;
    let file = home.join("connection.json");
    serde_json::to_writer(files::scratch(&file)?, connection)?;
    let mut argv = spec.argv.iter().map(|arg| arg.replace("{connection_file}", &file.to_string_lossy()));
    let mut command = Command::new(argv.next().unwrap_or_default());
    command
        .args(argv)
        .current_dir(&options.cwd)
        .envs(&spec.env)
        .env("EVCXR_TMPDIR", builds)
        .envs(library_path(&options.cwd))
        .envs(options.env.iter().map(|(key, value)| (key, value)))
        // evcxr's own program unwinds, and what is linked to it must too.
        .env_remove("CARGO_PROFILE_DEV_PANIC")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(files::scratch(said)?);
    Ok(command)
}

/// The last lines a kernel wrote to its stderr, without its backtrace, each on a line of its own.
fn last_lines(said: &Path) -> String {
    let text = std::fs::read_to_string(said).unwrap_or_default();
    let text = text.split("\nStack backtrace:").next().unwrap_or_default().trim_end();
    let lines: Vec<_> = text.lines().rev().take(20).collect();
    lines.into_iter().rev().fold(String::new(), |all, line| all + "\n  " + line)
}

/// Returns when there is no such group, or its leader has ended.
async fn gone(group: Option<&Group>) {
    if let Some(group) = group {
        ended(group).await;
    }
}

/// Returns when the group's leader has ended.
async fn ended(group: &Group) {
    while !group.has_ended() {
        sleep(Duration::from_millis(100)).await;
    }
}
