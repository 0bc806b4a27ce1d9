//! Notebooks → copies for students: solutions are left out, outputs are dropped, texts and tests stay.
//!
//! The folder of the copies has a list of them with a hash of each. A copy that somebody has worked in is not overwritten.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Result};
use crate::edit::clean;
use crate::files::{Change, Lock, Original};
use crate::notebook::parsed::ParsedNotebook;
use crate::notebook::{Notebook, short_hash, solution};
use crate::project::{self, Project};

/// The file that lists the copies.
const LIST: &str = ".nbexport-student";

/// What came of one notebook.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The copy's name.
    pub name: String,
    /// How many solutions it is without.
    pub solutions: usize,
    /// Whether the copy changed.
    pub changed: bool,
}

/// Copies notebooks to a folder, all or none.
///
/// # Errors
/// A solution is not marked as a whole, a copy was edited, the folder is the project's own, or a file cannot be written.
pub fn student(
    project: &Project,
    notebooks: &[PathBuf],
    folder: &Path,
) -> std::result::Result<Vec<Copied>, Vec<Diagnostic>> {
    let folder = project::normalize(folder);
    let is_own = folder.starts_with(&project.notebooks)
        || project.notebooks.starts_with(&folder)
        || folder.starts_with(project.krate.join("src"));
    if is_own {
        let message = format!("`{}` is the project's own", project.name_of(&folder));
        return Err(vec![Diagnostic::error(message).help("name another folder: `-d student`")]);
    }
    let lock = Lock::of(project).map_err(|wrong| vec![wrong])?;
    let list = Original::read(folder.join(LIST), LIST).map_err(|wrong| vec![wrong])?;
    let mut known = hashes(list.text.as_deref().unwrap_or_default());
    let (mut copied, mut changes, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for path in notebooks {
        // One that lies elsewhere is copied by its name.
        let name = || path.file_name().map_or(&**path, Path::new);
        let below = project::show(path.strip_prefix(&project.notebooks).unwrap_or_else(|_| name()));
        match copy(project, path, &folder.join(&below), known.get(&below)) {
            Ok((one, text, change)) => {
                known.insert(below, short_hash(&text));
                copied.push(one);
                changes.extend(change);
            }
            Err(mut told) => wrong.append(&mut told),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let names: Vec<String> = known.iter().map(|(name, hash)| format!("{hash} {name}")).collect();
    changes.extend(list.as_named(names.join("\n") + "\n").map_err(|wrong| vec![wrong])?);
    lock.commit(&changes).map_err(|wrong| vec![wrong])?;
    Ok(copied)
}

fn hashes(list: &str) -> BTreeMap<String, String> {
    let lines = list.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(hash, name)| (name.to_owned(), hash.to_owned())).collect()
}

/// The copy of a notebook: what is said of it, its text, and the change that makes it.
fn copy(
    project: &Project,
    path: &Path,
    to: &Path,
    known: Option<&String>,
) -> std::result::Result<(Copied, String, Option<Change>), Vec<Diagnostic>> {
    let one = |wrong: Diagnostic| vec![wrong];
    let notebook = Notebook::read(path, &project.name_of(path)).map_err(one)?;
    let (text, solutions) = without_solutions(&notebook)?;
    let name = project.name_of(to);
    let original = Original::read(to, &*name).map_err(one)?;
    let is_ours = |there: &String| *there == text || known.is_some_and(|hash| *hash == short_hash(there));
    if !original.text.as_ref().is_none_or(is_ours) {
        return Err(vec![
            Diagnostic::error(format!("`{name}` is not as nbexport wrote it, so it was not overwritten"))
                .note("nothing was written: all copies are as they were")
                .help("move it away, or name another folder: `-d DIR`")
                .as_finding(),
        ]);
    }
    let change = original.as_named(text.clone()).map_err(one)?;
    Ok((Copied { name, solutions, changed: change.is_some() }, text, change))
}

/// The notebook's text for students, and how many solutions it is without.
fn without_solutions(notebook: &Notebook) -> std::result::Result<(String, usize), Vec<Diagnostic>> {
    let (parsed, _) = ParsedNotebook::new(notebook);
    let (mut edits, mut wrong) = (Vec::new(), Vec::new());
    for cell in &parsed.cells {
        match solution::exercise(cell.cell, &cell.directives, cell.role()) {
            Ok(Some(exercise)) => edits.push(notebook.set_source(cell.cell, &exercise.text)),
            Ok(None) => {}
            Err(diagnostic) => wrong.push(diagnostic),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let solutions = edits.len();
    let text = notebook.edited(edits);
    let copy: Result<Notebook> = Notebook::parse(&notebook.name, text.clone());
    let copy = copy.map_err(|wrong| vec![wrong])?;
    Ok((clean::clean(&copy, clean::Options { outputs: true, keep_counts: false }).unwrap_or(text), solutions))
}
