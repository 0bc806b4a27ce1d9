//! What only cargo knows, asked beside the server's own work: the errors of a saved project, and which `:dep` line keeps
//! the workspace from being loaded.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crossbeam_channel::{Receiver, Sender, unbounded};
use serde_json::Value;

use super::model::{DepLine, Model};
use crate::cargo::{self, Said};
use crate::parallel;
use crate::project::Project;
use crate::run::native;

/// What was found.
pub(super) enum Checked {
    /// The compiler's messages about cells.
    Cargo(Vec<Value>),
    /// For each notebook the `:dep` lines that cargo refuses, and whether it refuses the project's crate.
    Manifests(Vec<(PathBuf, Vec<DepLine>)>, bool),
}

/// The checks that are under way.
pub(super) struct Checks {
    on_save: bool,
    sender: Sender<Checked>,
    pub(super) receiver: Receiver<Checked>,
    /// Projects to be checked; one check runs at a time.
    projects: Sender<Project>,
}

impl Checks {
    pub(super) fn new(on_save: bool) -> Self {
        let (sender, receiver) = unbounded();
        let (projects, wanted) = unbounded::<Project>();
        let found = sender.clone();
        std::thread::spawn(move || {
            while let Ok(mut project) = wanted.recv() {
                // Of several saves the last counts.
                while let Ok(later) = wanted.try_recv() {
                    project = later;
                }
                let messages = parallel::on_large_stack(|| check(&project));
                if found.send(Checked::Cargo(messages)).is_err() {
                    return;
                }
            }
        });
        Self { on_save, sender, receiver, projects }
    }

    /// Has cargo check the project as it was saved.
    pub(super) fn cargo(&self, project: &Project) {
        if self.on_save && project.is_configured {
            let _ = self.projects.send(project.clone());
        }
    }

    /// Sees whether cargo can load the workspace of the notebooks' programs, and which lines keep it from that.
    pub(super) fn manifests(&self, model: &Model) {
        let manifest = model.scratch.manifest();
        let lines = model.dep_lines();
        let krate = model.package();
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            let output = Command::new(native::cargo())
                .args(["metadata", "--format-version", "1", "--manifest-path"])
                .arg(&manifest)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .output();
            let Ok(output) = output else { return };
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() {
                return;
            }
            let is_refused =
                |name: &str| said.contains(&format!("`{name}`")) || said.contains(&format!("`{name} ="));
            let found = lines.into_iter().map(|(path, lines)| {
                let lines = lines.into_iter().filter(|(_, name, _)| is_refused(name));
                let lines = lines.map(|(cell, name, diagnostic)| (cell, name, diagnostic.note(said.trim())));
                (path, lines.collect())
            });
            let found = found.collect();
            let _ = sender.send(Checked::Manifests(found, krate.as_deref().is_some_and(is_refused)));
        });
    }
}

fn check(project: &Project) -> Vec<Value> {
    let messages = Mutex::new(Vec::new());
    let take = |said: Said| {
        if let Said::Json(mut message) = said
            && message["reason"] == "compiler-message"
            && let Ok(mut messages) = messages.lock()
        {
            messages.push(message["message"].take());
        }
    };
    let args = ["check", "--quiet", "--message-format=json"].map(str::to_owned);
    let _ = cargo::run(project, &args, false, &take);
    messages.into_inner().unwrap_or_default()
}
