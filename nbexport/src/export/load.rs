//! The notebooks of a project → what each wants of the crate, on all cores, each text dropped once it is compared.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use super::cache::{Cache, Entry, Fingerprint, Seen};
use super::compare::{self, Compared, Refused};
use super::{Exported, Options, Outcome, modules_of};
use crate::diagnostic::Result;
use crate::export::manifest::{self, Dependency};
use crate::notebook::Notebook;
use crate::notebook::parsed::ParsedNotebook;
use crate::parallel::side_by_side;
use crate::project::Project;

/// A notebook of the project on its way to the crate.
pub(super) struct Loaded {
    pub(super) path: PathBuf,
    pub(super) requested: bool,
    pub(super) outcome: Outcome,
    pub(super) dependencies: Vec<Dependency>,
    /// How its files differ from what they should be, if it is asked for.
    pub(super) compared: Result<Compared, Refused>,
    /// What the next export may go by.
    pub(super) entry: Option<Entry>,
}

/// What all notebooks are loaded by.
pub(super) struct Loading<'a> {
    pub(super) project: &'a Project,
    pub(super) crate_name: &'a str,
    pub(super) options: &'a Options,
    pub(super) cache: &'a Cache,
}

/// Loads the notebooks of the project, and those `requested` if they are elsewhere, in order of their paths.
pub(super) fn load(loading: &Loading<'_>, requested: Option<&[PathBuf]>) -> Result<Vec<Loaded>> {
    let project = loading.project;
    let mut paths: BTreeSet<PathBuf> = if requested.is_none() || project.notebooks.is_dir() {
        project.notebook_paths()?.into_iter().collect()
    } else {
        BTreeSet::new()
    };
    let requested: Option<BTreeSet<PathBuf>> = requested.map(|paths| paths.iter().cloned().collect());
    paths.extend(requested.iter().flatten().cloned());
    let paths: Vec<PathBuf> = paths.into_iter().collect();
    let is_requested = |path: &PathBuf| requested.as_ref().is_none_or(|requested| requested.contains(path));
    // A thread costs more than a few notebooks.
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(paths.len().div_ceil(8));
    Ok(side_by_side(&paths, threads, |path| loading.load(path, is_requested(path))))
}

impl Loading<'_> {
    fn load(&self, path: &Path, requested: bool) -> Loaded {
        let name = self.project.name_of(path);
        match self.cache.recall(&name, path, &self.project.krate, requested) {
            Some(entry) => Loaded {
                path: path.to_owned(),
                requested,
                outcome: Outcome {
                    modules: entry.files.iter().map(|(file, _)| file.clone()).collect(),
                    ..Outcome::new(name)
                },
                dependencies: entry.dependencies.clone(),
                compared: Ok(Compared::default()),
                entry: Some(entry),
            },
            None => self.read(path, name, requested),
        }
    }

    /// Loads a notebook that the cache does not know as it is.
    fn read(&self, path: &Path, name: String, requested: bool) -> Loaded {
        let fingerprint = Fingerprint::of(path);
        let mut loaded = Loaded {
            path: path.to_owned(),
            requested,
            outcome: Outcome::new(name),
            dependencies: Vec::new(),
            compared: Ok(Compared::default()),
            entry: None,
        };
        let outcome = &mut loaded.outcome;
        match Notebook::read(path, &outcome.notebook) {
            Err(diagnostic) => {
                outcome.diagnostics.push(diagnostic);
                outcome.failed = true;
            }
            Ok(notebook) => {
                let (parsed, mut wrong) = ParsedNotebook::new(&notebook);
                let modules = modules_of(&parsed, self.crate_name, &mut wrong);
                if parsed.exports_something() {
                    let folder = path.parent().unwrap_or(&self.project.root);
                    let (found, more) =
                        manifest::dependencies(&parsed, folder, self.project, self.crate_name);
                    loaded.dependencies = found;
                    wrong.extend(more);
                }
                outcome.modules =
                    modules.iter().map(|module| Exported::new(module, self.crate_name)).collect();
                outcome.diagnostics = wrong;
                let mut seen: Vec<Seen> =
                    modules.iter().map(|module| Seen::new(&module.text, None)).collect();
                if requested && !outcome.is_bad() {
                    loaded.compared = compare::compare(self.project, modules, self.options, &mut seen);
                }
                if outcome.diagnostics.is_empty() {
                    let files = outcome.modules.iter().cloned().zip(seen).collect();
                    let notebook = Seen::new(notebook.text(), fingerprint);
                    loaded.entry = Some(Entry::new(notebook, files, loaded.dependencies.clone()));
                }
            }
        }
        // Nothing of this notebook holds spans any more; without this, the texts of all notebooks would be kept for them.
        proc_macro2::extra::invalidate_current_thread_spans();
        loaded
    }
}
