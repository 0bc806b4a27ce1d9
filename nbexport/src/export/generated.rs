//! The files of the crate that nbexport wrote.

use std::fs;
use std::path::{Path, PathBuf};

use crate::export::module;
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

/// Whether the crate holds a file that was exported from one of these notebooks.
pub fn has_files_of(project: &Project, notebooks: &[&str]) -> bool {
    generated_files(project, |_| true)
        .iter()
        .any(|(_, text)| module::generated_from(text).is_some_and(|notebook| notebooks.contains(&notebook)))
}
