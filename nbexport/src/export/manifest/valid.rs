//! What cargo would refuse of a dependency when it loads Cargo.toml, said before that is written.

use semver::VersionReq;
use toml_edit::{DocumentMut, Item};

/// Checks an entry as cargo does.
///
/// # Errors
/// Why cargo would not load a Cargo.toml with it.
pub(super) fn check(name: &str, item: &Item) -> Result<(), String> {
    is_name(name)?;
    let version = match item.as_str() {
        Some(version) => Some(version),
        None => item.get("version").and_then(Item::as_str),
    };
    if let Some(version) = version
        && let Err(error) = VersionReq::parse(version)
    {
        return Err(format!("`{}` is no version requirement: {error}", version.escape_debug()));
    }
    let Some(table) = item.as_table_like() else { return Ok(()) };
    for key in ["path", "git", "branch", "tag", "rev", "registry", "registry-index", "package"] {
        if table.get(key).is_some_and(|value| !value.is_str()) {
            return Err(format!("its `{key}` is no string"));
        }
    }
    if let Some(package) = table.get("package").and_then(Item::as_str) {
        is_name(package)?;
    }
    for key in ["git", "registry-index"] {
        if let Some(text) = table.get(key).and_then(Item::as_str).filter(|text| !is_url(text)) {
            return Err(format!("its `{key}` is no URL: `{}`", text.escape_debug()));
        }
    }
    if let Some(key) = ["artifact", "lib", "target", "base"].into_iter().find(|key| table.contains_key(key)) {
        return Err(format!("`{key}` is not stable in cargo"));
    }
    for key in ["optional", "public"] {
        if table.get(key).is_some_and(|value| !value.is_bool()) {
            return Err(format!("its `{key}` is neither `true` nor `false`"));
        }
    }
    if table.get("workspace").is_some_and(|value| value.as_bool() != Some(true)) {
        return Err("its `workspace` can only be `true`".to_owned());
    }
    let has = |key: &str| table.contains_key(key);
    if !["version", "path", "git", "workspace"].into_iter().any(has) {
        return Err(format!("it does not say where `{name}` comes from"));
    }
    if has("workspace")
        && let Some(other) = ["version", "path", "git", "package"].into_iter().find(|key| has(key))
    {
        return Err(format!(
            "`workspace = true` takes the workspace's entry, so `{other}` cannot stand beside it"
        ));
    }
    if has("git") && has("path") {
        return Err("it is either in a git repository or in a folder".to_owned());
    }
    let pins: Vec<&str> = ["branch", "tag", "rev"].into_iter().filter(|key| has(key)).collect();
    match pins.as_slice() {
        [one] if !has("git") => Err(format!("`{one}` is about a git repository, and there is no `git`")),
        [one, other, ..] => Err(format!("it has both `{one}` and `{other}`")),
        _ => Ok(()),
    }
}

fn is_name(name: &str) -> Result<(), String> {
    let starts = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if !starts || !name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_') {
        return Err(format!("`{}` is no name of a crate", name.escape_debug()));
    }
    Ok(())
}

/// Whether a text is a URL with all that cargo asks of one: a scheme (RFC 3986, section 3.1), and a host where there is
/// to be one. `git@host:path`, which git takes, is none.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let has_host = match rest.strip_prefix("//") {
        Some(rest) => scheme == "file" || !rest.is_empty() && !rest.starts_with('/'),
        None => !rest.is_empty(),
    };
    is_scheme && has_host && !text.contains(char::is_whitespace)
}

/// Whether the workspace has an entry of this name.
pub(super) fn is_inherited(name: &str, workspace: Option<&DocumentMut>) -> bool {
    workspace.and_then(|it| it.get("workspace")?.get("dependencies")?.get(name)).is_some()
}
