//! The commands: each turns arguments into one call of the library and prints what came of it.

mod archive;
mod both;
pub(crate) mod cargo;
pub(crate) mod clean;
pub(crate) mod completions;
pub(crate) mod diff;
#[cfg_attr(not(feature = "docs"), path = "docs_left_out.rs")]
pub(crate) mod docs;
pub(crate) mod export;
pub(crate) mod fmt;
mod folder;
pub(crate) mod hooks;
mod junit;
#[cfg_attr(not(feature = "kernel"), path = "kernel_left_out.rs")]
pub(crate) mod kernel;
#[cfg_attr(not(feature = "lsp"), path = "lsp_left_out.rs")]
pub(crate) mod lsp;
pub(crate) mod merge;
pub(crate) mod migrate;
pub(crate) mod new;
pub(crate) mod prepare;
pub(crate) mod readme;
mod report;
pub(crate) mod run;
#[cfg(feature = "kernel")]
#[cfg_attr(not(feature = "server"), path = "server_left_out.rs")]
mod server;
pub(crate) mod student;
pub(crate) mod sync;
pub(crate) mod test;
pub(crate) mod watch;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::CommandFactory;
use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::files::{Lock, Original};
use nbexport::notebook::Notebook;
use nbexport::project::{self, Project};

use crate::cli::{Cli, Global};
use crate::printer::Printer;

/// What a command ended with, as the process says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// All well.
    Success,
    /// It found something: a stale module, a wrong cell, a conflict.
    Found,
    /// It could not do its work.
    Failed,
    /// It ran a program, which ended with this exit status.
    Ended(u8),
}

/// What every command works with.
pub(crate) struct Context {
    /// The project, loaded once.
    pub project: Project,
    /// The notebooks named on the command line; `None` for all of the project.
    pub notebooks: Option<Vec<PathBuf>>,
    /// Where it prints.
    pub printer: Printer,
    wrote_notebooks: Cell<bool>,
}

impl Context {
    /// Finds the project of the paths given, and the notebooks they stand for.
    pub(crate) fn new(paths: &[PathBuf], global: &Global) -> Result<Self> {
        let start = paths.first().map_or(Path::new("."), PathBuf::as_path);
        Self::of(paths, global, || Project::discover(start, global.krate.as_deref()))
    }

    /// The same for a command that needs no crate: notebooks of no project will do.
    pub(crate) fn of_notebooks(paths: &[PathBuf], global: &Global) -> Result<Self> {
        Self::of(paths, global, || Project::of_notebooks(paths))
    }

    fn of(paths: &[PathBuf], global: &Global, project: impl FnOnce() -> Result<Project>) -> Result<Self> {
        let printer = Printer::new(global);
        if let Some(missing) = paths.iter().find(|path| !path.exists() && !path.is_symlink()) {
            return Err(missing_path(missing));
        }
        let project = project()?;
        let (mut notebooks, mut is_all) = (Vec::new(), paths.is_empty());
        for path in paths {
            let absolute =
                std::path::absolute(path).map_or_else(|_| path.clone(), |path| project::normalize(&path));
            if !absolute.starts_with(&project.root) {
                return Err(Diagnostic::error(format!(
                    "`{}` is outside of the project",
                    project::show(path)
                ))
                .note(format!("the project is `{}`, found from the first path", project::show(&project.root)))
                .help("export the notebooks of one project at a time"));
            }
            // Who names the folder means the project.
            is_all |= absolute == project.notebooks;
            if absolute.is_dir() {
                let name = project::show(path);
                let below = project::notebooks_below(&absolute)
                    .map_err(|error| Diagnostic::error(format!("cannot list `{name}`: {error}")))?;
                if below.is_empty() {
                    return Err(Diagnostic::error(format!(
                        "`{name}` is a folder, and there is no notebook in it"
                    ))
                    .help("name a notebook, or a folder of them"));
                }
                notebooks.extend(below);
            } else {
                notebooks.push(absolute);
            }
        }
        notebooks.sort();
        notebooks.dedup();
        let notebooks = (!is_all).then_some(notebooks);
        Ok(Self { project, notebooks, printer, wrote_notebooks: Cell::new(false) })
    }

    /// The notebooks named, or all of the project.
    pub(crate) fn notebooks_or_all(&self) -> Result<Vec<PathBuf>> {
        self.notebooks.clone().map_or_else(|| self.project.notebook_paths(), Ok)
    }

    /// Gives `each` one notebook after the other; one that cannot be read is told, and does not hold up the others.
    pub(crate) fn each_notebook(
        &self,
        mut each: impl FnMut(&Path, Notebook) -> Result<Status>,
    ) -> Result<Status> {
        let mut status = Status::Success;
        for path in self.notebooks_or_all()? {
            let done = Notebook::read(&path, &self.project.name_of(&path))
                .and_then(|notebook| each(&path, notebook));
            status = status.max(done.unwrap_or_else(|diagnostic| self.tell(&diagnostic)));
        }
        self.tell_to_reload();
        Ok(status)
    }

    /// Says, once notebooks were written, what that means for an editor.
    pub(crate) fn tell_to_reload(&self) {
        if self.wrote_notebooks.get() {
            tell_to_reload(self.printer);
        }
    }

    /// Tells what went wrong with one notebook of several, and gives what that comes to.
    pub(crate) fn tell(&self, diagnostic: &Diagnostic) -> Status {
        self.printer.error(diagnostic);
        if diagnostic.is_finding { Status::Found } else { Status::Failed }
    }

    /// Has every other nbexport wait that would write to the project, from before a notebook is read until it is written.
    pub(crate) fn lock(&self) -> Result<Lock> {
        Lock::of(&self.project)
    }

    /// Gives a notebook a new text.
    pub(crate) fn write(&self, lock: &Lock, path: &Path, notebook: &Notebook, text: String) -> Result<()> {
        let change = Original::of(notebook, path).in_project(&self.project, text)?;
        lock.commit(change.as_slice())?;
        self.wrote_notebooks.set(true);
        Ok(())
    }
}

/// JupyterLab says nothing when an open notebook changes on disk, and its next save would put the old one back.
pub(crate) fn tell_to_reload(printer: Printer) {
    // `prepare` is several commands; once is enough.
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        printer.info("a notebook that is open in an editor must be reloaded there before it is saved");
    }
}

/// A number of things: `1 cell`, `2 cells`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn missing_path(path: &Path) -> Diagnostic {
    let name = project::show(path);
    let diagnostic = Diagnostic::error(format!("there is no file `{name}`"));
    let commands = Cli::command();
    let nearest = commands
        .get_subcommands()
        .map(|command| (strsim::jaro_winkler(command.get_name(), &name), command.get_name()))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, command)) => diagnostic.help(format!("did you mean the command `nbexport {command}`?")),
        None if path.extension().is_none() => diagnostic.help("`nbexport --help` lists the commands"),
        None => diagnostic.help("see that the path is right, seen from the working directory"),
    }
}
