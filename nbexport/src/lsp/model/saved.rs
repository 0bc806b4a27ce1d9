//! Notebooks as they were saved → their packages in the workspace that rust-analyzer loads.

use std::path::{Path, PathBuf};

use super::{DepLine, Model};
use crate::diagnostic::Diagnostic;
use crate::export::manifest::Dependency;
use crate::lsp::books::Books;
use crate::lsp::scratch;
use crate::notebook::Notebook;
use crate::notebook::parsed::ParsedNotebook;

impl Model {
    /// Writes the programs of all notebooks as they were saved; tells whether rust-analyzer has to load the workspace anew.
    pub(in crate::lsp) fn write(&mut self, books: &Books) -> std::io::Result<bool> {
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
        let members: Vec<&str> = names.iter().map(String::as_str).collect();
        changed |= self.scratch.write(&self.project, &members, self.package().as_deref())?;
        self.members = names;
        proc_macro2::extra::invalidate_current_thread_spans();
        Ok(changed)
    }

    /// Whether a notebook is one of those whose programs were written.
    pub(in crate::lsp) fn has_program(&self, path: &Path) -> bool {
        self.members.contains(&self.project.name_of(path))
    }

    /// Writes the program of one notebook as it was saved.
    pub(in crate::lsp) fn write_saved(&mut self, path: &Path) -> std::io::Result<bool> {
        let Ok(notebook) = Notebook::read(path, &self.project.name_of(path)) else { return Ok(false) };
        self.refused.remove(path);
        let mut changed = self.write_one(&notebook, path)?;
        if std::mem::take(&mut self.is_crate_refused) {
            let members: Vec<&str> = self.members.iter().map(String::as_str).collect();
            changed |= self.scratch.write(&self.project, &members, self.package().as_deref())?;
        }
        proc_macro2::extra::invalidate_current_thread_spans();
        Ok(changed)
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

    /// The `:dep` lines of all notebooks, as they were saved.
    pub(in crate::lsp) fn dep_lines(&self) -> Vec<(PathBuf, Vec<DepLine>)> {
        self.dep_lines.iter().map(|(path, lines)| (path.clone(), lines.clone())).collect()
    }

    /// The package of the project's crate, as far as cargo can load it.
    pub(in crate::lsp) fn package(&self) -> Option<String> {
        let is_there = self.project.is_configured && !self.is_crate_refused;
        is_there.then(|| scratch::package_of(&self.project)).flatten()
    }

    /// Leaves the project's crate out until a notebook is saved.
    pub(in crate::lsp) fn refuse_crate(&mut self) {
        self.is_crate_refused = true;
    }

    /// Leaves these lines of a notebook out until it is saved again: cargo refuses the whole workspace for them.
    pub(in crate::lsp) fn refuse(&mut self, path: &Path, names: impl IntoIterator<Item = String>) {
        self.refused.entry(path.to_owned()).or_default().extend(names);
    }
}
