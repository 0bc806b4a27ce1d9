//! What a client asks about a place of a cell, and what it is told of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Client, PATIENCE};

impl Client {
    /// Asks about the place that `‸` marks in a piece of a cell.
    pub(crate) fn ask(&mut self, method: &str, name: &str, cell: &str, at: &str) -> Value {
        self.ask_with(method, name, cell, at, json!({}))
    }

    /// Asks about a piece of a cell.
    pub(crate) fn ask_about(
        &mut self,
        method: &str,
        name: &str,
        cell: &str,
        piece: &str,
        mut params: Value,
    ) -> Value {
        let at = self.text(name, cell).find(piece).unwrap_or_else(|| panic!("`{piece}` is not in {cell}"));
        let (start, end) = (self.position(name, cell, at), self.position(name, cell, at + piece.len()));
        params["range"] = json!({"start": start, "end": end});
        self.ask_with(method, name, cell, "", params)
    }

    /// Where a place of a document is: the cell, and the text that begins there.
    pub(crate) fn place(&self, name: &str, cell: &str, line: u64, character: u64) -> String {
        let range = json!({"start": {"line": line, "character": character}});
        self.show(&json!({"uri": self.uri(name, cell), "range": range}))
    }

    pub(crate) fn ask_with(
        &mut self,
        method: &str,
        name: &str,
        cell: &str,
        at: &str,
        mut params: Value,
    ) -> Value {
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

    pub(crate) fn rename(&mut self, name: &str, cell: &str, at: &str, new: &str) -> Value {
        self.ask_with("textDocument/rename", name, cell, at, json!({"newName": new}))
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
}

/// The labels of completions.
pub(crate) fn labels(completed: &Value) -> Vec<String> {
    let items = completed.get("items").unwrap_or(completed).as_array().cloned().unwrap_or_default();
    items.iter().filter_map(|item| Some(item["label"].as_str()?.to_owned())).collect()
}
