//! What the site of the last time still says: a page is made anew only when something that it is made of has changed.
//!
//! What a page is made of is its notebook, the files that it names, its neighbours' titles, and what holds for all pages
//! (settings, names, this program). Its HTML is not stored once more: it lies in the site, and counts while it has the
//! digest of the last time. A site made in this way is, byte for byte, the one that is made with nothing kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::page::Page;
use super::search::Part;
use crate::files;

/// What is known of a page.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Record {
    /// Of the notebook.
    pub(super) notebook: String,
    /// Of what holds for all pages, and of the neighbours.
    pub(super) around: String,
    pub(super) title: String,
    /// The modules that it exports to and that have a page of rustdoc's.
    pub(super) modules: Vec<String>,
    /// The files and folders that it names, each as it was.
    pub(super) named: Vec<(PathBuf, String)>,
    /// Its files below the site, the page itself among them, with their digests.
    pub(super) files: Vec<(String, String)>,
    /// Where its links lead, as they are written.
    pub(super) links: Vec<String>,
    /// The places within it.
    pub(super) ids: Vec<String>,
    /// Places of pages that it leads to.
    pub(super) fragments: Vec<(String, String)>,
    /// What search finds of it.
    pub(super) search: Part,
}

impl Record {
    /// Whether all that it names and all its files are as they were.
    pub(super) fn holds(&self, site: &Path) -> bool {
        self.named.iter().all(|(path, was)| state(path) == *was) && are_as_they_were(&self.files, site)
    }
}

/// The list of pages that stands beside each of them: scripts and frames of its own.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Listing {
    /// Of what holds for all pages, their titles and their files.
    pub(super) of: String,
    /// Its files below the site, with their digests.
    pub(super) files: Vec<(String, String)>,
}

impl Listing {
    /// The files that mdBook writes it to.
    pub(super) const FILES: [&str; 2] = ["toc.html", "toc.js"];

    /// Whether it is the list of these pages, in files that are as they were.
    pub(super) fn holds(&self, of: &str, site: &Path) -> bool {
        self.of == of && self.files.len() == Self::FILES.len() && are_as_they_were(&self.files, site)
    }
}

fn are_as_they_were(files: &[(String, String)], site: &Path) -> bool {
    files.iter().all(|(name, was)| {
        files::read(&site.join(name)).is_ok_and(|bytes| digest([bytes.as_slice()]) == *was)
    })
}

/// The records of a site's pages, by the path of the notebook below the project, and of their list.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Records {
    pages: BTreeMap<String, Record>,
    pub(super) listing: Listing,
}

impl Records {
    /// Those of the last time; none where they cannot be read.
    pub(super) fn load(work: &Path) -> Self {
        let text = files::read(&work.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The record of a notebook that is as it was.
    pub(super) fn take(&mut self, name: &str, notebook: &str) -> Option<Record> {
        self.pages.remove(name).filter(|record| record.notebook == notebook)
    }

    pub(super) fn insert(&mut self, name: String, record: Record) {
        self.pages.insert(name, record);
    }

    /// Without them the next site takes longer; so a full disk is no error here.
    pub(super) fn save(&self, work: &Path) {
        if let Ok(text) = serde_json::to_vec(self) {
            let _ = files::keep(&work.join(FILE), &text);
        }
    }
}

const FILE: &str = "pages.json";

pub(super) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// This very program: another one may make other pages.
pub(super) fn program() -> String {
    let file = std::env::current_exe().and_then(std::fs::metadata);
    let of = |file: std::fs::Metadata| format!("{} {:?}", file.len(), file.modified().ok());
    format!("{} {}", env!("CARGO_PKG_VERSION"), file.map(of).unwrap_or_default())
}

/// The files and folders that a page names, as they are now.
pub(super) fn named(page: &Page) -> Vec<(PathBuf, String)> {
    page.named.iter().map(|path| (path.clone(), state(path))).collect()
}

fn state(path: &Path) -> String {
    let place = path.canonicalize().unwrap_or_default();
    let what = match files::read(path) {
        Ok(bytes) => digest([bytes.as_slice()]),
        Err(_) if path.is_dir() => "folder".to_owned(),
        Err(error) => error.kind().to_string(),
    };
    format!("{}: {what}", place.display())
}
