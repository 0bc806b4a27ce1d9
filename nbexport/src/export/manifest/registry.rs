//! Whether cargo's configuration has a registry that a `:dep` line names.

use std::env;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Value};

use super::Dependency;
use crate::diagnostic::Diagnostic;
use crate::files;

/// What is wrong with a dependency of a registry that cargo, run in `folder`, does not know: it would not load Cargo.toml.
pub(crate) fn not_configured(dependency: &Dependency, folder: &Path) -> Option<Diagnostic> {
    let name: Value = dependency.requirement.get("registry")?.parse().ok()?;
    let name = name.as_str()?;
    if is_configured(name, folder) {
        return None;
    }
    let shown = name.escape_debug();
    Some(
        Diagnostic::error(format!("cargo's configuration has no registry `{shown}`"))
            .at(&dependency.source, dependency.span.clone(), "")
            .note("cargo would not load Cargo.toml with it")
            .help(format!("add `[registries.{shown}]` with its `index` to `.cargo/config.toml`")),
    )
}

fn is_configured(name: &str, folder: &Path) -> bool {
    let variable = format!("CARGO_REGISTRIES_{}_INDEX", name.to_uppercase().replace('-', "_"));
    name == "crates-io" || env::var_os(variable).is_some() || configurations(folder).any(|it| has(&it, name))
}

/// The files that cargo reads there, in both spellings.
fn configurations(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let folders = folder.ancestors().map(|folder| folder.join(".cargo")).chain(home);
    folders.flat_map(|folder| ["config.toml", "config"].map(|name| folder.join(name)))
}

/// Whether a configuration has the registry, or may have it: what cannot be told is left to cargo.
fn has(configuration: &Path, name: &str) -> bool {
    let Ok(text) = files::read_text(configuration) else { return false };
    let Ok(document) = text.parse::<DocumentMut>() else { return true };
    let registry = document.get("registries").and_then(|all| all.get(name)?.get("index"));
    registry.is_some() || document.contains_key("include")
}
