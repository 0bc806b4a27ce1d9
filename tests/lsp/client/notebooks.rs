//! The notebooks that a client has open: how it calls their cells, and how it changes them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Client, Speech};

impl Client {
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
    pub(super) fn first_line(&self, name: &str, cell: &str) -> usize {
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
        *self.text_mut(name, cell) = text.replacen(from, to, 1);
        self.type_raw(name, cell, &changes);
    }

    /// Sends changes of a cell's document as they are, whatever they are.
    pub(crate) fn type_raw(&mut self, name: &str, cell: &str, changes: &Value) {
        let document = json!({"uri": self.uri(name, cell), "version": 2});
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

    /// Takes this for a cell's text, as it was sent otherwise.
    pub(crate) fn believe(&mut self, name: &str, cell: &str, text: &str) {
        text.clone_into(self.text_mut(name, cell));
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

    /// Moves a cell before another, or to the end: it goes and comes in one change, and its document stays open.
    pub(crate) fn move_before(&mut self, name: &str, cell: &str, before: Option<&str>) {
        let place =
            |client: &Self, cell: &str| client.open[name].iter().position(|(id, _, _)| id == cell).unwrap();
        let from = place(self, cell);
        let moved = self.open.get_mut(name).unwrap().remove(from);
        let gone = json!({"structure": {"array": {"start": from, "deleteCount": 1}}});
        self.change(name, &gone);
        let to = before.map_or(self.open[name].len(), |before| place(self, before));
        self.open.get_mut(name).unwrap().insert(to, moved);
        let cells = json!([{"kind": 2, "document": self.uri(name, cell)}]);
        self.change(name, &json!({"structure": {"array": {"start": to, "deleteCount": 0, "cells": cells}}}));
    }

    /// Closes a notebook, whether it is open or not.
    pub(crate) fn close(&mut self, name: &str) {
        let document = json!({"uri": self.notebook_uri(name)});
        self.open.remove(name);
        self.notify("notebookDocument/didClose", json!({"notebookDocument": document}));
    }

    /// Tells that a notebook was saved.
    pub(crate) fn save(&mut self, name: &str) {
        let document = json!({"uri": self.notebook_uri(name)});
        self.notify("notebookDocument/didSave", json!({"notebookDocument": document}));
    }

    pub(crate) fn text(&self, name: &str, cell: &str) -> &str {
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
    pub(super) fn position(&self, name: &str, cell: &str, at: usize) -> Value {
        let before = &self.text(name, cell)[..at];
        let line = before.matches('\n').count() + self.first_line(name, cell);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        json!({"line": line, "character": before[start..].encode_utf16().count()})
    }

    /// Makes the changes of a workspace edit: in open cells, and in files.
    pub(crate) fn make(&mut self, edit: &Value) {
        for (uri, edits) in edit["changes"].as_object().unwrap() {
            let mut edits: Vec<Value> = edits.as_array().unwrap().clone();
            edits.sort_by_key(|edit| {
                let place = |key: &str| edit["range"]["start"][key].as_u64();
                std::cmp::Reverse((place("line"), place("character")))
            });
            let joined = self
                .open
                .keys()
                .find(|name| self.speech == Speech::Joined && self.notebook_uri(name) == *uri);
            if let Some(name) = joined.cloned() {
                for edit in edits {
                    self.make_joined(&name, edit);
                }
            } else if let Some((path, cell)) = uri.split_once('#') {
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

    /// Makes a change of a document of joined cells, which has to lie in one of them.
    fn make_joined(&mut self, name: &str, mut edit: Value) {
        let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
        let (start, end) = (number(&edit["range"]["start"]["line"]), number(&edit["range"]["end"]["line"]));
        let holds = |(id, kind, text): &&(String, String, String)| {
            let first = self.first_line(name, id);
            let lines = first..=first + text.matches('\n').count();
            kind == "code" && lines.contains(&start) && lines.contains(&end)
        };
        let found = self.open[name].iter().find(holds);
        let (id, _, text) = found.unwrap_or_else(|| panic!("not in a cell: {edit}")).clone();
        let first = self.first_line(name, &id);
        edit["range"]["start"]["line"] = json!(start - first);
        edit["range"]["end"]["line"] = json!(end - first);
        let new = changed(&text, &edit);
        self.replace(name, &id, &text, &new);
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
