//! What both engines are asked, and what they tell: which notebooks and cells, what is going on, what came of it.
//!
//! [`crate::run::native`] and `kernel` (a feature) are the engines.

#[cfg(feature = "kernel")]
pub mod kernel;
mod left_out;
pub mod native;
pub mod outputs;
pub mod partition;
mod plan;
pub mod process;
pub mod timings;
pub mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Result};
use crate::notebook::Cell;
use crate::parallel::Queue;
use crate::run::outputs::Keep;
use crate::run::verdict::NotebookReport;

/// How to test.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How many notebooks run side by side; one alone runs in their order.
    pub jobs: usize,
    /// How long one cell may take.
    pub timeout: Option<Duration>,
    /// Whether notebooks are still begun after one has failed.
    pub keep_going: bool,
    /// Which notebooks and cells.
    pub select: Select,
    /// Whether a notebook runs, too, of which nothing has changed since all its cells passed.
    pub fresh: bool,
    /// What becomes of outputs.
    pub keep: Keep,
}

/// A choice of notebooks and cells; all of them by default.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// A part of the notebook's name.
    pub notebook: Option<String>,
    /// A cell's number or id. The cells before it run too, since it may need them; those after it do not.
    pub cell: Option<String>,
    /// The flags that are given; without a set, all are. A cell with others (`//| flags: slow`) is left out.
    pub flags: Option<BTreeSet<String>>,
}

impl Select {
    /// Reads `NOTEBOOK`, `NOTEBOOK:CELL` or `:CELL`.
    pub fn parse(text: &str) -> Self {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (notebook, cell) = text.rsplit_once(':').unwrap_or((text, ""));
        Self { notebook: some(notebook), cell: some(cell.trim_start_matches("cell ")), flags: None }
    }

    /// Whether a notebook is meant.
    pub(crate) fn notebook(&self, name: &str) -> bool {
        self.notebook.as_ref().is_none_or(|part| name.contains(part))
    }

    /// The flags among these that are not given.
    pub(crate) fn missing<'a>(&self, flags: &'a [String]) -> Vec<&'a str> {
        let given = |flag: &&str| self.flags.as_ref().is_none_or(|given| given.contains(*flag));
        flags.iter().map(String::as_str).filter(|flag| !given(flag)).collect()
    }

    /// Whether a cell is meant.
    pub(crate) fn cell(&self, cell: &Cell) -> bool {
        self.cell.as_ref().is_none_or(|wanted| cell.id == *wanted || cell.number.to_string() == *wanted)
    }
}

/// What came of a notebook.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It ran.
    Ran(NotebookReport),
    /// It cannot be run, or not natively.
    Unable(Diagnostic),
    /// It was not begun, since another one failed.
    NotBegun,
}

impl Outcome {
    /// Whether it is anything but well.
    pub fn is_bad(&self) -> bool {
        match self {
            Self::Ran(report) => report.failed() > 0 || !report.stale.is_empty(),
            Self::Unable(_) | Self::NotBegun => true,
        }
    }
}

/// What is going on, for whoever watches.
#[derive(Clone, Debug)]
pub enum Progress<'a> {
    /// What cargo says it is at.
    Building(&'a str),
    /// A cell of a notebook begins: the notebook's name and the cell's number.
    Cell(&'a str, usize),
    /// What is worth knowing with `-v`.
    Note(&'a str),
    /// What should be known in any case.
    Warning(&'a Diagnostic),
    /// A notebook is through.
    Done(&'a str, &'a Outcome),
}

/// Runs notebooks side by side, each as soon as `make_ready` has put it into the queue, and tells of each. Unless asked to
/// keep going, none is begun after one has failed, or cannot be made ready.
pub(crate) fn run_each<'a, T: Send>(
    numbers: impl IntoIterator<Item = usize>,
    options: &Options,
    progress: &(dyn Fn(Progress<'_>) + Sync),
    name: impl Fn(usize) -> &'a str + Sync,
    run: impl Fn(usize, T) -> Outcome + Sync,
    make_ready: impl FnOnce(&Queue<Result<T>>) -> Result<()>,
) -> Result<BTreeMap<usize, Outcome>> {
    let queue = Queue::new(numbers, options.jobs == 1);
    let stopped = AtomicBool::new(false);
    let outcomes = Mutex::new(BTreeMap::new());
    let work = |number, ready: Result<T>| {
        let outcome = match ready {
            Err(diagnostic) => Outcome::Unable(diagnostic),
            Ok(_) if stopped.load(Ordering::Relaxed) => Outcome::NotBegun,
            Ok(it) => run(number, it),
        };
        if outcome.is_bad() && !options.keep_going {
            stopped.store(true, Ordering::Relaxed);
        }
        progress(Progress::Done(name(number), &outcome));
        outcomes.lock().unwrap_or_else(PoisonError::into_inner).insert(number, outcome);
    };
    queue.work_off(options.jobs, work, || {
        make_ready(&queue).inspect_err(|_| stopped.store(true, Ordering::Relaxed))
    })?;
    Ok(outcomes.into_inner().unwrap_or_else(PoisonError::into_inner))
}
