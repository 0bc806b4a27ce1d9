//! `nbexport merge`, by hand and as git's merge driver.

use std::fs;
use std::path::{Path, PathBuf};

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::files::{Lock, Original};
use nbexport::git;
use nbexport::git::merge::modules::{self, Merged};
use nbexport::git::merge::{self, Conflict, EMPTY, Options, What};
use nbexport::notebook::Notebook;
use nbexport::project::show;

use super::{Status, tell_to_reload};
use crate::cli::{Global, MergeArgs};
use crate::printer::Printer;

/// Merges, writes the result, and names each conflict.
pub(crate) fn run(args: &MergeArgs, global: &Global) -> Result<Status> {
    let printer = Printer::new(global);
    let name = show(args.path.as_deref().or(args.out.as_deref()).unwrap_or(&args.ours));
    let options = Options {
        marker_size: args.marker_size,
        ours: label(&args.ours_label, "ours"),
        theirs: label(&args.theirs_label, "theirs"),
    };
    // What is to be replaced is held against what was read, so it is read first.
    let target = args.out.as_ref().map(|path| Original::read(path, name.clone())).transpose();
    let target = Target(target?);
    // Git's names for the three are those of temporary files.
    let called = |path: &Path| if args.path.is_some() { name.clone() } else { show(path) };
    let read = |path: &Path, is_base: bool| read(path, &called(path), is_base);
    if Path::new(&name).extension().is_some_and(|extension| extension == "rs") {
        return merge_modules(args, target, &name, &options, printer);
    }
    let merged = read(&args.base, true).and_then(|base| {
        let (ours, theirs) = (read(&args.ours, false)?, read(&args.theirs, false)?);
        merge::merge(&base, &ours, &theirs, &options)
    });
    match merged {
        Ok(merged) => {
            // As git's driver it is git that changes the file.
            let is_written = target.write(merged.text.clone())? && args.path.is_none();
            let result = Notebook::parse(&name, merged.text)?;
            for conflict in &merged.conflicts {
                printer.error(&explain(conflict, &result, &options));
            }
            if is_written {
                tell_to_reload(printer);
            }
            Ok(if merged.conflicts.is_empty() { Status::Success } else { Status::Found })
        }
        Err(why) => {
            printer.error(&why);
            // Nothing of either side may get lost, so git merges the lines as it would without nbexport.
            let labels = [options.ours.as_str(), &options.theirs];
            let merged = git::merge_as_text(&name, versions(args), options.marker_size, labels)?;
            target.write(merged.text)?;
            printer.error(
                &Diagnostic::warning(format!("`{name}` was merged as text, not cell by cell"))
                    .help("mend the file in a text editor until it is a notebook again, then `git add` it"),
            );
            Ok(Status::Found)
        }
    }
}

fn versions(args: &MergeArgs) -> [&Path; 3] {
    [&args.base, &args.ours, &args.theirs].map(PathBuf::as_path)
}

/// Git hands over the modules of the crate, too.
fn merge_modules(
    args: &MergeArgs,
    target: Target,
    name: &str,
    options: &Options,
    printer: Printer,
) -> Result<Status> {
    let labels = [options.ours.as_str(), &options.theirs];
    match modules::merge(name, versions(args), options.marker_size, labels)? {
        Merged::Clean(text) => target.write(text).map(|_| Status::Success),
        Merged::Ours(text) => {
            target.write(text)?;
            printer.error(
                &Diagnostic::warning(format!("`{name}` is as in {} for now", options.ours))
                    .note("both sides exported other text to one place of it, and nobody typed into it")
                    .help(format!(
                        "once its notebook is merged, `nbexport` writes it anew; then `git add {name}`"
                    )),
            );
            Ok(Status::Found)
        }
        Merged::AsText(merged) => {
            target.write(merged.text)?;
            Ok(if merged.is_conflicted { Status::Found } else { Status::Success })
        }
    }
}

/// Older versions of git leave `%X` as it is.
fn label(given: &str, otherwise: &str) -> String {
    if given.is_empty() || given.starts_with('%') { otherwise.to_owned() } else { given.to_owned() }
}

/// Reads one version; git gives an empty file for the ancestor of two files that have none.
fn read(path: &Path, name: &str, is_base: bool) -> Result<Notebook> {
    if is_base && fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0) {
        return Notebook::parse(name, EMPTY.to_owned());
    }
    Notebook::read(path, name)
}

/// Where the result goes: a file as it was before the merge, or stdout.
struct Target(Option<Original>);

impl Target {
    /// Gives whether a file that was there has another text now.
    fn write(self, text: String) -> Result<bool> {
        let Some(original) = self.0 else {
            Printer::bytes(text.as_bytes());
            return Ok(false);
        };
        let lock = Lock::beside(&original.path);
        let change = original.as_named(text)?;
        lock.commit(change.as_slice())?;
        Ok(change.is_some_and(|change| change.before.is_some()))
    }
}

/// A conflict at its place in the merged notebook.
fn explain(conflict: &Conflict, merged: &Notebook, options: &Options) -> Diagnostic {
    let cell = merged.cells.iter().find(|cell| Some(cell.number) == conflict.cell);
    let (message, help) = match &conflict.what {
        What::Source => ("both sides changed the same lines of this cell".to_owned(), SOLVE),
        What::Deleted => ("one side deleted this cell and the other changed it".to_owned(), SOLVE),
        What::Value { path, ours, .. } => (
            format!(
                "both sides changed `{path}`; it is kept as in {}",
                if ours.is_some() { &options.ours } else { &options.theirs }
            ),
            "look at it in Jupyter's property inspector, then `git add` the notebook",
        ),
    };
    let mut diagnostic = Diagnostic::error(message).help(help);
    if let What::Value { ours, theirs, .. } = &conflict.what {
        diagnostic = diagnostic.note(match (ours, theirs) {
            (Some(_), Some(theirs)) => format!("in {} it is {theirs}", options.theirs),
            (Some(_), None) => format!("{} has it no more", options.theirs),
            (None, _) => format!("{} has it no more", options.ours),
        });
    }
    match cell {
        None => diagnostic.note(format!("in the metadata of `{}`", merged.name)),
        Some(cell) => {
            let marker = format!("{} ", "<".repeat(options.marker_size));
            let start = cell.text().find(&marker).unwrap_or(0);
            let end = start + cell.text()[start..].lines().next().map_or(0, str::len);
            diagnostic.at(&cell.source, start..end, "")
        }
    }
}

const SOLVE: &str = "open the notebook, keep one side and delete the marker lines, then `git add` it";
