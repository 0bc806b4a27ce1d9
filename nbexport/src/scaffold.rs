//! A project that works at once: `nbexport new`, and the same added to a cargo project that is there.

use std::path::Path;

use serde_json::{Value, json};
use toml_edit::{DocumentMut, Item, Table};

use crate::diagnostic::{Diagnostic, Result};
use crate::files::{Change, Lock, Original};
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
const WORKFLOW: &str = include_str!("../template/ci.yml");

/// Makes a project in the new folder `folder`, named by its last part; returns the files made.
///
/// # Errors
/// The folder exists, its name is no crate's name, or a file cannot be written.
pub fn new(folder: &Path) -> Result<Vec<String>> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let crate_name = name.replace('-', "_");
    name::check_name(&crate_name, "crate").map_err(|(why, help)| Diagnostic::error(why).help(help))?;
    if folder.exists() {
        return Err(Diagnostic::error(format!("`{}` exists already", project::show(folder)))
            .help("choose another name, or run `nbexport init` inside it to add to what is there"));
    }
    let manifest = MANIFEST.replace("{name}", &name) + &table("package");
    let mut files = vec![
        ("Cargo.toml", manifest),
        (".gitignore", GITIGNORE.to_owned()),
        (".gitattributes", GITATTRIBUTES.to_owned()),
        ("README.md", README.replace("{name}", &name)),
        (".github/workflows/ci.yml", WORKFLOW.to_owned()),
        ("src/lib.rs", LIB.replace("{name}", &crate_name)),
    ];
    files.push(("notebooks/00_start.ipynb", notebook(&crate_name)));
    write_all(folder, files, None)
}

/// Adds what a project of notebooks needs to the cargo package in `folder`, touching nothing that is there; returns the
/// files made.
///
/// # Errors
/// There is no package, it has the table already, or a file cannot be written.
pub fn init(folder: &Path) -> Result<Vec<String>> {
    let path = folder.join("Cargo.toml");
    let manifest = Original::read(&*path, "Cargo.toml")?;
    let text = manifest.text.clone().ok_or_else(|| {
        Diagnostic::error("there is no Cargo.toml here")
            .help("run it in a cargo package, or make a project: `nbexport new NAME`")
    })?;
    let document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
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
    let mut files = Vec::new();
    if !folder.join("src/lib.rs").exists() {
        files.push(("src/lib.rs", LIB.replace("{name}", &name.replace('-', "_"))));
    }
    if project::notebooks_below(&folder.join("notebooks")).unwrap_or_default().is_empty() {
        files.push(("notebooks/00_start.ipynb", notebook(&name.replace('-', "_"))));
    }
    let mut document = document;
    let package = document["package"].as_table_mut().expect("it has a name");
    let metadata = package.entry("metadata").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let mut own = Table::new();
    own.insert("notebooks", toml_edit::value("notebooks"));
    own.insert("crate", toml_edit::value("."));
    metadata["nbexport"] = Item::Table(own);
    write_all(folder, files, manifest.as_named(document.to_string())?)
}

fn table(kind: &str) -> String {
    format!("\n[{kind}.metadata.nbexport]\nnotebooks = \"notebooks\"\ncrate = \".\"\n")
}

/// Makes these files, and one `change` of a file that is there.
fn write_all(folder: &Path, files: Vec<(&str, String)>, change: Option<Change>) -> Result<Vec<String>> {
    let mut made: Vec<String> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut changes = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        let name = project::show(&path);
        changes.extend(Original { path, name, text: None }.as_named(text)?);
    }
    made.extend(change.iter().map(|change| change.name.clone()));
    changes.extend(change);
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
    let cells: Vec<Value> = cells
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
    fn the_first_notebook_exports_without_a_complaint() {
        let notebook = Notebook::parse("notebooks/00_start.ipynb", notebook("demo")).unwrap();
        let (modules, wrong) = export::modules(&notebook, "demo");
        assert_eq!(wrong, []);
        assert_eq!((modules[0].path.as_str(), modules[0].cells, modules[0].tests), ("src/nb_00.rs", 2, 2));
    }
}
