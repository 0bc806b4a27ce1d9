//! `nbexport test --archive` and `--from-archive`: notebooks built here, judged elsewhere.

use std::path::{Path, PathBuf};

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::git;
use nbexport::project::{normalize, relative, show};
use nbexport::run::native::archive::{self, Archive};
use nbexport::run::outputs::Keep;
use nbexport::run::timings::Timings;
use nbexport::run::{Options, Select};

use super::report::Reporter;
use super::test::{listen_for_interrupts, options_of_run};
use super::{Context, Status, count, junit};
use crate::cli::{Format, Global, TestArgs};
use crate::printer::Printer;

/// Builds the notebooks and writes the archive.
pub(super) fn build(
    args: &TestArgs,
    to: &Path,
    context: &Context,
    notebooks: &[PathBuf],
    options: &Options,
) -> Result<Status> {
    let root = &context.project.root;
    // Without a repository, all that is not hidden goes in.
    let mut files = git::files_below(root);
    for path in &args.archive_include {
        let found = included(path, root)?;
        if let Some(files) = &mut files {
            files.extend(found);
        }
    }
    let reporter = Reporter::new(context.printer, args.format, notebooks.len());
    let built = archive::build(&context.project, notebooks, files, to, options, &|it| reporter.tell(&it))?;
    let _ = reporter.finish(&[], None);
    if args.format != Format::Json {
        let (notebooks, programs) = (count(built.notebooks, "notebook"), count(built.programs, "program"));
        let (files, size) = (count(built.files, "file"), built.bytes.div_ceil(1000));
        context.printer.info(&format!("{}: {notebooks}, {programs}, {files}, {size} kB", show(to)));
    }
    Ok(Status::Success)
}

/// The files at a path, seen from the project's root.
fn included(path: &Path, root: &Path) -> Result<Vec<PathBuf>> {
    let failed = |why: &dyn std::fmt::Display| {
        Diagnostic::error(format!("cannot archive `{}`: {why}", show(path)))
            .help("name a file or folder below the folder of the project's Cargo.toml")
    };
    let absolute = normalize(&std::path::absolute(path).map_err(|error| failed(&error))?);
    if !absolute.starts_with(root) {
        return Err(failed(&"it is not in the project"));
    }
    let (mut found, mut paths) = (Vec::new(), vec![absolute]);
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            let entries = path.read_dir().map_err(|error| failed(&error))?;
            paths.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
        } else if path.is_file() {
            found.push(relative(&path, root));
        } else {
            return Err(failed(&"there is no such file"));
        }
    }
    Ok(found)
}

/// Runs the notebooks of an archive and prints a line for each.
pub(super) fn judge(args: &TestArgs, from: &Path, global: &Global) -> Result<Status> {
    let select = args.filter.as_deref().map(Select::parse).unwrap_or_default();
    if select.cell.is_some() || !args.how.flags.is_empty() {
        return Err(Diagnostic::error("which cells run was decided when the archive was made").help(
            "give `--flags` and a cell to `nbexport test --archive`; here `--filter` takes a notebook's name",
        ));
    }
    listen_for_interrupts()?;
    let archive = Archive::open(from)?;
    let mut wanted = archive.notebooks();
    let timings = args.timings_file.as_deref().map(Timings::read).transpose()?.unwrap_or_default();
    match args.partition {
        Some(partition) => wanted = partition.of(wanted, &select, &timings),
        None => wanted.retain(|name| select.notebook.as_ref().is_none_or(|part| name.contains(part))),
    }
    if wanted.is_empty() && args.partition.is_none() {
        return Err(Diagnostic::error(format!("no notebook of `{}` is meant", show(from)))
            .help(format!("it holds {}", archive.notebooks().join(", "))));
    }
    let reporter = Reporter::new(Printer::new(global), args.format, wanted.len());
    let options = options_of_run(&args.how, true, Keep::Nothing);
    let outcomes = archive.test(&wanted, &options, &|it| reporter.tell(&it))?;
    if let Some(file) = &args.junit {
        junit::write(file, &outcomes, None)?;
    }
    Ok(reporter.finish(&outcomes, None))
}
