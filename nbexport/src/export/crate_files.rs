//! The files of the crate that all notebooks share: Cargo.toml and `lib.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml_edit::DocumentMut;

use super::load::Loaded;
use super::{Exported, lib_rs};
use crate::diagnostic::{Diagnostic, Result};
use crate::export::manifest::{self, Dependency};
use crate::export::module::Target;
use crate::files::{self, Change, Original};
use crate::project::{self, Project};

/// The Cargo.toml of the workspace that the crate is in.
pub(super) fn workspace(project: &Project) -> Option<DocumentMut> {
    let read = |folder: &Path| {
        let document: DocumentMut = files::read_text(&folder.join("Cargo.toml")).ok()?.parse().ok()?;
        document.contains_key("workspace").then_some(document)
    };
    project.krate.ancestors().find_map(read)
}

/// Brings Cargo.toml in step with what the good notebooks ask for.
pub(super) fn manifest_change(
    project: &Project,
    workspace: Option<&DocumentMut>,
    dependencies: &BTreeMap<String, Dependency>,
    loaded: &[Loaded],
    complete: bool,
) -> Result<Option<Change>, Vec<Diagnostic>> {
    let path = project.krate.join("Cargo.toml");
    let name = project.name_of(&path);
    let manifest = Original::read(path, &*name).map_err(|diagnostic| vec![diagnostic])?;
    let text = manifest.text.as_deref().unwrap_or_default();
    let declared = manifest::declared_benches(text);
    let benches = in_crate(project, loaded, Target::Bench, "benches", declared);
    let after = manifest::update(text, &name, workspace, dependencies, &benches, complete)?;
    manifest.in_crate(project, after).map_err(|diagnostic| vec![diagnostic])
}

/// Brings `lib.rs` in step with the modules of the good notebooks.
pub(super) fn lib_change(
    project: &Project,
    loaded: &[Loaded],
    crate_name: &str,
) -> Result<Option<Change>, Vec<Diagnostic>> {
    let path = project.krate.join("src/lib.rs");
    let name = project.name_of(&path);
    let original = Original::read(path, &*name).map_err(|diagnostic| vec![diagnostic])?;
    let lib = original.text.as_deref().unwrap_or_default();
    let modules = in_crate(project, loaded, Target::Library, "src", lib_rs::declared_modules(lib));
    let self_name = exported(project, loaded, Target::Library)
        .any(|module| module.names_crate)
        .then_some(crate_name)
        .or_else(|| lib.contains("extern crate self").then_some(crate_name));
    if !modules.is_empty() {
        refuse_library_elsewhere(project).map_err(|diagnostic| vec![diagnostic])?;
    }
    let modules: Vec<String> = modules.into_iter().collect();
    let after = lib_rs::declare(lib, &name, &modules, self_name).map_err(|diagnostic| vec![diagnostic])?;
    original.in_crate(project, after).map_err(|diagnostic| vec![diagnostic])
}

/// A `lib.rs` beside the library that Cargo.toml names would be nobody's.
fn refuse_library_elsewhere(project: &Project) -> Result<()> {
    let path = project.krate.join("Cargo.toml");
    let document: DocumentMut = files::read_text(&path).unwrap_or_default().parse().unwrap_or_default();
    let root = document.get("lib").and_then(|lib| lib.get("path")?.as_str()).unwrap_or("src/lib.rs");
    if project::normalize(Path::new(root)) == Path::new("src/lib.rs") {
        return Ok(());
    }
    let (name, root) = (project.name_of(&path), root.escape_debug());
    Err(Diagnostic::error(format!(
        "`{name}` has its library in `{root}`, and notebooks are exported to `src`"
    ))
    .help("move it to `src/lib.rs`, or export to another crate, which this one may use"))
}

/// The files of the good notebooks that cargo takes for this. A notebook that was not asked for may never have been
/// exported: its file counts once it is there.
fn exported<'a>(
    project: &'a Project,
    loaded: &'a [Loaded],
    target: Target,
) -> impl Iterator<Item = &'a Exported> {
    loaded.iter().filter(|it| !it.outcome.is_bad()).flat_map(move |it| {
        let there = |module: &&Exported| it.requested || project.krate.join(&module.path).is_file();
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
    // `src/x/mod.rs` is a module, too, which a person may have declared among nbexport's.
    let is_there = |name: &String| {
        let of = |file: String| project.krate.join(file).is_file();
        of(format!("{folder}/{name}.rs")) || of(format!("{folder}/{name}/mod.rs"))
    };
    let exported = exported(project, loaded, target).map(|module| module.name.clone());
    exported.chain(declared.into_iter().filter(is_there)).collect()
}
