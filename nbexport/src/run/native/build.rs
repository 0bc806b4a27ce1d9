//! The generated programs are built, and what the compiler says is dealt out to their cells.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::workspace::{Workspace, cargo};
use crate::diagnostic::{Diagnostic, Result};
use crate::run::process::Group;

/// What cargo says of one package.
#[derive(Clone, Debug, Default)]
pub(super) struct Built {
    /// Its programs, by name.
    pub(super) executables: BTreeMap<String, PathBuf>,
    /// What the compiler said of each program (or library), by name, in order.
    pub(super) messages: Vec<(String, Value)>,
}

/// What came of a build.
#[derive(Clone, Debug, Default)]
pub(super) struct Build {
    /// By package name.
    pub(super) packages: BTreeMap<String, Built>,
    /// What cargo itself said, in full.
    pub(super) said: String,
    /// Whether cargo got as far as building anything.
    pub(super) began: bool,
}

impl Build {
    /// The packages other than the generated ones that do not compile, with what the compiler said.
    pub(super) fn broken(&self) -> impl Iterator<Item = (&str, Vec<&Value>)> {
        self.packages.iter().filter(|(name, _)| !name.starts_with("nb_")).filter_map(|(name, built)| {
            let errors: Vec<_> = built
                .messages
                .iter()
                .map(|(_, message)| message)
                .filter(|message| is_error(message))
                .collect();
            (!errors.is_empty()).then_some((name.as_str(), errors))
        })
    }
}

/// Whether a compiler's message is an error about something.
pub(super) fn is_error(message: &Value) -> bool {
    message["level"].as_str().is_some_and(|level| level.starts_with("error"))
        && !message["spans"].as_array().is_none_or(Vec::is_empty)
        || message["level"] == "error: internal compiler error"
        || message["level"] == "error"
            && message["message"].as_str().is_some_and(|text| text.starts_with("linking"))
}

/// How to build.
#[derive(Clone, Copy, Debug)]
pub(super) struct How<'a> {
    /// `build`, `check` or `clippy`.
    pub(super) command: &'a str,
    /// Environment variables that notebooks set for the build.
    pub(super) env: &'a [(String, String)],
    /// Whether the network is not to be used.
    pub(super) offline: bool,
    /// What else is said to the command, behind `--`.
    pub(super) arguments: &'a [String],
}

/// Builds packages of the workspace, as far as each goes. `progress` hears what cargo is at, and `program` of each program
/// that there is, by its package: all that the compiler has to say of it is known by then.
pub(super) fn build(
    workspace: &Workspace,
    packages: &[&str],
    how: &How<'_>,
    progress: &(dyn Fn(&str) + Sync),
    program: &mut dyn FnMut(&Build, &str),
) -> Result<Build> {
    let mut command = Command::new(cargo());
    command
        .args([how.command, "--keep-going", "--bins", "--message-format=json-diagnostic-rendered-ansi"])
        .arg("--target-dir")
        .arg(workspace.target())
        .args(how.offline.then_some("--offline"))
        .args(packages.iter().flat_map(|package| ["-p", package]))
        .args((!how.arguments.is_empty()).then_some("--"))
        .args(how.arguments)
        .current_dir(&workspace.root)
        // Blocks within blocks, hundreds of them, overflow the compiler's usual stack.
        .env("RUST_MIN_STACK", (1 << 30).to_string())
        // What an outer cargo says of its own package is not true of these.
        .env_remove("CARGO_MANIFEST_DIR")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CARGO_BUILD_TARGET")
        .env("CARGO_TERM_PROGRESS_WHEN", "never")
        .env("CARGO_TERM_COLOR", "never")
        .envs(how.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let failed = |error: std::io::Error| Diagnostic::error(format!("cannot run cargo: {error}"));
    let mut group = Group::spawn(&mut command).map_err(failed)?;
    let (stdout, stderr) = group.take_output();
    let mut build = Build::default();
    std::thread::scope(|scope| {
        let said = scope.spawn(|| read_lines(stderr, |line| progress(line.trim())));
        read_lines(stdout, |line| {
            let event = serde_json::from_str::<Value>(line).ok();
            if let Some(package) = event.and_then(|event| take(&mut build, event)) {
                program(&build, &package);
            }
        });
        build.said = said.join().unwrap_or_default();
    });
    group.kill().map_err(failed)?;
    Ok(build)
}

/// Takes in what cargo tells. The package comes back of which a program was built.
fn take(build: &mut Build, mut event: Value) -> Option<String> {
    build.began = true;
    let package = event["package_id"].as_str().map(package_of).unwrap_or_default().to_owned();
    let target = event["target"]["name"].as_str().unwrap_or_default().to_owned();
    let reason = event["reason"].as_str().unwrap_or_default().to_owned();
    match reason.as_str() {
        "compiler-message" => {
            let message = event["message"].take();
            let messages = &mut build.packages.entry(package).or_default().messages;
            // For whose sake it was compiled comes behind an error, as a message of its own.
            if message["message"]
                .as_str()
                .is_some_and(|text| text.starts_with("the above error was encountered"))
                && let Some(notes) = messages.iter_mut().rev().find_map(|(of, last)| {
                    (*of == target && is_error(last)).then(|| last["children"].as_array_mut())?
                })
            {
                notes.push(message);
                return None;
            }
            messages.push((target, message));
        }
        "compiler-artifact" => {
            let executable = event["executable"].as_str()?.into();
            build.packages.entry(package.clone()).or_default().executables.insert(target, executable);
            return Some(package);
        }
        _ => {}
    }
    None
}

/// The name in a package id: `path+file:///x/nb_00#0.0.0`, `registry+…#serde@1.0.0`.
fn package_of(id: &str) -> &str {
    let (path, version) = id.rsplit_once('#').unwrap_or((id, ""));
    match version.split_once('@') {
        Some((name, _)) => name,
        None => Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path),
    }
}

/// Reads to the end, hands on each line, and returns the whole.
fn read_lines(from: Option<impl std::io::Read>, mut each: impl FnMut(&str)) -> String {
    let Some(from) = from else { return String::new() };
    let mut all = String::new();
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        each(text.trim_end());
        all.push_str(&text);
        line.clear();
    }
    let _ = reader.read_to_end(&mut line);
    all
}
