//! What an export learned of each notebook, kept in the target folder, so that the next one reads only what changed.
//!
//! It is a shortcut and nothing more: a notebook is taken from here only if a full reading of it could but come to
//! the same, without a word to say and with every file of it as it should be. Whatever else there is (an edit, a
//! module that somebody touched, a cache that is missing, broken or another nbexport's) is read in full. Deleting it is safe.
//!
//! That a file is unchanged is seen as git sees it, by its size, its times and its place on the disk; where those do not
//! settle it, by its content.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Exported;
use crate::export::manifest::Dependency;
use crate::files;
use crate::project::Project;

/// The cache of one project.
#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
    of: Option<Of>,
    entries: BTreeMap<String, Entry>,
}

/// What the entries depend on besides the notebooks. They hold for nothing else.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Of {
    version: String,
    /// Of the program's file: a version that is being worked on keeps its number.
    program: (u64, Duration),
    root: PathBuf,
    krate: PathBuf,
    crate_name: String,
}

/// A notebook that there was nothing to say of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    notebook: Seen,
    pub(super) files: Vec<(Exported, Seen)>,
    pub(super) dependencies: Vec<Dependency>,
}

/// A file's content, and what the file system said of it when it last had that content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    length: u64,
    hash: Hash,
    fingerprint: Option<Fingerprint>,
}

/// A SHA-256.
type Hash = [u64; 4];

/// What changes with every write to a file: size, times of content and of inode, inode and device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint(u64, (i64, i64), (i64, i64), u64, u64);

#[derive(Serialize)]
struct Written<'a> {
    of: &'a Of,
    entries: &'a BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Read {
    of: Of,
    entries: BTreeMap<String, Entry>,
}

/// Where times are coarse, or another machine's, a file can be written again and show the same times; after this long it
/// cannot.
const SETTLED: Duration = Duration::from_secs(2);

impl Cache {
    /// The cache of a project whose crate has this name; empty when there is none that fits.
    pub(super) fn read(project: &Project, crate_name: &str) -> Self {
        let path = files::own_folder(project).join("export.json");
        let of = Of::new(project, crate_name);
        let read: Option<Read> =
            files::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let entries = read.filter(|it| of.as_ref() == Some(&it.of)).map(|it| it.entries).unwrap_or_default();
        Self { path, of, entries }
    }

    /// What is known of the notebook in this file, if it is still as it was, and with `files` those made of it, too.
    pub(super) fn recall(&self, name: &str, path: &Path, krate: &Path, files: bool) -> Option<Entry> {
        let mut entry = self.entries.get(name)?.clone();
        let as_before = entry.notebook.is_in(path)
            && (!files || entry.files.iter_mut().all(|(file, seen)| seen.is_in(&krate.join(&file.path))));
        as_before.then_some(entry)
    }

    /// Keeps what is known now. That this fails (a full disk, a read-only one) is nobody's trouble: the next export takes
    /// longer.
    pub(super) fn keep(&self, entries: &BTreeMap<String, Entry>) {
        let Some(of) = &self.of else { return };
        if *entries == self.entries {
            return;
        }
        if let Ok(bytes) = serde_json::to_vec(&Written { of, entries }) {
            let _ = files::keep(&self.path, &bytes);
        }
    }
}

impl Of {
    fn new(project: &Project, crate_name: &str) -> Option<Self> {
        let program = fs::metadata(std::env::current_exe().ok()?).ok()?;
        let built = program.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            program: (program.len(), built),
            root: project.root.clone(),
            krate: project.krate.clone(),
            crate_name: crate_name.to_owned(),
        })
    }
}

impl Entry {
    pub(super) fn new(notebook: Seen, files: Vec<(Exported, Seen)>, dependencies: Vec<Dependency>) -> Self {
        Self { notebook, files, dependencies }
    }
}

impl Seen {
    /// What a file is to hold, or holds: then with the fingerprint it had before it was read.
    pub(super) fn new(text: &str, fingerprint: Option<Fingerprint>) -> Self {
        Self { length: text.len() as u64, hash: hash(text.as_bytes()), fingerprint }
    }

    /// The file was found to have this content; the fingerprint is from before it was read.
    pub(super) fn is_there(&mut self, fingerprint: Option<Fingerprint>) {
        self.fingerprint = fingerprint;
    }

    /// Whether a file has this content. If it has it under another fingerprint, that is remembered.
    fn is_in(&mut self, path: &Path) -> bool {
        let Ok(metadata) = fs::metadata(path) else { return false };
        if !metadata.is_file() || metadata.len() != self.length {
            return false;
        }
        let now = Fingerprint::new(&metadata);
        if now.is_some() && now == self.fingerprint {
            return true;
        }
        let fingerprint = Fingerprint::settled(&metadata);
        let same = files::read(path).is_ok_and(|bytes| hash(&bytes) == self.hash);
        if same {
            self.fingerprint = fingerprint;
        }
        same
    }
}

impl Fingerprint {
    /// Of a file that is about to be read; `None` if it changed so lately that it might again without showing it.
    pub(super) fn of(path: &Path) -> Option<Self> {
        Self::settled(&fs::metadata(path).ok()?)
    }

    fn settled(metadata: &Metadata) -> Option<Self> {
        let it = Self::new(metadata)?;
        let settled = SystemTime::now().checked_sub(SETTLED)?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let settled = i64::try_from(settled.as_secs()).ok()?;
        (it.1.0 < settled && it.2.0 < settled).then_some(it)
    }

    #[cfg(unix)]
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere there is none")]
    fn new(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let content = (metadata.mtime(), metadata.mtime_nsec());
        let inode = (metadata.ctime(), metadata.ctime_nsec());
        Some(Self(metadata.len(), content, inode, metadata.ino(), metadata.dev()))
    }

    /// Without a time that no program can set, only the content tells.
    #[cfg(not(unix))]
    fn new(_: &Metadata) -> Option<Self> {
        None
    }
}

fn hash(bytes: &[u8]) -> Hash {
    let digest = Sha256::digest(bytes);
    std::array::from_fn(|part| {
        digest[8 * part..][..8].iter().fold(0, |all, byte| all << 8 | u64::from(*byte))
    })
}
