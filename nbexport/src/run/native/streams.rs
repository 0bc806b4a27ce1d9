//! What a program prints: a file each for stdout and stderr, and the part of them that is a cell's.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::files;
use crate::run::outputs::{Bounded, LIMIT};

/// How much a program may print before it is stopped: a loop that prints would fill the disk.
const MOST_OUTPUT: u64 = 1 << 30;

/// How much had been printed to stdout and to stderr at some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) out: u64,
    pub(super) err: u64,
}

impl Written {
    /// As the program tells it: `12,34`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (out, err) = text.split_once(',')?;
        Some(Self { out: out.parse().ok()?, err: err.parse().ok()? })
    }
}

/// The files that a program prints to.
#[derive(Debug)]
pub(super) struct Streams {
    out: PathBuf,
    err: PathBuf,
}

impl Streams {
    pub(super) fn below(folder: &Path) -> Self {
        Self { out: folder.join("stdout"), err: folder.join("stderr") }
    }

    /// The files to give to the program, for stdout and stderr.
    pub(super) fn open(&self) -> std::io::Result<[File; 2]> {
        Ok([files::scratch(&self.out)?, files::scratch(&self.err)?])
    }

    /// How much has been printed so far.
    pub(super) fn written(&self) -> Written {
        let length = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len());
        Written { out: length(&self.out), err: length(&self.err) }
    }

    /// Whether it is more than any notebook needs.
    pub(super) fn is_flooded(&self) -> bool {
        let Written { out, err } = self.written();
        out + err > MOST_OUTPUT
    }

    /// What was printed between two times, to stdout and to stderr; of a flood, the ends.
    pub(super) fn between(&self, from: Written, to: Written) -> [String; 2] {
        [part(&self.out, from.out, to.out), part(&self.err, from.err, to.err)]
    }
}

fn part(path: &Path, from: u64, to: u64) -> String {
    let mut text = Bounded::new(LIMIT);
    let Ok(mut file) = File::open(path).and_then(|mut file| file.seek(SeekFrom::Start(from)).map(|_| file))
    else {
        return String::new();
    };
    let mut left = to.saturating_sub(from);
    let mut bytes = Vec::new();
    while left > 0 {
        let read = file.by_ref().take(left.min(1 << 20)).read_to_end(&mut bytes).unwrap_or(0);
        if read == 0 {
            break;
        }
        left -= read as u64;
        // A character may be cut by the end of a piece; it is read on with the next.
        let whole = match std::str::from_utf8(&bytes) {
            Err(error) if error.error_len().is_none() && left > 0 => error.valid_up_to(),
            _ => bytes.len(),
        };
        text.push(&String::from_utf8_lossy(&bytes[..whole]));
        bytes.drain(..whole);
    }
    text.finish()
}
