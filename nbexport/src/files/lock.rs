//! One nbexport at a time writes to a project.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use toml_edit::DocumentMut;

use super::commit::is_temporary;
use super::read_text;
use crate::diagnostic::{Diagnostic, Result};
use crate::project::Project;

/// Held from before a file is read until it is written; a second nbexport waits for it.
///
/// The lock's file lists the temporary files of whoever holds it. A process that is killed leaves them, and the list with
/// them: the next one that gets the lock removes both.
#[derive(Debug)]
pub struct Lock {
    /// Released when it is closed; a folder, for files of no project.
    file: Option<File>,
    lists: bool,
}

impl Lock {
    /// Waits until no other nbexport writes to the project.
    ///
    /// # Errors
    /// The lock's file cannot be made (a read-only disk).
    pub fn of(project: &Project) -> Result<Self> {
        if !project.is_configured {
            return Ok(Self::in_folder(&project.root));
        }
        let folder = own_folder(project);
        let held = || {
            fs::create_dir_all(&folder)?;
            let mut file = open(&folder.join(".lock"))?;
            file.lock()?;
            clear(&mut file)?;
            Ok(Self { file: Some(file), lists: true })
        };
        held().map_err(|error: io::Error| {
            Diagnostic::error(format!("cannot lock the project: {error}"))
                .note(format!("the lock is `{}/.lock`", project.name_of(&folder)))
                .help("nbexport must be able to write there, so that two of them never write at once")
        })
    }

    /// Waits until no other nbexport writes to the folder of a file that belongs to no project, and removes what a killed
    /// one left in it. Where a folder cannot be locked, what is read and replaced is compared all the same.
    pub fn beside(path: &Path) -> Self {
        Self::in_folder(
            path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        )
    }

    fn in_folder(folder: &Path) -> Self {
        let file = lock_of(folder).ok().filter(|file| file.lock().is_ok());
        if file.is_some() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if is_temporary(&entry.path()) {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
        Self { file, lists: false }
    }

    /// Puts a temporary file on the list, before it is made.
    pub(super) fn list(&self, path: &Path) -> io::Result<()> {
        match self.file.as_ref().filter(|_| self.lists) {
            Some(mut file) => write!(file, "{}\0", std::path::absolute(path)?.display()),
            None => Ok(()),
        }
    }

    /// The temporary files are gone.
    pub(super) fn clear_list(&self) {
        if let Some(file) = self.file.as_ref().filter(|_| self.lists) {
            let _ = empty(file);
        }
    }
}

/// What is locked of a folder: itself.
#[cfg(not(windows))]
fn lock_of(folder: &Path) -> io::Result<File> {
    File::open(folder)
}

/// What is locked of a folder, where only files can be: one that is named after it, among this user's temporary files.
#[cfg(windows)]
fn lock_of(folder: &Path) -> io::Result<File> {
    let name = crate::notebook::short_hash(&folder.canonicalize()?.to_string_lossy());
    open(&std::env::temp_dir().join(format!("nbexport-{name}.lock")))
}

/// Locks a file of nbexport's own if nobody else has it locked.
#[cfg(feature = "kernel")]
pub(crate) fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Where nbexport keeps what is its own: the lock, and what it remembers.
pub(crate) fn own_folder(project: &Project) -> PathBuf {
    // Without a configured project the root is no more than a folder that notebook and crate have in common.
    let is_cargo_folder = project.root.join("Cargo.toml").is_file();
    let folder = if is_cargo_folder { &project.root } else { &project.krate };
    // A member of a workspace has no target folder of its own, and none that git is told to ignore.
    let root = target_root(folder);
    match folder.strip_prefix(root) {
        Ok(member) if root != folder => root.join("target/nbexport/members").join(member),
        _ => root.join("target/nbexport"),
    }
}

/// The folder whose `target` the package in `folder` is built in: the root of its workspace, or its own.
pub(crate) fn target_root(folder: &Path) -> &Path {
    let is_workspace = |folder: &&Path| {
        let manifest = read_text(&folder.join("Cargo.toml")).ok();
        let manifest = manifest.and_then(|text| text.parse::<DocumentMut>().ok());
        manifest.is_some_and(|manifest| manifest.contains_key("workspace"))
    };
    folder.ancestors().find(is_workspace).unwrap_or(folder)
}

/// Opens it as it is: its list is for whoever gets the lock.
fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Removes the files of a list, and empties it.
fn clear(file: &mut File) -> io::Result<()> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Ok(());
    }
    let list = String::from_utf8_lossy(&bytes);
    for path in list.split('\0').map(Path::new).filter(|path| is_temporary(path)) {
        let _ = fs::remove_file(path);
    }
    empty(file)
}

fn empty(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()
}
