//! The native engine: notebooks → one cargo program each, built together, run, and a verdict on every cell.
//!
//! It is the quick one: a cell costs no rustc of its own, dependencies are compiled once for all notebooks, and what
//! is unchanged is not built again. Where a program would mean something else than the kernel, it says so and gives
//! no verdict.

mod broken;
mod build;
mod check;
mod commands;
mod errors;
mod hidden;
mod items;
mod judge;
mod keep;
mod later;
mod line;
mod outputs;
mod program;
mod reach;
mod redefine;
mod rounds;
mod run;
#[cfg(test)]
#[expect(
    dead_code,
    unreachable_pub,
    clippy::unused_self,
    reason = "it is written for the programs, as a crate of its own"
)]
mod runtime;
mod streams;
mod subject;
mod warm;
mod words;
mod workspace;
mod writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::time::{Duration, Instant};

use serde_json::Value;

pub use self::check::{Finding, check};
use self::subject::Subject;
use self::warm::Record;
use self::workspace::Workspace;
pub(crate) use self::workspace::cargo;
#[cfg(feature = "lsp")]
pub(crate) use self::workspace::package_name;
use crate::diagnostic::{Diagnostic, Result};
use crate::export;
use crate::export::module::Module;
use crate::files;
use crate::notebook::cell::Code;
use crate::notebook::{Notebook, scope};
use crate::places::Places;
use crate::project::Project;
use crate::run::outputs::{Keep, finish};
use crate::run::plan::{Plan, is_wanted};
use crate::run::verdict::{CellReport, NotebookReport, Verdict};
use crate::run::{Options, Outcome, Progress, Select, run_each};

/// Runs the notebooks `paths` of a project. What came of each comes back in their order.
///
/// # Errors
/// Nothing can be built at all: there is no cargo, the disk is full.
pub fn test(
    project: &Project,
    paths: &[PathBuf],
    options: &Options,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Vec<(String, Outcome)>> {
    let workspace = Workspace::of(project)?;
    let notebooks = read(project, paths, &options.select);
    let (mut subjects, mut unable) = (BTreeMap::new(), Vec::new());
    for (index, entry) in notebooks.iter().enumerate() {
        let subject = match &entry.notebook {
            Ok(notebook) => {
                Plan::new(notebook, &options.select).and_then(|plan| Subject::new(entry.path.clone(), plan))
            }
            Err(diagnostic) => Err(diagnostic.clone()),
        };
        match subject {
            Ok(mut subject) => {
                subject.write();
                subject
                    .settings
                    .notes
                    .iter()
                    .filter(|_| entry.wanted)
                    .for_each(|note| progress(Progress::Note(note)));
                subjects.insert(index, subject);
            }
            Err(diagnostic) if entry.wanted => unable.push((index, diagnostic)),
            // It is none of this run's business.
            Err(_) => {}
        }
    }
    let places = RwLock::new(crate_places(project, &notebooks));
    let wanted = (0..notebooks.len()).filter(|index| notebooks[*index].wanted);
    let outcomes = run_each(
        wanted,
        options,
        progress,
        |index| &notebooks[index].name,
        |index, runnable: Runnable| {
            let entry = &notebooks[index];
            let record = runnable.record(&workspace, entry, options);
            if !options.fresh && record.as_ref().is_some_and(Record::holds) {
                return Outcome::Ran(runnable.unchanged());
            }
            let outcome = run_one(&runnable, options, &places, progress);
            if let (Some(record), Outcome::Ran(report)) = (record, &outcome) {
                record.keep(report);
            }
            match (outcome, &entry.notebook) {
                (Outcome::Ran(mut report), Ok(notebook)) => {
                    match finish(project, &entry.path, notebook, &mut report, options.keep) {
                        Ok(()) => Outcome::Ran(report),
                        Err(diagnostic) => Outcome::Unable(diagnostic),
                    }
                }
                (outcome, _) => outcome,
            }
        },
        |queue| {
            for (index, diagnostic) in unable {
                queue.put(index, Err(diagnostic));
            }
            let mut held = Vec::new();
            let mut ready = |index, subject: &Subject<'_>, program: rounds::Program| {
                let runnable = program.map(|program| Runnable::of(subject, program));
                if options.keep.writes() {
                    held.push((index, runnable));
                } else {
                    queue.put(index, runnable);
                }
            };
            rounds::build_all(project, &workspace, &mut subjects, &notebooks, &places, progress, &mut ready)?;
            // A compiler beside them would be in the times that cells print.
            for (index, runnable) in held {
                queue.put(index, runnable);
            }
            Ok(())
        },
    )?;
    Ok(outcomes.into_iter().map(|(index, outcome)| (notebooks[index].name.clone(), outcome)).collect())
}

/// A notebook's file.
struct Entry {
    path: PathBuf,
    name: String,
    notebook: Result<Notebook>,
    /// Whether it is to run. The others are read for what they export, and so that the lock file knows what they need.
    wanted: bool,
}

fn read(project: &Project, paths: &[PathBuf], select: &Select) -> Vec<Entry> {
    let mut all = project.notebook_paths().unwrap_or_default();
    all.extend(paths.iter().cloned());
    all.sort();
    all.dedup();
    let entry = |path: PathBuf| {
        let name = project.name_of(&path);
        let notebook = Notebook::read(&path, &name);
        let wanted = paths.contains(&path) && is_wanted(&name, &notebook, select);
        Entry { path, name, notebook, wanted }
    };
    all.into_iter().map(entry).collect()
}

/// Where the lines of the project's generated modules come from.
pub fn places(project: &Project) -> Places {
    crate_places(project, &read(project, &[], &Select::default()))
}

fn crate_places(project: &Project, notebooks: &[Entry]) -> Places {
    let mut places = Places::default();
    let crate_name = export::crate_name(project).unwrap_or_default();
    for notebook in notebooks.iter().filter_map(|entry| entry.notebook.as_ref().ok()) {
        add_modules(&mut places, project, notebook, &export::modules(notebook, &crate_name).0);
    }
    places
}

/// Adds the modules of a notebook, under the paths by which cargo calls them.
fn add_modules(places: &mut Places, project: &Project, notebook: &Notebook, modules: &[Module]) {
    let name = PathBuf::from(project.name_of(&project.krate));
    for module in modules {
        let Ok(on_disk) = files::read_text(&project.krate.join(&module.path)) else { continue };
        let below = Path::new("");
        places.add_module(&[&project.krate, &name, below], notebook, module, &on_disk);
    }
}

/// A notebook that has a program: what running and judging it takes, free of syntax trees, which stay on one thread.
struct Runnable {
    name: String,
    package: String,
    folder: PathBuf,
    /// None, if cells that do not compile left nothing to run.
    executable: Option<PathBuf>,
    cells: Vec<RunnableCell>,
}

/// What is known of a cell before it runs.
struct RunnableCell {
    verdict: Option<Verdict>,
    kind: outputs::Kind,
    report: CellReport,
}

impl Runnable {
    fn of(subject: &Subject<'_>, executable: Option<PathBuf>) -> Self {
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
}

impl Runnable {
    /// What the last run of its program found; where outputs are wanted, no record will do.
    fn record(&self, workspace: &Workspace, entry: &Entry, options: &Options) -> Option<Record> {
        let (program, notebook) = (self.executable.as_ref()?, entry.notebook.as_ref().ok()?);
        (options.keep == Keep::Nothing).then(|| Record::of(workspace, &self.package, notebook, program))?
    }

    /// The report of a program that need not run: all that would run has passed.
    fn unchanged(&self) -> NotebookReport {
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
}

/// Runs a notebook's program and says what became of its cells.
fn run_one(
    notebook: &Runnable,
    options: &Options,
    places: &RwLock<Places>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Outcome {
    let start = Instant::now();
    let name = &notebook.name;
    let how = run::How { folder: &notebook.folder, timeout: options.timeout };
    let began = |cell| progress(Progress::Cell(name, cell));
    let ran = notebook.executable.as_ref().map(|executable| run::run(executable, &how, &began));
    let ran = match ran.transpose() {
        Ok(ran) => ran,
        Err(error) => {
            let message = format!("cannot run the program of `{name}`: {error}");
            return Outcome::Unable(Diagnostic::error(message));
        }
    };
    if let Some(run::End::Outlived(variable, about)) = ran.as_ref().map(|ran| &ran.end) {
        return Outcome::Unable(notebook.outlived(variable, about));
    }
    let places = &*rounds::read(places);
    let mut cells = Vec::new();
    let mut outputs = outputs::Outputs::new(places);
    for RunnableCell { verdict, kind, report } in &notebook.cells {
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

/// The primary span of a compiler's message.
fn primary(message: &Value) -> Option<&Value> {
    let spans = message["spans"].as_array()?;
    spans.iter().find(|span| span["is_primary"] == true).or_else(|| spans.first())
}
