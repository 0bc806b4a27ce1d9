//! The notebooks as a reader meets them: short cells that were run, pictures that show in a fresh clone, prose that takes
//! turns with code, and no measured time in prose that an output does not show.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Code cells that may be longer than [`LONGEST`], each with the reason.
const LONG: &[(&str, &str, &str)] = &[
    ("02_fully_connected", "test-torch", "inputs by formula and PyTorch's numbers stand beside each other"),
    ("03_minibatch_training", "step-impl", "one impl of a trait with six methods of a line each"),
    ("03_minibatch_training", "sequential-impl", "one impl of a trait with four methods of a few lines each"),
    ("03b_tiles", "*", "code for the vector unit: what belongs to one loop has to stay in one function"),
];

/// Lines of a cell that a reader takes in at a glance: without documentation, directives and dependencies.
const LONGEST: usize = 20;

/// The same where each cell is a step that makes a program faster, and is read beside the one before.
const LONGEST_STEP: (&str, usize) = ("03a_faster", 15);

/// How many code cells may follow each other without a word.
const RUN: usize = 4;

/// Cells of a notebook from 04 on: an evening's reading.
const PAGE: usize = 120;

/// What JupyterLab shows of a notebook that it does not trust, as a fresh clone's is not.
const SAFE: [&str; 4] = ["text/plain", "text/markdown", "image/png", "image/jpeg"];

/// A notebook of the course, by its name.
struct Notebook {
    name: String,
    cells: Vec<Value>,
}

/// All notebooks, in order.
fn notebooks() -> Vec<Notebook> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../notebooks");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|e| e == "ipynb")).collect();
    files.sort();
    let read = |path: &PathBuf| {
        let notebook: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Notebook { name, cells: notebook["cells"].as_array().unwrap().clone() }
    };
    files.iter().map(read).collect()
}

/// Source or output text, which Jupyter keeps as a string or as a list of lines.
fn text(value: &Value) -> String {
    match value {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

fn is_code(cell: &Value) -> bool {
    cell["cell_type"] == "code"
}

/// Fails with everything that was found, a line each.
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

/// What `judge` has to say against cells, each with its notebook and id.
fn against(judge: impl Fn(&Notebook, &Value) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    for notebook in notebooks() {
        for (i, cell) in notebook.cells.iter().enumerate() {
            if let Some(problem) = judge(&notebook, cell) {
                found.push(format!("{}:cell {i} ({}): {problem}", notebook.name, text(&cell["id"])));
            }
        }
    }
    found
}

#[test]
fn every_code_cell_was_run() {
    none(
        "cells that were not run",
        &against(|_, cell| {
            (is_code(cell) && cell["execution_count"].is_null()).then(|| "no execution count".to_owned())
        }),
    );
}

#[test]
fn no_code_cell_is_longer_than_a_glance() {
    let long = against(|notebook, cell| {
        let source = text(&cell["source"]);
        let is_line = |line: &&str| {
            let line = line.trim();
            !(line.is_empty()
                || line.starts_with("///")
                || line.starts_with("//|")
                || line.starts_with(":dep"))
        };
        let lines = source.lines().filter(is_line).count();
        let id = text(&cell["id"]);
        let excused =
            LONG.iter().any(|(name, cell, _)| *name == notebook.name && (*cell == "*" || *cell == id));
        let longest = if notebook.name == LONGEST_STEP.0 { LONGEST_STEP.1 } else { LONGEST };
        (is_code(cell) && lines > longest && !excused).then(|| format!("{lines} lines"))
    });
    none("cells that are too long, without a reason in this file", &long);
}

#[test]
fn the_notebooks_of_the_second_part_are_no_longer_than_a_page() {
    let later = |notebook: &&Notebook| notebook.name.as_str() >= "04";
    let long: Vec<_> = notebooks()
        .iter()
        .filter(later)
        .filter(|it| it.cells.len() > PAGE)
        .map(|it| it.name.clone())
        .collect();
    none("notebooks of more than 120 cells", &long);
}

#[test]
fn every_output_shows_in_a_notebook_that_is_not_trusted() {
    none(
        "outputs that a fresh clone would not show",
        &against(|_, cell| {
            let outputs = cell["outputs"].as_array()?;
            let shows =
                |data: &serde_json::Map<String, Value>| data.keys().any(|kind| SAFE.contains(&kind.as_str()));
            let hidden =
                outputs.iter().filter_map(|output| output["data"].as_object()).find(|data| !shows(data))?;
            Some(hidden.keys().cloned().collect::<Vec<_>>().join(", "))
        }),
    );
}

#[test]
fn code_and_prose_take_turns() {
    let mut found = Vec::new();
    for notebook in notebooks() {
        for run in notebook.cells.chunk_by(|a, b| is_code(a) == is_code(b)) {
            if is_code(&run[0]) && run.len() > RUN {
                found.push(format!(
                    "{}: {} code cells from {}",
                    notebook.name,
                    run.len(),
                    text(&run[0]["id"])
                ));
            }
        }
    }
    none("code cells without a word between them", &found);
}

/// The times in a text, such as `34.2 ms`, as they are written.
fn times(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let unit = |word: &str| {
        let word = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        ["ns", "µs", "ms", "s"].into_iter().find(|unit| *unit == word)
    };
    let number = |word: &str| {
        let word = word.trim_start_matches(|c: char| !c.is_ascii_digit());
        (word.parse::<f64>().is_ok()).then(|| word.to_owned())
    };
    words.windows(2).filter_map(|two| Some(format!("{} {}", number(two[0])?, unit(two[1])?))).collect()
}

/// Times of others, quoted from where they were measured.
const QUOTED: [&str; 4] = ["835 ms", "8.4 ms", "0.12 ms", "0.059 ms"];

#[test]
fn a_time_in_prose_is_in_an_output_or_quoted_from_others() {
    let shown: Vec<(String, String)> = notebooks()
        .into_iter()
        .map(|notebook| {
            let outputs = notebook.cells.iter().filter_map(|cell| cell["outputs"].as_array()).flatten();
            let texts = outputs.map(|output| text(&output["text"]) + &text(&output["data"]["text/plain"]));
            (notebook.name.clone(), texts.collect())
        })
        .collect();
    none(
        "times in prose that no output shows",
        &against(|notebook, cell| {
            if is_code(cell) {
                return None;
            }
            let outputs =
                shown.iter().find(|(name, _)| *name == notebook.name).map_or("", |(_, texts)| texts.as_str());
            times(&text(&cell["source"]))
                .into_iter()
                .find(|time| !outputs.contains(time) && !QUOTED.contains(&time.as_str()))
        }),
    );
}

#[test]
fn a_time_is_found_in_whatever_stands_around_it() {
    assert_eq!(times("it took (34.2 ms), or 12 µs; 5 rows, 3 s."), ["34.2 ms", "12 µs", "3 s"]);
    assert!(times("a run of 4 cells, 28 × 28 pixels").is_empty());
}

/// The rows of the table of runs: the notebook's number, epochs, seconds, and the accuracy reached.
fn runs(table: &str) -> Vec<[String; 4]> {
    let rows = table.lines().filter(|line| line.starts_with("| 0"));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    cells.map(|cells| [&cells[0][..2], cells[1], cells[2], cells[3]].map(str::to_owned)).collect()
}

/// Of a cell that trained: how many lines of epochs it shows, the sum of their seconds, and the last accuracy.
fn trained(output: &str) -> Option<[String; 3]> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let epochs: Vec<_> =
        output.lines().filter(|l| l.contains("train loss") && l.ends_with(" s")).map(words).collect();
    let seconds = |words: &Vec<String>| words[words.len() - 2].parse::<f64>().ok();
    let total: f64 = epochs.iter().filter_map(seconds).sum();
    let last = epochs.last()?;
    Some([epochs.len().to_string(), format!("{total:.1}"), format!("{} %", last[last.len() - 4])])
}

#[test]
fn the_table_of_runs_is_what_the_notebooks_show() {
    let all = notebooks();
    let last = all.iter().find(|notebook| notebook.name == "07_resnet").expect("notebook 07");
    let cell = last.cells.iter().find(|cell| text(&cell["id"]) == "runs").expect("its table");
    let table = text(&cell["source"]);
    let rows = runs(&table);
    assert_eq!(rows.len(), 9, "{table}");
    for [number, run @ ..] in rows {
        let notebook = all.iter().find(|notebook| notebook.name.starts_with(&number)).expect("its notebook");
        let outputs = notebook.cells.iter().filter_map(|cell| cell["outputs"].as_array());
        let shown: Vec<_> = outputs
            .filter_map(|outputs| trained(&outputs.iter().map(|o| text(&o["text"])).collect::<String>()))
            .collect();
        assert!(shown.contains(&run), "{run:?} is no run of {}: {shown:?}", notebook.name);
    }
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    for row in table.lines().filter(|line| line.starts_with('|')) {
        assert!(readme.contains(row), "README.md does not have the row {row}");
    }
}
