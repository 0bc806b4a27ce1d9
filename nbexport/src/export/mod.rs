//! The main job: the notebooks of a project → the modules, `lib.rs` and Cargo.toml of its crate.
//!
//! All notebooks of the project count on every run, since `lib.rs` and Cargo.toml are made of all of them; only those
//! asked for are written. So the result does not depend on which were named, or in what order. A notebook that is as
//! it was is not read again: what it comes to is in the `cache`.

mod check;
pub(crate) mod lib_rs;
pub(crate) mod manifest;
pub mod map;
pub mod module;

mod cache;
mod compare;
mod conflict;
mod crate_files;
pub mod generated;
mod load;
mod orphans;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml_edit::DocumentMut;

use self::cache::Cache;
use self::compare::{Compared, Refused};
use self::load::{Loaded, Loading};
use crate::diagnostic::{Diagnostic, Result};
use crate::export::manifest::Dependency;
use crate::export::module::{Module, Target};
use crate::files::{self, Change, Lock};
use crate::notebook::Notebook;
use crate::notebook::parsed::ParsedNotebook;
use crate::project::Project;

/// How to export.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Write nothing; the changes are only reported.
    pub check: bool,
    /// Overwrite modules that were edited by hand.
    pub force: bool,
}

/// What came of one notebook.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The notebook's name.
    pub notebook: String,
    /// The files it goes to, with how many cells and tests each holds.
    pub modules: Vec<Exported>,
    /// Whether any of those files changed (or, under `check`, should).
    pub changed: bool,
    /// What is wrong; with an error among it nothing of the notebook was written.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the work could not be done at all: the file is no notebook, or a file it goes to cannot be written.
    pub failed: bool,
}

/// A [`Module`] without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// The module's name, or the binary's.
    pub name: String,
    /// Its file below the crate.
    pub path: String,
    /// What cargo makes of it.
    pub target: Target,
    /// How many cells are exported to it, tests not counted.
    pub cells: usize,
    /// How many `#[test]`s it holds.
    pub tests: usize,
    /// Whether it calls its own crate by name.
    names_crate: bool,
}

impl Exported {
    fn new(module: &Module, crate_name: &str) -> Self {
        Self {
            name: module.name.clone(),
            path: module.path.clone(),
            target: module.target,
            cells: module.cells,
            tests: module.tests,
            names_crate: module.text.contains(&format!("{crate_name}::")),
        }
    }
}

impl Outcome {
    fn new(notebook: String) -> Self {
        let (modules, diagnostics) = (Vec::new(), Vec::new());
        Self { notebook, modules, changed: false, diagnostics, failed: false }
    }

    /// Whether an error keeps the notebook from the crate.
    pub fn is_bad(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// What came of an export.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One entry for each notebook asked for, in order.
    pub outcomes: Vec<Outcome>,
    /// What is wrong with the crate rather than with a notebook.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that changed, or should.
    pub changes: Vec<Change>,
}

/// Exports `requested` notebooks, or all of the project when it is `None`.
///
/// # Errors
/// The project itself cannot be worked on. What is wrong with single notebooks is in the report.
pub fn export(project: &Project, requested: Option<&[PathBuf]>, options: &Options) -> Result<Report> {
    let lock = if options.check { None } else { Some(Lock::of(project)?) };
    let crate_name = crate_name(project)?;
    let cache = Cache::read(project, &crate_name);
    let loading = Loading { project, crate_name: &crate_name, options, cache: &cache };
    let mut loaded = load::load(&loading, requested)?;
    refuse_shared_modules(&mut loaded);
    let workspace = crate_files::workspace(project);
    for it in &mut loaded {
        let wrong = it.dependencies.iter().flat_map(|one| {
            let not_inherited = manifest::not_inherited(one, workspace.as_ref());
            not_inherited.into_iter().chain(manifest::not_configured(one, &project.krate))
        });
        it.outcome.diagnostics.extend(wrong);
    }
    unite_dependencies(&mut loaded);

    let mut report = Report::default();
    // Module files first: a `pub mod` line must never be there without its file.
    for it in loaded.iter_mut().filter(|it| it.requested) {
        if it.outcome.is_bad() {
            continue;
        }
        match std::mem::replace(&mut it.compared, Ok(Compared::default())) {
            Ok(compared) => {
                it.outcome.changed = !compared.changes.is_empty();
                it.outcome.diagnostics.extend(compared.notes);
                report.changes.extend(compared.changes);
            }
            Err(Refused { wrong, failed }) => {
                it.outcome.diagnostics.extend(wrong);
                it.outcome.failed |= failed;
            }
        }
    }
    // A notebook that is held back changes no manifest either.
    let complete = loaded.iter().all(|it| !it.outcome.is_bad());
    let dependencies = unite_dependencies(&mut loaded);
    for change in [
        crate_files::manifest_change(project, workspace.as_ref(), &dependencies, &loaded, complete),
        crate_files::lib_change(project, &loaded, &crate_name),
    ] {
        match change {
            Ok(change) => report.changes.extend(change),
            Err(wrong) => report.diagnostics.extend(wrong),
        }
    }
    if requested.is_none() {
        report.diagnostics.extend(orphans::orphans(project, &loaded));
    }
    if report.diagnostics.iter().any(Diagnostic::is_error) {
        report.changes.clear();
        for it in &mut loaded {
            it.outcome.changed = false;
        }
    }
    if let Some(lock) = lock {
        lock.commit(&report.changes)?;
        let known = loaded.iter_mut().filter_map(|it| Some((it.outcome.notebook.clone(), it.entry.take()?)));
        cache.keep(&known.collect());
    }
    report.outcomes = loaded.into_iter().filter(|it| it.requested).map(|it| it.outcome).collect();
    Ok(report)
}

/// Makes the modules of one notebook without looking at the crate, which has this name: their text, their map, what
/// is wrong with it.
pub fn modules(notebook: &Notebook, crate_name: &str) -> (Vec<Module>, Vec<Diagnostic>) {
    let (parsed, mut wrong) = ParsedNotebook::new(notebook);
    let modules = modules_of(&parsed, crate_name, &mut wrong);
    (modules, wrong)
}

/// The same without looking for what is wrong, as far as the cells can be read.
pub(crate) fn modules_unchecked(notebook: &Notebook, crate_name: &str) -> (Vec<Module>, Vec<Diagnostic>) {
    let (parsed, wrong) = ParsedNotebook::new(notebook);
    (module::build(&parsed, crate_name), wrong)
}

/// The modules as far as the cells can be read, whatever is wrong with them, and that.
#[cfg(feature = "lsp")]
pub(crate) fn modules_as_they_are(
    parsed: &ParsedNotebook<'_>,
    crate_name: &str,
    wrong: &mut Vec<Diagnostic>,
) -> Vec<Module> {
    if !parsed.exports_something() {
        return Vec::new();
    }
    wrong.extend(check::check(parsed));
    module::build(parsed, crate_name)
}

/// The module that a notebook's cells go to where they name none.
pub(crate) fn default_module_name(notebook: &Notebook) -> String {
    module::default_module(&ParsedNotebook::new(notebook).0).0
}

fn modules_of(parsed: &ParsedNotebook<'_>, crate_name: &str, wrong: &mut Vec<Diagnostic>) -> Vec<Module> {
    if !parsed.exports_something() {
        return Vec::new();
    }
    wrong.extend(check::check(parsed));
    if wrong.iter().any(Diagnostic::is_error) { Vec::new() } else { module::build(parsed, crate_name) }
}

/// Two notebooks that export to one module: neither is exported, since which of the two is meant only their writer knows.
fn refuse_shared_modules(loaded: &mut [Loaded]) {
    let modules = loaded.iter().enumerate().flat_map(|(owner, it)| {
        it.outcome.modules.iter().map(move |module| (owner, it.outcome.notebook.as_str(), module))
    });
    for (owners, diagnostic) in check::same_module(modules) {
        for owner in owners {
            loaded[owner].outcome.diagnostics.push(diagnostic.clone());
        }
    }
}

/// Unites the dependencies of the good notebooks; a contradiction makes the later of two notebooks bad.
fn unite_dependencies(loaded: &mut [Loaded]) -> BTreeMap<String, Dependency> {
    let good = loaded.iter().enumerate().filter(|(_, it)| !it.outcome.is_bad());
    let all = good.flat_map(|(owner, it)| it.dependencies.iter().map(move |one| (owner, one.clone())));
    let (united, wrong) = manifest::unite(all);
    for (owner, diagnostic) in wrong {
        loaded[owner].outcome.diagnostics.push(diagnostic);
    }
    united
}

/// The crate's name as `use` writes it.
pub fn crate_name(project: &Project) -> Result<String> {
    let path = project.krate.join("Cargo.toml");
    let name = project.name_of(&path);
    let wrong = |why: String| {
        Diagnostic::error(format!("`{name}` {why}")).help("`cargo metadata` shows what is wrong with it")
    };
    let text = files::read_text(&path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| wrong(format!("does not parse: {}", error.message())))?;
    let name_in = |table: &str| document.get(table).and_then(|it| it.get("name")?.as_str());
    // A library that has a name of its own is used by it.
    let used = name_in("lib").or_else(|| name_in("package"));
    used.map(|name| name.replace('-', "_")).ok_or_else(|| wrong("names no package".to_owned()))
}
