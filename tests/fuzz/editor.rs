//! An editor that opens a wrong notebook, types at random in it and asks at random: `nbexport lsp` answers each request, and
//! ends when it is told to.

use proptest::prelude::RngExt as _;
use proptest::test_runner::TestRng;
use serde_json::{Value, json};

use super::mutate::{mutated, pick, text, token_line};
use super::sandbox::Sandbox;
use super::{NOTEBOOK, Tally};

/// What an editor asks.
const REQUESTS: &[&str] = &[
    "textDocument/hover",
    "textDocument/completion",
    "textDocument/formatting",
    "textDocument/documentSymbol",
    "textDocument/rename",
    "textDocument/references",
    "textDocument/semanticTokens/full",
    "textDocument/inlayHint",
    "textDocument/codeAction",
    "workspace/symbol",
    "no/such",
];

/// A session with messages in random order. Without rust-analyzer, which takes longer to start than all the rest.
pub(super) fn session(rng: &mut TestRng, seed: &[u8], tally: &mut Tally) {
    let notebook = mutated(rng, seed);
    let mut sandbox = Sandbox::new(&notebook);
    let mut editor = Editor::new(&sandbox, &notebook);
    editor.begin();
    for _ in 0..rng.random_range(5..60) {
        editor.one_message(rng, &sandbox);
    }
    editor.request("shutdown", &Value::Null);
    editor.notify("exit", &Value::Null);
    let ended = sandbox.run("lsp --rust-analyzer no-such-analyzer", Some(&editor.sent));
    tally.count(&ended);
    let mut faults = ended.faults();
    let told = String::from_utf8_lossy(&ended.stdout);
    let is_answered = |id: &usize| {
        [format!("\"id\":{id},"), format!("\"id\":{id}}}")].iter().any(|answer| told.contains(answer))
    };
    let unanswered: Vec<usize> = (1..=editor.requests).filter(|id| !is_answered(id)).collect();
    if !unanswered.is_empty() {
        faults.push(format!("does not answer {unanswered:?}"));
    }
    if sandbox.notebook() != notebook {
        faults.push("writes the notebook".to_owned());
    }
    faults.extend(sandbox.outside().map(|outside| format!("touches what is beside the project: {outside}")));
    if !faults.is_empty() {
        tally.fault(&faults.join(", "), &ended, &notebook);
        std::fs::write(super::found().join("session.txt"), &editor.sent).unwrap();
    }
}

struct Editor {
    sent: Vec<u8>,
    requests: usize,
    notebook: String,
    cells: Vec<(String, bool, String)>,
}

impl Editor {
    fn new(sandbox: &Sandbox, notebook: &[u8]) -> Self {
        let parsed: Value = serde_json::from_slice(notebook).unwrap_or_default();
        let cells = parsed["cells"].as_array().into_iter().flatten().enumerate();
        let cells = cells
            .map(|(at, cell)| {
                let source = text(&cell["source"]).unwrap_or_default();
                (format!("cell:{at}"), cell["cell_type"] == "code", source)
            })
            .collect();
        let notebook = format!("file://{}", sandbox.path(NOTEBOOK).display());
        Self { sent: Vec::new(), requests: 0, notebook, cells }
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.sent.extend(format!("Content-Length: {}\r\n\r\n{body}", body.len()).bytes());
    }

    fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn request(&mut self, method: &str, params: &Value) {
        self.requests += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.requests, "method": method, "params": params}));
    }

    fn begin(&mut self) {
        self.request("initialize", &json!({"capabilities": {}, "processId": null}));
        self.notify("initialized", &json!({}));
        self.open();
    }

    fn open(&mut self) {
        let cells: Vec<Value> = self.cells.iter().map(|(uri, is_code, _)| described(uri, *is_code)).collect();
        let texts: Vec<Value> = self.cells.iter().map(|(uri, _, text)| document(uri, text)).collect();
        let notebook =
            json!({"uri": self.notebook, "notebookType": "jupyter-notebook", "version": 1, "cells": cells});
        self.notify(
            "notebookDocument/didOpen",
            &json!({"notebookDocument": notebook, "cellTextDocuments": texts}),
        );
    }

    /// A place in a cell, or near it.
    fn place(rng: &mut TestRng, text: &str) -> Value {
        let lines = u32::try_from(text.lines().count()).unwrap_or(9);
        json!({"line": rng.random_range(0..lines + 3), "character": rng.random_range(0..40_u32)})
    }

    fn range(rng: &mut TestRng, text: &str) -> Value {
        json!({"start": Self::place(rng, text), "end": Self::place(rng, text)})
    }

    fn one_message(&mut self, rng: &mut TestRng, sandbox: &Sandbox) {
        let Some((uri, _, text)) = (!self.cells.is_empty()).then(|| pick(rng, &self.cells)) else {
            return self.open();
        };
        let line = token_line(rng);
        let new = match rng.random_range(0..6) {
            0 => String::new(),
            1 => line,
            // What leaves something open, and what begins something else.
            _ => pick(
                rng,
                &["{", "\"", "//| export\n", "let x = ", "fn f(", "é𝄞", "}", ":dep a = {", "r#\"", "\r\n"],
            )
            .to_owned(),
        };
        let edited = |cells: Value| json!({"notebookDocument": {"uri": self.notebook, "version": 2}, "change": {"cells": cells}});
        match rng.random_range(0..20) {
            0..8 => {
                let changes = [json!({"range": Self::range(rng, &text), "text": new})];
                let change = json!({"document": {"uri": uri, "version": 2}, "changes": changes});
                self.notify("notebookDocument/didChange", &edited(json!({"textContent": [change]})));
            }
            // A cell comes, or cells go.
            8..11 => {
                let (start, goes) = (rng.random_range(0..self.cells.len() + 2), rng.random_range(0..3_u32));
                let uri = format!("cell:new{}", self.sent.len());
                let array = json!({"start": start, "deleteCount": goes, "cells": [described(&uri, true)]});
                let structure = json!({"array": array, "didOpen": [document(&uri, &new)], "didClose": []});
                let params = edited(json!({"structure": structure}));
                self.notify("notebookDocument/didChange", &params);
                self.cells.push((uri, true, new));
            }
            11 => {
                self.notify("notebookDocument/didSave", &json!({"notebookDocument": {"uri": self.notebook}}));
            }
            12 => {
                self.notify(
                    "notebookDocument/didClose",
                    &json!({"notebookDocument": {"uri": self.notebook}}),
                );
            }
            13 => self.open(),
            14 => {
                let lib = format!("file://{}", sandbox.path("exp/src/lib.rs").display());
                self.notify("textDocument/didOpen", &json!({"textDocument": document(&lib, &new)}));
            }
            _ => {
                let method = pick(rng, REQUESTS);
                let params = json!({
                    "textDocument": {"uri": uri}, "position": Self::place(rng, &text), "newName": "new",
                    "range": Self::range(rng, &text), "context": {"diagnostics": [], "includeDeclaration": true},
                    "options": {"tabSize": 4, "insertSpaces": true}, "query": "a",
                });
                self.request(method, &params);
            }
        }
    }
}

fn described(uri: &str, is_code: bool) -> Value {
    json!({"kind": if is_code { 2 } else { 1 }, "document": uri})
}

fn document(uri: &str, text: &str) -> Value {
    json!({"uri": uri, "languageId": "rust", "version": 1, "text": text})
}
