//! One kernel on a server, from its start to its deletion: connections to it come and go.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jupyter_protocol::{JupyterMessage, KernelInfoRequest};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, sleep_until, timeout};
use ureq::http::{Method, StatusCode};

use super::Server;
use super::rest::{Failed, Rest};
use super::socket::{Broken, Socket};
use crate::diagnostic::{Diagnostic, Result};
use crate::run::kernel::answer::Lost;
use crate::run::kernel::message::Message;
use crate::run::kernel::transport::Incoming;
use crate::run::kernel::wire::random;
use crate::run::process::{AtStop, at_stop};

/// How long the server may take to name the kernel that it starts.
const START: Duration = Duration::from_mins(2);
/// How long a connection is tried for again.
const RESUME: Duration = Duration::from_mins(1);
/// How long an interrupt may take.
const INTERRUPT: Duration = Duration::from_secs(5);
/// How long a kernel may take to end.
const DELETE: Duration = Duration::from_secs(30);
/// How often it is tried to delete one.
const TRIES: u32 = 3;
/// How much later than the answer to a later request an earlier one's outputs may come.
const LATE: Duration = Duration::from_secs(1);
/// How long a kernel that answers may go unheard in what it publishes.
const UNHEARD: Duration = Duration::from_secs(20);

/// A kernel on a server. Dropping it deletes the kernel.
pub(in crate::run::kernel) struct Session {
    server: Arc<Server>,
    kernel: Arc<Remote>,
    /// Ends the kernel when this process is stopped.
    _at_stop: AtStop,
    /// By this name the server knows a connection again.
    key: String,
    socket: Option<Socket>,
    /// The request whose answer is waited for, and what is known of it.
    request: Request,
    ended: bool,
    /// Where the kernel keeps the program that it makes of a request.
    program: Option<String>,
}

/// What is known of the last request.
#[derive(Default)]
struct Request {
    id: String,
    answered: bool,
    idle: bool,
    /// Why not all that came of it may have come here.
    doubt: Option<Lost>,
    /// Asked after a connection was resumed: when its answer is there, so would be that to the request before it.
    probe: Option<String>,
    /// When what has not come by then does not come.
    settled: Option<Instant>,
}

#[derive(Deserialize)]
struct Started {
    id: String,
}

impl Session {
    /// Starts a kernel in the server's folder `folder` and waits until it answers.
    pub(in crate::run::kernel) async fn start(
        server: &Arc<Server>,
        folder: &str,
        patience: Duration,
    ) -> Result<Self> {
        let kernel = Arc::new(Remote { rest: server.rest.clone(), id: Mutex::default() });
        let at_stop = {
            let kernel = Arc::clone(&kernel);
            at_stop(move || {
                let _ = kernel.delete(true);
            })
        };
        kernel.start(&server.kernel, folder)?;
        let key = random();
        let mut session = Self {
            server: Arc::clone(server),
            kernel,
            _at_stop: at_stop,
            key,
            socket: None,
            request: Request::default(),
            ended: false,
            program: None,
        };
        let socket = Socket::connect(session.rest(), &session.kernel.id(), &session.key, patience).await;
        session.socket =
            Some(socket.map_err(|failed| session.rest().explain("/api/kernels/…/channels", failed))?);
        session.greet(Instant::now() + patience).await?;
        Ok(session)
    }

    /// Waits until what the kernel publishes is heard here. A server may open a connection before it has subscribed to
    /// that, and what is published in between is lost: the first cell would never be seen to end. So the kernel is
    /// greeted again and again until a greeting's answer and its last word both come. One that is not heard in the end
    /// shows by the first thing it is asked.
    async fn greet(&mut self, mut end: Instant) -> Result<()> {
        let mut pause = Duration::from_millis(500);
        loop {
            self.send(KernelInfoRequest {}.into()).await?;
            let heard = timeout(pause, async {
                while !(self.request.answered && self.request.idle) {
                    if let Incoming::Ended | Incoming::Lost = self.next().await? {
                        break;
                    }
                }
                Ok(())
            });
            match heard.await {
                Ok(heard) => return heard,
                Err(_) if Instant::now() > end => return Ok(()),
                Err(_) => pause = (pause * 2).min(Duration::from_secs(10)),
            }
            if self.request.answered {
                end = end.min(Instant::now() + UNHEARD);
            }
        }
    }

    /// From here on it is known where the kernel keeps the program that it makes of a request.
    pub(super) fn keep_program_in(&mut self, folder: &str) {
        self.program = Some(folder.replace('\'', "'\\''"));
    }

    /// The command by which the kernel shows the program that it made of the last request.
    pub(in crate::run::kernel) fn show_program(&self) -> Option<String> {
        self.program.as_ref().map(|folder| format!("!cat '{folder}/src/lib.rs'"))
    }

    fn rest(&self) -> &Rest {
        &self.kernel.rest
    }

    pub(in crate::run::kernel) async fn send(&mut self, request: JupyterMessage) -> Result<String> {
        let id = request.header.msg_id.clone();
        self.request = Request { id: id.clone(), ..Request::default() };
        if let Some(socket) = &mut self.socket
            && let Err(how) = socket.send(&request).await
        {
            self.cut(&how);
        }
        Ok(id)
    }

    /// Why not all that came of the last request may have come here.
    pub(in crate::run::kernel) fn doubt(&self) -> Option<&Lost> {
        self.request.doubt.as_ref()
    }

    /// Whether there is no connection at this time.
    pub(in crate::run::kernel) fn is_cut(&self) -> bool {
        self.socket.is_none()
    }

    pub(in crate::run::kernel) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(in crate::run::kernel) async fn next(&mut self) -> Result<Incoming> {
        loop {
            if self.ended {
                return Ok(Incoming::Ended);
            }
            let Some(socket) = &mut self.socket else {
                match self.resume().await {
                    Ok(()) => continue,
                    Err(incoming) => return Ok(incoming),
                }
            };
            let settled = self.request.settled;
            let next = tokio::select! {
                biased;
                next = socket.next() => next,
                () = sleep_until(settled.unwrap_or_else(Instant::now).into()), if settled.is_some() => {
                    self.request.settled = None;
                    if let Some(incoming) = self.settle() {
                        return Ok(incoming);
                    }
                    continue;
                }
            };
            match next {
                Ok((channel, message)) => {
                    if let Some(incoming) = self.take(&channel, message) {
                        return Ok(incoming);
                    }
                }
                Err(Broken::Cut(how)) => self.cut(&how),
                Err(Broken::Garbled) => {
                    return Ok(self.lose("the server sent what is no message of Jupyter's".to_owned()));
                }
            }
        }
    }

    fn take(&mut self, channel: &str, message: Message) -> Option<Incoming> {
        let text = |key: &str| message.content.get(key).and_then(Value::as_str).unwrap_or_default();
        let request = &mut self.request;
        let is_ours = message.parent == request.id;
        match (channel, message.kind.as_str()) {
            // Of what the server says by itself; the kernel says `starting` on its own.
            ("iopub", "status") if matches!(text("execution_state"), "restarting" | "dead") => {
                self.ended = true;
                return Some(Incoming::Ended);
            }
            ("iopub", "stream") if is_limit(text("text")) => {
                let what = text("text").lines().next().unwrap_or_default().trim_end_matches('.').to_owned();
                request.doubt.get_or_insert(Lost::Outputs(what));
                return None;
            }
            ("iopub", "status") => request.idle |= is_ours && text("execution_state") == "idle",
            ("shell", _) if request.probe.as_ref() == Some(&message.parent) => {
                request.settled = Some(Instant::now() + LATE);
                return None;
            }
            ("shell", _) => request.answered |= is_ours,
            _ => {}
        }
        match channel {
            "shell" => Some(Incoming::Reply(message)),
            "iopub" => Some(Incoming::Published(message)),
            _ => None,
        }
    }

    /// A request that the kernel was asked after this one is answered: what has not come of this one was lost.
    fn settle(&mut self) -> Option<Incoming> {
        if !self.request.answered {
            return Some(self.lose("and the kernel's answer with it".to_owned()));
        }
        let idle = Message {
            kind: "status".to_owned(),
            parent: self.request.id.clone(),
            date: String::new(),
            content: [("execution_state".to_owned(), Value::from("idle"))].into_iter().collect(),
        };
        (!self.request.idle).then_some(Incoming::Published(idle))
    }

    fn cut(&mut self, how: &str) {
        self.socket = None;
        let how = self.rest().token.hide(how);
        self.request.doubt = Some(Lost::Connection(how));
    }

    /// What came of the request is lost for good.
    fn lose(&mut self, how: String) -> Incoming {
        let how = match self.request.doubt.take() {
            Some(Lost::Connection(before)) => format!("{before}; {how}"),
            _ => how,
        };
        self.request.doubt = Some(Lost::Connection(how));
        Incoming::Lost
    }

    /// Makes a new connection in place of one that was lost, for which the server kept what came in between.
    async fn resume(&mut self) -> Result<(), Incoming> {
        let end = Instant::now() + RESUME;
        let mut pause = Duration::from_millis(100);
        loop {
            let connected = Socket::connect(&self.kernel.rest, &self.kernel.id(), &self.key, RESUME).await;
            let failed = match connected {
                Ok(socket) => {
                    self.socket = Some(socket);
                    self.probe().await;
                    return Ok(());
                }
                Err(failed) => failed,
            };
            match failed {
                Failed::Status(StatusCode::NOT_FOUND, _) => {
                    self.ended = true;
                    return Err(Incoming::Ended);
                }
                Failed::Status(status, _) if status.is_client_error() => {
                    return Err(self.lose(format!("the server takes no new one ({status})")));
                }
                _ if Instant::now() > end => {
                    let seconds = RESUME.as_secs();
                    return Err(self.lose(format!("no new one could be made for {seconds} s")));
                }
                _ => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    async fn probe(&mut self) {
        let probe: JupyterMessage = KernelInfoRequest {}.into();
        self.request.probe = Some(probe.header.msg_id.clone());
        if let Some(socket) = &mut self.socket
            && let Err(how) = socket.send(&probe).await
        {
            self.cut(&how);
        }
    }

    /// Deletes the kernel.
    pub(in crate::run::kernel) fn stop(&mut self) -> String {
        self.ended = true;
        self.socket = None;
        let request = &self.request;
        let is_busy = !(request.id.is_empty() || request.answered && request.idle);
        match self.kernel.delete(is_busy) {
            Ok(()) => "its server deleted it".to_owned(),
            Err(error) => {
                self.server.warn(error);
                "its server could not be told to delete it".to_owned()
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A random id in the form that servers know kernels by.
fn uuid() -> String {
    let digits = random();
    format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}

/// What the server, and not the kernel, says when there is more output than it passes on.
fn is_limit(text: &str) -> bool {
    text.starts_with("IOPub ") && text.contains(" rate exceeded.\nThe Jupyter server will temporarily stop")
}

/// A kernel that the server was asked for, for whoever has to end it.
struct Remote {
    rest: Rest,
    /// Held while the kernel is being started, so that who stops this process waits for the name of it.
    id: Mutex<Option<String>>,
}

impl Remote {
    fn start(&self, name: &str, folder: &str) -> Result<()> {
        let mut id = self.id.lock().unwrap_or_else(PoisonError::into_inner);
        // A server of today takes the id that it is given: then a kernel can be deleted whose start was not heard of.
        let own = uuid();
        let wanted = json!({ "name": name, "path": folder, "kernel_id": own });
        let started: Started = self.rest.post("/api/kernels", &wanted, START).inspect_err(|_| {
            let _ = self.rest.call(&Method::DELETE, &format!("/api/kernels/{own}"), None, INTERRUPT);
        })?;
        // It becomes a part of addresses.
        if started.id.is_empty()
            || !started.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(self.rest.garbled("/api/kernels", "a kernel's id of other characters than ids have"));
        }
        *id = Some(started.id);
        Ok(())
    }

    fn id(&self) -> String {
        self.id.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// Ends the kernel for good, once. What runs in it is interrupted first, or its process might outlive the kernel's.
    fn delete(&self, is_busy: bool) -> Result<()> {
        let Some(id) = self.id.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let path = format!("/api/kernels/{id}");
        if is_busy {
            let _ = self.rest.call(&Method::POST, &format!("{path}/interrupt"), Some(&json!({})), INTERRUPT);
        }
        let mut tries = 1;
        loop {
            let why = match self.rest.call(&Method::DELETE, &path, None, DELETE) {
                Ok(_) | Err(Failed::Status(StatusCode::NOT_FOUND, _)) => return Ok(()),
                Err(Failed::Status(status, _)) => status.to_string(),
                Err(Failed::Otherwise(error)) => error.message.clone(),
            };
            if tries == TRIES {
                let message = format!("the kernel {id} may still run on the server at `{}`", self.rest.url);
                return Err(Diagnostic::warning(message)
                    .note(format!("it could not be deleted: {why}"))
                    .help("delete it there: JupyterLab lists it under \"Running\""));
            }
            std::thread::sleep(Duration::from_millis(500) * tries);
            tries += 1;
        }
    }
}
