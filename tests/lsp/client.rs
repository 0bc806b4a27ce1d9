//! A client of the language server, as an editor is one: it has texts open, changes them, asks and is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

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
            next: 0,
        };
        let root = format!("file://{}", client.root.display());
        let capabilities = json!({"experimental": {"serverStatusNotification": true}});
        let options = json!({"checkOnSave": false});
        client.request("initialize", json!({
            "processId": null, "rootUri": root, "capabilities": capabilities, "initializationOptions": options,
        }));
        client.notify("initialized", json!({}));
        client
    }

    pub(crate) fn notebook_uri(&self, name: &str) -> String {
        let folder = if self.speech == Speech::Joined { ".virtual_documents/notebooks" } else { "notebooks" };
        format!("file://{}/{folder}/{name}.ipynb", self.root.display())
    }

    /// The document that a cell is in.
    pub(crate) fn uri(&self, name: &str, cell: &str) -> String {
        match self.speech {
            Speech::Joined => self.notebook_uri(name),
            Speech::Notebook => {
                format!("vscode-notebook-cell:{}/notebooks/{name}.ipynb#{cell}", self.root.display())
            }
        }
    }

    /// Opens a notebook as it is on the disk.
    pub(crate) fn open(&mut self, name: &str) {
        let text = std::fs::read_to_string(self.root.join(format!("notebooks/{name}.ipynb"))).unwrap();
        let notebook: Value = serde_json::from_str(&text).unwrap();
        let cells = notebook["cells"].as_array().unwrap().iter().map(|cell| {
            let source = cell["source"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let word = |key: &str| cell[key].as_str().unwrap().to_owned();
            (word("id"), word("cell_type"), source)
        });
        self.open.insert(name.to_owned(), cells.collect());
        let uri = self.notebook_uri(name);
        if self.speech == Speech::Joined {
            let document = json!({"uri": uri, "languageId": "rust", "version": 1, "text": self.joined(name)});
            return self.notify("textDocument/didOpen", json!({"textDocument": document}));
        }
        let cells = &self.open[name];
        let kind = |kind: &str| if kind == "code" { 2 } else { 1 };
        let list: Vec<Value> = cells
            .iter()
            .map(|(id, it, _)| json!({"kind": kind(it), "document": self.uri(name, id)}))
            .collect();
        let documents: Vec<Value> = cells
            .iter()
            .filter(|(_, kind, _)| kind == "code")
            .map(|(id, _, text)| self.document(name, id, text))
            .collect();
        self.notify("notebookDocument/didOpen", json!({
            "notebookDocument": {"uri": uri, "notebookType": "jupyter-notebook", "version": 1, "cells": list},
            "cellTextDocuments": documents,
        }));
    }

    fn document(&self, name: &str, cell: &str, text: &str) -> Value {
        json!({"uri": self.uri(name, cell), "languageId": "rust", "version": 1, "text": text})
    }

    /// The code cells as `JupyterLab` joins them.
    fn joined(&self, name: &str) -> String {
        let code = self.open[name].iter().filter(|(_, kind, _)| kind == "code");
        code.fold(String::new(), |all, (_, _, text)| all + text + "\n\n\n")
    }

    /// On which line of its document a cell begins.
    fn first_line(&self, name: &str, cell: &str) -> usize {
        let before = self.open[name].iter().take_while(|(id, _, _)| id != cell);
        let code = before.filter(|(_, kind, _)| kind == "code" && self.speech == Speech::Joined);
        code.map(|(_, _, text)| text.matches('\n').count() + 3).sum()
    }

    /// Replaces a piece of a cell's text, as typing does: by the range alone.
    pub(crate) fn replace(&mut self, name: &str, cell: &str, from: &str, to: &str) {
        let text = self.text(name, cell).to_owned();
        let at = text.find(from).unwrap_or_else(|| panic!("`{from}` is not in {cell}: {text}"));
        let range = json!({
            "start": self.position(name, cell, at), "end": self.position(name, cell, at + from.len()),
        });
        let changes = json!([{"range": range, "text": to}]);
        let document = json!({"uri": self.uri(name, cell), "version": 2});
        *self.text_mut(name, cell) = text.replacen(from, to, 1);
        match self.speech {
            Speech::Joined => self.notify(
                "textDocument/didChange",
                json!({"textDocument": document, "contentChanges": changes}),
            ),
            Speech::Notebook => {
                let change = json!({"textContent": [{"document": document, "changes": changes}]});
                self.change(name, &change);
            }
        }
    }

    fn change(&mut self, name: &str, cells: &Value) {
        let notebook = json!({"uri": self.notebook_uri(name), "version": 2});
        let params = json!({"notebookDocument": notebook, "change": {"cells": cells}});
        self.notify("notebookDocument/didChange", params);
    }

    /// Puts a new cell before another.
    pub(crate) fn insert(&mut self, name: &str, cell: &str, before: &str, text: &str) {
        let at = self.open[name].iter().position(|(id, _, _)| id == before).unwrap();
        let cells = json!([{"kind": 2, "document": self.uri(name, cell)}]);
        let opened = json!([self.document(name, cell, text)]);
        let new = (cell.to_owned(), "code".to_owned(), text.to_owned());
        self.open.get_mut(name).unwrap().insert(at, new);
        let array = json!({"start": at, "deleteCount": 0, "cells": cells});
        self.change(name, &json!({"structure": {"array": array, "didOpen": opened}}));
    }

    /// Takes a cell out.
    pub(crate) fn remove(&mut self, name: &str, cell: &str) {
        let at = self.open[name].iter().position(|(id, _, _)| id == cell).unwrap();
        self.open.get_mut(name).unwrap().remove(at);
        let closed = json!([{"uri": self.uri(name, cell)}]);
        let array = json!({"start": at, "deleteCount": 1});
        self.change(name, &json!({"structure": {"array": array, "didClose": closed}}));
    }

    fn text(&self, name: &str, cell: &str) -> &str {
        let cells = self.open[name].iter();
        cells
            .clone()
            .find(|(id, _, _)| id == cell)
            .map_or_else(|| panic!("no cell {cell}"), |(_, _, text)| text)
    }

    fn text_mut(&mut self, name: &str, cell: &str) -> &mut String {
        let mut cells = self.open.get_mut(name).unwrap().iter_mut();
        &mut cells.find(|(id, _, _)| id == cell).unwrap().2
    }

    /// A byte of a cell as a place in its document.
    fn position(&self, name: &str, cell: &str, at: usize) -> Value {
        let before = &self.text(name, cell)[..at];
        let line = before.matches('\n').count() + self.first_line(name, cell);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        json!({"line": line, "character": before[start..].encode_utf16().count()})
    }

    /// Asks about the place that `‸` marks in a piece of a cell.
    pub(crate) fn ask(&mut self, method: &str, name: &str, cell: &str, at: &str) -> Value {
        self.ask_with(method, name, cell, at, json!({}))
    }

    fn ask_with(&mut self, method: &str, name: &str, cell: &str, at: &str, mut params: Value) -> Value {
        params["textDocument"] = json!({"uri": self.uri(name, cell)});
        if let Some((before, after)) = at.split_once('‸') {
            let text = self.text(name, cell);
            let start = text.find(&format!("{before}{after}"));
            let start = start.unwrap_or_else(|| panic!("`{at}` is not in {cell}: {text}"));
            params["position"] = self.position(name, cell, start + before.len());
        }
        let answer = self.request(method, params);
        assert!(answer.get("error").is_none(), "{method} at `{at}`: {answer}");
        answer["result"].clone()
    }

    /// Asks until the answer says this: rust-analyzer refuses while it loads.
    pub(crate) fn until_answer(&mut self, method: &str, name: &str, cell: &str, at: &str, what: &str) {
        let text = self.text(name, cell);
        let (before, after) = at.split_once('‸').unwrap();
        let place = text.find(&format!("{before}{after}")).unwrap() + before.len();
        let (document, place) = (json!({"uri": self.uri(name, cell)}), self.position(name, cell, place));
        let start = Instant::now();
        loop {
            let answer = self.request(method, json!({"textDocument": document, "position": place}));
            if answer.to_string().contains(what) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{answer}");
            self.listen(Duration::from_millis(200));
        }
    }

    /// The number of the process that the server has started.
    #[cfg(target_os = "linux")]
    pub(crate) fn children(&self) -> String {
        let server = self.child.id().to_string();
        let listed = std::process::Command::new("ps").args(["-o", "pid=", "--ppid", &server]).output();
        String::from_utf8(listed.unwrap().stdout).unwrap()
    }

    pub(crate) fn rename(&mut self, name: &str, cell: &str, at: &str, new: &str) -> Value {
        self.ask_with("textDocument/rename", name, cell, at, json!({"newName": new}))
    }

    /// Makes the changes of a workspace edit: in open cells, and in files.
    pub(crate) fn make(&mut self, edit: &Value) {
        for (uri, edits) in edit["changes"].as_object().unwrap() {
            let mut edits: Vec<Value> = edits.as_array().unwrap().clone();
            edits.sort_by_key(|edit| {
                let place = |key: &str| edit["range"]["start"][key].as_u64();
                std::cmp::Reverse((place("line"), place("character")))
            });
            if let Some((path, cell)) = uri.split_once('#') {
                let name = path.rsplit('/').next().unwrap().trim_end_matches(".ipynb").to_owned();
                for edit in edits {
                    let text = self.text(&name, cell).to_owned();
                    let new = changed(&text, &edit);
                    self.replace(&name, cell, &text, &new);
                }
            } else {
                let path = uri.strip_prefix("file://").unwrap();
                let mut text = std::fs::read_to_string(path).unwrap();
                for edit in edits {
                    text = changed(&text, &edit);
                }
                std::fs::write(path, text).unwrap();
                self.notify("textDocument/didSave", json!({"textDocument": {"uri": uri}}));
                let notebook = std::path::Path::new(path).file_stem().unwrap().to_str().unwrap().to_owned();
                self.wake(&notebook);
            }
        }
    }

    /// Opens and closes a notebook whose file was written, so that it is seen as it is.
    fn wake(&mut self, name: &str) {
        self.open(name);
        let uri = self.notebook_uri(name);
        self.notify("notebookDocument/didSave", json!({"notebookDocument": {"uri": uri}}));
        self.notify("notebookDocument/didClose", json!({"notebookDocument": {"uri": uri}}));
        self.open.remove(name);
    }

    /// All texts: those of open cells, and the files of the project.
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for (name, cells) in &self.open {
            all.extend(cells.iter().map(|(id, _, text)| (format!("{name} {id}"), text.clone())));
        }
        for entry in std::fs::read_dir(self.root.join("notebooks")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if !self.open.contains_key(&name) {
                all.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
        all
    }

    /// A location, as notebook, cell and the text that begins there.
    pub(crate) fn show(&self, location: &Value) -> String {
        let uri = location["uri"].as_str().unwrap();
        let line = usize::try_from(location["range"]["start"]["line"].as_u64().unwrap()).unwrap();
        let character = usize::try_from(location["range"]["start"]["character"].as_u64().unwrap()).unwrap();
        for (name, cells) in &self.open {
            for (id, kind, text) in cells.iter().filter(|(id, _, _)| self.uri(name, id) == uri) {
                let first = self.first_line(name, id);
                let end = first + text.matches('\n').count();
                if kind == "code" && (first..=end).contains(&line) {
                    let line: Vec<u16> = text.lines().nth(line - first).unwrap().encode_utf16().collect();
                    let rest = String::from_utf16(&line[character..]).unwrap();
                    return format!("{name} {id}: {}", rest.chars().take(12).collect::<String>().trim_end());
                }
            }
        }
        format!("{uri}:{line}:{character}")
    }

    /// What is wrong with a notebook's cells: cell, line and column from 1, and the message.
    pub(crate) fn wrong(&mut self, name: &str) -> Vec<String> {
        self.listen(Duration::ZERO);
        let mut found = Vec::new();
        for (id, kind, text) in &self.open[name] {
            let first = self.first_line(name, id);
            let lines = first..=first + text.matches('\n').count();
            for one in
                self.diagnostics.get(&self.uri(name, id)).and_then(Value::as_array).into_iter().flatten()
            {
                let at = |key: &str| usize::try_from(one["range"]["start"][key].as_u64().unwrap()).unwrap();
                if kind == "code" && lines.contains(&at("line")) {
                    let (line, column) = (at("line") - first + 1, at("character") + 1);
                    found.push(format!("{id} {line}:{column} {}", one["message"].as_str().unwrap()));
                }
            }
        }
        found
    }

    pub(crate) fn until_wrong(&mut self, name: &str, what: &str) {
        self.until(|client| client.wrong(name).iter().any(|line| line.starts_with(what)), what, name);
    }

    pub(crate) fn until_right(&mut self, name: &str) {
        self.until(|client| client.wrong(name).is_empty(), "nothing wrong", name);
    }

    fn until(&mut self, mut holds: impl FnMut(&mut Self) -> bool, what: &str, name: &str) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < PATIENCE, "waited for: {what}\nthere is: {:#?}", self.wrong(name));
            self.listen(Duration::from_millis(50));
        }
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

/// The labels of completions.
pub(crate) fn labels(completed: &Value) -> Vec<String> {
    let items = completed.get("items").unwrap_or(completed).as_array().cloned().unwrap_or_default();
    items.iter().filter_map(|item| Some(item["label"].as_str()?.to_owned())).collect()
}

/// A text with one edit made.
fn changed(text: &str, edit: &Value) -> String {
    let at = |place: &Value| {
        let number = |key: &str| usize::try_from(place[key].as_u64().unwrap()).unwrap();
        let start: usize = text.split_inclusive('\n').take(number("line")).map(str::len).sum();
        let mut units = 0;
        let line = text[start..].char_indices().take_while(|(_, c)| {
            let is_before = units < number("character");
            units += c.len_utf16();
            is_before
        });
        start + line.map(|(_, c)| c.len_utf8()).sum::<usize>()
    };
    let (start, end) = (at(&edit["range"]["start"]), at(&edit["range"]["end"]));
    format!("{}{}{}", &text[..start], edit["newText"].as_str().unwrap(), &text[end..])
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
