//! Places in generated files, as compilers and panics write them → places in cells.
//!
//! `exp/src/nb_02.rs:17:5` becomes `notebooks/02_x.ipynb:cell 14:3:5` wherever it stands: in rustc's arrows and
//! gutters, in the names of closures, in panics, backtraces and the output of tests.

mod rendered;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::diagnostic::Source;
use crate::export::map::LineMap;
use crate::export::module::{self, Module};
use crate::notebook::Notebook;
use crate::project;

/// The generated files that are known.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Places {
    files: BTreeMap<String, File>,
}

/// One generated file.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct File {
    notebook: String,
    cells: BTreeMap<usize, Arc<Source>>,
    map: LineMap,
}

/// A place in a cell.
#[derive(Clone, Debug)]
pub struct Place {
    /// The notebook's name.
    pub notebook: String,
    /// The cell's number in it.
    pub cell: usize,
    /// The cell's text and name.
    pub source: Arc<Source>,
    /// The line in the cell, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

impl Place {
    /// The place as a byte offset in the cell's text.
    pub fn offset(&self) -> usize {
        let text = &self.source.text;
        let start: usize = text.split_inclusive('\n').take(self.line - 1).map(str::len).sum();
        let line = text[start..].lines().next().unwrap_or_default();
        start + line.char_indices().nth(self.column - 1).map_or(line.len(), |(at, _)| at)
    }
}

impl Places {
    /// Adds a file under a path as messages write it.
    pub fn add(&mut self, path: &str, notebook: &Notebook, map: LineMap) {
        let cells = notebook.cells.iter().map(|cell| (cell.number, Arc::clone(&cell.source))).collect();
        self.files.insert(path.to_owned(), File { notebook: notebook.name.clone(), cells, map });
    }

    /// Adds a module of the crate as it stands on disk, below each of the folders that messages may name. Cells that
    /// are not in the file as they are in the notebook have no place in it.
    pub fn add_module(&mut self, folders: &[&Path], notebook: &Notebook, module: &Module, on_disk: &str) {
        let map = if on_disk == module.text { module.map.clone() } else { moved(module, on_disk) };
        for folder in folders {
            self.add(&project::show(&folder.join(&module.path)), notebook, map.clone());
        }
    }

    /// Finds the cell of a place.
    pub fn locate(&self, path: &str, line: usize, column: usize) -> Option<Place> {
        let file = self.files.get(path.strip_prefix("./").unwrap_or(path))?;
        let (cell, line, column) = file.map.locate(line, column)?;
        let source = Arc::clone(file.cells.get(&cell)?);
        Some(Place { notebook: file.notebook.clone(), cell, source, line, column })
    }

    /// The notebook that a file was made of, wherever in it.
    pub fn notebook_of(&self, path: &str) -> Option<&str> {
        let file = self.files.get(path.strip_prefix("./").unwrap_or(path))?;
        Some(&file.notebook)
    }

    /// The place that a text names: `exp/src/nb_02.rs:17:5`.
    pub fn parse(&self, text: &str) -> Option<Place> {
        let mut parts = text.trim().rsplitn(3, ':');
        let column = parts.next()?.parse().ok()?;
        let line = parts.next()?.parse().ok()?;
        self.locate(parts.next()?, line, column)
    }

    /// Rewrites the places in a line of text: `path:line`, `path:line:column` and `path:line:column: line:column`.
    pub fn rewrite(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for path in self.files.keys() {
            if !text.contains(path.as_str()) {
                continue;
            }
            let mut rewritten = String::new();
            let mut rest = text.as_str();
            while let Some(at) = rest.find(path.as_str()) {
                let (before, found) = rest.split_at(at);
                let after = &found[path.len()..];
                // A longer path that ends in this one is another file, unless it only says `./`.
                let starts = before.strip_suffix("./").unwrap_or(before);
                let is_path = begins_path(starts);
                if let Some((place, used)) = self.numbers(path, after).filter(|_| is_path) {
                    rewritten += starts;
                    rewritten += &place;
                    rest = &after[used..];
                } else {
                    rewritten += &rest[..at + path.len()];
                    rest = after;
                }
            }
            rewritten += rest;
            text = rewritten;
        }
        text
    }

    /// What stands for the numbers behind a path, and how long they are.
    fn numbers(&self, path: &str, after: &str) -> Option<(String, usize)> {
        if let Some(item) = after.strip_prefix(" - ") {
            // A doctest: `path - nb_02::relu (line 17)`.
            let (item, _) = item.split_once(" (line ")?;
            let used = " - ".len() + item.len();
            let (line, length) = number(&after[used..], " (line ")?;
            let place = self.locate(path, line, 1)?;
            return Some((
                format!("{}:{} - {item} (line {}", place.source.name, place.line, place.line),
                used + length,
            ));
        }
        let (line, mut used) = number(after, ":")?;
        let column = number(&after[used..], ":");
        let place = self.locate(path, line, column.map_or(1, |(column, _)| column))?;
        let mut text = format!("{}:{}", place.source.name, place.line);
        if let Some((_, length)) = column {
            used += length;
            let _ = write!(text, ":{}", place.column);
            // The end of a closure, in its name.
            let end = number(&after[used..], ": ").and_then(|(line, length)| {
                let (column, more) = number(&after[used + length..], ":")?;
                Some((self.locate(path, line, column)?, length + more))
            });
            if let Some((end, length)) = end {
                used += length;
                let _ = write!(text, ": {}:{}", end.line, end.column);
            }
        }
        Some((text, used))
    }

    /// Puts a compiler's message, as JSON, into cells: spans and rendered text, those of its notes included.
    pub fn rewrite_message(&self, message: &mut Value) {
        if let Some(Value::String(rendered)) = message.get_mut("rendered") {
            *rendered = self.rewrite_rendered(rendered);
        }
        if let Some(Value::String(text)) = message.get_mut("message") {
            *text = self.rewrite(text);
        }
        for span in message.get_mut("spans").and_then(Value::as_array_mut).into_iter().flatten() {
            self.rewrite_span(span);
        }
        for child in message.get_mut("children").and_then(Value::as_array_mut).into_iter().flatten() {
            self.rewrite_message(child);
        }
    }

    fn rewrite_span(&self, span: &mut Value) {
        if let Some(expansion) = span.get_mut("expansion").filter(|expansion| expansion.is_object()) {
            for key in ["span", "def_site_span"] {
                if let Some(span) = expansion.get_mut(key) {
                    self.rewrite_span(span);
                }
            }
        }
        let Some(start) = self.start_of(span) else { return };
        let number =
            |key: &str| span.get(key).and_then(Value::as_u64).and_then(|it| usize::try_from(it).ok());
        let path = span["file_name"].as_str().unwrap_or_default();
        let end = number("line_end").zip(number("column_end"));
        let end =
            end.and_then(|(line, column)| self.locate(path, line, column)).unwrap_or_else(|| start.clone());
        span["file_name"] = json!(start.source.name);
        span["notebook"] = json!(start.notebook);
        span["cell"] = json!(start.cell);
        span["cell_id"] = json!(start.source.cell_id);
        span["line_start"] = json!(start.line);
        span["column_start"] = json!(start.column);
        span["line_end"] = json!(end.line);
        span["column_end"] = json!(end.column);
        span["byte_start"] = json!(start.offset());
        span["byte_end"] = json!(end.offset());
    }

    /// The place at which a span of a compiler's message begins.
    pub fn start_of(&self, span: &Value) -> Option<Place> {
        let number = |key: &str| usize::try_from(span.get(key)?.as_u64()?).ok();
        self.locate(span.get("file_name")?.as_str()?, number("line_start")?, number("column_start")?)
    }

    /// The place at which a span ends.
    pub fn end_of(&self, span: &Value) -> Option<Place> {
        let number = |key: &str| usize::try_from(span.get(key)?.as_u64()?).ok();
        self.locate(span.get("file_name")?.as_str()?, number("line_end")?, number("column_end")?)
    }
}

/// Whether a path can begin behind this text; a color code ends in a letter and is no part of a path.
fn begins_path(before: &str) -> bool {
    let code = before.rfind('\u{1b}').map(|at| &before[at + 1..]);
    let ends_in_code = code.is_some_and(|code| {
        code.strip_prefix('[')
            .and_then(|code| code.strip_suffix('m'))
            .is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'))
    });
    ends_in_code || before.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !"_-./".contains(c))
}

/// A number behind `before`, and the length of both.
fn number(text: &str, before: &str) -> Option<(usize, usize)> {
    let digits = text.strip_prefix(before)?;
    let digits = &digits[..digits.bytes().take_while(u8::is_ascii_digit).count()];
    Some((digits.parse().ok()?, before.len() + digits.len()))
}

/// The map of a file that is not what the notebook would export now: regions whose text is the same are found where
/// they are.
fn moved(module: &Module, on_disk: &str) -> LineMap {
    let new = module::regions(&module.text);
    let lines: HashMap<(&str, &str), usize> =
        new.iter().rev().map(|it| ((&*it.id, &*it.text), it.line)).collect();
    let mut origins = vec![None; on_disk.lines().count()];
    for region in module::regions(on_disk) {
        let Some(same) = lines.get(&(&*region.id, &*region.text)) else { continue };
        for line in 1..=region.text.lines().count() {
            origins[region.line - 1 + line] = module.map.origin(same + line);
        }
    }
    let mut map = LineMap::default();
    for origin in origins {
        map.push(origin);
    }
    map
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::export::map::Origin;

    /// A file whose lines 11, 12, … are the lines of cell 3.
    pub(super) fn places() -> Places {
        let cell = &json!({"cell_type": "code", "metadata": {}, "source": "let é = f(1);\n    g(2)"});
        let json = json!({
            "cells": [cell, cell, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5
        });
        let notebook = Notebook::parse("n/x.ipynb", json.to_string()).unwrap();
        let mut map = LineMap::default();
        for line in 1..=12_usize {
            map.push(line.checked_sub(10).filter(|it| *it > 0).map(|line| Origin {
                cell: 3,
                line,
                shift: 0,
            }));
        }
        let mut places = Places::default();
        places.add("exp/src/nb_x.rs", &notebook, map);
        places
    }

    #[test]
    fn places_are_found_wherever_they_stand() {
        let said = |text: &str| places().rewrite(text);
        assert_eq!(said("panicked at exp/src/nb_x.rs:12:5:"), "panicked at n/x.ipynb:cell 3:2:5:");
        assert_eq!(said("at ./exp/src/nb_x.rs:11"), "at n/x.ipynb:cell 3:1");
        assert_eq!(said("{closure@exp/src/nb_x.rs:11:1: 12:4}"), "{closure@n/x.ipynb:cell 3:1:1: 2:4}");
        assert_eq!(said("\u{1b}[0mexp/src/nb_x.rs:11:2"), "\u{1b}[0mn/x.ipynb:cell 3:1:2");
        assert_eq!(said("exp/src/nb_x.rs - f (line 12) ok"), "n/x.ipynb:cell 3:2 - f (line 2) ok");
        for other in
            ["my/exp/src/nb_x.rs:11:1", "exp/src/nb_x.rs:2:1", "exp/src/nb_x.rs is", "exp/src/nb_y.rs:11:1"]
        {
            assert_eq!(said(other), other);
        }
    }

    #[test]
    fn a_span_has_its_bytes_in_the_cell() {
        let mut message = json!({"message": "no", "spans": [{
            "file_name": "exp/src/nb_x.rs", "line_start": 11, "column_start": 5, "line_end": 11, "column_end": 6,
        }], "children": []});
        places().rewrite_message(&mut message);
        let span = &message["spans"][0];
        assert_eq!(span["file_name"], "n/x.ipynb:cell 3");
        assert_eq!(
            (&span["byte_start"], &span["byte_end"], &span["cell"]),
            (&json!(4), &json!(6), &json!(3))
        );
    }
}
