//! What stands in the way of a sync, said so that a person can go on.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;

use similar::TextDiff;

use super::Synced;
use super::compare::{Comparison, Proposal};
use crate::diagnostic::{Diagnostic, Source};
use crate::export;
use crate::export::generated::generated_files;
use crate::export::module::{self, Module, Region};
use crate::files;
use crate::notebook::{Cell, Notebook};
use crate::project::Project;

impl Comparison<'_> {
    /// Markers moved, doubled, gone or typed into are explained; what they should mean is not guessed. Gives whether the
    /// rest of the module can be compared.
    pub(super) fn explain_markers(
        &self,
        ours: &[Region],
        theirs: &[Region],
        partners: &[Option<usize>],
        synced: &mut Synced,
    ) -> bool {
        let before = synced.diagnostics.len();
        let mut seen = HashSet::new();
        for region in theirs.iter().filter(|region| !seen.insert(region.id.as_str())) {
            synced.diagnostics.push(
                self.at(region, format!("`{}` has two regions of the cell `{}`", self.file, region.id))
                    .help("keep one marker of each cell; code for a new cell goes to the end of the file"),
            );
        }
        let top = module::top(&self.on_disk);
        let there: HashSet<usize> = partners.iter().flatten().copied().collect();
        let by_hand: Vec<&Region> =
            theirs.iter().filter(|their| module::is_by_hand(their, &self.on_disk)).collect();
        let mut missing = Vec::new();
        for (_, our) in ours.iter().enumerate().filter(|(index, _)| !there.contains(index)) {
            let holds = |region: &&Region| !our.text.is_empty() && region.text.contains(&our.text);
            match top.iter().chain(by_hand.iter().copied()).find(holds) {
                Some(host) => synced.diagnostics.push(self.marker_gone(our, host)),
                None => missing.push(our.called()),
            }
        }
        for region in module::typed_markers((&self.on_disk, theirs), (&self.module.text, ours)) {
            synced.diagnostics.push(self.marker_edited(&region));
        }
        if let Some(top) = top.filter(|_| synced.diagnostics.len() == before) {
            synced.diagnostics.push(
                self.at(&top, format!("`{}` was edited above the first cell, where no cell's text stands", self.file))
                    .help("move the code to the end of the file, to make a cell of it; what follows `//!` goes to the first markdown cell"),
            );
        }
        if synced.diagnostics.len() > before {
            return false;
        }
        if !missing.is_empty() {
            synced.diagnostics.push(
                Diagnostic::warning(format!("`{}` has nothing of {}", self.file, missing.join(", ")))
                    .note("what is new in the notebook is not there before the next export; what was deleted there comes back by it")
                    .help("to delete a cell, delete it in the notebook"),
            );
        }
        let there: Vec<usize> = partners.iter().flatten().copied().collect();
        if !there.is_sorted() {
            synced.diagnostics.push(
                Diagnostic::warning(format!(
                    "the regions of `{}` stand in another order than the cells",
                    self.file
                ))
                .note("the order of a module is that of its notebook, and is not brought back")
                .help("move the cells in the notebook, then export"),
            );
        }
        true
    }

    fn marker_edited(&self, region: &Region) -> Diagnostic {
        let line = self.on_disk.lines().nth(region.line - 1).unwrap_or_default().trim();
        self.at(region, format!("somebody typed into line {} of `{}`, which nbexport writes", region.line, self.file))
            .note(format!("the line: `{line}`"))
            .help("what is to be kept goes to a line of its own below it; make the line what it was, or delete the file and run `nbexport`")
    }

    /// Two modules that say different things of one cell.
    pub(super) fn edited_twice(&self, other: &Proposal<'_>, their: &Region) -> Diagnostic {
        let diff = TextDiff::from_lines(&other.their.text, &their.text)
            .unified_diff()
            .header(&other.side.file, &self.file)
            .missing_newline_hint(false)
            .to_string();
        let message = format!(
            "the cell `{}` was edited in `{}` and, otherwise, in `{}`",
            other.our.id, other.side.file, self.file
        );
        self.at(their, message)
            .note(format!("the two texts:\n{}", diff.trim_end()))
            .help("make them the same, or undo one of them")
    }

    fn marker_gone(&self, our: &Region, host: &Region) -> Diagnostic {
        let marker = self.module.text.lines().nth(our.line - 1).unwrap_or_default().trim_start();
        self.at(host, format!("the marker of {} is gone from `{}`", our.called(), self.file))
            .note(format!("its text has become a part of {}", host.called()))
            .help(format!("put the marker back above the text: `{marker}`; or delete the text"))
    }

    pub(super) fn at(&self, region: &Region, message: String) -> Diagnostic {
        let source = Source { name: self.file.clone(), cell_id: None, text: String::new() };
        let label = Diagnostic::error(message);
        match self.cell(region) {
            Some(cell) => label
                .at(&cell.source, first_line(cell), "")
                .note(format!("its region begins at {}:{}", source.name, region.line)),
            None => label.note(format!("it begins at {}:{}", source.name, region.line)),
        }
    }

    pub(super) fn unknown_cell(&self, region: &Region) -> Diagnostic {
        self.at(region, format!("`{}` has an edited region `{}` that no cell of `{}` has", self.file, region.id, self.notebook.name))
            .note("its marker was renamed, or the cell was deleted from the notebook, or is exported no more")
            .help("move its code to the end of the file, below the last line, to make a cell of it; or delete the region")
    }

    pub(super) fn conflict(&self, our: &Region, their: &Region) -> Diagnostic {
        let diff = TextDiff::from_lines(&our.text, &their.text)
            .unified_diff()
            .header("the notebook's", "the module's")
            .missing_newline_hint(false)
            .to_string();
        self.at(their, format!("the cell `{}` was edited in the notebook and in the module", our.id))
            .note(format!("the two texts:\n{}", diff.trim_end()))
            .help("make them the same, or decide: `nbexport sync --ours` keeps the notebook's, `--theirs` the module's")
    }

    pub(super) fn frame_edited(&self, our: &Region, their: &Region) -> Diagnostic {
        let diff = TextDiff::from_lines(&our.text, &their.text)
            .unified_diff()
            .header("as exported", "as edited")
            .missing_newline_hint(false)
            .to_string();
        self.at(their, format!("this edit of `{}` cannot be brought into the cell `{}`", self.file, our.id))
            .note(format!("the edit:\n{}", diff.trim_end()))
            .note("what nbexport writes around a cell (`#[test]`, the name of a test, the copy of a setup) comes from directives and other cells")
            .help("edit the cell or its directives in the notebook; `nbexport export --force` drops the edit of the module")
    }
}

fn first_line(cell: &Cell) -> Range<usize> {
    0..cell.text().lines().next().map_or(0, str::len)
}

/// The files of the crate that nbexport wrote, by the notebook that they say they come from.
pub(super) struct Generated(HashMap<String, Vec<PathBuf>>);

impl Generated {
    pub(super) fn of(project: &Project) -> Self {
        let mut by_notebook: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for (path, text) in generated_files(project, |_| true) {
            let notebook = module::generated_from(&text).unwrap_or_default();
            by_notebook.entry(notebook.to_owned()).or_default().push(path);
        }
        Self(by_notebook)
    }
}

/// Edited modules that the notebook feeds no more: its cells were deleted, or are exported elsewhere.
pub(super) fn left_over(
    project: &Project,
    generated: &Generated,
    notebook: &str,
    modules: &[Module],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let fed: HashSet<PathBuf> = modules.iter().map(|module| project.krate.join(&module.path)).collect();
    for path in generated.0.get(notebook).into_iter().flatten().filter(|path| !fed.contains(*path)) {
        let Ok(text) = files::read_text(path) else { continue };
        let name = project.name_of(path);
        found.extend(edited_in_vain(&name, &text, &format!("`{notebook}` exports nothing to it any more")));
    }
    found
}

/// Edited modules of notebooks that are gone, unless one of these `notebooks` feeds them now.
pub(super) fn orphaned(project: &Project, notebooks: &[PathBuf]) -> Vec<Diagnostic> {
    let told = |(path, text): (PathBuf, String)| {
        let notebook = module::generated_from(&text).filter(|it| !project.root.join(it).is_file())?;
        let diagnostic = edited_in_vain(&project.name_of(&path), &text, &format!("`{notebook}` is gone"))?;
        Some((path, diagnostic))
    };
    let mut found: Vec<_> = generated_files(project, |_| true).into_iter().filter_map(told).collect();
    if !found.is_empty() {
        let crate_name = export::crate_name(project).unwrap_or_default();
        let read = notebooks.iter().filter_map(|path| Notebook::read(path, &project.name_of(path)).ok());
        let modules = read.flat_map(|notebook| export::modules(&notebook, &crate_name).0);
        let fed: HashSet<PathBuf> = modules.map(|module| project.krate.join(&module.path)).collect();
        found.retain(|(path, _)| !fed.contains(path));
    }
    found.into_iter().map(|(_, diagnostic)| diagnostic).collect()
}

/// What is said of an edited module that no notebook takes anything from.
fn edited_in_vain(name: &str, text: &str, why: &str) -> Option<Diagnostic> {
    let edited: Vec<String> = module::edited_regions(text, "").iter().map(Region::called).collect();
    let told = || {
        Diagnostic::error(format!("`{name}` was edited, but {why}"))
            .note(format!("edited: {}", edited.join(", ")))
            .help(format!("put what is to be kept into a cell of a notebook, then delete `{name}`"))
    };
    (!edited.is_empty()).then(told)
}

/// Code at the end of a file of benchmarks: which cell would it be?
pub(super) fn added_to_benches(file: &str) -> Diagnostic {
    Diagnostic::error(format!("`{file}` has code of its own at its end, which was not brought back"))
        .note("a cell made of it would be exported to the module, not to its benchmarks")
        .help("write it into a cell that begins with `//| bench NAME`")
}

/// The last line of defence: lines that the notebook would not have after all.
pub(super) fn lost(notebook: &str, lines: &[String], modules: &[Module]) -> Option<Diagnostic> {
    let kept: HashSet<&str> = modules.iter().flat_map(|module| module.text.lines()).map(str::trim).collect();
    let lost: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !kept.contains(line)).collect();
    (!lost.is_empty()).then(|| {
        Diagnostic::error(format!("`{notebook}` would not have every line that was typed into its modules"))
            .note(format!("missing would be:\n{}", lost.join("\n")))
            .help("bring these lines into the notebook by hand; `nbexport export --force` drops them")
    })
}
