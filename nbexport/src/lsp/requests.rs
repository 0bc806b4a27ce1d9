//! What a client asks, and which overlays that is about.

use std::path::Path;
use std::sync::Arc;

use gen_lsp_types::{Position, Range};
use lsp_server::{ErrorCode, Request, RequestId, ResponseError};
use serde_json::{Value, json};

use super::answers::{position_of, range_of};
use super::overlay::Overlay;
use super::server::Server;
use super::waiting::Asked;
use super::{directives, text, uri};
use crate::edit::fmt;
use crate::notebook::Notebook;

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
        let place = position_of(&params["position"]).or_else(|| Some(range_of(&params["range"])?.start));
        let cell = place.and_then(|place| Some(seen.cell_at(&document, place)?.0));
        let overlays = model.overlays_of_open();
        let mut asked = Asked { cell, ..Asked::new(id, method, document, params.clone(), overlays) };
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
                        overlay.line(start.line).filter(|line| line.is_home())?;
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
        let mut asked = Asked::new(id, method, document, params.clone(), overlays);
        if self.is_passed_on(method) {
            self.ask_with(&mut asked, None, params);
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
        let cell = item["data"]["cell"].as_u64().and_then(|cell| usize::try_from(cell).ok());
        let unresolved = item.clone();
        item["data"] = item["data"]["data"].take();
        let overlays = self.model.as_ref().map(super::model::Model::overlays_of_open).unwrap_or_default();
        let Some(overlay) = overlays.get(&file).map(Arc::clone) else { return self.answer(id, unresolved) };
        let document = document.as_str().unwrap_or_default().to_owned();
        let asked = Asked::new(id, "completionItem/resolve", document, unresolved, overlays);
        let mut asked = Asked { cell, ..asked };
        // Its edits are the cell's by now; what it completes, it knows by its own data.
        self.ask_with(&mut asked, Some(overlay), item);
        self.wait(asked);
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
