//! `nbexport watch`: exports at the start and on every save, until it is interrupted.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

use nbexport::cargo::{self, Said};
use nbexport::diagnostic::Result;
use nbexport::edit::replaced::Replaced;
use nbexport::export::{self, Options, Outcome, Report};
use nbexport::notebook::{Notebook, short_hash};

use super::folder::{Changed, Folder};
use super::{Context, Status};
use crate::cli::{Global, WatchArgs};

/// Exports at the start and on every save.
pub(crate) fn run(args: &WatchArgs, global: &Global) -> Result<Status> {
    let context = Context::new(&args.paths, global)?;
    let mut folder = Folder::watch(&context.project, &[])?;
    let mut watch = Watch {
        context: &context,
        args,
        replaced: Replaced::default(),
        seen: HashMap::new(),
        tested: HashMap::new(),
    };

    // What changed before the watcher was there is exported now.
    let exported = watch.everything();
    context.printer.info(&format!("watching {}", context.project.name_of(&context.project.notebooks)));
    if exported {
        watch.follow();
    }
    while let Some(changed) = folder.next() {
        let exported = match changed {
            Changed::Everything => watch.everything(),
            Changed::Paths(paths) => watch.some(&paths),
        };
        if exported {
            watch.follow();
        }
    }
    Ok(Status::Success)
}

struct Watch<'a> {
    context: &'a Context,
    args: &'a WatchArgs,
    replaced: Replaced,
    /// The hash of each notebook as it was last looked at: most events are no change.
    seen: HashMap<PathBuf, Option<String>>,
    /// The hash of each generated file as it was when a command last followed.
    tested: HashMap<PathBuf, String>,
}

impl Watch<'_> {
    /// Exports all notebooks that are watched; whether a command is to follow.
    fn everything(&mut self) -> bool {
        let paths = match self.context.notebooks_or_all() {
            Ok(paths) => paths,
            Err(diagnostic) => {
                self.context.printer.error(&diagnostic);
                return false;
            }
        };
        let all: BTreeSet<PathBuf> = paths.into_iter().collect();
        self.some(&all)
    }

    /// Exports those of these notebooks that changed; whether a command is to follow.
    fn some(&mut self, paths: &BTreeSet<PathBuf>) -> bool {
        let paths: BTreeSet<PathBuf> = paths.iter().flat_map(|path| self.notebooks_at(path)).collect();
        let mut changed = BTreeMap::new();
        for path in paths {
            let name = self.context.project.name_of(&path);
            let notebook = Notebook::read(&path, &name).ok();
            // What cannot be read is told by the export, every time.
            let hash = notebook.as_ref().map(|notebook| short_hash(notebook.text()));
            if hash.is_some() && self.seen.insert(path.clone(), hash.clone()) == Some(hash) {
                continue;
            }
            if notebook.as_ref().is_none_or(|notebook| self.may_export(&path, notebook)) {
                changed.insert(path, notebook);
            }
        }
        if changed.is_empty() {
            return false;
        }
        let requested: Vec<PathBuf> = changed.keys().cloned().collect();
        let Some(report) = self.export(&requested) else { return false };
        // One outcome for each notebook, in order.
        for ((path, notebook), outcome) in changed.iter().zip(&report.outcomes) {
            if let Some(notebook) = notebook.as_ref().filter(|_| !outcome.is_bad()) {
                self.replaced.exported(path, notebook, outcome.changed);
            }
        }
        !report.outcomes.iter().any(Outcome::is_bad) && self.has_news(&report)
    }

    /// A notebook, or those below a folder that is new.
    fn notebooks_at(&self, path: &Path) -> Vec<PathBuf> {
        let found = if path.is_dir() {
            nbexport::project::notebooks_below(path).unwrap_or_default()
        } else {
            vec![path.to_owned()]
        };
        found.into_iter().filter(|path| is_notebook(path, self.context)).collect()
    }

    /// Whether a notebook is not one that an editor saved its old text over. Of such a one the module has what is missing,
    /// so it stays until somebody says what is meant.
    fn may_export(&mut self, path: &Path, notebook: &Notebook) -> bool {
        let fallen = self.replaced.fallen_back(&self.context.project, path, notebook);
        if fallen.is_empty() {
            return true;
        }
        self.context.printer.diagnostics(&fallen);
        // The next save is looked at, be it the same.
        self.seen.remove(path);
        false
    }

    fn export(&self, notebooks: &[PathBuf]) -> Option<Report> {
        let printer = self.context.printer;
        let start = Instant::now();
        let report = match export::export(&self.context.project, Some(notebooks), &Options::default()) {
            Ok(report) => report,
            // A broken save is told, and the next one may be whole.
            Err(diagnostic) => {
                printer.error(&diagnostic);
                return None;
            }
        };
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        printer.diagnostics(&report.diagnostics);
        for outcome in &report.outcomes {
            printer.diagnostics(&outcome.diagnostics);
            if outcome.changed {
                let to: Vec<String> = outcome
                    .modules
                    .iter()
                    .map(|module| {
                        self.context.project.name_of(&self.context.project.krate.join(&module.path))
                    })
                    .collect();
                printer.info(&format!("{} → {} in {milliseconds:.0} ms", outcome.notebook, to.join(", ")));
            }
        }
        Some(report)
    }

    /// Whether a command has not seen these files as they are. That nbexport wrote them just now does not tell: after a
    /// sync, they are new and as they should be.
    fn has_news(&mut self, report: &Report) -> bool {
        let mut news = !report.changes.is_empty();
        for module in report.outcomes.iter().flat_map(|outcome| &outcome.modules) {
            let path = self.context.project.krate.join(&module.path);
            let hash = short_hash(&nbexport::files::read_text(&path).unwrap_or_default());
            news |= self.tested.insert(path, hash.clone()) != Some(hash);
        }
        news
    }

    /// Runs what the person wants to follow an export.
    fn follow(&self) {
        let printer = self.context.printer;
        let project = &self.context.project;
        let say = |said| match said {
            Said::Out(line) => printer.passed_on(&line),
            Said::Error(text) => printer.passed_on_error(&text),
            Said::Json(_) => {}
            Said::Diagnostic(diagnostic) => printer.error(&diagnostic),
        };
        let color = printer.colors_errors();
        let (command, status) = match (&self.args.exec, self.args.test) {
            (Some(command), _) => (command.as_str(), cargo::run_shell(project, command, color, &say)),
            (None, true) => {
                let arguments = ["test".to_owned(), "--quiet".to_owned()];
                ("cargo test --quiet", cargo::run(project, &arguments, color, &say))
            }
            (None, false) => return,
        };
        match status {
            Ok(0) => printer.info(&format!("`{command}` passed")),
            Ok(status) => printer.info(&format!("`{command}` failed: exit status {status}")),
            Err(diagnostic) => printer.error(&diagnostic),
        }
    }
}

/// Editors' temporary files and Jupyter's checkpoints begin with a dot, lie below one, or end otherwise.
fn is_notebook(path: &Path, context: &Context) -> bool {
    let hidden =
        |path: &Path| path.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.'));
    let below = path.strip_prefix(&context.project.notebooks).unwrap_or(path);
    let wanted = context.notebooks.as_ref().is_none_or(|notebooks| notebooks.iter().any(|it| it == path));
    wanted
        && path.extension().is_some_and(|extension| extension == "ipynb")
        && !hidden(below)
        && path.is_file()
}
