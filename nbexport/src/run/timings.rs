//! How long each notebook took the last time, kept so that shares of them can be made of equal length.
//!
//! The file is what `nbexport test --format json` prints: an object for each notebook, of which the name and the seconds
//! count. The printed lines of several machines, one after the other, are such a file, too.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::Outcome;
use crate::diagnostic::{Diagnostic, Result};
use crate::files;
use crate::project::{self, Project};

/// The times, by notebook.
#[derive(Clone, Debug, Default)]
pub struct Timings(BTreeMap<String, Duration>);

/// Where a project keeps them, for each engine its own.
pub fn file_of(project: &Project, in_kernel: bool) -> PathBuf {
    let engine = if in_kernel { "kernel" } else { "native" };
    files::own_folder(project).join(format!("timings-{engine}.jsonl"))
}

impl Timings {
    /// Reads a file of them; none are known where there is no such file.
    ///
    /// # Errors
    /// It cannot be read, or is another kind of file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = match files::read_text(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                let message = format!("cannot read the times in `{}`: {error}", project::show(path));
                return Err(Diagnostic::error(message));
            }
        };
        let mut times = BTreeMap::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let value: Value = serde_json::from_str(line).unwrap_or_default();
            if !value.is_object() {
                let message = format!("`{}` is no file of times: line {}", project::show(path), index + 1);
                return Err(Diagnostic::error(message)
                    .note("a line of it is an object like {\"notebook\": \"notebooks/00.ipynb\", \"seconds\": 1.5}")
                    .help("name a new file, or one that holds what `nbexport test --format json` printed"));
            }
            let seconds = value["seconds"].as_f64().and_then(|it| Duration::try_from_secs_f64(it).ok());
            // What was not run took no time.
            if let (Some(name), Some(time)) = (value["notebook"].as_str(), seconds)
                && value["unchanged"] != true
            {
                times.insert(name.to_owned(), time);
            }
        }
        Ok(Self(times))
    }

    /// How long a notebook took.
    pub fn of(&self, notebook: &str) -> Option<Duration> {
        self.0.get(notebook).copied()
    }

    /// Takes over the times of notebooks that ran from their first cell to their last.
    pub fn learn(&mut self, outcomes: &[(String, Outcome)]) {
        for (name, outcome) in outcomes {
            if let Outcome::Ran(report) = outcome
                && !report.unchanged
                && report.failed() == 0
            {
                self.0.insert(name.clone(), report.time);
            }
        }
    }

    /// Writes them to a file, as a whole.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let line = |(name, time): (&String, &Duration)| {
            json!({ "notebook": name, "seconds": time.as_secs_f64() }).to_string() + "\n"
        };
        let text: String = self.0.iter().map(line).collect();
        files::keep(path, text.as_bytes()).map_err(|error| {
            Diagnostic::error(format!("cannot write the times to `{}`: {error}", project::show(path)))
        })
    }

    #[cfg(test)]
    pub(super) fn from_millis<'a>(times: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let times = times.into_iter();
        Self(times.map(|(name, time)| (name.to_owned(), Duration::from_millis(time.into()))).collect())
    }
}
