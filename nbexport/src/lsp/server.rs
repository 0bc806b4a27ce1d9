//! The server between a client and rust-analyzer: what each says, and what becomes of it.

use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, never, select};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response, ResponseError};
use serde_json::{Value, json};

use super::analyzer::{self, Analyzer};
use super::books::Books;
use super::checks::{self, Checked};
use super::findings::Findings;
use super::model::Model;
use super::waiting::Asked;
use super::{Options, capabilities, uri};
use crate::diagnostic::{Diagnostic, Result};
use crate::project::Project;

/// How often rust-analyzer is started again when it ends by itself.
const RESTARTS: u32 = 3;

/// The server.
pub(super) struct Server<'a> {
    connection: &'a Connection,
    /// The program of rust-analyzer.
    program: Option<PathBuf>,
    client: capabilities::Client,
    pub(super) books: Books,
    pub(super) model: Option<Model>,
    pub(super) analyzer: Option<Analyzer>,
    restarts: u32,
    pub(super) waiting: Vec<Asked>,
    pub(super) findings: Findings,
    pub(super) checks: checks::Checks,
    /// Files that are open and no notebook's.
    pub(super) files: Vec<String>,
    next: i32,
}

impl<'a> Server<'a> {
    /// Greets the client, starts rust-analyzer, and serves until the client leaves.
    pub(super) fn run(connection: &'a Connection, options: &Options) -> Result<()> {
        let broken = |error: &dyn std::fmt::Display| {
            Diagnostic::error(format!("the client does not speak the language server protocol: {error}"))
                .help("this command is started by an editor: `nbexport lsp install` says how")
        };
        let (id, params) = connection.initialize_start().map_err(|error| broken(&error))?;
        let client = capabilities::Client::of(&params);
        let mut server = Self {
            connection,
            program: None,
            checks: checks::Checks::new(client.checks_on_save),
            client,
            books: Books::default(),
            model: None,
            analyzer: None,
            restarts: 0,
            waiting: Vec::new(),
            findings: Findings::default(),
            files: Vec::new(),
            next: 0,
        };
        let root = capabilities::root(&params).unwrap_or_else(|| PathBuf::from("."));
        let mut trouble = Vec::new();
        match analyzer::find(options.rust_analyzer.as_deref()) {
            Ok(program) => server.program = Some(program),
            Err(diagnostic) => trouble.push(diagnostic),
        }
        trouble.extend(server.open_project(&root).err());
        let analyzer = server.analyzer.as_ref().map(|analyzer| &analyzer.capabilities);
        let answer = json!({
            "capabilities": capabilities::server(analyzer),
            "serverInfo": {"name": "nbexport", "version": env!("CARGO_PKG_VERSION")},
        });
        connection.initialize_finish(id, answer).map_err(|error| broken(&error))?;
        for diagnostic in trouble {
            server.tell(1, &diagnostic);
        }
        server.serve();
        Ok(())
    }

    fn serve(&mut self) {
        let nothing: Receiver<Message> = never();
        loop {
            let from_analyzer =
                self.analyzer.as_ref().map_or_else(|| nothing.clone(), |it| it.receiver.clone());
            let checked = self.checks.receiver.clone();
            select! {
                recv(self.connection.receiver) -> message => match message {
                    Ok(Message::Request(request)) => match self.connection.handle_shutdown(&request) {
                        Ok(false) => self.asked(request),
                        Ok(true) | Err(_) => return,
                    },
                    Ok(Message::Notification(notification)) => self.told(notification),
                    Ok(Message::Response(_)) => {}
                    Err(_) => return,
                },
                recv(from_analyzer) -> message => match message {
                    Ok(message) => self.analyzer_says(message),
                    Err(_) => self.analyzer_ended(),
                },
                recv(checked) -> found => if let Ok(found) = found { self.checked(found); },
            }
        }
    }

    /// Turns to the project of a path, and starts rust-analyzer on it.
    pub(super) fn open_project(&mut self, path: &Path) -> Result<()> {
        let (project, wrong) =
            match Project::discover(path, None).or_else(|_| Project::of_notebooks(&[path.to_owned()])) {
                Ok(project) => (project, None),
                // Its notebooks are there, whatever is wrong with its configuration.
                Err(wrong) => (Project::alone(path), Some(wrong)),
            };
        self.analyzer = None;
        let mut model = Model::new(project);
        let written = model.write(&self.books);
        let root = model.scratch.root.clone();
        self.model = Some(model);
        written.map_err(|error| {
            Diagnostic::error(format!("cannot write to `{}`: {error}", root.display()))
                .help("see that there is room, and that the folder may be written")
        })?;
        self.start()?;
        wrong.map_or(Ok(()), Err)
    }

    fn start(&mut self) -> Result<()> {
        let (Some(program), Some(model)) = (&self.program, &self.model) else { return Ok(()) };
        let analyzer =
            Analyzer::start(program, &model.project.root, &model.scratch.manifest(), self.client.snippets)?;
        self.analyzer = Some(analyzer);
        self.findings.begin();
        self.checks.manifests(model);
        self.show();
        Ok(())
    }

    /// Shows rust-analyzer all open notebooks as they are now.
    pub(super) fn show(&mut self) {
        let (Some(analyzer), Some(model)) = (&mut self.analyzer, &self.model) else { return };
        let lib = model.lib();
        let overlays = model.open.values().flat_map(|seen| &seen.overlays);
        let wanted: Vec<(&str, &str)> = overlays
            .map(|overlay| (overlay.uri.as_str(), overlay.text.as_str()))
            .chain(lib.as_ref().map(|(uri, text)| (uri.as_str(), text.as_str())))
            .chain(self.files.iter().filter_map(|file| Some((file.as_str(), self.books.text(file)?))))
            .collect();
        for shown in analyzer.shown() {
            if wanted.iter().all(|(uri, _)| *uri != shown) {
                analyzer.hide(&shown);
            }
        }
        let mut seen = std::collections::HashSet::new();
        for (uri, text) in wanted {
            // A module that is open as a file, too, is the notebook's.
            if seen.insert(uri::path(uri)) {
                analyzer.show(uri, text);
            }
        }
    }

    /// Takes what rust-analyzer says.
    fn analyzer_says(&mut self, message: Message) {
        match message {
            Message::Response(response) => self.answered(response),
            Message::Request(Request { id, method, params }) => {
                if method == "window/workDoneProgress/create" && self.client.progress {
                    self.request(&method, params.clone());
                }
                let nothing =
                    params["items"].as_array().map(|items| items.iter().map(|_| Value::Null).collect());
                if let Some(analyzer) = &self.analyzer {
                    analyzer.answer(id, nothing.map_or(Value::Null, Value::Array));
                }
            }
            Message::Notification(Notification { method, params }) => match method.as_str() {
                "textDocument/publishDiagnostics" => self.found(params),
                "$/progress" if self.client.progress => self.notify(&method, params),
                "experimental/serverStatus" => {
                    let is_first = params["quiescent"] == true && !self.findings.is_loaded;
                    if is_first {
                        // What it said so far is not what it says now, and what it says again it does not send.
                        self.findings.begin();
                        self.findings.is_loaded = true;
                        if let Some(analyzer) = &mut self.analyzer {
                            for file in analyzer.shown() {
                                analyzer.hide(&file);
                            }
                        }
                        self.show();
                    }
                    if self.client.status {
                        self.notify(&method, params);
                    }
                }
                // That it cannot load the workspace is said at the line that is the reason.
                "window/showMessage" => self.notify("window/logMessage", params),
                "window/logMessage" => self.notify(&method, params),
                _ => {}
            },
        }
    }

    fn found(&mut self, params: Value) {
        let Some(path) = params["uri"].as_str().and_then(uri::path) else { return };
        let Some(model) = &self.model else { return };
        let open = model.open.iter().find_map(|(notebook, seen)| {
            let overlay =
                seen.overlays.iter().find(|overlay| uri::path(&overlay.uri).as_ref() == Some(&path))?;
            Some((notebook.clone(), overlay, seen))
        });
        match open {
            Some((notebook, overlay, seen)) => {
                let diagnostics = params["diagnostics"].as_array().map(Vec::as_slice).unwrap_or_default();
                self.findings.of_analyzer(overlay, seen, diagnostics);
                self.publish(&notebook);
            }
            None if path.starts_with(&model.scratch.root) => {}
            None if self.files.iter().any(|file| uri::path(file).as_ref() == Some(&path)) => {
                self.notify("textDocument/publishDiagnostics", params);
            }
            None => {}
        }
    }

    /// Shows what is wrong with a notebook.
    pub(super) fn publish(&self, path: &Path) {
        let Some(model) = &self.model else { return };
        let Some(seen) = model.open.get(path) else { return };
        let name = model.project.name_of(path);
        let all = self.findings.of_notebook(path, &name, seen, |cell| self.cell_text(path, cell));
        for (uri, diagnostics) in all {
            self.notify("textDocument/publishDiagnostics", json!({"uri": uri, "diagnostics": diagnostics}));
        }
    }

    /// The text of a cell of an open notebook.
    pub(super) fn cell_text(&self, notebook: &Path, cell: usize) -> Option<String> {
        let seen = self.model.as_ref()?.open.get(notebook)?;
        seen.texts.get(cell).cloned()
    }

    /// What cargo found is there.
    fn checked(&mut self, found: Checked) {
        match found {
            Checked::Cargo(messages) => {
                let Some(model) = &self.model else { return };
                let texts = |name: &str, cell: usize| {
                    let (path, _) =
                        model.open.iter().find(|(path, _)| model.project.name_of(path) == name)?;
                    model.open.get(path)?.texts.get(cell).cloned()
                };
                self.findings.of_cargo(&messages, texts);
            }
            Checked::Manifests(found, is_crate_refused) => {
                if is_crate_refused && let Some(model) = &mut self.model {
                    model.refuse_crate();
                }
                for (path, found) in &found {
                    self.findings.of_manifest(path, found);
                    let names = found.iter().map(|(_, name, _)| name.clone());
                    if let Some(model) = &mut self.model {
                        model.refuse(path, names);
                    }
                }
                // Without those lines, the rest can be loaded.
                if is_crate_refused || found.iter().any(|(_, found)| !found.is_empty()) {
                    self.write(None);
                }
            }
        }
        self.publish_all();
    }

    fn publish_all(&self) {
        for path in self.books.paths() {
            self.publish(path);
        }
    }

    /// rust-analyzer is gone: it is started again, and what was asked is refused.
    fn analyzer_ended(&mut self) {
        self.analyzer = None;
        for asked in std::mem::take(&mut self.waiting) {
            let message = "rust-analyzer ended".to_owned();
            let error = ResponseError { code: ErrorCode::RequestFailed as i32, message, data: None };
            self.refuse(asked.client, error);
        }
        self.restarts += 1;
        let ended = Diagnostic::warning("rust-analyzer ended");
        if self.restarts > RESTARTS {
            let diagnostic = ended.help("it is not started again before the editor is");
            return self.tell(1, &diagnostic);
        }
        if self.restarts == 1 {
            self.tell(2, &ended.help("it was started again"));
        }
        if let Err(diagnostic) = self.start() {
            self.tell(1, &diagnostic);
        }
    }

    pub(super) fn answer(&self, id: RequestId, result: Value) {
        let _ = self.connection.sender.send(Message::Response(Response::new_ok(id, result)));
    }

    pub(super) fn refuse(&self, id: RequestId, error: ResponseError) {
        let response = Response { id, response_result: Err(error) };
        let _ = self.connection.sender.send(Message::Response(response));
    }

    pub(super) fn notify(&self, method: &str, params: Value) {
        let notification = Notification { method: method.to_owned(), params };
        let _ = self.connection.sender.send(Message::Notification(notification));
    }

    fn request(&mut self, method: &str, params: Value) {
        self.next += 1;
        let request =
            Request { id: format!("nbexport-{}", self.next).into(), method: method.to_owned(), params };
        let _ = self.connection.sender.send(Message::Request(request));
    }

    pub(super) fn tell(&self, kind: u8, diagnostic: &Diagnostic) {
        let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        let message = format!("nbexport: {}{help}", diagnostic.message);
        self.notify("window/showMessage", json!({"type": kind, "message": message}));
    }

    pub(super) fn log(&self, kind: u8, message: &str) {
        self.notify("window/logMessage", json!({"type": kind, "message": format!("nbexport: {message}")}));
    }
}
