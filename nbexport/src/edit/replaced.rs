//! What a sync, a merge or a checkout replaced in a notebook: an editor that has it open may put the old text back.
//!
//! JupyterLab says nothing when a file changes on disk, and its next save puts its own text over it. When a notebook
//! changes and its modules have the change already, it was no editor that saved it. Of each exported cell that changed so,
//! the old and the new text are kept, until a save has the new one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use similar::TextDiff;

use crate::diagnostic::{Diagnostic, Source};
use crate::export::{self, module};
use crate::files;
use crate::notebook::Notebook;
use crate::notebook::parsed::{ParsedNotebook, Role};
use crate::project::Project;

/// What is known of each notebook.
#[derive(Debug, Default)]
pub struct Replaced(HashMap<PathBuf, Known>);

#[derive(Debug, Default)]
struct Known {
    /// The exported cells as they were last exported.
    cells: Vec<Exported>,
    /// Cells that were replaced: as they were, where they were there, and as they came to be.
    replaced: Vec<(Option<Exported>, Exported)>,
}

#[derive(Clone, Debug)]
struct Exported {
    /// Its id; where the file gives none, its place among the exported cells.
    id: String,
    /// What a marker calls it.
    marker: String,
    source: Arc<Source>,
}

/// The text of each region of a notebook's modules, by what its marker calls it.
type Regions = HashMap<String, String>;

impl Exported {
    fn text(&self) -> &str {
        &self.source.text
    }
}

impl Replaced {
    /// Notes a notebook that is exported now; `changed` is whether a module changed by that.
    pub fn exported(&mut self, path: &Path, notebook: &Notebook, changed: bool) {
        let cells = exported_cells(notebook);
        let Some(known) = self.0.get_mut(path) else {
            self.0.insert(path.to_owned(), Known { cells, replaced: Vec::new() });
            return;
        };
        let old = std::mem::replace(&mut known.cells, cells);
        if changed {
            known.replaced.retain(|(_, new)| known.cells.iter().all(|cell| cell.text() != new.text()));
            return;
        }
        let before = |cell: &Exported| old.iter().find(|old| old.id == cell.id).cloned();
        let came = known.cells.iter().map(|cell| (before(cell), cell.clone()));
        let came: Vec<_> =
            came.filter(|(old, new)| old.as_ref().is_none_or(|old| old.text() != new.text())).collect();
        if !came.is_empty() {
            known.replaced = came;
        } else if known.replaced.iter().all(|(_, new)| has(&known.cells, new.text())) {
            // A save with all of it: the editor has it now.
            known.replaced.clear();
        }
    }

    /// The cells of a notebook that are again what they were before they were replaced, each with what is missing. One that
    /// somebody exported so is meant so.
    pub fn fallen_back(&mut self, project: &Project, path: &Path, notebook: &Notebook) -> Vec<Diagnostic> {
        if self.0.get(path).is_none_or(|known| known.replaced.is_empty()) {
            return Vec::new();
        }
        let Ok(crate_name) = export::crate_name(project) else { return Vec::new() };
        let (modules, _) = export::modules(notebook, &crate_name);
        let (mut now, mut on_disk) = (Regions::new(), Regions::new());
        for module in modules {
            now.extend(module::regions(&module.text).into_iter().map(|region| (region.id, region.text)));
            let text = files::read_text(&project.krate.join(&module.path)).unwrap_or_default();
            on_disk.extend(module::regions(&text).into_iter().map(|region| (region.id, region.text)));
        }
        self.fallen(path, notebook, &now, &on_disk)
    }

    fn fallen(
        &mut self,
        path: &Path,
        notebook: &Notebook,
        now: &Regions,
        on_disk: &Regions,
    ) -> Vec<Diagnostic> {
        let Some(known) = self.0.get_mut(path) else { return Vec::new() };
        let cells = exported_cells(notebook);
        let mut fallen = Vec::new();
        known.replaced.retain(|(old, new)| {
            let cell = cells.iter().find(|cell| cell.id == new.id);
            let is_old = match (old, cell) {
                (Some(old), Some(cell)) => {
                    let likeness = |text: &str| TextDiff::from_chars(text, cell.text()).ratio();
                    likeness(old.text()) > likeness(new.text())
                }
                (None, None) => true,
                _ => false,
            };
            if !is_old || has(&cells, new.text()) {
                return true;
            }
            let is_exported = match cell {
                Some(cell) => now.get(&cell.marker) == on_disk.get(&cell.marker),
                None => !on_disk.contains_key(&new.marker),
            };
            if !is_exported {
                fallen.push(diagnostic(&notebook.name, cell, new));
            }
            !is_exported
        });
        fallen
    }
}

fn has(cells: &[Exported], text: &str) -> bool {
    cells.iter().any(|cell| cell.text() == text)
}

fn exported_cells(notebook: &Notebook) -> Vec<Exported> {
    let (parsed, _) = ParsedNotebook::new(notebook);
    let code = parsed.cells.iter().filter(|cell| cell.role() != Role::Plain).map(|cell| cell.cell);
    let mut cells: Vec<_> =
        code.chain(notebook.cells.iter().filter(|cell| cell.is_exported_text())).collect();
    cells.sort_by_key(|cell| cell.number);
    let cells = cells.into_iter().enumerate();
    cells
        .map(|(place, cell)| Exported {
            id: cell.spans.id.as_ref().map_or_else(|| place.to_string(), |_| cell.id.clone()),
            marker: module::marker_id(cell),
            source: Arc::clone(&cell.source),
        })
        .collect()
}

fn diagnostic(notebook: &str, now: Option<&Exported>, new: &Exported) -> Diagnostic {
    let text = now.map_or("", Exported::text);
    let diff = TextDiff::from_lines(new.text(), text)
        .unified_diff()
        .header("as it was brought in", "as it was saved")
        .missing_newline_hint(false)
        .to_string();
    let wrong = Diagnostic::warning(format!(
        "`{notebook}` has fallen back to what it was before a sync or a merge, so it was not exported"
    ))
    .note(format!("an editor saved its old text over the new one:\n{}", diff.trim_end()))
    .help("reload the notebook in the editor and put back what is missing; or, to have it as it is, run `nbexport`");
    match now {
        Some(cell) => wrong.at(&cell.source, 0..cell.text().lines().next().map_or(0, str::len), ""),
        None => wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notebook(cells: &[&str]) -> Notebook {
        let cell = |(index, text): (usize, &&str)| serde_json::json!({"cell_type": "code", "id": format!("c{index}"), "source": format!("//| export\n{text}")});
        let cells: Vec<_> = cells.iter().enumerate().map(cell).collect();
        let json = serde_json::json!({ "cells": cells, "nbformat": 4, "nbformat_minor": 5 });
        Notebook::parse("x.ipynb", json.to_string()).unwrap()
    }

    const ONE: &str = "fn one() -> u8 { 1 }";
    const SYNCED: &str = "fn one() -> u8 { 0 + 1 }";

    /// A notebook whose first cell was synced.
    fn synced() -> Replaced {
        let mut replaced = Replaced::default();
        replaced.exported(Path::new("x"), &notebook(&[ONE, "fn two() {}"]), true);
        replaced.exported(Path::new("x"), &notebook(&[SYNCED, "fn two() {}"]), false);
        replaced
    }

    fn regions(cells: &[&str]) -> Regions {
        cells.iter().enumerate().map(|(index, text)| (format!("c{index}"), (*text).to_owned())).collect()
    }

    /// Whether a notebook of these cells fell back, seen from what the last export left.
    fn falls_back(mut replaced: Replaced, cells: &[&str], on_disk: &[&str]) -> bool {
        let path = Path::new("x");
        !replaced.fallen(path, &notebook(cells), &regions(cells), &regions(on_disk)).is_empty()
    }

    #[test]
    fn an_old_text_and_one_that_was_edited_from_it_fall_back() {
        let on_disk = [SYNCED, "fn two() {}"];
        for (cell, is_old) in [
            (ONE, true),
            ("fn one() -> u8 { 1 } // more", true),
            (SYNCED, false),
            ("fn one() -> u8 { 0 + 1 } // more", false),
        ] {
            assert_eq!(falls_back(synced(), &[cell, "fn two() {}"], &on_disk), is_old, "{cell}");
        }
    }

    #[test]
    fn what_an_editor_has_taken_over_or_somebody_exported_may_be_undone() {
        let mut replaced = synced();
        replaced.exported(Path::new("x"), &notebook(&[SYNCED, "fn two() -> u8 { 2 }"]), true);
        assert!(!falls_back(replaced, &[ONE, "fn two() {}"], &[SYNCED, "fn two() -> u8 { 2 }"]));
        assert!(!falls_back(synced(), &[ONE, "fn two() -> u8 { 2 }"], &[ONE, "fn two() {}"]));
    }

    #[test]
    fn a_new_cell_that_is_gone_again_fell_back() {
        let replaced = || {
            let mut replaced = Replaced::default();
            replaced.exported(Path::new("x"), &notebook(&[ONE]), true);
            replaced.exported(Path::new("x"), &notebook(&[ONE, "fn new() {}"]), false);
            replaced
        };
        assert!(falls_back(replaced(), &[ONE], &[ONE, "fn new() {}"]));
        assert!(!falls_back(replaced(), &[ONE, "fn new() {}"], &[ONE, "fn new() {}"]));
        assert!(!falls_back(replaced(), &[ONE], &[ONE]));
    }

    #[test]
    fn an_edit_in_the_notebook_may_be_undone() {
        let mut replaced = Replaced::default();
        replaced.exported(Path::new("x"), &notebook(&[ONE]), true);
        replaced.exported(Path::new("x"), &notebook(&[SYNCED]), true);
        assert!(!falls_back(replaced, &[ONE], &[SYNCED]));
    }
}
