//! Process groups as Linux and macOS have them. The leader is killed with its group before it is reaped, so that its
//! number never means another process.
//!
//! The price is that the terminal's ctrl-C no longer reaches the group, so an interrupt of this process is passed on.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The groups alive in this process, and whether it is being stopped.
struct Groups {
    /// By process id, each with its mark.
    alive: BTreeMap<i32, String>,
    stopping: bool,
}

static GROUPS: Mutex<Groups> = Mutex::new(Groups { alive: BTreeMap::new(), stopping: false });

fn groups() -> MutexGuard<'static, Groups> {
    // What is in it is never left half-changed, so a panic elsewhere does not spoil it.
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child process that leads its own process group; dropping it kills the whole group.
#[derive(Debug)]
pub struct Group {
    leader: Child,
    pid: Pid,
    guard: Option<Child>,
    /// What all that it starts has in its environment.
    mark: String,
}

/// Kills a process group when this process is gone, however it went: SIGKILL, as the out-of-memory killer sends it, can
/// be acted upon by nobody else. It waits for the end of a pipe whose other end only this process has.
fn guard(group: Pid) -> std::io::Result<Child> {
    Command::new("sh")
        .args(["-c", "read _; kill -s KILL -- \"-$1\"", "sh", &group.as_raw_pid().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A ctrl-C in the terminal is not for it.
        .process_group(0)
        .spawn()
}

/// The variable by which a process that left its group is known.
const MARK: &str = "NBEXPORT_GROUP";

impl Group {
    /// Starts `command` as the leader of a new process group.
    pub fn spawn(command: &mut Command) -> std::io::Result<Self> {
        // The lock is held across the fork, so that a ctrl-C finds the child either not started or in the list.
        let mut groups = groups();
        if groups.stopping {
            return Err(std::io::Error::from(std::io::ErrorKind::Interrupted));
        }
        let mut mark = [0; 8];
        getrandom::fill(&mut mark).map_err(std::io::Error::other)?;
        let mark = format!("{:016x}", u64::from_ne_bytes(mark));
        let leader = command.process_group(0).env(MARK, &mark).spawn()?;
        let pid = Pid::from_child(&leader);
        groups.alive.insert(pid.as_raw_pid(), mark.clone());
        // Without one, the group is as safe as this process lets it be.
        let guard = guard(pid).ok();
        Ok(Self { leader, pid, guard, mark })
    }

    /// The leader's process id, which is the group's id too.
    pub fn id(&self) -> u32 {
        self.leader.id()
    }

    /// The leader's stdin, where it is a pipe; it is handed out once.
    pub fn take_input(&mut self) -> Option<ChildStdin> {
        self.leader.stdin.take()
    }

    /// The leader's stdout and stderr, where they are pipes; each is handed out once.
    pub fn take_output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.leader.stdout.take(), self.leader.stderr.take())
    }

    /// Whether the leader has ended. It is not reaped by this, so its id stays taken until the group is killed.
    pub fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.pid), options), Ok(None))
    }

    /// Kills every process of the group and reaps the leader, whose status comes back.
    pub fn kill(mut self) -> std::io::Result<ExitStatus> {
        self.end()
    }

    fn end(&mut self) -> std::io::Result<ExitStatus> {
        // First the kill, then the reaping: once the leader is reaped the id may belong to someone else.
        if groups().alive.remove(&self.pid.as_raw_pid()).is_some() {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
        // Before the leader is reaped, or the guard might take another group of the same number for it.
        if let Some(mut guard) = self.guard.take() {
            let _ = guard.kill();
            let _ = guard.wait();
        }
        kill_marked(&self.mark);
        self.leader.wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Kills what made a group (a session) of its own, and so did not end with the group it came from. Where there is no
/// `/proc`, nobody can tell.
fn kill_marked(mark: &str) {
    let entry = format!("{MARK}={mark}");
    let is_marked = |pid: Pid| {
        std::fs::read(format!("/proc/{}/environ", pid.as_raw_pid()))
            .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|it| it == entry.as_bytes()))
    };
    // One that is being killed may just have started another.
    for _ in 0..10 {
        let Ok(processes) = std::fs::read_dir("/proc") else { return };
        let pids =
            processes.filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok()).filter_map(Pid::from_raw);
        let marked: Vec<_> = pids.filter(|pid| is_marked(*pid)).collect();
        if marked.is_empty() {
            return;
        }
        for pid in marked {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Kills all groups that are alive; none can be started from here on.
pub(super) fn kill_all() {
    let mut groups = groups();
    groups.stopping = true;
    for (pid, mark) in std::mem::take(&mut groups.alive) {
        if let Some(pid) = Pid::from_raw(pid) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        kill_marked(&mark);
    }
}

/// What waits for a signal that asks this process to end, and gives its number. From here on no other comes through.
pub(super) fn interrupt() -> std::io::Result<impl FnOnce() -> i32> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    Ok(move || signals.forever().next().unwrap_or(SIGTERM))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn the_whole_group_goes_with_its_leader() {
        let mut command = Command::new("sh");
        let pipe = command.args(["-c", "sleep 600 & echo $!; wait"]).stdout(std::process::Stdio::piped());
        let mut group = Group::spawn(pipe).unwrap();
        let mut line = String::new();
        let stdout = group.leader.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        let grandchild = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        assert!(rustix::process::test_kill_process(grandchild).is_ok());
        assert!(!group.has_ended());
        group.kill().unwrap();
        let start = Instant::now();
        // Nobody but init reaps the grandchild, so it may stand as a zombie for a moment.
        while is_running(grandchild) {
            assert!(start.elapsed() < Duration::from_secs(5), "{line} lives on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn is_running(pid: Pid) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid()));
        state.is_ok_and(|text| !text.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z'))
    }

    #[test]
    fn an_ended_leader_is_seen() {
        let group = Group::spawn(&mut Command::new("true")).unwrap();
        let start = Instant::now();
        while !group.has_ended() {
            assert!(start.elapsed() < Duration::from_secs(5));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(group.kill().unwrap().success());
    }
}
