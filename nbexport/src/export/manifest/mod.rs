//! `:dep` lines and benchmarks → the crate's Cargo.toml, edited in place.
//!
//! An entry that nbexport writes ends in the comment `# nbexport`; only such entries are ever changed or removed.

mod benches;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use crate::diagnostic::{Diagnostic, Result, Source};
use crate::notebook::parsed::{ParsedCell, ParsedNotebook, Role};
use crate::project::{self, Project};

pub use benches::declared as declared_benches;

/// What one `:dep` line asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The name it is used by.
    pub name: String,
    /// Everything but the features: `version = "0.17"`, `path = "…"`, in order of key.
    pub requirement: BTreeMap<String, String>,
    /// The features, sorted.
    pub features: BTreeSet<String>,
    /// Whether the crate's default features are on.
    pub default_features: bool,
    /// Whether tests alone need it.
    pub dev: bool,
    /// The line, for messages.
    pub source: Arc<Source>,
    /// Where the line stands in its cell.
    pub span: Range<usize>,
}

const MARK: &str = " # nbexport";

/// The `:dep` lines of a notebook's exported, test and setup cells, and what is wrong with them.
pub fn dependencies(
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
    let mut dependency = parse(line, cell, span)?;
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
pub fn of_notebook(parsed: &ParsedNotebook<'_>, folder: &Path) -> (Vec<Dependency>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let mut wrong = Vec::new();
    for cell in &parsed.cells {
        for (line, span) in dep_lines(cell) {
            match parse(line, cell, span) {
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
    (found, wrong)
}

/// Reads what follows `:dep`; a path stays as it is written.
fn parse(line: &str, cell: &ParsedCell<'_>, span: Range<usize>) -> Result<Dependency> {
    let wrong = |message: String, help: &str| {
        Diagnostic::error(message).at(cell.source(), span.clone(), "").help(help)
    };
    let usage = "write it as in Cargo.toml: `:dep ndarray = \"0.17\"` or `:dep x = { version = \"1\", features = [\"y\"] }`";
    // The kernel takes a bare name for any version.
    let toml = if line.contains('=') { line.to_owned() } else { format!("{line} = \"*\"") };
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
    Ok(dependency)
}

/// Takes apart what stands right of the `=`; `None` when it is no dependency.
fn read_entry(item: &Item, into: &mut Dependency) -> Option<()> {
    if let Some(version) = item.as_str() {
        into.requirement.insert("version".into(), quoted(version));
        return Some(());
    }
    for (key, value) in item.as_table_like()?.iter() {
        match key {
            "features" => {
                for feature in value.as_array()? {
                    into.features.insert(feature.as_str()?.to_owned());
                }
            }
            "default-features" | "default_features" => into.default_features = value.as_bool()?,
            "version" => {
                into.requirement.insert("version".into(), quoted(value.as_str()?));
            }
            _ => {
                let mut value = value.as_value()?.clone();
                value.decor_mut().clear();
                into.requirement.insert(key.to_owned(), value.to_string());
            }
        }
    }
    Some(())
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string().trim().to_owned()
}

impl Dependency {
    /// Where it is, if that is a folder.
    pub fn path(&self) -> Option<String> {
        let path = self.requirement.get("path")?.parse::<Value>().ok()?;
        path.as_str().map(str::to_owned)
    }

    /// Puts it into another folder.
    pub fn set_path(&mut self, path: &Path) {
        self.requirement.insert("path".into(), quoted(&project::show(path)));
    }

    /// The entry as it stands in Cargo.toml.
    pub fn value(&self) -> Value {
        let version = self.requirement.get("version");
        if let (Some(version), 1, true, true) =
            (version, self.requirement.len(), self.features.is_empty(), self.default_features)
        {
            return version.parse().expect("a quoted string is a TOML value");
        }
        let mut table = InlineTable::new();
        if let Some(version) = version {
            table.insert("version", version.parse().expect("a quoted string is a TOML value"));
        }
        for (key, value) in self.requirement.iter().filter(|(key, _)| *key != "version") {
            table.insert(key, value.parse().expect("it was a TOML value before"));
        }
        if !self.default_features {
            table.insert("default-features", false.into());
        }
        if !self.features.is_empty() {
            table.insert("features", Value::Array(self.features.iter().collect::<Array>()));
        }
        Value::InlineTable(table)
    }

    fn says(&self) -> String {
        format!("{} = {}", self.name, self.value().to_string().trim())
    }
}

/// Unites the `:dep` lines of all notebooks: one entry a crate. The same requirement with different features unites
/// them; different requirements are an error that names both cells.
pub fn unite(all: impl IntoIterator<Item = Dependency>) -> (BTreeMap<String, Dependency>, Vec<Diagnostic>) {
    let mut united: BTreeMap<String, Dependency> = BTreeMap::new();
    let mut wrong = Vec::new();
    for new in all {
        match united.get_mut(&new.name) {
            None => {
                united.insert(new.name.clone(), new);
            }
            Some(old) if old.requirement == new.requirement => {
                old.features.extend(new.features);
                old.default_features |= new.default_features;
                old.dev &= new.dev;
            }
            Some(old) => wrong.push(
                Diagnostic::error(format!("two cells ask for different versions of `{}`", new.name))
                    .at(&new.source, new.span.clone(), "asks for another one")
                    .and_at(&old.source, old.span.clone(), "asked for first")
                    .help("a crate has one version in Cargo.toml: write the same requirement in both cells"),
            ),
        }
    }
    (united, wrong)
}

/// Brings a Cargo.toml in step with the dependencies `wanted` and the files of `benches`. With `complete`, entries of nbexport's own that nobody asks for any
/// more are removed; without it (a notebook could not be read) they stay.
///
/// # Errors
/// The manifest does not parse, or an entry a person wrote contradicts a `:dep` line.
pub fn update(
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
        let Some(table) = entry.as_table_mut() else {
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

fn is_marked(item: &Item) -> bool {
    item.as_value()
        .and_then(|value| value.decor().suffix()?.as_str())
        .is_some_and(|suffix| suffix.trim() == MARK.trim())
}

/// Whether a section has an entry of this name that a person wrote.
fn is_foreign(document: &DocumentMut, section: &str, name: &str) -> bool {
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
                    let import = crate::notebook::scope::imports(cell.code().as_ref().ok()?)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn dep(line: &str) -> Dependency {
        let source = Arc::new(Source { name: "x.ipynb:cell 1".into(), cell_id: None, text: line.into() });
        let document: DocumentMut = line.parse().unwrap();
        let (name, item) = document.iter().next().unwrap();
        let mut dependency = Dependency {
            name: name.into(),
            requirement: BTreeMap::new(),
            features: BTreeSet::new(),
            default_features: true,
            dev: false,
            source,
            span: 0..line.len(),
        };
        read_entry(item, &mut dependency).unwrap();
        dependency
    }

    fn updated(manifest: &str, lines: &[&str], complete: bool) -> String {
        let (wanted, wrong) = unite(lines.iter().map(|line| dep(line)));
        assert_eq!(wrong, []);
        update(manifest, "exp/Cargo.toml", None, &wanted, &BTreeSet::new(), complete).unwrap()
    }

    #[test]
    fn entries_are_added_in_order_and_comments_stay() {
        let manifest = "[package]\nname = \"exp\" # mine\n\n[dependencies]\n# kept\nbeta = \"1\"\n";
        assert_eq!(
            updated(manifest, &["gamma = \"2\"", "alpha = { version = \"1\", features = [\"x\"] }"], true),
            "[package]\nname = \"exp\" # mine\n\n[dependencies]\n\
             alpha = { version = \"1\", features = [\"x\"] } # nbexport\n\
             # kept\nbeta = \"1\"\ngamma = \"2\" # nbexport\n"
        );
    }

    #[test]
    fn only_entries_of_its_own_are_removed() {
        let manifest = "[dependencies]\na = \"1\" # nbexport\nb = \"1\"\n";
        assert_eq!(updated(manifest, &[], true), "[dependencies]\nb = \"1\"\n");
        assert_eq!(updated(manifest, &[], false), manifest);
    }

    #[test]
    fn features_unite_and_versions_do_not() {
        let manifest = "[dependencies]\n";
        let text = updated(
            manifest,
            &["a = { version = \"1\", features = [\"y\"] }", "a = { version = \"1\", features = [\"x\"] }"],
            true,
        );
        assert_eq!(text, "[dependencies]\na = { version = \"1\", features = [\"x\", \"y\"] } # nbexport\n");
        let (_, wrong) = unite([dep("a = \"1\""), dep("a = \"2\"")]);
        assert_eq!(wrong[0].message, "two cells ask for different versions of `a`");
    }

    #[test]
    fn an_inherited_entry_is_compared_with_the_workspace() {
        let manifest = "[dependencies]\na.workspace = true\n";
        let workspace: DocumentMut = "[workspace.dependencies]\na = \"1\"\n".parse().unwrap();
        let result = |line: &str| {
            let (wanted, _) = unite([dep(line)]);
            update(manifest, "exp/Cargo.toml", Some(&workspace), &wanted, &BTreeSet::new(), true)
        };
        assert_eq!(result("a = \"1\"").unwrap(), manifest);
        assert!(
            result("a = \"2\"").unwrap_err()[0].message.contains("differently here and in the workspace's")
        );
    }
}
