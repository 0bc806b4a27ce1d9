//! Which program a kernel is: Jupyter's kernelspecs, looked up where Jupyter looks.

use std::collections::BTreeMap;
use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};

use jupyter_protocol::JupyterKernelspec;

use crate::diagnostic::{Diagnostic, Result};

/// How to start a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The name of the kernelspec's folder, by which it is chosen.
    pub name: String,
    /// The program and its arguments; `{connection_file}` in them stands for the file that names the ports.
    pub argv: Vec<String>,
    /// What the kernelspec adds to the environment.
    pub env: BTreeMap<String, String>,
}

impl Spec {
    /// The kernel's program could not be started, or a file for it not be written.
    pub(super) fn not_started(&self, error: &std::io::Error) -> Diagnostic {
        let program = self.argv.first().map_or("", String::as_str);
        Diagnostic::error(format!("cannot start the kernel `{}` (`{program}`): {error}", self.name))
    }
}

/// The evcxr kernel's program.
const EVCXR: &str = "evcxr_jupyter";
/// What installs it.
const INSTALL: &str = "cargo install --locked evcxr_jupyter && evcxr_jupyter --install";

/// Finds the kernelspec `name`, or the first one for Rust when no name is given.
///
/// Without any kernelspec for Rust, an `evcxr_jupyter` on PATH is as good: it needs nothing from its kernelspec.
pub fn find(name: Option<&str>) -> Result<Spec> {
    find_in(&data_dirs(&variable), name, || on_path(EVCXR, variable("PATH")))
}

/// An environment variable; an empty one counts as not set.
pub(super) fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn find_in(dirs: &[PathBuf], name: Option<&str>, evcxr: impl Fn() -> Option<PathBuf>) -> Result<Spec> {
    let specs = dirs.iter().flat_map(|dir| specs_in(dir));
    let fits = |(folder, spec): &(String, JupyterKernelspec)| match name {
        Some(name) => folder.eq_ignore_ascii_case(name),
        None => spec.language.eq_ignore_ascii_case("rust"),
    };
    let mut available = Vec::new();
    for (folder, spec) in specs {
        if fits(&(folder.clone(), spec.clone())) && !spec.argv.is_empty() {
            let env = spec.env.unwrap_or_default().into_iter().collect();
            return Ok(Spec { name: folder, argv: spec.argv, env });
        }
        available.push(folder);
    }
    if let Some(name) = name.filter(|name| *name != EVCXR) {
        return Err(no_such_kernel(name, &available));
    }
    let program = evcxr().ok_or_else(no_rust_kernel)?;
    let argv =
        [&program.to_string_lossy(), "--control_file", "{connection_file}"].map(str::to_owned).to_vec();
    Ok(Spec { name: EVCXR.to_owned(), argv, env: BTreeMap::new() })
}

fn no_rust_kernel() -> Diagnostic {
    Diagnostic::error("no Jupyter kernel for Rust is installed")
        .help(format!("install evcxr's, which takes some minutes once:\n      {INSTALL}"))
}

fn no_such_kernel(name: &str, available: &[String]) -> Diagnostic {
    let help = if available.is_empty() {
        format!("no kernel is installed; `{INSTALL}` installs evcxr's")
    } else {
        format!("these are installed: {}", available.join(", "))
    };
    Diagnostic::error(format!("there is no kernel `{name}`")).help(help)
}

/// The kernelspecs of one data folder, by name, so that the choice is the same on every run.
fn specs_in(data_dir: &Path) -> BTreeMap<String, JupyterKernelspec> {
    let Ok(entries) = std::fs::read_dir(data_dir.join("kernels")) else {
        return BTreeMap::new();
    };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            // A kernelspec that cannot be read is passed over, as Jupyter does: it may belong to another tool.
            let text = std::fs::read_to_string(entry.path().join("kernel.json")).ok()?;
            Some((entry.file_name().into_string().ok()?, serde_json::from_str(&text).ok()?))
        })
        .collect()
}

/// The folders that Jupyter looks for data in, the most important first.
fn data_dirs(variable: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Vec<PathBuf> {
    let path = |name: &str| variable(name).map(PathBuf::from);
    let mut dirs: Vec<PathBuf> =
        variable("JUPYTER_PATH").map(|paths| std::env::split_paths(&paths).collect()).unwrap_or_default();
    dirs.extend(user_data_dir(variable));
    // An environment's own kernels: what Jupyter calls `sys.prefix`.
    dirs.extend(
        ["VIRTUAL_ENV", "CONDA_PREFIX"].iter().filter_map(|name| Some(path(name)?.join("share/jupyter"))),
    );
    if cfg!(windows) {
        dirs.extend(path("PROGRAMDATA").map(|folder| folder.join("jupyter")));
    } else {
        dirs.extend(["/usr/local/share/jupyter", "/usr/share/jupyter"].map(PathBuf::from));
    }
    dirs
}

/// The folder of this user's own data, where what is installed for one user goes.
pub(super) fn user_data_dir(variable: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let path = |name: &str| variable(name).map(PathBuf::from);
    path("JUPYTER_DATA_DIR").or_else(|| {
        if cfg!(target_os = "macos") {
            return Some(path("HOME")?.join("Library/Jupyter"));
        }
        if cfg!(windows) {
            return Some(path("APPDATA")?.join("jupyter"));
        }
        let data = path("XDG_DATA_HOME").or_else(|| Some(path("HOME")?.join(".local/share")))?;
        Some(data.join("jupyter"))
    })
}

fn on_path(program: &str, path: Option<std::ffi::OsString>) -> Option<PathBuf> {
    let file = format!("{program}{EXE_SUFFIX}");
    std::env::split_paths(&path?).map(|dir| dir.join(&file)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(dir: &Path, name: &str, language: &str) {
        let folder = dir.join("kernels").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!(
            r#"{{"argv": ["{name}", "{{connection_file}}"], "display_name": "K", "language": "{language}", "env": {{"A": "b"}}}}"#
        );
        std::fs::write(folder.join("kernel.json"), text).unwrap();
    }

    #[test]
    fn the_first_rust_kernel_is_the_default_and_a_name_chooses() {
        let dir = tempfile::tempdir().unwrap();
        kernel(dir.path(), "python3", "python");
        kernel(dir.path(), "zz", "rust");
        kernel(dir.path(), "evcxr", "Rust");
        let dirs = [dir.path().to_owned()];
        assert_eq!(find_in(&dirs, None, || None).unwrap().name, "evcxr");
        let chosen = find_in(&dirs, Some("ZZ"), || None).unwrap();
        assert_eq!((chosen.name.as_str(), chosen.env["A"].as_str()), ("zz", "b"));
        let missing = find_in(&dirs, Some("nope"), || None).unwrap_err().to_string();
        assert!(missing.contains("`nope`") && missing.contains("evcxr, python3, zz"), "{missing}");
    }

    #[test]
    fn without_a_kernelspec_the_program_on_path_will_do() {
        let spec = find_in(&[], None, || Some("/opt/evcxr_jupyter".into())).unwrap();
        assert_eq!(spec.argv, ["/opt/evcxr_jupyter", "--control_file", "{connection_file}"]);
        let none = find_in(&[], None, || None).unwrap_err().to_string();
        assert!(none.contains("cargo install --locked evcxr_jupyter"), "{none}");
    }

    #[test]
    fn folders_come_in_jupyters_order() {
        let variable = |name: &str| match name {
            "JUPYTER_PATH" if cfg!(windows) => Some("/a;/b".into()),
            "JUPYTER_PATH" => Some("/a:/b".into()),
            "HOME" => Some("/home/x".into()),
            "APPDATA" if cfg!(windows) => Some("/home/x/AppData/Roaming".into()),
            "PROGRAMDATA" if cfg!(windows) => Some("/ProgramData".into()),
            "VIRTUAL_ENV" => Some("/venv".into()),
            _ => None,
        };
        let (user, system): (_, &[&str]) = if cfg!(target_os = "macos") {
            ("/home/x/Library/Jupyter", &["/usr/local/share/jupyter", "/usr/share/jupyter"])
        } else if cfg!(windows) {
            ("/home/x/AppData/Roaming/jupyter", &["/ProgramData/jupyter"])
        } else {
            ("/home/x/.local/share/jupyter", &["/usr/local/share/jupyter", "/usr/share/jupyter"])
        };
        let expected = ["/a", "/b", user, "/venv/share/jupyter"].into_iter().chain(system.iter().copied());
        assert_eq!(data_dirs(&variable), expected.map(PathBuf::from).collect::<Vec<_>>());
    }
}
