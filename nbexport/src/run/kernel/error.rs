//! Why a kernel did no work, in words that say the way out.

use std::time::Duration;

use crate::diagnostic::Diagnostic;

/// Why a kernel did no work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is neither a kernelspec for Rust nor an `evcxr_jupyter`.
    #[error(
        "no Jupyter kernel for Rust is installed\n\
         help: install evcxr's, which takes some minutes once:\n      \
         cargo install --locked evcxr_jupyter && evcxr_jupyter --install"
    )]
    NoRustKernel,
    /// The kernel asked for is not there.
    #[error("there is no kernel `{name}`\nhelp: {}", others(.available))]
    NoSuchKernel {
        /// The name asked for.
        name: String,
        /// The names that are there.
        available: Vec<String>,
    },
    /// The kernel's program could not be started, or a file for it not be written.
    #[error("cannot start the kernel `{kernel}` (`{program}`): {source}")]
    Start {
        /// The kernel's name.
        kernel: String,
        /// Its program, as its kernelspec gives it.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The kernel's process ended before it answered.
    #[error("the kernel `{kernel}` ended while it started ({status}){said}")]
    Ended {
        /// The kernel's name.
        kernel: String,
        /// How its process ended.
        status: String,
        /// What it printed to stderr, on lines of its own.
        said: String,
    },
    /// The kernel's process runs, but does not answer.
    #[error("the kernel `{kernel}` did not answer within {} s{said}", .after.as_secs())]
    NotReady {
        /// The kernel's name.
        kernel: String,
        /// How long it was waited for.
        after: Duration,
        /// What it printed to stderr, on lines of its own.
        said: String,
    },
    /// The kernel was stopped before: it died, or a cell took too long.
    #[error("the kernel is no longer running")]
    Gone,
    /// The kernel does not speak the protocol.
    #[error("the kernel sent what is no Jupyter message: {0}")]
    Protocol(String),
}

fn others(available: &[String]) -> String {
    if available.is_empty() {
        return "no kernel is installed; `cargo install --locked evcxr_jupyter && evcxr_jupyter --install` installs \
                evcxr's"
            .to_owned();
    }
    format!("these are installed: {}", available.join(", "))
}

impl Error {
    /// The error as a diagnostic; its message holds the way out on a line of its own.
    pub fn diagnostic(&self) -> Diagnostic {
        let text = self.to_string();
        match text.split_once("\nhelp: ") {
            Some((message, help)) => Diagnostic::error(message).help(help),
            None => Diagnostic::error(text),
        }
    }
}
