//! `nbexport hooks`: git's drivers and the check before a commit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::git;
use nbexport::git::hooks;
use nbexport::project::Project;

use super::Status;
use crate::cli::{CleanArgs, ExportArgs, Format, Global, HooksCommand, InCrate};
use crate::printer::Printer;

/// Installs, takes out, or checks what is staged.
pub(crate) fn run(command: HooksCommand, global: &Global) -> Result<Status> {
    let report = match command {
        HooksCommand::Install => hooks::install(Path::new("."))?,
        HooksCommand::Uninstall => hooks::uninstall(Path::new("."))?,
        HooksCommand::Check => return check(global),
    };
    let printer = Printer::new(global);
    printer.diagnostics(&report.notes);
    for line in &report.done {
        printer.info(line);
    }
    if report.done.is_empty() {
        printer.info("nothing to do");
    }
    Ok(Status::Success)
}

/// What `clean --check` and `--check` say of the staged notebooks, not of those in the work tree: a commit may hold a
/// part of what was edited.
fn check(global: &Global) -> Result<Status> {
    let top = git::top_level(Path::new("."))?;
    let mut notebooks = git::staged(&top)?;
    notebooks.retain(|path| path.extension().is_some_and(|extension| extension == "ipynb"));
    if notebooks.is_empty() {
        return Ok(Status::Success);
    }
    let failed =
        |error: std::io::Error| Diagnostic::error(format!("cannot make a temporary folder: {error}"));
    let folder = tempfile::Builder::new().prefix("nbexport-").tempdir().map_err(failed)?;
    git::check_out_staged(&top, folder.path())?;
    let mut projects: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in notebooks.iter().map(|name| folder.path().join(name)) {
        // A notebook of no project is none of nbexport's business.
        if let Ok(project) = Project::discover(&path, None)
            && path.starts_with(&project.notebooks)
        {
            projects.entry(project.root).or_default().push(path);
        }
    }
    let global = Global { quiet: true, krate: None, ..global.clone() };
    let mut status = Status::Success;
    for paths in projects.into_values() {
        let clean = CleanArgs { paths: paths.clone(), check: true, outputs: false };
        let unclean = super::clean::clean_all(&clean, &Global { quiet: false, ..global.clone() })?;
        if unclean == Status::Found {
            Printer::new(&global).error(
                &Diagnostic::error("staged notebooks hold what changes from run to run")
                    .help("run `nbexport clean`, then `git add` them"),
            );
        }
        let (format, in_crate) = (Format::Text, InCrate::default());
        let export = ExportArgs { paths, check: true, force: false, format, in_crate };
        status = status.max(unclean).max(super::export::run(&export, &global)?);
    }
    Ok(status)
}
