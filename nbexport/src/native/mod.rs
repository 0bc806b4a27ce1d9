//! The native engine: notebooks → one cargo program each, built together, run, and a verdict on every cell.
//!
//! It is the quick one: a cell costs no rustc of its own, dependencies are compiled once for all notebooks, and what
//! is unchanged is not built again. Where a program would mean something else than the kernel, it says so and gives
//! no verdict.

mod broken;
mod build;
mod check;
mod judge;
mod program;
mod run;
mod subject;
mod workspace;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;

use self::build::{Build, Built};
pub use self::check::{Finding, check};
use self::program::Line;
use self::subject::{Subject, needs_kernel, not_compiled};
use self::workspace::Workspace;
pub(crate) use self::workspace::cargo;
use crate::diagnostic::{Diagnostic, Source};
use crate::export;
use crate::module::Module;
use crate::notebook::{Cell, Notebook};
use crate::parsed::ParsedNotebook;
use crate::places::Places;
use crate::project::Project;
use crate::verdict::{CellReport, NotebookReport, Verdict};

/// How to test.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How many notebooks run side by side.
    pub jobs: usize,
    /// How long one cell may take.
    pub timeout: Option<Duration>,
    /// Whether notebooks are still begun after one has failed.
    pub keep_going: bool,
    /// Which notebooks and cells.
    pub select: Select,
}

/// A choice of notebooks and cells; all of them by default.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// A part of the notebook's name.
    pub notebook: Option<String>,
    /// A cell's number or id. The cells before it run too, since it may need them; those after it do not.
    pub cell: Option<String>,
}

impl Select {
    /// Reads `NOTEBOOK`, `NOTEBOOK:CELL` or `:CELL`.
    pub fn parse(text: &str) -> Self {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (notebook, cell) = text.rsplit_once(':').unwrap_or((text, ""));
        Self { notebook: some(notebook), cell: some(cell.trim_start_matches("cell ")) }
    }

    fn notebook(&self, name: &str) -> bool {
        self.notebook.as_ref().is_none_or(|part| name.contains(part))
    }

    fn cell(&self, cell: &Cell) -> bool {
        self.cell.as_ref().is_none_or(|wanted| cell.id == *wanted || cell.number.to_string() == *wanted)
    }
}

/// What came of a notebook.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It ran.
    Ran(NotebookReport),
    /// It cannot be run, or not natively.
    Unable(Box<Diagnostic>),
    /// It was not begun, since another one failed.
    NotBegun,
}

impl Outcome {
    /// Whether it is anything but well.
    pub fn is_bad(&self) -> bool {
        match self {
            Self::Ran(report) => report.failed() > 0,
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

/// Runs the notebooks `paths` of a project. What came of each comes back in their order.
///
/// # Errors
/// Nothing can be built at all: there is no cargo, the disk is full.
pub fn test(
    project: &Project,
    paths: &[PathBuf],
    options: &Options,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Vec<(String, Outcome)>, Box<Diagnostic>> {
    let workspace = Workspace::of(project)?;
    let notebooks = read(project, paths, &options.select);
    let (mut subjects, mut outcomes) = (BTreeMap::new(), BTreeMap::new());
    for (index, entry) in notebooks.iter().enumerate() {
        let subject = match &entry.notebook {
            Ok(notebook) => {
                let (parsed, _) = ParsedNotebook::new(notebook);
                Subject::new(entry.path.clone(), parsed, &options.select)
            }
            Err(diagnostic) => Err(diagnostic.clone()),
        };
        match subject {
            Ok(mut subject) => {
                subject.write();
                subject.notes.iter().filter(|_| entry.wanted).for_each(|note| progress(Progress::Note(note)));
                subjects.insert(index, subject);
            }
            Err(diagnostic) if entry.wanted => {
                let outcome = Outcome::Unable(diagnostic);
                progress(Progress::Done(&entry.name, &outcome));
                outcomes.insert(index, outcome);
            }
            // It is none of this run's business.
            Err(_) => {}
        }
    }
    let mut places = crate_places(project, &notebooks);
    let ready = build_all(project, &workspace, &mut subjects, &notebooks, &mut places, progress)?;
    let mut runs = Vec::new();
    for (index, ready) in ready {
        match ready {
            Ok(executable) => runs.push((index, Runnable::of(&subjects[&index], executable))),
            Err(diagnostic) => {
                let outcome = Outcome::Unable(diagnostic);
                progress(Progress::Done(&notebooks[index].name, &outcome));
                outcomes.insert(index, outcome);
            }
        }
    }
    let stopped = AtomicBool::new(!options.keep_going && outcomes.values().any(Outcome::is_bad));
    let results = side_by_side(&runs, options.jobs, |(index, runnable)| {
        let outcome = if stopped.load(Ordering::Relaxed) {
            Outcome::NotBegun
        } else {
            run_one(runnable, options, &places, progress)
        };
        if outcome.is_bad() && !options.keep_going {
            stopped.store(true, Ordering::Relaxed);
        }
        progress(Progress::Done(&runnable.name, &outcome));
        (*index, outcome)
    });
    outcomes.extend(results);
    Ok(outcomes.into_iter().map(|(index, outcome)| (notebooks[index].name.clone(), outcome)).collect())
}

/// A notebook's file.
struct Entry {
    path: PathBuf,
    name: String,
    notebook: Result<Notebook, Box<Diagnostic>>,
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
        let has_cell = || notebook.as_ref().is_ok_and(|it| it.cells.iter().any(|cell| select.cell(cell)));
        let wanted = paths.contains(&path) && select.notebook(&name) && (select.cell.is_none() || has_cell());
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
    for notebook in notebooks.iter().filter_map(|entry| entry.notebook.as_ref().ok()) {
        add_modules(&mut places, project, notebook, &export::modules(notebook).0);
    }
    places
}

/// Adds the modules of a notebook, under the paths by which cargo calls them.
fn add_modules(places: &mut Places, project: &Project, notebook: &Notebook, modules: &[Module]) {
    let name = PathBuf::from(project.name_of(&project.krate));
    for module in modules {
        let Ok(on_disk) = std::fs::read_to_string(project.krate.join(&module.path)) else { continue };
        let below = Path::new("");
        places.add_module(&[&project.krate, &name, below], notebook, module, &on_disk);
    }
}

type Ready = BTreeMap<usize, Result<Option<PathBuf>, Box<Diagnostic>>>;

/// Builds until every wanted notebook has a program of the cells that compile: at most three times more after the
/// first.
fn build_all(
    project: &Project,
    workspace: &Workspace,
    subjects: &mut BTreeMap<usize, Subject<'_>>,
    entries: &[Entry],
    places: &mut Places,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Ready, Box<Diagnostic>> {
    let mut ready = Ready::new();
    let crate_name = export::crate_name(project)?;
    let mut pending: Vec<usize> = subjects.keys().copied().filter(|index| entries[*index].wanted).collect();
    for round in 0..4 {
        if pending.is_empty() {
            break;
        }
        let mut built = build_some(project, workspace, subjects, &pending, progress)?;
        let broken =
            built.values().find_map(|build| broken::first_broken(build, &crate_name, entries, places));
        if let Some(first) = broken.filter(|_| round == 0) {
            let locked_in: Vec<usize> = pending.iter().copied().filter(|index| *index <= first).collect();
            if !locked_in.is_empty() {
                let warning = broken::use_copy(project, workspace, subjects, entries, first)?;
                progress(Progress::Warning(&warning));
                built.extend(build_some(project, workspace, subjects, &locked_in, progress)?);
            }
        }
        for index in std::mem::take(&mut pending) {
            let Some(subject) = subjects.get_mut(&index) else { continue };
            let file = format!("{}/src/main.rs", subject.package);
            places.add(&file, subject.parsed.notebook, subject.program.map.clone());
            match take_errors(subject, &built[&index], places, round) {
                Ok(Some(executable)) => {
                    ready.insert(index, Ok(executable));
                }
                Ok(None) => {
                    subject.write();
                    pending.push(index);
                }
                Err(diagnostic) => {
                    ready.insert(index, Err(diagnostic));
                }
            }
        }
    }
    // Cells that still do not compile have been named; what is left of the notebook does not run.
    ready.extend(pending.into_iter().map(|index| (index, Ok(None))));
    Ok(ready)
}

/// Builds the pending notebooks, all at once; one by one if a `:dep` of one keeps cargo from building any.
fn build_some(
    project: &Project,
    workspace: &Workspace,
    subjects: &BTreeMap<usize, Subject<'_>>,
    pending: &[usize],
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<BTreeMap<usize, Build>, Box<Diagnostic>> {
    let build = |members: &[usize], wanted: &[usize]| {
        let packages: Vec<_> = members.iter().map(|index| subjects[index].package()).collect();
        workspace.write(project, &packages)?;
        let wanted = || wanted.iter().map(|index| &subjects[index]);
        let names: Vec<&str> = wanted().map(|subject| subject.package.as_str()).collect();
        let env: Vec<_> = wanted().flat_map(|subject| subject.build_env.clone()).collect();
        let how = build::How {
            command: "build",
            env: &env,
            offline: wanted().any(|subject| subject.offline),
            arguments: &[],
        };
        build::build(workspace, &names, &how, &|line| progress(Progress::Building(line)))
    };
    let all: Vec<usize> = subjects.keys().copied().collect();
    let together = build(&all, pending)?;
    if together.began || all.len() == 1 {
        return Ok(pending.iter().map(|index| (*index, together.clone())).collect());
    }
    pending.iter().map(|index| Ok((*index, build(&[*index], &[*index])?))).collect()
}

/// Deals the errors of a build out to cells. With none the program comes back; `None` asks for another build.
fn take_errors(
    subject: &mut Subject<'_>,
    build: &Build,
    places: &Places,
    round: usize,
) -> Result<Option<Option<PathBuf>>, Box<Diagnostic>> {
    let nothing = Built::default();
    let built = build.packages.get(&subject.package).unwrap_or(&nothing);
    let main = built
        .messages
        .iter()
        .filter(|(target, message)| *target == subject.package && build::is_error(message));
    let mut by_cell: BTreeMap<usize, Vec<Diagnostic>> = BTreeMap::new();
    let mut unplaced = Vec::new();
    let mut unresolved = BTreeMap::new();
    for (_, message) in main {
        match judge::culprit(message, &subject.program, places, &subject.package) {
            Some((Line::Probe(number), _)) => {
                let index = subject.index_of(number).unwrap_or_default();
                let code = subject.parsed.cells[index].code.as_ref().expect("a cell of the program parses");
                let glob = crate::scope::imports(code).into_iter().find(|import| import.name.is_none());
                let span = glob.map_or(0..0, |glob| glob.span);
                let said = message["message"].as_str().unwrap_or_default();
                let name = said.split('`').nth(1).unwrap_or("a name");
                let why = format!("this would hide the variable `{name}` of an earlier cell");
                return Err(Box::new(needs_kernel(code, span, &why)));
            }
            Some((line @ (Line::Cell(number) | Line::Show(number) | Line::For(number)), diagnostic)) => {
                let index = subject.index_of(number).unwrap_or_default();
                let code = subject.parsed.cells[index].code.as_ref().ok();
                let closing = code.and_then(|code| Some((code, program::closing(code)?)));
                let diagnostic =
                    match closing.filter(|_| matches!(line, Line::Show(_)) && diagnostic.primary.is_none()) {
                        Some((code, span)) => judge::unshown(message).at(code.source(), span, ""),
                        None => diagnostic,
                    };
                *unresolved.entry(number).or_insert(true) &= judge::is_unresolved(message);
                by_cell.entry(number).or_default().push(diagnostic);
            }
            Some((Line::Frame, _)) | None => unplaced.push(message),
        }
    }
    if let Some(executable) = built.executables.get(&subject.package).filter(|_| by_cell.is_empty()) {
        judge::expected_failures(subject, built);
        return Ok(Some(Some(executable.clone())));
    }
    if by_cell.is_empty() {
        return Err(Box::new(judge::no_program(build, &unplaced, places)));
    }
    let missing = subject.missing_names();
    for (number, diagnostics) in by_cell {
        let Some(index) = subject.index_of(number) else { continue };
        let text = subject.parsed.cells[index].cell.text();
        let depends = round > 0
            && unresolved[&number]
            && text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| missing.contains(word));
        // What it needs was in a cell that does not compile: that is where the fault is.
        let verdict = if depends { Verdict::NotReached } else { not_compiled(judge::joined(diagnostics)) };
        subject.verdicts[index] = Some(verdict);
    }
    Ok(None)
}

/// A notebook that has a program: what running and judging it takes, free of syntax trees, which stay on one thread.
struct Runnable {
    name: String,
    folder: PathBuf,
    env: Vec<(String, String)>,
    /// None, if cells that do not compile left nothing to run.
    executable: Option<PathBuf>,
    cells: Vec<RunnableCell>,
}

struct RunnableCell {
    source: Arc<Source>,
    number: usize,
    verdict: Option<Verdict>,
    tests_not_run: Vec<String>,
}

impl Runnable {
    fn of(subject: &Subject<'_>, executable: Option<PathBuf>) -> Self {
        let cells = subject.parsed.cells.iter().zip(&subject.verdicts).map(|(cell, verdict)| RunnableCell {
            source: Arc::clone(cell.source()),
            number: cell.cell.number,
            verdict: verdict.clone(),
            tests_not_run: cell.code.as_ref().map(tests_in).unwrap_or_default(),
        });
        Self {
            name: subject.parsed.notebook.name.clone(),
            folder: subject.path.parent().unwrap_or(Path::new(".")).to_owned(),
            env: subject.env.clone(),
            executable,
            cells: cells.collect(),
        }
    }
}

/// Runs a notebook's program and says what became of its cells.
fn run_one(
    notebook: &Runnable,
    options: &Options,
    places: &Places,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Outcome {
    let start = Instant::now();
    let name = &notebook.name;
    let how = run::How { folder: &notebook.folder, env: &notebook.env, timeout: options.timeout };
    let began = |cell| progress(Progress::Cell(name, cell));
    let ran = notebook.executable.as_ref().map(|executable| run::run(executable, &how, &began));
    let ran = match ran.transpose() {
        Ok(ran) => ran,
        Err(error) => {
            let message = format!("cannot run the program of `{name}`: {error}");
            return Outcome::Unable(Box::new(Diagnostic::error(message)));
        }
    };
    let mut cells = Vec::new();
    for cell in &notebook.cells {
        let run = ran.as_ref().and_then(|ran| ran.cells.iter().find(|run| run.number == cell.number));
        let verdict = match (&cell.verdict, run, &ran) {
            (Some(verdict), ..) => verdict.clone(),
            (None, Some(run), Some(ran)) => {
                judge::verdict(name, &cell.source, run, ran, places, options.timeout)
            }
            (None, ..) => Verdict::NotReached,
        };
        cells.push(CellReport {
            number: cell.number,
            source: Arc::clone(&cell.source),
            verdict,
            time: run.map_or(Duration::ZERO, |run| run.time),
            tests_not_run: cell.tests_not_run.clone(),
        });
    }
    Outcome::Ran(NotebookReport { name: name.clone(), cells, time: start.elapsed() })
}

/// The `#[test]` functions of a cell: an ordinary program runs none.
fn tests_in(code: &crate::cell::Code) -> Vec<String> {
    use syn::visit::Visit;
    struct Tests(Vec<String>);
    impl<'ast> Visit<'ast> for Tests {
        fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
            if item.attrs.iter().any(|attribute| attribute.path().is_ident("test")) {
                self.0.push(item.sig.ident.to_string());
            }
            syn::visit::visit_item_fn(self, item);
        }
    }
    let mut tests = Tests(Vec::new());
    code.stmts.iter().for_each(|stmt| tests.visit_stmt(stmt));
    tests.0
}

/// Gives `work` each of `all`, on at most `jobs` threads, and returns what it made of them, in their order.
fn side_by_side<T: Sync, R: Send + Sync>(all: &[T], jobs: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Vec<_> = all.iter().map(|_| OnceLock::new()).collect();
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, all.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = all.get(index) else { break };
                    let _ = results[index].set(work(item));
                }
            });
        }
    });
    results.into_iter().filter_map(OnceLock::into_inner).collect()
}

/// The primary span of a compiler's message.
fn primary(message: &Value) -> Option<&Value> {
    let spans = message["spans"].as_array()?;
    spans.iter().find(|span| span["is_primary"] == true).or_else(|| spans.first())
}
