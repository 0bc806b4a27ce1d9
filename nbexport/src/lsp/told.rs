//! What a client tells: documents and notebooks that are opened, changed, saved and closed.

use std::path::{Path, PathBuf};

use gen_lsp_types::{
    DidChangeNotebookDocumentParams, DidChangeTextDocumentParams, DidOpenNotebookDocumentParams,
    DidOpenTextDocumentParams,
};
use lsp_server::{Notification, RequestId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::server::Server;
use super::uri;
use crate::project::Project;

impl Server<'_> {
    /// Takes what the client tells.
    pub(super) fn told(&mut self, notification: Notification) {
        let Notification { method, params } = notification;
        match method.as_str() {
            "notebookDocument/didOpen" => {
                let Some(params) = read::<DidOpenNotebookDocumentParams>(params) else { return };
                let document = params.notebook_document;
                let path = self.books.open(&document.uri.0, document.cells, params.cell_text_documents);
                self.opened(path);
            }
            "notebookDocument/didChange" => {
                let Some(params) = read::<DidChangeNotebookDocumentParams>(params) else { return };
                let uri = params.notebook_document.uri.0;
                if let Some(cells) = params.change.cells {
                    self.books.change_cells(&uri, cells);
                }
                self.changed(uri::path(&uri));
            }
            "notebookDocument/didSave" | "textDocument/didSave" => {
                let key = if method.starts_with("notebook") { "notebookDocument" } else { "textDocument" };
                let uri = params[key]["uri"].as_str().unwrap_or_default().to_owned();
                self.saved(&uri);
            }
            "notebookDocument/didClose" => {
                let uri = params["notebookDocument"]["uri"].as_str().unwrap_or_default();
                let closed = self.books.close(uri);
                self.closed(uri::path(uri), closed);
            }
            "textDocument/didOpen" => {
                let Some(params) = read::<DidOpenTextDocumentParams>(params) else { return };
                let uri = params.text_document.uri.0.clone();
                match self.books.open_document(params.text_document) {
                    Some(path) => self.opened(Some(path)),
                    None if self.books.notebook_of(&uri).is_some() => {}
                    None => {
                        self.files.retain(|file| *file != uri);
                        self.files.push(uri);
                        self.show();
                    }
                }
            }
            "textDocument/didChange" => {
                let Some(params) = read::<DidChangeTextDocumentParams>(params) else { return };
                let uri = params.text_document.text_document_identifier.uri.0;
                self.books.change(&uri, params.content_changes);
                if let Some(path) = self.books.notebook_of(&uri).map(Path::to_owned) {
                    self.changed(Some(path));
                } else {
                    self.show();
                    self.hint(&uri);
                }
            }
            "textDocument/didClose" => {
                let uri = params["textDocument"]["uri"].as_str().unwrap_or_default().to_owned();
                let notebook = self.books.notebook_of(&uri).map(Path::to_owned);
                self.files.retain(|file| *file != uri);
                self.books.close_document(&uri);
                match notebook {
                    Some(path) => self.closed(Some(path), vec![uri]),
                    None => self.show(),
                }
            }
            "$/cancelRequest" => {
                if let Ok(id) = serde_json::from_value::<RequestId>(params["id"].clone()) {
                    self.cancel(&id);
                }
            }
            _ => {}
        }
    }

    fn opened(&mut self, path: Option<PathBuf>) {
        let Some(path) = path else { return };
        if self.moves_to(&path) {
            if let Err(diagnostic) = self.open_project(&path) {
                self.tell(1, &diagnostic);
            }
        } else if self.model.as_ref().is_some_and(|model| !model.has_program(&path)) {
            // One that is not the project's own has no program yet.
            self.write(None);
        }
        self.changed(Some(path));
    }

    /// Whether the project to be served is another one than before: the first notebook to be opened says which, and a
    /// project that could not be read may be one now.
    fn moves_to(&self, path: &Path) -> bool {
        let Some(model) = &self.model else { return true };
        if self.books.paths().count() != 1 {
            return false;
        }
        match Project::discover(path, None) {
            Ok(other) => other.root != model.project.root || !model.project.is_configured,
            Err(_) => !path.starts_with(&model.project.root),
        }
    }

    /// The cells of a notebook are other ones.
    fn changed(&mut self, path: Option<PathBuf>) {
        let Some(path) = path else { return };
        if let Some(model) = &mut self.model {
            model.see(&path, &self.books);
        }
        self.show();
        self.publish(&path);
    }

    fn closed(&mut self, path: Option<PathBuf>, documents: Vec<String>) {
        let Some(path) = path else { return };
        if let Some(model) = &mut self.model {
            model.see(&path, &self.books);
        }
        self.show();
        for uri in documents {
            self.notify("textDocument/publishDiagnostics", json!({"uri": uri, "diagnostics": []}));
        }
    }

    fn saved(&mut self, uri: &str) {
        let notebook = self.books.saved(uri);
        if let Some(path) = &notebook {
            self.findings.saved(path);
            if self.moves_to(path) {
                if let Err(diagnostic) = self.open_project(path) {
                    self.tell(1, &diagnostic);
                }
            } else {
                self.write(Some(path));
            }
        } else if let Some(analyzer) = &self.analyzer {
            analyzer.notify("textDocument/didSave", json!({"textDocument": {"uri": uri}}));
        }
        if let Some(model) = &mut self.model {
            model.forget_closed();
            self.checks.cargo(&model.project);
        }
        self.changed(notebook);
    }

    /// Writes the programs of one notebook, or of all, as they were saved.
    pub(super) fn write(&mut self, path: Option<&Path>) {
        let Some(model) = &mut self.model else { return };
        let changed = match path {
            Some(path) => model.write_saved(path),
            None => model.write(&self.books),
        };
        match changed {
            Ok(true) => {
                self.checks.manifests(model);
                if let Some(analyzer) = &mut self.analyzer {
                    analyzer.request("rust-analyzer/reloadWorkspace", Value::Null);
                }
            }
            Ok(false) => {}
            Err(error) => self.log(2, &format!("cannot write below the target folder: {error}")),
        }
    }

    /// Says in which cell a line of a generated module belongs that is being edited in its file.
    fn hint(&mut self, uri: &str) {
        let Some(path) = uri::path(uri) else { return };
        let Some(model) = &mut self.model else { return };
        let overlays = model.overlays_of_file(&path);
        let Some(overlay) = overlays.iter().find(|it| uri::path(&it.uri).as_ref() == Some(&path)) else {
            return;
        };
        let text = self.books.text(uri).unwrap_or_default();
        let Some((lines, _)) = super::text::changed_lines(&overlay.text, text).pop() else {
            return self.notify("textDocument/publishDiagnostics", json!({"uri": uri, "diagnostics": []}));
        };
        let line = super::text::count(lines.start);
        let cell = (0..=line).rev().find_map(|line| overlay.line(line)).map_or(0, |line| line.cell);
        let message = format!(
            "this module is exported from a notebook: edit cell {} there, or run `nbexport sync` to bring this into it",
            cell + 1
        );
        let range = json!({"start": {"line": line, "character": 0}, "end": {"line": line, "character": 1}});
        let hint = json!({"range": range, "severity": 3, "source": "nbexport", "message": message});
        self.notify("textDocument/publishDiagnostics", json!({"uri": uri, "diagnostics": [hint]}));
    }
}

/// What a client tells, if it can be read.
fn read<T: DeserializeOwned>(params: Value) -> Option<T> {
    serde_json::from_value(params).ok()
}
