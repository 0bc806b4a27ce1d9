//! Costly cells: `//| flags: slow` is skipped, with what depends on it, unless the flag is given.

use serde_json::Value;

use crate::kernel::has_kernel;
use crate::support::Case;

/// A cell of each kind: costly, independent, in need of what a costly one declares, changes or imports.
fn project() -> Case {
    Case::of(
        "
        --- model
        let mut model = vec![1.0];
        let quick = 2;
        --- train
        //| flags: slow
        use std::collections::BTreeMap;
        fn score(v: &[f64]) -> f64 { v.iter().sum() }
        model.push(quick as f64);
        let losses: Vec<f64> = model.clone();
        --- reads-a-variable
        println!(\"{losses:?}\");
        --- reads-what-it-changed
        assert_eq!(model.len(), 2);
        --- calls-its-function
        assert!(score(&[1.0]) > 0.5);
        --- uses-its-import
        let map: BTreeMap<u8, u8> = BTreeMap::new();
        --- needs-one-that-needs-it
        map.len()
        --- only-names-alike
        let lengths: Vec<usize> = [\"a\"].iter().map(|losses| losses.len()).collect();
        assert_eq!((quick, lengths), (2, vec![1]));
        --- declares-it-anew
        let losses = 5;
        --- reads-the-new-one
        losses + quick
        ",
    )
}

/// The verdict on each cell and why.
fn verdicts(case: &Case, arguments: &str) -> Vec<String> {
    let run = case.run(&format!("test --format json {arguments}"));
    assert_eq!(run.code, Some(0), "{run}");
    let report: Value = serde_json::from_str(run.stdout.lines().next().unwrap()).unwrap();
    let verdict = |cell: &Value| match cell["why"].as_str() {
        Some(why) => {
            format!("{}: {}: {why}", cell["id"].as_str().unwrap(), cell["verdict"].as_str().unwrap())
        }
        None => format!("{}: {}", cell["id"].as_str().unwrap(), cell["verdict"].as_str().unwrap()),
    };
    report["cells"].as_array().unwrap().iter().map(verdict).collect()
}

const LEFT_OUT: [&str; 10] = [
    "model: passed",
    "train: skipped: flags: slow",
    "reads-a-variable: skipped: it needs cell 2, which is skipped",
    "reads-what-it-changed: skipped: it needs cell 2, which is skipped",
    "calls-its-function: skipped: it needs cell 2, which is skipped",
    "uses-its-import: skipped: it needs cell 2, which is skipped",
    "needs-one-that-needs-it: skipped: it needs cell 6, which is skipped",
    "only-names-alike: passed",
    "declares-it-anew: passed",
    "reads-the-new-one: passed",
];

#[test]
fn a_flagged_cell_and_what_needs_it_are_skipped_and_said_to_be() {
    let case = project();
    assert_eq!(verdicts(&case, ""), LEFT_OUT);
    let run = case.run("test --fresh");
    let line = "notebooks/00_demo.ipynb: 4 cells passed, 6 skipped (`--flags slow` runs more) in ";
    assert!(run.stdout.starts_with(line), "{run}");
}

#[test]
fn the_flag_runs_them_by_the_command_line_or_by_the_project() {
    let case = project();
    let all_passed = |verdicts: Vec<String>| verdicts.iter().all(|verdict| verdict.ends_with(": passed"));
    assert!(all_passed(verdicts(&case, "--flags other,slow")));
    assert!(!all_passed(verdicts(&case, "--flags other")));
    case.replace(
        "Cargo.toml",
        "[workspace.metadata.nbexport]\n",
        "[workspace.metadata.nbexport]\nflags = [\"slow\"]\n",
    );
    assert!(all_passed(verdicts(&case, "")));
}

#[test]
fn a_cell_with_two_flags_wants_both() {
    let case = Case::of(
        "
        --- both
        //| flags: slow, gpu
        let x = 1;
        ",
    );
    assert_eq!(verdicts(&case, "--flags slow"), ["both: skipped: flags: gpu"]);
    assert_eq!(verdicts(&case, "--flags slow --flags gpu"), ["both: passed"]);
}

#[test]
fn the_kernel_skips_the_same_and_their_outputs_stay() {
    if !has_kernel() {
        return;
    }
    let case = project();
    assert_eq!(verdicts(&case, "--kernel"), LEFT_OUT);
    let notebook = "notebooks/00_demo.ipynb";
    let old = "{\"name\": \"stdout\", \"output_type\": \"stream\", \"text\": [\"[1.0, 2.0]\"]}";
    let text = case.read(notebook);
    // The third cell, which needs the second.
    let at = text.match_indices("\"outputs\": []").nth(2).unwrap().0;
    case.write(
        notebook,
        format!("{}\"outputs\": [{old}]{}", &text[..at], &text[at + "\"outputs\": []".len()..]),
    );
    let run = case.run("run");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(case.read(notebook).contains(old), "{}", case.read(notebook));
    let run = case.run("run --flags slow");
    assert!(run.stdout.contains("10 cells passed in "), "{run}");
    assert!(!case.read(notebook).contains(old), "{}", case.read(notebook));
}

#[test]
fn a_flagged_test_is_ignored_under_cargo_test() {
    let case = Case::of(
        "
        --- a
        //| export
        pub fn f() {}
        --- t
        //| test accuracy
        //| flags: slow
        f();
        ",
    );
    case.export();
    let module = case.read("exp/src/nb_00.rs");
    assert!(module.contains("    #[test]\n    #[ignore = \"slow\"]\n    fn accuracy() {"), "{module}");
}

#[test]
fn cargo_check_reads_flagged_cells_too() {
    let case = Case::of(
        "
        --- a
        //| flags: slow
        let x: u8 = \"no\";
        ",
    );
    let run = case.run("cargo check");
    assert!(run.stderr.contains("notebooks/00_demo.ipynb:cell 1:2:13"), "{run}");
}

#[test]
fn what_is_no_flag_is_named_with_its_place() {
    let case = Case::of(
        "
        --- a
        //| flags: sl/ow
        //| export
        fn f() {}
        --- b
        //| flags
        //| export
        fn g() {}
        ",
    );
    let said = case.refuses(1);
    assert!(
        said.contains("`sl/ow` cannot be a flag: a flag is a word of letters, digits, `-` and `_`"),
        "{said}"
    );
    assert!(said.contains("`flags` needs to be told more"), "{said}");

    let run = case.run("test --flags a/b");
    assert!(run.code == Some(2) && run.stderr.contains("`a/b` cannot be a flag"), "{run}");
    case.replace(
        "Cargo.toml",
        "[workspace.metadata.nbexport]\n",
        "[workspace.metadata.nbexport]\nflags = \"slow\"\n",
    );
    let run = case.run("test");
    assert!(run.code == Some(2) && run.stderr.contains("write `flags = [\"slow\"]`"), "{run}");
}
