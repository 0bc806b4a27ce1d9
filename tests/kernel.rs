//! The kernel engine against a real evcxr kernel: verdicts that are true, every time.
//!
//! Without a kernel these tests are passed over, and say so; `NBEXPORT_REQUIRE_KERNEL=1` makes that a failure.
//! `NBEXPORT_VERDICT_RUNS=5` runs every case five times, and with `NBEXPORT_VERDICT_CASES=panic,plot` only those whose
//! name or text holds one of these words.

use std::time::Duration;

use crate::verdicts::{CASES, Case, Engine, Right, notebook};
use nbexport::kernel::{self, KernelOptions, RunOptions};
use nbexport::notebook::Notebook;
use nbexport::verdict::{FailureKind, NotebookReport, Verdict};

/// How to run small notebooks, if there is a kernel.
fn options() -> Option<RunOptions> {
    let spec = match kernel::find(None) {
        Ok(spec) => spec,
        Err(error) if std::env::var_os("NBEXPORT_REQUIRE_KERNEL").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("skipped, since {error}");
            return None;
        }
    };
    let mut options = KernelOptions::new(spec, std::env::temp_dir());
    options.builds = kernel::builds_dir();
    Some(RunOptions { kernel: options, timeout: Some(Duration::from_mins(3)), keep_going: true })
}

fn run(cells: &[&str], options: &RunOptions) -> NotebookReport {
    let notebook = Notebook::parse("x.ipynb", notebook(cells)).unwrap();
    kernel::run(&notebook, options, |_| ()).unwrap().report
}

fn right(verdict: &Verdict) -> Right {
    match verdict {
        Verdict::Passed => Right::Pass,
        Verdict::Skipped(_) => Right::Skip,
        Verdict::NotReached => Right::NotReached,
        Verdict::Failed(failure) => match failure.kind {
            FailureKind::Stopped => Right::Stops,
            FailureKind::NotCompiled => Right::NoCompile,
            FailureKind::ProcessEnded => Right::Ends,
            FailureKind::TimedOut => Right::Hangs,
            FailureKind::Unexpected => Right::Unexpected,
            FailureKind::Unknown => panic!("{}", failure.diagnostic.render(false)),
        },
    }
}

fn runs() -> usize {
    std::env::var("NBEXPORT_VERDICT_RUNS").map_or(1, |runs| runs.parse().unwrap())
}

/// Whether a case is asked for.
fn is_wanted(case: &Case) -> bool {
    let Ok(words) = std::env::var("NBEXPORT_VERDICT_CASES") else { return true };
    let holds =
        |word: &str| case.name.contains(word) || case.cells.iter().any(|(text, _)| text.contains(word));
    words.split(',').any(holds)
}

fn hangs(case: &Case) -> bool {
    case.cells.iter().any(|(_, right)| *right == Right::Hangs)
}

#[test]
fn every_cell_gets_the_verdict_it_deserves() {
    let Some(options) = options() else { return };
    let cases =
        || CASES.iter().filter(|case| case.only != Some(Engine::Native) && !hangs(case) && is_wanted(case));
    // One kernel for all: it goes on after a failed cell, and what ends the process costs it only its variables.
    let cells: Vec<_> =
        cases().flat_map(|case| case.cells.iter().map(move |cell| (case.name, cell))).collect();
    let texts: Vec<_> = cells.iter().map(|(_, (text, _))| *text).collect();
    for round in 1..=runs() {
        let report = run(&texts, &options);
        let wrong: Vec<_> = cells
            .iter()
            .zip(&report.cells)
            .filter(|((_, (_, expected)), cell)| right(&cell.verdict) != *expected)
            .map(|((name, (text, expected)), cell)| {
                format!("{name}: {text}\nexpected {expected:?}, got {:?}", cell.verdict)
            })
            .collect();
        eprintln!("round {round}: {} cells in {:?}", report.cells.len(), report.time);
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
        let not_run: Vec<_> = report.cells.iter().flat_map(|cell| &cell.tests_not_run).collect();
        let holds_tests = texts.iter().any(|text| text.contains("fn never_run"));
        assert_eq!(not_run, if holds_tests { vec!["never_run"] } else { vec![] });
    }
}

#[test]
fn a_cell_that_hangs_is_killed_and_named() {
    let Some(mut options) = options() else { return };
    options.timeout = Some(Duration::from_secs(10));
    for case in CASES.iter().filter(|case| hangs(case)) {
        let texts: Vec<_> = case.cells.iter().map(|(text, _)| *text).collect();
        let report = run(&texts, &options);
        for ((_, expected), cell) in case.cells.iter().zip(&report.cells) {
            assert_eq!(right(&cell.verdict), *expected, "{}", case.name);
        }
        let (_, failure) = report.failures().next().unwrap();
        assert_eq!(failure.printed, "round\n");
        assert_eq!(failure.diagnostic.location().as_deref(), Some("x.ipynb:cell 1:1:1"));
    }
}

/// The reader is told where: verdicts do not depend on it, but people do.
#[test]
fn failures_are_explained_at_their_line() {
    let Some(options) = options() else { return };
    let texts = [
        "fn check(x: i32) {\n    assert_eq!(x, 2, \"x is off\");\n}",
        "println!(\"so far\");\ncheck(1);",
        "// first\nlet missing: Option<i32> = None;\nmissing.expect(\"there is one\")",
        "let a = 1;\nlet b: i32 = \"x\";",
        "let read = std::fs::read_to_string(\"/no/such/file\")?;",
        "let gen = 1;",
    ];
    let report = run(&texts, &options);
    let told: Vec<_> = report.failures().map(|(_, failure)| &failure.diagnostic).collect();
    let said: Vec<_> = told.iter().map(|told| (told.location().unwrap(), told.message.clone())).collect();
    let expected = [
        (
            "x.ipynb:cell 1:2:5",
            "the cell panicked: assertion `left == right` failed: x is off\n  left: 1\n right: 2",
        ),
        ("x.ipynb:cell 3:3:9", "the cell panicked: there is one"),
        ("x.ipynb:cell 4:2:14", "[E0308] mismatched types"),
        ("x.ipynb:cell 5:1:1", "an error was returned: No such file or directory (os error 2)"),
        (
            "x.ipynb:cell 6:1:5",
            "this cell does not parse as Rust: expected identifier, found reserved keyword `gen`",
        ),
    ];
    assert_eq!(said, expected.map(|(place, message)| (place.to_owned(), message.to_owned())));
    assert_eq!(report.failures().next().unwrap().1.printed, "so far\n");
}
