//! `:dep` lines and benchmarks → the crate's Cargo.toml, edited in place.
//!
//! An entry that nbexport writes ends in the comment `# nbexport`; only such entries are ever changed or removed.

mod benches;
mod lines;
mod registry;
mod update;
mod valid;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Value};

pub(crate) use self::benches::declared as declared_benches;
#[cfg(feature = "server")]
pub(crate) use self::lines::relative_folders;
pub(crate) use self::lines::{dependencies, is_of_the_language, of_notebook};
pub(crate) use self::registry::not_configured;
pub(crate) use self::update::update;
use self::update::{is_foreign, is_marked};
use crate::diagnostic::{Diagnostic, Source};
use crate::project;

/// What one `:dep` line asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dependency {
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
    pub(crate) fn path(&self) -> Option<String> {
        let path = self.requirement.get("path")?.parse::<Value>().ok()?;
        path.as_str().map(str::to_owned)
    }

    /// Puts it into another folder.
    pub(crate) fn set_path(&mut self, path: &Path) {
        self.requirement.insert("path".into(), quoted(&project::show(path)));
    }

    /// The entry as it stands in Cargo.toml.
    pub(crate) fn value(&self) -> Value {
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

    /// Whether it is what the workspace says.
    fn is_inherited(&self) -> bool {
        self.requirement.get("workspace").is_some_and(|value| value.trim() == "true")
    }

    fn says(&self) -> String {
        format!("{} = {}", self.name, self.value().to_string().trim())
    }
}

/// Unites the `:dep` lines of all notebooks: one entry a crate. The same requirement with different features unites
/// them; different requirements are an error that names both cells. Each dependency comes with its owner's number, and each error with that of the notebook that it is about.
pub(crate) fn unite(
    all: impl IntoIterator<Item = (usize, Dependency)>,
) -> (BTreeMap<String, Dependency>, Vec<(usize, Diagnostic)>) {
    let mut united: BTreeMap<String, Dependency> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (owner, new) in all {
        match united.get_mut(&new.name) {
            None => {
                united.insert(new.name.clone(), new);
            }
            Some(old) if old.requirement == new.requirement => {
                old.features.extend(new.features);
                old.default_features |= new.default_features;
                old.dev &= new.dev;
            }
            Some(old) => wrong.push((
                owner,
                Diagnostic::error(format!("two cells ask for different versions of `{}`", new.name))
                    .at(&new.source, new.span.clone(), "asks for another one")
                    .and_at(&old.source, old.span.clone(), "asked for first")
                    .help("a crate has one version in Cargo.toml: write the same requirement in both cells"),
            )),
        }
    }
    (united, wrong)
}

/// What is wrong with a dependency that inherits what the workspace does not have.
pub(crate) fn not_inherited(dependency: &Dependency, workspace: Option<&DocumentMut>) -> Option<Diagnostic> {
    if !dependency.is_inherited() || valid::is_inherited(&dependency.name, workspace) {
        return None;
    }
    let name = &dependency.name;
    let message = format!("the workspace has no dependency `{name}` to inherit");
    Some(Diagnostic::error(message)
        .at(&dependency.source, dependency.span.clone(), "")
        .note("`workspace = true` takes the entry below `[workspace.dependencies]` of the workspace's Cargo.toml")
        .help(format!("add `{name}` there, or write the version here: `:dep {name} = \"1\"`")))
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
        let (wanted, wrong) = unite(lines.iter().map(|line| (0, dep(line))));
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
        let (_, wrong) = unite([(0, dep("a = \"1\"")), (3, dep("a = \"2\""))]);
        assert_eq!(
            (wrong[0].0, wrong[0].1.message.as_str()),
            (3, "two cells ask for different versions of `a`")
        );
    }

    #[test]
    fn an_inherited_entry_is_compared_with_the_workspace() {
        let manifest = "[dependencies]\na.workspace = true\n";
        let workspace: DocumentMut = "[workspace.dependencies]\na = \"1\"\n".parse().unwrap();
        let result = |line: &str| {
            let (wanted, _) = unite([(0, dep(line))]);
            update(manifest, "exp/Cargo.toml", Some(&workspace), &wanted, &BTreeSet::new(), true)
        };
        assert_eq!(result("a = \"1\"").unwrap(), manifest);
        assert!(
            result("a = \"2\"").unwrap_err()[0].message.contains("differently here and in the workspace's")
        );
    }
}
