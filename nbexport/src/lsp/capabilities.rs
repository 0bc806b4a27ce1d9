//! What the client can do, and what it is told that the server can.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::uri;

/// What of the client matters to us.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of the protocol")]
pub(super) struct Client {
    /// It shows progress.
    pub(super) progress: bool,
    /// It wants to know when rust-analyzer is at rest.
    pub(super) status: bool,
    /// It takes completions with places to fill in.
    pub(super) snippets: bool,
    /// It wants cargo to check after a save.
    pub(super) checks_on_save: bool,
}

impl Client {
    /// Reads what it says of itself.
    pub(super) fn of(params: &Value) -> Self {
        let says = |path: &str| params.pointer(path).and_then(Value::as_bool);
        Self {
            progress: says("/capabilities/window/workDoneProgress").unwrap_or(false),
            status: says("/capabilities/experimental/serverStatusNotification").unwrap_or(false),
            snippets: says("/capabilities/textDocument/completion/completionItem/snippetSupport")
                .unwrap_or(false),
            checks_on_save: says("/initializationOptions/checkOnSave").unwrap_or(true),
        }
    }
}

/// The folder that the client has open.
pub(super) fn root(params: &Value) -> Option<PathBuf> {
    let folders = params.pointer("/workspaceFolders/0/uri").and_then(Value::as_str);
    let root = folders.or_else(|| params.get("rootUri")?.as_str()).and_then(uri::path);
    root.or_else(|| params.get("rootPath")?.as_str().map(PathBuf::from)).filter(|root| root.is_dir())
}

/// What the server can do, with what rust-analyzer said of itself.
pub(super) fn server(analyzer: Option<&Value>) -> Value {
    let cells = json!([{"notebook": {"notebookType": "jupyter-notebook"}, "cells": [{"language": "rust"}]}]);
    let mut all = json!({
        "positionEncoding": "utf-16",
        "textDocumentSync": {"openClose": true, "change": 2, "save": {"includeText": false}},
        "notebookDocumentSync": {"notebookSelector": cells, "save": true},
        "hoverProvider": true,
        "completionProvider": {
            "triggerCharacters": [":", ".", "'", "(", "|", " "], "resolveProvider": analyzer.is_some(),
        },
        "documentFormattingProvider": true,
    });
    let Some(analyzer) = analyzer else { return all };
    for key in [
        "definitionProvider",
        "typeDefinitionProvider",
        "implementationProvider",
        "declarationProvider",
        "referencesProvider",
        "documentHighlightProvider",
        "documentSymbolProvider",
        "foldingRangeProvider",
        "inlayHintProvider",
    ] {
        all[key] = json!(true);
    }
    all["signatureHelpProvider"] = analyzer["signatureHelpProvider"].clone();
    all["renameProvider"] = json!({"prepareProvider": true});
    all["codeActionProvider"] = json!({"codeActionKinds": ["quickfix", "refactor"]});
    all["semanticTokensProvider"] = json!({
        "legend": analyzer["semanticTokensProvider"]["legend"], "full": true, "range": true,
    });
    all
}
