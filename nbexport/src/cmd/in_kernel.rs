//! What `run` and `test --kernel` share: the notebooks of the command line, each in a kernel of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nbexport::diagnostic::Diagnostic;
use nbexport::kernel::{self, KernelOptions, KernelReport, RunOptions, Spec};
use nbexport::notebook::Notebook;
use nbexport::process;

use super::{Context, Status};
use crate::cli::HowToRun;

/// What came of a notebook: it was run, or could not be.
pub(super) type Outcome = Result<(Notebook, KernelReport), Box<Diagnostic>>;

/// Runs the notebooks, `jobs` at a time. `done` hears of each when it is through, in whatever order that is.
pub(super) fn run(
    context: &Context,
    kernel: Option<&str>,
    how: &HowToRun,
    done: impl Fn(&Path, Outcome) -> Status + Sync,
) -> Result<Status, Box<Diagnostic>> {
    let spec = kernel::find(kernel).map_err(|error| told(&error))?;
    let interrupts = process::stop_on_interrupt();
    interrupts.map_err(|error| Diagnostic::error(format!("cannot listen for interrupts: {error}")))?;
    let all = match &context.notebooks {
        Some(named) => named.clone(),
        None => context.project.notebook_paths()?,
    };
    let one = |path: &PathBuf| {
        let outcome = run_one(context, path, &spec, how);
        done(path, outcome)
    };
    Ok(kernel::side_by_side(&all, how.jobs.into(), one).into_iter().max().unwrap_or(Status::Success))
}

fn run_one(context: &Context, path: &Path, spec: &Spec, how: &HowToRun) -> Outcome {
    let name = context.project.name_of(path);
    let notebook = Notebook::read(path, &name)?;
    if let Some(language) = notebook.language().filter(|language| language != "rust") {
        let message = format!("`{name}` is a notebook in another language: {language}");
        return Err(Box::new(Diagnostic::error(message).help("nbexport runs notebooks in Rust")));
    }
    let mut options = KernelOptions::new(spec.clone(), path.parent().unwrap_or(Path::new(".")));
    options.builds = kernel::builds_dir();
    let timeout = (how.timeout > 0).then(|| Duration::from_secs(how.timeout));
    let options = RunOptions { kernel: options, timeout, keep_going: how.no_fail_fast };
    let report = kernel::run(&notebook, &options, |_| ()).map_err(|error| told(&error))?;
    Ok((notebook, report))
}

/// A kernel's error as a diagnostic; its message holds the way out on a line of its own.
fn told(error: &kernel::Error) -> Box<Diagnostic> {
    let text = error.to_string();
    Box::new(match text.split_once("\nhelp: ") {
        Some((message, help)) => Diagnostic::error(message).help(help),
        None => Diagnostic::error(text),
    })
}
