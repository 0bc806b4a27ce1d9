//! What rust-analyzer is to see of the project's notebooks: for each the program of its cells, and for those that are
//! open the modules that they would be exported to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::body::{self, How};
use super::books::{Books, Current};
use super::overlay::{Cells, Line, Overlay};
use super::scratch::{self, Scratch};
use super::{text, uri};
use crate::diagnostic::Diagnostic;
use crate::export::manifest::Dependency;
use crate::export::module::{Module, Target};
use crate::export::{self, lib_rs};
use crate::files;
use crate::notebook::Notebook;
use crate::notebook::parsed::{ParsedNotebook, Role};
use crate::project::Project;
use crate::run::verdict::Expect;

/// Overlays by the path of their file.
pub(super) type Overlays = HashMap<PathBuf, Arc<Overlay>>;

/// A `:dep` line: its cell, the crate's name, and what is said if cargo refuses it.
pub(super) type DepLine = (usize, String, Diagnostic);

/// The project as rust-analyzer is to see it.
pub(super) struct Model {
    pub(super) project: Project,
    pub(super) scratch: Scratch,
    crate_name: String,
    /// Of the open notebooks.
    pub(super) open: BTreeMap<PathBuf, Seen>,
    /// Of the others, as far as somebody asked for them.
    closed: HashMap<PathBuf, Vec<Arc<Overlay>>>,
    /// The `:dep` lines of all notebooks that cargo was shown.
    dep_lines: BTreeMap<PathBuf, Vec<DepLine>>,
    /// The crates that cargo refuses a notebook.
    refused: HashMap<PathBuf, HashSet<String>>,
    /// Cells that have been read, by their text.
    read: HashMap<Arc<str>, Arc<body::Cell>>,
}

/// What an open notebook comes to.
#[derive(Default)]
pub(super) struct Seen {
    /// The program of its cells, then its modules.
    pub(super) overlays: Vec<Arc<Overlay>>,
    /// The documents that its cells are in.
    pub(super) places: Vec<(String, u32)>,
    /// What nbexport has to say: the cell by its place among all cells, and what.
    pub(super) own: Vec<(usize, Diagnostic)>,
    /// The cells of which nobody expects that they compile.
    pub(super) quiet: HashSet<usize>,
    /// The texts of all cells.
    pub(super) texts: Vec<String>,
    /// The modules, by name.
    modules: Vec<String>,
    /// The cells that are in a module.
    pub(super) exported: HashSet<usize>,
}

impl Model {
    pub(super) fn new(project: Project) -> Self {
        let crate_name = export::crate_name(&project).unwrap_or_default();
        let scratch = Scratch::of(&project);
        let (open, closed, read) = (BTreeMap::new(), HashMap::new(), HashMap::new());
        let (dep_lines, refused) = (BTreeMap::new(), HashMap::new());
        Self { project, scratch, crate_name, open, closed, dep_lines, refused, read }
    }

    /// Writes the programs of all notebooks as they were saved; tells whether rust-analyzer has to load the workspace anew.
    pub(super) fn write(&mut self, books: &Books) -> std::io::Result<bool> {
        let paths = self.notebooks(books);
        let mut changed = false;
        let mut names = Vec::new();
        for path in &paths {
            let name = self.project.name_of(path);
            let Ok(notebook) = Notebook::read(path, &name) else { continue };
            if notebook.language().is_some_and(|language| language != "rust") {
                continue;
            }
            changed |= self.write_one(&notebook, path)?;
            names.push(name);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        changed |= self.scratch.write(&self.project, &names)?;
        proc_macro2::extra::invalidate_current_thread_spans();
        Ok(changed)
    }

    /// Writes the program of one notebook as it was saved.
    pub(super) fn write_saved(&mut self, path: &Path) -> std::io::Result<bool> {
        let Ok(notebook) = Notebook::read(path, &self.project.name_of(path)) else { return Ok(false) };
        self.refused.remove(path);
        let changed = self.write_one(&notebook, path);
        proc_macro2::extra::invalidate_current_thread_spans();
        changed
    }

    fn write_one(&mut self, notebook: &Notebook, path: &Path) -> std::io::Result<bool> {
        let (parsed, _) = ParsedNotebook::new(notebook);
        let mut dependencies = scratch::dependencies(&parsed, path);
        if let Some(refused) = self.refused.get(path) {
            dependencies.retain(|name, _| !refused.contains(name));
        }
        let line = |one: &Dependency| {
            let cell = notebook.cells.iter().position(|cell| cell.source.name == one.source.name)?;
            let wrong = format!("cargo cannot use `{}` as this line asks for it", one.name);
            Some((cell, one.name.clone(), Diagnostic::error(wrong).at(&one.source, one.span.clone(), "")))
        };
        self.dep_lines.insert(path.to_owned(), dependencies.values().filter_map(line).collect());
        let (program, _) = self.program(&parsed);
        self.scratch.write_package(notebook, &dependencies, &program)
    }

    /// All notebooks of the project, and those open elsewhere.
    fn notebooks(&self, books: &Books) -> Vec<PathBuf> {
        let mut paths = if self.project.is_configured {
            self.project.notebook_paths().unwrap_or_default()
        } else {
            Vec::new()
        };
        paths.extend(books.paths().map(Path::to_owned));
        paths.sort();
        paths.dedup();
        paths
    }

    /// Sees an open notebook as the client has it now.
    pub(super) fn see(&mut self, path: &Path, books: &Books) {
        let name = self.project.name_of(path);
        self.closed.remove(path);
        let seen = match books.current(path, &name) {
            None => None,
            Some(Ok(current)) => Some(self.seen(path, &current)),
            // What a client sends is made into a notebook here: it cannot fail.
            Some(Err(_)) => Some(Seen::default()),
        };
        proc_macro2::extra::invalidate_current_thread_spans();
        match seen {
            Some(seen) => drop(self.open.insert(path.to_owned(), seen)),
            None => drop(self.open.remove(path)),
        }
    }

    fn seen(&mut self, path: &Path, current: &Current) -> Seen {
        let notebook = &current.notebook;
        let (parsed, mut wrong) = ParsedNotebook::new(notebook);
        let cells = Arc::new(Cells::Open(current.places.clone()));
        let (overlays, modules) = self.overlays(&parsed, path, &cells, &mut wrong);
        let texts = notebook.cells.iter().map(|cell| cell.text().to_owned()).collect();
        let mut seen = Seen { overlays, modules, texts, places: current.places.clone(), ..Seen::default() };
        for cell in &parsed.cells {
            let index = cell.cell.number - 1;
            if matches!(Expect::of(cell.cell, &cell.directives), Expect::Skip(_) | Expect::CompileError) {
                seen.quiet.insert(index);
            }
            if matches!(cell.role(), Role::Export(..)) {
                seen.exported.insert(index);
            }
            // rust-analyzer says more exactly where a cell does not parse, unless we closed what it leaves open.
            if let Err(diagnostic) = cell.code() {
                let message = &diagnostic.message;
                wrong.retain(|other| other.message != *message || other.primary != diagnostic.primary);
                let is_ours = !message.contains("does not parse as Rust")
                    || self.read(cell.cell.text()).is_unbalanced();
                if is_ours && !seen.quiet.contains(&index) {
                    wrong.push(diagnostic.clone());
                }
            }
        }
        let cell_of = |diagnostic: &Diagnostic| {
            let source = &diagnostic.primary.as_ref()?.source;
            notebook.cells.iter().position(|cell| cell.source.name == source.name)
        };
        seen.own =
            wrong.into_iter().map(|diagnostic| (cell_of(&diagnostic).unwrap_or(0), diagnostic)).collect();
        seen
    }

    /// The program and the modules of a notebook.
    fn overlays(
        &mut self,
        parsed: &ParsedNotebook<'_>,
        path: &Path,
        cells: &Arc<Cells>,
        wrong: &mut Vec<Diagnostic>,
    ) -> (Vec<Arc<Overlay>>, Vec<String>) {
        let (program, lines) = self.program(parsed);
        let file = uri::of(&self.scratch.program(&self.project.name_of(path)));
        let mut overlays = vec![Arc::new(Overlay::new(file, program, lines, Arc::clone(cells)))];
        let mut names = Vec::new();
        if !self.crate_name.is_empty() {
            for module in export::modules_as_they_are(parsed, &self.crate_name, wrong) {
                if module.target == Target::Library {
                    overlays.push(Arc::new(self.module(parsed, &module, cells)));
                    names.push(module.name);
                }
            }
        }
        (overlays, names)
    }

    /// The program of a notebook's cells.
    fn program(&mut self, parsed: &ParsedNotebook<'_>) -> (String, Vec<Option<Line>>) {
        let has_crate = !self.crate_name.is_empty();
        let cells: Vec<(usize, Arc<body::Cell>, How)> = parsed
            .cells
            .iter()
            .map(|cell| {
                let how = match Expect::of(cell.cell, &cell.directives) {
                    Expect::Success => How::Shared,
                    Expect::Panic | Expect::Compiles => How::Apart,
                    Expect::CompileError | Expect::Skip(_) => How::Alone,
                };
                (cell.cell.number - 1, self.read(cell.cell.text()), how)
            })
            .collect();
        let exported: HashSet<usize> = parsed
            .cells
            .iter()
            .filter(|cell| has_crate && matches!(cell.role(), Role::Export(..)))
            .map(|cell| cell.cell.number - 1)
            .collect();
        let cells: Vec<_> = cells.iter().map(|(index, cell, how)| (*index, &**cell, *how)).collect();
        body::program(&cells, |index| !exported.contains(&index))
    }

    fn read(&mut self, text: &str) -> Arc<body::Cell> {
        if let Some(cell) = self.read.get(text) {
            return Arc::clone(cell);
        }
        // What was typed on the way is not needed again.
        if self.read.len() > 4096 {
            self.read.clear();
        }
        let cell = Arc::new(body::Cell::read(text));
        self.read.insert(text.into(), Arc::clone(&cell));
        cell
    }

    /// A module as it would be exported now. What a cell leaves open is closed behind it.
    fn module(&mut self, parsed: &ParsedNotebook<'_>, module: &Module, cells: &Arc<Cells>) -> Overlay {
        let cell_of = |number: usize| parsed.cells.iter().find(|cell| cell.cell.number == number);
        let mut lines = Vec::with_capacity(module.map.len());
        let mut out = String::with_capacity(module.text.len());
        let mut open = String::new();
        for (index, shown) in module.text.lines().enumerate() {
            let origin = module.map.origin(index + 1);
            let next = module.map.origin(index + 2).map(|origin| origin.cell);
            let line = origin.map(|origin| {
                let shift = i32::try_from(origin.shift).unwrap_or_default();
                let cell = cell_of(origin.cell);
                if let Some(cell) = cell.filter(|_| next != Some(origin.cell)) {
                    self.read(cell.cell.text()).closers().clone_into(&mut open);
                }
                let text = cell.and_then(|cell| cell.cell.text().lines().nth(origin.line - 1));
                let to = text.map_or(0, text::length);
                let is_home = cell.is_some_and(|cell| matches!(cell.role(), Role::Export(..)));
                Line { cell: origin.cell - 1, row: text::count(origin.line - 1), shift, from: 0, to, is_home }
            });
            out.push_str(shown);
            if line.is_none() {
                let closers = std::mem::take(&mut open);
                // Not into a marker, which is a comment.
                if shown.trim().is_empty() {
                    out.push_str(&closers);
                } else if !closers.is_empty() {
                    let start = out.len() - shown.len();
                    out.insert_str(start, &format!("{closers} "));
                }
            }
            out.push('\n');
            lines.push(line);
        }
        if !open.is_empty() {
            out.push_str(&open);
            out.push('\n');
            lines.push(None);
        }
        Overlay::new(uri::of(&self.project.krate.join(&module.path)), out, lines, Arc::clone(cells))
    }

    /// `lib.rs` with the modules of open notebooks declared, if it does not declare them.
    pub(super) fn lib(&self) -> Option<(String, String)> {
        let path = self.project.krate.join("src/lib.rs");
        let lib = files::read_text(&path).ok()?;
        let mut modules = lib_rs::declared_modules(&lib);
        let elsewhere = |name: &str| lib.contains(&format!("mod {name};"));
        let new: Vec<&String> =
            self.open.values().flat_map(|seen| &seen.modules).filter(|name| !elsewhere(name)).collect();
        if new.is_empty() {
            return None;
        }
        modules.extend(new.into_iter().cloned());
        modules.sort();
        modules.dedup();
        let after = lib_rs::declare(&lib, "lib.rs", &modules, Some(&self.crate_name)).ok()?;
        Some((uri::of(&path), after))
    }

    /// The `:dep` lines of all notebooks, as they were saved.
    pub(super) fn dep_lines(&self) -> Vec<(PathBuf, Vec<DepLine>)> {
        self.dep_lines.iter().map(|(path, lines)| (path.clone(), lines.clone())).collect()
    }

    /// Leaves these lines of a notebook out until it is saved again: cargo refuses the whole workspace for them.
    pub(super) fn refuse(&mut self, path: &Path, names: impl IntoIterator<Item = String>) {
        self.refused.entry(path.to_owned()).or_default().extend(names);
    }

    /// The overlays of all open notebooks.
    pub(super) fn overlays_of_open(&self) -> Overlays {
        let all = self.open.values().flat_map(|seen| &seen.overlays);
        all.filter_map(|overlay| Some((uri::path(&overlay.uri)?, Arc::clone(overlay)))).collect()
    }

    /// The overlays of the notebook that a file is made of, if it is made of one; those of a closed one as it was saved.
    pub(super) fn overlays_of_file(&mut self, file: &Path) -> Vec<Arc<Overlay>> {
        let has = |overlays: &[Arc<Overlay>]| {
            overlays.iter().any(|overlay| uri::path(&overlay.uri).as_deref() == Some(file))
        };
        let open = self.open.values().map(|seen| &seen.overlays).find(|overlays| has(overlays));
        if let Some(overlays) = open.or_else(|| self.closed.values().find(|overlays| has(overlays))) {
            return overlays.clone();
        }
        let is_ours = file.starts_with(&self.scratch.root)
            || file.starts_with(&self.project.krate)
                && files::read_text(file).is_ok_and(|text| export::module::generated_from(&text).is_some());
        if !is_ours {
            return Vec::new();
        }
        for path in self.project.notebook_paths().unwrap_or_default() {
            if self.open.contains_key(&path) {
                continue;
            }
            let name = self.project.name_of(&path);
            let Ok(notebook) = Notebook::read(&path, &name) else { continue };
            let notebook = Arc::new(notebook);
            let (parsed, _) = ParsedNotebook::new(&notebook);
            let cells = Arc::new(Cells::Closed { uri: uri::of(&path), notebook: Arc::clone(&notebook) });
            let (mut overlays, _) = self.overlays(&parsed, &path, &cells, &mut Vec::new());
            // rust-analyzer reads them from the disk: what was changed there by others has no places.
            overlays.retain(|overlay| {
                let there = uri::path(&overlay.uri).and_then(|path| files::read_text(&path).ok());
                there.is_some_and(|text| text == overlay.text)
            });
            self.closed.insert(path, overlays);
        }
        proc_macro2::extra::invalidate_current_thread_spans();
        self.closed.values().find(|overlays| has(overlays)).cloned().unwrap_or_default()
    }

    /// Forgets what was seen of closed notebooks: a file was written.
    pub(super) fn forget_closed(&mut self) {
        self.closed.clear();
    }

    /// The overlays in which a place of a document lies, the one where its cell belongs first, with the place in each.
    pub(super) fn locate(
        &self,
        document: &str,
        notebook: &Path,
        position: gen_lsp_types::Position,
    ) -> Vec<(Arc<Overlay>, gen_lsp_types::Position)> {
        let Some(seen) = self.open.get(notebook) else { return Vec::new() };
        let Some((cell, position)) = seen.cell_at(document, position) else { return Vec::new() };
        let mut found: Vec<_> = seen
            .overlays
            .iter()
            .filter_map(|overlay| Some((Arc::clone(overlay), overlay.of_cell(cell, position)?)))
            .collect();
        found
            .sort_by_key(|(overlay, position)| !overlay.line(position.line).is_some_and(|line| line.is_home));
        found
    }
}

impl Seen {
    /// The cell that a place of a document lies in, and the place in it.
    pub(super) fn cell_at(
        &self,
        document: &str,
        position: gen_lsp_types::Position,
    ) -> Option<(usize, gen_lsp_types::Position)> {
        let mut cells = self.places.iter().enumerate().filter(|(_, (uri, _))| uri == document).rev();
        let (cell, (_, first)) = cells.find(|(_, (_, first))| *first <= position.line)?;
        Some((cell, gen_lsp_types::Position::new(position.line - first, position.character)))
    }

    /// The cells that are in a document.
    pub(super) fn cells_of(&self, document: &str) -> impl Iterator<Item = usize> {
        self.places.iter().enumerate().filter(move |(_, (uri, _))| uri == document).map(|(cell, _)| cell)
    }
}
