//! What rust-analyzer answers about overlays → the same about cells.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use gen_lsp_types::Range;
use serde_json::{Map, Value, json};

use super::model::{Model, Overlays, Seen};
use super::overlay::{Cells, Overlay, Place};
use super::{split, text, uri};

/// Puts answers into cells. Places in closed notebooks are found in their files.
pub(super) struct Answers<'a> {
    pub(super) model: &'a mut Model,
    /// The overlays as they were when it was asked.
    pub(super) overlays: &'a Overlays,
    /// The document that it was asked about, if it is one of cells.
    pub(super) document: &'a str,
    /// The cell of that document, if it was about one.
    pub(super) cell: Option<usize>,
    /// The place in that document, if it was about one.
    pub(super) position: Option<gen_lsp_types::Position>,
}

/// What a file is to us.
enum File {
    /// One that a person wrote.
    Plain,
    /// One that is made of cells.
    Overlay(Arc<Overlay>),
    /// One of ours that nobody is to see.
    Hidden,
}

/// What one question came to.
pub(super) struct Part {
    /// The overlay that it was about; none if it was about a plain file.
    pub(super) overlay: Option<Arc<Overlay>>,
    pub(super) result: Value,
}

impl Answers<'_> {
    /// The answer to a request of this method.
    pub(super) fn answer(&mut self, method: &str, parts: Vec<Part>) -> Value {
        let first = |parts: Vec<Part>| parts.into_iter().next();
        match method {
            "textDocument/semanticTokens/full" | "textDocument/semanticTokens/range" => self.tokens(parts),
            "textDocument/documentSymbol" => self.each(parts, Self::symbol),
            "textDocument/foldingRange" => self.each(parts, Self::fold),
            "textDocument/inlayHint" => self.each(parts, Self::hint),
            "textDocument/codeAction" => self.each(parts, Self::action),
            "textDocument/documentHighlight" => self.each(parts, Self::ranged),
            "textDocument/references"
            | "textDocument/definition"
            | "textDocument/typeDefinition"
            | "textDocument/implementation"
            | "textDocument/declaration" => self.locations(parts),
            "textDocument/rename" => {
                self.edits(parts.into_iter().map(|part| part.result)).unwrap_or(Value::Null)
            }
            "textDocument/completion" => first(parts).map_or(Value::Null, |part| self.completion(part)),
            "completionItem/resolve" => first(parts).map_or(Value::Null, |part| self.resolved(part)),
            _ => first(parts).map_or(Value::Null, |part| match &part.overlay {
                Some(overlay) => self.ranged(overlay, part.result.clone()).unwrap_or(part.result),
                None => part.result,
            }),
        }
    }

    /// The notebook that was asked about.
    pub(super) fn seen(&self) -> Option<&Seen> {
        self.model.open.values().find(|seen| seen.places.iter().any(|(uri, _)| uri == self.document))
    }

    fn file(&mut self, uri: &str) -> File {
        let Some(path) = uri::path(uri) else { return File::Plain };
        self.file_at(&path)
    }

    fn file_at(&mut self, path: &PathBuf) -> File {
        if let Some(overlay) = self.overlays.get(path) {
            return File::Overlay(Arc::clone(overlay));
        }
        let found = self.model.overlays_of_file(path);
        let found = found.into_iter().find(|overlay| uri::path(&overlay.uri).as_ref() == Some(path));
        match found {
            Some(overlay) => File::Overlay(overlay),
            None if path.starts_with(&self.model.scratch.root) => File::Hidden,
            None => File::Plain,
        }
    }

    /// A range of an overlay that lies in the document asked about.
    pub(super) fn range(&self, overlay: &Overlay, range: &Value) -> Option<Value> {
        let (place, range) = overlay.range_to_client(range_of(range)?)?;
        (place.uri == self.document).then(|| json!(range))
    }

    fn each(&mut self, parts: Vec<Part>, map: fn(&mut Self, &Overlay, Value) -> Option<Value>) -> Value {
        let mut all = Vec::new();
        for Part { overlay, result } in parts {
            let Value::Array(items) = result else { continue };
            match overlay {
                Some(overlay) => all.extend(items.into_iter().filter_map(|item| map(self, &overlay, item))),
                None => all.extend(items),
            }
        }
        // What stands in several functions is found in each.
        let mut seen = HashSet::new();
        all.retain(|item| seen.insert(item.to_string()));
        Value::Array(all)
    }

    /// Anything that has a range.
    fn ranged(&mut self, overlay: &Overlay, mut item: Value) -> Option<Value> {
        if item.get("start").is_some() {
            return self.range(overlay, &item);
        }
        match item.get_mut("range") {
            Some(range) => *range = self.range(overlay, range)?,
            None => return Some(item),
        }
        Some(item)
    }

    fn symbol(&mut self, overlay: &Overlay, item: Value) -> Option<Value> {
        let name = self.range(overlay, &item["selectionRange"]);
        let children = match item.get("children") {
            Some(Value::Array(children)) => {
                children.iter().filter_map(|child| self.symbol(overlay, child.clone())).collect()
            }
            _ => Vec::new(),
        };
        let Some(name) = name.filter(|_| is_home(overlay, &item["selectionRange"])) else {
            // The function around the statements, a module around a later definition: what is in them counts.
            return match children.len() {
                0 => None,
                1 => children.into_iter().next(),
                _ => Some(json!({"name": "cells", "kind": 2, "children": children,
                    "range": children[0]["range"], "selectionRange": children[0]["selectionRange"]})),
            };
        };
        let mut item = item;
        item["range"] = self.range(overlay, &item["range"]).unwrap_or_else(|| name.clone());
        item["selectionRange"] = name;
        if !children.is_empty() {
            item["children"] = Value::Array(children);
        } else if let Some(item) = item.as_object_mut() {
            item.remove("children");
        }
        Some(item)
    }

    fn fold(&mut self, overlay: &Overlay, mut item: Value) -> Option<Value> {
        let line = |key: &str| {
            let line = overlay.line(u32::try_from(item.get(key)?.as_u64()?).ok()?)?;
            let place = overlay.to_client(gen_lsp_types::Position::new(
                u32::try_from(item.get(key)?.as_u64()?).ok()?,
                line.from.saturating_add_signed(line.shift),
            ))?;
            (place.uri == self.document && line.is_home()).then_some((place.cell, place.position.line))
        };
        let (start, end) = (line("startLine")?, line("endLine")?);
        (start.0 == end.0).then_some(())?;
        item["startLine"] = json!(start.1);
        item["endLine"] = json!(end.1);
        let item = item.as_object_mut()?;
        item.remove("startCharacter");
        item.remove("endCharacter");
        Some(Value::Object(std::mem::take(item)))
    }

    fn hint(&mut self, overlay: &Overlay, mut item: Value) -> Option<Value> {
        let at = position_of(&item["position"])?;
        let place = overlay.to_client(at).filter(|place| place.uri == self.document)?;
        overlay.line(at.line).filter(|line| line.is_home())?;
        item["position"] = json!(place.position);
        let object = item.as_object_mut()?;
        object.remove("data");
        object.remove("textEdits");
        if let Some(Value::Array(labels)) = object.get_mut("label") {
            for label in labels.iter_mut().filter_map(Value::as_object_mut) {
                let location = label.remove("location").and_then(|it| self.location(&it));
                if let Some(location) = location {
                    label.insert("location".to_owned(), location);
                }
                label.remove("command");
            }
        }
        Some(item)
    }

    /// A code action, if all that it changes lies in cells or in files that a person wrote.
    fn action(&mut self, _: &Overlay, mut item: Value) -> Option<Value> {
        let edit = self.edits([item.get("edit")?.clone()])?;
        let object = item.as_object_mut()?;
        object.insert("edit".to_owned(), edit);
        for key in ["command", "data", "diagnostics"] {
            object.remove(key);
        }
        Some(item)
    }

    /// A location as the client knows it; none for what only we know.
    pub(super) fn location(&mut self, location: &Value) -> Option<Value> {
        let uri = location.get("uri")?.as_str()?;
        match self.file(uri) {
            File::Plain => Some(location.clone()),
            File::Hidden => None,
            File::Overlay(overlay) => {
                let range = range_of(&location["range"])?;
                let (place, range) = overlay.range_to_client(range).or_else(|| {
                    // A module as a whole is its first cell.
                    let place = overlay.first().filter(|_| range.start.line == 0)?;
                    let range = Range::new(place.position, place.position);
                    Some((place, range))
                })?;
                Some(json!({"uri": place.uri, "range": range}))
            }
        }
    }

    fn locations(&mut self, parts: Vec<Part>) -> Value {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for part in parts {
            let found = match part.result {
                Value::Array(found) => found,
                Value::Null => Vec::new(),
                one => vec![one],
            };
            for location in found {
                if let Some(location) = self.location(&location)
                    && seen.insert(location.to_string())
                {
                    all.push(location);
                }
            }
        }
        Value::Array(all)
    }

    /// Changes of several workspace edits as one; none if one of them cannot be made in cells.
    pub(super) fn edits(&mut self, edits: impl IntoIterator<Item = Value>) -> Option<Value> {
        let mut changes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (file, edit) in edits.into_iter().map(|edit| flat(&edit)).collect::<Option<Vec<_>>>()?.concat() {
            let (uri, edit) = match self.file(&file) {
                File::Plain => (file, edit),
                File::Hidden => return None,
                File::Overlay(overlay) => self.edit(&overlay, &edit)?,
            };
            let all = changes.entry(uri).or_default();
            if !all.contains(&edit) {
                all.push(edit);
            }
        }
        (!changes.is_empty()).then(|| json!({"changes": changes}))
    }

    /// A change of an overlay's text as one of a document's.
    pub(super) fn edit(&self, overlay: &Overlay, edit: &Value) -> Option<(String, Value)> {
        let new = edit.get("newText")?.as_str()?;
        let range = range_of(&edit["range"])?;
        let found = overlay.range_to_client(range);
        // What is to stand between two cells, the one above has asked for.
        let is_above =
            |place: &Place| self.cell.is_some_and(|cell| cell != place.cell) && range.start == range.end;
        let Some((place, range)) = found.filter(|(place, _)| !is_above(place)) else {
            return self.beside(range, new);
        };
        let new = match &*overlay.cells {
            Cells::Open(_) => new.to_owned(),
            // Into a string of JSON.
            Cells::Closed { .. } => serde_json::to_string(new).ok()?.trim_matches('"').to_owned(),
        };
        Some((place.uri, json!({"range": range, "newText": new})))
    }

    /// Puts what belongs outside of all cells into the one that is asked about: an import at its top, an item at its end,
    /// or at its top if it ends in an expression.
    fn beside(&self, range: Range, new: &str) -> Option<(String, Value)> {
        let cell = self.cell.filter(|_| range.start == range.end)?;
        let seen = self.seen()?;
        let (text, (uri, first)) = (seen.texts.get(cell)?, seen.places.get(cell)?);
        let body = text.trim_end();
        let is_import = new.trim_start().starts_with("use ");
        let (at, new) = if is_import {
            (split::start(text), format!("{}\n", new.trim()))
        } else if body.ends_with(['}', ';']) {
            (body.len(), format!("\n\n{}", new.trim()))
        } else {
            (split::start(text), format!("{}\n\n", new.trim()))
        };
        let mut place = text::position(text, at);
        place.line += first;
        Some((uri.clone(), json!({"range": Range::new(place, place), "newText": new})))
    }
}

fn is_home(overlay: &Overlay, range: &Value) -> bool {
    range_of(range)
        .and_then(|range| overlay.line(range.start.line))
        .is_some_and(super::overlay::Line::is_home)
}

pub(super) fn range_of(value: &Value) -> Option<Range> {
    Some(Range::new(position_of(value.get("start")?)?, position_of(value.get("end")?)?))
}

pub(super) fn position_of(value: &Value) -> Option<gen_lsp_types::Position> {
    let number = |key: &str| Some(u32::try_from(value.get(key)?.as_u64()?).unwrap_or(u32::MAX));
    Some(gen_lsp_types::Position::new(number("line")?, number("character")?))
}

/// The edits of a workspace edit, each with its file; none if it does something else than to change texts.
fn flat(edit: &Value) -> Option<Vec<(String, Value)>> {
    let mut all = Vec::new();
    if edit.is_null() {
        return Some(all);
    }
    let mut take = |uri: &str, edits: Option<&Value>| -> Option<()> {
        for edit in edits?.as_array()? {
            let mut edit = edit.clone();
            if let Some(edit) = edit.as_object_mut() {
                edit.remove("annotationId");
                edit.remove("insertTextFormat");
            }
            all.push((uri.to_owned(), edit));
        }
        Some(())
    };
    let empty = Map::new();
    for (uri, edits) in edit.get("changes").and_then(Value::as_object).unwrap_or(&empty) {
        take(uri, Some(edits))?;
    }
    for change in edit.get("documentChanges").and_then(Value::as_array).into_iter().flatten() {
        take(change.get("textDocument")?.get("uri")?.as_str()?, change.get("edits"))?;
    }
    Some(all)
}
