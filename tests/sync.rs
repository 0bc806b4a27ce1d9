//! `nbexport sync`: edits of a module reach the cells they came from, or are refused; none is lost.

use insta::assert_snapshot;

use crate::support::{Case, Run};

const CELLS: &str = "
    --- title markdown
    # Demo

    > A summary.
    --- one
    //| export
    pub fn one() -> u8 { 1 }
    --- two
    //| export
    pub fn two() -> u8 { 2 }
    --- start
    //| setup
    let three = 3;
    --- sum
    //| test adds_up
    let text = \"a
      b\";
    assert_eq!(one() + two(), three, \"{text}\")
";

const MODULE: &str = "exp/src/nb_00.rs";
const NOTEBOOK: &str = "notebooks/00_demo.ipynb";

/// An exported project in which these pieces of the module were replaced.
fn edited(edits: &[(&str, &str)]) -> Case {
    let case = Case::of(CELLS);
    case.export();
    for (from, to) in edits {
        case.replace(MODULE, from, to);
    }
    case
}

/// Syncs, which must succeed, and leave nothing to export; gives what changed in the notebook, line by line.
fn synced(case: &Case) -> String {
    let before = case.read(NOTEBOOK);
    let run = case.run("sync");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    let after = case.read(NOTEBOOK);
    let check = case.run("export --check");
    assert_eq!(check.code, Some(0), "an export after a sync changes nothing: {check}");
    changed_lines(&before, &after)
}

fn changed_lines(before: &str, after: &str) -> String {
    let gone = before
        .lines()
        .filter(|line| !after.lines().any(|other| other == *line))
        .map(|line| format!("-{line}"));
    let new = after
        .lines()
        .filter(|line| !before.lines().any(|other| other == *line))
        .map(|line| format!("+{line}"));
    gone.chain(new).collect::<Vec<_>>().join("\n")
}

/// Syncs, which must find something and write nothing.
fn refused(case: &Case) -> Run {
    let before = case.files(".");
    let run = case.run("sync");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(before == case.files("."), "something was written: {run}");
    run
}

#[test]
fn an_edited_cell_reaches_the_notebook_and_the_rest_keeps_its_bytes() {
    let case = edited(&[("u8 { 1 }", "u8 { 0 + 1 }")]);
    assert_snapshot!(synced(&case), @r#"
    -    "pub fn one() -> u8 { 1 }"
    +    "pub fn one() -> u8 { 0 + 1 }"
    "#);
}

#[test]
fn the_body_of_a_test_reaches_its_cell_without_frame_setup_and_indentation() {
    let case = edited(&[("one() + two(), three", "two() + one(), three")]);
    assert_snapshot!(synced(&case), @r#"
    -    "assert_eq!(one() + two(), three, \"{text}\")"
    +    "assert_eq!(two() + one(), three, \"{text}\")"
    "#);
}

#[test]
fn title_and_summary_are_the_first_markdown_cells() {
    let case = edited(&[("//! A summary.", "//! A better summary.")]);
    assert_snapshot!(synced(&case), @r#"
    -    "> A summary."
    +    "> A better summary."
    "#);
}

#[test]
fn code_at_the_end_becomes_a_new_cell_and_not_a_part_of_the_last_one() {
    let case = Case::of(CELLS);
    case.export();
    let text = case.read(MODULE);
    case.write(MODULE, format!("{text}\npub fn four() -> u8 {{\n    4\n}}\n"));
    assert_snapshot!(case.run("sync"), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb: new cell cell-119924a8
    ");
    assert!(case.read(NOTEBOOK).contains("\"pub fn four() -> u8 {\\n\""), "{}", case.read(NOTEBOOK));
    assert_eq!(case.run("export --check").code, Some(0));
    let lines = case.read(MODULE);
    let position = |text: &str| lines.find(text).unwrap();
    assert!(
        position("fn two") < position("fn four") && position("fn four") < position("mod tests"),
        "{lines}"
    );
}

#[test]
fn an_edit_of_the_notebook_alone_is_nothing_to_sync() {
    let case = edited(&[]);
    case.replace(NOTEBOOK, "u8 { 2 }", "u8 { 3 - 1 }");
    assert_snapshot!(case.run("sync"), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb: nothing to sync
    ");
    assert_eq!(case.run("export --check").code, Some(1), "the module is older than the notebook, as before");
}

#[test]
fn different_cells_edited_on_the_two_sides_are_no_conflict() {
    let case = edited(&[("u8 { 1 }", "u8 { 0 + 1 }")]);
    case.replace(NOTEBOOK, "u8 { 2 }", "u8 { 3 - 1 }");
    synced(&case);
    let module = case.read(MODULE);
    assert!(module.contains("{ 0 + 1 }") && module.contains("{ 3 - 1 }"), "{module}");
}

#[test]
fn both_sides_edited_is_a_conflict_that_shows_both_and_writes_nothing() {
    let case = edited(&[("u8 { 1 }", "u8 { 0 + 1 }")]);
    case.replace(NOTEBOOK, "u8 { 1 }", "u8 { 2 - 1 }");
    assert_snapshot!(refused(&case), @r"
    exit status 1
    --- stdout
    notebooks/00_demo.ipynb: nothing written
    --- stderr
    error: the cell `one` was edited in the notebook and in the module
     --> notebooks/00_demo.ipynb:cell 2:1:1
      |
    1 | //| export
      | ^^^^^^^^^^
      |
      = note: this is the cell with id `one`
      = note: its region begins at exp/src/nb_00.rs:7
      = note: the two texts:
              --- the notebook's
              +++ the module's
              @@ -1,2 +1,2 @@
               //| export
              -pub fn one() -> u8 { 2 - 1 }
              +pub fn one() -> u8 { 0 + 1 }
      = help: make them the same, or decide: `nbexport sync --ours` keeps the notebook's, `--theirs` the module's
    ");
}

#[test]
fn a_conflict_is_decided_by_a_flag() {
    for (flag, kept) in [("--ours", "{ 2 - 1 }"), ("--theirs", "{ 0 + 1 }")] {
        let case = edited(&[("u8 { 1 }", "u8 { 0 + 1 }")]);
        case.replace(NOTEBOOK, "u8 { 1 }", "u8 { 2 - 1 }");
        let run = case.run(&format!("sync {flag}"));
        assert_eq!(run.code, Some(0), "{run}");
        assert!(case.read(NOTEBOOK).contains(kept) && case.read(MODULE).contains(kept), "{flag}: {run}");
        assert_eq!(case.run("export --check").code, Some(0), "{flag}");
    }
}

#[test]
fn the_frame_of_a_test_cannot_be_brought_back() {
    for (from, to) in [
        ("fn adds_up", "fn renamed"),
        ("let three = 3;", "let three = 4;"),
        ("#[test]", "#[test]\n    #[ignore]"),
    ] {
        let run = refused(&edited(&[(from, to)]));
        assert!(run.stderr.contains("cannot be brought into the cell `sum`"), "{run}");
    }
}

#[test]
fn a_marker_that_was_renamed_or_doubled_is_explained() {
    let renamed = edited(&[("00_demo.ipynb one ", "00_demo.ipynb uno "), ("u8 { 1 }", "u8 { 0 + 1 }")]);
    assert!(refused(&renamed).stderr.contains("an edited region `uno` that no cell of"));
    let doubled = edited(&[("00_demo.ipynb two ", "00_demo.ipynb one ")]);
    assert!(refused(&doubled).stderr.contains("has two regions of the cell `one`"));
}

#[test]
fn an_edit_that_makes_the_notebook_wrong_is_refused() {
    let case = edited(&[("pub fn one() -> u8 { 1 }", "pub fn one() -> u8 { 1 }\nlet x = 1;")]);
    let run = refused(&case);
    assert!(run.stderr.contains("an exported cell holds items only"), "{run}");
}
