//! The notebooks' folder, watched even when it is replaced by another one of the same name, as `git checkout` does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::project::Project;
use notify_debouncer_mini::notify::{self, RecommendedWatcher, RecursiveMode};
use notify_debouncer_mini::{DebounceEventResult, Debouncer, new_debouncer};

/// A save is several events (write, rename, attributes); this long after the first one they are told together.
const QUIET: Duration = Duration::from_millis(20);

/// What changed.
pub(super) enum Changed {
    /// Files below the folder, or folders.
    Paths(BTreeSet<PathBuf>),
    /// The folder is another one.
    Everything,
}

/// The notebooks' folder.
pub(super) struct Folder {
    path: PathBuf,
    debouncer: Debouncer<RecommendedWatcher>,
    events: Receiver<DebounceEventResult>,
}

impl Folder {
    /// Begins to watch the folder, and those above it up to the project's root: they tell when it is replaced.
    pub(super) fn watch(project: &Project) -> Result<Self> {
        let failed = |error: notify::Error| Diagnostic::error(format!("cannot watch the notebooks: {error}"));
        let (sender, events) = channel();
        let mut debouncer = new_debouncer(QUIET, sender).map_err(failed)?;
        let path = project.notebooks.clone();
        for above in path.ancestors().skip(1) {
            // Not to see the folder replaced is less than not to see it.
            let _ = debouncer.watcher().watch(above, RecursiveMode::NonRecursive);
            if above == project.root || !above.starts_with(&project.root) {
                break;
            }
        }
        debouncer.watcher().watch(&path, RecursiveMode::Recursive).map_err(failed)?;
        Ok(Self { path, debouncer, events })
    }

    /// Waits for a change; `None` when there is no watcher any more.
    pub(super) fn next(&mut self) -> Option<Changed> {
        loop {
            // An error tells that events were lost.
            let Ok(events) = self.events.recv().ok()? else { return Some(Changed::Everything) };
            let paths: BTreeSet<PathBuf> = events.into_iter().map(|event| event.path).collect();
            if paths.iter().any(|path| self.path.starts_with(path)) {
                if self.is_watched_again() {
                    return Some(Changed::Everything);
                }
                continue;
            }
            let below: BTreeSet<PathBuf> = paths.into_iter().filter(|path| self.is_below(path)).collect();
            if !below.is_empty() {
                return Some(Changed::Paths(below));
            }
        }
    }

    /// Watches the folder of this name, if there is one: it may be another than the one that was watched.
    fn is_watched_again(&mut self) -> bool {
        let watcher = self.debouncer.watcher();
        let _ = watcher.unwatch(&self.path);
        watcher.watch(&self.path, RecursiveMode::Recursive).is_ok()
    }

    fn is_below(&self, path: &Path) -> bool {
        path.starts_with(&self.path)
    }
}
