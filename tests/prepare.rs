//! `nbexport prepare`: one command before a commit, and one for CI.

use std::fs::File;

use crate::support::Case;

const NOTEBOOK: &str = "notebooks/00_demo.ipynb";

/// Not formatted, not exported, without outputs.
fn unprepared() -> Case {
    Case::of(
        "
        --- double
        //| export
        pub fn double(n: i32) -> i32 {n+n}
        --- shown
        double( 21 )
        ",
    )
}

#[test]
fn a_notebook_is_formatted_exported_run_and_cleaned() {
    needs!("rustfmt");
    let case = unprepared();
    let run = case.run("prepare");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("2 cells passed"), "{run}");
    assert!(run.stdout.ends_with("prepared: formatted, exported, run and clean\n"), "{run}");
    let notebook = case.read(NOTEBOOK);
    assert!(notebook.contains("    n + n\\n") && notebook.contains("\"42\""), "{notebook}");
    assert!(!notebook.contains("\"execution_count\": 2"), "{notebook}");
    assert!(case.read("exp/src/nb_00.rs").contains("    n + n\n"));

    let before = case.files(".");
    let run = case.run("prepare --check");
    assert!(run.code == Some(0) && run.stdout.ends_with("all is prepared\n"), "{run}");
    assert_eq!(case.run("prepare").code, Some(0));
    assert!(case.files(".") == before, "a second run changes nothing");
}

#[test]
fn a_project_that_keeps_counts_has_one_at_each_cell() {
    needs!("rustfmt");
    let case = unprepared();
    assert_eq!(case.run("prepare").code, Some(0));
    let without = case.read(NOTEBOOK);
    let table = "[workspace.metadata.nbexport]\nkeep-counts = true\n";
    case.replace("Cargo.toml", "[workspace.metadata.nbexport]\n", table);
    let run = case.run("prepare");
    assert_eq!(run.code, Some(0), "{run}");
    let counted = case.read(NOTEBOOK);
    // Of the first cell, of the second, and of its value.
    let mut counts = [2, 3, 3].iter();
    let expected: Vec<String> = without
        .split("\"execution_count\": null")
        .map(|part| counts.next().map_or(part.to_owned(), |n| format!("{part}\"execution_count\": {n}")))
        .collect();
    assert_eq!(counted, expected.concat());
    assert_eq!(case.run("prepare --check").code, Some(0));

    // Counts that are there stay, as JupyterLab left them.
    case.replace(NOTEBOOK, "\"execution_count\": 3", "\"execution_count\": 17");
    let before = case.read(NOTEBOOK);
    assert_eq!(case.run("prepare").code, Some(0));
    assert_eq!(case.read(NOTEBOOK), before);
    let filter = case.command("clean -").stdin(File::open(case.path(NOTEBOOK)).unwrap()).output().unwrap();
    assert!(filter.stdout == before.as_bytes(), "a git filter keeps them, too");
    case.replace("Cargo.toml", "keep-counts = true", "keep-counts = 1");
    let run = case.run("clean");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("help: write `keep-counts = true`"), "{run}");
}

#[test]
fn a_readme_of_a_notebook_is_written_too() {
    needs!("rustfmt");
    let case = unprepared().notebook("index", "--- a markdown\n# The tool\n--- b\n1 + 1");
    let run = case.run("prepare --check");
    assert!(
        run.stdout
            .ends_with("not prepared: fmt, export, run, readme; `nbexport prepare` does what can be done\n"),
        "{run}"
    );
    assert!(!case.has("README.md"));
    assert_eq!(case.run("prepare").code, Some(0));
    let readme = case.read("README.md");
    assert!(readme.contains("# The tool\n") && readme.contains("\n2\n"), "{readme}");

    case.write("README.md", "# Mine\n");
    let run = case.run("prepare");
    assert!(
        run.code == Some(0) && case.read("README.md") == "# Mine\n",
        "what a person writes is no concern of it: {run}"
    );
}

#[test]
fn the_check_tells_of_everything_and_writes_nothing() {
    needs!("rustfmt");
    let case = unprepared();
    assert_eq!(case.run("prepare").code, Some(0));
    case.replace(NOTEBOOK, "n + n\\n", "n  + n + 1\\n");
    let before = case.files(".");
    let run = case.run("prepare --check");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("not prepared: fmt, export, run; `nbexport prepare` does"), "{run}");
    assert!(run.stderr.contains("the output in the notebook is not what the cell puts out"), "{run}");
    assert!(case.files(".") == before, "{run}");
    assert_eq!(case.run("prepare").code, Some(0));
    assert!(case.read(NOTEBOOK).contains("\"43\""));
}

#[test]
fn a_cell_that_fails_stops_it() {
    needs!("rustfmt");
    let case = Case::of("--- wrong\nassert_eq!(1 + 1, 3);");
    let run = case.run("prepare");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.ends_with("not prepared: run found something; mend it and run this again\n"), "{run}");
}

#[test]
fn outputs_that_may_differ_stay() {
    needs!("rustfmt");
    let case = Case::of(
        "
        --- declared
        println!(\"{} ns\", std::process::id());
        --- volatile
        //| volatile
        println!(\"process {}\", std::process::id());
        ",
    );
    let table = "[workspace.metadata.nbexport]\nvolatile = ['\\d+ ns']\n";
    case.replace("Cargo.toml", "[workspace.metadata.nbexport]\n", table);
    assert_eq!(case.run("prepare").code, Some(0));
    let first = case.read(NOTEBOOK);
    assert!(first.contains(" ns\\n") && first.contains("\"process "), "{first}");
    assert_eq!(case.run("prepare").code, Some(0));
    assert_eq!(case.read(NOTEBOOK), first);
}
