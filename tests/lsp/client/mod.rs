//! A client of the language server, as an editor is one: it has texts open, changes them, asks and is told.

mod notebooks;
mod questions;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(crate) use self::questions::labels;
use crate::support::Case;

/// How it speaks of notebooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    /// Each cell is a document.
    Notebook,
    /// All code cells are one document, as in `JupyterLab`.
    Joined,
}

/// A client with its server.
pub(crate) struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Receiver<Value>,
    root: std::path::PathBuf,
    speech: Speech,
    /// The open notebooks: of each its cells, by id, with kind and text.
    open: BTreeMap<String, Vec<(String, String, String)>>,
    diagnostics: BTreeMap<String, Value>,
    /// Whatever was said to be wrong at any time.
    pub(crate) ever_wrong: Vec<String>,
    messages: String,
    is_at_rest: bool,
    /// What the server said that it can do.
    pub(crate) capabilities: Value,
    next: i64,
}

/// How long something may take that has to come.
const PATIENCE: Duration = Duration::from_mins(4);

impl Client {
    pub(crate) fn start(case: &Case, speech: Speech) -> Self {
        Self::start_with(case, speech, &[])
    }

    pub(crate) fn start_with(case: &Case, speech: Speech, arguments: &[&str]) -> Self {
        let mut child = case
            .command("lsp")
            .args(arguments)
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let (sender, said) = channel();
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            while let Some(message) = read(&mut stdout) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let root = case.path(".").canonicalize().unwrap();
        let mut client = Self {
            child,
            stdin,
            said,
            root,
            speech,
            open: BTreeMap::new(),
            diagnostics: BTreeMap::new(),
            ever_wrong: Vec::new(),
            messages: String::new(),
            is_at_rest: false,
            capabilities: Value::Null,
            next: 0,
        };
        let root = format!("file://{}", client.root.display());
        let capabilities = json!({"experimental": {"serverStatusNotification": true}});
        let options = json!({"checkOnSave": false});
        let said = client.request("initialize", json!({
            "processId": null, "rootUri": root, "capabilities": capabilities, "initializationOptions": options,
        }));
        client.capabilities = said["result"]["capabilities"].clone();
        client.notify("initialized", json!({}));
        client
    }

    /// The number of the process that the server has started.
    #[cfg(target_os = "linux")]
    pub(crate) fn children(&self) -> String {
        let server = self.child.id().to_string();
        let listed = std::process::Command::new("ps").args(["-o", "pid=", "--ppid", &server]).output();
        String::from_utf8(listed.unwrap().stdout).unwrap()
    }

    /// Waits until rust-analyzer has loaded everything.
    pub(crate) fn at_rest(&mut self) {
        let start = Instant::now();
        while !self.is_at_rest {
            assert!(start.elapsed() < PATIENCE, "rust-analyzer is not at rest: {}", self.messages);
            self.listen(Duration::from_millis(50));
        }
    }

    /// What was shown to the user so far.
    pub(crate) fn messages(&mut self) -> &str {
        self.listen(Duration::from_millis(50));
        &self.messages
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is written where it is sent")]
    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Asks, and waits for the answer: a message with `result` or `error`.
    #[expect(clippy::needless_pass_by_value, reason = "it is written where it is sent")]
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let start = Instant::now();
        loop {
            let message = self.said.recv_timeout(PATIENCE.saturating_sub(start.elapsed()));
            let message = message.unwrap_or_else(|error| panic!("no answer to {method}: {error}"));
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
            self.take(&message);
        }
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let stdin = self.stdin.as_mut().unwrap();
        write!(stdin, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        stdin.flush().unwrap();
    }

    fn listen(&mut self, time: Duration) {
        while let Ok(message) = self.said.recv_timeout(time) {
            self.take(&message);
        }
    }

    fn take(&mut self, message: &Value) {
        let params = &message["params"];
        match message["method"].as_str().unwrap_or_default() {
            "textDocument/publishDiagnostics" => {
                let uri = params["uri"].as_str().unwrap().to_owned();
                let all = params["diagnostics"].as_array().into_iter().flatten();
                self.ever_wrong.extend(all.map(|one| one["message"].to_string()));
                self.diagnostics.insert(uri, params["diagnostics"].clone());
            }
            "experimental/serverStatus" => self.is_at_rest = params["quiescent"] == true,
            "window/showMessage" => {
                self.messages += params["message"].as_str().unwrap_or_default();
                self.messages.push('\n');
            }
            _ => {}
        }
    }

    /// Leaves as an editor does; tells whether the server ended well.
    pub(crate) fn leave(mut self) -> bool {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        self.stdin = None;
        self.child.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.wait();
    }
}

fn read(from: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some(number) = line.strip_prefix("Content-Length: ") {
            length = number.parse().ok()?;
        }
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}
