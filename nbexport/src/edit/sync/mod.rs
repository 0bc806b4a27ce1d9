//! Edits of a module → back into the cells they came from.
//!
//! Three-way by the hash in each marker, which is that of the text nbexport wrote: only the module differs from it,
//! and the cell gets the module's text; only the notebook does, and there is nothing to do; both do, and it is a
//! conflict. What a cell becomes is proved, not assumed: the texts proposed for all edited cells are exported again, and
//! must give the module's regions to the letter. Where that fails, nothing is written.

mod additions;
mod candidates;
mod compare;
mod explain;
mod settle;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::compare::{Brought, Comparison, cells_by_marker};
use self::explain::Generated;
use crate::diagnostic::{Diagnostic, Result};
use crate::export::module;
use crate::export::{self, Options};
use crate::files::{Lock, Original};
use crate::git;
use crate::notebook::Notebook;
use crate::project::Project;

/// Whose text wins where both sides were edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The notebook's.
    Ours,
    /// The module's.
    Theirs,
}

/// Result of syncing one notebook.
#[derive(Clone, Debug, Default)]
pub struct Synced {
    /// The notebook's name.
    pub notebook: String,
    /// The cells that got the module's text, by number and id.
    pub cells: Vec<(usize, String)>,
    /// The ids of cells that were edited on both sides and kept the notebook's text.
    pub kept: Vec<String>,
    /// The ids of cells made of code that was new in the module.
    pub new_cells: Vec<String>,
    /// What stands in the way; with an error among it nothing was written.
    pub diagnostics: Vec<Diagnostic>,
}

/// Brings the edits of each notebook's modules into the notebook, and the crate then in step with them. An error is that
/// the notebook or a module of it cannot be read, or a file cannot be written; it does not hold up the others.
pub fn sync(project: &Project, paths: &[PathBuf], prefer: Option<Side>) -> Vec<Result<Synced>> {
    let generated = Generated::of(project);
    let mut all: Vec<Result<Synced>> =
        paths.iter().map(|path| bring_back(project, &generated, path, prefer)).collect();
    let is_written = |synced: &Result<Synced>| synced.as_ref().is_ok_and(Synced::is_written);
    let written: Vec<PathBuf> = paths
        .iter()
        .zip(&all)
        .filter(|(_, synced)| is_written(synced))
        .map(|(path, _)| path.clone())
        .collect();
    if written.is_empty() {
        return all;
    }
    // What else is made of the notebooks: `lib.rs` and Cargo.toml.
    let report = export::export(project, Some(&written), &Options::default());
    let held_back = |notebook: &str| match &report {
        Err(_) => true,
        Ok(report) => {
            let outcomes = report.outcomes.iter().filter(|outcome| outcome.notebook == notebook);
            let own = outcomes.flat_map(|outcome| &outcome.diagnostics);
            own.chain(&report.diagnostics).any(Diagnostic::is_error)
        }
    };
    for synced in all.iter_mut().flatten().filter(|synced| synced.is_written()) {
        if held_back(&synced.notebook) {
            synced.diagnostics.push(
                Diagnostic::warning(format!(
                    "`{}` has the edits now, but the crate is not in step",
                    synced.notebook
                ))
                .help("run `nbexport`: it says what stands in the way"),
            );
        }
    }
    all
}

/// What is wrong with modules of notebooks that are gone, where `paths` are all that are there: somebody edited them, and no
/// sync brings that anywhere.
pub fn orphaned(project: &Project, paths: &[PathBuf]) -> Vec<Diagnostic> {
    explain::orphaned(project, paths)
}

/// The notebook and its modules. All is held against what is to be written before the first byte is.
fn bring_back(project: &Project, generated: &Generated, path: &Path, prefer: Option<Side>) -> Result<Synced> {
    let lock = Lock::of(project)?;
    let name = project.name_of(path);
    let notebook = Notebook::read(path, &name)?;
    let crate_name = export::crate_name(project)?;
    let (modules, wrong) = export::modules(&notebook, &crate_name);
    let mut synced = Synced { notebook: name.clone(), diagnostics: wrong, ..Synced::default() };
    if synced.is_bad() {
        return Ok(synced);
    }
    let mut originals = BTreeMap::new();
    let mut sides = Vec::new();
    let cells = cells_by_marker(&notebook);
    for module in &modules {
        let file = project.krate.join(&module.path);
        let original = Original::read(&*file, project.name_of(&file))?;
        match written(project, &original, &name) {
            Ok(Some(on_disk)) => {
                let (on_disk, file) = (on_disk.to_owned(), project.name_of(&file));
                sides.push(Comparison { notebook: &notebook, cells: &cells, module, file, on_disk, prefer });
            }
            Ok(None) => {}
            Err(diagnostic) => synced.diagnostics.push(diagnostic),
        }
        originals.insert(&*module.path, original);
    }
    let mut brought = Brought::default();
    for side in &sides {
        side.compare(&mut synced, &mut brought);
    }
    settle::settle(&notebook, &crate_name, &mut synced, &mut brought);
    synced.diagnostics.extend(explain::left_over(project, generated, &name, &modules));
    if synced.is_bad() || brought.lines.is_empty() && synced.kept.is_empty() && synced.cells.is_empty() {
        return Ok(synced);
    }
    let text = notebook.edited(brought.edits);
    let synced_notebook = Notebook::parse(&name, text.clone())?;
    let (after, wrong) = export::modules(&synced_notebook, &crate_name);
    synced.diagnostics.extend(wrong);
    if !synced.is_bad() {
        synced.diagnostics.extend(explain::lost(&name, &brought.lines, &after));
    }
    if synced.is_bad() {
        return Ok(synced);
    }
    let mut changes: Vec<_> = Original::of(&notebook, path).in_project(project, text)?.into_iter().collect();
    // The notebook has all of it now, so the modules can be written anew: with new markers, in the notebook's order.
    // One that is new by this sync was not looked at above: the export that follows does.
    for module in after {
        if let Some(original) = originals.remove(&*module.path) {
            changes.extend(original.in_crate(project, module.text)?);
        }
    }
    lock.commit(&changes)?;
    Ok(synced)
}

/// The text of a module that was exported from this notebook; `None` when there is no such file yet.
fn written<'a>(project: &Project, module: &'a Original, notebook: &str) -> Result<Option<&'a str>> {
    let name = &module.name;
    let Some(text) = module.text.as_deref().filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    if git::is_conflicted(text) && text.contains(module::GENERATED) {
        return Err(Diagnostic::error(format!(
            "`{name}` holds git's conflict markers, so nothing of it was brought back"
        ))
        .help("solve the conflict in the notebook, then run `nbexport`: the module is written anew"));
    }
    match module::generated_from(text) {
        Some(other) if other != notebook && project.root.join(other).is_file() => {
            Err(Diagnostic::error(format!("`{name}` was exported from `{other}`, not from `{notebook}`"))
                .help("a module is fed by one notebook: give this one another (`//| default_exp NAME`)"))
        }
        Some(_) => Ok(Some(text)),
        None => Err(Diagnostic::error(format!(
            "`{name}` does not begin as nbexport wrote it, so nothing of it was brought back"
        ))
        .note(format!("an exported module begins with `{}{notebook}: …`", module::GENERATED))
        .help("put that line back on top; or rename the file, if it is not exported from the notebook")),
    }
}

impl Synced {
    /// Whether the notebook or its modules were written.
    pub fn is_written(&self) -> bool {
        let nothing = self.cells.is_empty() && self.new_cells.is_empty() && self.kept.is_empty();
        !nothing && !self.is_bad()
    }

    /// Whether something stands in the way.
    pub fn is_bad(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}
