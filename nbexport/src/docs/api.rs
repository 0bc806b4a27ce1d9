//! The crate's documentation by rustdoc, and the names that have a page in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::names::Names;
use super::{Report, kept};
use crate::diagnostic::Diagnostic;
use crate::files;
use crate::project::Project;

/// Has rustdoc document the crate; the folder it wrote comes back.
///
/// In a target folder of its own: the usual one has the documentation of all packages that anybody asked for.
pub(super) fn rustdoc(project: &Project, work: &Path, report: &mut Report) -> Option<PathBuf> {
    let target = work.join("target");
    let mut command = Command::new(crate::run::native::cargo());
    command
        .args(["doc", "--no-deps", "--lib", "--quiet", "--target-dir"])
        .arg(&target)
        .current_dir(&project.krate)
        .env("CARGO_TERM_COLOR", "never");
    let failed = |why: String| {
        Diagnostic::error("rustdoc did not document the crate, so no name has a link").note(why).help(
            "`nbexport cargo doc --no-deps` shows what is wrong at the cells; `--no-api` makes the site without",
        )
    };
    match command.output() {
        Ok(output) if output.status.success() => Some(target.join("doc")),
        Ok(output) => {
            report.diagnostics.push(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
            None
        }
        Err(error) => {
            report.diagnostics.push(failed(format!("cannot run cargo: {error}")));
            None
        }
    }
}

/// The names of the crate, and the crates it depends on with the versions of the lock file.
pub(super) fn names(project: &Project, api: &Path, crate_name: &str) -> Names {
    let names = Names::of(api, crate_name).unwrap_or_default().below("api");
    let read = |path: PathBuf| files::read_text(&path).ok()?.parse::<toml_edit::DocumentMut>().ok();
    let manifest = read(project.krate.join("Cargo.toml"));
    let lock = project.krate.ancestors().map(|folder| folder.join("Cargo.lock")).find(|lock| lock.is_file());
    let (Some(manifest), Some(lock)) = (manifest, lock.and_then(read)) else { return names };
    let direct = ["dependencies", "dev-dependencies"]
        .iter()
        .filter_map(|table| manifest.get(table)?.as_table_like())
        .flat_map(|table| table.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>());
    let packages = lock.get("package").and_then(toml_edit::Item::as_array_of_tables);
    let version = |name: &str| {
        let mut versions = packages?.iter().filter_map(|package| {
            let of = |key: &str| package.get(key)?.as_str();
            // Only what came from the registry has pages there.
            (of("name")? == name && of("source")?.starts_with("registry+")).then(|| of("version"))?
        });
        // Two versions: nobody knows which is meant.
        versions.next().filter(|_| versions.next().is_none()).map(str::to_owned)
    };
    let crates: Vec<_> = direct
        .filter_map(|name| {
            let version = version(&name)?;
            Some((name.replace('-', "_"), format!("https://docs.rs/{name}/{version}/")))
        })
        .collect();
    names.with_crates(crates)
}

/// Of the pages that names lead to.
pub(super) fn digest(api: &Path) -> String {
    let mut parts = Vec::new();
    let mut folders = vec![api.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html") {
                parts.push((path.clone(), files::read(&path).unwrap_or_default()));
            }
        }
    }
    parts.sort();
    kept::digest(
        parts.iter().flat_map(|(path, bytes)| [path.as_os_str().as_encoded_bytes(), bytes.as_slice()]),
    )
}
