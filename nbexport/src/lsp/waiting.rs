//! What has been asked and waits for rust-analyzer: its questions, and what becomes of the answers.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use gen_lsp_types::{Position, Range};
use lsp_server::{ErrorCode, RequestId, Response, ResponseError};
use serde_json::{Value, json};

use super::answers::{Answers, Part, position_of, range_of};
use super::model::Overlays;
use super::overlay::Overlay;
use super::server::Server;
use super::uri;

/// A request that waits for rust-analyzer.
pub(super) struct Asked {
    pub(super) client: RequestId,
    pub(super) method: String,
    /// The document that it is about.
    pub(super) document: String,
    /// The cell that it is about, if it is about one.
    pub(super) cell: Option<usize>,
    pub(super) params: Value,
    /// The overlays as they are when it is asked.
    pub(super) overlays: Overlays,
    pub(super) questions: Vec<Question>,
    /// What has been asked about: files, and of programs their functions.
    pub(super) scopes: HashSet<(PathBuf, usize)>,
}

/// One question to rust-analyzer.
pub(super) struct Question {
    id: RequestId,
    /// The overlay that it is about; none for a plain file.
    overlay: Option<Arc<Overlay>>,
    params: Value,
    /// How often it was asked again.
    repeats: u32,
    answer: Option<std::result::Result<Value, ResponseError>>,
}

/// How often a question is asked again when rust-analyzer drops it for a change that has nothing to do with it.
const REPEATS: u32 = 3;

impl Asked {
    pub(super) fn new(
        client: RequestId,
        method: &str,
        document: String,
        params: Value,
        overlays: Overlays,
    ) -> Self {
        let (questions, scopes) = (Vec::new(), HashSet::new());
        Self { client, method: method.to_owned(), document, cell: None, params, overlays, questions, scopes }
    }
}

impl Server<'_> {
    /// Asks about an overlay.
    pub(super) fn ask(&mut self, asked: &mut Asked, overlay: Arc<Overlay>, change: impl FnOnce(&mut Value)) {
        let mut params = asked.params.clone();
        params["textDocument"] = json!({"uri": overlay.uri});
        change(&mut params);
        if let (Some(file), Some(position)) = (uri::path(&overlay.uri), position_of(&params["position"])) {
            asked.scopes.insert((file, overlay.function(position.line)));
        }
        self.ask_with(asked, Some(overlay), params);
    }

    /// Asks this; about an overlay, or a plain file.
    pub(super) fn ask_with(&mut self, asked: &mut Asked, overlay: Option<Arc<Overlay>>, params: Value) {
        let Some(analyzer) = &mut self.analyzer else { return };
        let id = analyzer.request(&asked.method, params.clone());
        asked.questions.push(Question { id, overlay, params, repeats: 0, answer: None });
    }

    pub(super) fn wait(&mut self, asked: Asked) {
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
        if matches!(&response_result, Err(error) if is_dropped(error)) && self.repeat(at, &id) {
            return;
        }
        let asked = &mut self.waiting[at];
        for question in asked.questions.iter_mut().filter(|question| question.id == id) {
            question.answer = Some(response_result.clone());
        }
        if asked.questions.iter().any(|question| question.answer.is_none()) {
            return;
        }
        let mut asked = self.waiting.remove(at);
        if matches!(
            asked.method.as_str(),
            "textDocument/references" | "textDocument/rename" | "textDocument/documentHighlight"
        ) {
            let before = asked.questions.len();
            self.follow(&mut asked);
            if asked.questions.len() > before {
                self.waiting.push(asked);
                return;
            }
        }
        self.finish(asked);
    }

    /// Asks a question again, if what it is about is as it was.
    fn repeat(&mut self, at: usize, id: &RequestId) -> bool {
        let (Some(analyzer), Some(model)) = (&mut self.analyzer, &self.model) else { return false };
        let asked = &mut self.waiting[at];
        let Some(question) = asked.questions.iter_mut().find(|question| question.id == *id) else {
            return false;
        };
        let now = model.overlays_of_open();
        let is_same = |overlay: &Arc<Overlay>| {
            let now = uri::path(&overlay.uri).and_then(|path| now.get(&path));
            now.is_none_or(|now| now.text == overlay.text)
        };
        if question.repeats == REPEATS || !question.overlay.as_ref().is_none_or(is_same) {
            return false;
        }
        question.repeats += 1;
        question.id = analyzer.request(&asked.method, question.params.clone());
        true
    }

    /// A cell stands in the program of its notebook, and it may stand in a module; what makes a variable stands in each
    /// function that needs it. Where one of them was found, the others are asked about, too.
    fn follow(&mut self, asked: &mut Asked) {
        let Some(model) = &mut self.model else { return };
        let found: HashSet<(PathBuf, Position)> = asked
            .questions
            .iter()
            .filter_map(|question| {
                let about = question.overlay.as_ref().map_or("", |overlay| &overlay.uri);
                Some(places(question.answer.as_ref()?.as_ref().ok()?, about))
            })
            .flatten()
            .filter_map(|(file, range)| Some((uri::path(&file)?, range.start)))
            .collect();
        let mut next: Vec<(Arc<Overlay>, Position)> = Vec::new();
        for (path, position) in &found {
            let siblings = model.overlays_of_file(path);
            let Some(there) = siblings.iter().find(|overlay| uri::path(&overlay.uri).as_ref() == Some(path))
            else {
                continue;
            };
            let Some((cell, position)) = there.in_cell(*position) else { continue };
            for sibling in &siblings {
                let Some(file) = uri::path(&sibling.uri) else { continue };
                for position in sibling.all_of_cell(cell, position) {
                    let scope = (file.clone(), sibling.function(position.line));
                    if !found.contains(&(file.clone(), position)) && asked.scopes.insert(scope) {
                        next.push((Arc::clone(sibling), position));
                    }
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
        let mut answers = Answers {
            model,
            overlays: &asked.overlays,
            document: &asked.document,
            cell: asked.cell,
            position: position_of(&asked.params["position"]),
        };
        let mut answer = answers.answer(&asked.method, parts);
        if asked.method == "completionItem/resolve"
            && let Some(edit) = asked.params.get("textEdit")
            && answer.is_object()
        {
            answer["textEdit"] = edit.clone();
        }
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
}

/// Whether rust-analyzer has dropped a question because something was changed meanwhile.
fn is_dropped(error: &ResponseError) -> bool {
    error.code == ErrorCode::ContentModified as i32 || error.code == ErrorCode::ServerCancelled as i32
}

/// The places that an answer about a file names, each with its file.
fn places(answer: &Value, about: &str) -> Vec<(String, Range)> {
    let located = |it: &Value| {
        let file = it.get("uri").map_or(Some(about), Value::as_str)?;
        Some((file.to_owned(), range_of(it.get("range")?)?))
    };
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
