//! A module that somebody edited: the cells are named and nothing of it is lost.

use insta::assert_snapshot;

use crate::support::Case;

const CELLS: &str = "
    --- one
    //| export
    pub fn one() -> u8 { 1 }
    --- two
    //| export
    pub fn two() -> u8 { 2 }
    --- sum
    //| test sum
    assert_eq!(one() + two(), 3);
";

/// A project whose module was exported, then edited by hand, and whose notebook was edited too.
fn edited(edit: impl Fn(String) -> String) -> Case {
    let case = Case::of(CELLS);
    case.export();
    let module = edit(case.read("exp/src/nb_00.rs"));
    case.write("exp/src/nb_00.rs", module);
    case.replace("notebooks/00_demo.ipynb", "assert_eq!(one() + two(), 3)", "assert_eq!(two() + one(), 3)");
    case
}

fn refused(edit: impl Fn(String) -> String) -> String {
    edited(edit).refuses_file(1)
}

#[test]
fn one_cell_edited() {
    assert_snapshot!(refused(|text| text.replace("{ 1 }", "{ 0 + 1 }")), @"
    error: `exp/src/nb_00.rs` was edited by hand since the last export, so it was not overwritten
     |
     = note: edited: the cell `one` at exp/src/nb_00.rs:3
     = help: bring the edits into the notebook (`nbexport sync`), or drop them: `nbexport export --force`
    ");
}

#[test]
fn several_cells_edited() {
    let edit = |text: String| text.replace("u8 { 1 }", "u8 { 0 + 1 }").replace("u8 { 2 }", "u8 { 3 - 1 }");
    assert_snapshot!(refused(edit), @"
    error: `exp/src/nb_00.rs` was edited by hand since the last export, so it was not overwritten
     |
     = note: edited: the cell `one` at exp/src/nb_00.rs:3, the cell `two` at exp/src/nb_00.rs:7
     = help: bring the edits into the notebook (`nbexport sync`), or drop them: `nbexport export --force`
    ");
}

#[test]
fn a_test_edited() {
    assert_snapshot!(refused(|text| text.replace("two(), 3)", "two(), 3, \"as it should\")")), @"
    error: `exp/src/nb_00.rs` was edited by hand since the last export, so it was not overwritten
     |
     = note: edited: the cell `sum` at exp/src/nb_00.rs:17
     = help: bring the edits into the notebook (`nbexport sync`), or drop them: `nbexport export --force`
    ");
}

#[test]
fn code_appended_at_the_end() {
    assert_snapshot!(refused(|text| text + "\npub fn three() -> u8 { 3 }\n"), @"
    error: `exp/src/nb_00.rs` was edited by hand since the last export, so it was not overwritten
     |
     = note: edited: the cell `sum` at exp/src/nb_00.rs:17
     = help: bring the edits into the notebook (`nbexport sync`), or drop them: `nbexport export --force`
    ");
}

#[test]
fn code_above_the_first_marker() {
    assert_snapshot!(refused(|text| text.replacen("\n\n", "\n\nuse std::fmt;\n\n", 1)), @"
    error: `exp/src/nb_00.rs` was edited by hand since the last export, so it was not overwritten
     |
     = note: edited: the lines above the first cell at exp/src/nb_00.rs:2
     = help: bring the edits into the notebook (`nbexport sync`), or drop them: `nbexport export --force`
    ");
}

#[test]
fn a_cell_edited_whose_cell_is_gone() {
    let case = edited(|text| text.replace("{ 1 }", "{ 0 + 1 }"));
    case.write(
        "notebooks/00_demo.ipynb",
        crate::support::notebook(
            "
        --- two
        //| export
        pub fn two() -> u8 { 2 }
    ",
        ),
    );
    assert_snapshot!(case.refuses_file(1), @"
    error: `exp/src/nb_00.rs` was edited by hand since the last export, so it was not overwritten
     |
     = note: edited: the cell `one` at exp/src/nb_00.rs:3
     = help: bring the edits into the notebook (`nbexport sync`), or drop them: `nbexport export --force`
    ");
}

#[test]
fn a_marker_deleted() {
    let edit = |text: String| {
        let kept: Vec<&str> = text.lines().filter(|line| !line.contains("ipynb two")).collect();
        kept.join("\n")
    };
    assert_snapshot!(refused(edit), @"
    error: `exp/src/nb_00.rs` was edited by hand since the last export, so it was not overwritten
     |
     = note: edited: the cell `one` at exp/src/nb_00.rs:3
     = help: bring the edits into the notebook (`nbexport sync`), or drop them: `nbexport export --force`
    ");
}

#[test]
fn an_edit_without_one_in_the_notebook_is_kept_too() {
    let case = Case::of(CELLS);
    case.export();
    case.replace("exp/src/nb_00.rs", "{ 1 }", "{ 0 + 1 }");
    case.refuses_file(1);
    assert!(case.run("--check").stderr.contains("edited by hand"));
}

#[test]
fn the_same_edit_on_both_sides_is_fine() {
    let case = edited(|text| text.replace("{ 1 }", "{ 0 + 1 }"));
    case.replace("notebooks/00_demo.ipynb", "{ 1 }", "{ 0 + 1 }");
    assert_snapshot!(case.export(), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb → exp/src/nb_00.rs: 2 cells, 1 test, exported
    ");
}

#[test]
fn line_ends_and_blank_lines_are_no_edit() {
    edited(|text| text.replace('\n', "\r\n")).export();
    edited(|text| text.replace("\n\n", "\n\n\n")).export();
    edited(|text| text.trim_end().to_owned()).export();
}

#[test]
fn an_emptied_file_is_written_anew() {
    // There is nothing in it to lose.
    edited(|_| String::new()).export();
}

#[test]
fn force_overwrites() {
    let case = edited(|text| text.replace("{ 1 }", "{ 0 + 1 }"));
    assert_snapshot!(case.run("--force"), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb → exp/src/nb_00.rs: 2 cells, 1 test, exported
    ");
    assert!(case.read("exp/src/nb_00.rs").contains("{ 1 }"));
}

#[test]
fn a_module_that_nbexport_did_not_write() {
    let case = Case::of(CELLS).file("exp/src/nb_00.rs", "pub fn mine() {}\n");
    assert_snapshot!(case.refuses_file(1), @"
    error: `exp/src/nb_00.rs` was not written by nbexport, so it was not overwritten
     |
     = help: rename that file, give the notebook another module (`//| default_exp NAME`), or say `--force`
    ");
    assert_eq!(case.read("exp/src/nb_00.rs"), "pub fn mine() {}\n");
}

#[test]
fn another_notebook_is_exported_all_the_same() {
    let case = edited(|text| text.replace("{ 1 }", "{ 0 + 1 }")).notebook(
        "01_more",
        "
        --- more
        //| export
        pub fn more() {}
    ",
    );
    let run = case.run("");
    assert_eq!(run.code, Some(1));
    assert_snapshot!(run.stdout, @"
    notebooks/00_demo.ipynb: not exported, 1 error
    notebooks/01_more.ipynb → exp/src/nb_01.rs: 1 cell, 0 tests, exported
    exp/src/lib.rs updated
    ");
    assert!(case.has("exp/src/nb_01.rs") && case.read("exp/src/nb_00.rs").contains("{ 0 + 1 }"));
    assert_snapshot!(case.read("exp/src/lib.rs"), @"
    //! The crate.

    // nbexport: begin modules (nbexport keeps these lines)
    #[rustfmt::skip]
    pub mod nb_00;
    #[rustfmt::skip]
    pub mod nb_01;
    // nbexport: end modules
    ");
}

/// What export says after an edit of a module whose notebook did not change.
fn told(edit: impl Fn(String) -> String) -> String {
    let case = Case::of(CELLS);
    case.export();
    let module = edit(case.read("exp/src/nb_00.rs"));
    case.write("exp/src/nb_00.rs", module);
    case.refuses_file(1)
}

#[test]
fn words_typed_into_a_marker_are_told() {
    for edit in [
        |text: String| text.replace("00_demo.ipynb one ", "00_demo.ipynb my words one "),
        |text: String| text.replace("// %% 00_demo.ipynb two ", "// %% my words 00_demo.ipynb two "),
        |text: String| text.replacen("ipynb: edit", "ipynb my words: edit", 1),
        |text: String| text.replacen("from notebooks", "from my words notebooks", 1),
        |text: String| text.replacen("run nbexport.", "run nbexport. My words", 1),
    ] {
        let said = told(edit);
        assert!(said.contains("was edited by hand since the last export"), "{said}");
    }
    let last_word = |text: String| {
        let at = text.find("00_demo.ipynb two ").unwrap() + "00_demo.ipynb two ".len();
        format!("{}todo{}", &text[..at], &text[at + 8..])
    };
    let said = told(last_word);
    assert!(said.contains("was edited by hand since the last export"), "{said}");
}

#[test]
fn blanks_behind_the_brace_that_closes_the_tests_are_no_edit() {
    let case = Case::of(CELLS);
    case.export();
    let module = case.read("exp/src/nb_00.rs");
    for blanks in ["}  \n", "}\t\n\n\n", "}\n   \n"] {
        case.write("exp/src/nb_00.rs", format!("{}{blanks}", module.strip_suffix("}\n").unwrap()));
        case.export();
        assert_eq!(case.read("exp/src/nb_00.rs"), module);
    }
}

#[test]
fn a_string_of_an_internal_cell_gets_no_attribute() {
    let case = Case::of(
        "
        --- a
        //| exporti
        pub const A: &str = \"x
        y\"; pub fn f() {}
    ",
    );
    assert_snapshot!(case.refuses(1), @r#"
    error: a public item of an `exporti` cell begins a line of its own
     --> notebooks/00_demo.ipynb:cell 1:3:5
      |
    3 | y"; pub fn f() {}
      |     ^^^^^^^^^^^^^ something stands before it on its line
      |
      = note: this is the cell with id `a`
      = note: `#[doc(hidden)]` is written on a line above it
      = help: begin it on the next line
    "#);
}
