//! New texts → the disk, all of them or none.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use super::lock::Lock;
use super::{Change, read};
use crate::diagnostic::{Diagnostic, Result};

/// How the names of temporary files begin; they stand beside the files that they are to replace.
const PREFIX: &str = ".nbexport-";

/// Whether this is one of them.
pub(super) fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
}

impl Lock {
    /// Writes the new texts: all of them to temporary files first, so that a full disk or a folder without permission
    /// changes nothing, and then over the old ones. When one of those is not what it was when it was read, its newer text
    /// stays, and all others are as they were.
    ///
    /// # Errors
    /// A file cannot be written, or was changed by somebody else.
    pub fn commit(&self, changes: &[Change]) -> Result<()> {
        let result = self.try_commit(changes);
        // The temporary files are gone, written or not.
        self.clear_list();
        result
    }

    fn try_commit(&self, changes: &[Change]) -> Result<()> {
        let staged: Vec<Staged<'_>> =
            changes.iter().map(|change| Staged::new(self, change)).collect::<Result<_>>()?;
        for it in &staged {
            it.sync().map_err(|error| failed(it.change, &error))?;
        }
        let saved: Vec<&str> =
            staged.iter().filter(|it| !it.is_as_read()).map(|it| it.change.name.as_str()).collect();
        if !saved.is_empty() {
            return Err(changed_meanwhile(&saved));
        }
        for (at, it) in staged.iter().enumerate() {
            if let Err(diagnostic) = it.swap() {
                for it in staged[..at].iter().rev() {
                    it.take_back();
                }
                return Err(diagnostic);
            }
        }
        Ok(())
    }
}

/// A new text in a temporary file beside the one it is to replace. Once it replaced it, the temporary file is the old
/// one. Dropped, the temporary file is gone.
struct Staged<'a> {
    change: &'a Change,
    // Closed: a project may have more files than a process may have open.
    temporary: TempPath,
}

impl<'a> Staged<'a> {
    fn new(lock: &Lock, change: &'a Change) -> Result<Self> {
        let stage = || {
            let old = fs::metadata(&change.target).ok();
            let file = stage(&change.target, change.after.as_bytes(), |path| lock.list(path))?;
            if let Some(old) = old {
                file.as_file().set_permissions(old.permissions())?;
            }
            Ok(Self { change, temporary: file.into_temp_path() })
        };
        stage().map_err(|error| failed(change, &error))
    }

    /// What nothing else holds must not be lost by a power failure; a new file is made again at will. All are written by
    /// now, so that the first of many costs time and the others next to none.
    fn sync(&self) -> io::Result<()> {
        match self.change.before {
            Some(_) => File::options().write(true).open(&self.temporary)?.sync_all(),
            None => Ok(()),
        }
    }

    /// Whether the file is what it was when it was read.
    fn is_as_read(&self) -> bool {
        let change = self.change;
        // A link that was turned elsewhere meanwhile leads to another file.
        let target = change.path.canonicalize().unwrap_or_else(|_| change.path.clone());
        target == change.target && holds(&change.target, change.before.as_deref())
    }

    /// Puts the new text in the file's place, if that holds what was read.
    fn swap(&self) -> Result<()> {
        let Self { change, temporary } = self;
        let target = &change.target;
        let changed = || changed_meanwhile(&[&change.name]);
        if change.before.is_none() {
            return match fs::hard_link(temporary, target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(changed()),
                // A file system without hard links.
                Err(_) => File::create_new(target)
                    .and_then(|mut file| file.write_all(change.after.as_bytes()))
                    .map_err(|error| failed(change, &error)),
                Ok(()) => Ok(()),
            };
        }
        match exchange(temporary, target) {
            Ok(()) if holds(temporary, change.before.as_deref()) => Ok(()),
            Ok(()) => {
                // Saved between the look at all files and this moment.
                give_back(temporary, target, change.after.as_bytes());
                Err(changed())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(changed()),
            Err(_) if !self.is_as_read() => Err(changed()),
            // A file system that cannot exchange two files.
            Err(_) => fs::rename(temporary, target).map_err(|error| failed(change, &error)),
        }
    }

    /// Undoes [`Self::swap`], unless somebody has written to the file since.
    fn take_back(&self) {
        let Self { change, temporary } = self;
        if !holds(&change.target, Some(&change.after)) {
            return;
        }
        let _ = match &change.before {
            None => fs::remove_file(&change.target),
            Some(_) if temporary.exists() => fs::rename(temporary, &change.target),
            Some(before) => replace(&change.target, before.as_bytes()),
        };
    }
}

/// Whether a file holds this text, or is not there.
fn holds(path: &Path, text: Option<&str>) -> bool {
    match (read(path), text) {
        (Ok(bytes), Some(text)) => bytes == text.as_bytes(),
        (Err(error), None) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

/// Lets two files change places, in one step.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
}

/// The same with a third name for the file that is displaced, which is none at no time.
#[cfg(windows)]
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    use std::os::windows::ffi::OsStrExt as _;
    use windows_sys::Win32::Storage::FileSystem::ReplaceFileW;

    let wide = |path: &Path| path.as_os_str().encode_wide().chain([0]).collect::<Vec<u16>>();
    let displaced = a.with_added_extension("displaced");
    let (replaced, replacement, backup) = (wide(b), wide(a), wide(&displaced));
    // SAFETY: three texts that end with a zero and live until it returns; the last two arguments are reserved.
    let is_done = unsafe {
        let nothing = std::ptr::null();
        ReplaceFileW(replaced.as_ptr(), replacement.as_ptr(), backup.as_ptr(), 0, nothing, nothing) != 0
    };
    if !is_done {
        let error = io::Error::last_os_error();
        // It may have been given the third name already.
        if !b.exists() && displaced.exists() {
            fs::rename(&displaced, b)?;
        }
        return Err(error);
    }
    fs::rename(displaced, a)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Puts what somebody saved back into its place, where `ours` stands now. Should they save once more meanwhile, the newest
/// text stays.
fn give_back(temporary: &Path, target: &Path, ours: &[u8]) {
    let mut in_place = ours.to_vec();
    while let Ok(newer) = read(temporary)
        && exchange(temporary, target).is_ok()
        && read(temporary).is_ok_and(|displaced| displaced != in_place)
    {
        in_place = newer;
    }
}

/// Replaces a file as a whole, whatever it holds.
pub(super) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    stage(path, text, |_| Ok(()))?.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The same with what `write` puts into a file.
pub(super) fn replace_by<T>(path: &Path, write: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
    let temporary = stage(path, b"", |_| Ok(()))?;
    let written = write(temporary.as_file())?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(written)
}

/// A temporary file with this text beside the file at `path`; `before` hears its name before it is made.
fn stage(path: &Path, text: &[u8], before: impl Fn(&Path) -> io::Result<()>) -> io::Result<NamedTempFile> {
    let folder: PathBuf = path.parent().map(Path::to_owned).unwrap_or_default();
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    fs::create_dir_all(&folder)?;
    let mut file = tempfile::Builder::new().prefix(PREFIX).make_in(folder, |path| {
        before(path)?;
        File::options().write(true).create_new(true).open(path)
    })?;
    // Not through its own `Write`, whose errors name the temporary file.
    file.as_file_mut().write_all(text)?;
    Ok(file)
}

fn failed(change: &Change, error: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot write `{}`: {error}", change.name))
        .note("nothing was written: all files are as they were")
        .help("see that its folder is writable and has room, then run nbexport again")
}

fn changed_meanwhile(names: &[&str]) -> Diagnostic {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let were = if names.len() == 1 { "was" } else { "were" };
    Diagnostic::error(format!(
        "{} {were} changed while nbexport worked, so nothing was written",
        names.join(", ")
    ))
    .help("the newer text is as it was saved: run nbexport again")
    .as_finding()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Original;

    fn change(path: &Path, before: Option<&str>, after: &str) -> Change {
        let name = path.display().to_string();
        let original = Original { path: path.to_owned(), name, text: before.map(str::to_owned) };
        original.as_named(after.to_owned()).unwrap().unwrap()
    }

    /// What was exchanged before somebody saved the last file of a set is as it was again, new files are gone, and what
    /// was saved stays.
    #[test]
    fn a_save_between_two_files_of_a_set_undoes_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new, saved] = ["old", "new", "saved"].map(|name| folder.path().join(name));
        fs::write(&old, "old text").unwrap();
        fs::write(&saved, "as read").unwrap();
        let changes = [
            change(&old, Some("old text"), "ours"),
            change(&new, None, "ours"),
            change(&saved, Some("as read"), "ours"),
        ];
        let lock = Lock::beside(&old);
        let staged: Vec<_> = changes.iter().map(|change| Staged::new(&lock, change).unwrap()).collect();
        staged[0].swap().unwrap();
        staged[1].swap().unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "ours");
        fs::write(&saved, "typed").unwrap();
        assert!(staged[2].swap().unwrap_err().is_finding);
        staged[1].take_back();
        staged[0].take_back();
        drop(staged);
        assert_eq!(fs::read_to_string(&old).unwrap(), "old text");
        assert_eq!(fs::read_to_string(&saved).unwrap(), "typed");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    /// Nor does taking back drop what somebody saved into a file that was exchanged already.
    #[test]
    fn what_is_saved_after_the_exchange_is_not_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        let change = change(&path, Some("old"), "ours");
        let staged = Staged::new(&Lock::beside(&path), &change).unwrap();
        staged.swap().unwrap();
        fs::write(&path, "typed").unwrap();
        staged.take_back();
        drop(staged);
        assert_eq!(fs::read_to_string(&path).unwrap(), "typed");
    }

    /// Somebody saves once more while a save is given back: the newest text stays.
    #[test]
    fn the_newest_of_two_saves_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [target, temporary] = ["target", "temporary"].map(|name| folder.path().join(name));
        // Ours was exchanged with a first save, and then replaced by a second one.
        fs::write(&temporary, "first save").unwrap();
        fs::write(&target, "second save").unwrap();
        give_back(&temporary, &target, b"ours");
        assert_eq!(fs::read_to_string(&target).unwrap(), "second save");
    }
}
