//! `nbexport sync` for notebooks whose cells have no ids: all before nbformat 4.5, most of what is public.

use serde_json::Value;

use crate::support::{Case, pretty};

const NOTEBOOK: &str = "notebooks/00_demo.ipynb";
const MODULE: &str = "exp/src/nb_00.rs";

const CELLS: &str = "
    --- title markdown
    # Demo
    --- one
    //| export
    pub fn one() -> u8 { 1 }
    --- two
    //| export
    pub fn two() -> u8 { 2 }
    --- sum
    //| test
    assert_eq!(one() + two(), 3);
    --- named
    //| test named
    assert_eq!(one(), 1);
";

/// An exported project whose notebook has no ids.
fn exported() -> Case {
    let case = Case::of(CELLS);
    let mut notebook: Value = serde_json::from_str(&case.read(NOTEBOOK)).unwrap();
    for cell in notebook["cells"].as_array_mut().unwrap() {
        cell.as_object_mut().unwrap().shift_remove("id");
    }
    notebook["nbformat_minor"] = 4.into();
    case.write(NOTEBOOK, pretty(&notebook));
    case.export();
    case
}

fn synced(case: &Case) {
    let run = case.run("sync");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    assert!(!case.read(NOTEBOOK).contains("\"id\""), "no cell gets an id");
    let check = case.run("--check");
    assert_eq!(check.code, Some(0), "an export after a sync changes nothing: {check}");
}

#[test]
fn edits_of_all_kinds_of_cells_reach_them() {
    let case = exported();
    for (from, to) in [
        ("//! Demo", "//! Better"),
        ("u8 { 1 }", "u8 { 0 + 1 }"),
        ("one() + two(), 3", "two() + one(), 3"),
        ("one(), 1)", "1, one())"),
    ] {
        case.replace(MODULE, from, to);
    }
    synced(&case);
    let notebook = case.read(NOTEBOOK);
    for text in ["# Better", "u8 { 0 + 1 }", "two() + one(), 3", "1, one())"] {
        assert!(notebook.contains(text), "{text} is not in {notebook}");
    }
}

#[test]
fn an_unnamed_test_may_be_edited_again_and_again() {
    let case = exported();
    for (from, to) in [("two(), 3", "two(), 1 + 2"), ("1 + 2", "2 + 1")] {
        case.replace(MODULE, from, to);
        synced(&case);
        assert!(case.read(NOTEBOOK).contains(to));
    }
}

#[test]
fn one_of_two_equal_cells_may_be_edited() {
    let case = exported();
    let test = "//| test again\nlet x = 1;";
    let mut notebook: Value = serde_json::from_str(&case.read(NOTEBOOK)).unwrap();
    let cell = |text: &str| {
        let mut cell = notebook["cells"][4].clone();
        cell["source"] = text.into();
        cell
    };
    let more = [cell("//| export\n// the same"), cell("//| export\n// the same"), cell(test)];
    notebook["cells"].as_array_mut().unwrap().extend(more);
    case.write(NOTEBOOK, pretty(&notebook));
    case.export();
    case.replace(MODULE, "// the same", "// not the same");
    synced(&case);
    let notebook = case.read(NOTEBOOK);
    assert!(notebook.find("not the same") < notebook.rfind("// the same"), "{notebook}");
}

#[test]
fn a_cell_edited_on_both_sides_is_a_conflict_that_a_flag_decides() {
    for (flag, kept) in [("", None), ("--ours", Some("{ 2 - 1 }")), ("--theirs", Some("{ 0 + 1 }"))] {
        let case = exported();
        case.replace(MODULE, "u8 { 1 }", "u8 { 0 + 1 }");
        case.replace(NOTEBOOK, "u8 { 1 }", "u8 { 2 - 1 }");
        let before = case.files(".");
        let run = case.run(&format!("sync {flag}"));
        if let Some(kept) = kept {
            assert_eq!(run.code, Some(0), "{run}");
            assert!(case.read(NOTEBOOK).contains(kept) && case.read(MODULE).contains(kept), "{run}");
        } else {
            assert_eq!(run.code, Some(1), "{run}");
            assert!(run.stderr.contains("was edited in the notebook and in the module"), "{run}");
            assert!(run.stderr.contains("sync --ours"), "{run}");
            assert!(before == case.files("."), "something was written: {run}");
        }
    }
}

#[test]
fn an_edited_test_of_both_sides_takes_the_modules_text_with_theirs() {
    let case = exported();
    case.replace(MODULE, "two(), 3", "two(), 2 + 1");
    case.replace(NOTEBOOK, "two(), 3", "two(), 1 + 2");
    let run = case.run("sync --theirs");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(case.read(NOTEBOOK).contains("2 + 1"));
    assert_eq!(case.run("--check").code, Some(0));
}

#[test]
fn different_cells_edited_on_the_two_sides_are_no_conflict() {
    let case = exported();
    case.replace(MODULE, "u8 { 1 }", "u8 { 0 + 1 }");
    case.replace(NOTEBOOK, "u8 { 2 }", "u8 { 3 - 1 }");
    synced(&case);
    let module = case.read(MODULE);
    assert!(module.contains("{ 0 + 1 }") && module.contains("{ 3 - 1 }"), "{module}");
}

#[test]
fn an_edited_cell_that_was_deleted_from_the_notebook_is_told() {
    let case = exported();
    case.replace(MODULE, "u8 { 2 }", "u8 { 3 - 1 }");
    let mut notebook: Value = serde_json::from_str(&case.read(NOTEBOOK)).unwrap();
    notebook["cells"].as_array_mut().unwrap().remove(2);
    case.write(NOTEBOOK, pretty(&notebook));
    let before = case.files(".");
    let run = case.run("sync");
    assert!(run.code == Some(1) && run.stderr.contains("that no cell of"), "{run}");
    assert!(before == case.files("."), "something was written: {run}");
}

/// The cell has another id then than its marker, so that nothing but the name tells that the marker was typed into.
#[test]
fn what_is_typed_into_the_marker_of_a_cell_that_was_edited_is_told_and_stays() {
    let case = exported();
    case.replace(NOTEBOOK, "u8 { 1 }", "u8 { 3 - 2 }");
    case.replace(MODULE, "// %% 00_demo.ipynb", "// %% typed00_demo.ipynb");
    let files = case.files(".");
    for command in ["sync --ours", "sync --theirs", "sync"] {
        let run = case.run(command);
        assert!(run.code == Some(1) && run.stderr.contains("somebody typed into line 5"), "{command}: {run}");
        assert!(files == case.files("."), "{command} wrote something: {run}");
    }
}

/// Its id is made of its text, so that the id that was there is nowhere else.
#[test]
fn what_is_typed_into_the_id_of_a_cell_that_was_edited_is_told_and_stays() {
    for at in [0, 3, 8] {
        let case = exported();
        case.replace(NOTEBOOK, "u8 { 1 }", "u8 { 3 - 2 }");
        let module = case.read(MODULE);
        let line = module.lines().find(|line| line.starts_with("// %% 00_demo.ipynb ")).unwrap();
        let (before, id) = line.split_at("// %% 00_demo.ipynb ".len() + at);
        case.replace(MODULE, line, &format!("{before}typed{id}"));
        let files = case.files(".");
        for command in ["sync --ours", "sync --theirs", "sync", "export"] {
            let run = case.run(command);
            let told = ["somebody typed into line 5", "was edited by hand since the last export"];
            assert!(
                run.code == Some(1) && told.iter().any(|told| run.stderr.contains(told)),
                "{command}: {run}"
            );
            assert!(files == case.files("."), "{command} wrote something: {run}");
        }
    }
}
