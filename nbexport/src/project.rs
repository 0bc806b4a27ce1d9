//! The project: its root, its configuration, its notebooks in order.

use std::io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use toml_edit::{DocumentMut, Item, Table};

use crate::diagnostic::{Diagnostic, Result};
use crate::notebook::name::check_flag;
use crate::reading;

/// Where things are. Found by walking up from a notebook (or the working directory) to a `Cargo.toml` that has a
/// table `[workspace.metadata.nbexport]` or `[package.metadata.nbexport]`.
#[derive(Clone, Debug)]
pub struct Project {
    /// The folder of that `Cargo.toml`; names in messages are relative to it.
    pub root: PathBuf,
    /// The folder of the notebooks.
    pub notebooks: PathBuf,
    /// The folder of the crate they are exported to.
    pub krate: PathBuf,
    /// How notebooks are compiled natively, in the words of cargo's profiles; what is not said stays as it is.
    pub profile: Table,
    /// The flags of cells that always run: `flags = ["slow"]`.
    pub flags: Vec<String>,
    /// What of outputs may differ from run to run, as regular expressions: `volatile = ["[0-9]+ ms"]`.
    pub volatile: Vec<String>,
    /// Whether notebooks keep their execution counts: `keep-counts = true`.
    pub keep_counts: bool,
    /// What it says about its site, as it is written: see `docs`.
    pub docs: Table,
    /// Whether there is a Cargo.toml to it, and not just notebooks in a folder.
    pub is_configured: bool,
}

impl Project {
    /// Finds the project of `start`, a file or folder; `krate` overrides the crate's folder and makes the
    /// configuration dispensable.
    ///
    /// # Errors
    /// There is none, or its crate is not there.
    pub fn discover(start: &Path, krate: Option<&Path>) -> Result<Self> {
        let folder = folder_of(start)?;
        let krate = krate.map(absolute).transpose()?;
        let project = match (Self::above(&folder)?, krate) {
            (Some(project), krate) => Self { krate: krate.unwrap_or(project.krate), ..project },
            (None, Some(krate)) => Self::of_crate(&folder, krate)?,
            (None, None) => Self::of_member(&folder)?,
        };
        if !project.krate.join("Cargo.toml").exists() {
            let name = project.name_of(&project.krate);
            return Err(Diagnostic::error(format!("the crate `{name}` has no Cargo.toml"))
                    .note("notebooks are exported into the crate that `[workspace.metadata.nbexport]` or `--crate` names")
                    .help(format!("create it: `cargo new --lib {name}`")));
        }
        Ok(project)
    }

    /// The project of notebooks that need no crate. Those of no project make one by themselves, in their folder.
    ///
    /// # Errors
    /// None is named, and there is no project; or its configuration is wrong.
    pub fn of_notebooks(paths: &[PathBuf]) -> Result<Self> {
        let folder = folder_of(paths.first().map_or(Path::new("."), PathBuf::as_path))?;
        match Self::above(&folder)? {
            Some(project) => Ok(project),
            None if paths.is_empty() => Self::of_member(&folder),
            None => {
                let here = absolute(Path::new("."))?;
                let root = if folder.starts_with(&here) { here } else { folder };
                Ok(Self { is_configured: false, ..Self::bare(root.clone(), root) })
            }
        }
    }

    /// The notebooks at a path by themselves, whatever is configured above them.
    #[cfg(feature = "lsp")]
    pub(crate) fn alone(path: &Path) -> Self {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        Self { is_configured: false, ..Self::bare(folder.to_owned(), folder.to_owned()) }
    }

    /// A project that nothing is configured of.
    fn bare(root: PathBuf, krate: PathBuf) -> Self {
        let notebooks = root.clone();
        let (profile, flags, volatile, docs) = (Table::new(), Vec::new(), Vec::new(), Table::new());
        let keep_counts = false;
        Self { root, notebooks, krate, profile, flags, volatile, keep_counts, docs, is_configured: true }
    }

    /// The project that a folder, or the nearest one above it, configures.
    fn above(folder: &Path) -> Result<Option<Self>> {
        for folder in folder.ancestors() {
            if let Some(project) = Self::configured(folder)? {
                return Ok(Some(project));
            }
        }
        Ok(None)
    }

    /// The project that the Cargo.toml of this very folder configures.
    fn configured(folder: &Path) -> Result<Option<Self>> {
        Ok(configuration(&folder.join("Cargo.toml"))?.map(|it| Self {
            root: folder.to_owned(),
            notebooks: normalize(&folder.join(it.notebooks)),
            krate: normalize(&folder.join(it.krate)),
            profile: it.profile,
            flags: it.flags,
            volatile: it.volatile,
            keep_counts: it.keep_counts,
            docs: it.docs,
            is_configured: true,
        }))
    }

    /// The project of a crate that the command line names, and of the notebooks in a folder.
    fn of_crate(folder: &Path, krate: PathBuf) -> Result<Self> {
        // Above a package that is a project by itself, there may be notebooks of others.
        if krate.starts_with(folder)
            && let Some(project) = Self::configured(&krate)?
        {
            return Ok(project);
        }
        let root = folder.ancestors().find(|ancestor| krate.starts_with(ancestor)).unwrap_or(folder);
        Ok(Self { notebooks: folder.to_owned(), ..Self::bare(root.to_owned(), krate) })
    }

    /// The one project below a folder that is a package of the folder's workspace.
    fn of_member(folder: &Path) -> Result<Self> {
        let mut members = projects_among_members(folder);
        members.retain(|member| member.starts_with(folder));
        match members.as_slice() {
            [member] => Self::configured(member)?.ok_or_else(|| no_project(folder)),
            [] => Err(no_project(folder)),
            several => {
                let names: Vec<String> =
                    several.iter().map(|member| format!("`{}`", show(&relative(member, folder)))).collect();
                let first = names[0].trim_matches('`');
                Err(Diagnostic::error(format!("this workspace holds several projects: {}", names.join(", ")))
                    .help(format!("run nbexport in one of them (`cd {first}`), or name its notebooks: `{first}/notebooks`")))
            }
        }
    }

    /// All notebooks of the project, sorted by name; checkpoints and hidden folders left out.
    pub fn notebook_paths(&self) -> Result<Vec<PathBuf>> {
        if !self.notebooks.is_dir() {
            let name = self.name_of(&self.notebooks);
            return Err(Diagnostic::error(format!("there is no notebooks folder `{name}`"))
                    .help("create it, or name another in Cargo.toml: `notebooks = \"DIR\"` below `[workspace.metadata.nbexport]`"));
        }
        notebooks_below(&self.notebooks).map_err(|error| {
            Diagnostic::error(format!("cannot list `{}`: {error}", self.name_of(&self.notebooks)))
        })
    }

    /// How messages and generated files call a path: relative to the root, with `/`.
    pub fn name_of(&self, path: &Path) -> String {
        let path = std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| normalize(&path));
        let name = show(&relative(&path, &self.root));
        if name.is_empty() { ".".to_owned() } else { name }
    }
}

/// The notebooks of a folder and the folders below it, sorted by path.
pub fn notebooks_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            let is_called_notebook = path.extension().is_some_and(|extension| extension == "ipynb");
            if !entry.file_type()?.is_dir() {
                found.extend(is_called_notebook.then_some(path));
            } else if is_called_notebook {
                // Of a folder that has a notebook's name and holds none, whoever reads it says what it is.
                let below = notebooks_below(&path)?;
                found.extend(if below.is_empty() { vec![path] } else { below });
            } else {
                folders.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What a Cargo.toml configures.
struct Configuration {
    notebooks: String,
    krate: String,
    profile: Table,
    flags: Vec<String>,
    volatile: Vec<String>,
    keep_counts: bool,
    docs: Table,
}

/// Reads it; `None` when the Cargo.toml has no table for nbexport.
fn configuration(manifest: &Path) -> Result<Option<Configuration>> {
    let text = match reading::read_text(manifest) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | PermissionDenied) => return Ok(None),
        Err(error) => return Err(Diagnostic::error(format!("cannot read `{}`: {error}", show(manifest)))),
    };
    if !text.contains("nbexport") {
        return Ok(None);
    }
    let document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        Diagnostic::error(format!("`{}` does not parse: {}", show(manifest), error.message()))
            .help("`cargo metadata` shows the place")
    })?;
    let table = |kind: &str| document.get(kind)?.get("metadata")?.get("nbexport")?.as_table_like();
    // A package that asks for notebooks is their crate, if there is no other.
    let is_itself =
        table("workspace").is_none() && !manifest.with_file_name("exp").join("Cargo.toml").exists();
    let Some(table) = table("workspace").or_else(|| table("package")) else { return Ok(None) };
    let folder = |key: &str, default: &str| match table.get(key) {
        None => Ok(default.to_owned()),
        Some(value) => value.as_str().map(str::to_owned).ok_or_else(|| {
            Diagnostic::error(format!(
                "`{key}` below `metadata.nbexport` in `{}` is not a string",
                show(manifest)
            ))
            .help(format!("write `{key} = \"{default}\"`"))
        }),
    };
    let switch = |key: &str| match table.get(key).map(Item::as_bool) {
        None => Ok(false),
        Some(Some(value)) => Ok(value),
        Some(None) => {
            let message = format!(
                "`{key}` below `metadata.nbexport` in `{}` is neither true nor false",
                show(manifest)
            );
            Err(Diagnostic::error(message).help(format!("write `{key} = true`")))
        }
    };
    let values = |key: &str, example: &str| match table.get(key).cloned().map(Item::into_table) {
        None => Ok(Table::new()),
        Some(Ok(values)) if values.iter().all(|(_, item)| item.is_value()) => Ok(values),
        Some(_) => {
            let message =
                format!("`{key}` below `metadata.nbexport` in `{}` is not a table of values", show(manifest));
            Err(Diagnostic::error(message).help(format!("write `{key} = {{ {example} }}`, say")))
        }
    };
    Ok(Some(Configuration {
        notebooks: folder("notebooks", "notebooks")?,
        krate: folder("crate", if is_itself { "." } else { "exp" })?,
        profile: values("profile", "opt-level = 1")?,
        docs: values("docs", "title = \"My crate\"")?,
        flags: words(table.get("flags"), "flags", "slow", |word| check_flag(word).is_ok(), manifest)?,
        volatile: words(table.get("volatile"), "volatile", "[0-9]+ ms", |_| true, manifest)?,
        keep_counts: switch("keep-counts")?,
    }))
}

/// A list of words.
fn words(
    value: Option<&Item>,
    key: &str,
    example: &str,
    fits: impl Fn(&str) -> bool,
    manifest: &Path,
) -> Result<Vec<String>> {
    let list = |value: &Item| {
        let words =
            value.as_array()?.iter().map(|word| word.as_str().filter(|word| fits(word)).map(str::to_owned));
        words.collect::<Option<Vec<_>>>()
    };
    value.map_or(Some(Vec::new()), list).ok_or_else(|| {
        let message =
            format!("`{key}` below `metadata.nbexport` in `{}` is not a list of words", show(manifest));
        Diagnostic::error(message).help(format!("write `{key} = [\"{example}\"]`, say"))
    })
}

/// The packages of a folder's workspace that are projects.
fn projects_among_members(folder: &Path) -> Vec<PathBuf> {
    if !folder.ancestors().any(|ancestor| ancestor.join("Cargo.toml").is_file()) {
        return Vec::new();
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(folder);
    let output = cargo.output().map(|output| output.stdout).unwrap_or_default();
    let metadata: Value = serde_json::from_slice(&output).unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let projects = packages.filter(|package| package["metadata"]["nbexport"].is_object());
    projects.filter_map(|it| Some(Path::new(it["manifest_path"].as_str()?).parent()?.to_owned())).collect()
}

fn no_project(folder: &Path) -> Diagnostic {
    Diagnostic::error(format!("no project found in `{}` or above it", show(folder)))
        .note("a project is a Cargo.toml with a table `[package.metadata.nbexport]` or `[workspace.metadata.nbexport]`")
        .help("make a project: `nbexport new NAME`; or make one of the cargo package you are in: `nbexport init`")
}

/// The folder that a file is in, or the folder itself.
fn folder_of(start: &Path) -> Result<PathBuf> {
    let start = absolute(start)?;
    Ok(if start.is_dir() { start } else { start.parent().unwrap_or(&start).to_owned() })
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map(|path| normalize(&path))
        .map_err(|error| Diagnostic::error(format!("cannot find `{}`: {error}", show(path))))
}

/// Resolves `.` and `..` by the text alone, so that a path that does not exist has a name too.
pub fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// `path` as seen from the folder `from`; both absolute and normalized.
pub fn relative(path: &Path, from: &Path) -> PathBuf {
    let shared = path.components().zip(from.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(path.components().skip(shared)).collect()
}

/// A path with `/` on every system.
pub fn show(path: &Path) -> String {
    path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_a_folder() {
        let from = |path: &str, from: &str| show(&relative(Path::new(path), Path::new(from)));
        assert_eq!(from("/a/b/c", "/a"), "b/c");
        assert_eq!(from("/a/geo", "/a/exp"), "../geo");
        assert_eq!(show(&normalize(Path::new("/a/./b/../../c"))), "/c");
    }
}
