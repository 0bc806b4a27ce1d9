//! What Cargo.toml needs for files of benchmarks: a `[[bench]]` entry each, and criterion.
//!
//! As with dependencies, an entry of nbexport's own says so: `name = "nb_01" # nbexport`. No other is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

use super::{Dependency, MARK, is_foreign, is_marked, quoted};
use crate::diagnostic::{Diagnostic, Source};

const NAME: &str = "criterion";

/// The benchmarks that nbexport declared in a Cargo.toml.
pub(crate) fn declared(manifest: &str) -> Vec<String> {
    let Ok(document) = manifest.parse::<DocumentMut>() else { return Vec::new() };
    let entries = document.get("bench").and_then(Item::as_array_of_tables);
    let names = entries.into_iter().flatten().filter(|it| is_own(it)).filter_map(name);
    names.map(str::to_owned).collect()
}

fn name(entry: &Table) -> Option<&str> {
    entry.get("name")?.as_str()
}

fn is_own(entry: &Table) -> bool {
    entry.get("name").is_some_and(is_marked)
}

/// Adds the library that measures to what is wanted. The one that a person asked for is as good as ours.
pub(super) fn with_criterion(
    document: &DocumentMut,
    wanted: &BTreeMap<String, Dependency>,
) -> BTreeMap<String, Dependency> {
    let mut wanted = wanted.clone();
    let foreign = |section: &str| is_foreign(document, section, NAME);
    if !foreign("dependencies") && !foreign("dev-dependencies") {
        wanted.entry(NAME.to_owned()).or_insert_with(criterion);
    }
    wanted
}

/// Without plots and threads it builds in two thirds of the crates: `cargo test` builds it, too.
fn criterion() -> Dependency {
    Dependency {
        name: NAME.to_owned(),
        requirement: BTreeMap::from([("version".to_owned(), quoted("0.8"))]),
        features: BTreeSet::from(["cargo_bench_support".to_owned()]),
        default_features: false,
        dev: true,
        source: Arc::new(Source { name: String::new(), cell_id: None, text: String::new() }),
        span: 0..0,
    }
}

/// Brings the entries in step with the benchmarks that there are. Those of nbexport's own that nobody wants any more
/// are removed, if all notebooks could be read (`complete`).
pub(super) fn update(
    document: &mut DocumentMut,
    manifest: &str,
    wanted: &BTreeSet<String>,
    complete: bool,
) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    if wanted.is_empty() && document.get("bench").is_none() {
        return wrong;
    }
    let item = document.entry("bench").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(entries) = item.as_array_of_tables_mut() else {
        if !wanted.is_empty() {
            wrong.push(
                Diagnostic::error(format!(
                    "`bench` in `{manifest}` is no list of tables, so no benchmark was added"
                ))
                .help("write each as a table of its own, headed `[[bench]]`"),
            );
        }
        return wrong;
    };
    if complete {
        entries.retain(|entry| !is_own(entry) || name(entry).is_some_and(|name| wanted.contains(name)));
    }
    let mut there: BTreeMap<String, Option<bool>> = BTreeMap::new();
    for entry in entries.iter() {
        let harness = entry.get("harness").and_then(Item::as_bool);
        there.entry(name(entry).unwrap_or_default().to_owned()).or_insert(harness);
    }
    for bench in wanted {
        match there.get(bench).copied() {
            None => entries.push(entry(bench)),
            Some(harness) if harness != Some(false) => wrong.push(
                Diagnostic::error(format!(
                    "`[[bench]]` `{bench}` in `{manifest}` keeps the harness of `#[bench]`"
                ))
                .note("benchmarks of notebooks are programs that run by themselves")
                .help("write `harness = false` below its name, or remove the entry: nbexport adds its own"),
            ),
            Some(_) => {}
        }
    }
    if entries.is_empty() {
        document.remove("bench");
    }
    wrong
}

fn entry(bench: &str) -> Table {
    let mut name = Value::from(bench);
    name.decor_mut().set_prefix(" ");
    name.decor_mut().set_suffix(MARK);
    let mut table = Table::new();
    table.insert("name", Item::Value(name));
    table.insert("harness", toml_edit::value(false));
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::manifest;

    fn updated(manifest: &str, benches: &[&str]) -> String {
        let benches = benches.iter().map(|&name| name.to_owned()).collect();
        manifest::update(manifest, "exp/Cargo.toml", None, &BTreeMap::new(), &benches, true).unwrap()
    }

    const OWN: &str =
        "[package]\nname = \"exp\"\n\n[[bench]] # mine\nname = \"by_hand\"\n\n[lints]\nworkspace = true\n";

    #[test]
    fn entries_come_and_go_and_those_of_a_person_stay() {
        let with = updated(OWN, &["nb_01", "nb_02"]);
        assert_eq!(declared(&with), ["nb_01", "nb_02"]);
        assert_eq!(updated(&with, &["nb_02", "nb_01"]), with);
        assert_eq!(declared(&updated(&with, &["nb_02"])), ["nb_02"]);
        assert_eq!(updated(&with, &[]), OWN);
    }

    #[test]
    fn criterion_is_asked_for_once() {
        let own = "[dev-dependencies]\ncriterion = \"0.5\"\n";
        assert!(updated(own, &["nb_01"]).starts_with(own));
        assert!(!updated(own, &["nb_01"]).contains("cargo_bench_support"));
        assert!(
            updated("", &["nb_01"]).contains("criterion = { version = \"0.8\", default-features = false")
        );
    }
}
