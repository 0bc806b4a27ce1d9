//! The `:dep` lines of a notebook → [`Dependency`]s.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use syn::Item;
use toml_edit::DocumentMut;

use super::{Dependency, read_entry, valid};
use crate::diagnostic::{Diagnostic, Result};
use crate::files::read_text;
use crate::notebook::parsed::{ParsedCell, ParsedNotebook, Role};
use crate::notebook::scope;
use crate::project::{self, Project};

/// The `:dep` lines of a notebook's exported, test and setup cells, and what is wrong with them.
pub(crate) fn dependencies(
    parsed: &ParsedNotebook<'_>,
    folder: &Path,
    project: &Project,
    crate_name: &str,
) -> (Vec<Dependency>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let mut wrong = Vec::new();
    for cell in &parsed.cells {
        let dev = match cell.role() {
            Role::Plain => continue,
            Role::Export(..) | Role::Bin(_) => false,
            Role::Test | Role::Setup | Role::Bench(_) => true,
        };
        for (line, span) in dep_lines(cell) {
            match dependency(line, cell, span, folder, project, crate_name) {
                Ok(Some(dependency)) => found.push(Dependency { dev, ..dependency }),
                Ok(None) => {}
                Err(diagnostic) => wrong.push(diagnostic),
            }
        }
    }
    hints(parsed, &found, crate_name, &mut wrong);
    (found, wrong)
}

/// What follows `:dep` on the lines of a cell that begin with it.
fn dep_lines<'a>(cell: &'a ParsedCell<'_>) -> impl Iterator<Item = (&'a str, Range<usize>)> {
    let code = cell.mentions(":dep ").then(|| cell.code().as_ref().ok()).flatten();
    let commands = code.map(|code| code.commands.as_slice()).unwrap_or_default();
    commands.iter().filter_map(|(line, span)| Some((line.strip_prefix(":dep ")?.trim(), span.clone())))
}

fn dependency(
    line: &str,
    cell: &ParsedCell<'_>,
    span: Range<usize>,
    folder: &Path,
    project: &Project,
    crate_name: &str,
) -> Result<Option<Dependency>> {
    let mut dependency = parse(line, cell, span, folder)?;
    let name = dependency.name.clone();
    if let Some(path) = dependency.path() {
        let target = project::normalize(&folder.join(&path));
        if target == project.krate {
            return Ok(None);
        }
        if Path::new(&path).is_absolute() {
            return Err(Diagnostic::error(format!(
                "the path of `{name}` is absolute, so it holds on one machine only"
            ))
            .at(cell.source(), dependency.span, "")
            .help("write it relative to the notebook's folder: `path = \"../geo\"`"));
        }
        dependency.set_path(&project::relative(&target, &project.krate));
    }
    Ok((name.replace('-', "_") != crate_name).then_some(dependency))
}

/// What all `:dep` lines of a notebook ask for, whatever becomes of their cells; paths are made absolute.
pub(crate) fn of_notebook(parsed: &ParsedNotebook<'_>, folder: &Path) -> (Vec<Dependency>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let mut wrong = Vec::new();
    for cell in &parsed.cells {
        for (line, span) in dep_lines(cell) {
            match parse(line, cell, span, folder) {
                Ok(mut dependency) => {
                    if let Some(path) = dependency.path() {
                        dependency.set_path(&project::normalize(&folder.join(path)));
                    }
                    found.push(dependency);
                }
                Err(diagnostic) => wrong.push(diagnostic),
            }
        }
    }
    for (name, cell, span) in extern_crates(parsed) {
        if !found.iter().any(|dependency| dependency.name.replace('-', "_") == name) {
            match parse(&name, cell, span, folder) {
                Ok(dependency) => found.push(dependency),
                Err(diagnostic) => wrong.push(diagnostic),
            }
        }
    }
    (found, wrong)
}

/// The folder that a cell's `:dep` lines name by a path from the notebook's own, each with its line's place.
#[cfg(feature = "server")]
pub(crate) fn relative_folders(cell: &ParsedCell<'_>, folder: &Path) -> Vec<(String, Range<usize>)> {
    let paths = dep_lines(cell).filter_map(|(line, span)| {
        let path = parse(line, cell, span.clone(), folder).ok()?.path()?;
        Path::new(&path).is_relative().then_some((path, span))
    });
    paths.collect()
}

/// The crates that `extern crate` asks for. evcxr takes those that no `:dep` names for any version of crates.io's.
fn extern_crates<'a>(
    parsed: &'a ParsedNotebook<'_>,
) -> impl Iterator<Item = (String, &'a ParsedCell<'a>, Range<usize>)> {
    let cells = parsed.cells.iter().filter(|cell| cell.mentions("extern"));
    let codes = cells.filter_map(|cell| Some((cell, cell.code().as_ref().ok()?)));
    codes.flat_map(|(cell, code)| {
        code.items().filter_map(move |item| match item {
            Item::ExternCrate(item) if !is_of_the_language(&item.ident) => {
                Some((item.ident.to_string(), cell, code.span(&item.ident)))
            }
            _ => None,
        })
    })
}

/// Whether a crate comes with the compiler.
pub(crate) fn is_of_the_language(name: &syn::Ident) -> bool {
    ["core", "alloc", "std", "test", "proc_macro", "self"].iter().any(|known| name == known)
}

/// Reads what follows `:dep`; a path stays as it is written.
fn parse(line: &str, cell: &ParsedCell<'_>, span: Range<usize>, folder: &Path) -> Result<Dependency> {
    let wrong = |message: String, help: &str| {
        Diagnostic::error(message).at(cell.source(), span.clone(), "").help(help)
    };
    let usage = "write it as in Cargo.toml: `:dep ndarray = \"0.17\"` or `:dep x = { version = \"1\", features = [\"y\"] }`";
    let toml = if line.starts_with(['.', '/']) && !line.contains('=') {
        // The kernel takes a bare path for the crate in that folder.
        let name = package_in(&folder.join(line)).ok_or_else(|| {
            wrong(
                format!("there is no package in `{line}`"),
                "a path names a folder with a Cargo.toml, from the notebook's own folder",
            )
        })?;
        format!("{name} = {{ path = {line:?} }}")
    } else if line.contains('=') {
        line.to_owned()
    } else {
        // And a bare name for any version.
        format!("{line} = \"*\"")
    };
    let table: DocumentMut = toml.parse().map_err(|error: toml_edit::TomlError| {
        wrong(format!("this `:dep` line does not parse: {}", error.message()), usage)
    })?;
    let mut entries = table.iter();
    let (Some((name, item)), None) = (entries.next(), entries.next()) else {
        return Err(wrong("a `:dep` line names one crate".to_owned(), usage));
    };
    let mut dependency = Dependency {
        name: name.to_owned(),
        requirement: BTreeMap::new(),
        features: BTreeSet::new(),
        default_features: true,
        dev: false,
        source: Arc::clone(cell.source()),
        span: span.clone(),
    };
    read_entry(item, &mut dependency)
        .ok_or_else(|| wrong("this `:dep` line is no dependency".to_owned(), usage))?;
    valid::check(name, item)
        .map_err(|why| wrong(format!("cargo does not take this `:dep` line: {why}"), usage))?;
    Ok(dependency)
}

/// The name of the package in a folder.
fn package_in(folder: &Path) -> Option<String> {
    let manifest: DocumentMut = read_text(&folder.join("Cargo.toml")).ok()?.parse().ok()?;
    Some(manifest.get("package")?.get("name")?.as_str()?.to_owned())
}

/// An exported cell that uses a crate which only an unmarked cell names builds here and not in the crate.
fn hints(parsed: &ParsedNotebook<'_>, found: &[Dependency], crate_name: &str, wrong: &mut Vec<Diagnostic>) {
    for plain in parsed.cells.iter().filter(|cell| cell.role() == Role::Plain) {
        for (line, span) in dep_lines(plain) {
            let name = line.split(['=', ' ']).next().unwrap_or(line).trim().replace('-', "_");
            if name == crate_name || found.iter().any(|it| it.name.replace('-', "_") == name) {
                continue;
            }
            let user =
                parsed.cells.iter().filter(|cell| matches!(cell.role(), Role::Export(..))).find_map(|cell| {
                    let import = scope::imports(cell.code().as_ref().ok()?)
                        .into_iter()
                        .find(|import| import.path.split("::").next() == Some(&name))?;
                    Some((cell, import.span))
                });
            if let Some((cell, used)) = user {
                wrong.push(
                    Diagnostic::warning(format!(
                        "an exported cell uses `{name}`, which only an unmarked cell asks for"
                    ))
                    .at(cell.source(), used, "")
                    .and_at(plain.source(), span, "this line does not reach Cargo.toml")
                    .help("move the `:dep` line into an exported cell"),
                );
            }
        }
    }
}
