//! [`Case`]: a project in a temporary folder, the real binary run in it, and all that came of it as text.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use proptest::test_runner::{Config as ProptestConfig, RngSeed};
use serde_json::{Value, json};
use tempfile::TempDir;

/// So many random cases, the same ones for everybody; or as many new ones as `PROPTEST_CASES` asks for.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match asked {
        Some(cases) => ProptestConfig { cases, ..config },
        None => ProptestConfig { cases: usual, rng_seed: RngSeed::Fixed(9), ..config },
    }
}

/// Whether all these programs are installed; where one is not, says so.
pub(crate) fn has(programs: &[&str]) -> bool {
    // rustup's `rustfmt` is there without the component, and fails.
    let runs =
        |program: &&&str| Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success());
    let Some(missing) = programs.iter().find(|program| !runs(program)) else { return true };
    assert!(std::env::var_os("NBEXPORT_REQUIRE_TOOLS").is_none(), "there is no {missing}");
    eprintln!("skipped, since there is no {missing}");
    false
}

/// Passes a test over where a program that it runs is not installed: `cargo test` asks for Rust's compiler and cargo, and
/// for no more. `NBEXPORT_REQUIRE_TOOLS=1`, as in CI, makes that a failure.
macro_rules! needs {
    ($($program:literal),+) => {
        if !$crate::support::has(&[$($program),+]) {
            return;
        }
    };
}

/// A project on disk: a workspace with the crate `exp` and a folder of notebooks.
pub(crate) struct Case {
    folder: TempDir,
}

/// What a run of the binary came to. It displays as a snapshot: exit status, then what was printed where.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

const WORKSPACE: &str = "\
[workspace]
resolver = \"3\"
members = [\"exp\"]

[workspace.metadata.nbexport]
";

const MANIFEST: &str = "\
[package]
name = \"exp\"
version = \"0.1.0\"
edition = \"2024\"
";

impl Case {
    /// An empty project: no notebook yet, a crate with an empty `lib.rs`.
    pub(crate) fn new() -> Self {
        let case = Self::nothing();
        case.write("Cargo.toml", WORKSPACE);
        case.write("exp/Cargo.toml", MANIFEST);
        case.write("exp/src/lib.rs", "//! The crate.\n");
        fs::create_dir_all(case.path("notebooks")).unwrap();
        case
    }

    /// An empty folder.
    pub(crate) fn nothing() -> Self {
        Self { folder: tempfile::Builder::new().prefix("nbexport-test-").tempdir().unwrap() }
    }

    /// A project with one notebook, `notebooks/00_demo.ipynb`, of these [cells](cells).
    pub(crate) fn of(text: &str) -> Self {
        Self::new().notebook("00_demo", text)
    }

    /// The same with a notebook of these [cells](cells), in `notebooks/`.
    pub(crate) fn notebook(self, name: &str, text: &str) -> Self {
        self.file(&format!("notebooks/{name}.ipynb"), &notebook(text))
    }

    /// The same with a file of this text.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.write(name, text);
        self
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces a piece of a file that is there.
    pub(crate) fn replace(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "`{from}` is not in {name}:\n{text}");
        self.write(name, text.replacen(from, to, 1));
    }

    /// The text of a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Whether there is such a file or folder.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Where a file of the project is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// All files below a folder with their texts, `target` left out: two equal ones mean that nothing was written.
    pub(crate) fn files(&self, below: &str) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.path(below)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let name = path.strip_prefix(self.folder.path()).unwrap();
                if entry.file_type().unwrap().is_dir() {
                    if name != Path::new("target") {
                        folders.push(path);
                    }
                } else {
                    found.insert(name.display().to_string(), fs::read(&path).unwrap_or_default());
                }
            }
        }
        found
    }

    /// The same project elsewhere, without `target`.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::nothing();
        for (name, text) in self.files(".") {
            copy.write(&name, text);
        }
        copy
    }

    /// The names of all files of the crate.
    pub(crate) fn names(&self) -> Vec<String> {
        self.files("exp").into_keys().collect()
    }

    /// Sets a file's time to long ago, so that a write shows.
    pub(crate) fn age(&self, name: &str) -> SystemTime {
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let file = fs::File::options().append(true).open(self.path(name)).unwrap();
        file.set_modified(then).unwrap();
        then
    }

    /// When a file was written.
    pub(crate) fn written(&self, name: &str) -> SystemTime {
        fs::metadata(self.path(name)).unwrap().modified().unwrap()
    }

    /// The binary, in the project's folder, told nothing by the surroundings.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nbexport"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the binary with these arguments.
    pub(crate) fn run(&self, arguments: &str) -> Run {
        self.told(&self.command(arguments).output().unwrap())
    }

    /// Exports everything, which must succeed without a word of complaint.
    pub(crate) fn export(&self) -> Run {
        let run = self.run("");
        assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
        run
    }

    /// Exports everything and gives the one module that comes of it, from its first marker on.
    pub(crate) fn module(&self) -> String {
        self.export();
        let text = self.read("exp/src/nb_00.rs");
        let (_, below) = text.split_once("\n\n").unwrap_or(("", &text));
        below.to_owned()
    }

    /// Exports everything, which must be refused: with this exit status, with every error telling the cell (its
    /// number, line, column and id) and a way out, and with nothing written.
    pub(crate) fn refuses(&self, code: i32) -> String {
        let before = self.files("exp");
        let run = self.run("");
        assert_eq!(run.code, Some(code), "{run}");
        assert!(before == self.files("exp"), "something was written: {run}");
        for error in errors(&run.stderr) {
            assert!(has_place_in_cell(error), "no place in a cell:\n{error}");
            assert!(error.contains("the cell with id `"), "no id:\n{error}");
            assert!(error.contains("= help: "), "no way out:\n{error}");
        }
        run.stderr
    }

    /// The same for what is wrong with a file rather than with a cell.
    pub(crate) fn refuses_file(&self, code: i32) -> String {
        let before = self.files("exp");
        let run = self.run("");
        assert_eq!(run.code, Some(code), "{run}");
        assert!(before == self.files("exp"), "something was written: {run}");
        for error in errors(&run.stderr) {
            assert!(error.contains("= help: "), "no way out:\n{error}");
        }
        run.stderr
    }

    /// What a process printed, with the project's folder called `[project]`.
    pub(crate) fn told(&self, output: &Output) -> Run {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let real = self.folder.path().canonicalize().unwrap();
            text.replace(&real.display().to_string(), "[project]")
                .replace(&self.folder.path().display().to_string(), "[project]")
        };
        Run { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit status {code}")?,
            None => writeln!(f, "ended by a signal")?,
        }
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                write!(f, "--- {name}\n{text}")?;
            }
        }
        Ok(())
    }
}

/// The errors among what was printed, each from its first line on.
fn errors(stderr: &str) -> Vec<&str> {
    let starts: Vec<usize> = stderr
        .match_indices("error: ")
        .map(|(at, _)| at)
        .filter(|at| *at == 0 || stderr[..*at].ends_with('\n'))
        .collect();
    assert!(!starts.is_empty(), "no error:\n{stderr}");
    let ends = starts[1..].iter().copied().chain([stderr.len()]);
    starts.iter().zip(ends).map(|(start, end)| &stderr[*start..end]).collect()
}

/// Whether a diagnostic names a place like `notebooks/00_demo.ipynb:cell 3:1:9`.
fn has_place_in_cell(error: &str) -> bool {
    error
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--> ")?.split_once(".ipynb:cell "))
        .any(|(_, place)| place.split(':').filter(|part| part.parse::<usize>().is_ok()).count() == 3)
}

/// Sends a process a signal, by the shell's own `kill`: not every system has a program of this name.
pub(crate) fn kill(signal: &str, pid: impl fmt::Display) {
    Command::new("sh").args(["-c", &format!("kill -s {signal} {pid}")]).status().unwrap();
}

/// Sees that a process ends. A kill takes its time on a busy machine, and nobody but init may reap the process.
pub(crate) fn ends(pid: &str) {
    let start = Instant::now();
    let is_alive =
        || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while is_alive() {
        assert!(start.elapsed() < Duration::from_secs(20), "process {pid} lives on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A notebook as nbformat 4.5 writes it, from a readable text. A line `--- id` begins a code cell, `--- id KEY` one
/// of another kind or with a tag (`markdown`, `raw`, `raises-exception`). The text may be indented as a whole.
pub(crate) fn notebook(text: &str) -> String {
    let notebook = json!({
        "cells": cells(text),
        "metadata": {
            "kernelspec": {"display_name": "Rust", "language": "rust", "name": "rust"},
            "language_info": {"file_extension": ".rs", "name": "Rust"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    });
    pretty(&notebook)
}

/// JSON with the one space of indentation that Jupyter writes.
pub(crate) fn pretty(value: &Value) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    serde::Serialize::serialize(value, &mut serializer).unwrap();
    String::from_utf8(bytes).unwrap() + "\n"
}

/// The cells of a [notebook], as JSON.
pub(crate) fn cells(text: &str) -> Vec<Value> {
    let text = dedent(text);
    let mut cells: Vec<(&str, &str, String)> = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("--- ") {
            let (id, key) = head.split_once(' ').unwrap_or((head, ""));
            cells.push((id, key, String::new()));
        } else {
            let (_, _, source) = cells.last_mut().expect("a notebook begins with `--- id`");
            writeln!(source, "{line}").unwrap();
        }
    }
    cells.iter().map(|(id, key, source)| cell(id, key, source.trim_end_matches('\n'))).collect()
}

fn cell(id: &str, key: &str, source: &str) -> Value {
    let lines: Vec<&str> = source.split_inclusive('\n').collect();
    match key {
        "markdown" | "raw" => json!({"cell_type": key, "id": id, "metadata": {}, "source": lines}),
        _ => {
            let metadata = if key.is_empty() { json!({}) } else { json!({"tags": [key]}) };
            json!({
                "cell_type": "code", "execution_count": null, "id": id, "metadata": metadata,
                "outputs": [], "source": lines,
            })
        }
    }
}

/// The text without the indentation that all its lines share.
pub(crate) fn dedent(text: &str) -> String {
    let lines = text.strip_prefix('\n').unwrap_or(text).lines();
    let shared = lines
        .clone()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let cut: Vec<&str> = lines.map(|line| line.get(shared..).unwrap_or("")).collect();
    cut.join("\n").trim_end().to_owned()
}
