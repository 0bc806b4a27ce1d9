//! The table of verdicts, natively and in the real kernel.
//!
//! The kernel takes minutes for it, so it is asked where `NBEXPORT_REQUIRE_KERNEL=1` is set, as in CI.
//! `NBEXPORT_VERDICT_ROWS=panic,plot` chooses rows, by words of their names or texts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nbexport::diagnostic::Diagnostic;
use nbexport::notebook::Notebook;
use nbexport::project::Project;
use nbexport::run::kernel::{self, KernelOptions, RunOptions};
use nbexport::run::native::archive::{self, Archive};
use nbexport::run::partition::Partition;
use nbexport::run::timings::Timings;
use nbexport::run::verdict::NotebookReport;
use nbexport::run::{Options, Outcome, Select, native};

use crate::verdicts::{Right, Row, notebook, rows};

/// A project that stays from one run of the tests to the next, so that what is shared is compiled once. Its programs run
/// for a moment only: to optimize them would take most of the time.
fn lasting_project(rows: &[Row]) -> Project {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("table");
    let _ = fs::remove_dir_all(root.join("notebooks"));
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"exp\"]\n[workspace.metadata.nbexport]\n\
         profile = { opt-level = 0, debug = false }\n",
    );
    write("exp/Cargo.toml", "[package]\nname = \"exp\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    write("exp/src/lib.rs", "//! The crate.\n");
    for (index, row) in rows.iter().enumerate() {
        write(&format!("notebooks/{index:03}_row.ipynb"), &row.notebook());
    }
    Project::discover(&root, None).unwrap()
}

#[test]
fn there_are_many_cases_and_each_has_a_name_of_its_own() {
    if std::env::var_os("NBEXPORT_VERDICT_ROWS").is_some() {
        return;
    }
    let rows = rows();
    let names: std::collections::BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert!(names.len() == rows.len() && rows.len() >= 200, "{} rows, {} names", rows.len(), names.len());
}

/// Two at once, and a row that hangs is given up soon.
fn natively() -> Options {
    Options { jobs: 2, timeout: Some(Duration::from_secs(10)), keep_going: true, ..Options::default() }
}

#[test]
fn natively_every_cell_gets_the_verdict_it_deserves() {
    let rows = rows();
    let project = lasting_project(&rows);
    let paths: Vec<PathBuf> = project.notebook_paths().unwrap();
    let outcomes = native::test(&project, &paths, &natively(), &|_| ()).unwrap();
    hold(&rows, &outcomes);
    if std::env::var_os("NBEXPORT_REQUIRE_KERNEL").is_some() {
        elsewhere(&project, rows, paths, &outcomes);
    }
}

/// The verdicts are the same as shares, each on a machine of its own, and from an archive. That takes as long again, so it
/// is left to CI.
fn elsewhere(project: &Project, rows: Vec<Row>, paths: Vec<PathBuf>, outcomes: &[(String, Outcome)]) {
    let names: Vec<String> = paths.iter().map(|path| project.name_of(path)).collect();
    let mut timings = Timings::default();
    timings.learn(outcomes);
    for of in [2, 3, 5] {
        let mut union = BTreeMap::new();
        for share in 1..=of {
            let partition: Partition = format!("slice:{share}/{of}").parse().unwrap();
            let share = partition.of(names.clone(), &Select::default(), &timings);
            let paths: Vec<PathBuf> = share.iter().map(|name| project.root.join(name)).collect();
            union.extend(native::test(project, &paths, &natively(), &|_| ()).unwrap());
        }
        hold(&rows, &union.into_iter().collect::<Vec<_>>());
    }

    // All programs are a gigabyte: those of one table stand for the rest, unless rows are named.
    let (rows, paths): (Vec<Row>, Vec<PathBuf>) = match std::env::var_os("NBEXPORT_VERDICT_ROWS") {
        Some(_) => (rows, paths),
        None => rows.into_iter().zip(paths).filter(|(row, _)| row.table == "basics").unzip(),
    };
    let file = project.root.join("target/table.tar.zst");
    archive::build(project, &paths, Some(Vec::new()), &file, &natively(), &|_| ()).unwrap();
    let archive = Archive::open(&file).unwrap();
    let names = archive.notebooks();
    hold(&rows, &archive.test(&names, &natively(), &|_| ()).unwrap());
}

/// Holds what was said of the rows' notebooks against the table.
fn hold(rows: &[Row], outcomes: &[(String, Outcome)]) {
    assert_eq!(rows.len(), outcomes.len());
    let mut wrong = String::new();
    for (row, (_, outcome)) in rows.iter().zip(outcomes) {
        match outcome {
            Outcome::Ran(report) if row.needs_kernel.is_none() => {
                compare(&mut wrong, row, report, &row.natively());
            }
            Outcome::Unable(diagnostic) if diagnostic.message.contains("`--kernel`") => {
                let told = about(diagnostic);
                match &row.needs_kernel {
                    Some((name, cells)) if told.0.contains(&format!("`{name}`")) && told.1 == *cells => {}
                    needed => {
                        let _ = writeln!(wrong, "=== {}: needs --kernel\n{needed:?}, not {told:?}", row.name);
                    }
                }
            }
            Outcome::Unable(diagnostic) => {
                let _ = writeln!(wrong, "=== {}: {}", row.name, diagnostic.render(false));
            }
            other => {
                let _ = writeln!(wrong, "=== {}: {other:?}", row.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What a diagnostic says, and the numbers of the cells that it shows.
fn about(diagnostic: &Diagnostic) -> (String, Vec<usize>) {
    let shown = diagnostic.primary.iter().chain(&diagnostic.secondary);
    let number = |name: &str| name.rsplit_once(":cell ")?.1.parse().ok();
    let mut cells: Vec<usize> = shown.filter_map(|place| number(&place.source.name)).collect();
    cells.sort_unstable();
    cells.dedup();
    (diagnostic.render(false), cells)
}

/// Notes the cells of which something else was said than is right.
fn compare(wrong: &mut String, row: &Row, report: &NotebookReport, right: &[Right]) {
    for ((told, right), cell) in report.cells.iter().zip(right).zip(&row.cells) {
        let said = Right::of(&told.verdict);
        if said != *right {
            let _ = writeln!(wrong, "=== {}\n{}\n--- {said}, not {right}", row.name, cell.text);
            for (_, failure) in report.failures().filter(|(cell, _)| cell.number == told.number) {
                let _ = writeln!(wrong, "{}", failure.diagnostic.render(false));
            }
        }
    }
}

fn run(cells: &[&str], options: &RunOptions) -> NotebookReport {
    let notebook = Notebook::parse("x.ipynb", notebook(cells)).unwrap();
    kernel::run(&notebook, options, |_| ()).unwrap()
}

/// Rows in one kernel, which forgets what a row declared before the next one.
fn together(rows: &[&Row], options: &RunOptions) -> String {
    let mut wrong = String::new();
    let cells = rows.iter().flat_map(|row| row.cells.iter().map(|cell| cell.text.as_str()).chain([":clear"]));
    let mut report = run(&cells.collect::<Vec<_>>(), options);
    for row in rows {
        let rest = report.cells.split_off(row.cells.len() + 1);
        compare(&mut wrong, row, &report, &row.cells.iter().map(|cell| cell.in_kernel).collect::<Vec<_>>());
        report.cells = rest;
    }
    wrong
}

#[test]
fn in_the_kernel_every_cell_gets_the_verdict_that_the_table_says() {
    if std::env::var_os("NBEXPORT_REQUIRE_KERNEL").is_none() {
        eprintln!("skipped: NBEXPORT_REQUIRE_KERNEL is not set");
        return;
    }
    let spec = kernel::find(None).unwrap_or_else(|error| panic!("{error}"));
    let mut kernel = KernelOptions::new(spec, std::env::temp_dir());
    kernel.builds = kernel::builds_dir();
    hold_in_kernels(&kernel, &rows());
}

/// Asks kernels of this kind, two at once, for these rows.
pub(crate) fn hold_in_kernels(kernel: &KernelOptions, rows: &[Row]) {
    let options = |seconds| RunOptions {
        kernel: kernel.clone(),
        timeout: Some(Duration::from_secs(seconds)),
        keep_going: true,
        select: Select::default(),
    };
    let (alone, rest): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.spoils_a_kernel());
    let half = |rows: &[&Row]| {
        // One that goes astray takes no more than these with it.
        rows.chunks(40).map(|rows| together(rows, &options(180))).collect::<String>()
    };
    let (first, second) = rest.split_at(rest.len() / 2);
    let wrong: String = std::thread::scope(|scope| {
        let second = scope.spawn(|| half(second));
        let first = half(first);
        let hangs = |row: &Row| row.cells.iter().any(|cell| cell.in_kernel == Right::Hangs);
        let alone = alone.iter().map(|row| together(&[*row], &options(if hangs(row) { 20 } else { 180 })));
        first + &alone.collect::<String>() + &second.join().unwrap()
    });
    assert!(wrong.is_empty(), "{wrong}");
}
