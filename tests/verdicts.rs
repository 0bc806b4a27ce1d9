//! Small notebooks and the verdict that each of their cells deserves: the one table that both engines are held to.
//!
//! `verdicts/*.txt` are the table. `=== name` begins a row, and `--- verdict` ends each of its cells: what the real kernel
//! says, which a test asks it. Natively the same is right, with one difference that follows from a program: behind a
//! cell that stops it no other is reached. Where something else is right natively, it stands behind a bar:
//! `--- does not compile | not reached`, where the cell needs one that does not compile. A row that a program cannot have
//! says so in its name: `=== name | needs --kernel: total 1 2`, the name in question and the cells.

use std::fs;
use std::path::Path;

use nbexport::run::verdict::{FailureKind, Verdict};
use serde_json::json;

/// What is right to say about a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// It passes.
    Pass,
    /// It is left out.
    Skip,
    /// It panics, or a `?` of it returns an error.
    Stops,
    /// It does not compile.
    NoCompile,
    /// Its process ends.
    Ends,
    /// It hangs.
    Hangs,
    /// It runs or compiles, and was expected not to.
    Unexpected,
    /// An earlier cell failed, and it depends on that one or the process is gone.
    NotReached,
}

impl Right {
    /// Each with its name in the table.
    const NAMES: [(Self, &str); 8] = [
        (Self::Pass, "pass"),
        (Self::Skip, "skip"),
        (Self::Stops, "stops"),
        (Self::NoCompile, "does not compile"),
        (Self::Ends, "ends"),
        (Self::Hangs, "hangs"),
        (Self::Unexpected, "unexpected"),
        (Self::NotReached, "not reached"),
    ];

    fn parse(text: &str) -> Self {
        let found = Self::NAMES.into_iter().find(|(_, name)| *name == text.trim());
        found.unwrap_or_else(|| panic!("`{text}` is no verdict")).0
    }

    /// What was said about a cell, in the words of the table.
    pub(crate) fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Pass,
            Verdict::Skipped(_) => Self::Skip,
            Verdict::NotReached => Self::NotReached,
            Verdict::Failed(failure) => match failure.kind {
                FailureKind::Stopped => Self::Stops,
                FailureKind::NotCompiled => Self::NoCompile,
                FailureKind::ProcessEnded => Self::Ends,
                FailureKind::TimedOut => Self::Hangs,
                FailureKind::Unexpected => Self::Unexpected,
                FailureKind::Unknown => panic!("{}", failure.diagnostic.render(false)),
            },
        }
    }
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = Self::NAMES.into_iter().find(|(right, _)| right == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

/// One cell of a row.
#[derive(Clone, Debug)]
pub(crate) struct RowCell {
    /// Its text, with its tag after `#tag:` on a first line.
    pub(crate) text: String,
    /// What the kernel says.
    pub(crate) in_kernel: Right,
    /// What is right natively, where the table says it.
    natively: Option<Right>,
}

/// One small notebook.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The file it stands in.
    pub(crate) table: String,
    /// What it is about.
    pub(crate) name: String,
    pub(crate) cells: Vec<RowCell>,
    /// The name in question and the numbers of the cells, where a native run says that it needs the kernel.
    pub(crate) needs_kernel: Option<(String, Vec<usize>)>,
}

impl Row {
    /// Whether it changes what a kernel keeps through `:clear`, or does not come back.
    pub(crate) fn spoils_a_kernel(&self) -> bool {
        let harmless = [":vars", ":help", ":version", ":clear", ":type", ":t "];
        let changes = |line: &str| {
            line.starts_with("extern crate")
                || line.starts_with(':') && !harmless.iter().any(|name| line.starts_with(name))
        };
        let hangs = self.cells.iter().any(|cell| cell.in_kernel == Right::Hangs);
        hangs || self.cells.iter().flat_map(|cell| cell.text.lines()).any(changes)
    }

    /// What is right natively of each cell.
    pub(crate) fn natively(&self) -> Vec<Right> {
        let mut stopped = false;
        let right = |cell: &RowCell| {
            // What does not compile is known before anything runs.
            let is_known = matches!(cell.in_kernel, Right::NoCompile | Right::Skip);
            let usual = if stopped && !is_known { Right::NotReached } else { cell.in_kernel };
            stopped |= matches!(cell.in_kernel, Right::Stops | Right::Ends | Right::Hangs);
            cell.natively.unwrap_or(usual)
        };
        self.cells.iter().map(right).collect()
    }

    pub(crate) fn notebook(&self) -> String {
        notebook(&self.cells.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>())
    }
}

/// A notebook of these cells.
pub(crate) fn notebook(cells: &[&str]) -> String {
    let cell = |(index, text): (usize, &&str)| {
        let (tags, text) = match text.strip_prefix("#tag:").and_then(|rest| rest.split_once('\n')) {
            Some((tag, text)) => (vec![tag], text),
            None => (Vec::new(), *text),
        };
        json!({
            "cell_type": "code", "execution_count": null, "id": format!("cell-{}", index + 1),
            "metadata": {"tags": tags}, "outputs": [],
            "source": text.split_inclusive('\n').collect::<Vec<_>>(),
        })
    };
    let cells: Vec<_> = cells.iter().enumerate().map(cell).collect();
    let metadata = json!({"kernelspec": {"display_name": "Rust", "language": "rust", "name": "rust"}});
    let notebook = json!({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5});
    serde_json::to_string_pretty(&notebook).unwrap() + "\n"
}

/// The rows of all tables; of `NBEXPORT_VERDICT_ROWS=places,panic` only those of a table of such a name, or with such
/// a word in their name or text.
pub(crate) fn rows() -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/verdicts");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    let rows = paths.iter().flat_map(|path| {
        let table = path.file_stem().unwrap().to_str().unwrap();
        read(table, &fs::read_to_string(path).unwrap())
    });
    let mut rows: Vec<Row> = rows.collect();
    let Ok(words) = std::env::var("NBEXPORT_VERDICT_ROWS") else { return rows };
    let holds = |row: &Row, word: &str| {
        row.table == word || row.name.contains(word) || row.cells.iter().any(|cell| cell.text.contains(word))
    };
    rows.retain(|row| words.split(',').any(|word| holds(row, word)));
    rows
}

fn read(table: &str, text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("=== ") {
            let (name, needs) = name.split_once(" | needs --kernel: ").unwrap_or((name, ""));
            let mut words = needs.split(' ').filter(|word| !word.is_empty());
            let needs_kernel = words
                .next()
                .map(|about| (about.to_owned(), words.map(|word| word.parse().unwrap()).collect()));
            let (table, name) = (table.to_owned(), name.to_owned());
            rows.push(Row { table, name, cells: Vec::new(), needs_kernel });
        } else if let Some(verdict) = line.strip_prefix("--- ") {
            let (in_kernel, natively) = verdict.split_once('|').unwrap_or((verdict, ""));
            let natively = (!natively.is_empty()).then(|| Right::parse(natively));
            let cell = RowCell { text: lines.join("\n"), in_kernel: Right::parse(in_kernel), natively };
            rows.last_mut().unwrap().cells.push(cell);
            lines.clear();
        } else {
            lines.push(line);
        }
    }
    rows
}
