//! How a kernel is reached: requests go out, messages come in, and its end is one of the things that come.

use jupyter_protocol::{ExecuteRequest, JupyterMessage};

#[cfg(feature = "server")]
use super::Session;
use super::answer::Lost;
use super::launch::Process;
use super::message::Message;
use crate::diagnostic::Result;

/// A kernel that can be talked to. Dropping it ends the kernel.
pub(super) enum Transport {
    /// A process of this machine, by `ZeroMQ`.
    Process(Box<Process>),
    /// A kernel of a server, by a WebSocket.
    #[cfg(feature = "server")]
    Server(Box<Session>),
}

/// What comes in.
pub(super) enum Incoming {
    /// By the shell socket: the answer to a request.
    Reply(Message),
    /// By the iopub socket: outputs, and what the kernel is doing.
    Published(Message),
    /// Nothing more: the kernel is gone.
    Ended,
    /// Nothing more: what the kernel said got lost.
    #[cfg(feature = "server")]
    Lost,
}

impl Transport {
    /// Asks the kernel to execute `code`; the request's id comes back.
    pub(super) async fn execute(&mut self, code: &str) -> Result<String> {
        self.send(ExecuteRequest { stop_on_error: false, ..ExecuteRequest::new(code.into()) }.into()).await
    }

    async fn send(&mut self, request: JupyterMessage) -> Result<String> {
        match self {
            Self::Process(process) => process.send(request).await,
            #[cfg(feature = "server")]
            Self::Server(session) => session.send(request).await,
        }
    }

    /// The next thing that comes in. What was sent before the kernel ended comes before its end.
    pub(super) async fn next(&mut self) -> Result<Incoming> {
        match self {
            Self::Process(process) => process.next().await,
            #[cfg(feature = "server")]
            Self::Server(session) => session.next().await,
        }
    }

    /// Whether the kernel is gone.
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::Process(process) => process.has_ended(),
            #[cfg(feature = "server")]
            Self::Server(session) => session.has_ended(),
        }
    }

    /// Ends the kernel and everything it started; tells how it ended.
    pub(super) fn stop(&mut self) -> String {
        match self {
            Self::Process(process) => process.stop(),
            #[cfg(feature = "server")]
            Self::Server(session) => session.stop(),
        }
    }

    /// Why not all that came of the last request may have come here.
    pub(super) fn doubt(&self) -> Option<Lost> {
        match self {
            Self::Process(_) => None,
            #[cfg(feature = "server")]
            Self::Server(session) => session.doubt().cloned(),
        }
    }

    /// Whether there is no connection to the kernel at this time.
    pub(super) fn is_cut(&self) -> bool {
        match self {
            Self::Process(_) => false,
            #[cfg(feature = "server")]
            Self::Server(session) => session.is_cut(),
        }
    }
}
