//! Texts → files on disk, or a diff.
//!
//! A file whose text would not change is not touched, so that cargo rebuilds nothing. Every write is a temporary file
//! beside its target and a rename, so that a reader sees the old text or the new one and never a half.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use similar::TextDiff;
use tempfile::TempPath;

use crate::diagnostic::{Diagnostic, Result};
use crate::project::Project;

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
}

impl Change {
    /// Compares a file with the text it should have; `None` when they are the same.
    ///
    /// # Errors
    /// The file cannot be read, or cannot be replaced: it is read-only, or a link that leads out of the crate.
    pub fn of(project: &Project, path: PathBuf, after: String) -> Result<Option<Self>> {
        let name = project.name_of(&path);
        let before = read(&path).map_err(|error| {
            Diagnostic::error(format!("cannot read `{name}`: {error}"))
                .help(format!("nbexport keeps a text file there: see what `{name}` is, and move it away"))
        })?;
        if before.as_deref() == Some(&*after) {
            return Ok(None);
        }
        stays_inside(&path, &project.krate, &name)?;
        if before.is_some() && fs::metadata(&path).is_ok_and(|metadata| metadata.permissions().readonly()) {
            return Err(Diagnostic::error(format!("`{name}` is read-only, so it was not replaced"))
                .help(format!("make it writable (`chmod u+w {name}`) if nbexport may write it")));
        }
        Ok(Some(Self { path, name, before, after }))
    }

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

/// Writes the new texts of several files: all of them to temporary files, and only then over the old ones, so that a
/// full disk or a folder without permission changes nothing.
pub fn write(changes: &[Change]) -> Result<()> {
    let failed = |change: &Change, note: &str, error: &io::Error| {
        Diagnostic::error(format!("cannot write `{}`: {error}", change.name))
            .note(note)
            .help("see that its folder is writable and has room, then run nbexport again")
    };
    let staged: Vec<Staged> = changes
        .iter()
        .map(|change| {
            Staged::new(&change.path, &change.after)
                .map_err(|error| failed(change, "nothing was written: all files are as they were", &error))
        })
        .collect::<Result<_, _>>()?;
    for (staged, change) in staged.into_iter().zip(changes) {
        staged.commit().map_err(|error| failed(change, "the file is as it was before", &error))?;
    }
    Ok(())
}

/// The text of a file; `None` when there is none.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A link may lead to another place inside the crate, not out of it.
fn stays_inside(path: &Path, krate: &Path, name: &str) -> Result<()> {
    let existing = path.ancestors().find(|ancestor| ancestor.symlink_metadata().is_ok());
    let real = existing.map(Path::canonicalize).transpose().ok().flatten();
    let inside = krate.canonicalize().ok().zip(real).is_some_and(|(krate, real)| real.starts_with(krate));
    if inside {
        return Ok(());
    }
    Err(Diagnostic::error(format!("`{name}` is a link that leads out of the crate, so it was not written"))
        .help("replace the link by a file or a folder of the crate"))
}

/// Replaces a file as a whole: a temporary file beside it, then a rename. What was there keeps its permissions.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    Staged::new(path, text)?.commit()
}

/// The same for a file that messages call `name`.
///
/// # Errors
/// What kept it from being written.
pub fn save(path: &Path, name: &str, text: &str) -> Result<()> {
    replace(path, text).map_err(|error| Diagnostic::error(format!("cannot write `{name}`: {error}")))
}

/// A text in a temporary file beside the file that it is to replace; dropped without [`Staged::commit`], it is gone.
struct Staged {
    // Closed: a project may have more files than a process may have open.
    temporary: TempPath,
    path: PathBuf,
}

impl Staged {
    fn new(path: &Path, text: &str) -> io::Result<Self> {
        // A link to a file inside the crate stays a link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut temporary = tempfile::Builder::new().prefix(".nbexport-").tempfile_in(folder)?;
        temporary.as_file_mut().write_all(text.as_bytes())?;
        temporary.as_file().sync_all()?;
        match fs::metadata(&path) {
            Ok(metadata) => temporary.as_file().set_permissions(metadata.permissions())?,
            Err(_) => make_readable(temporary.as_file())?,
        }
        Ok(Self { temporary: temporary.into_temp_path(), path })
    }

    fn commit(self) -> io::Result<()> {
        self.temporary.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// A temporary file is private to its owner; a source file is not.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// Held while a command writes to the project; a second nbexport waits for it.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock is released when the file is closed")] File);

/// Where nbexport keeps what is its own: the lock, and what it remembers.
pub(crate) fn own_folder(project: &Project) -> PathBuf {
    // Without a configured project the root is no more than a folder that notebook and crate have in common.
    let is_cargo_folder = project.root.join("Cargo.toml").is_file();
    if is_cargo_folder { &project.root } else { &project.krate }.join("target/nbexport")
}

/// Waits until no other nbexport writes to the project.
///
/// # Errors
/// The lock file cannot be made (a read-only disk).
pub fn lock(project: &Project) -> Result<Lock> {
    let folder = own_folder(project);
    let held = || {
        fs::create_dir_all(&folder)?;
        let file = File::create(folder.join(".lock"))?;
        file.lock()?;
        Ok(Lock(file))
    };
    held().map_err(|error: io::Error| {
        Diagnostic::error(format!("cannot lock the project: {error}"))
            .note(format!("the lock is `{}/.lock`", project.name_of(&folder)))
            .help("nbexport must be able to write there, so that two of them never write at once")
    })
}
