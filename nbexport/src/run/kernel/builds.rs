//! Where kernels keep compiled dependencies from run to run, one folder for each kernel that runs at a time.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files;

/// A folder that compiled dependencies are kept in, while this kernel has it to itself.
#[derive(Debug)]
pub(super) struct Builds {
    pub(super) path: PathBuf,
    _lock: Option<File>,
}

impl Builds {
    /// A folder that goes with the kernel's own, so nobody else wants it.
    pub(super) fn passing(path: PathBuf) -> Self {
        Self { path, _lock: None }
    }

    /// The first numbered folder below `root` that no other kernel uses.
    pub(super) fn claim(root: &Path) -> std::io::Result<Self> {
        let mut number = 0;
        loop {
            let path = root.join(number.to_string());
            std::fs::create_dir_all(&path)?;
            if let Some(lock) = files::try_lock(&path.join(".lock"))? {
                clear(&path)?;
                return Ok(Self { path, _lock: Some(lock) });
            }
            number += 1;
        }
    }
}

/// The folder of this user where compiled dependencies are kept from run to run, for all projects.
///
/// Not the project's `target`: evcxr's package would be taken for a part of the project's workspace there.
pub fn builds_dir() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    let caches = if cfg!(windows) {
        folder("LOCALAPPDATA")?
    } else {
        folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(caches)))?
    };
    Some(caches.join("nbexport").join("kernel"))
}

/// The variable that lets compiled cells find Rust's `libstd`.
///
/// evcxr moves a compiled cell one folder up, away from where the relative path in it counts from. That goes unnoticed
/// as long as the two share no folder, as do a system's temporary folder and a home's toolchain.
pub(super) fn library_path(cwd: &Path) -> Option<(&'static str, OsString)> {
    let output = Command::new("rustc").args(["--print", "target-libdir"]).current_dir(cwd).output().ok()?;
    let folder = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let name = if cfg!(windows) {
        "PATH"
    } else if cfg!(target_os = "macos") {
        "DYLD_FALLBACK_LIBRARY_PATH"
    } else {
        "LD_LIBRARY_PATH"
    };
    let before = std::env::var_os(name).unwrap_or_default();
    let before =
        std::env::split_paths(&before).filter(|path| !path.as_os_str().is_empty()).collect::<Vec<_>>();
    Some((name, std::env::join_paths(before.into_iter().chain([folder])).ok()?))
}

/// Removes what kernels before left: their own folders, if they were interrupted, and what the compiler kept of their cells.
/// One that was killed while it wrote may have left objects that do not link, and would use them again: no kernel could start
/// there any more. Compiled dependencies are elsewhere, and stay.
fn clear(path: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(super::launch::HOME) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    let target = path.join("target");
    let with_triple = std::fs::read_dir(&target).into_iter().flatten().flatten().map(|entry| entry.path());
    for folder in with_triple.chain([target.clone()]) {
        match std::fs::remove_dir_all(folder.join("debug/incremental")) {
            Err(error) if folder.is_dir() && error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error);
            }
            _ => {}
        }
    }
    Ok(())
}
