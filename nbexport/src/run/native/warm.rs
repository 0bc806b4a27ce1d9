//! What the last run found: a program that is byte for byte the one whose cells all passed need not run again.
//!
//! The program holds the cells, the crate, the versions in the lock file, the profile, and the compiler's own version.
//! What it reads from elsewhere (a file, the network, the clock) it does not hold: `--fresh` runs it all the same.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::workspace::{Workspace, keep};
use crate::notebook::Notebook;
use crate::run::verdict::{NotebookReport, Verdict};

/// The record of one notebook's last good run.
pub(super) struct Record {
    path: PathBuf,
    /// What stands in it when nothing has changed since.
    key: String,
}

impl Record {
    /// The record for this program of a notebook; `None` when the program cannot be read.
    pub(super) fn of(
        workspace: &Workspace,
        package: &str,
        notebook: &Notebook,
        program: &Path,
    ) -> Option<Self> {
        let mut hash = Sha256::new();
        hash.update(std::fs::read(program).ok()?);
        // Cells that are left out are in no program; a change of one is a change all the same.
        for cell in notebook.cells.iter().filter(|cell| cell.is_code()) {
            hash.update(cell.text().len().to_le_bytes());
            hash.update(cell.text());
        }
        hash.update(env!("CARGO_PKG_VERSION"));
        Some(Self {
            path: workspace.root.join(package).join("passed"),
            key: format!("{:x?}", hash.finalize()),
        })
    }

    /// Whether the last run was of the same, and all cells passed.
    pub(super) fn holds(&self) -> bool {
        std::fs::read_to_string(&self.path).is_ok_and(|text| text == self.key)
    }

    /// Keeps what a run found: that all is well. Nothing is kept of any other run.
    pub(super) fn keep(&self, report: &NotebookReport) {
        let well =
            report.cells.iter().all(|cell| matches!(cell.verdict, Verdict::Passed | Verdict::Skipped(_)));
        if well {
            // Without it the next run runs the cells: nothing is lost but time.
            let _ = keep(&self.path, &self.key);
        }
    }
}
