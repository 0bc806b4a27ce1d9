//! How a kernel is reached: requests go out, messages come in, and its end is one of the things that come.

use jupyter_protocol::{ExecuteRequest, JupyterMessage};

use super::launch::Process;
use super::message::Message;
use crate::diagnostic::Result;

/// A kernel that can be talked to. Dropping it ends the kernel.
pub(super) enum Transport {
    /// A process of this machine, by `ZeroMQ`.
    Process(Process),
}

/// What comes in.
pub(super) enum Incoming {
    /// By the shell socket: the answer to a request.
    Reply(Message),
    /// By the iopub socket: outputs, and what the kernel is doing.
    Published(Message),
    /// Nothing more: the kernel is gone.
    Ended,
}

impl Transport {
    /// Asks the kernel to execute `code`; the request's id comes back.
    pub(super) async fn execute(&mut self, code: &str) -> Result<String> {
        self.send(ExecuteRequest { stop_on_error: false, ..ExecuteRequest::new(code.into()) }.into()).await
    }

    async fn send(&mut self, request: JupyterMessage) -> Result<String> {
        match self {
            Self::Process(process) => process.send(request).await,
        }
    }

    /// The next thing that comes in. What was sent before the kernel ended comes before its end.
    pub(super) async fn next(&mut self) -> Result<Incoming> {
        match self {
            Self::Process(process) => process.next().await,
        }
    }

    /// Whether the kernel is gone.
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::Process(process) => process.has_ended(),
        }
    }

    /// Ends the kernel and everything it started; tells how it ended.
    pub(super) fn stop(&mut self) -> String {
        match self {
            Self::Process(process) => process.stop(),
        }
    }
}
