//! `index.ipynb` → README.md, the page that GitHub and the package registry show.
//!
//! Outputs become text, pictures files in `README_files/`. The first line says where the text came from, with a hash of
//! it: a README.md without that line, or with another text than was written, is a person's, and stays.

mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Result};
use crate::files::{self, Change, Lock, Original};
use crate::notebook::{Notebook, short_hash};
use crate::project::Project;

/// The notebook that it is made of.
const INDEX: &str = "index.ipynb";
/// The folder of its pictures.
const FILES: &str = "README_files";
/// What its first line begins with, a comment that readers do not see.
const MARKER: &str = "<!-- Written by nbexport from ";
const HOW_TO_EDIT: &str = ": edit it there, then run `nbexport readme`. -->";

/// How it is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Write nothing; the changes are only reported.
    pub check: bool,
    /// Overwrite what a person wrote.
    pub force: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The text's change, if it has one.
    pub change: Option<Change>,
    /// The pictures that were written, or should be: their names.
    pub pictures: Vec<String>,
    /// Outputs that a README cannot show, links that lead nowhere.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Whether something changed, or should.
    pub fn is_stale(&self) -> bool {
        self.change.is_some() || !self.pictures.is_empty()
    }
}

/// The notebook that README.md is made of; none where there is no such notebook, or a person writes README.md.
pub fn index(project: &Project) -> Option<PathBuf> {
    let index = project.notebooks.join(INDEX);
    let text = files::read_text(&project.root.join("README.md")).unwrap_or_default();
    (index.is_file() && (text.trim().is_empty() || text.starts_with(MARKER))).then_some(index)
}

/// Writes README.md.
///
/// # Errors
/// There is no `index.ipynb`, README.md is a person's, or a file cannot be written.
pub fn readme(project: &Project, options: Options) -> Result<Report> {
    let lock = if options.check { None } else { Some(Lock::of(project)?) };
    let path = project.notebooks.join(INDEX);
    let name = project.name_of(&path);
    if !path.is_file() {
        return Err(Diagnostic::error(format!("there is no `{name}` to make README.md of"))
            .help("write that notebook: its texts, code and outputs become README.md"));
    }
    let notebook = Notebook::read(&path, &name)?;
    let page = text::page(project, &notebook)?;
    let original = Original::read(project.root.join("README.md"), "README.md")?;
    let there = original.text.clone().unwrap_or_default().replace("\r\n", "\n");
    let after = format!("{}\n{}", first_line(&name, &page.text), page.text);
    let mut report = Report { diagnostics: page.wrong, ..Report::default() };
    let folder = project.root.join(FILES);
    for (name, bytes) in &page.pictures {
        match files::read(&folder.join(name)) {
            Ok(there) if there == *bytes => {}
            Ok(_) if !options.force => return Err(somebodys(&format!("{FILES}/{name}"))),
            _ => report.pictures.push(format!("{FILES}/{name}")),
        }
    }
    let old = if there == after { None } else { written(&there) };
    if there != after {
        if old.is_none() && !there.trim().is_empty() && !options.force {
            return Err(by_hand(&there));
        }
        report.change = original.in_project(project, after)?;
    }
    if let Some(lock) = lock {
        keep(project, &folder, &page.pictures)?;
        lock.commit(report.change.as_slice())?;
        if let Some(old) = old {
            remove_old(&folder, old, &page.pictures);
        }
    }
    Ok(report)
}

fn first_line(notebook: &str, text: &str) -> String {
    format!("{MARKER}{} {}{HOW_TO_EDIT}", notebook.replace("--", "- -"), short_hash(text))
}

/// The text below the first line of a README.md that is as nbexport wrote it.
fn written(readme: &str) -> Option<&str> {
    let (first, text) = readme.split_once('\n')?;
    let (_, hash) = first.strip_prefix(MARKER)?.strip_suffix(HOW_TO_EDIT)?.rsplit_once(' ')?;
    (hash == short_hash(text)).then_some(text)
}

fn by_hand(readme: &str) -> Diagnostic {
    let (why, help) = if readme.starts_with(MARKER) {
        (
            "`README.md` was edited since nbexport wrote it, so it was not overwritten",
            "bring the edits into `index.ipynb`; or drop them: `nbexport readme --force`",
        )
    } else {
        (
            "`README.md` is not nbexport's, so it was not overwritten",
            "bring what is to be kept into `index.ipynb`, then replace it: `nbexport readme --force`",
        )
    };
    Diagnostic::error(why).help(help).as_finding()
}

fn somebodys(name: &str) -> Diagnostic {
    Diagnostic::error(format!("`{name}` is another picture than nbexport would write there"))
        .help("move it away; or replace it: `nbexport readme --force`")
        .as_finding()
}

/// Writes the pictures that are not there.
fn keep(project: &Project, folder: &Path, pictures: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    if pictures.is_empty() {
        return Ok(());
    }
    let failed = |path: &PathBuf, why: String| {
        Diagnostic::error(format!("cannot write `{}`: {why}", project.name_of(path)))
            .help("see that the folder is writable and is no link out of the project")
    };
    for (name, bytes) in pictures {
        let path = folder.join(name);
        if !files::is_inside(&path, &project.root) {
            return Err(failed(&path, "it would be out of the project".to_owned()));
        }
        files::keep(&path, bytes).map_err(|error| failed(&path, error.to_string()))?;
    }
    Ok(())
}

/// Removes the pictures of an older text that are still what it said: the name of each holds a hash of it.
fn remove_old(folder: &Path, old: &str, pictures: &BTreeMap<String, Vec<u8>>) {
    for (at, start) in old.match_indices(&format!("]({FILES}/")) {
        let name = old[at + start.len()..].split(')').next().unwrap_or_default();
        let path = folder.join(name);
        let is_ours = !name.contains(['/', '\\'])
            && !pictures.contains_key(name)
            && files::read(&path).is_ok_and(|bytes| name.contains(&text::hash(&bytes)));
        if is_ours {
            let _ = std::fs::remove_file(path);
        }
    }
    // The folder, when nothing is left in it.
    let _ = std::fs::remove_dir(folder);
}
