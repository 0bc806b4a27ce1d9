//! `nbexport diff`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::git;
use nbexport::git::diff::{NotebookDiff, readable};
use nbexport::git::merge::EMPTY;
use nbexport::notebook::Notebook;
use nbexport::project::show;
use similar::TextDiff;

use super::Status;
use crate::cli::{Color, DiffArgs, Format, Global};
use crate::printer::Printer;

/// Compares, and prints what differs.
pub(crate) fn run(args: &DiffArgs, global: &Global) -> Result<Status> {
    if args.textconv {
        return textconv(&args.paths);
    }
    if args.git_driver {
        return driver(&args.paths, global);
    }
    let (old, new) = match args.paths.as_slice() {
        [] => return all(args, global),
        [new] => (at_head(new)?, read(new)?),
        [old, new] => (read(old)?, read(new)?),
        _ => {
            return Err(Diagnostic::error(format!("{} notebooks cannot be compared", args.paths.len()))
                .help("name two versions of one notebook, or one notebook to compare it with git's HEAD"));
        }
    };
    Ok(print(&old, &new, args, Printer::new(global)))
}

fn print(old: &Notebook, new: &Notebook, args: &DiffArgs, printer: Printer) -> Status {
    let diff = NotebookDiff::of(old, new);
    match args.format {
        Format::Text | Format::Github => printer.diff(&diff.render(&old.name, &new.name)),
        Format::Json => Printer::json_line(&diff.json(&new.name)),
    }
    if diff.is_same() { Status::Success } else { Status::Found }
}

/// Every notebook of the work tree that is not as it was committed last, as `git diff HEAD` takes them. One that
/// cannot be read is told, and does not hold up the others.
fn all(args: &DiffArgs, global: &Global) -> Result<Status> {
    let printer = Printer::new(global);
    let top = git::top_level(Path::new("."))?;
    let mut status = Status::Success;
    for path in git::changed_notebooks(&top)? {
        let name = show(&path);
        let old = git::committed(&top, &path)?.unwrap_or_else(|| EMPTY.to_owned());
        let new = match fs::symlink_metadata(top.join(&path)) {
            Ok(_) => Notebook::read(&top.join(&path), &name),
            Err(_) => Notebook::parse(&name, EMPTY.to_owned()),
        };
        status =
            status.max(match Notebook::parse(&format!("HEAD:{name}"), old).and_then(|old| Ok((old, new?))) {
                Ok((old, new)) => print(&old, &new, args, printer),
                Err(diagnostic) => {
                    printer.error(&diagnostic);
                    Status::Failed
                }
            });
    }
    Ok(status)
}

fn read(path: &Path) -> Result<Notebook> {
    Notebook::read(path, &show(path))
}

/// The notebook as it was committed last; one that never was is compared with an empty one.
fn at_head(path: &Path) -> Result<Notebook> {
    let folder = path.parent().unwrap_or(Path::new("."));
    git::top_level(folder)?;
    let text = git::version(path, "HEAD")?.unwrap_or_else(|| EMPTY.to_owned());
    Notebook::parse(&format!("HEAD:{}", show(path)), text)
}

/// Called by git: `path old-file old-hex old-mode new-file new-hex new-mode`, and the new path and what git says of it
/// when the file was renamed. Git shows whatever is printed, and takes any other exit status than 0 for a failure.
fn driver(arguments: &[PathBuf], global: &Global) -> Result<Status> {
    let mut global = global.clone();
    // Git's pager shows colors, though stdout is no terminal then.
    if global.color == Color::Auto
        && std::env::var_os("GIT_PAGER_IN_USE").is_some()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    {
        global.color = Color::Always;
    }
    let printer = Printer::new(&global);
    let (path, old, new) = match arguments {
        [path] => {
            printer.diff(&format!("* unmerged: {}", show(path)));
            return Ok(Status::Success);
        }
        [path, old, _, _, new, ..] => (path, old, new),
        _ => {
            return Err(Diagnostic::error("git calls this with 1 or 7 arguments, and these are others")
                .help("to compare two notebooks: `nbexport diff OLD NEW`"));
        }
    };
    let renamed = arguments.get(7).unwrap_or(path);
    let names = [format!("a/{}", show(path)), format!("b/{}", show(renamed))];
    let texts = [text(old)?, text(new)?];
    printer.diff(&format!("diff --nbexport {} {}", names[0], names[1]));
    let [old, new] = [0, 1].map(|side| {
        let text = if texts[side].is_empty() { EMPTY.to_owned() } else { texts[side].clone() };
        Notebook::parse(&names[side], text)
    });
    match (old, new) {
        (Ok(old), Ok(new)) => printer.diff(&NotebookDiff::of(&old, &new).render(&names[0], &names[1])),
        // A conflict in the JSON, a notebook of an old format: git's own way of showing it.
        _ => printer.diff(
            &TextDiff::from_lines(&texts[0], &texts[1])
                .unified_diff()
                .header(&names[0], &names[1])
                .to_string(),
        ),
    }
    Ok(Status::Success)
}

/// What git compares in place of a notebook's JSON; what is no notebook stays as it is.
fn textconv(paths: &[PathBuf]) -> Result<Status> {
    for path in paths {
        let text = text(path)?;
        match Notebook::parse(&show(path), text.clone()) {
            Ok(notebook) => Printer::text(&readable(&notebook)),
            Err(_) => Printer::text(&text),
        }
    }
    Ok(Status::Success)
}

/// The text of a file that git names; none for `/dev/null`.
fn text(path: &Path) -> Result<String> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Diagnostic::error(format!("cannot read `{}`: {error}", show(path)))),
    }
}
