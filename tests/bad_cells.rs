//! Cells that cannot be exported: every error is shown at its place, all of them at once, and nothing is written.

use insta::assert_snapshot;

use crate::support::Case;

/// What is said of a project whose one notebook has these cells.
fn said(text: &str) -> String {
    Case::of(text).refuses(1)
}

#[test]
fn an_exported_statement() {
    let text = "
        --- double
        //| export
        /// Twice as much.
        pub fn double(x: i32) -> i32 { 2 * x }
        let x = double(1);
    ";
    assert_snapshot!(said(text), @"
    error: an exported cell holds items only
     --> notebooks/00_demo.ipynb:cell 1:4:1
      |
    4 | let x = double(1);
      | ^^^^^^^^^^^^^^^^^^ a `let` statement is no item
      |
      = note: this is the cell with id `double`
      = help: move it to a cell of its own: without `//| export` to explore, or `//| test` to assert
    ");
}

#[test]
fn an_exported_expression() {
    let text = "
        --- double
        //| export
        pub fn double(x: i32) -> i32 { 2 * x }
        double(1)
    ";
    assert_snapshot!(said(text), @"
    error: an exported cell holds items only
     --> notebooks/00_demo.ipynb:cell 1:3:1
      |
    3 | double(1)
      | ^^^^^^^^^ an expression is no item
      |
      = note: this is the cell with id `double`
      = help: move it to a cell of its own: without `//| export` to explore, or `//| test` to assert
    ");
}

#[test]
fn an_exported_macro_call_that_does_something() {
    let text = "
        --- double
        //| export
        pub fn double(x: i32) -> i32 { 2 * x }
        assert_eq!(double(1), 2);
        println!(\"{}\", double(2))
    ";
    assert_snapshot!(said(text), @r#"
    error: an exported cell holds items only
     --> notebooks/00_demo.ipynb:cell 1:3:1
      |
    3 | assert_eq!(double(1), 2);
      | ^^^^^^^^^^^^^^^^^^^^^^^^^ a macro call that does something is no item
      |
      = note: this is the cell with id `double`
      = help: move it to a cell of its own: without `//| export` to explore, or `//| test` to assert

    error: an exported cell holds items only
     --> notebooks/00_demo.ipynb:cell 1:4:1
      |
    4 | println!("{}", double(2))
      | ^^^^^^^^^^^^^^^^^^^^^^^^^ an expression is no item
      |
      = note: this is the cell with id `double`
      = help: move it to a cell of its own: without `//| export` to explore, or `//| test` to assert
    "#);
}

#[test]
fn a_stray_semicolon() {
    let text = "
        --- point
        //| export
        pub struct Point { pub x: f32 };
    ";
    assert_snapshot!(said(text), @"
    error: an exported cell holds items only
     --> notebooks/00_demo.ipynb:cell 1:2:32
      |
    2 | pub struct Point { pub x: f32 };
      |                                ^ a stray `;` is no item
      |
      = note: this is the cell with id `point`
      = help: delete the `;`
    ");
}

#[test]
fn rust_that_does_not_parse_in_several_cells_at_once() {
    let text = "
        --- exported
        //| export
        pub fn double(x: i32) -> i32 {
            2 x
        }
        --- plain
        what is not exported need not parse
        --- a_test
        //| test doubles
        assert_eq!(double(1) 2);
        --- open
        //| export
        pub fn half(x: i32) -> i32 {
            x / 2
        --- quote
        //| setup
        let name = \"ñandú;
    ";
    assert_snapshot!(said(text), @r#"
    error: this cell does not parse as Rust: unexpected token, expected `;`
     --> notebooks/00_demo.ipynb:cell 1:3:7
      |
    3 |     2 x
      |       ^
      |
      = note: this is the cell with id `exported`
      = help: mend it in the notebook; a cell without `//| export`, `test`, `setup`, `bench` or `bin` is not read

    error: this cell does not parse as Rust: cannot parse string into token stream
     --> notebooks/00_demo.ipynb:cell 4:3:9
      |
    3 |     x / 2
      |         ^
      |
      = note: this is the cell with id `open`
      = help: a quote, a bracket or a comment is left open

    error: this cell does not parse as Rust: cannot parse string into token stream
     --> notebooks/00_demo.ipynb:cell 5:2:18
      |
    2 | let name = "ñandú;
      |                  ^
      |
      = note: this is the cell with id `quote`
      = help: a quote, a bracket or a comment is left open
    "#);
}

#[test]
fn an_inner_attribute() {
    assert_snapshot!(said("
        --- top
        //| export
        #![allow(dead_code)]
        pub fn f() {}
    "), @"
    error: an inner attribute is about the whole crate, and a cell is a part of it
     --> notebooks/00_demo.ipynb:cell 1:2:1
      |
    2 | #![allow(dead_code)]
      | ^^^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `top`
      = help: inner attributes (`#![…]`) belong at the top of the crate, in `src/lib.rs`
    ");
}

#[test]
fn a_cell_with_the_conflict_markers_of_git() {
    let text = "
        --- double
        //| export
        <<<<<<< HEAD
        pub fn double(x: i32) -> i32 { 2 * x }
        =======
        pub fn double(x: i64) -> i64 { 2 * x }
        >>>>>>> topic
    ";
    assert_snapshot!(said(text), @"
    error: the cell holds a merge conflict
     --> notebooks/00_demo.ipynb:cell 1:2:1
      |
    2 | <<<<<<< HEAD
      | ^^^^^^^^^^^^ the conflict begins here
      |
      = note: this is the cell with id `double`
      = help: keep one side, delete the marker lines, and export again
    ");
}

#[test]
fn an_unknown_directive() {
    let text = "
        --- a
        //| exprot
        pub fn a() {}
        --- b
        //| tests
        assert!(true);
        --- c
        //| everything between us
        let c = 1;
    ";
    assert_snapshot!(said(text), @"
    error: unknown directive `exprot`
     --> notebooks/00_demo.ipynb:cell 1:1:1
      |
    1 | //| exprot
      | ^^^^^^^^^^
      |
      = note: this is the cell with id `a`
      = help: did you mean `export`? write `//| export`

    error: unknown directive `tests`
     --> notebooks/00_demo.ipynb:cell 2:1:1
      |
    1 | //| tests
      | ^^^^^^^^^
      |
      = note: this is the cell with id `b`
      = help: did you mean `test`? write `//| test`

    error: unknown directive `everything`
     --> notebooks/00_demo.ipynb:cell 3:1:1
      |
    1 | //| everything between us
      | ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `c`
      = help: a comment is `//`, without the bar; the directives are export, exporti, exports, default_exp, test, setup, bench, bin, should_panic, compile_fail, no_run, ignore, hide, solution, echo, output, code-fold, eval, flags, volatile
    ");
}

#[test]
fn a_directive_that_does_not_take_what_it_is_given() {
    let text = "
        --- a
        //| export one two
        pub fn a() {}
        --- b
        //| eval: maybe
        let b = 1;
        --- c
        //| bin
        println!(\"c\");
        --- d
        //| test one two
        assert!(true);
        --- e
        //| setup first
        let e = 1;
        --- f
        //| default_exp
    ";
    assert_snapshot!(said(text), @"
    error: `export` does not take `one two`
     --> notebooks/00_demo.ipynb:cell 1:1:1
      |
    1 | //| export one two
      | ^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `a`
      = help: write `//| export MODULE` or `//| export`

    error: `eval` does not take `maybe`
     --> notebooks/00_demo.ipynb:cell 2:1:1
      |
    1 | //| eval: maybe
      | ^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `b`
      = help: write `//| eval: true` or `false`

    error: `bin` needs to be told more
     --> notebooks/00_demo.ipynb:cell 3:1:1
      |
    1 | //| bin
      | ^^^^^^^
      |
      = note: this is the cell with id `c`
      = help: write `//| bin NAME`

    error: `test` does not take `one two`
     --> notebooks/00_demo.ipynb:cell 4:1:1
      |
    1 | //| test one two
      | ^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `d`
      = help: write `//| test [NAME] [ignore]`

    error: `setup` does not take `first`
     --> notebooks/00_demo.ipynb:cell 5:1:1
      |
    1 | //| setup first
      | ^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `e`
      = help: write `//| setup`

    error: `default_exp` needs to be told more
     --> notebooks/00_demo.ipynb:cell 6:1:1
      |
    1 | //| default_exp
      | ^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `f`
      = help: write `//| default_exp MODULE`
    ");
}

#[test]
fn a_directive_below_code() {
    let text = "
        --- double
        //| export
        pub fn double(x: i32) -> i32 { 2 * x }
        //| test
        --- late
        pub fn half(x: i32) -> i32 { x / 2 }
        //| export
    ";
    assert_snapshot!(said(text), @"
    error: a directive below code has no effect
     --> notebooks/00_demo.ipynb:cell 1:3:1
      |
    3 | //| test
      | ^^^^^^^^
      |
      = note: this is the cell with id `double`
      = help: directives stand above the cell's first line of Rust; a comment is `//`, without the bar

    error: a directive below code has no effect
     --> notebooks/00_demo.ipynb:cell 2:2:1
      |
    2 | //| export
      | ^^^^^^^^^^
      |
      = note: this is the cell with id `late`
      = help: directives stand above the cell's first line of Rust; a comment is `//`, without the bar
    ");
}

#[test]
fn directives_that_clash() {
    let text = "
        --- both
        //| export
        //| test
        pub fn double(x: i32) -> i32 { 2 * x }
        --- twice
        //| export one
        //| export two
        pub fn half(x: i32) -> i32 { x / 2 }
        --- fails
        //| test
        //| compile_fail
        let x: u8 = -1;
    ";
    assert_snapshot!(said(text), @"
    error: a cell is either `export` or `test`, not both
     --> notebooks/00_demo.ipynb:cell 1:2:1
      |
    2 | //| test
      | ^^^^^^^^
      |
     ::: notebooks/00_demo.ipynb:cell 1:1:1
      |
    1 | //| export
      | ---------- the other one
      |
      = note: this is the cell with id `both`
      = help: split the cell in two: an exported cell holds items, a test cell what is asserted of them

    error: the same directive twice in one cell
     --> notebooks/00_demo.ipynb:cell 2:2:1
      |
    2 | //| export two
      | ^^^^^^^^^^^^^^ given again
      |
     ::: notebooks/00_demo.ipynb:cell 2:1:1
      |
    1 | //| export one
      | -------------- first given here
      |
      = note: this is the cell with id `twice`
      = help: keep one of the two

    error: a test cell that must not compile cannot become a `#[test]`
     --> notebooks/00_demo.ipynb:cell 3:2:1
      |
    2 | //| compile_fail
      | ^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `fails`
      = help: drop `//| test`: `compile_fail` alone is checked by `nbexport test`
    ");
}

#[test]
fn one_name_exported_twice() {
    let text = "
        --- first
        //| export
        pub fn relu(x: f32) -> f32 { x.max(0.0) }
        --- better
        //| export
        /// Also fine for `NaN`.
        pub fn relu(x: f32) -> f32 { if x > 0.0 { x } else { 0.0 } }
    ";
    assert_snapshot!(said(text), @"
    error: `relu` is exported twice
     --> notebooks/00_demo.ipynb:cell 2:3:8
      |
    3 | pub fn relu(x: f32) -> f32 { if x > 0.0 { x } else { 0.0 } }
      |        ^^^^ exported again
      |
     ::: notebooks/00_demo.ipynb:cell 1:2:8
      |
    2 | pub fn relu(x: f32) -> f32 { x.max(0.0) }
      |        ---- first exported here
      |
      = note: this is the cell with id `better`
      = note: both cells go to `src/nb_00.rs`, where a name stands once
      = help: export the last version only: drop `//| export` from the earlier cell, or rename it
    ");
}

#[test]
fn a_type_exported_twice() {
    let text = "
        --- first
        //| export
        pub struct Layer { size: usize }
        --- second
        //| exporti
        pub enum Layer { Dense, Sparse }
    ";
    assert_snapshot!(said(text), @"
    error: `Layer` is exported twice
     --> notebooks/00_demo.ipynb:cell 2:2:10
      |
    2 | pub enum Layer { Dense, Sparse }
      |          ^^^^^ exported again
      |
     ::: notebooks/00_demo.ipynb:cell 1:2:12
      |
    2 | pub struct Layer { size: usize }
      |            ----- first exported here
      |
      = note: this is the cell with id `second`
      = note: both cells go to `src/nb_00.rs`, where a name stands once
      = help: export the last version only: drop `//| export` from the earlier cell, or rename it
    ");
}

#[test]
fn a_name_may_stand_for_a_type_and_a_function_and_in_two_modules_and_under_cfg() {
    Case::of(
        "
        --- type
        //| export
        #[allow(non_camel_case_types)]
        pub struct area { pub r: f32 }
        --- function
        //| export
        pub fn area(r: f32) -> f32 { r }
        --- elsewhere
        //| export shapes
        pub fn area(r: f32) -> f32 { r }
        --- unix
        //| export
        #[cfg(unix)]
        pub fn line_end() -> char { '\\n' }
        #[cfg(not(unix))]
        pub fn line_end() -> char { '\\r' }
        --- unnamed
        //| export
        const _: () = assert!(size_of::<usize>() > 0);
        const _: () = assert!(size_of::<u8>() == 1);
        ",
    )
    .export();
}

#[test]
fn one_name_imported_twice() {
    let text = "
        --- first
        //| export
        use std::collections::HashMap;
        pub type Names = HashMap<String, u32>;
        --- second
        //| export
        use std::collections::{BTreeMap, HashMap};
        pub type Sizes = (HashMap<String, usize>, BTreeMap<String, usize>);
    ";
    assert_snapshot!(said(text), @"
    error: `std::collections::HashMap` is imported twice
     --> notebooks/00_demo.ipynb:cell 2:2:34
      |
    2 | use std::collections::{BTreeMap, HashMap};
      |                                  ^^^^^^^ imported again
      |
     ::: notebooks/00_demo.ipynb:cell 1:2:23
      |
    2 | use std::collections::HashMap;
      |                       ------- first imported here
      |
      = note: this is the cell with id `second`
      = note: both cells go to `src/nb_00.rs`, where a name is imported once
      = help: keep the import in the first exported cell that needs it
    ");
}

#[test]
fn two_tests_of_one_name() {
    let text = "
        --- first
        //| test adds
        assert_eq!(1 + 1, 2);
        --- second
        //| test adds
        assert_eq!(2 + 2, 4);
    ";
    assert_snapshot!(said(text), @"
    error: two tests are called `adds`
     --> notebooks/00_demo.ipynb:cell 2:1:1
      |
    1 | //| test adds
      | ^^^^^^^^^^^^^ called the same
      |
     ::: notebooks/00_demo.ipynb:cell 1:1:1
      |
    1 | //| test adds
      | ------------- first called so here
      |
      = note: this is the cell with id `second`
      = help: give each test a name of its own: `//| test NAME`
    ");
}

#[test]
fn a_test_named_like_what_it_tests() {
    let text = "
        --- function
        //| export
        pub fn relu(x: f32) -> f32 { x.max(0.0) }
        --- its_test
        //| test relu
        assert_eq!(relu(-1.0), 0.0);
    ";
    assert_snapshot!(said(text), @"
    error: the test `relu` has the name of what it tests
     --> notebooks/00_demo.ipynb:cell 2:1:1
      |
    1 | //| test relu
      | ^^^^^^^^^^^^^
      |
     ::: notebooks/00_demo.ipynb:cell 1:2:8
      |
    2 | pub fn relu(x: f32) -> f32 { x.max(0.0) }
      |        ---- exported here
      |
      = note: this is the cell with id `its_test`
      = note: inside `mod tests` the test would hide the exported item
      = help: call it `//| test relu_works`, or what it asserts
    ");
}

#[test]
fn two_cells_of_one_id() {
    let text = "
        --- same
        //| export
        pub fn a() {}
        --- same
        //| export
        pub fn b() {}
    ";
    assert_snapshot!(said(text), @"
    error: two cells have the id `same`
     --> notebooks/00_demo.ipynb:cell 2:1:1
      |
    1 | //| export
      | ^^^^^^^^^^ has the same id
      |
     ::: notebooks/00_demo.ipynb:cell 1:1:1
      |
    1 | //| export
      | ---------- has it first
      |
      = note: this is the cell with id `same`
      = help: open the notebook in JupyterLab and save it: that gives the second one an id of its own
    ");
}

#[test]
fn two_cells_with_statements_for_one_binary() {
    let text = "
        --- one
        //| bin tool
        println!(\"one\");
        --- two
        //| bin tool
        println!(\"two\");
    ";
    assert_snapshot!(said(text), @"
    error: two cells with statements for `src/bin/tool.rs`
     --> notebooks/00_demo.ipynb:cell 2:1:1
      |
    1 | //| bin tool
      | ^^^^^^^^^^^^ this one, too, would become `fn main`
      |
     ::: notebooks/00_demo.ipynb:cell 1:1:1
      |
    1 | //| bin tool
      | ------------ the first
      |
      = note: this is the cell with id `two`
      = help: join the two cells, or write `fn main` yourself
    ");
}

#[test]
fn a_module_outside_of_the_crate() {
    let text = "
        --- evil
        //| default_exp ../../evil
        --- worse
        //| export /tmp/evil
        pub fn f() {}
        --- windows
        //| export ..\\evil
        pub fn g() {}
        --- dots
        //| bin ..
        println!(\"x\");
    ";
    let case = Case::of(text);
    assert_snapshot!(case.refuses(1), @r"
    error: `../../evil` is a path, not the name of a module
     --> notebooks/00_demo.ipynb:cell 1:1:1
      |
    1 | //| default_exp ../../evil
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `evil`
      = help: a module is named by one Rust identifier and stays inside the crate: `nb_02`, `layers`

    error: `/tmp/evil` is a path, not the name of a module
     --> notebooks/00_demo.ipynb:cell 2:1:1
      |
    1 | //| export /tmp/evil
      | ^^^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `worse`
      = help: a module is named by one Rust identifier and stays inside the crate: `nb_02`, `layers`

    error: `..\evil` is a path, not the name of a module
     --> notebooks/00_demo.ipynb:cell 3:1:1
      |
    1 | //| export ..\evil
      | ^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `windows`
      = help: a module is named by one Rust identifier and stays inside the crate: `nb_02`, `layers`

    error: `..` is a path, not the name of a binary
     --> notebooks/00_demo.ipynb:cell 4:1:1
      |
    1 | //| bin ..
      | ^^^^^^^^^^
      |
      = note: this is the cell with id `dots`
      = help: a binary is named by one Rust identifier and stays inside the crate: `nb_02`, `layers`
    ");
    assert!(!case.has("../../evil.rs") && !case.has("evil.rs"));
}

#[test]
fn a_module_named_by_a_keyword() {
    let text = "
        --- keyword
        //| default_exp fn
        --- reserved
        //| export lib
        pub fn f() {}
        --- number
        //| export 2d
        pub fn g() {}
    ";
    assert_snapshot!(said(text), @"
    error: `fn` is a Rust keyword, so it cannot name a module
     --> notebooks/00_demo.ipynb:cell 1:1:1
      |
    1 | //| default_exp fn
      | ^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `keyword`
      = help: use another name, `fn_` say

    error: `lib` cannot name a module: the crate or the language has its own use for it
     --> notebooks/00_demo.ipynb:cell 2:1:1
      |
    1 | //| export lib
      | ^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `reserved`
      = help: choose another name

    error: `2d` is not a Rust identifier, so it cannot name a module
     --> notebooks/00_demo.ipynb:cell 3:1:1
      |
    1 | //| export 2d
      | ^^^^^^^^^^^^^
      |
      = note: this is the cell with id `number`
      = help: use another name, `_2d` say
    ");
}

#[test]
fn two_modules_for_one_notebook() {
    let text = "
        --- one
        //| default_exp layers
        --- two
        //| default_exp models
        --- f
        //| export
        pub fn f() {}
    ";
    assert_snapshot!(said(text), @"
    error: `default_exp` is given twice
     --> notebooks/00_demo.ipynb:cell 2:1:1
      |
    1 | //| default_exp models
      | ^^^^^^^^^^^^^^^^^^^^^^ given again
      |
     ::: notebooks/00_demo.ipynb:cell 1:1:1
      |
    1 | //| default_exp layers
      | ---------------------- first given here
      |
      = note: this is the cell with id `two`
      = help: a notebook has one module; send single cells elsewhere by `//| export MODULE`
    ");
}

#[test]
fn a_file_name_that_gives_no_identifier() {
    let case = Case::new().notebook(
        "my notes (2)",
        "
        --- f
        //| export
        pub fn f() {}
    ",
    );
    assert_snapshot!(case.refuses(1), @"
    error: `nb_my notes (2)` is not a Rust identifier, so it cannot name a module
     --> notebooks/my notes (2).ipynb:cell 1:1:1
      |
    1 | //| export
      | ^^^^^^^^^^
      |
      = note: this is the cell with id `f`
      = note: the name comes from the file's, `my notes (2).ipynb`, up to its first `_`
      = help: rename the notebook, or begin a cell with `//| default_exp nb_my_notes__2_`
    ");
    case.replace("notebooks/my notes (2).ipynb", "//| export", "//| export notes");
}

#[test]
fn a_file_name_without_identifier_is_fine_when_no_cell_needs_it() {
    Case::new()
        .notebook(
            "my notes (2)",
            "
            --- plain
            let x = 1;
        ",
        )
        .export();
}

#[test]
fn a_notebook_in_another_language() {
    let text = crate::support::notebook(
        "
        --- f
        //| export
        pub fn f() {}
    ",
    );
    let python = text.replace("\"language\": \"rust\"", "\"language\": \"python\"");
    let case = Case::new().file("notebooks/00_demo.ipynb", &python);
    assert_snapshot!(case.refuses(1), @"
    error: `notebooks/00_demo.ipynb` is a python notebook
     --> notebooks/00_demo.ipynb:cell 1:1:1
      |
    1 | //| export
      | ^^^^^^^^^^
      |
      = note: this is the cell with id `f`
      = note: its metadata names that language; nbexport exports Rust
      = help: choose the Rust kernel in Jupyter (Kernel > Change Kernel) and save, or remove its `//|` directives
    ");
}

#[test]
fn a_python_notebook_that_exports_nothing_is_no_trouble() {
    let text = crate::support::notebook(
        "
        --- f
        #| export
        def f(x): return x // 2
    ",
    );
    let python = text.replace("\"language\": \"rust\"", "\"language\": \"python\"");
    assert_snapshot!(Case::new().file("notebooks/00_demo.ipynb", &python).export(), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb: nothing to export
    ");
}

#[test]
fn two_notebooks_for_one_module() {
    let text = |name: &str| {
        format!(
            "
        --- {name}
        //| export
        pub fn {name}() {{}}
    "
        )
    };
    let case = Case::new()
        .notebook("02_relu", &text("relu"))
        .notebook("02_gelu", &text("gelu"))
        .notebook("03_fine", &text("fine"));
    assert_snapshot!(case.run(""), @"
    exit status 1
    --- stdout
    notebooks/02_gelu.ipynb: not exported, 1 error
    notebooks/02_relu.ipynb: not exported, 1 error
    notebooks/03_fine.ipynb → exp/src/nb_03.rs: 1 cell, 0 tests, exported
    exp/src/lib.rs updated
    --- stderr
    error: two notebooks export to `src/nb_02.rs`: `notebooks/02_gelu.ipynb` and `notebooks/02_relu.ipynb`
     |
     = note: a module is fed by one notebook
     = help: rename one of the two, or give it a module of its own: `//| default_exp nb_02b`
    ");
    assert_eq!(case.names(), ["exp/Cargo.toml", "exp/src/lib.rs", "exp/src/nb_03.rs"]);
    // One of the two alone is no better: which of them is meant, nbexport cannot know.
    assert_snapshot!(case.run("notebooks/02_relu.ipynb"), @"
    exit status 1
    --- stdout
    notebooks/02_relu.ipynb: not exported, 1 error
    --- stderr
    error: two notebooks export to `src/nb_02.rs`: `notebooks/02_gelu.ipynb` and `notebooks/02_relu.ipynb`
     |
     = note: a module is fed by one notebook
     = help: rename one of the two, or give it a module of its own: `//| default_exp nb_02b`
    ");
}

#[test]
fn files_that_differ_in_case_only_are_one_on_some_systems() {
    let text = |module: &str| {
        format!(
            "
        --- {module}
        //| export {module}
        pub fn f() {{}}
    "
        )
    };
    let case = Case::new().notebook("00_a", &text("layers")).notebook("01_b", &text("Layers"));
    assert_snapshot!(case.run("").stderr, @"
    error: two notebooks export to `src/Layers.rs`: `notebooks/00_a.ipynb` and `notebooks/01_b.ipynb`
     |
     = note: a module is fed by one notebook
     = help: rename one of the two, or give it a module of its own: `//| default_exp Layersb`
    ");
}

#[test]
fn a_bad_notebook_is_told_to_a_program_too() {
    let case = Case::of(
        "
        --- x
        //| export
        let x = 1;
    ",
    );
    let run = case.run("--format json");
    let lines: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["diagnostics"][0]["location"], "notebooks/00_demo.ipynb:cell 1:2:1");
    assert_eq!(lines[0]["diagnostics"][0]["cell_id"], "x");
    assert_eq!(lines[1]["changes"], serde_json::json!([]));
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
}
