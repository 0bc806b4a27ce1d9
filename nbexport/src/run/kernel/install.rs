//! A kernelspec of nbexport's own, "Rust (nbexport)": evcxr's kernel with cells compiled as the project asks and with
//! compiled dependencies kept, for those who start kernels from `JupyterLab` or VS Code.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use toml_edit::Table;

use super::spec::{self, Spec};
use crate::diagnostic::{Diagnostic, Result};
use crate::files;

/// The name of the kernelspec. It sorts behind evcxr's own, `rust`, which stays the one that is used when none is named.
pub const NAME: &str = "rust-nbexport";
/// What Jupyter calls it.
const DISPLAY_NAME: &str = "Rust (nbexport)";
/// How many megabytes of compiled dependencies evcxr keeps.
const CACHE: &str = ":cache 2048\n";

/// What the words of a cargo profile are called in the environment of a kernel, whose cargo obeys them.
///
/// `panic` is left out: evcxr's own program unwinds, and what is linked to it must too.
fn profile_env(profile: &Table) -> BTreeMap<String, String> {
    let values = profile.iter().filter(|(key, _)| *key != "panic").filter_map(|(key, item)| {
        let value = match item.as_value()? {
            toml_edit::Value::String(text) => text.value().clone(),
            value => value.to_string().trim().to_owned(),
        };
        Some((format!("CARGO_PROFILE_DEV_{}", key.replace('-', "_").to_uppercase()), value))
    });
    values.collect()
}

/// The same for one notebook: with a `:opt` of its own it keeps the level that it asks for.
pub(super) fn notebook_env(profile: &Table, has_opt: bool) -> Vec<(OsString, OsString)> {
    let env =
        profile_env(profile).into_iter().filter(|(key, _)| !has_opt || key != "CARGO_PROFILE_DEV_OPT_LEVEL");
    env.map(|(key, value)| (key.into(), value.into())).collect()
}

/// What [`install`] did.
#[derive(Debug)]
pub struct Installed {
    /// The kernelspec's folder.
    pub folder: PathBuf,
    /// The kernel's environment.
    pub env: BTreeMap<String, String>,
    /// The folder of evcxr's configuration that stays in force, if the user has one.
    pub configured: Option<PathBuf>,
}

/// Writes the kernelspec for this user. `profile` is the project's; what it does not say is Rust's release profile: no
/// checks for debugging.
pub fn install(profile: &Table) -> Result<Installed> {
    let evcxr = spec::find(None)?;
    let folder = folder()?;
    refuse_foreign(&folder)?;
    let mut env = evcxr.env.clone();
    for key in ["DEBUG_ASSERTIONS", "OVERFLOW_CHECKS"] {
        env.insert(format!("CARGO_PROFILE_DEV_{key}"), "false".to_owned());
    }
    env.extend(profile_env(profile));
    // evcxr reads one folder of configuration: the user's own, if there is one, is not put aside.
    let configured = evcxr_configuration();
    if configured.is_none() {
        env.insert("EVCXR_CONFIG_DIR".to_owned(), folder.to_string_lossy().into_owned());
    }
    let spec = json(&evcxr, &env);
    let text = serde_json::to_string_pretty(&spec).unwrap_or_default() + "\n";
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| files::keep(&folder.join("init.evcxr"), CACHE.as_bytes()))
        .and_then(|()| files::keep(&folder.join("kernel.json"), text.as_bytes()));
    written.map_err(|error| cannot("write", &folder, &error))?;
    Ok(Installed { folder, env, configured })
}

/// Removes the kernelspec; tells whether there was one.
pub fn uninstall() -> Result<Option<PathBuf>> {
    let folder = folder()?;
    if !folder.exists() {
        return Ok(None);
    }
    refuse_foreign(&folder)?;
    std::fs::remove_dir_all(&folder).map_err(|error| cannot("remove", &folder, &error))?;
    Ok(Some(folder))
}

fn json(evcxr: &Spec, env: &BTreeMap<String, String>) -> Value {
    json!({
        "argv": evcxr.argv,
        "display_name": DISPLAY_NAME,
        "language": "rust",
        "interrupt_mode": "message",
        "env": env,
    })
}

fn folder() -> Result<PathBuf> {
    let data = spec::user_data_dir(&spec::variable).ok_or_else(|| {
        Diagnostic::error(
            "no folder for Jupyter's data is known: neither `HOME` nor `JUPYTER_DATA_DIR` is set",
        )
        .help("set JUPYTER_DATA_DIR to what `jupyter --data-dir` prints")
    })?;
    Ok(data.join("kernels").join(NAME))
}

/// A kernelspec of this name that somebody else wrote stays.
fn refuse_foreign(folder: &Path) -> Result<()> {
    let Ok(text) = std::fs::read_to_string(folder.join("kernel.json")) else { return Ok(()) };
    let spec: Value = serde_json::from_str(&text).unwrap_or_default();
    if spec["display_name"] == DISPLAY_NAME {
        return Ok(());
    }
    let message = format!("`{}` holds a kernelspec that is not nbexport's", folder.display());
    Err(Diagnostic::error(message).help("move that folder away"))
}

/// The folder of evcxr's configuration, if the user has any.
fn evcxr_configuration() -> Option<PathBuf> {
    let own = || {
        let home = spec::variable("HOME").map(PathBuf::from);
        if cfg!(windows) {
            return Some(spec::variable("APPDATA").map(PathBuf::from)?.join("evcxr"));
        }
        let configuration = match spec::variable("XDG_CONFIG_HOME") {
            Some(folder) if !cfg!(target_os = "macos") => PathBuf::from(folder),
            _ if cfg!(target_os = "macos") => home?.join("Library/Application Support"),
            _ => home?.join(".config"),
        };
        Some(configuration.join("evcxr"))
    };
    let folder = spec::variable("EVCXR_CONFIG_DIR").map(PathBuf::from).or_else(own)?;
    ["evcxr.toml", "init.evcxr", "prelude.rs"].iter().any(|file| folder.join(file).exists()).then_some(folder)
}

fn cannot(what: &str, folder: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot {what} `{}`: {error}", folder.display()))
        .help("see that the folder may be written, or set JUPYTER_DATA_DIR to another that Jupyter reads")
}
