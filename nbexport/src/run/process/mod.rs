//! Process groups that leave nothing behind: whatever a notebook starts ends with it.
//!
//! A kernel and a notebook's program run code that a person wrote: it hangs, forks and ignores polite requests. Each
//! gets a [`Group`] of its own (a process group, or a job object on Windows), which is killed as a whole.

#[cfg(feature = "server")]
mod at_stop;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(feature = "server")]
pub(crate) use self::at_stop::{AtStop, at_stop};
#[cfg(unix)]
pub use self::unix::Group;
#[cfg(unix)]
use self::unix::{interrupt, kill_all};
#[cfg(windows)]
pub use self::windows::Group;
#[cfg(windows)]
use self::windows::{interrupt, kill_all};

/// From here on an interrupt, a hang-up or a polite kill of this process ends all its groups first.
///
/// The process then exits with 128 plus the signal's number, as a shell reports it.
pub fn stop_on_interrupt() -> std::io::Result<()> {
    let interrupt = interrupt()?;
    std::thread::Builder::new().name("interrupt".into()).spawn(move || {
        let number = interrupt();
        kill_all();
        #[cfg(feature = "server")]
        at_stop::run();
        std::process::exit(128 + number);
    })?;
    Ok(())
}
