//! What a client asks: which overlays it is about, and what is made of the answers.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gen_lsp_types::{Position, Range};
use lsp_server::{ErrorCode, Request, RequestId, Response, ResponseError};
use serde_json::{Value, json};

use super::answers::{Answers, Part, position_of, range_of};
use super::model::Overlays;
use super::overlay::Overlay;
use super::server::Server;
use super::{directives, text, uri};
use crate::edit::fmt;
use crate::notebook::Notebook;

/// A request that waits for rust-analyzer.
pub(super) struct Asked {
    pub(super) client: RequestId,
    method: String,
    /// The document that it is about.
    document: String,
    params: Value,
    /// The overlays as they are when it is asked.
    overlays: Overlays,
    questions: Vec<Question>,
    /// The files that have been asked about.
    files: HashSet<PathBuf>,
}

/// One question to rust-analyzer.
struct Question {
    id: RequestId,
    overlay: Option<Arc<Overlay>>,
    answer: Option<std::result::Result<Value, ResponseError>>,
}

/// More stretches than this are asked about as one.
const STRETCHES: usize = 8;

impl Server<'_> {
    /// Takes a request of the client.
    pub(super) fn asked(&mut self, request: Request) {
        let Request { id, method, params } = request;
        if method == "completionItem/resolve" {
            return self.ask_to_resolve(id, params);
        }
        let document = params["textDocument"]["uri"].as_str().unwrap_or_default().to_owned();
        match self.books.notebook_of(&document).map(Path::to_owned) {
            Some(notebook) => self.ask_about_cells(id, &method, &params, document, &notebook),
            None => self.ask_about_file(id, &method, params, document),
        }
    }

    fn ask_about_cells(
        &mut self,
        id: RequestId,
        method: &str,
        params: &Value,
        document: String,
        notebook: &Path,
    ) {
        let Some(model) = &self.model else { return self.answer(id, Value::Null) };
        let Some(seen) = model.open.get(notebook) else { return self.answer(id, Value::Null) };
        if method == "textDocument/formatting" {
            return self.format(id, &document, notebook);
        }
        let mut asked = Asked {
            client: id,
            method: method.to_owned(),
            document,
            params: params.clone(),
            overlays: model.overlays_of_open(),
            questions: Vec::new(),
            files: HashSet::new(),
        };
        if let Some(position) = position_of(&params["position"]) {
            if let Some((cell, within)) = seen.cell_at(&asked.document, position)
                && let Some(text) = self.cell_text(notebook, cell)
                && let Some(above) = directives::above(&text, within)
            {
                let first = position.line - within.line;
                let answer = match method {
                    "textDocument/completion" => directives::complete(&above, within, first),
                    "textDocument/hover" => directives::hover(&above, first),
                    _ => Value::Null,
                };
                return self.answer(asked.client, answer);
            }
            let found = model.locate(&asked.document, notebook, position).into_iter().next();
            let Some((overlay, position)) = found else { return self.answer(asked.client, Value::Null) };
            self.ask(&mut asked, overlay, |params| params["position"] = json!(position));
        } else {
            self.ask_about_stretches(&mut asked, notebook);
        }
        self.wait(asked);
    }

    /// Asks about all that belongs to the cells of a document, or to a range of it.
    fn ask_about_stretches(&mut self, asked: &mut Asked, notebook: &Path) {
        let Some(seen) = self.model.as_ref().and_then(|model| model.open.get(notebook)) else { return };
        let overlays = seen.overlays.clone();
        let cells: Vec<usize> = seen.cells_of(&asked.document).collect();
        let ranged = range_of(&asked.params["range"]);
        for overlay in overlays {
            let mut stretches: Vec<(u32, u32)> =
                cells.iter().flat_map(|cell| overlay.stretches(*cell)).collect();
            if let Some(range) = ranged {
                stretches = stretches.into_iter().filter_map(|it| clipped(&overlay, it, range)).collect();
            }
            stretches.sort_unstable();
            let (Some(first), Some(last)) = (stretches.first().copied(), stretches.last().copied()) else {
                continue;
            };
            match asked.method.as_str() {
                "textDocument/semanticTokens/full"
                | "textDocument/semanticTokens/range"
                | "textDocument/inlayHint" => {
                    if asked.method.ends_with("full") {
                        "textDocument/semanticTokens/range".clone_into(&mut asked.method);
                    }
                    let all = if stretches.len() > STRETCHES { vec![(first.0, last.1)] } else { stretches };
                    for (from, to) in all {
                        let range = Range::new(Position::new(from, 0), Position::new(to + 1, 0));
                        self.ask(asked, Arc::clone(&overlay), |params| params["range"] = json!(range));
                    }
                }
                "textDocument/codeAction" => {
                    let places = ranged.and_then(|range| {
                        let seen = self.model.as_ref()?.open.get(notebook)?;
                        let (cell, start) = seen.cell_at(&asked.document, range.start)?;
                        let (_, end) = seen.cell_at(&asked.document, range.end)?;
                        let (start, end) = (overlay.of_cell(cell, start)?, overlay.of_cell(cell, end)?);
                        overlay.line(start.line).filter(|line| line.is_home)?;
                        Some(Range::new(start, end))
                    });
                    let Some(range) = places else { continue };
                    self.ask(asked, overlay, |params| {
                        params["range"] = json!(range);
                        // Of its own errors it knows by itself.
                        params["context"]["diagnostics"] = json!([]);
                    });
                }
                _ => self.ask(asked, overlay, |_| ()),
            }
        }
    }

    fn ask_about_file(&mut self, id: RequestId, method: &str, params: Value, document: String) {
        let overlays = self.model.as_ref().map(super::model::Model::overlays_of_open).unwrap_or_default();
        let mut asked = Asked {
            client: id,
            method: method.to_owned(),
            document,
            params: params.clone(),
            overlays,
            questions: Vec::new(),
            files: HashSet::new(),
        };
        if self.is_passed_on(method)
            && let Some(analyzer) = &mut self.analyzer
        {
            let id = analyzer.request(method, params);
            asked.questions.push(Question { id, overlay: None, answer: None });
        }
        self.wait(asked);
    }

    /// Whether a request about a plain file is one that rust-analyzer answers as we were promised.
    fn is_passed_on(&self, method: &str) -> bool {
        method.starts_with("textDocument/") || method.starts_with("workspace/") && self.analyzer.is_some()
    }

    fn ask_to_resolve(&mut self, id: RequestId, mut item: Value) {
        let (file, document) = (item["data"]["file"].clone(), item["data"]["document"].clone());
        let Some(file) = file.as_str().and_then(uri::path) else {
            return self.answer(id, item);
        };
        let unresolved = item.clone();
        item["data"] = item["data"]["data"].take();
        let overlays = self.model.as_ref().map(super::model::Model::overlays_of_open).unwrap_or_default();
        let Some(overlay) = overlays.get(&file).map(Arc::clone) else { return self.answer(id, unresolved) };
        let mut asked = Asked {
            client: id,
            method: "completionItem/resolve".to_owned(),
            document: document.as_str().unwrap_or_default().to_owned(),
            params: unresolved,
            overlays,
            questions: Vec::new(),
            files: HashSet::new(),
        };
        if let Some(analyzer) = &mut self.analyzer {
            // Its edits are the cell's by now; what it completes, it knows by its own data.
            let id = analyzer.request("completionItem/resolve", item);
            asked.questions.push(Question { id, overlay: Some(overlay), answer: None });
        }
        self.wait(asked);
    }

    /// Asks about an overlay.
    fn ask(&mut self, asked: &mut Asked, overlay: Arc<Overlay>, change: impl FnOnce(&mut Value)) {
        let Some(analyzer) = &mut self.analyzer else { return };
        let mut params = asked.params.clone();
        params["textDocument"] = json!({"uri": overlay.uri});
        change(&mut params);
        let id = analyzer.request(&asked.method, params);
        asked.files.extend(uri::path(&overlay.uri));
        asked.questions.push(Question { id, overlay: Some(overlay), answer: None });
    }

    fn wait(&mut self, asked: Asked) {
        if asked.questions.is_empty() {
            let empty = if asked.method == "completionItem/resolve" { asked.params } else { Value::Null };
            self.answer(asked.client, empty);
        } else {
            self.waiting.push(asked);
        }
    }

    /// Takes an answer of rust-analyzer.
    pub(super) fn answered(&mut self, response: Response) {
        let Response { id, response_result } = response;
        let is_it = |asked: &Asked| asked.questions.iter().any(|question| question.id == id);
        let Some(at) = self.waiting.iter().position(is_it) else { return };
        let asked = &mut self.waiting[at];
        for question in asked.questions.iter_mut().filter(|question| question.id == id) {
            question.answer = Some(response_result.clone());
        }
        if asked.questions.iter().any(|question| question.answer.is_none()) {
            return;
        }
        let mut asked = self.waiting.remove(at);
        if matches!(asked.method.as_str(), "textDocument/references" | "textDocument/rename") {
            let before = asked.questions.len();
            self.follow(&mut asked);
            if asked.questions.len() > before {
                self.waiting.push(asked);
                return;
            }
        }
        self.finish(asked);
    }

    /// A cell stands in the program of its notebook, and it may stand in a module: where one of them was found, the other
    /// is asked about, too.
    fn follow(&mut self, asked: &mut Asked) {
        let Some(model) = &mut self.model else { return };
        let answers = asked.questions.iter().filter_map(|question| question.answer.as_ref()?.as_ref().ok());
        let mut next: Vec<(Arc<Overlay>, Position)> = Vec::new();
        for (file, range) in answers.flat_map(places) {
            let Some(path) = uri::path(&file) else { continue };
            let siblings = model.overlays_of_file(&path);
            let Some(found) = siblings.iter().find(|overlay| uri::path(&overlay.uri).as_ref() == Some(&path))
            else {
                continue;
            };
            let Some((cell, position)) = found.in_cell(range.start) else { continue };
            for sibling in &siblings {
                let Some(file) = uri::path(&sibling.uri) else { continue };
                if !asked.files.contains(&file)
                    && let Some(position) = sibling.of_cell(cell, position)
                {
                    asked.files.insert(file);
                    next.push((Arc::clone(sibling), position));
                }
            }
        }
        for (overlay, position) in next {
            self.ask(asked, overlay, |params| params["position"] = json!(position));
        }
    }

    fn finish(&mut self, asked: Asked) {
        let is_rename = asked.method == "textDocument/rename";
        let mut parts = Vec::new();
        let mut error = None;
        for (index, question) in asked.questions.into_iter().enumerate() {
            match question.answer {
                Some(Ok(result)) => parts.push(Part { overlay: question.overlay, result }),
                // What was asked further may be about nothing.
                Some(Err(refused)) if index == 0 => error = Some(refused),
                _ => {}
            }
        }
        if let Some(error) = error.filter(|_| parts.is_empty()) {
            return self.refuse(asked.client, error);
        }
        let Some(model) = &mut self.model else { return self.answer(asked.client, Value::Null) };
        let mut answers = Answers { model, overlays: &asked.overlays, document: &asked.document };
        let answer = answers.answer(&asked.method, parts);
        if is_rename && answer.is_null() {
            let message = "a part of this name is not in a cell, so it cannot be renamed here".to_owned();
            let error = ResponseError { code: ErrorCode::RequestFailed as i32, message, data: None };
            return self.refuse(asked.client, error);
        }
        self.answer(asked.client, answer);
    }

    /// The client does not want to know any more.
    pub(super) fn cancel(&mut self, id: &RequestId) {
        let Some(at) = self.waiting.iter().position(|asked| asked.client == *id) else { return };
        let asked = self.waiting.remove(at);
        for question in asked.questions {
            if let Some(analyzer) = &self.analyzer {
                analyzer.notify("$/cancelRequest", json!({"id": question.id}));
            }
        }
        let error = ResponseError {
            code: ErrorCode::RequestCanceled as i32,
            message: "canceled".to_owned(),
            data: None,
        };
        self.refuse(asked.client, error);
    }

    /// Formats the cells of a document, by nbexport's own rules.
    fn format(&mut self, id: RequestId, document: &str, notebook: &Path) {
        let Some(seen) = self.model.as_ref().and_then(|model| model.open.get(notebook)) else {
            return self.answer(id, Value::Null);
        };
        let cells: Vec<(usize, u32)> =
            seen.cells_of(document).map(|cell| (cell, seen.places[cell].1)).collect();
        let texts: Vec<(u32, String)> = cells
            .into_iter()
            .filter_map(|(cell, first)| Some((first, self.cell_text(notebook, cell)?)))
            .collect();
        let json: Vec<Value> = texts
            .iter()
            .map(|(_, text)| json!({"cell_type": "code", "metadata": {}, "source": text}))
            .collect();
        let json = json!({"cells": json, "metadata": {}, "nbformat": 4, "nbformat_minor": 4});
        let root = notebook.parent().unwrap_or(Path::new(".")).to_owned();
        let formatted = Notebook::parse("cells", json.to_string())
            .and_then(|notebook| fmt::format(std::slice::from_ref(&notebook), &root));
        proc_macro2::extra::invalidate_current_thread_spans();
        match formatted {
            Err(diagnostic) => {
                let message = diagnostic.message.clone();
                let error = ResponseError { code: ErrorCode::RequestFailed as i32, message, data: None };
                self.refuse(id, error);
            }
            Ok(formatted) => {
                let edits = formatted.into_iter().flat_map(|it| it.cells).filter_map(|(number, old, new)| {
                    let (first, _) = texts.get(number - 1)?;
                    let end = text::position(&old, old.len());
                    let range =
                        Range::new(Position::new(*first, 0), Position::new(first + end.line, end.character));
                    Some(json!({"range": range, "newText": new}))
                });
                let edits = edits.collect();
                self.answer(id, edits);
            }
        }
    }
}

/// The lines of a stretch that lie in a range of the client's document.
fn clipped(overlay: &Overlay, (first, last): (u32, u32), range: Range) -> Option<(u32, u32)> {
    let is_within = |line: &u32| {
        let from = overlay.line(*line).map_or(0, |line| line.from.saturating_add_signed(line.shift));
        let place = overlay.to_client(Position::new(*line, from));
        place.is_some_and(|place| (range.start.line..=range.end.line).contains(&place.position.line))
    };
    let mut lines = (first..=last).filter(is_within);
    let first = lines.next()?;
    Some((first, lines.next_back().unwrap_or(first)))
}

/// The places that an answer names, each with its file.
fn places(answer: &Value) -> Vec<(String, Range)> {
    let located = |it: &Value| Some((it.get("uri")?.as_str()?.to_owned(), range_of(it.get("range")?)?));
    if let Value::Array(all) = answer {
        return all.iter().filter_map(located).collect();
    }
    let changes = answer.get("documentChanges").and_then(Value::as_array);
    let of_change = |change: &Value| {
        let file = change["textDocument"]["uri"].as_str().unwrap_or_default().to_owned();
        let edits = change["edits"].as_array().cloned().unwrap_or_default();
        edits.into_iter().filter_map(move |edit| Some((file.clone(), range_of(&edit["range"])?)))
    };
    changes.into_iter().flatten().flat_map(of_change).collect()
}
