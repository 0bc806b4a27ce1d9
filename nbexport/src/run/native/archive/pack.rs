//! An archive is written.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write};
use std::path::{Path, PathBuf};

use ruzstd::encoding::{CompressionLevel, compress};
use tar::{Builder, Header};

use super::{Built, Entry, MANIFEST, Manifest, PROJECT};
use crate::diagnostic::{Diagnostic, Result};
use crate::files;
use crate::project::{self, Project};

/// Writes an archive with these programs, each with its name there, and files of the project.
pub(super) fn pack(
    project: &Project,
    manifest: &Manifest,
    programs: &[(PathBuf, String)],
    files: Option<Vec<PathBuf>>,
    to: &Path,
) -> Result<Built> {
    let failed = |error: io::Error| {
        Diagnostic::error(format!("cannot write the archive `{}`: {error}", project::show(to))).help(
            "see that its folder and the temporary one have room, and that the project's files can be read",
        )
    };
    let (files, bytes) = written(project, manifest, programs, files, to).map_err(failed)?;
    let runs = manifest.notebooks.iter().filter(|(_, entry)| matches!(entry, Entry::Runs(_)));
    Ok(Built { notebooks: manifest.notebooks.len(), programs: runs.count(), files, bytes })
}

fn written(
    project: &Project,
    manifest: &Manifest,
    programs: &[(PathBuf, String)],
    files: Option<Vec<PathBuf>>,
    to: &Path,
) -> io::Result<(usize, u64)> {
    let mut archive = Builder::new(BufWriter::new(tempfile::tempfile()?));
    let text = serde_json::to_vec(manifest)?;
    archive.append_data(&mut header(text.len() as u64, false), MANIFEST, text.as_slice())?;
    for (path, name) in programs {
        add(&mut archive, path, Path::new(name), true)?;
    }
    let mut files = files.map_or_else(|| files_below(&project.root), Ok)?;
    files.sort();
    files.dedup();
    let out = std::path::absolute(to)?;
    let mut count = 0;
    for file in files.iter().filter(|file| super::stays_inside(file)) {
        let path = project.root.join(file);
        // Another archive of the same name, and what git knows and somebody deleted.
        if path == out || !path.is_file() {
            continue;
        }
        add(&mut archive, &path, &Path::new(PROJECT).join(file), false)?;
        count += 1;
    }
    let mut tar = archive.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    tar.rewind()?;
    let bytes = files::replace_by(to, |file| {
        let (mut source, mut drain) = (Kept::new(BufReader::new(tar)), Kept::new(BufWriter::new(file)));
        compress(&mut source, &mut drain, CompressionLevel::Fastest);
        source.error.or(drain.error).map_or(Ok(()), Err)?;
        drain.inner.flush()?;
        drain.inner.get_ref().metadata().map(|metadata| metadata.len())
    })?;
    Ok((count, bytes))
}

fn add(archive: &mut Builder<impl Write>, path: &Path, name: &Path, is_program: bool) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(named)?;
    let length = file.metadata().map_err(named)?.len();
    archive.append_data(&mut header(length, is_program), name, file.take(length)).map_err(named)
}

/// The same files give the same bytes, whenever and by whom they are packed.
fn header(length: u64, is_program: bool) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(length);
    header.set_mode(if is_program { 0o755 } else { 0o644 });
    header.set_mtime(0);
    header
}

/// The files of a folder, seen from there: what is hidden is left out, and what says that it is a cache, as cargo's target
/// folder does.
fn files_below(root: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        if root.join(&folder).join("CACHEDIR.TAG").exists() {
            continue;
        }
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if entry.file_type()?.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

/// The compressor knows no errors: the first one ends what it reads, or what it writes, and is kept.
struct Kept<T> {
    inner: T,
    error: Option<io::Error>,
}

impl<T> Kept<T> {
    fn new(inner: T) -> Self {
        Self { inner, error: None }
    }
}

impl<T: Read> Read for &mut Kept<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.read(buffer),
            Err(error) => {
                self.error.get_or_insert(error);
                Ok(0)
            }
            read => read,
        }
    }
}

impl<T: Write> Write for &mut Kept<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.error.is_none()
            && let Err(error) = self.inner.write_all(bytes)
        {
            self.error = Some(error);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
