//! The one door to the disk: whatever nbexport writes, it writes here.
//!
//! A file is read as an [`Original`]; a [`Change`] is the text it is to have; [`Lock::commit`] puts several of them on the
//! disk, all or none. The lock lets one nbexport at a time write to a project. Editors know nothing of it, so what is
//! replaced is held against what was read at the very moment it is replaced: a text that somebody saved meanwhile stays.
//!
//! A file whose text would not change is not touched, so that cargo rebuilds nothing; one whose lines all end by CRLF
//! keeps that. Only regular files are read and
//! written, none that is read-only, and none through a link that leads out of the project.

mod commit;
mod lock;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use similar::TextDiff;

pub use self::lock::Lock;
#[cfg(feature = "kernel")]
pub(crate) use self::lock::try_lock;
pub(crate) use self::lock::{own_folder, target_root};
use crate::diagnostic::{Diagnostic, Result};
use crate::notebook::Notebook;
use crate::project::Project;
pub use crate::reading::{read, read_text};

/// A text file as it was read; there may be none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Where it is.
    pub path: PathBuf,
    /// How messages call it.
    pub name: String,
    /// Its text; `None` when there is no such file.
    pub text: Option<String>,
}

impl Original {
    /// Reads a file of the crate, or another that nbexport keeps.
    ///
    /// # Errors
    /// It cannot be read, is no text or no regular file.
    pub fn read(path: impl Into<PathBuf>, name: impl Into<String>) -> Result<Self> {
        let (path, name) = (path.into(), name.into());
        let text = match read_text(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(Diagnostic::error(format!("cannot read `{name}`: {error}")).help(format!(
                    "nbexport keeps a text file there: see what `{name}` is, and move it away"
                )));
            }
        };
        Ok(Self { path, name, text })
    }

    /// The file that a notebook was read from.
    pub fn of(notebook: &Notebook, path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), name: notebook.name.clone(), text: Some(notebook.text().to_owned()) }
    }

    /// The change that gives a file of the crate this text; `None` when it has it.
    ///
    /// # Errors
    /// It cannot be replaced: it is read-only, or a link that leads out of the crate.
    pub fn in_crate(self, project: &Project, after: String) -> Result<Option<Change>> {
        self.change(after, &[&project.krate], "crate")
    }

    /// The change that gives a notebook this text; `None` when it has it.
    ///
    /// # Errors
    /// It cannot be replaced: it is read-only, or a link that leads out of the project.
    pub fn in_project(self, project: &Project, after: String) -> Result<Option<Change>> {
        // A folder that Cargo.toml configures may be elsewhere; what only a link says may not.
        let (notebooks, krate) = (&project.notebooks, &project.krate);
        let elsewhere = [notebooks, krate].into_iter().filter(|folder| !folder.starts_with(&project.root));
        let folders: Vec<&Path> = elsewhere.chain([&project.root]).map(PathBuf::as_path).collect();
        self.change(after, &folders, "project")
    }

    /// The change that gives a file this text that the command line names; `None` when it has it.
    ///
    /// # Errors
    /// It is read-only.
    pub fn as_named(self, after: String) -> Result<Option<Change>> {
        self.change(after, &[], "")
    }

    fn change(self, after: String, folders: &[&Path], of: &str) -> Result<Option<Change>> {
        let Self { path, name, text: before } = self;
        let after = if before.as_deref().is_some_and(ends_lines_by_crlf) { with_crlf(&after) } else { after };
        if before.as_deref() == Some(&*after) {
            return Ok(None);
        }
        if !folders.is_empty() && !stays_inside(&path, folders) {
            return Err(Diagnostic::error(format!(
                "`{name}` is a link that leads out of the {of}, so it was not written"
            ))
            .help(format!("replace the link by a file or a folder of the {of}")));
        }
        if before.is_some() && fs::metadata(&path).is_ok_and(|metadata| metadata.permissions().readonly()) {
            return Err(Diagnostic::error(format!("`{name}` is read-only, so it was not replaced"))
                .help(format!("make it writable (`chmod u+w {name}`) if nbexport may write it")));
        }
        if before.is_none() && path.is_symlink() {
            return Err(Diagnostic::error(format!(
                "`{name}` is a link that leads nowhere, so it was not written"
            ))
            .help("replace the link by a file"));
        }
        // A link within the project stays a link.
        let target = path.canonicalize().unwrap_or_else(|_| path.clone());
        Ok(Some(Change { path, name, before, after, target }))
    }
}

/// A file that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it is.
    pub path: PathBuf,
    /// How messages call it.
    pub name: String,
    /// Its text now; `None` when there is no such file.
    pub before: Option<String>,
    /// The text it should have.
    pub after: String,
    /// Where the text goes: behind the links in `path`.
    target: PathBuf,
}

impl Change {
    /// A unified diff from the file as it is to the file as it should be.
    pub fn diff(&self) -> String {
        let before = self.before.as_deref().unwrap_or_default();
        let old = if self.before.is_some() { format!("a/{}", self.name) } else { "/dev/null".to_owned() };
        TextDiff::from_lines(before, self.after.as_str())
            .unified_diff()
            .context_radius(3)
            .header(&old, &format!("b/{}", self.name))
            .to_string()
    }
}

/// Whether a file is as git checks it out on Windows.
fn ends_lines_by_crlf(text: &str) -> bool {
    text.contains('\n') && text.matches('\n').count() == text.matches("\r\n").count()
}

/// The text with all its lines ended in the same way.
fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

/// A link may lead to another place inside these folders, not out of them.
fn stays_inside(path: &Path, folders: &[&Path]) -> bool {
    let existing = path.ancestors().find(|ancestor| ancestor.symlink_metadata().is_ok());
    let Some(real) = existing.and_then(|path| path.canonicalize().ok()) else { return false };
    folders.iter().filter_map(|folder| folder.canonicalize().ok()).any(|folder| real.starts_with(folder))
}

/// Whether what is written to a path ends up inside a folder, wherever links lead.
pub(crate) fn is_inside(path: &Path, folder: &Path) -> bool {
    stays_inside(path, &[folder])
}

/// Writes a file that is nobody's but nbexport's (generated programs, what it remembers): as a whole, and only when its
/// text changes.
pub(crate) fn keep(path: &Path, text: &[u8]) -> io::Result<()> {
    if read(path).is_ok_and(|there| there == text) { Ok(()) } else { commit::replace(path, text) }
}

/// Writes a file that the command line names as a whole: what `write` does to a temporary one takes its place.
pub(crate) fn replace_by<T>(path: &Path, write: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
    commit::replace_by(path, write)
}

/// A new file to append to, in a temporary folder of nbexport's own: what a process prints, or reads.
pub(crate) fn scratch(path: &Path) -> io::Result<File> {
    File::options().append(true).create_new(true).open(path)
}

/// Gives a file that is there, or a link, another name.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}
