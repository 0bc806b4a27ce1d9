//! [`Running`]: the binary while it runs, and what it says meanwhile.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A command that does not end by itself; dropped, it is gone.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.env("RUST_BACKTRACE", "0").spawn().unwrap();
        let (sender, lines) = channel();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let errors = sender.clone();
        std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        std::thread::spawn(move || {
            BufReader::new(err).lines().map_while(Result::ok).all(|line| errors.send(line).is_ok())
        });
        Self { child, lines }
    }

    /// Waits for a line that holds this text; gives it and what was said before.
    pub(crate) fn says(&self, text: &str) -> String {
        let mut said = String::new();
        loop {
            match self.lines.recv_timeout(Duration::from_mins(2)) {
                Ok(line) => said += &(line + "\n"),
                Err(error) => panic!("`{text}` is not said ({error}), but:\n{said}"),
            }
            if said.lines().next_back().is_some_and(|line| line.contains(text)) {
                return said;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
