//! What is expected of a cell, and what became of it: the words both engines speak.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Source};
use crate::notebook::Cell;
use crate::notebook::directive::{Directives, Kind};
use crate::run::outputs::Ran;

/// What a cell is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Run to its end.
    Success,
    /// Compile, and stop with a panic or an error (`should_panic`, the tag `raises-exception`).
    Panic,
    /// Not compile (`compile_fail`).
    CompileError,
    /// Compile; it is not run (`no_run`).
    Compiles,
    /// Nothing: it is left out, for the reason given.
    Skip(Arc<str>),
}

impl Expect {
    /// What the directives and tags of a cell ask for.
    pub(crate) fn of(cell: &Cell, directives: &Directives) -> Self {
        let ignored_test = |kind: &Kind| matches!(kind, Kind::Test { ignore: true, .. }).then_some(());
        if directives.is_eval_false() {
            Self::Skip("eval: false".into())
        } else if directives.has(&Kind::Ignore) {
            Self::Skip("ignore".into())
        } else if directives.find(ignored_test).is_some() {
            Self::Skip("an ignored test".into())
        } else if directives.has(&Kind::CompileFail) {
            Self::CompileError
        } else if directives.has(&Kind::NoRun) {
            Self::Compiles
        } else if directives.has(&Kind::ShouldPanic) || cell.has_tag("raises-exception") {
            Self::Panic
        } else {
            Self::Success
        }
    }
}

/// What became of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Verdict {
    /// It did what is expected of it.
    Passed,
    /// It was left out on request, for this reason.
    Skipped(Arc<str>),
    /// It did not.
    Failed(Box<Failure>),
    /// An earlier cell failed, and it was not tried.
    NotReached,
}

/// In which way a cell failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// It panicked, or a `?` returned an error.
    Stopped,
    /// It does not compile.
    NotCompiled,
    /// The process that it ran in ended.
    ProcessEnded,
    /// It took too long.
    TimedOut,
    /// It ran to its end, or compiled, and was expected not to.
    Unexpected,
    /// How it ended cannot be told.
    Unknown,
}

/// How a cell failed, for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// In which way.
    pub kind: FailureKind,
    /// What, and where in the cell.
    pub diagnostic: Diagnostic,
    /// What the cell printed to stdout and stderr, panics and backtraces left out.
    pub printed: String,
}

/// One code cell of a notebook that was run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CellReport {
    /// Its place among all cells, from 1.
    pub number: usize,
    /// Its text, under the name messages call it by.
    pub source: Arc<Source>,
    /// What became of it.
    pub verdict: Verdict,
    /// How long it took, compilation included.
    pub time: Duration,
    /// What it put out, if it ran.
    #[serde(skip)]
    pub ran: Option<Ran>,
    /// The `#[test]` functions in it, which neither engine runs.
    pub tests_not_run: Vec<String>,
}

/// A notebook that was run.
#[derive(Clone, Debug)]
pub struct NotebookReport {
    /// Its name: the path below the project's root.
    pub name: String,
    /// Its code cells, in order.
    pub cells: Vec<CellReport>,
    /// Where the outputs in the notebook are not what its cells put out, if that was asked.
    pub stale: Vec<Diagnostic>,
    /// Whether it did not run, since its program is the one whose cells all passed the last time.
    pub unchanged: bool,
    /// How long it took, the start of the kernel or the build included.
    pub time: Duration,
}

impl NotebookReport {
    /// How many cells passed.
    pub fn passed(&self) -> usize {
        self.count(|verdict| *verdict == Verdict::Passed)
    }

    /// How many cells were left out on request.
    pub fn skipped(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Skipped(_)))
    }

    /// How many cells failed.
    pub fn failed(&self) -> usize {
        self.failures().count()
    }

    /// How many cells were not tried, since an earlier one failed.
    pub fn not_reached(&self) -> usize {
        self.count(|verdict| *verdict == Verdict::NotReached)
    }

    /// The cells that failed, with how.
    pub fn failures(&self) -> impl Iterator<Item = (&CellReport, &Failure)> {
        self.cells.iter().filter_map(|cell| match &cell.verdict {
            Verdict::Failed(failure) => Some((cell, &**failure)),
            _ => None,
        })
    }

    fn count(&self, what: impl Fn(&Verdict) -> bool) -> usize {
        self.cells.iter().filter(|cell| what(&cell.verdict)).count()
    }
}
