//! `just fuzz SECONDS`: wrong notebooks through all commands and an editor, two-sided edits, commands side by side with saves.
//!
//! No command may panic, hang, grow without end, end with another status than 0, 1 or 2, send the terminal a command,
//! touch what is beside the project, complain without saying of what, or lose what somebody typed. A notebook that made
//! one do so goes to `tests/corpus`, which the tests run from then on. `FUZZ_SEED` runs the rounds of an earlier time,
//! `FUZZ_ROUND` one of them.

mod corpus;
mod editor;
mod mutate;
mod sandbox;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::Value;

use self::mutate::{mutated, pick, text, token_line};
use self::sandbox::{Ended, NOTEBOOK, Sandbox};

/// What a project's notebook may be put through.
#[rustfmt::skip]
const COMMANDS: &[&str] = &[
    "", "--check", "--format json", "export --check --format json", "fmt", "fmt --check", "clean", "clean --check",
    "clean --outputs", "migrate", "migrate --check", "sync", "diff notebooks/00_fuzzed.ipynb", "hooks check", "-q", "-v",
    "notebooks/00_fuzzed.ipynb", "diff base.ipynb notebooks/00_fuzzed.ipynb", "clean -",
    "diff --textconv notebooks/00_fuzzed.ipynb",
];
/// The same of what takes a compiler.
const WITH_CARGO: &[&str] = &[
    "test --timeout 5",
    "cargo check",
    "run --native --timeout 5",
    "run --native --check --timeout 5",
    "prepare --timeout 5",
    "prepare --check --timeout 5",
];
/// What only a program with the feature knows.
const SITE: &[&str] = &["docs --no-api", "docs --no-api --trust"];
/// What may drop text, since it is told to.
const DROPPING: &[&str] = &["export --force", "sync --ours", "sync --theirs"];

/// The notebooks that go wrong: the project's own, the test's, those that once broke something.
fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["notebooks", "tests/fixtures/notebooks", "tests/corpus"];
    let paths: Vec<PathBuf> =
        folders.iter().flat_map(|folder| corpus::notebooks_below(&root.join(folder))).collect();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The cells of a notebook of some size, some of them: a command on all of a long one says no more.
fn some_cells(rng: &mut TestRng, bytes: &[u8]) -> Vec<u8> {
    let Ok(mut notebook) = serde_json::from_slice::<Value>(bytes) else { return bytes.to_vec() };
    if let Some(cells) = notebook["cells"].as_array_mut().filter(|cells| cells.len() > 12) {
        let start = rng.random_range(0..cells.len() - 12);
        *cells = cells[start..start + 12].to_vec();
    }
    crate::support::pretty(&notebook).into_bytes()
}

/// What is like no other in a text: `x1234567x`.
fn tokens(text: &str) -> BTreeSet<String> {
    text.match_indices('x')
        .filter_map(|(at, _)| text.get(at..at + 9))
        .filter(|it| it.ends_with('x') && it[1..8].bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_owned)
        .collect()
}

/// The tokens in the cells' sources; `None` when the text is no notebook.
fn typed(notebook: &[u8]) -> Option<BTreeSet<String>> {
    let notebook: Value =
        serde_json::from_slice(notebook.strip_prefix(b"\xef\xbb\xbf").unwrap_or(notebook)).ok()?;
    let cells = notebook["cells"].as_array()?;
    Some(cells.iter().filter_map(|cell| text(&cell["source"])).flat_map(|source| tokens(&source)).collect())
}

fn everywhere(sandbox: &Sandbox) -> BTreeSet<String> {
    let mut all = typed(&sandbox.notebook()).unwrap_or_default();
    all.extend(sandbox.modules().values().flat_map(|module| tokens(module)));
    all
}

/// What was done, and what was wrong with it.
#[derive(Default)]
struct Tally {
    round: u64,
    commands: usize,
    slowest: (Duration, String),
    largest: (u64, String),
    by_status: BTreeMap<String, usize>,
    faults: Vec<String>,
}

impl Tally {
    fn count(&mut self, ended: &Ended) {
        self.commands += 1;
        if ended.took > self.slowest.0 {
            self.slowest = (ended.took, ended.arguments.clone());
        }
        if ended.memory > self.largest.0 {
            self.largest = (ended.memory, ended.arguments.clone());
        }
        let status = ended.code.map_or_else(|| "signal".to_owned(), |code| code.to_string());
        *self.by_status.entry(status).or_default() += 1;
    }

    fn fault(&mut self, what: &str, ended: &Ended, notebook: &[u8]) {
        let mut told = String::from_utf8_lossy(&ended.stderr).into_owned();
        told.truncate(told.floor_char_boundary(1_500));
        let name = nbexport::notebook::short_hash(&format!("{what}{}", String::from_utf8_lossy(notebook)));
        let path = found().join(format!("{name}.ipynb"));
        fs::create_dir_all(found()).unwrap();
        fs::write(&path, notebook).unwrap();
        let fault = format!(
            "round {}: `nbexport {}`: {what}\n{}\n{told}",
            self.round,
            ended.arguments,
            path.display()
        );
        println!("FAULT {fault}\n");
        self.faults.push(fault);
    }
}

/// Where what was found goes first; a person takes it to `tests/corpus` under a name that tells what it is about.
fn found() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz")
}

/// A wrong notebook through some commands, one after the other, with edits between them.
fn one_after_the_other(rng: &mut TestRng, seed: &[u8], tally: &mut Tally) {
    let mut sandbox = Sandbox::new(&mutated(rng, seed));
    sandbox.write("base.ipynb", seed);
    // What was typed into modules, until a notebook has it.
    let mut by_hand = BTreeSet::new();
    for _ in 0..rng.random_range(2..7) {
        let kind = rng.random_range(0..40);
        let drops = kind < 3;
        // Dependencies would be compiled anew for each notebook.
        let is_small = !String::from_utf8_lossy(&sandbox.notebook()).contains(":dep");
        let command = pick(
            rng,
            match kind {
                0..=2 => DROPPING,
                3 if is_small => WITH_CARGO,
                4..=5 if cfg!(feature = "docs") => SITE,
                _ => COMMANDS,
            },
        );
        let (notebook, modules) = (sandbox.notebook(), sandbox.modules());
        // A cell that is taken out of the notebook goes from the module as well; what is no notebook takes out nothing.
        let before = match typed(&notebook) {
            Some(typed) => &typed | &by_hand,
            None => everywhere(&sandbox),
        };
        let ended = sandbox.run(command, Some(&notebook));
        tally.count(&ended);
        let mut faults = ended.faults();
        if let Some(outside) = sandbox.outside() {
            faults.push(format!("touches what is beside the project: {outside}"));
        }
        if typed(&notebook).is_some() && typed(&sandbox.notebook()).is_none() {
            faults.push("leaves no notebook".to_owned());
        }
        let lost: Vec<String> = before.difference(&everywhere(&sandbox)).cloned().collect();
        if !drops && !lost.is_empty() {
            let modules = modules.iter().filter(|(_, text)| lost.iter().any(|it| text.contains(it.as_str())));
            let names: Vec<&PathBuf> = modules.map(|(path, _)| path).collect();
            faults.push(format!("loses {lost:?} of {names:?}"));
        }
        if !faults.is_empty() {
            for (path, text) in &modules {
                fs::create_dir_all(found()).unwrap();
                fs::write(found().join(path.file_name().unwrap()), text).unwrap();
            }
            return tally.fault(&faults.join(", "), &ended, &notebook);
        }
        let in_cells = typed(&sandbox.notebook()).unwrap_or_default();
        by_hand.retain(|token| !drops && !in_cells.contains(token));
        match rng.random_range(0..3) {
            0 => sandbox.write(NOTEBOOK, &mutated(rng, &sandbox.notebook())),
            1 => {
                let modules: Vec<(PathBuf, String)> = sandbox.modules().into_iter().collect();
                if !modules.is_empty() {
                    let (path, module) = pick(rng, &modules);
                    let mut rows: Vec<String> = module.lines().map(str::to_owned).collect();
                    let (at, line) = (rng.random_range(0..=rows.len()), token_line(rng));
                    by_hand.extend(tokens(&line));
                    rows.insert(at, line);
                    fs::write(path, rows.join("\n") + "\n").unwrap();
                }
            }
            _ => {}
        }
    }
}

/// Two people edit one notebook.
fn two_sided(rng: &mut TestRng, seed: &[u8], tally: &mut Tally) {
    let mut sandbox = Sandbox::new(seed);
    let (ours, theirs) = (mutated(rng, seed), mutated(rng, seed));
    for (name, text) in [("base", seed), ("ours", &ours), ("theirs", &theirs)] {
        sandbox.write(&format!("{name}.ipynb"), text);
    }
    let ended = sandbox.run("merge base.ipynb ours.ipynb theirs.ipynb", None);
    tally.count(&ended);
    let mut faults = ended.faults();
    let base = typed(seed).unwrap_or_default();
    if let (Some(0..=1), Some(ours), Some(theirs)) = (ended.code, typed(&ours), typed(&theirs)) {
        let merged = tokens(&String::from_utf8_lossy(&ended.stdout));
        let lost: Vec<&String> =
            ours.union(&theirs).filter(|it| !base.contains(*it) && !merged.contains(*it)).collect();
        if !lost.is_empty() {
            faults.push(format!("loses {lost:?}"));
        }
        if ended.code == Some(0) && typed(&ended.stdout).is_none() {
            faults.push("gives no notebook".to_owned());
        }
    }
    if !faults.is_empty() {
        tally.fault(&faults.join(", "), &ended, &ours);
        fs::write(found().join("theirs.ipynb"), &theirs).unwrap();
        fs::write(found().join("base.ipynb"), seed).unwrap();
    }
}

/// Several commands at once, while somebody saves the notebook or a module.
fn side_by_side(rng: &mut TestRng, seed: &[u8], tally: &mut Tally) {
    let mut sandbox = Sandbox::new(seed);
    let ended = sandbox.run("", None);
    tally.count(&ended);
    let notebook_is_saved = rng.random_range(0..2) == 0;
    // Whoever saves a notebook that a sync has just written takes back what the sync brought.
    let commands: &[&str] = if notebook_is_saved {
        &["", "fmt", "clean", "migrate", "--check"]
    } else {
        &["", "sync", "fmt", "clean"]
    };
    let running: Vec<_> = (0..rng.random_range(1..4))
        .map(|_| {
            let command = pick(rng, commands);
            sandbox.start(command, None)
        })
        .collect();
    let mut saved = BTreeSet::new();
    for _ in 0..rng.random_range(1..6) {
        std::thread::sleep(Duration::from_micros(rng.random_range(0..30_000)));
        let line = token_line(rng);
        if notebook_is_saved {
            let Ok(mut notebook) = serde_json::from_slice::<Value>(&sandbox.notebook()) else { continue };
            let Some(cells) = notebook["cells"].as_array_mut().filter(|cells| !cells.is_empty()) else {
                continue;
            };
            let at = rng.random_range(0..cells.len());
            let Some(source) = text(&cells[at]["source"]) else { continue };
            let source = format!("{source}\n{line}");
            cells[at]["source"] = source.split_inclusive('\n').map(Value::from).collect();
            sandbox.write(NOTEBOOK, crate::support::pretty(&notebook).as_bytes());
        } else {
            let modules: Vec<(PathBuf, String)> = sandbox.modules().into_iter().collect();
            let Some((path, module)) = modules.iter().find(|(path, _)| path.ends_with("nb_00.rs")) else {
                continue;
            };
            fs::write(path, format!("{module}\n{line}\n")).unwrap();
        }
        saved.extend(tokens(&line));
    }
    for running in running {
        let ended = running.wait();
        tally.count(&ended);
        let faults = ended.faults();
        if !faults.is_empty() {
            tally.fault(&faults.join(", "), &ended, seed);
        }
    }
    let lost: Vec<String> = saved.difference(&everywhere(&sandbox)).cloned().collect();
    if !lost.is_empty() {
        tally.fault(&format!("{commands:?} with saves: loses {lost:?}"), &ended, seed);
    }
}

#[test]
#[ignore = "just fuzz"]
fn fuzz() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("FUZZ_SECONDS").unwrap_or(60);
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let seed = number("FUZZ_SEED").unwrap_or_else(now);
    println!("FUZZ_SEED={seed}");
    let (seeds, started, mut tally) = (seeds(), Instant::now(), Tally::default());
    let only = number("FUZZ_ROUND");
    while started.elapsed() < Duration::from_secs(seconds) && only.is_none_or(|round| tally.round < round) {
        tally.round = only.unwrap_or(tally.round + 1);
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(seed * 1_000_000 + tally.round).to_le_bytes());
        let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let notebook = pick(&mut rng, &seeds);
        let notebook = some_cells(&mut rng, &notebook);
        match rng.random_range(0..10) {
            0 => side_by_side(&mut rng, &notebook, &mut tally),
            1..=3 => two_sided(&mut rng, &notebook, &mut tally),
            4 => editor::session(&mut rng, &notebook, &mut tally),
            _ => one_after_the_other(&mut rng, &notebook, &mut tally),
        }
    }
    println!("{} rounds, {} commands, by status {:?}", tally.round, tally.commands, tally.by_status);
    println!("the slowest: {:?}", tally.slowest);
    println!("the largest: {} MB, {:?}", tally.largest.0 >> 20, tally.largest.1);
    assert!(tally.faults.is_empty(), "{} faults:\n\n{}", tally.faults.len(), tally.faults.join("\n\n"));
}
