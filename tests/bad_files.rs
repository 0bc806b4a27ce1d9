//! A notebook file that cannot be read: each kind is told from the others, with the way out.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Case, cells, notebook, pretty};

const GOOD: &str = "
    --- double
    //| export
    pub fn double(x: i32) -> i32 { 2 * x }
";

/// What is said of a project whose one notebook file has this text.
fn said(text: impl AsRef<[u8]>) -> String {
    let case = Case::new();
    case.write("notebooks/00_demo.ipynb", text);
    case.refuses_file(2)
}

#[test]
fn an_empty_file() {
    assert_snapshot!(said(""), @"
    error: `notebooks/00_demo.ipynb` is empty
    --> notebooks/00_demo.ipynb
     = help: open it in Jupyter, write a cell and save it
    ");
    assert_eq!(said(" \n\n"), said(""));
}

#[test]
fn a_file_that_is_not_json() {
    assert_snapshot!(said("fn main() {}\n"), @"
    error: `notebooks/00_demo.ipynb` is not a notebook: expected ident
     --> notebooks/00_demo.ipynb:1:2
      |
    1 | fn main() {}
      |  ^
      |
      = help: a notebook is a JSON file as Jupyter writes it; open and save it there
    ");
    assert_snapshot!(said("{\n \"cells\": [\n  oops\n ]\n}\n"), @"
    error: `notebooks/00_demo.ipynb` is not a notebook: expected value
     --> notebooks/00_demo.ipynb:3:3
      |
    3 |   oops
      |   ^
      |
      = help: a notebook is a JSON file as Jupyter writes it; open and save it there
    ");
}

#[test]
fn a_file_that_is_cut_off() {
    let whole = notebook(GOOD);
    assert_snapshot!(said(&whole[..whole.len() / 2]), @"
    error: `notebooks/00_demo.ipynb` is cut off: the JSON ends too early
      --> notebooks/00_demo.ipynb:14:1
       |
    14 |  ],
       | ^^^ the file ends here
       |
       = help: a save or a download was interrupted; take it from git or from `.ipynb_checkpoints`
    ");
}

#[test]
fn a_cut_off_file_is_told_wherever_the_cut_is() {
    let whole = notebook(GOOD);
    for end in (1..whole.trim_end().len() - 1).step_by(37) {
        assert!(said(&whole[..end]).contains("is cut off"), "cut at {end}");
    }
}

#[test]
fn json_that_is_no_notebook() {
    assert_snapshot!(said("{\"name\": \"x\"}\n"), @"
    error: `notebooks/00_demo.ipynb` is JSON, but not a notebook: it has no `nbformat`
    --> notebooks/00_demo.ipynb
     = help: a notebook is written by Jupyter, VS Code or Colab; take other files out of the notebooks folder
    ");
    assert_snapshot!(said("[]\n"), @"
    error: `notebooks/00_demo.ipynb` is not a notebook: invalid length 0, expected an object with `cells`, `metadata` and `nbformat`
     --> notebooks/00_demo.ipynb:1:2
      |
    1 | []
      |  ^
      |
      = help: a notebook is a JSON file as Jupyter writes it; open and save it there
    ");
    assert_snapshot!(said("\"text\"\n"), @r#"
    error: `notebooks/00_demo.ipynb` is not a notebook: invalid type: string "text", expected an object with `cells`, `metadata` and `nbformat`
     --> notebooks/00_demo.ipynb:1:6
      |
    1 | "text"
      |      ^
      |
      = help: a notebook is a JSON file as Jupyter writes it; open and save it there
    "#);
    assert_snapshot!(said("{\"nbformat\": 4, \"nbformat_minor\": 5, \"metadata\": {}}"), @r#"
    error: `notebooks/00_demo.ipynb` has no `cells`, so it is not a notebook of nbformat 4
     --> notebooks/00_demo.ipynb:1:1
      |
    1 | {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: open it in Jupyter and save it, or take it out of the notebooks folder
    "#);
}

#[test]
fn a_notebook_of_another_nbformat() {
    assert_snapshot!(said(r#"{"nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": []}]}"#), @"
    error: `notebooks/00_demo.ipynb` is of nbformat 3; nbexport reads nbformat 4
    --> notebooks/00_demo.ipynb
     = help: open it in Jupyter and save it, or run `jupyter nbconvert --to notebook --inplace` on it
    ");
    assert_snapshot!(said(r#"{"nbformat": 5, "nbformat_minor": 0, "cells": []}"#), @"
    error: `notebooks/00_demo.ipynb` is of nbformat 5, which this nbexport does not know; it reads nbformat 4
    --> notebooks/00_demo.ipynb
     = help: update nbexport, or save the notebook as nbformat 4
    ");
}

#[test]
fn a_file_with_the_conflict_markers_of_git() {
    let text = notebook(GOOD).replace(
        "    \"pub fn",
        "<<<<<<< HEAD\n    \"pub fn ours() {}\"\n=======\n    \"pub fn theirs() {}\"\n>>>>>>> topic\n    \"pub fn",
    );
    assert_snapshot!(said(text), @"
    error: `notebooks/00_demo.ipynb` holds git's conflict markers, so it is not JSON
      --> notebooks/00_demo.ipynb:11:1
       |
    11 | <<<<<<< HEAD
       | ^^^^^^^^^^^^ the conflict begins here
       |
       = help: solve the conflict (git mergetool, or `git checkout --ours|--theirs`), then export again
    ");
}

#[test]
fn a_file_that_is_not_utf_8() {
    assert_snapshot!(said(b"{\"cells\": [], \"author\": \"Jos\xe9\"}"), @"
    error: `notebooks/00_demo.ipynb` is not UTF-8: the byte at offset 28 is no part of a character
    --> notebooks/00_demo.ipynb
     = help: a notebook is JSON in UTF-8; save it again from Jupyter, or convert it with iconv
    ");
}

/// Python writes `NaN` where JSON has no word for it; Jupyter itself cannot open such a file.
#[test]
fn a_file_with_nan_in_an_output() {
    let text = notebook(GOOD).replace("\"outputs\": []", "\"outputs\": [{\"data\": {\"x\": [1.0, NaN]}}]");
    assert_snapshot!(said(text), @r#"
    error: `notebooks/00_demo.ipynb` is not JSON: it holds the number `NaN`
     --> notebooks/00_demo.ipynb:8:37
      |
    8 |    "outputs": [{"data": {"x": [1.0, NaN]}}],
      |                                     ^^^
      |
      = note: Python writes that word, JSON has no such number, and Jupyter cannot open the file either
      = help: write `null` in its place, or take the file from git or from `.ipynb_checkpoints`
    "#);
}

#[test]
fn a_cell_that_is_no_cell() {
    let with = |cell: serde_json::Value| {
        let mut cells = cells(GOOD);
        cells.push(cell);
        said(pretty(&json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})))
    };
    assert_snapshot!(with(json!({"cell_type": "code", "id": "bare", "metadata": {}, "outputs": []})), @"
    error: cell 2 has no `source`
      --> notebooks/00_demo.ipynb:14:3
       |
    14 |   {
       |   ^ this cell
       |
       = note: it is cell 2 of `notebooks/00_demo.ipynb`
       = help: open the notebook in Jupyter and save it, or mend the cell in a text editor
    ");
    assert_snapshot!(with(json!({"cell_type": "code", "id": "number", "source": 3})), @"
    error: the `source` of cell 2 is neither a string nor a list of strings
      --> notebooks/00_demo.ipynb:14:3
       |
    14 |   {
       |   ^ this cell
       |
       = note: it is cell 2 of `notebooks/00_demo.ipynb`
       = help: open the notebook in Jupyter and save it, or mend the cell in a text editor
    ");
    assert_snapshot!(with(json!({"cell_type": "code", "id": "mixed", "source": ["a", 3]})), @"
    error: the `source` of cell 2 is neither a string nor a list of strings
      --> notebooks/00_demo.ipynb:14:3
       |
    14 |   {
       |   ^ this cell
       |
       = note: it is cell 2 of `notebooks/00_demo.ipynb`
       = help: open the notebook in Jupyter and save it, or mend the cell in a text editor
    ");
    assert_snapshot!(with(json!("pub fn f() {}")), @r#"
    error: cell 2 is not a cell: invalid type: string "pub fn f() {}", expected an object with `cell_type` and `source`
      --> notebooks/00_demo.ipynb:14:3
       |
    14 |   "pub fn f() {}"
       |   ^^^^^^^^^^^^^^^ this cell
       |
       = note: it is cell 2 of `notebooks/00_demo.ipynb`
       = help: open the notebook in Jupyter and save it, or mend the cell in a text editor
    "#);
    assert_snapshot!(with(json!([])), @"
    error: cell 2 is not a cell: invalid length 0, expected an object with `cell_type` and `source`
      --> notebooks/00_demo.ipynb:14:3
       |
    14 |   []
       |   ^^ this cell
       |
       = note: it is cell 2 of `notebooks/00_demo.ipynb`
       = help: open the notebook in Jupyter and save it, or mend the cell in a text editor
    ");
}

/// Union merges leave such cells; which of the two is meant, only their writer knows.
#[test]
fn a_cell_with_a_key_twice() {
    let text = notebook(GOOD).replace("\"metadata\": {},", "\"metadata\": {},\n   \"metadata\": {\"x\": 1},");
    assert_snapshot!(said(text), @"
    error: cell 1 is not a cell: duplicate field `metadata`
     --> notebooks/00_demo.ipynb:3:3
      |
    3 |   {
      |   ^ this cell
      |
      = note: it is cell 1 of `notebooks/00_demo.ipynb`
      = help: open the notebook in Jupyter and save it, or mend the cell in a text editor
    ");
}

#[test]
fn cells_that_are_no_list() {
    assert_snapshot!(said(r#"{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": {}}"#), @r#"
    error: `notebooks/00_demo.ipynb` is not a notebook: invalid type: map, expected a sequence
     --> notebooks/00_demo.ipynb:1:62
      |
    1 | {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": {}}
      |                                                              ^
      |
      = help: a notebook is a JSON file as Jupyter writes it; open and save it there
    "#);
}

#[test]
fn a_notebook_that_is_a_folder_is_searched_for_notebooks() {
    let case = Case::of(GOOD);
    case.write("notebooks/01_folder.ipynb/02_in.ipynb", notebook(GOOD));
    assert_snapshot!(case.export(), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb → exp/src/nb_00.rs: 1 cell, 0 tests, exported
    notebooks/01_folder.ipynb/02_in.ipynb → exp/src/nb_02.rs: 1 cell, 0 tests, exported
    exp/src/lib.rs updated
    ");
}

#[test]
fn a_good_and_a_bad_notebook_together_the_good_one_is_written() {
    let case = Case::of(GOOD).file("notebooks/01_cut.ipynb", "{\"cells\": [").notebook(
        "02_statement",
        "
        --- area
        //| export
        pub fn area(r: f32) -> f32 { r * r * 3.14 }
        --- loose
        //| export
        let r = 2.0;
        ",
    );
    assert_snapshot!(case.run(""), @r#"
    exit status 2
    --- stdout
    notebooks/00_demo.ipynb → exp/src/nb_00.rs: 1 cell, 0 tests, exported
    notebooks/01_cut.ipynb: not exported, 1 error
    notebooks/02_statement.ipynb: not exported, 1 error
    exp/src/lib.rs updated
    --- stderr
    error: `notebooks/01_cut.ipynb` is cut off: the JSON ends too early
     --> notebooks/01_cut.ipynb:1:1
      |
    1 | {"cells": [
      | ^^^^^^^^^^^ the file ends here
      |
      = help: a save or a download was interrupted; take it from git or from `.ipynb_checkpoints`

    error: an exported cell holds items only
     --> notebooks/02_statement.ipynb:cell 2:2:1
      |
    2 | let r = 2.0;
      | ^^^^^^^^^^^^ a `let` statement is no item
      |
      = note: this is the cell with id `loose`
      = help: move it to a cell of its own: without `//| export` to explore, or `//| test` to assert
    "#);
    assert_eq!(case.names(), ["exp/Cargo.toml", "exp/src/lib.rs", "exp/src/nb_00.rs"]);
    assert_snapshot!(case.read("exp/src/lib.rs"), @"
    //! The crate.

    // nbexport: begin modules (nbexport keeps these lines)
    #[rustfmt::skip]
    pub mod nb_00;
    // nbexport: end modules
    ");
}

#[test]
fn a_notebook_that_goes_bad_keeps_its_module_and_its_dependencies() {
    let case = Case::of(
        "
        --- double
        //| export
        :dep fastrand = \"2\"
        pub fn double(x: i32) -> i32 { 2 * x }
        ",
    );
    case.export();
    let before = case.files("exp");
    case.write("notebooks/00_demo.ipynb", "{");
    assert_eq!(case.run("").code, Some(2));
    assert_eq!(case.files("exp"), before);
}
