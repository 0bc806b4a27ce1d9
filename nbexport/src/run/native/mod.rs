//! The native engine: notebooks → one cargo program each, built together, run, and a verdict on every cell.
//!
//! It is the quick one: a cell costs no rustc of its own, dependencies are compiled once for all notebooks, and what
//! is unchanged is not built again. Where a program would mean something else than the kernel, it says so and gives
//! no verdict.

pub mod archive;
mod broken;
mod build;
mod check;
mod commands;
mod errors;
mod features;
mod hidden;
mod items;
mod judge;
mod keep;
mod later;
mod line;
mod moves;
mod outputs;
mod program;
mod reach;
mod redefine;
mod rounds;
mod run;
mod runnable;
#[cfg(test)]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
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

use serde_json::Value;

pub use self::check::{Finding, check};
use self::runnable::Runnable;
use self::subject::Subject;
use self::warm::Record;
use self::workspace::Workspace;
pub(crate) use self::workspace::cargo;
#[cfg(feature = "lsp")]
pub(crate) use self::workspace::{package_manifest, package_name};
use crate::diagnostic::Result;
use crate::export;
use crate::export::generated::must_be_readable;
use crate::export::module::Module;
use crate::files;
use crate::notebook::Notebook;
use crate::places::Places;
use crate::project::Project;
use crate::run::outputs::finish;
use crate::run::plan::{Plan, is_wanted};
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
    must_be_readable(project)?;
    let notebooks = Notebooks::of(project, paths, &options.select)?;
    let wanted = (0..notebooks.entries.len()).filter(|index| notebooks.entries[*index].wanted);
    let outcomes = run_each(
        wanted,
        options,
        progress,
        |index| &notebooks.entries[index].name,
        |index, runnable: Runnable| {
            let entry = &notebooks.entries[index];
            let record = runnable.record(&notebooks.workspace, entry, options);
            if !options.fresh && record.as_ref().is_some_and(Record::holds) {
                return Outcome::Ran(runnable.unchanged());
            }
            let outcome = runnable.run(options, &notebooks.places, progress);
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
            let mut held = Vec::new();
            notebooks.build(project, options, progress, &mut |index, ready| {
                if options.keep.writes() && ready.is_ok() {
                    held.push((index, ready));
                } else {
                    queue.put(index, ready);
                }
            })?;
            // A compiler beside them would be in the times that cells print.
            for (index, ready) in held {
                queue.put(index, ready);
            }
            Ok(())
        },
    )?;
    let name = |index: usize| notebooks.entries[index].name.clone();
    Ok(outcomes.into_iter().map(|(index, outcome)| (name(index), outcome)).collect())
}

/// The notebooks of a run, and where their programs are built.
struct Notebooks {
    workspace: Workspace,
    entries: Vec<Entry>,
    places: RwLock<Places>,
}

impl Notebooks {
    fn of(project: &Project, paths: &[PathBuf], select: &Select) -> Result<Self> {
        let workspace = Workspace::of(project)?;
        let entries = read(project, paths, select);
        let places = RwLock::new(crate_places(project, &entries));
        Ok(Self { workspace, entries, places })
    }

    /// Builds a program of each that is wanted. `each` gets them as soon as they are built, or why there is none.
    fn build(
        &self,
        project: &Project,
        options: &Options,
        progress: &(dyn Fn(Progress<'_>) + Sync),
        each: &mut dyn FnMut(usize, Result<Runnable>),
    ) -> Result<()> {
        let mut subjects = BTreeMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            let subject = match &entry.notebook {
                Ok(notebook) => Plan::new(notebook, &options.select)
                    .and_then(|plan| Subject::new(entry.path.clone(), plan)),
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
                Err(diagnostic) if entry.wanted => each(index, Err(diagnostic)),
                // It is none of this run's business.
                Err(_) => {}
            }
        }
        let mut ready = |index, subject: &Subject<'_>, program: rounds::Program| {
            each(index, program.map(|program| Runnable::of(subject, program)));
        };
        let Self { workspace, entries, places } = self;
        rounds::build_all(project, workspace, &mut subjects, entries, places, progress, &mut ready)
    }
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

/// The primary span of a compiler's message.
fn primary(message: &Value) -> Option<&Value> {
    let spans = message["spans"].as_array()?;
    spans.iter().find(|span| span["is_primary"] == true).or_else(|| spans.first())
}
