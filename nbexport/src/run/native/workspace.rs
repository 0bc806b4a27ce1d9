//! The generated workspace: a package for each notebook, one lock file, one folder that everything is built in.
//!
//! It stands below the project's target folder and is a workspace of its own, or cargo would take its packages for
//! members of the project's. Files are replaced only when their text changes, so that cargo builds only what is new.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml_edit::{DocumentMut, InlineTable, Item, Table, Value, value};

use crate::diagnostic::{Diagnostic, Result};
use crate::export::manifest::Dependency;
use crate::files;
use crate::notebook::short_hash;
use crate::project::{self, Project};

/// One package to be generated.
#[derive(Clone, Debug)]
pub(super) struct Package {
    /// Its name, [made](package_name) of the notebook's.
    pub(super) name: String,
    /// What it needs.
    pub(super) dependencies: BTreeMap<String, Dependency>,
    /// Whether it needs tokio, because a cell awaits.
    pub(super) is_async: bool,
    /// The level it asks to be optimized at itself.
    pub(super) opt_level: Option<String>,
    /// The level that is worth it, when nobody asks for one.
    pub(super) usual_level: &'static str,
    /// The environment that its build asks for.
    pub(super) env: Vec<(String, String)>,
    /// Its programs: file name below `src` and text.
    pub(super) programs: Vec<(String, String)>,
}

impl Package {
    /// Whether another has the same dependencies, with the same features, and the same environment.
    pub(super) fn asks_for_the_same(&self, other: &Self) -> bool {
        self.env == other.env && dependencies(self).to_string() == dependencies(other).to_string()
    }
}

/// Where the generated workspace is.
#[derive(Clone, Debug)]
pub(super) struct Workspace {
    /// Its folder.
    pub(super) root: PathBuf,
    /// The file that the lock of the project was last copied from, as a hash.
    lock_of: PathBuf,
}

/// The crate that all programs run on.
const RUNTIME: &[(&str, &str)] =
    &[("lib.rs", include_str!("runtime.rs")), ("kept.rs", include_str!("runtime/kept.rs"))];

/// The tokio that the kernel adds by itself to a notebook that awaits.
const TOKIO: &str = "{ version = \"1.34.0\", features = [\"rt\", \"rt-multi-thread\"] }";

/// A package's name: the notebook's as far as cargo allows, and a hash, since `a b` and `a_b` are two notebooks.
pub(crate) fn package_name(notebook: &str) -> String {
    let file = notebook.rsplit('/').next().unwrap_or(notebook);
    let stem = file.strip_suffix(".ipynb").unwrap_or(file);
    let stem: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("nb_{stem}_{}", short_hash(notebook))
}

impl Workspace {
    /// Finds its place, which only cargo knows.
    pub(super) fn of(project: &Project) -> Result<Self> {
        let target = target_directory(&project.krate.join("Cargo.toml"))?;
        // A target folder that several projects share (CARGO_TARGET_DIR) has a workspace for each.
        let name = if target.starts_with(&project.root) {
            "native".to_owned()
        } else {
            format!("native-{}", short_hash(&project::show(&project.root)))
        };
        let root = target.join("nbexport").join(name);
        Ok(Self { lock_of: root.join("lock-of"), root })
    }

    /// The folder that everything is built in. Its own, or each run would wait for an editor's cargo to finish.
    pub(super) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// The crate's copy without its broken modules.
    pub(super) fn crate_copy(&self) -> PathBuf {
        self.root.join("crate")
    }

    /// Writes the workspace, with these packages as its members.
    pub(super) fn write(&self, project: &Project, packages: &[Package]) -> Result<()> {
        self.files(project, packages).map_err(|error| {
            Diagnostic::error(format!("cannot write to `{}`: {error}", project::show(&self.root)))
                .help("see that there is room, and that the folder may be written")
        })
    }

    fn files(&self, project: &Project, packages: &[Package]) -> std::io::Result<()> {
        keep(&self.root.join("Cargo.toml"), &self.manifest(&project.profile, packages))?;
        keep(&self.root.join("runtime/Cargo.toml"), &package_manifest("nbexport_native", Table::new()))?;
        for (file, text) in RUNTIME {
            keep(&self.root.join("runtime/src").join(file), text)?;
        }
        for package in packages {
            let folder = self.root.join(&package.name);
            keep(&folder.join("Cargo.toml"), &package_manifest(&package.name, dependencies(package)))?;
            for (file, text) in &package.programs {
                keep(&folder.join("src").join(file), text)?;
            }
            remove_others(&folder.join("src/bin"), &package.programs)?;
        }
        self.copy_lock(project)
    }

    fn manifest(&self, asked: &Table, packages: &[Package]) -> String {
        let mut members = vec!["\"runtime\"".to_owned()];
        members.extend(packages.iter().map(|package| format!("{:?}", package.name)));
        let copy = project::show(&self.crate_copy());
        let uses_copy =
            |package: &Package| package.dependencies.values().any(|it| it.path().as_ref() == Some(&copy));
        if packages.iter().any(uses_copy) {
            members.push("\"crate\"".to_owned());
        }
        let mut text = format!(
            "# Generated by nbexport.\n[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n\
             [profile.dev]\n{}\n[profile.dev.package.\"*\"]\ndebug = false\n\n\
             [profile.dev.build-override]\nopt-level = 0\n",
            members.join(", "),
            profile(asked)
        );
        for package in packages {
            // Whatever the dependencies are cut into: most of it are the generic functions of these, for one processor to
            // optimize beside another, and for code of a cell to be inlined in all the same.
            let _ = writeln!(text, "\n[profile.dev.package.{}]\ncodegen-units = 16", package.name);
            let usual = (!asked.contains_key("opt-level")).then_some(package.usual_level);
            if let Some(level) = package.opt_level.as_deref().or(usual) {
                let _ = writeln!(text, "opt-level = {level}");
            }
        }
        text
    }

    /// The versions are the project's. Cargo adds what only notebooks ask for, and that stays until the project's
    /// own lock file changes.
    fn copy_lock(&self, project: &Project) -> std::io::Result<()> {
        let lock =
            project.krate.ancestors().map(|folder| folder.join("Cargo.lock")).find(|lock| lock.is_file());
        let Some(text) = lock.map(fs::read_to_string).transpose()? else { return Ok(()) };
        let own = self.root.join("Cargo.lock");
        let hash = short_hash(&text);
        if !own.is_file() || fs::read_to_string(&self.lock_of).ok().as_ref() != Some(&hash) {
            keep(&own, &text)?;
            keep(&self.lock_of, &hash)?;
        }
        Ok(())
    }
}

/// How everything is compiled: fast where it computes, and with the checks that a notebook has in the kernel. What the
/// project asks for comes first.
fn profile(asked: &Table) -> Table {
    let mut profile = Table::new();
    profile.insert("opt-level", value(3));
    profile.insert("debug", value("line-tables-only"));
    profile.insert("overflow-checks", value(true));
    profile.insert("debug-assertions", value(true));
    profile.insert("incremental", value(false));
    for (key, asked) in asked.iter().filter_map(|(key, item)| Some((key, item.as_value()?))) {
        profile.insert(key, value(asked.clone().decorated(" ", "")));
    }
    profile
}

fn dependencies(package: &Package) -> Table {
    let mut table = Table::new();
    let mut runtime = InlineTable::new();
    runtime.insert("path", Value::from("../runtime"));
    table.insert("nbexport_native", value(runtime));
    for (name, dependency) in &package.dependencies {
        table.insert(name, Item::Value(dependency.value()));
    }
    if package.is_async && !package.dependencies.contains_key("tokio") {
        table.insert("tokio", Item::Value(TOKIO.parse().expect("it is TOML")));
    }
    table
}

/// The Cargo.toml of a package of ours.
pub(crate) fn package_manifest(name: &str, dependencies: Table) -> String {
    let mut document = DocumentMut::new();
    let mut package = Table::new();
    package.insert("name", value(name));
    package.insert("version", value("0.0.0"));
    package.insert("edition", value("2024"));
    package.insert("publish", value(false));
    document.insert("package", Item::Table(package));
    document.insert("dependencies", Item::Table(dependencies));
    format!("# Generated by nbexport.\n{document}")
}

/// Gives a file a text; nothing is touched when it has it.
pub(super) fn keep(path: &Path, text: &str) -> std::io::Result<()> {
    files::keep(path, text.as_bytes())
}

/// Removes the programs of a package that are not wanted any more.
fn remove_others(folder: &Path, wanted: &[(String, String)]) -> std::io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if !wanted.iter().any(|(file, _)| path.ends_with(file)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The target folder of a package.
fn target_directory(manifest: &Path) -> Result<PathBuf> {
    let mut command = Command::new(cargo());
    command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(manifest);
    let output = command.output().map_err(|error| {
        Diagnostic::error(format!("cannot run cargo: {error}"))
            .help("install Rust from https://rustup.rs, or put `cargo` on PATH")
    })?;
    let metadata: Option<serde_json::Value> = serde_json::from_slice(&output.stdout).ok();
    let target = metadata.and_then(|it| it.get("target_directory")?.as_str().map(PathBuf::from));
    target.ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        Diagnostic::error("`cargo metadata` failed").note(said.trim().to_owned())
    })
}

/// The cargo to use: the one that runs us, if one does.
pub(crate) fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
