//! What comes of a request, and of a cell.

use std::time::Duration;

use super::{Instrumented, Refused};
use crate::run::outputs::Output;

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
    /// Nothing that came here. The kernel was ended.
    Lost,
}

/// How what comes of a cell gets lost between the kernel's server and here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// With the connection, as is said here.
    Connection(String),
    /// The server passes on no more than a certain rate of outputs; in its words.
    Outputs(String),
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connection(how) => write!(f, "the connection to the server was lost ({how})"),
            Self::Outputs(what) => write!(f, "the server left out some of its outputs ({what})"),
        }
    }
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
    /// It printed what the kernel takes for the end of a cell, and the kernel, which no longer knew what belongs to
    /// which cell, was killed.
    OutOfStep,
    /// It compiles as it is, but not with the mark at its end, so that nobody knows how it ended.
    Unknown,
    /// What would have told how it ended got lost.
    Lost(Lost),
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
    /// The program that the kernel made of it, when it stopped before its end: panics name its lines.
    pub program: Option<String>,
    /// What was sent.
    pub sent: Instrumented,
    /// When the kernel began and ended it: events as Jupyter calls them, with the kernel's own time.
    pub times: Vec<(&'static str, String)>,
    /// Why some of what it put out may be missing.
    pub incomplete: Option<Lost>,
}

impl Run {
    /// A cell that was not sent.
    pub(super) fn refused(refused: Refused) -> Self {
        let value = refused.message.clone();
        let error = Output::Error { name: "Error".to_owned(), traceback: vec![value.clone()], value };
        Self {
            end: End::Refused(refused),
            outputs: vec![error],
            execution_count: None,
            program: None,
            sent: Instrumented::default(),
            times: Vec::new(),
            incomplete: None,
        }
    }
}
