//! An archive is read. It may come from anywhere: nothing of it is written outside of the folder that is made for it.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use ruzstd::decoding::StreamingDecoder;
use tar::EntryType;
use tempfile::TempDir;

use super::{Entry, FORMAT, MANIFEST, Manifest, PROGRAMS, machine, stays_inside};
use crate::diagnostic::{Diagnostic, Result};
use crate::files;
use crate::project::show;

/// Unpacks an archive to a new temporary folder.
pub(super) fn unpack(path: &Path) -> Result<TempDir> {
    let name = show(path);
    let unreadable =
        |error: io::Error| Diagnostic::error(format!("cannot read the archive `{name}`: {error}"));
    let no_archive = |error: &dyn std::fmt::Display| {
        Diagnostic::error(format!("`{name}` is no archive of nbexport, or not all of it is there: {error}"))
            .help("make one: `nbexport test --archive notebooks.tar.zst`")
    };
    let file = BufReader::new(File::open(path).map_err(unreadable)?);
    let decoder = StreamingDecoder::new(file).map_err(|error| no_archive(&error))?;
    let folder = tempfile::Builder::new().prefix("nbexport-archive-").tempdir().map_err(|error| {
        Diagnostic::error(format!("cannot make a temporary folder for the archive: {error}"))
    })?;
    let mut archive = tar::Archive::new(decoder);
    for entry in archive.entries().map_err(|error| no_archive(&error))? {
        let mut entry = entry.map_err(|error| no_archive(&error))?;
        let inside = entry.path().map_err(|error| no_archive(&error))?.into_owned();
        match entry.header().entry_type() {
            EntryType::Directory if stays_inside(&inside) => continue,
            EntryType::Regular if stays_inside(&inside) && inside.file_name().is_some() => {}
            _ => return Err(leads_out(&name, &inside)),
        }
        let write = |entry: &mut dyn io::Read| {
            let target = folder.path().join(&inside);
            fs::create_dir_all(target.parent().unwrap_or(folder.path()))?;
            let mut file = files::scratch(&target)?;
            io::copy(entry, &mut file)?;
            if inside.starts_with(PROGRAMS) { make_executable(&file) } else { Ok(()) }
        };
        write(&mut entry).map_err(|error| {
            no_archive(&format!("{}: {error}", show(&inside))).note("it is unpacked to the temporary folder")
        })?;
    }
    Ok(folder)
}

fn leads_out(name: &str, entry: &Path) -> Diagnostic {
    let message = format!("the archive `{name}` holds `{}`, which is no file within it", show(entry));
    Diagnostic::error(message).note(
        "links, and paths that lead out of the archive, are written by no nbexport: somebody else made it",
    )
}

#[cfg(unix)]
fn make_executable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
fn make_executable(_: &File) -> io::Result<()> {
    Ok(())
}

/// What an archive says of itself, if this machine can run it.
pub(super) fn manifest(path: &Path, folder: &Path) -> Result<Manifest> {
    let name = show(path);
    let bad = |why: String| Diagnostic::error(format!("`{name}` cannot be used: {why}"));
    let text = files::read(&folder.join(MANIFEST)).map_err(|_| bad(format!("it has no `{MANIFEST}`")))?;
    let format = serde_json::from_slice::<serde_json::Value>(&text).unwrap_or_default();
    let of = |key: &str| format[key].as_str().unwrap_or("?").to_owned();
    if format["format"] != FORMAT {
        let help = "make it anew by this nbexport, or judge it by the one that made it";
        return Err(bad(format!("it was made by nbexport {}", of("nbexport"))).help(help));
    }
    if of("machine") != machine() {
        let why = format!("its programs are for {}, and this machine is {}", of("machine"), machine());
        return Err(bad(why).help("build it on a machine of the same kind"));
    }
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    for (_, entry) in &manifest.notebooks {
        let Entry::Runs(runnable) = entry else { continue };
        let paths: [Option<&PathBuf>; 2] = [Some(&runnable.folder), runnable.executable.as_ref()];
        if let Some(out) = paths.into_iter().flatten().find(|path| !stays_inside(path)) {
            return Err(leads_out(&name, out));
        }
    }
    Ok(manifest)
}
