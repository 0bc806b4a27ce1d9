//! Reading files: regular ones of a sane size, and nothing that a read could hang on.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// More than any notebook has, and less than what makes a machine swap.
const MOST: u64 = 1 << 30;

/// The content of a regular file. What is none (a pipe, a folder, a device) is told at once: to open it could hang.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    must_be_regular(&fs::metadata(path)?)?;
    let file = open(path)?;
    let metadata = file.metadata()?;
    must_be_regular(&metadata)?;
    if metadata.len() > MOST {
        return Err(io::Error::other(format!("it is larger than {} GB", MOST >> 30)));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The same for a file that must be UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    File::options().read(true).custom_flags(flags.cast_signed()).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

fn must_be_regular(metadata: &fs::Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    if kind.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder, not a file"));
    }
    Err(io::Error::other("it is a pipe, a socket or a device, not a file"))
}
