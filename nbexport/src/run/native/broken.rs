//! A crate that does not build: its broken modules must not lock out the notebooks they are written in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::build::Build;
use super::subject::Subject;
use super::workspace::{Workspace, keep};
use super::{Entry, primary};
use crate::diagnostic::{Diagnostic, Result};
use crate::export;
use crate::export::lib_rs;
use crate::files;
use crate::places::Places;
use crate::project::{self, Project};

/// The first notebook (by place in `entries`) whose module does not compile; `None` when the crate builds, or is
/// broken elsewhere too.
pub(super) fn first_broken(
    build: &Build,
    crate_name: &str,
    entries: &[Entry],
    places: &Places,
) -> Option<usize> {
    let (_, errors) = build.broken().find(|(name, _)| name.replace('-', "_") == crate_name)?;
    let mut first = None;
    for message in errors {
        let notebook = places.notebook_of(primary(message)?["file_name"].as_str()?)?;
        let index = entries.iter().position(|entry| entry.name == notebook)?;
        first = Some(first.map_or(index, |first: usize| first.min(index)));
    }
    first
}

/// Makes a copy of the crate without the modules of this notebook and later ones, and has all notebooks use it.
pub(super) fn use_copy(
    project: &Project,
    workspace: &Workspace,
    subjects: &mut BTreeMap<usize, Subject<'_>>,
    entries: &[Entry],
    first: usize,
) -> Result<Diagnostic> {
    let copy = workspace.crate_copy();
    let notebooks = entries[first..].iter().filter_map(|entry| entry.notebook.as_ref().ok());
    let crate_name = export::crate_name(project)?;
    let gone: BTreeSet<String> =
        notebooks.flat_map(|it| export::modules(it, &crate_name).0).map(|module| module.name).collect();
    let written = copy_crate(project, &copy, &gone);
    written.map_err(|error| Diagnostic::error(format!("cannot copy the crate: {error}")))?;
    for subject in subjects.values_mut() {
        for dependency in subject.dependencies.values_mut() {
            if dependency.path().is_some_and(|path| Path::new(&path) == project.krate) {
                dependency.set_path(&copy);
            }
        }
    }
    let name = project.name_of(&project.krate);
    let gone = gone.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Ok(Diagnostic::warning(format!("`{name}` does not compile, so notebooks run with a copy of it"))
        .note(format!(
            "the copy is without {gone}: the first module that does not compile, and those after it"
        ))
        .help("`nbexport cargo check` shows what is wrong with it; mend the cell, and export again"))
}

fn copy_crate(project: &Project, copy: &Path, gone: &BTreeSet<String>) -> std::io::Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy)?;
    }
    copy_folder(&project.krate, copy)?;
    let lib = copy.join("src/lib.rs");
    let text = fs::read_to_string(&lib)?;
    let modules: Vec<String> =
        lib_rs::declared_modules(&text).into_iter().filter(|name| !gone.contains(name)).collect();
    let crate_name = export::crate_name(project).unwrap_or_default();
    let self_name = text.contains("extern crate self").then_some(crate_name.as_str());
    if let Ok(text) = lib_rs::declare(&text, "lib.rs", &modules, self_name) {
        keep(&lib, &text)?;
    }
    let manifest = copy.join("Cargo.toml");
    let root = project.krate.ancestors().skip(1).map(|folder| folder.join("Cargo.toml"));
    let root = root.filter_map(|path| Some((path.parent()?.to_owned(), fs::read_to_string(&path).ok()?)));
    let root = root.into_iter().find(|(_, text)| text.contains("[workspace"));
    let text = fs::read_to_string(&manifest)?;
    keep(
        &manifest,
        &standalone(&text, &project.krate, root.as_ref().map(|(path, text)| (path.as_path(), text.as_str()))),
    )
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let skipped = ["target", "tests", "examples"].iter().any(|it| name == *it);
        if skipped || name.to_string_lossy().starts_with('.') {
            continue;
        }
        let target = to.join(&name);
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            files::keep(&target, &files::read(&entry.path())?)?;
        }
    }
    Ok(())
}

/// A manifest that stands outside of its workspace: what it takes from there is written out.
fn standalone(manifest: &str, folder: &Path, root: Option<(&Path, &str)>) -> String {
    let Ok(mut document) = manifest.parse::<DocumentMut>() else { return manifest.to_owned() };
    let workspace: Option<DocumentMut> = root.and_then(|(_, text)| text.parse().ok());
    let shared = |section: &str| workspace.as_ref()?.get("workspace")?.get(section)?.as_table_like();
    if let Some(package) = document.get_mut("package").and_then(Item::as_table_like_mut) {
        inherit(package, shared("package"));
    }
    let lints = shared("lints").map(|table| {
        table.iter().fold(Table::new(), |mut all, (key, value)| {
            all.insert(key, value.clone());
            all
        })
    });
    if document.get("lints").and_then(|lints| lints.get("workspace")).is_some() {
        document.insert("lints", Item::Table(lints.unwrap_or_default()));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(table) = document.get_mut(section).and_then(Item::as_table_like_mut) else { continue };
        let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            let Some(item) = table.get_mut(&name) else { continue };
            let mut base = folder;
            if item.get("workspace").is_some()
                && let Some(inherited) = shared("dependencies").and_then(|all| all.get(&name))
            {
                let features = item.get("features").cloned();
                *item = inherited.clone();
                base = root.map_or(folder, |(path, _)| path);
                if let (Some(features), Some(table)) = (features, item.as_table_like_mut()) {
                    table.insert("features", features);
                }
            }
            if let Some(path) = item.get("path").and_then(Item::as_str).map(|path| base.join(path)) {
                item["path"] = Item::Value(Value::from(project::show(&project::normalize(&path))));
            }
        }
    }
    document.to_string()
}

/// Fills in `key.workspace = true`.
fn inherit(table: &mut dyn TableLike, shared: Option<&dyn TableLike>) {
    let inherited: Vec<String> = table
        .iter()
        .filter(|(_, item)| item.get("workspace").is_some())
        .map(|(key, _)| key.to_owned())
        .collect();
    for key in inherited {
        match shared.and_then(|shared| shared.get(&key)) {
            Some(value) => *table.entry(&key).or_insert(Item::None) = value.clone(),
            None => {
                table.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_workspace_gives_is_written_out() {
        let root = "[workspace.package]\nedition = \"2024\"\n[workspace.lints.rust]\nunused = \"allow\"\n\
                    [workspace.dependencies]\ngeo = { path = \"geo\" }\n";
        let own = "[package]\nname = \"exp\"\nedition.workspace = true\n[dependencies]\ngeo = { workspace = true }\n\
                   near = { path = \"../near\" }\n[lints]\nworkspace = true\n";
        let text = standalone(own, Path::new("/p/exp"), Some((Path::new("/p"), root)));
        let document: DocumentMut = text.parse().unwrap();
        assert_eq!(document["package"]["edition"].as_str(), Some("2024"), "{text}");
        assert_eq!(document["dependencies"]["geo"]["path"].as_str(), Some("/p/geo"), "{text}");
        assert_eq!(document["dependencies"]["near"]["path"].as_str(), Some("/p/near"), "{text}");
        assert_eq!(document["lints"]["rust"]["unused"].as_str(), Some("allow"), "{text}");
    }
}
