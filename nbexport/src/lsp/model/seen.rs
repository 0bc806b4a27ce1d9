//! An open notebook → the program of its cells and the modules that they would be exported to.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::Model;
use crate::diagnostic::Diagnostic;
use crate::export::module::{Module, Target};
use crate::export::{self, lib_rs};
use crate::files;
use crate::lsp::body::{self, How};
use crate::lsp::books::{Books, Current};
use crate::lsp::overlay::{Cells, Line, Overlay, Stands};
use crate::lsp::{text, uri};
use crate::notebook::parsed::{ParsedNotebook, Role};
use crate::notebook::{Cell, Notebook};
use crate::run::verdict::Expect;

/// What an open notebook comes to.
#[derive(Default)]
pub(in crate::lsp) struct Seen {
    /// The program of its cells, then its modules.
    pub(in crate::lsp) overlays: Vec<Arc<Overlay>>,
    /// The documents that its cells are in.
    pub(in crate::lsp) places: Vec<(String, u32)>,
    /// What nbexport has to say: the cell by its place among all cells, and what.
    pub(in crate::lsp) own: Vec<(usize, Diagnostic)>,
    /// The cells of which nobody expects that they compile.
    pub(in crate::lsp) quiet: HashSet<usize>,
    /// The cells that are known to compile: they have run, and nothing was changed since.
    pub(in crate::lsp) proven: HashSet<usize>,
    /// The texts of all cells.
    pub(in crate::lsp) texts: Vec<String>,
    /// The variables that cells make for later ones: the cell by its place among all cells, and the name.
    pub(in crate::lsp) variables: Vec<(usize, String)>,
    /// The modules, by name.
    pub(super) modules: Vec<String>,
    /// The cells that are in a module.
    pub(in crate::lsp) exported: HashSet<usize>,
}

impl Seen {
    /// The cell that a place of a document lies in, and the place in it.
    pub(in crate::lsp) fn cell_at(
        &self,
        document: &str,
        position: gen_lsp_types::Position,
    ) -> Option<(usize, gen_lsp_types::Position)> {
        let mut cells = self.places.iter().enumerate().filter(|(_, (uri, _))| uri == document).rev();
        let (cell, (_, first)) = cells.find(|(_, (_, first))| *first <= position.line)?;
        Some((cell, gen_lsp_types::Position::new(position.line - first, position.character)))
    }

    /// The cells that are in a document.
    pub(in crate::lsp) fn cells_of(&self, document: &str) -> impl Iterator<Item = usize> {
        self.places.iter().enumerate().filter(move |(_, (uri, _))| uri == document).map(|(cell, _)| cell)
    }
}

impl Model {
    /// Sees an open notebook as the client has it now.
    pub(in crate::lsp) fn see(&mut self, path: &Path, books: &Books) {
        let name = self.project.name_of(path);
        self.closed.remove(path);
        let seen = match books.current(path, &name) {
            None => None,
            Some(Ok(current)) => {
                let proven = books.file(path).map(|file| proven(&current.notebook, file));
                Some(Seen { proven: proven.unwrap_or_default(), ..self.seen(path, &current) })
            }
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
            match Expect::of(cell.cell, &cell.directives) {
                Expect::Skip(_) | Expect::CompileError => drop(seen.quiet.insert(index)),
                Expect::Success => {
                    let read = self.read(cell.cell.text());
                    let names = read.variables().filter(|name| !name.starts_with(char::is_uppercase));
                    seen.variables.extend(names.map(|name| (index, name.to_owned())));
                }
                Expect::Panic | Expect::Compiles => {}
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
    pub(super) fn overlays(
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
    pub(super) fn program(&mut self, parsed: &ParsedNotebook<'_>) -> (String, Vec<Option<Line>>) {
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
                let stands = if is_home { Stands::Home } else { Stands::Away };
                Line { cell: origin.cell - 1, row: text::count(origin.line - 1), shift, from: 0, to, stands }
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
    pub(in crate::lsp) fn lib(&self) -> Option<(String, String)> {
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
}

/// The cells that have run without an error. None if anything is not as it was saved: it may be what a cell uses.
fn proven(now: &Notebook, saved: &Notebook) -> HashSet<usize> {
    fn code(notebook: &Notebook) -> Vec<&Cell> {
        notebook.cells.iter().filter(|cell| cell.is_code()).collect()
    }
    let (cells, before) = (code(now), code(saved));
    let is_same = |(cell, before): (&&Cell, &&Cell)| cell.text().lines().eq(before.text().lines());
    if cells.len() != before.len() || !cells.iter().zip(&before).all(is_same) {
        return HashSet::new();
    }
    let ran = |cell: &Cell| {
        let count = cell.spans.execution_count.clone().is_some_and(|span| saved.text()[span] != *"null");
        let outputs = saved.outputs(cell);
        (count || !outputs.is_empty()) && outputs.iter().all(|output| output["output_type"] != "error")
    };
    cells.iter().zip(before).filter(|(_, saved)| ran(saved)).map(|(cell, _)| cell.number - 1).collect()
}
