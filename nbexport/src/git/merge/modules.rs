//! Two versions of a generated module that come from a third → one, for git's merge driver.
//!
//! A module holds nothing that its notebook has not, unless somebody typed into it. Where nobody did, its two versions
//! are merged as if their markers had no hashes, and the hashes are made anew: two people who edit different lines of
//! one cell, or neighbouring cells, get no conflict that the notebook has not. Where that fails too, our version is
//! kept without a conflict marker in it, and the merge reported as one to be looked at: nbexport writes the module anew
//! once the notebook is merged. A version with hand edits is merged by git as any other text.

use std::io::{self, Write as _};
use std::path::Path;

use crate::diagnostic::{Diagnostic, Result};
use crate::export::module;
use crate::files;
use crate::git::{self, MergedText};

/// What came of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Both sides are in it.
    Clean(String),
    /// Ours, since the two are in conflict; it is for nbexport to write it anew.
    Ours(String),
    /// As git merges text.
    AsText(MergedText),
}

/// Merges `base`, `ours` and `theirs`, in this order: the versions of the module `name`.
///
/// # Errors
/// There is no git, or the files are no text.
pub fn merge(name: &str, paths: [&Path; 3], marker_size: usize, labels: [&str; 2]) -> Result<Merged> {
    let texts = paths.map(|path| files::read_text(path).ok());
    if let [Some(base), Some(ours), Some(theirs)] = &texts
        && [ours, theirs].into_iter().all(|text| is_as_written(text))
        && [base, ours, theirs].into_iter().all(|text| module::hashed(&module::unhashed(text)) == *text)
    {
        let bare = [base, ours, theirs].map(|text| module::unhashed(text));
        let merged = merge_texts(name, &bare, labels)?;
        let hashed = module::hashed(&merged.text);
        return Ok(if !merged.is_conflicted && is_as_written(&hashed) {
            Merged::Clean(hashed)
        } else {
            Merged::Ours(ours.clone())
        });
    }
    git::merge_as_text(name, paths, marker_size, labels).map(Merged::AsText)
}

/// Whether nbexport wrote all of a module.
fn is_as_written(text: &str) -> bool {
    module::generated_from(text).is_some() && module::edited_regions(text, "").is_empty()
}

fn merge_texts(name: &str, texts: &[String; 3], labels: [&str; 2]) -> Result<MergedText> {
    let failed = |error: io::Error| Diagnostic::error(format!("cannot write a temporary file: {error}"));
    let folder = tempfile::Builder::new().prefix("nbexport-").tempdir().map_err(failed)?;
    let paths = ["base", "ours", "theirs"].map(|name| folder.path().join(name));
    for (path, text) in paths.iter().zip(texts) {
        files::scratch(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)?;
    }
    let [base, ours, theirs] = &paths;
    git::merge_as_text(name, [base, ours, theirs], 7, labels)
}
