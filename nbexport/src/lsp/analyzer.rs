//! rust-analyzer, as a child process: how it is found, started and spoken to.

use std::collections::HashMap;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use lsp_server::{Message, Notification, Request, RequestId, Response};
use serde_json::{Value, json};

use super::text;
use crate::diagnostic::{Diagnostic, Result};

/// How long it may take to say what it can do.
const START: Duration = Duration::from_mins(1);

/// A rust-analyzer that runs.
pub(super) struct Analyzer {
    child: Child,
    sender: Sender<Message>,
    /// What it says. When it has ended, the channel is closed.
    pub(super) receiver: Receiver<Message>,
    /// What it can do.
    pub(super) capabilities: Value,
    /// The texts that it has of us, with how often each was changed.
    shown: HashMap<String, (i32, String)>,
    next: i32,
}

/// Finds the program: the one that is named, or the one on PATH. That of rustup is there without being installed.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf> {
    let program = named.map_or_else(|| PathBuf::from("rust-analyzer"), Path::to_owned);
    let says = Command::new(&program).arg("--version").stdin(Stdio::null()).output();
    match says {
        Ok(output) if output.status.success() => Ok(program),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Diagnostic::error("rust-analyzer is not installed").note(said).help(INSTALL))
        }
        Err(error) => {
            let message = format!("cannot run `{}`: {error}", program.display());
            Err(Diagnostic::error(message).help(INSTALL))
        }
    }
}

const INSTALL: &str =
    "`rustup component add rust-analyzer` installs it; `nbexport lsp --rust-analyzer PATH` takes another";

impl Analyzer {
    /// Starts it on the workspace of a manifest.
    pub(super) fn start(program: &Path, root: &Path, manifest: &Path, snippets: bool) -> Result<Self> {
        let failed = |what: &str| {
            Diagnostic::error(format!("rust-analyzer {what}"))
                .help("`rust-analyzer --version` shows whether it runs at all")
        };
        let mut child = Command::new(program)
            .current_dir(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(&format!("does not start: {error}")))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("has no pipes"));
        };
        let (sender, outgoing) = unbounded::<Message>();
        let (incoming, receiver) = unbounded();
        std::thread::spawn(move || write(stdin, &outgoing));
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            while let Ok(Some(message)) = Message::read(&mut stdout) {
                if incoming.send(message).is_err() {
                    break;
                }
            }
        });
        let (shown, capabilities) = (HashMap::new(), Value::Null);
        let mut analyzer = Self { child, sender, receiver, capabilities, shown, next: 0 };
        let id = analyzer.request("initialize", params(root, manifest, snippets));
        let until = Instant::now() + START;
        loop {
            match analyzer.receiver.recv_deadline(until) {
                Ok(Message::Response(Response { id: answered, response_result })) if answered == id => {
                    let result =
                        response_result.map_err(|error| failed(&format!("refuses: {}", error.message)))?;
                    analyzer.capabilities = result.get("capabilities").cloned().unwrap_or_default();
                    break;
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Err(failed("does not answer")),
                Err(RecvTimeoutError::Disconnected) => return Err(failed("ended at once")),
            }
        }
        analyzer.notify("initialized", json!({}));
        Ok(analyzer)
    }

    /// Tells it something.
    pub(super) fn notify(&self, method: &str, params: Value) {
        let message = Notification { method: method.to_owned(), params };
        let _ = self.sender.send(Message::Notification(message));
    }

    /// Asks it something.
    pub(super) fn request(&mut self, method: &str, params: Value) -> RequestId {
        self.next += 1;
        let id = RequestId::from(self.next);
        let request = Request { id: id.clone(), method: method.to_owned(), params };
        let _ = self.sender.send(Message::Request(request));
        id
    }

    /// Answers what it asks.
    pub(super) fn answer(&self, id: RequestId, result: Value) {
        let _ = self.sender.send(Message::Response(Response::new_ok(id, result)));
    }

    /// Shows it a file with this text, in place of what is on the disk; of one that it has, the lines that differ.
    pub(super) fn show(&mut self, uri: &str, new: &str) {
        let Some((version, old)) = self.shown.get_mut(uri) else {
            let document = json!({"uri": uri, "languageId": "rust", "version": 0, "text": new});
            self.notify("textDocument/didOpen", json!({"textDocument": document}));
            self.shown.insert(uri.to_owned(), (0, new.to_owned()));
            return;
        };
        let changes: Vec<Value> = text::changed_lines(old, new)
            .into_iter()
            .map(|(lines, text)| {
                let place = |line: usize| json!({"line": line, "character": 0});
                json!({"range": {"start": place(lines.start), "end": place(lines.end)}, "text": text})
            })
            .collect();
        if changes.is_empty() {
            return;
        }
        *version += 1;
        new.clone_into(old);
        let params = json!({"textDocument": {"uri": uri, "version": *version}, "contentChanges": changes});
        self.notify("textDocument/didChange", params);
    }

    /// The files that it was shown.
    pub(super) fn shown(&self) -> Vec<String> {
        self.shown.keys().cloned().collect()
    }

    /// Has it look at the disk again for a file.
    pub(super) fn hide(&mut self, uri: &str) {
        if self.shown.remove(uri).is_some() {
            self.notify("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
        }
    }
}

impl Drop for Analyzer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(mut stdin: ChildStdin, outgoing: &Receiver<Message>) {
    for message in outgoing {
        if message.write(&mut stdin).and_then(|()| stdin.flush()).is_err() {
            break;
        }
    }
}

/// What it is told of us. It watches the files by itself, looks for errors by its own means only, and gives edits whole.
fn params(root: &Path, manifest: &Path, snippets: bool) -> Value {
    let symbols = json!({"hierarchicalDocumentSymbolSupport": true});
    let completion = json!({"completionItem": {
        "snippetSupport": snippets, "documentationFormat": ["markdown"], "insertReplaceSupport": false,
        "resolveSupport": {"properties": ["documentation", "detail", "additionalTextEdits"]},
        "labelDetailsSupport": true,
    }});
    let tokens = json!({
        "requests": {"range": true, "full": true}, "formats": ["relative"], "tokenTypes": TOKENS,
        "tokenModifiers": ["declaration", "static", "library", "async", "documentation", "defaultLibrary"],
        "augmentsSyntaxTokens": true,
    });
    let kinds = ["quickfix", "refactor", "refactor.extract", "refactor.inline", "refactor.rewrite"];
    json!({
        "processId": std::process::id(),
        "rootUri": super::uri::of(root),
        "workspaceFolders": [{"uri": super::uri::of(root), "name": "nbexport"}],
        "capabilities": {
            "general": {"positionEncodings": ["utf-16"]},
            "window": {"workDoneProgress": true},
            "workspace": {"workspaceEdit": {"documentChanges": true}, "configuration": false},
            "textDocument": {
                "hover": {"contentFormat": ["markdown"]},
                "completion": completion,
                "documentSymbol": symbols,
                "semanticTokens": tokens,
                "signatureHelp": {"signatureInformation": {
                    "documentationFormat": ["markdown"], "parameterInformation": {"labelOffsetSupport": true},
                    "activeParameterSupport": true,
                }},
                "rename": {"prepareSupport": true},
                "foldingRange": {"lineFoldingOnly": true},
                "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": kinds}}},
                "publishDiagnostics": {"relatedInformation": true},
            },
            "experimental": {"serverStatusNotification": true},
        },
        "initializationOptions": {
            "linkedProjects": [manifest],
            "checkOnSave": false,
            "files": {"watcher": "server"},
            "cachePriming": {"enable": true},
            "inlayHints": {"maxLength": 25},
            // Names and methods that there are not: still on trial there, and what a person misses most.
            "diagnostics": {"experimental": {"enable": true}},
        },
    })
}

const TOKENS: &[&str] = &[
    "namespace",
    "type",
    "class",
    "enum",
    "interface",
    "struct",
    "typeParameter",
    "parameter",
    "variable",
    "property",
    "enumMember",
    "function",
    "method",
    "macro",
    "keyword",
    "comment",
    "string",
    "number",
    "operator",
    "decorator",
];
