//! The files of a notebook as they are ⇄ as they should be, and whether they may be overwritten.

use super::Options;
use super::cache::{Fingerprint, Seen};
use super::conflict;
use crate::diagnostic::Diagnostic;
use crate::export::module::{self, Module};
use crate::files::{Change, Original};
use crate::git;
use crate::project::Project;

/// How the files of a notebook differ from what they should be.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) changes: Vec<Change>,
    /// What is to be said of them.
    pub(super) notes: Vec<Diagnostic>,
}

/// Why nothing of a notebook is written.
pub(super) struct Refused {
    pub(super) wrong: Vec<Diagnostic>,
    /// A file cannot be read or written, rather than must not.
    pub(super) failed: bool,
}

/// Compares the files of one notebook with these, and notes in `seen` which are as they should be.
pub(super) fn compare(
    project: &Project,
    modules: Vec<Module>,
    options: &Options,
    seen: &mut [Seen],
) -> Result<Compared, Refused> {
    let mut compared = Compared::default();
    let mut wrong = Vec::new();
    let mut failed = false;
    for (module, seen) in modules.into_iter().zip(seen) {
        let path = project.krate.join(&module.path);
        let fingerprint = Fingerprint::of(&path);
        let name = project.name_of(&path);
        match Original::read(path, name).and_then(|original| original.in_crate(project, module.text)) {
            Err(diagnostic) => {
                wrong.push(diagnostic);
                failed = true;
            }
            Ok(None) => seen.is_there(fingerprint),
            Ok(Some(change)) => match hand_edits(&change, options.force) {
                Some(diagnostic) if diagnostic.is_error() => wrong.push(diagnostic),
                note => {
                    compared.notes.extend(note);
                    compared.changes.push(change);
                }
            },
        }
    }
    if wrong.is_empty() { Ok(compared) } else { Err(Refused { wrong, failed }) }
}

/// What somebody typed into a module since the last export is not overwritten. A conflict that git left in it is:
/// what the two sides became, the notebook says.
fn hand_edits(change: &Change, force: bool) -> Option<Diagnostic> {
    let before = change.before.as_deref()?;
    if force {
        return None;
    }
    if before.trim().is_empty() {
        return None;
    }
    if git::is_conflicted(before) && before.contains(module::GENERATED) {
        let typed = conflict::typed_into_conflict(&change.path, before, &change.after);
        return Some(if typed.is_empty() {
            Diagnostic::warning(format!("`{}` held git's conflict markers and is written anew", change.name))
                .note("its notebook has none, and both sides of the conflict were as nbexport wrote them")
                .help(format!("`git add {}` tells git that the conflict is solved", change.name))
        } else {
            Diagnostic::error(format!(
                "`{}` holds git's conflict markers, so it was not overwritten",
                change.name
            ))
            .note(format!("edited by hand, on one of its sides or after the merge: {}", typed.join(", ")))
            .help("bring those edits into the notebook, or drop them: `nbexport export --force`")
        });
    }
    if module::generated_from(before).is_none() {
        return Some(
            Diagnostic::error(format!("`{}` was not written by nbexport, so it was not overwritten", change.name))
                .help("rename that file, give the notebook another module (`//| default_exp NAME`), or say `--force`"),
        );
    }
    let edited = module::edited_regions(before, &change.after);
    if edited.is_empty() {
        return None;
    }
    let cells: Vec<String> = edited
        .iter()
        .map(|region| format!("{} at {}:{}", region.called(), change.name, region.line))
        .collect();
    Some(
        Diagnostic::error(format!(
            "`{}` was edited by hand since the last export, so it was not overwritten",
            change.name
        ))
        .note(format!("edited: {}", cells.join(", ")))
        .help("bring the edits into the notebook (`nbexport sync`), or drop them: `nbexport export --force`"),
    )
}
