//! Built programs, with all that judging them takes, in one file: built here, judged on a machine without cargo.
//!
//! As nextest's archives it is a tar, packed by zstd. It holds `nbexport-archive.json` (the cells, what is known of them
//! before they run, and where their lines are in the programs), `programs/`, and the project's files in `project/`, which
//! the programs find where they look for them: the notebook's folder is the working directory.

mod pack;
mod unpack;

use std::path::{Component, Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::Notebooks;
use super::runnable::Runnable;
use crate::diagnostic::{Diagnostic, Result};
use crate::places::Places;
use crate::project::{self, Project};
use crate::run::{Options, Outcome, Progress, run_each};

/// What changes when an older nbexport could not read it.
const FORMAT: u32 = 1;
const MANIFEST: &str = "nbexport-archive.json";
const PROGRAMS: &str = "programs";
const PROJECT: &str = "project";

/// What an archive says of itself.
#[derive(Deserialize, Serialize)]
struct Manifest {
    format: u32,
    /// The version of nbexport that made it.
    nbexport: String,
    /// What machines its programs run on: `x86_64 linux`.
    machine: String,
    /// In order.
    notebooks: Vec<(String, Entry)>,
    places: Places,
}

/// One notebook.
#[derive(Deserialize, Serialize)]
enum Entry {
    /// It runs; paths are as seen from the archive.
    Runs(Runnable),
    /// It cannot be run natively, or is none.
    Unable(Diagnostic),
}

/// What [`build`] made.
#[derive(Clone, Copy, Debug)]
pub struct Built {
    /// How many notebooks it holds.
    pub notebooks: usize,
    /// How many of them have a program.
    pub programs: usize,
    /// How many other files.
    pub files: usize,
    /// Its size.
    pub bytes: u64,
}

fn machine() -> String {
    format!("{} {}", std::env::consts::ARCH, std::env::consts::OS)
}

/// Builds the notebooks `paths` of a project, and writes them to the archive `to` with these files, seen from the project's
/// root; without a list, with all but hidden ones and cargo's target folder.
///
/// # Errors
/// Nothing can be built, a file cannot be read, or the archive cannot be written.
pub fn build(
    project: &Project,
    paths: &[PathBuf],
    files: Option<Vec<PathBuf>>,
    to: &Path,
    options: &Options,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Built> {
    must_be_named_as_one(to)?;
    let notebooks = Notebooks::of(project, paths, &options.select)?;
    let (mut entries, mut programs) = (Vec::new(), Vec::new());
    notebooks.build(project, options, progress, &mut |index, ready| {
        let entry = ready.and_then(|runnable| seen_from_archive(project, runnable, &mut programs));
        entries.push((index, entry.unwrap_or_else(Entry::Unable)));
    })?;
    entries.sort_by_key(|(index, _)| *index);
    let name = |index: usize| notebooks.entries[index].name.clone();
    let entries = entries.into_iter().map(|(index, entry)| (name(index), entry)).collect();
    let manifest = Manifest {
        format: FORMAT,
        nbexport: env!("CARGO_PKG_VERSION").to_owned(),
        machine: machine(),
        notebooks: entries,
        places: notebooks.places.into_inner().unwrap_or_else(PoisonError::into_inner),
    };
    pack::pack(project, &manifest, &programs, files, to)
}

/// The notebook with paths as seen from the archive; its program is added to those that go there.
fn seen_from_archive(
    project: &Project,
    mut runnable: Runnable,
    programs: &mut Vec<(PathBuf, String)>,
) -> Result<Entry> {
    let folder = project::relative(&runnable.folder, &project.root);
    if !stays_inside(&folder) {
        let message = format!("`{}` is not below the project's root, so it is not archived", runnable.name);
        return Err(Diagnostic::error(message).help(
            "an archive holds the folder of the Cargo.toml that configures the project: move it there",
        ));
    }
    runnable.folder = folder;
    if let Some(executable) = &mut runnable.executable {
        let name = format!("{PROGRAMS}/{}{}", runnable.package, std::env::consts::EXE_SUFFIX);
        programs.push((std::mem::replace(executable, PathBuf::from(&name)), name));
    }
    Ok(Entry::Runs(runnable))
}

/// An archive that was unpacked. Its files go when it is dropped.
pub struct Archive {
    folder: tempfile::TempDir,
    manifest: Manifest,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Archive {
    /// Unpacks an archive to a temporary folder.
    ///
    /// # Errors
    /// It cannot be read, is none, is for other machines, or holds what would be written outside of its folder.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = unpack::unpack(path)?;
        let manifest = unpack::manifest(path, folder.path())?;
        Ok(Self { folder, manifest })
    }

    /// The names of its notebooks.
    pub fn notebooks(&self) -> Vec<String> {
        self.manifest.notebooks.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Runs those of its notebooks that are named, and judges their cells.
    pub fn test(
        self,
        wanted: &[String],
        options: &Options,
        progress: &(dyn Fn(Progress<'_>) + Sync),
    ) -> Result<Vec<(String, Outcome)>> {
        let Manifest { mut notebooks, places, .. } = self.manifest;
        notebooks.retain(|(name, _)| wanted.contains(name));
        for (name, entry) in &mut notebooks {
            if let Entry::Runs(runnable) = entry {
                runnable.folder = self.folder.path().join(PROJECT).join(&runnable.folder);
                // It is not there when no file of it was archived: git may know none.
                std::fs::create_dir_all(&runnable.folder).map_err(|error| {
                    Diagnostic::error(format!("cannot make the folder of `{name}`: {error}"))
                })?;
                runnable.executable = runnable.executable.take().map(|it| self.folder.path().join(it));
            }
        }
        let places = RwLock::new(places);
        let (names, entries): (Vec<String>, Vec<Entry>) = notebooks.into_iter().unzip();
        let outcomes = run_each(
            0..names.len(),
            options,
            progress,
            |index| &names[index],
            |_, runnable: Runnable| runnable.run(options, &places, progress),
            |queue| {
                for (index, entry) in entries.into_iter().enumerate() {
                    queue.put(
                        index,
                        match entry {
                            Entry::Runs(runnable) => Ok(runnable),
                            Entry::Unable(diagnostic) => Err(diagnostic),
                        },
                    );
                }
                Ok(())
            },
        )?;
        Ok(names
            .iter()
            .enumerate()
            .filter_map(|(index, name)| Some((name.clone(), outcomes.get(&index)?.clone())))
            .collect())
    }
}

/// Whether a path is one of a file below the folder from which it is seen, by its text alone.
fn stays_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// A slip must not put an archive in the place of something else.
fn must_be_named_as_one(path: &Path) -> Result<()> {
    if path.to_string_lossy().ends_with(".tar.zst") {
        return Ok(());
    }
    let message = format!("`{}` does not end in `.tar.zst`, which an archive is", project::show(path));
    Err(Diagnostic::error(message).help("write `--archive target/notebooks.tar.zst`, say"))
}
