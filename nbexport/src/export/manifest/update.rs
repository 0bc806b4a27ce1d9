//! Dependencies and benchmarks → the text of a Cargo.toml, edited in place.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{DocumentMut, Item, Table, Value};

use super::{Dependency, MARK, benches, read_entry};
use crate::diagnostic::Diagnostic;

/// Brings a Cargo.toml in step with the dependencies `wanted` and the files of `benches`. With `complete`, entries of nbexport's own that nobody asks for any
/// more are removed; without it (a notebook could not be read) they stay.
///
/// # Errors
/// The manifest does not parse, or an entry a person wrote contradicts a `:dep` line.
pub(crate) fn update(
    manifest: &str,
    name: &str,
    workspace: Option<&DocumentMut>,
    wanted: &BTreeMap<String, Dependency>,
    benches: &BTreeSet<String>,
    complete: bool,
) -> Result<String, Vec<Diagnostic>> {
    let mut document: DocumentMut = manifest.parse().map_err(|error: toml_edit::TomlError| {
        vec![
            Diagnostic::error(format!("`{name}` does not parse: {}", error.message()))
                .help("`cargo metadata` shows the place"),
        ]
    })?;
    let with_criterion = (!benches.is_empty()).then(|| benches::with_criterion(&document, wanted));
    let wanted = with_criterion.as_ref().unwrap_or(wanted);
    let mut wrong = benches::update(&mut document, name, benches, complete);
    for (section, dev) in [("dependencies", false), ("dev-dependencies", true)] {
        let has_section = document.get(section).is_some();
        let mine: Vec<&Dependency> = wanted
            .values()
            .filter(|it| it.dev == dev)
            // What the crate depends on anyway, tests can use too.
            .filter(|it| !(dev && is_foreign(&document, "dependencies", &it.name)))
            .collect();
        if !has_section && mine.is_empty() {
            continue;
        }
        let entry = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
        // What is written in one line has no room for comments.
        if !mine.is_empty()
            && let Item::Value(Value::InlineTable(inline)) = entry
        {
            *entry = Item::Table(std::mem::take(inline).into_table());
        }
        let Some(table) = entry.as_table_mut() else {
            if !mine.is_empty() && !entry.is_table_like() {
                wrong.push(
                    Diagnostic::error(format!("`{section}` in `{name}` is no table"))
                        .help(format!("write it as a table, headed `[{section}]`")),
                );
            }
            continue;
        };
        let sorted = is_sorted(table);
        let mut emptied = false;
        if complete {
            let gone: Vec<String> = table
                .iter()
                .filter(|(key, item)| is_marked(item) && mine.iter().all(|it| it.name != *key))
                .map(|(key, _)| key.to_owned())
                .collect();
            for key in &gone {
                table.remove(key);
            }
            emptied = !gone.is_empty() && table.is_empty() && mine.is_empty();
        }
        for dependency in mine {
            match table.get(&dependency.name) {
                Some(item) if !is_marked(item) => {
                    if let Some(diagnostic) = contradiction(dependency, item, name, workspace) {
                        wrong.push(diagnostic);
                    }
                }
                Some(item) if same_entry(item, dependency) => {}
                _ => {
                    let mut value = dependency.value();
                    value.decor_mut().set_prefix(" ");
                    value.decor_mut().set_suffix(MARK);
                    table.insert(&dependency.name, Item::Value(value));
                }
            }
        }
        if sorted {
            table.sort_values();
        }
        if emptied
            && table
                .decor()
                .prefix()
                .is_none_or(|before| before.as_str().is_some_and(|it| it.trim().is_empty()))
        {
            document.remove(section);
        }
    }
    if wrong.is_empty() { Ok(document.to_string()) } else { Err(wrong) }
}

fn is_sorted(table: &Table) -> bool {
    table.iter().map(|(key, _)| key).is_sorted()
}

pub(super) fn is_marked(item: &Item) -> bool {
    item.as_value()
        .and_then(|value| value.decor().suffix()?.as_str())
        .is_some_and(|suffix| suffix.trim() == MARK.trim())
}

/// Whether a section has an entry of this name that a person wrote.
pub(super) fn is_foreign(document: &DocumentMut, section: &str, name: &str) -> bool {
    document.get(section).and_then(|table| table.get(name)).is_some_and(|item| !is_marked(item))
}

fn same_entry(item: &Item, wanted: &Dependency) -> bool {
    let mut there = Dependency {
        requirement: BTreeMap::new(),
        features: BTreeSet::new(),
        default_features: true,
        ..wanted.clone()
    };
    read_entry(item, &mut there).is_some()
        && there.requirement == wanted.requirement
        && there.features == wanted.features
        && there.default_features == wanted.default_features
}

/// What a person wrote stays. It is compared with what the notebook asks for, since the two build different things.
fn contradiction(
    wanted: &Dependency,
    item: &Item,
    manifest: &str,
    workspace: Option<&DocumentMut>,
) -> Option<Diagnostic> {
    let inherited = item.get("workspace").and_then(Item::as_bool) == Some(true);
    if inherited && wanted.is_inherited() {
        return None;
    }
    let (item, place) = if inherited {
        let entry = workspace?.get("workspace")?.get("dependencies")?.get(&wanted.name)?;
        (entry, "the workspace's Cargo.toml".to_owned())
    } else {
        (item, format!("`{manifest}`"))
    };
    let mut there = Dependency {
        requirement: BTreeMap::new(),
        features: BTreeSet::new(),
        default_features: true,
        ..wanted.clone()
    };
    read_entry(item, &mut there)?;
    // An inherited path is relative to the workspace, so only that there is one can be compared.
    let same = if inherited && there.requirement.contains_key("path") {
        wanted.requirement.contains_key("path")
    } else {
        there.requirement == wanted.requirement
    };
    (!same).then(|| {
        Diagnostic::error(format!("`{}` is asked for differently here and in {place}", wanted.name))
            .at(&wanted.source, wanted.span.clone(), "")
            .note(format!("{place} says `{}`", there.says()))
            .help("that entry was written by hand and is kept: write the same requirement in both places")
    })
}
