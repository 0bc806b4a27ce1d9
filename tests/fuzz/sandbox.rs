//! A project that a fuzzed command is run in: limited in memory and time, with an outside that must stay as it was.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What a command may take of memory; its stacks are address space that it does not use.
const MEMORY: u64 = 1 << 30;

/// Seconds of the processor; a command that waits for what never comes is stopped by the clock.
const LIMITS: (u64, Duration) = (10, Duration::from_mins(1));

/// The same for one that runs cargo.
const LIMITS_WITH_CARGO: (u64, Duration) = (60, Duration::from_mins(5));

pub(super) const NOTEBOOK: &str = "notebooks/00_fuzzed.ipynb";

const WORKSPACE: &str =
    "[workspace]\nresolver = \"3\"\nmembers = [\"exp\"]\n\n[workspace.metadata.nbexport]\n";
const MANIFEST: &str = "[package]\nname = \"exp\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

pub(super) struct Sandbox {
    folder: TempDir,
    count: usize,
}

/// A command that is running.
pub(super) struct Running {
    child: Child,
    arguments: String,
    output: [PathBuf; 2],
    clock: Duration,
    started: Instant,
}

/// What came of a command.
pub(super) struct Ended {
    pub(super) arguments: String,
    pub(super) code: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Why it was stopped.
    pub(super) stopped: Option<&'static str>,
    pub(super) took: Duration,
    /// The most memory it was seen to have in use.
    pub(super) memory: u64,
}

impl Sandbox {
    pub(super) fn new(notebook: &[u8]) -> Self {
        let folder = tempfile::Builder::new().prefix("nbexport-fuzz-").tempdir().unwrap();
        let sandbox = Self { folder, count: 0 };
        for name in ["project/notebooks", "project/exp/src", "temporary", "outside"] {
            fs::create_dir_all(sandbox.folder.path().join(name)).unwrap();
        }
        fs::write(sandbox.folder.path().join("outside/kept.txt"), "kept\n").unwrap();
        sandbox.write("Cargo.toml", WORKSPACE.as_bytes());
        sandbox.write("exp/Cargo.toml", MANIFEST.as_bytes());
        sandbox.write("exp/src/lib.rs", b"//! The crate.\n");
        sandbox.write(NOTEBOOK, notebook);
        let git = Command::new("git").args(["init", "--quiet"]).current_dir(sandbox.path("")).status();
        assert!(git.unwrap().success());
        sandbox
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("project").join(name)
    }

    pub(super) fn write(&self, name: &str, text: &[u8]) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn notebook(&self) -> Vec<u8> {
        fs::read(self.path(NOTEBOOK)).unwrap_or_default()
    }

    /// What stands in the generated files.
    pub(super) fn modules(&self) -> BTreeMap<PathBuf, String> {
        let mut modules = BTreeMap::new();
        let mut folders = vec![self.path("exp/src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else if let Ok(text) = fs::read_to_string(entry.path()) {
                    modules.insert(entry.path(), text);
                }
            }
        }
        modules
    }

    /// What is beside the project: `None` where it is as it was.
    pub(super) fn outside(&self) -> Option<String> {
        let names = |folder: &Path| {
            let mut names: Vec<String> = fs::read_dir(folder)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        };
        let top = names(self.folder.path());
        let outside = names(&self.folder.path().join("outside"));
        let kept = fs::read_to_string(self.folder.path().join("outside/kept.txt")).unwrap_or_default();
        let as_it_was =
            top == ["outside", "project", "temporary"] && outside == ["kept.txt"] && kept == "kept\n";
        (!as_it_was).then(|| format!("{top:?} {outside:?} {kept:?}"))
    }

    pub(super) fn start(&mut self, arguments: &str, stdin: Option<&[u8]>) -> Running {
        self.count += 1;
        let file = |name: &str| self.folder.path().join("temporary").join(format!("{name}{}", self.count));
        let output = [file("stdout"), file("stderr")];
        let input = match stdin {
            Some(bytes) => {
                File::create(file("stdin")).unwrap().write_all(bytes).unwrap();
                Stdio::from(File::open(file("stdin")).unwrap())
            }
            None => Stdio::null(),
        };
        let cargo = ["test", "cargo", "run", "prepare"].iter().any(|command| arguments.starts_with(command));
        let (processor, clock) = if cargo { LIMITS_WITH_CARGO } else { LIMITS };
        let limits = format!("ulimit -t {processor}; ulimit -c 0; exec \"$0\" \"$@\"");
        let child = Command::new("sh")
            .args(["-c", &limits, env!("CARGO_BIN_EXE_nbexport")])
            .args(arguments.split_whitespace())
            .current_dir(self.path(""))
            .env("NO_COLOR", "1")
            .env("RUST_BACKTRACE", "0")
            .env("TMPDIR", self.folder.path().join("temporary"))
            .stdin(input)
            .stdout(File::create(&output[0]).unwrap())
            .stderr(File::create(&output[1]).unwrap())
            .spawn()
            .unwrap();
        Running { child, arguments: arguments.to_owned(), output, clock, started: Instant::now() }
    }

    pub(super) fn run(&mut self, arguments: &str, stdin: Option<&[u8]>) -> Ended {
        self.start(arguments, stdin).wait()
    }
}

impl Running {
    pub(super) fn wait(mut self) -> Ended {
        let mut memory = 0;
        let mut pause = Duration::from_micros(500);
        let (status, stopped) = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break (status, None);
            }
            let now = memory_of(self.child.id());
            memory = memory.max(now);
            let grows = now > MEMORY;
            if grows || self.started.elapsed() > self.clock {
                self.child.kill().unwrap();
                break (self.child.wait().unwrap(), Some(if grows { "grows" } else { "hangs" }));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        let took = self.started.elapsed();
        let [stdout, stderr] = self.output.map(|path| fs::read(path).unwrap_or_default());
        Ended { arguments: self.arguments, code: status.code(), stdout, stderr, stopped, took, memory }
    }
}

/// The memory that a process has in use.
fn memory_of(process: u32) -> u64 {
    let pages = fs::read_to_string(format!("/proc/{process}/statm")).ok();
    let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}

impl Ended {
    /// What is wrong with a command whatever it was given.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let stderr = String::from_utf8_lossy(&self.stderr);
        faults.extend(self.stopped.map(str::to_owned));
        if !matches!(self.code, Some(0..=2)) {
            faults.push(format!("status {:?}", self.code));
        }
        if stderr.contains("panicked at") || stderr.contains("overflowed its stack") {
            faults.push("panics".to_owned());
        }
        // What is for a program goes out as it is.
        let for_programs = ["merge", "clean -", "json", "completions", "lsp"];
        let is_read = !for_programs.iter().any(|part| self.arguments.contains(part));
        let shown = [is_read.then_some(&self.stdout), Some(&self.stderr)];
        for bytes in shown.into_iter().flatten() {
            match std::str::from_utf8(bytes) {
                Err(_) => faults.push("prints what is not UTF-8".to_owned()),
                Ok(text) => {
                    let control = text
                        .replace("\r\n", "\n")
                        .chars()
                        .find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
                    faults.extend(control.map(|control| format!("prints {control:?}")));
                }
            }
        }
        let told = format!("{}{stderr}", String::from_utf8_lossy(&self.stdout));
        let named = [".ipynb", ".rs", "Cargo.toml", "stdin"];
        if stderr.contains("error:") && !named.iter().any(|name| told.contains(name)) {
            faults.push("names no file".to_owned());
        }
        faults
    }
}
