//! `nbexport watch`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::export::{self, Options, Outcome};
use notify::{EventKind, RecursiveMode, Watcher};

use super::{Context, Status};
use crate::cli::{Global, WatchArgs};

/// A save is several events (write, rename, attributes); this long after the last one it is over.
const QUIET: Duration = Duration::from_millis(10);

/// Exports at the start and on every save, until it is interrupted.
pub(crate) fn run(args: &WatchArgs, global: &Global) -> Result<Status> {
    let context = Context::new(&args.paths, global)?;
    let (sender, events) = channel();
    let failed = |error: notify::Error| Diagnostic::error(format!("cannot watch the notebooks: {error}"));
    let mut watcher = notify::recommended_watcher(move |event| {
        // The receiver is gone only when the program ends.
        let _ = sender.send(event);
    })
    .map_err(failed)?;
    watcher.watch(&context.project.notebooks, RecursiveMode::Recursive).map_err(failed)?;

    // What changed before the watcher was there is exported now.
    export_and_tell(&context, None, args);
    context.printer.info(&format!("watching {}", context.project.name_of(&context.project.notebooks)));
    while let Some(changed) = next_save(&events, &context) {
        if !changed.is_empty() {
            export_and_tell(&context, Some(&changed.into_iter().collect::<Vec<_>>()), args);
        }
    }
    Ok(Status::Success)
}

/// Waits for a save, and gives the notebooks it touched; `None` when there is no watcher any more.
fn next_save(
    events: &Receiver<notify::Result<notify::Event>>,
    context: &Context,
) -> Option<BTreeSet<PathBuf>> {
    let mut changed = BTreeSet::new();
    let mut event = events.recv().ok()?;
    loop {
        if let Ok(event) = event
            && !matches!(event.kind, EventKind::Access(_))
        {
            changed.extend(event.paths.into_iter().filter(|path| is_notebook(path, context)));
        }
        event = match events.recv_timeout(QUIET) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return Some(changed),
            Err(RecvTimeoutError::Disconnected) => return None,
        };
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

fn export_and_tell(context: &Context, notebooks: Option<&[PathBuf]>, args: &WatchArgs) {
    let printer = context.printer;
    let start = Instant::now();
    let report = match export::export(&context.project, notebooks, &Options::default()) {
        Ok(report) => report,
        // A broken save is told, and the next one may be whole.
        Err(diagnostic) => return printer.error(&diagnostic),
    };
    let milliseconds = start.elapsed().as_secs_f64() * 1e3;
    printer.diagnostics(&report.diagnostics);
    for outcome in &report.outcomes {
        printer.diagnostics(&outcome.diagnostics);
        if outcome.changed {
            let to: Vec<String> = outcome
                .modules
                .iter()
                .map(|module| context.project.name_of(&context.project.krate.join(&module.path)))
                .collect();
            printer.info(&format!("{} → {} in {milliseconds:.0} ms", outcome.notebook, to.join(", ")));
        }
    }
    if !report.changes.is_empty() && !report.outcomes.iter().any(Outcome::is_bad) {
        follow(context, args);
    }
}

/// Runs what the person wants to follow an export.
fn follow(context: &Context, args: &WatchArgs) {
    let command = match (&args.exec, args.test) {
        (Some(command), _) => command.as_str(),
        (None, true) => "cargo test --quiet",
        (None, false) => return,
    };
    let shell = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let status = Command::new(shell.0).args([shell.1, command]).current_dir(&context.project.root).status();
    match status {
        Ok(status) if status.success() => context.printer.info(&format!("`{command}` passed")),
        Ok(status) => context.printer.info(&format!("`{command}` failed: {status}")),
        Err(error) => context.printer.error(&Diagnostic::error(format!("cannot run `{command}`: {error}"))),
    }
}
