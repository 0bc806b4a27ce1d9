//! The notebooks' folder, watched even when it is replaced by another one of the same name, as `git checkout` does.
//!
//! That a file was opened is an event, too: whoever reads the notebooks after each event would never come to an end. So
//! what is told is what differs from when it was last told.

use std::collections::{BTreeSet, HashMap};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime};

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::project::Project;
use notify_debouncer_mini::notify::{self, RecommendedWatcher, RecursiveMode};
use notify_debouncer_mini::{DebounceEventResult, Debouncer, new_debouncer};

/// A save is several events (write, rename, attributes); this long after the first one they are told together.
const QUIET: Duration = Duration::from_millis(20);

/// What changed.
pub(super) enum Changed {
    /// Files below the folder, or below another that is watched, or folders.
    Paths(BTreeSet<PathBuf>),
    /// The folder is another one.
    Everything,
}

/// By what it shows that a file was written to, and that a folder is another one: what is in a folder has events of its own.
type Stamp = (Option<SystemTime>, u64);

/// The notebooks' folder.
pub(super) struct Folder {
    path: PathBuf,
    also: Vec<PathBuf>,
    stamps: HashMap<PathBuf, Option<Stamp>>,
    debouncer: Debouncer<RecommendedWatcher>,
    events: Receiver<DebounceEventResult>,
}

impl Folder {
    /// Begins to watch the folder, and those above it up to the project's root: they tell when it is replaced. `also` are
    /// other folders, where they are there.
    pub(super) fn watch(project: &Project, also: &[PathBuf]) -> Result<Self> {
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
        let also: Vec<_> = also.iter().filter(|folder| folder.is_dir()).cloned().collect();
        for folder in &also {
            debouncer.watcher().watch(folder, RecursiveMode::Recursive).map_err(failed)?;
        }
        let mut folder = Self { path, also, stamps: HashMap::new(), debouncer, events };
        folder.look();
        Ok(folder)
    }

    /// Waits for a change; `None` when there is no watcher any more.
    pub(super) fn next(&mut self) -> Option<Changed> {
        loop {
            // An error tells that events were lost.
            let Ok(events) = self.events.recv().ok()? else { return Some(Changed::Everything) };
            let paths = events.into_iter().map(|event| event.path).filter(|path| self.is_news(path));
            let paths: BTreeSet<PathBuf> = paths.collect();
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
        let is_watched = watcher.watch(&self.path, RecursiveMode::Recursive).is_ok();
        self.look();
        is_watched
    }

    /// Takes down how all that is watched looks now.
    fn look(&mut self) {
        let mut paths: Vec<PathBuf> = self.path.ancestors().map(Path::to_owned).collect();
        paths.extend(self.also.iter().cloned());
        while let Some(path) = paths.pop() {
            let is_watched = path == self.path || self.is_below(&path);
            if is_watched && let Ok(entries) = std::fs::read_dir(&path) {
                paths.extend(entries.flatten().map(|entry| entry.path()));
            }
            self.is_news(&path);
        }
    }

    /// Whether something looks other than when this was last asked.
    fn is_news(&mut self, path: &Path) -> bool {
        let stamp = |it: Metadata| {
            if it.is_dir() {
                // Not every file system knows when something was made.
                (it.created().or_else(|_| it.modified()).ok(), 0)
            } else {
                (it.modified().ok(), it.len())
            }
        };
        let stamp = path.symlink_metadata().ok().map(stamp);
        self.stamps.insert(path.to_owned(), stamp) != Some(stamp)
    }

    fn is_below(&self, path: &Path) -> bool {
        path.starts_with(&self.path) || self.also.iter().any(|folder| path.starts_with(folder))
    }
}
