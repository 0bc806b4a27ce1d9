//! The main job: the notebooks of a project → the modules, `lib.rs` and Cargo.toml of its crate.
//!
//! All notebooks of the project are read on every run, since `lib.rs` and Cargo.toml are made of all of them; only
//! those asked for are written. So the result does not depend on which were named, or in what order.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use toml_edit::DocumentMut;

use crate::check;
use crate::diagnostic::Diagnostic;
use crate::git;
use crate::krate::{self, Change};
use crate::manifest::{self, Dependency};
use crate::module::{self, Module, Target};
use crate::notebook::Notebook;
use crate::parsed::ParsedNotebook;
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
    pub modules: Vec<Module>,
    /// Whether any of those files changed (or, under `check`, should).
    pub changed: bool,
    /// What is wrong; with an error among it nothing of the notebook was written.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the work could not be done at all: the file is no notebook, or a file it goes to cannot be written.
    pub failed: bool,
}

impl Outcome {
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

/// A notebook of the project on its way to the crate.
struct Loaded {
    path: PathBuf,
    requested: bool,
    outcome: Outcome,
    dependencies: Vec<Dependency>,
}

/// Exports `requested` notebooks, or all of the project when it is `None`.
///
/// # Errors
/// The project itself cannot be worked on. What is wrong with single notebooks is in the report.
pub fn export(
    project: &Project,
    requested: Option<&[PathBuf]>,
    options: &Options,
) -> Result<Report, Box<Diagnostic>> {
    let _lock = if options.check { None } else { Some(krate::lock(project)?) };
    let crate_name = crate_name(project)?;
    let mut loaded = load(project, requested, &crate_name)?;
    refuse_shared_modules(&mut loaded);
    unite_dependencies(&mut loaded);

    let mut report = Report::default();
    // Module files first: a `pub mod` line must never be there without its file.
    for it in loaded.iter_mut().filter(|it| it.requested) {
        if it.outcome.is_bad() {
            continue;
        }
        match module_changes(project, &it.outcome, options) {
            Ok((changes, notes)) => {
                it.outcome.changed = !changes.is_empty();
                it.outcome.diagnostics.extend(notes);
                report.changes.extend(changes);
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
        manifest_change(project, &dependencies, &loaded, complete),
        lib_change(project, &loaded, &crate_name),
    ] {
        match change {
            Ok(change) => report.changes.extend(change),
            Err(wrong) => report.diagnostics.extend(wrong),
        }
    }
    if requested.is_none() {
        report.diagnostics.extend(orphans(project, &loaded));
    }
    if report.diagnostics.iter().any(Diagnostic::is_error) {
        report.changes.clear();
        for it in &mut loaded {
            it.outcome.changed = false;
        }
    }
    if !options.check {
        krate::write(&report.changes)?;
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

/// The module that a notebook's cells go to where they name none.
pub fn default_module_name(notebook: &Notebook) -> String {
    module::default_module(&ParsedNotebook::new(notebook).0).0
}

fn modules_of(parsed: &ParsedNotebook<'_>, crate_name: &str, wrong: &mut Vec<Diagnostic>) -> Vec<Module> {
    if !parsed.exports_something() {
        return Vec::new();
    }
    wrong.extend(check::check(parsed));
    if wrong.iter().any(Diagnostic::is_error) { Vec::new() } else { module::build(parsed, crate_name) }
}

fn load(
    project: &Project,
    requested: Option<&[PathBuf]>,
    crate_name: &str,
) -> Result<Vec<Loaded>, Box<Diagnostic>> {
    let mut paths: Vec<PathBuf> = if requested.is_none() || project.notebooks.is_dir() {
        project.notebook_paths()?
    } else {
        Vec::new()
    };
    for path in requested.unwrap_or_default() {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    paths.sort();
    let is_requested = |path: &PathBuf| requested.is_none_or(|requested| requested.contains(path));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut loaded = Vec::new();
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            loaded.push(load_one(project, path, is_requested(path), crate_name));
        }
        loaded
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(paths.len().div_ceil(8));
    let mut loaded = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut loaded = work();
        loaded.extend(others.into_iter().flat_map(|thread| thread.join().expect("loading does not panic")));
        loaded
    });
    loaded.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(loaded)
}

fn load_one(project: &Project, path: &Path, requested: bool, crate_name: &str) -> Loaded {
    let name = project.name_of(path);
    let mut outcome = Outcome {
        notebook: name.clone(),
        modules: Vec::new(),
        changed: false,
        diagnostics: Vec::new(),
        failed: false,
    };
    let mut dependencies = Vec::new();
    match Notebook::read(path, &name) {
        Err(diagnostic) => {
            outcome.diagnostics.push(*diagnostic);
            outcome.failed = true;
        }
        Ok(notebook) => {
            let (parsed, mut wrong) = ParsedNotebook::new(&notebook);
            outcome.modules = modules_of(&parsed, crate_name, &mut wrong);
            if parsed.exports_something() {
                let folder = path.parent().unwrap_or(&project.root);
                let (found, more) = manifest::dependencies(&parsed, folder, project, crate_name);
                dependencies = found;
                wrong.extend(more);
            }
            outcome.diagnostics = wrong;
        }
    }
    // Nothing of this notebook holds spans any more; without this, the texts of all notebooks would be kept for them.
    proc_macro2::extra::invalidate_current_thread_spans();
    Loaded { path: path.to_owned(), requested, outcome, dependencies }
}

fn refuse_shared_modules(loaded: &mut [Loaded]) {
    let wrong = {
        let modules: Vec<(&str, &Module)> = loaded
            .iter()
            .flat_map(|it| it.outcome.modules.iter().map(|module| (it.outcome.notebook.as_str(), module)))
            .collect();
        let owners: Vec<String> = modules.iter().map(|(notebook, _)| (*notebook).to_owned()).collect();
        check::same_module(&modules)
            .into_iter()
            .map(|(index, wrong)| (owners[index].clone(), wrong))
            .collect::<Vec<_>>()
    };
    for (owner, diagnostic) in wrong {
        // Both are named in the message. Neither is exported: which of the two is meant, only their writer knows.
        for it in loaded.iter_mut().filter(|it| {
            it.outcome.notebook == owner || diagnostic.message.contains(&format!("`{}`", it.outcome.notebook))
        }) {
            it.outcome.diagnostics.push(diagnostic.clone());
        }
    }
}

/// Unites the dependencies of the good notebooks; a contradiction makes the later of two notebooks bad.
fn unite_dependencies(loaded: &mut [Loaded]) -> BTreeMap<String, Dependency> {
    let all = loaded.iter().filter(|it| !it.outcome.is_bad()).flat_map(|it| it.dependencies.clone());
    let (united, wrong) = manifest::unite(all);
    for diagnostic in wrong {
        let cell = diagnostic.primary.as_ref().map(|label| label.source.name.clone()).unwrap_or_default();
        let owner = loaded.iter_mut().find(|it| cell.starts_with(&format!("{}:", it.outcome.notebook)));
        if let Some(it) = owner {
            it.outcome.diagnostics.push(diagnostic);
        }
    }
    united
}

/// Why nothing of a notebook is written.
struct Refused {
    wrong: Vec<Diagnostic>,
    /// A file cannot be read or written, rather than must not.
    failed: bool,
}

/// The files of one notebook that are not as they should be, and what is to be said of them.
fn module_changes(
    project: &Project,
    outcome: &Outcome,
    options: &Options,
) -> Result<(Vec<Change>, Vec<Diagnostic>), Refused> {
    let mut changes = Vec::new();
    let mut notes = Vec::new();
    let mut wrong = Vec::new();
    let mut failed = false;
    for module in &outcome.modules {
        match Change::of(project, project.krate.join(&module.path), module.text.clone()) {
            Err(diagnostic) => {
                wrong.push(*diagnostic);
                failed = true;
            }
            Ok(None) => {}
            Ok(Some(change)) => match hand_edits(&change, module, options.force) {
                Some(diagnostic) if diagnostic.is_error() => wrong.push(diagnostic),
                note => {
                    notes.extend(note);
                    changes.push(change);
                }
            },
        }
    }
    if wrong.is_empty() { Ok((changes, notes)) } else { Err(Refused { wrong, failed }) }
}

/// What somebody typed into a module since the last export is not overwritten. A conflict that git left in it is:
/// what the two sides became, the notebook says.
fn hand_edits(change: &Change, module: &Module, force: bool) -> Option<Diagnostic> {
    let before = change.before.as_deref()?;
    if force {
        return None;
    }
    if before.trim().is_empty() {
        return None;
    }
    if git::is_conflicted(before) && before.contains(module::GENERATED) {
        let typed = git::typed_into_conflict(&change.path, before, &module.text);
        return Some(if typed.is_empty() {
            Diagnostic::warning(format!("`{}` held git's conflict markers and is written anew", change.name))
                .note("its notebook has none, and both sides of the conflict were as nbexport wrote them")
                .help(format!("`git add {}` tells git that the conflict is solved", change.name))
        } else {
            Diagnostic::error(format!(
                "`{}` holds git's conflict markers, so it was not overwritten",
                change.name
            ))
            .note(format!("edited by hand, on one of its sides or after the merge: {}", typed.join(", ")))
            .help("bring those edits into the notebook, or drop them: `nbexport export --force`")
        });
    }
    if module::generated_from(before).is_none() {
        return Some(
            Diagnostic::error(format!("`{}` was not written by nbexport, so it was not overwritten", change.name))
                .help("rename that file, give the notebook another module (`//| default_exp NAME`), or say `--force`"),
        );
    }
    let edited = module::edited_regions(before, &module.text);
    if edited.is_empty() {
        return None;
    }
    let cells: Vec<String> = edited
        .iter()
        .map(|region| format!("{} at {}:{}", region.called(), change.name, region.line))
        .collect();
    Some(
        Diagnostic::error(format!(
            "`{}` was edited by hand since the last export, so it was not overwritten",
            change.name
        ))
        .note(format!("edited: {}", cells.join(", ")))
        .help("bring the edits into the notebook (`nbexport sync`), or drop them: `nbexport export --force`"),
    )
}

fn manifest_change(
    project: &Project,
    dependencies: &BTreeMap<String, Dependency>,
    loaded: &[Loaded],
    complete: bool,
) -> Result<Option<Change>, Vec<Diagnostic>> {
    let path = project.krate.join("Cargo.toml");
    let name = project.name_of(&path);
    let text = fs::read_to_string(&path)
        .map_err(|error| vec![Diagnostic::error(format!("cannot read `{name}`: {error}"))])?;
    let workspace = fs::read_to_string(project.root.join("Cargo.toml"))
        .ok()
        .and_then(|text| text.parse::<DocumentMut>().ok());
    let declared = manifest::declared_benches(&text);
    let benches = in_crate(project, loaded, Target::Bench, "benches", declared);
    let after = manifest::update(&text, &name, workspace.as_ref(), dependencies, &benches, complete)?;
    Change::of(project, path, after).map_err(|diagnostic| vec![*diagnostic])
}

fn lib_change(
    project: &Project,
    loaded: &[Loaded],
    crate_name: &str,
) -> Result<Option<Change>, Vec<Diagnostic>> {
    let path = project.krate.join("src/lib.rs");
    let name = project.name_of(&path);
    let lib = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(vec![Diagnostic::error(format!("cannot read `{name}`: {error}"))]),
    };
    let modules = in_crate(project, loaded, Target::Library, "src", krate::declared_modules(&lib));
    let mentions = format!("{crate_name}::");
    let self_name = exported(project, loaded, Target::Library)
        .any(|module| module.text.contains(&mentions))
        .then_some(crate_name)
        .or_else(|| lib.contains("extern crate self").then_some(crate_name));
    let modules: Vec<String> = modules.into_iter().collect();
    let after = krate::declare(&lib, &name, &modules, self_name).map_err(|diagnostic| vec![*diagnostic])?;
    Change::of(project, path, after).map_err(|diagnostic| vec![*diagnostic])
}

/// The files of the good notebooks that cargo takes for this. A notebook that was not asked for may never have been
/// exported: its file counts once it is there.
fn exported<'a>(
    project: &'a Project,
    loaded: &'a [Loaded],
    target: Target,
) -> impl Iterator<Item = &'a Module> {
    loaded.iter().filter(|it| !it.outcome.is_bad()).flat_map(move |it| {
        let there = |module: &&Module| it.requested || project.krate.join(&module.path).is_file();
        it.outcome.modules.iter().filter(move |module| module.target == target).filter(there)
    })
}

/// The names of these files, and of those that are declared in the crate and still there: as long as a file is, so is
/// its declaration.
fn in_crate(
    project: &Project,
    loaded: &[Loaded],
    target: Target,
    folder: &str,
    declared: Vec<String>,
) -> BTreeSet<String> {
    let is_there = |name: &String| project.krate.join(format!("{folder}/{name}.rs")).is_file();
    let exported = exported(project, loaded, target).map(|module| module.name.clone());
    exported.chain(declared.into_iter().filter(is_there)).collect()
}

/// Generated files whose notebook is gone, or exports to them no more. They are kept: they may be all that is left.
fn orphans(project: &Project, loaded: &[Loaded]) -> Vec<Diagnostic> {
    let known: BTreeSet<PathBuf> = loaded
        .iter()
        .flat_map(|it| it.outcome.modules.iter().map(|module| project.krate.join(&module.path)))
        .collect();
    let mut found = Vec::new();
    for (path, text) in krate::generated_files(project) {
        let Some(notebook) = module::generated_from(&text).filter(|_| !known.contains(&path)) else {
            continue;
        };
        let source = loaded.iter().find(|it| it.outcome.notebook == notebook && it.path.is_file());
        // What is wrong with it is said already, and what it would export is not known.
        if source.is_some_and(|it| it.outcome.is_bad()) {
            continue;
        }
        let name = project.name_of(&path);
        let declared = match path.parent().and_then(Path::file_name).and_then(|name| name.to_str()) {
            Some("benches") => "; its `[[bench]]` entry then goes too",
            Some("bin") => "",
            _ => "; its `pub mod` line then goes too",
        };
        let (why, when) = match source {
            Some(_) => ("which exports nothing to it any more", "its cells went elsewhere or are gone"),
            None => ("which is gone", "the notebook was renamed or removed"),
        };
        found.push(
            Diagnostic::warning(format!("`{name}` was exported from `{notebook}`, {why}"))
                .help(format!("delete `{name}` if {when}{declared}")),
        );
    }
    found
}

/// The crate's name as `use` writes it.
pub fn crate_name(project: &Project) -> Result<String, Box<Diagnostic>> {
    let path = project.krate.join("Cargo.toml");
    let name = project.name_of(&path);
    let wrong = |why: String| {
        Box::new(
            Diagnostic::error(format!("`{name}` {why}")).help("`cargo metadata` shows what is wrong with it"),
        )
    };
    let text = fs::read_to_string(&path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| wrong(format!("does not parse: {}", error.message())))?;
    let package = document.get("package").and_then(|package| package.get("name")?.as_str());
    package.map(|name| name.replace('-', "_")).ok_or_else(|| wrong("names no package".to_owned()))
}
