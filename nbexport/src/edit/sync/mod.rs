//! Edits of a module → back into the cells they came from.
//!
//! Three-way by the hash in each marker, which is that of the text nbexport wrote: only the module differs from it,
//! and the cell gets the module's text; only the notebook does, and there is nothing to do; both do, and it is a
//! conflict. What a cell becomes is proved, not assumed: the text proposed for it is exported again, and must give
//! the module's region to the letter. Where that fails, nothing is written.

mod candidates;
mod explain;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde_json::{Value, json};

use self::candidates::candidates;
use crate::diagnostic::{Diagnostic, Result};
use crate::export::module::{self, Module, Region, Target};
use crate::export::{self, Options};
use crate::files::{Lock, Original};
use crate::git;
use crate::notebook::cell::lines_within_literals;
use crate::notebook::header;
use crate::notebook::{Cell, Edit, Notebook, lines, short_hash};
use crate::project::Project;

/// Whose text wins where both sides were edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The notebook's.
    Ours,
    /// The module's.
    Theirs,
}

/// What came of one notebook.
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

/// Brings the edits of a notebook's modules into the notebook, and the crate then in step with it.
///
/// # Errors
/// The notebook cannot be read, or a file cannot be written.
pub fn sync(project: &Project, path: &Path, prefer: Option<Side>) -> Result<Synced> {
    let mut synced = bring_back(project, path, prefer)?;
    if synced.is_bad() || synced.cells.is_empty() && synced.new_cells.is_empty() && synced.kept.is_empty() {
        return Ok(synced);
    }
    // What else is made of the notebook: `lib.rs` and Cargo.toml.
    let report = export::export(project, Some(&[path.to_owned()]), &Options::default())?;
    let outcomes = report.outcomes.iter().flat_map(|outcome| &outcome.diagnostics);
    if outcomes.chain(&report.diagnostics).any(Diagnostic::is_error) {
        synced.diagnostics.push(
            Diagnostic::warning(format!(
                "`{}` has the edits now, but the crate is not in step",
                synced.notebook
            ))
            .help("run `nbexport`: it says what stands in the way"),
        );
    }
    Ok(synced)
}

/// The notebook and its modules. All is held against what is to be written before the first byte is.
fn bring_back(project: &Project, path: &Path, prefer: Option<Side>) -> Result<Synced> {
    let lock = Lock::of(project)?;
    let name = project.name_of(path);
    let notebook = Notebook::read(path, &name)?;
    let crate_name = export::crate_name(project)?;
    let (modules, wrong) = export::modules(&notebook, &crate_name);
    let mut synced = Synced { notebook: name.clone(), diagnostics: wrong, ..Synced::default() };
    if synced.is_bad() {
        return Ok(synced);
    }
    let mut brought = Brought::default();
    let mut originals = BTreeMap::new();
    for module in &modules {
        let file = project.krate.join(&module.path);
        let original = Original::read(&*file, project.name_of(&file));
        match original.as_ref().map_err(Clone::clone).and_then(|it| written(project, it, &name)) {
            Ok(Some(on_disk)) => {
                let file = project.name_of(&file);
                let side = Comparison { notebook: &notebook, module, file, crate_name: &crate_name, prefer };
                side.compare(on_disk, &mut synced, &mut brought);
            }
            Ok(None) => {}
            Err(diagnostic) => synced.diagnostics.push(diagnostic),
        }
        originals.extend(original.map(|original| (&*module.path, original)));
    }
    synced.diagnostics.extend(explain::left_over(project, &name, &modules));
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
    /// Whether something stands in the way.
    pub fn is_bad(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// What the notebook is to get.
#[derive(Default)]
struct Brought {
    edits: Vec<Edit>,
    /// Every line that was edited or added in a module: none of them may be missing once the modules are written anew.
    lines: Vec<String>,
    /// The ids of the new cells.
    ids: Vec<String>,
}

impl Brought {
    fn expect(&mut self, text: &str) {
        self.lines.extend(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
    }
}

/// One module beside its notebook.
struct Comparison<'a> {
    notebook: &'a Notebook,
    module: &'a Module,
    /// The module file's name, for messages.
    file: String,
    crate_name: &'a str,
    prefer: Option<Side>,
}

impl Comparison<'_> {
    /// What the notebook needs goes to `brought`, what stands in the way to `synced`.
    fn compare(&self, on_disk: &str, synced: &mut Synced, brought: &mut Brought) {
        let ours = module::regions(&self.module.text);
        let mut theirs = module::regions(on_disk);
        if !self.explain_markers(on_disk, &ours, &theirs, synced) {
            return;
        }
        let added = split_off_additions(&mut theirs, &ours);
        for their in theirs.iter().filter(|their| module::is_by_hand(their, on_disk)) {
            let Some(our) = ours.iter().find(|our| our.id == their.id) else {
                synced.diagnostics.push(self.unknown_cell(their));
                continue;
            };
            if our.text == their.text {
                continue;
            }
            if our.hash != their.hash {
                match self.prefer {
                    Some(Side::Ours) => {
                        synced.kept.push(our.id.clone());
                        continue;
                    }
                    Some(Side::Theirs) => {}
                    None => {
                        synced.diagnostics.push(self.conflict(our, their));
                        continue;
                    }
                }
            }
            match self.edit(our, their) {
                Ok((cell, edit)) => {
                    synced.cells.push((cell.number, cell.id.clone()));
                    brought.expect(&their.text);
                    brought.edits.extend(edit);
                }
                Err(diagnostic) => synced.diagnostics.push(diagnostic),
            }
        }
        for code in added {
            if self.module.target == Target::Bench {
                synced.diagnostics.push(explain::added_to_benches(&self.file));
                continue;
            }
            let (id, edit) = self.new_cell(&code, &brought.ids);
            synced.new_cells.push(id.clone());
            brought.ids.push(id);
            brought.expect(&code);
            brought.edits.push(edit);
        }
    }

    fn cell(&self, region: &Region) -> Option<&Cell> {
        self.notebook.cells.iter().find(|cell| module::marker_id(cell) == region.id)
    }

    /// The edit that gives a cell the text of its region, proved by exporting it again.
    fn edit(&self, our: &Region, their: &Region) -> Result<(&Cell, Option<Edit>)> {
        let Some(cell) = self.cell(our) else { return Err(self.frame_edited(our, their)) };
        for candidate in candidates(cell, &our.text, &their.text) {
            let edit = self.notebook.set_source(cell, &candidate);
            let text = self.notebook.edited(vec![edit.clone()]);
            let Ok(changed) = Notebook::parse(&self.notebook.name, text) else { continue };
            let (modules, _) = export::modules_unchecked(&changed, self.crate_name);
            let region = modules
                .iter()
                .filter(|module| module.path == self.module.path)
                .flat_map(|module| module::regions(&module.text))
                .find(|region| region.id == module::marker_id(cell));
            if region.is_some_and(|region| is_alike(&region.text, &their.text)) {
                return Ok((cell, (candidate != cell.text()).then_some(edit)));
            }
        }
        Err(self.frame_edited(our, their))
    }

    /// A cell for code that is new at the end of the module, after the last cell that is exported to it.
    fn new_cell(&self, code: &str, taken: &[String]) -> (String, Edit) {
        let mut id = format!("cell-{}", short_hash(code));
        while taken.contains(&id) || self.notebook.cells.iter().any(|cell| cell.id == id) {
            id.push('b');
        }
        let name = &self.module.name;
        // A directive that somebody wrote there says what the cell is.
        let says = header::lines(code).any(|line| line.text.trim_start().starts_with("//|"));
        let directive = match () {
            () if says => String::new(),
            () if self.module.target == Target::Binary => format!("//| bin {name}\n"),
            () if export::default_module_name(self.notebook) == *name => "//| export\n".to_owned(),
            () => format!("//| export {name}\n"),
        };
        let source = lines(&format!("{directive}{code}"));
        let mut cell = json!({
            "cell_type": "code", "execution_count": null, "id": id, "metadata": {}, "outputs": [], "source": source
        });
        if self.notebook.nbformat_minor < 5
            && let Value::Object(cell) = &mut cell
        {
            cell.remove("id");
        }
        let exported = module::regions(&self.module.text);
        let last = exported.iter().take_while(|region| region.id != "tests").last();
        let after = last.and_then(|region| self.cell(region)).or(self.notebook.cells.last());
        let at = after.map_or(0, |cell| cell.spans.cell.end);
        // The separator is the one between the file's own cells, so that the new one stands like its neighbours.
        let separator = match self.notebook.cells.as_slice() {
            [first, second, ..] => {
                self.notebook.text()[first.spans.cell.end..second.spans.cell.start].to_owned()
            }
            _ => ",\n  ".to_owned(),
        };
        (id, Edit { range: at..at, text: format!("{separator}{}", self.notebook.json(&cell, 2)) })
    }
}

/// Whether two regions differ in nothing but the white space around lines: what stands before a line of a test, nbexport
/// writes. Inside a string literal, white space is text.
fn is_alike(ours: &str, theirs: &str) -> bool {
    let literal: HashSet<usize> = lines_within_literals(theirs).into_iter().collect();
    ours.lines().count() == theirs.lines().count()
        && ours.lines().zip(theirs.lines()).enumerate().all(|(index, (our, their))| {
            our == their || our.trim() == their.trim() && !literal.contains(&index)
        })
}

/// Takes code that was added at the end of the module, or just before its tests, out of the region it seems to
/// belong to: it is no part of that cell, but a new one.
fn split_off_additions(regions: &mut [Region], ours: &[Region]) -> Vec<String> {
    let tests = regions.iter().position(|region| region.id == "tests");
    let mut ends: Vec<usize> = tests.and_then(|at| at.checked_sub(1)).into_iter().collect();
    ends.extend(regions.len().checked_sub(1));
    let mut added = Vec::new();
    for at in ends {
        let region = &mut regions[at];
        if short_hash(&region.text) == region.hash {
            continue;
        }
        let rows: Vec<&str> = region.text.lines().collect();
        let kept = (0..rows.len()).find(|kept| {
            short_hash(rows[..*kept].join("\n").trim_end()) == region.hash
                && (*kept == rows.len() || rows[*kept].trim().is_empty() || rows[*kept] == "}")
        });
        // Below tests, the brace that closes them parts the last test from what was added, edited or not.
        let closes_tests = |at: usize| rows[at] == "}" && at > 0 && rows[at - 1] == "    }";
        let brace =
            tests.filter(|tests| at > *tests).and_then(|_| (0..rows.len()).find(|at| closes_tests(*at)));
        let written = ours.iter().find(|our| our.id == region.id && our.hash == region.hash);
        let kept = kept.or_else(|| end_of_edited(&rows, &written?.text));
        let (kept, rest) = match (kept, brace) {
            (_, Some(brace)) => (brace, brace + 1),
            (Some(kept), None) => (kept, kept),
            (None, None) => continue,
        };
        let code = rows[rest..].join("\n").trim().to_owned();
        let text = rows[..kept].join("\n").trim_end().to_owned();
        if !code.is_empty() {
            added.push(code);
        }
        region.text = text;
    }
    added
}

/// Where an edited cell ends and added code begins, by what the cell was: at the first blank line after its last line
/// from which on there are whole items.
fn end_of_edited(rows: &[&str], written: &str) -> Option<usize> {
    let last = written.lines().next_back()?;
    let last = rows.iter().rposition(|row| *row == last)?;
    let is_items =
        |at: &usize| syn::parse_file(&rows[*at..].join("\n")).is_ok_and(|file| !file.items.is_empty());
    (last + 1..rows.len()).filter(|at| rows[*at].trim().is_empty()).find(is_items)
}
