//! A project that works at once: `nbexport new`, and the same added to a cargo project that is there.

use std::path::{Path, PathBuf};

use serde_json::json;
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use crate::diagnostic::{Diagnostic, Result};
use crate::files::{Change, Lock, Original, target_root};
use crate::git;
use crate::notebook::name;
use crate::notebook::{lines, pretty};
use crate::project;

/// The first notebook, a text: a line `%% markdown ID` or `%% code ID` begins a cell. `{name}` is the crate's name.
const NOTEBOOK: &str = include_str!("../template/00_start.txt");
const LIB: &str = "//! The crate `{name}`, exported from the notebooks of this project.\n";
const MANIFEST: &str = "\
[package]
name = \"{name}\"
version = \"0.1.0\"
edition = \"2024\"
publish = false

[dependencies]
";
const GITIGNORE: &str = "/target\n.ipynb_checkpoints/\n.evcxr_tmp/\n";
const GITATTRIBUTES: &str = "*.ipynb text eol=lf\nsrc/nb_*.rs linguist-generated\n";
const README: &str = include_str!("../template/README.md");
/// The workflows of a CI server: the tests, and the site.
const WORKFLOWS: [(&str, &str); 2] = [
    (".github/workflows/ci.yml", include_str!("../template/ci.yml")),
    (".github/workflows/pages.yml", include_str!("../template/pages.yml")),
];
/// How a CI server gets nbexport. What is no release, as its version says, cannot be had from crates.io.
const INSTALL: &str = "INSTALL_NBEXPORT: cargo install --locked nbexport@{version}";
const INSTALL_UNRELEASED: &str = "\
# This nbexport, {version}, is no release yet. Say here how you install it, from its repository or a copy:
  #   cargo install --locked --git URL nbexport
  # As long as nothing stands here, `cargo test` runs, and the notebooks do not.
  INSTALL_NBEXPORT: \"\"";

/// Cargo or the language has its own use for these, so a crate of this name cannot be built or used.
const RESERVED: [&str; 9] =
    ["alloc", "build", "core", "deps", "examples", "incremental", "proc_macro", "std", "test"];

/// Makes a project in the new folder `folder`, named by its last part; returns the files made or changed.
///
/// In a workspace it becomes a member of it; where there is no git repository, it becomes one.
///
/// # Errors
/// The folder exists, its name is no crate's name, or a file cannot be written.
pub fn new(folder: &Path) -> Result<Vec<String>> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let crate_name = name.replace('-', "_");
    check_crate_name(&crate_name)?;
    if folder.exists() {
        return Err(Diagnostic::error(format!("`{}` exists already", project::show(folder)))
            .help("choose another name, or run `nbexport init` inside it to add to what is there"));
    }
    let absolute = std::path::absolute(folder)
        .map_err(|error| Diagnostic::error(format!("cannot make `{}`: {error}", project::show(folder))))?;
    let parent = absolute.parent().unwrap_or(&absolute);
    let existing = parent.ancestors().find(|ancestor| ancestor.is_dir()).unwrap_or(parent);
    let repository = git::top_level(existing).ok();
    let mut changes: Vec<Change> = workspace_of(&absolute)?.into_iter().collect();
    let root = target_root(&absolute);
    if root != absolute && repository.is_some() {
        changes.extend(ignoring_target(root)?);
    }
    let manifest = MANIFEST.replace("{name}", &name) + &table("package");
    let mut files = vec![
        ("Cargo.toml", manifest),
        (".gitignore", GITIGNORE.to_owned()),
        (".gitattributes", GITATTRIBUTES.to_owned()),
        ("README.md", readme(&name, env!("CARGO_PKG_VERSION"))),
        ("src/lib.rs", LIB.replace("{name}", &crate_name)),
        ("notebooks/00_start.ipynb", notebook(&crate_name)),
    ];
    // A CI server looks for it on the repository's top and nowhere else.
    if repository.is_none() {
        files.splice(4..4, workflows(env!("CARGO_PKG_VERSION")));
    }
    let made = write_all(folder, files, changes)?;
    if repository.is_none() {
        // As `cargo new` does. Without git, the project is none the worse.
        let _ = git::git(folder, &["init", "--quiet"]);
    }
    Ok(made)
}

fn is_release(version: &str) -> bool {
    !version.contains('-')
}

/// The README of a project that this version of nbexport makes.
fn readme(name: &str, version: &str) -> String {
    let install = if is_release(version) {
        format!("cargo install --locked nbexport@{version}    # once")
    } else {
        format!("# nbexport {version} is no release yet: `cargo install --locked --git URL nbexport`, once")
    };
    README.replace("{name}", name).replace("{install}", &install)
}

/// The workflows of a project that this version of nbexport makes.
fn workflows(version: &str) -> [(&'static str, String); 2] {
    let install = if is_release(version) { INSTALL } else { INSTALL_UNRELEASED };
    WORKFLOWS.map(|(path, text)| (path, text.replace("{install}", install).replace("{version}", version)))
}

fn check_crate_name(name: &str) -> Result<()> {
    name::check_name(name, "crate").map_err(|(why, help)| Diagnostic::error(why).help(help))?;
    if RESERVED.contains(&name) {
        return Err(Diagnostic::error(format!(
            "`{name}` cannot name a crate: Rust or cargo has its own use for it"
        ))
        .help(format!("choose another name: `my-{name}`, say")));
    }
    if !name.is_ascii() {
        return Err(Diagnostic::error(format!(
            "`{name}` cannot name a crate: cargo takes no letters but a to z"
        ))
        .help("choose another name"));
    }
    Ok(())
}

/// The change that makes a new package a member of the workspace it stands in, if it is none by itself.
fn workspace_of(package: &Path) -> Result<Option<Change>> {
    for folder in package.ancestors().skip(1) {
        let path = folder.join("Cargo.toml");
        let name = seen_from_here(&path);
        let original = Original::read(path, &*name)?;
        let parsed = original.text.as_deref().unwrap_or_default().parse::<DocumentMut>();
        let Ok(mut document) = parsed else { continue };
        let Some(workspace) = document.get_mut("workspace").and_then(Item::as_table_like_mut) else {
            continue;
        };
        let member = project::show(&project::relative(package, folder));
        let lists = |workspace: &dyn TableLike, key: &str, is_it: fn(&str, &str) -> bool| {
            let list = workspace.get(key).and_then(Item::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).any(|it| is_it(it, &member))
        };
        if lists(workspace, "members", matches_glob)
            || lists(workspace, "exclude", |it, member| member.starts_with(it))
        {
            return Ok(None);
        }
        let members = workspace.entry("members").or_insert(toml_edit::value(Array::new()));
        let Some(members) = members.as_array_mut() else { return Ok(None) };
        let before = members.iter().last().and_then(|last| last.decor().prefix()?.as_str());
        let before = match before {
            Some("") => " ".to_owned(),
            before => before.unwrap_or_default().to_owned(),
        };
        members.push_formatted(Value::from(&*member).decorated(before, ""));
        return original.as_named(document.to_string());
    }
    Ok(None)
}

/// The change by which git ignores the target folder in the root of a workspace, unless it does by now.
fn ignoring_target(root: &Path) -> Result<Option<Change>> {
    if git::git(root, &["check-ignore", "--quiet", "target/nbexport"]).is_ok_and(|it| it.is_some()) {
        return Ok(None);
    }
    with_lines(root, ".gitignore", &["/target".to_owned()])
}

/// Whether a path is one of those that cargo takes `crates/*` for.
fn matches_glob(pattern: &str, path: &str) -> bool {
    let part = |(pattern, part): (&str, &str)| match pattern.split_once('*') {
        Some((before, after)) => {
            part.strip_prefix(before).is_some_and(|rest| rest.ends_with(after) || after.contains('*'))
        }
        None => pattern == part,
    };
    let (pattern, path) = (pattern.trim_end_matches('/'), path.trim_end_matches('/'));
    pattern.split('/').count() == path.split('/').count() && pattern.split('/').zip(path.split('/')).all(part)
}

/// Adds what a project of notebooks needs to the cargo package in `folder`; of what is there, only Cargo.toml, .gitignore
/// and .gitattributes get lines. Returns the files made or changed.
///
/// # Errors
/// There is no package, it has the table already, or a file cannot be written.
pub fn init(folder: &Path) -> Result<Vec<String>> {
    let manifest = Original::read(folder.join("Cargo.toml"), "Cargo.toml")?;
    let text = manifest.text.clone().ok_or_else(|| {
        Diagnostic::error("there is no Cargo.toml here")
            .help("run it in a cargo package, or make a project: `nbexport new NAME`")
    })?;
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        Diagnostic::error(format!("Cargo.toml does not parse: {}", error.message()))
    })?;
    let has = |kind: &str| document.get(kind).and_then(|it| it.get("metadata")?.get("nbexport")).is_some();
    if has("package") || has("workspace") {
        return Err(Diagnostic::error("this project is set up for nbexport already")
            .help("`nbexport` exports its notebooks; add one to the notebooks folder"));
    }
    let Some(name) = document.get("package").and_then(|package| package.get("name")?.as_str()) else {
        return Err(Diagnostic::error("this Cargo.toml has no package")
                .note("it is a workspace; notebooks are exported into one of its members")
                .help("add `[workspace.metadata.nbexport]` with `crate = \"MEMBER\"`, or run `nbexport init` in that member"));
    };
    let crate_name = name.replace('-', "_");
    let mut files = Vec::new();
    if !folder.join("src/lib.rs").exists() {
        files.push(("src/lib.rs", LIB.replace("{name}", &crate_name)));
    }
    if project::notebooks_below(&folder.join("notebooks")).unwrap_or_default().is_empty() {
        files.push(("notebooks/00_start.ipynb", notebook(&crate_name)));
    }
    let here = absolute(folder);
    let root = target_root(&here);
    // Where there is no repository yet, it will begin at the workspace's root.
    let is_top = match git::top_level(folder) {
        Ok(top) => top.canonicalize().is_ok_and(|top| here.canonicalize().is_ok_and(|here| top == here)),
        Err(_) => root == here,
    };
    let added = workflows(env!("CARGO_PKG_VERSION")).into_iter();
    files.extend(added.filter(|(path, _)| is_top && !folder.join(path).exists()));
    let mut changes = Vec::new();
    if root != here {
        changes.extend(ignoring_target(root)?);
    }
    let ignored = GITIGNORE.lines().filter(|line| *line != "/target" || root == here);
    let ignored = ignored.map(str::to_owned).collect::<Vec<_>>();
    changes.extend(with_lines(folder, ".gitignore", &ignored)?);
    let attributes = GITATTRIBUTES.lines().map(str::to_owned).collect::<Vec<_>>();
    changes.extend(with_lines(folder, ".gitattributes", &attributes)?);
    configure(&mut document);
    changes.extend(manifest.as_named(document.to_string())?);
    write_all(folder, files, changes)
}

/// Adds the table to a package, in the way in which its Cargo.toml writes tables.
fn configure(document: &mut DocumentMut) {
    let Some(package) = document.get_mut("package").and_then(Item::as_table_like_mut) else { return };
    let metadata = package.entry("metadata").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let mut own = Table::new();
    own.insert("notebooks", toml_edit::value("notebooks"));
    own.insert("crate", toml_edit::value("."));
    if let Some(metadata) = metadata.as_table_like_mut() {
        metadata.insert("nbexport", Item::Table(own));
    }
}

/// How messages call a file: by its path from the working directory.
fn seen_from_here(path: &Path) -> String {
    project::show(&project::relative(&absolute(path), &absolute(Path::new("."))))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| project::normalize(&path))
}

/// The change that gives a list, one entry a line, those of these lines that it lacks.
fn with_lines(folder: &Path, name: &str, lines: &[String]) -> Result<Option<Change>> {
    let path = folder.join(name);
    let name = seen_from_here(&path);
    let original = Original::read(path, &*name)?;
    let mut text = original.text.clone().unwrap_or_default();
    let bare = |line: &str| line.trim().trim_matches('/').to_owned();
    for line in lines {
        if !text.lines().any(|there| bare(there) == bare(line)) {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(line);
            text.push('\n');
        }
    }
    original.as_named(text)
}

fn table(kind: &str) -> String {
    format!("\n[{kind}.metadata.nbexport]\nnotebooks = \"notebooks\"\ncrate = \".\"\n")
}

/// Makes these files, and `changes` of files that are there.
fn write_all(
    folder: &Path,
    files: Vec<(&str, String)>,
    others: impl IntoIterator<Item = Change>,
) -> Result<Vec<String>> {
    let mut made: Vec<String> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut changes = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        let name = project::show(&path);
        changes.extend(Original { path, name, text: None }.as_named(text)?);
    }
    for change in others {
        made.push(change.name.clone());
        changes.push(change);
    }
    Lock::beside(&folder.join("Cargo.toml")).commit(&changes)?;
    Ok(made)
}

/// The template as Jupyter would write it.
fn notebook(crate_name: &str) -> String {
    let mut cells: Vec<(String, String, Vec<&str>)> = Vec::new();
    let text = NOTEBOOK.replace("{name}", crate_name);
    for line in text.lines() {
        if let Some((kind, id)) = line.strip_prefix("%% ").and_then(|rest| rest.split_once(' ')) {
            cells.push((kind.to_owned(), id.to_owned(), Vec::new()));
        } else if let Some((_, _, body)) = cells.last_mut() {
            body.push(line);
        }
    }
    let cells: Vec<serde_json::Value> = cells
        .into_iter()
        .map(|(kind, id, body)| {
            let source = lines(body.join("\n").trim_end());
            if kind == "code" {
                json!({ "cell_type": kind, "execution_count": null, "id": id, "metadata": {}, "outputs": [], "source": source })
            } else {
                json!({ "cell_type": kind, "id": id, "metadata": {}, "source": source })
            }
        })
        .collect();
    let notebook = json!({
        "cells": cells,
        "metadata": {
            "kernelspec": { "display_name": "Rust", "language": "rust", "name": "rust" },
            "language_info": {
                "codemirror_mode": "rust", "file_extension": ".rs", "mimetype": "text/rust", "name": "Rust",
                "pygment_lexer": "rust", "version": ""
            }
        },
        "nbformat": 4,
        "nbformat_minor": 5
    });
    pretty(&notebook, " ") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export;
    use crate::notebook::Notebook;

    #[test]
    fn ci_installs_a_release_and_nothing_that_is_none() {
        for (path, released) in workflows("1.2.3") {
            let install = "\n  INSTALL_NBEXPORT: cargo install --locked nbexport@1.2.3\n";
            assert!(released.contains(install), "{path}");
        }
        for (path, unreleased) in workflows("1.2.3-dev") {
            assert!(unreleased.contains("\n  INSTALL_NBEXPORT: \"\"\n"), "{path}");
        }
    }

    #[test]
    fn the_first_notebook_exports_without_a_complaint() {
        let notebook = Notebook::parse("notebooks/00_start.ipynb", notebook("demo")).unwrap();
        let (modules, wrong) = export::modules(&notebook, "demo");
        assert_eq!(wrong, []);
        assert_eq!((modules[0].path.as_str(), modules[0].cells, modules[0].tests), ("src/nb_00.rs", 2, 2));
    }
}
