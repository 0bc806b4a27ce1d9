//! A notebook that was built, and its run: program and cells → verdicts and outputs.

use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::subject::{self, Subject};
use super::warm::Record;
use super::workspace::Workspace;
use super::{Entry, judge, outputs, rounds, run};
use crate::diagnostic::Diagnostic;
use crate::notebook::cell::Code;
use crate::notebook::scope;
use crate::places::Places;
use crate::run::outputs::Keep;
use crate::run::verdict::{CellReport, NotebookReport, Verdict};
use crate::run::{Options, Outcome, Progress};

/// A notebook that has a program: what running and judging it takes, free of syntax trees, which stay on one thread.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Runnable {
    /// The notebook's name.
    pub(super) name: String,
    /// The name of its package.
    pub(super) package: String,
    /// Where it runs: the notebook's folder.
    pub(super) folder: PathBuf,
    /// None, if cells that do not compile left nothing to run.
    pub(super) executable: Option<PathBuf>,
    cells: Vec<RunnableCell>,
}

/// What is known of a cell before it runs.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct RunnableCell {
    verdict: Option<Verdict>,
    kind: outputs::Kind,
    report: CellReport,
}

impl Runnable {
    pub(super) fn of(subject: &Subject<'_>, executable: Option<PathBuf>) -> Self {
        let cells = subject.verdicts.iter().enumerate().map(|(index, verdict)| RunnableCell {
            verdict: verdict.clone(),
            kind: outputs::Kind::of(&subject.plan.expects[index]),
            report: subject.plan.report(index, Verdict::NotReached, Duration::ZERO),
        });
        Self {
            name: subject.plan.parsed.notebook.name.clone(),
            package: subject.package.clone(),
            folder: subject.path.parent().unwrap_or(Path::new(".")).to_owned(),
            executable,
            cells: cells.collect(),
        }
    }

    /// What the last run of its program found; where outputs are wanted, no record will do.
    pub(super) fn record(&self, workspace: &Workspace, entry: &Entry, options: &Options) -> Option<Record> {
        let (program, notebook) = (self.executable.as_ref()?, entry.notebook.as_ref().ok()?);
        (options.keep == Keep::Nothing).then(|| Record::of(workspace, &self.package, notebook, program))?
    }

    /// The report of a program that need not run: all that would run has passed.
    pub(super) fn unchanged(&self) -> NotebookReport {
        let cells = self.cells.iter().map(|RunnableCell { verdict, report, .. }| {
            let verdict = verdict.clone().unwrap_or(Verdict::Passed);
            CellReport { verdict, ..report.clone() }
        });
        let (name, cells) = (self.name.clone(), cells.collect());
        NotebookReport { name, cells, stale: Vec::new(), unchanged: true, time: Duration::ZERO }
    }

    /// Says that a variable is of a type which a later cell defines again, as the program tells it: the places among the
    /// code cells of the one that defines it again and of the one before, the type, and the name that is the reason.
    fn outlived(&self, variable: &str, about: &str) -> Diagnostic {
        let mut words = about.split(' ');
        let mut place = || words.next().and_then(|word| word.parse::<usize>().ok()).unwrap_or_default();
        let cells = [place(), place()].map(|index| &self.cells[index].report.source);
        let (changed, reason) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let declares = |cell: &&RunnableCell| {
            Code::parse(&cell.report.source)
                .is_ok_and(|code| scope::variables(&code).iter().any(|(name, _)| name == variable))
        };
        let source = self.cells.iter().rfind(declares).map_or(cells[1], |cell| &cell.report.source);
        let span = Code::parse(source).map_or(0..0, |code| subject::place_of(&code, variable));
        subject::outlived(source, span, variable, cells, changed, reason)
    }

    /// Runs its program and says what became of its cells.
    pub(super) fn run(
        &self,
        options: &Options,
        places: &RwLock<Places>,
        progress: &(dyn Fn(Progress<'_>) + Sync),
    ) -> Outcome {
        let start = Instant::now();
        let name = &self.name;
        let how = run::How { folder: &self.folder, timeout: options.timeout };
        let began = |cell| progress(Progress::Cell(name, cell));
        let ran = self.executable.as_ref().map(|executable| run::run(executable, &how, &began));
        let ran = match ran.transpose() {
            Ok(ran) => ran,
            Err(error) => {
                let message = format!("cannot run the program of `{name}`: {error}");
                return Outcome::Unable(Diagnostic::error(message));
            }
        };
        if let Some(run::End::Outlived(variable, about)) = ran.as_ref().map(|ran| &ran.end) {
            return Outcome::Unable(self.outlived(variable, about));
        }
        let places = &*rounds::read(places);
        let mut cells = Vec::new();
        let mut outputs = outputs::Outputs::new(places);
        for RunnableCell { verdict, kind, report } in &self.cells {
            let run = ran.as_ref().and_then(|ran| ran.cells.iter().find(|run| run.number == report.number));
            let verdict = match (verdict, run, &ran) {
                (Some(verdict), ..) => verdict.clone(),
                (None, Some(run), Some(ran)) => {
                    judge::verdict(name, &report.source, run, ran, places, options.timeout)
                }
                (None, ..) => Verdict::NotReached,
            };
            let time = run.map_or(Duration::ZERO, |run| run.time);
            let kept = outputs.cell(*kind, &verdict, run, ran.as_ref().map(|ran| &ran.end));
            cells.push(CellReport { verdict, time, ran: kept, ..report.clone() });
        }
        Outcome::Ran(NotebookReport {
            name: name.clone(),
            cells,
            stale: Vec::new(),
            unchanged: false,
            time: start.elapsed(),
        })
    }
}
