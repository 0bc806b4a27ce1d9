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
    a notebook that is open in an editor must be reloaded there before it is saved
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
      = note: its region begins at exp/src/nb_00.rs:5
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

#[test]
fn lines_above_the_first_cell_are_not_lost_by_a_sync_of_others() {
    let case = edited(&[("u8 { 1 }", "u8 { 0 + 1 }"), ("run nbexport.\n", "run nbexport.\nuse std::fmt;\n")]);
    assert_snapshot!(refused(&case), @"
    exit status 1
    --- stdout
    notebooks/00_demo.ipynb: nothing written
    --- stderr
    error: `exp/src/nb_00.rs` was edited above the first cell, where no cell's text stands
     |
     = note: it begins at exp/src/nb_00.rs:2
     = help: move the code to the end of the file, to make a cell of it; what follows `//!` goes to the first markdown cell
    ");
}

#[test]
fn a_file_that_nbexport_did_not_write_is_not_overwritten_by_a_sync() {
    let case = edited(&[("u8 { 1 }", "u8 { 0 + 1 }")]);
    case.write("exp/src/mine.rs", "pub fn mine() {}\n");
    case.replace(NOTEBOOK, "export\\n\",\n    \"pub fn two", "export mine\\n\",\n    \"pub fn two");
    assert!(refused(&case).stderr.contains("`exp/src/mine.rs` does not begin as nbexport wrote it"));
}

#[test]
fn the_module_of_another_notebook_is_left_to_that_one() {
    let case = edited(&[]).notebook("00_other", "--- more\n//| export\npub fn more() {}");
    let text = case.read(MODULE);
    case.write(MODULE, format!("{text}\npub fn four() {{}}\n"));
    let run = case.run("sync notebooks/00_other.ipynb");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("was exported from `notebooks/00_demo.ipynb`, not from"), "{run}");
    assert!(!case.read("notebooks/00_other.ipynb").contains("four"));
}

#[test]
fn code_at_the_end_of_a_binary_stays_in_the_binary() {
    let case =
        Case::of("--- tool\n//| bin tool\nfn main() { helper() }\n--- help\n//| bin tool\nfn helper() {}");
    case.export();
    let text = case.read("exp/src/bin/tool.rs");
    case.write("exp/src/bin/tool.rs", format!("{text}\nfn more() {{}}\n"));
    assert!(synced(&case).contains("fn more"));
    assert!(case.read("exp/src/bin/tool.rs").contains("fn more"));
    assert_eq!(case.names(), ["exp/Cargo.toml", "exp/src/bin/tool.rs", "exp/src/lib.rs"]);
}

#[test]
fn code_at_the_end_is_a_new_cell_where_the_last_one_was_edited_too() {
    let case = Case::of("--- one\n//| export\npub fn one() -> u8 { 1 }\npub fn uno() {}");
    case.export();
    case.replace(MODULE, "u8 { 1 }", "u8 { 0 + 1 }");
    let text = case.read(MODULE);
    case.write(
        MODULE,
        format!("{text}\n/// Docs.\npub fn two() -> u8 {{\n    let two = 2;\n\n    two\n}}\n"),
    );
    assert_snapshot!(case.run("sync"), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb:cell 1 (one): updated from the module
    notebooks/00_demo.ipynb: new cell cell-8f823f04
    a notebook that is open in an editor must be reloaded there before it is saved
    ");
    assert_eq!(case.run("export --check").code, Some(0));
}

#[test]
fn the_same_code_added_in_two_places_makes_cells_of_different_ids() {
    let case = edited(&[]);
    case.replace(MODULE, "// %% 00_demo.ipynb tests", "// To do.\n\n// %% 00_demo.ipynb tests");
    let text = case.read(MODULE);
    case.write(MODULE, format!("{text}\n// To do.\n"));
    assert!(synced(&case).contains("To do."));
    let ids: Vec<String> = case
        .read(NOTEBOOK)
        .lines()
        .filter(|line| line.contains("\"id\": \"cell-"))
        .map(str::to_owned)
        .collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
}

#[test]
fn code_added_with_a_directive_of_its_own_is_the_cell_that_it_says() {
    let case = edited(&[]);
    let text = case.read(MODULE);
    case.write(MODULE, format!("{text}\n//| test doubles\nassert_eq!(one() * 2, two());\n"));
    assert_eq!(synced(&case).matches("//|").count(), 1);
    assert!(case.read(MODULE).contains("    fn doubles() {"));
}

#[test]
fn a_comment_that_looks_like_a_command_stays_a_comment() {
    let case =
        Case::of("--- one\n//| export\n// :dep not wanted yet\n:dep serde = \"1\"\npub fn one() -> u8 { 1 }");
    case.export();
    case.replace(MODULE, "u8 { 1 }", "u8 { 0 + 1 }");
    assert_snapshot!(synced(&case), @r#"
    -    "pub fn one() -> u8 { 1 }"
    +    "pub fn one() -> u8 { 0 + 1 }"
    "#);
}

#[test]
fn a_dependency_typed_into_a_module_reaches_cargo_toml_too() {
    let case = edited(&[("pub fn one", "// :dep serde = \"1\"\npub fn one")]);
    assert!(synced(&case).contains(":dep serde"));
    assert!(
        case.read("exp/Cargo.toml").contains("serde = \"1\" # nbexport"),
        "{}",
        case.read("exp/Cargo.toml")
    );
}

#[test]
fn white_space_before_a_line_of_a_test_is_no_obstacle() {
    let case =
        edited(&[("        assert_eq!(one() + two(), three", "  let x = 3;\n  \n assert_eq!(x, three")]);
    assert_snapshot!(synced(&case), @r#"
    -    "assert_eq!(one() + two(), three, \"{text}\")"
    +    "let x = 3;\n",
    +    "assert_eq!(x, three, \"{text}\")"
    "#);
    assert!(case.read(MODULE).contains("        let x = 3;\n\n        assert_eq!"));
}

#[test]
fn a_marker_that_was_deleted_is_explained() {
    let case = edited(&[]);
    let marker = case.read(MODULE).lines().find(|line| line.contains(" two ")).unwrap().to_owned();
    case.replace(MODULE, &format!("{marker}\n"), "");
    assert_snapshot!(refused(&case), @"
    exit status 1
    --- stdout
    notebooks/00_demo.ipynb: nothing written
    --- stderr
    error: the marker of the cell `two` is gone from `exp/src/nb_00.rs`
     --> notebooks/00_demo.ipynb:cell 2:1:1
      |
    1 | //| export
      | ^^^^^^^^^^
      |
      = note: this is the cell with id `one`
      = note: its region begins at exp/src/nb_00.rs:5
      = note: its text has become a part of the cell `one`
      = help: put the marker back above the text: `// %% 00_demo.ipynb two a21cbf4b`; or delete the text
    ");
}

#[test]
fn a_cell_that_was_deleted_from_the_module_is_explained() {
    let case = edited(&[]);
    let text = case.read(MODULE);
    let (start, end) =
        (text.find("// %% 00_demo.ipynb two").unwrap(), text.find("// %% 00_demo.ipynb tests").unwrap());
    case.write(MODULE, format!("{}{}", &text[..start], &text[end..]));
    assert_snapshot!(case.run("sync"), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb: nothing to sync
    --- stderr
    warning: `exp/src/nb_00.rs` has nothing of the cell `two`
     |
     = note: what is new in the notebook is not there before the next export; what was deleted there comes back by it
     = help: to delete a cell, delete it in the notebook
    ");
}

#[test]
fn a_cell_pasted_from_another_module_is_not_lost() {
    let case = edited(&[]).notebook("01_other", "--- more\n//| export\npub fn more() {}");
    case.export();
    let other = case.read("exp/src/nb_01.rs");
    let pasted = &other[other.find("// %% ").unwrap()..];
    case.replace(MODULE, "// %% 00_demo.ipynb tests", &format!("{pasted}\n// %% 00_demo.ipynb tests"));
    let before = case.files(".");
    for command in ["", "sync"] {
        let run = case.run(command);
        assert!(run.code == Some(1) && run.stderr.contains("`more`"), "{run}");
        assert!(before == case.files("."), "something was written: {run}");
    }
}

#[test]
fn an_edit_of_a_module_that_the_notebook_feeds_no_more_is_told() {
    let case = Case::of("--- one\n//| export\npub fn one() {}\n--- two\n//| export other\npub fn two() {}");
    case.export();
    case.replace(NOTEBOOK, "export other", "export");
    case.replace("exp/src/other.rs", "two() {}", "two() { /* typed */ }");
    assert!(
        refused(&case)
            .stderr
            .contains("`exp/src/other.rs` was edited, but `notebooks/00_demo.ipynb` exports nothing")
    );
    assert!(case.run("").stderr.contains("which exports nothing to it any more"));
    assert!(case.read("exp/src/other.rs").contains("typed"));
}

#[test]
fn an_edit_of_a_module_whose_notebook_is_gone_is_told() {
    let case = Case::of(CELLS).notebook("01_kept", "--- k\n//| export\npub fn kept() {}\n");
    case.export();
    case.replace(MODULE, "pub fn one() -> u8 { 1 }", "pub fn one() -> u8 { 2 - 1 }");
    let moved = case.read(NOTEBOOK);
    std::fs::remove_file(case.path(NOTEBOOK)).unwrap();
    let run = case.run("sync");
    assert!(
        run.code == Some(1)
            && run.stderr.contains("`exp/src/nb_00.rs` was edited, but `notebooks/00_demo.ipynb` is gone"),
        "{run}"
    );
    assert!(run.stderr.contains("edited: the cell `one`") && case.read(MODULE).contains("2 - 1"), "{run}");
    // One that was renamed still feeds it.
    case.write("notebooks/00_renamed.ipynb", moved);
    let run = case.run("sync");
    assert!(run.code == Some(0) && case.read("notebooks/00_renamed.ipynb").contains("2 - 1"), "{run}");
}
