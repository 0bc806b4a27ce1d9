//! Groups of processes as Windows has them: job objects, which no process of theirs can leave.
//!
//! This process is in a job of its own that ends with it, however it ends; that is how nothing outlives a kill.

use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use process_wrap::std::{ChildWrapper, CommandWrap, JobObject};
use win32job::{ExtendedLimitInfo, Job};

/// Whether this process is being stopped.
static STOPPING: Mutex<bool> = Mutex::new(false);

/// The job of this process. Its one handle is closed by the end of the process, and that kills all who are in it.
static OWN_JOB: OnceLock<Option<Job>> = OnceLock::new();

/// A child process and all that it starts; dropping it kills them all.
#[derive(Debug)]
pub struct Group {
    leader: Mutex<Box<dyn ChildWrapper>>,
}

impl Group {
    /// Starts `command` as the first process of a new group.
    pub fn spawn(command: &mut Command) -> std::io::Result<Self> {
        OWN_JOB.get_or_init(own_job);
        // Held while it starts, so that a ctrl-C finds it either not started or in our job.
        let stopping = STOPPING.lock().unwrap_or_else(PoisonError::into_inner);
        if *stopping {
            return Err(std::io::Error::from(std::io::ErrorKind::Interrupted));
        }
        // It starts suspended, and runs once it is in its job.
        let command = std::mem::replace(command, Command::new(""));
        let leader = CommandWrap::from(command).wrap(JobObject).spawn()?;
        Ok(Self { leader: Mutex::new(leader) })
    }

    fn leader(&self) -> MutexGuard<'_, Box<dyn ChildWrapper>> {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first process's id.
    pub fn id(&self) -> u32 {
        self.leader().id()
    }

    /// The first process's stdin, where it is a pipe; it is handed out once.
    pub fn take_input(&mut self) -> Option<ChildStdin> {
        self.leader().stdin().take()
    }

    /// The first process's stdout and stderr, where they are pipes; each is handed out once.
    pub fn take_output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        let mut leader = self.leader();
        (leader.stdout().take(), leader.stderr().take())
    }

    /// Whether the first process has ended.
    pub fn has_ended(&self) -> bool {
        !matches!(self.leader().try_wait(), Ok(None))
    }

    /// Kills every process of the group, and gives the status of the first.
    pub fn kill(self) -> std::io::Result<ExitStatus> {
        self.end()
    }

    fn end(&self) -> std::io::Result<ExitStatus> {
        let mut leader = self.leader();
        // One that ended by itself keeps its status.
        leader.start_kill()?;
        // Not the job's own `wait`, for which the news of its end must not have been taken before.
        leader.inner_mut().wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Where this fails (a job that allows none within it), groups are as safe as this process lets them be.
fn own_job() -> Option<Job> {
    let mut limits = ExtendedLimitInfo::new();
    limits.limit_kill_on_job_close();
    let job = Job::create_with_limit_info(&limits).ok()?;
    job.assign_current_process().ok()?;
    Some(job)
}

/// No group can be started from here on. Those that are alive end with this process, by its job.
pub(super) fn kill_all() {
    *STOPPING.lock().unwrap_or_else(PoisonError::into_inner) = true;
}

/// What waits for an event that asks this process to end, and gives the number of the signal that it is elsewhere. From here
/// on no other comes through.
pub(super) fn interrupt() -> std::io::Result<impl FnOnce() -> i32> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};

    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let guard = runtime.enter();
    let (mut interrupt, mut stop) = (ctrl_c()?, ctrl_break()?);
    let (mut close, mut shutdown) = (ctrl_close()?, ctrl_shutdown()?);
    drop(guard);
    let event = async move {
        tokio::select! {
            _ = interrupt.recv() => 2,
            _ = stop.recv() => 15,
            _ = close.recv() => 1,
            _ = shutdown.recv() => 15,
        }
    };
    Ok(move || runtime.block_on(event))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::Stdio;

    use super::*;

    fn cmd(line: &str) -> Command {
        let mut command = Command::new("cmd");
        command.args(["/C", line]).stdout(Stdio::piped());
        command
    }

    #[test]
    fn what_the_first_process_started_goes_with_it() {
        let mut group = Group::spawn(&mut cmd("ping -n 600 127.0.0.1")).unwrap();
        let (stdout, _) = group.take_output();
        assert!(!group.has_ended());
        group.kill().unwrap();
        // Its end comes when nobody holds the other one any more.
        stdout.unwrap().read_to_end(&mut Vec::new()).unwrap();
    }

    #[test]
    fn one_that_ended_keeps_its_status() {
        let group = Group::spawn(&mut cmd("exit 3")).unwrap();
        while !group.has_ended() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(group.kill().unwrap().code(), Some(3));
    }
}
