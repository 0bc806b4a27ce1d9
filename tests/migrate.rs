//! `nbexport migrate`: the comments of older notebooks become directives; prose stays prose.

use insta::assert_snapshot;

use crate::support::Case;

const NOTEBOOK: &str = "notebooks/00_demo.ipynb";

const OLD: &str = "
    --- module
    #default_exp layers
    --- one
    // export
    pub fn one() -> u8 { 1 }
    --- two
    #hide
    #export
    :dep serde = \"1\"
    pub fn two() -> u8 { 2 }
    --- done
    //| export
    // export comes next
    pub fn done() {}
    --- prose
    // test that one is one
    // export
    pub fn prose() {}
    --- check
    //test
    assert_eq!(one() + one(), two());
    --- below
    let x = 1;
    // export
    --- dotted
    #default_exp vision.data
    --- twice
    //| export
    // test
    pub fn twice() {}
    --- words markdown
    #export
";

#[test]
fn old_comments_become_directives_and_the_rest_keeps_its_bytes() {
    let case = Case::of(OLD);
    let before = case.read(NOTEBOOK);
    assert_snapshot!(case.run("migrate --check"), @r#"
    exit status 1
    --- stdout
    --- notebooks/00_demo.ipynb:cell 1
    +++ notebooks/00_demo.ipynb:cell 1
    @@ -1 +1 @@
    -#default_exp layers
    +//| default_exp layers
    --- notebooks/00_demo.ipynb:cell 2
    +++ notebooks/00_demo.ipynb:cell 2
    @@ -1,2 +1,2 @@
    -// export
    +//| export
     pub fn one() -> u8 { 1 }
    --- notebooks/00_demo.ipynb:cell 3
    +++ notebooks/00_demo.ipynb:cell 3
    @@ -1,4 +1,4 @@
    -#hide
    -#export
    +//| hide
    +//| export
     :dep serde = "1"
     pub fn two() -> u8 { 2 }
    --- notebooks/00_demo.ipynb:cell 5
    +++ notebooks/00_demo.ipynb:cell 5
    @@ -1,3 +1,3 @@
     // test that one is one
    -// export
    +//| export
     pub fn prose() {}
    --- notebooks/00_demo.ipynb:cell 6
    +++ notebooks/00_demo.ipynb:cell 6
    @@ -1,2 +1,2 @@
    -//test
    +//| test
     assert_eq!(one() + one(), two());
    --- stderr
    warning: left alone: `#default_exp vision.data` names what nbexport cannot: `vision.data` is a path, not the name of a module
     --> notebooks/00_demo.ipynb:cell 8:1:1
      |
    1 | #default_exp vision.data
      | ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `dotted`
      = help: write the `//|` line by hand

    warning: left alone: a cell is either `export` or `test`, not both
     --> notebooks/00_demo.ipynb:cell 9:1:1
      |
    1 | //| export
      | ^^^^^^^^^^
      |
      = note: this is the cell with id `twice`
      = help: write the `//|` lines of this cell by hand
    "#);
    assert_eq!(case.read(NOTEBOOK), before);
    assert_snapshot!(case.run("migrate -q").code.unwrap(), @"0");
    let expected = before
        .replacen("#default_exp layers", "//| default_exp layers", 1)
        .replacen("\"// export\\n\",\n    \"pub fn one", "\"//| export\\n\",\n    \"pub fn one", 1)
        .replacen("\"#hide\\n\",\n    \"#export\\n", "\"//| hide\\n\",\n    \"//| export\\n", 1)
        .replacen("\"// export\\n\",\n    \"pub fn prose", "\"//| export\\n\",\n    \"pub fn prose", 1)
        .replacen("//test", "//| test", 1);
    assert_eq!(case.read(NOTEBOOK), expected);
}

#[test]
fn a_migrated_notebook_is_exported_and_has_nothing_more_to_migrate() {
    let case = Case::of(
        "
        --- one
        //export
        pub fn one() -> u8 { 1 }
        --- check
        // test
        assert_eq!(one(), 1);
    ",
    );
    assert_snapshot!(case.run("migrate"), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb: 2 cells migrated
    a notebook that is open in an editor must be reloaded there before it is saved
    ");
    assert_snapshot!(case.run("migrate"), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb: nothing to migrate
    ");
    assert_snapshot!(case.export(), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb → exp/src/nb_00.rs: 1 cell, 1 test, exported
    exp/src/lib.rs updated
    ");
}

#[test]
fn a_notebook_in_another_language_is_left_alone() {
    let case = Case::of("--- one\n#export\nx = 1");
    case.replace(NOTEBOOK, "\"language\": \"rust\"", "\"language\": \"python\"");
    let before = case.read(NOTEBOOK);
    assert_snapshot!(case.run("migrate"), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb: a notebook in python, left alone
    ");
    assert_eq!(case.read(NOTEBOOK), before);
}
