//! The files of the crate that nbexport wrote.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Result};
use crate::export::{lib_rs, module};
use crate::files;
use crate::project::Project;

/// The `wanted` files of the crate that nbexport wrote, with their texts, sorted by path.
pub(crate) fn generated_files(project: &Project, wanted: impl Fn(&Path) -> bool) -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    for folder in ["src", "src/bin", "benches"] {
        let entries = fs::read_dir(project.krate.join(folder)).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        found.retain(|path| path.extension().is_some_and(|extension| extension == "rs") && wanted(path));
        found.sort();
        paths.append(&mut found);
    }
    let texts = paths.into_iter().filter_map(|path| Some((files::read_text(&path).ok()?, path)));
    texts
        .filter(|(text, _)| module::generated_from(text).is_some())
        .map(|(text, path)| (path, text))
        .collect()
}

/// Sees that a compiler would not wait for a file of the crate for ever: a pipe in the place of `lib.rs`, or of a module
/// that this declares.
///
/// # Errors
/// One of them is there, and cannot be read.
pub(crate) fn must_be_readable(project: &Project) -> Result<()> {
    let text_of = |below: &str| {
        let path = project.krate.join(below);
        match files::read_text(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let name = project.name_of(&path);
                Err(Diagnostic::error(format!("cannot read `{name}`, which cargo is to compile: {error}"))
                    .help("put a file in its place"))
            }
            text => Ok(text.unwrap_or_default()),
        }
    };
    let lib = text_of("src/lib.rs")?;
    let modules = lib_rs::declared_modules(&lib).into_iter().map(|module| format!("src/{module}.rs"));
    modules
        .filter(|below| !project.krate.join(below).is_file())
        .try_for_each(|below| text_of(&below).map(drop))
}

/// Whether the crate holds a file that was exported from one of these notebooks.
pub fn has_files_of(project: &Project, notebooks: &[&str]) -> bool {
    generated_files(project, |_| true)
        .iter()
        .any(|(_, text)| module::generated_from(text).is_some_and(|notebook| notebooks.contains(&notebook)))
}
