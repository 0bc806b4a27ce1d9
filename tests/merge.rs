//! `nbexport merge` of three files: nothing that a side typed is lost, nothing that nobody touched is changed.

use serde_json::{Value, json};

use crate::support::{Case, Run, notebook, pretty};

const CELLS: &str = "
    --- title markdown
    # Demo
    --- one
    let one = 1;
    let two = 2;
    --- two
    let three = 3;
";

/// The three versions merged by the real binary.
fn merge(base: &str, ours: &str, theirs: &str) -> Run {
    let case = Case::nothing();
    for (name, text) in [("base", base), ("ours", ours), ("theirs", theirs)] {
        case.write(&format!("{name}.ipynb"), text);
    }
    case.run("merge base.ipynb ours.ipynb theirs.ipynb")
}

/// A notebook with an edit made to its JSON.
fn edited(text: &str, edit: impl FnOnce(&mut Value)) -> String {
    let mut notebook: Value = serde_json::from_str(text).unwrap();
    edit(&mut notebook);
    pretty(&notebook)
}

/// The same notebook as an earlier nbformat has it, without ids.
fn without_ids(text: &str, minor: u32) -> String {
    edited(text, |notebook| {
        notebook["nbformat_minor"] = json!(minor);
        for cell in notebook["cells"].as_array_mut().unwrap() {
            cell.as_object_mut().unwrap().shift_remove("id");
        }
    })
}

fn without_cell(text: &str, at: usize) -> String {
    edited(text, |notebook| {
        notebook["cells"].as_array_mut().unwrap().remove(at);
    })
}

/// The sources of the cells.
fn sources(text: &str) -> Vec<String> {
    let notebook: Value = serde_json::from_str(text).unwrap();
    let source = |cell: &Value| match &cell["source"] {
        Value::String(text) => text.clone(),
        rows => rows.as_array().unwrap().iter().map(|row| row.as_str().unwrap()).collect(),
    };
    notebook["cells"].as_array().unwrap().iter().map(source).collect()
}

/// A merge of these in either direction, with ids and without, must end in a conflict that keeps `typed`.
fn keeps_in_conflict(base: &str, ours: &str, theirs: &str, typed: &str) {
    for text in [str::to_owned, |text: &str| without_ids(text, 4)] as [fn(&str) -> String; 2] {
        let [base, ours, theirs] = [base, ours, theirs].map(text);
        for (ours, theirs) in [(&ours, &theirs), (&theirs, &ours)] {
            let run = merge(&base, ours, theirs);
            assert_eq!(run.code, Some(1), "{run}");
            assert!(run.stdout.contains(typed), "{run}");
            assert!(run.stderr.contains("one side deleted this cell and the other changed it"), "{run}");
            assert!(run.stderr.contains(".ipynb:cell "), "no place: {run}");
        }
    }
}

/// What a merge without a conflict gives.
fn clean(base: &str, ours: &str, theirs: &str) -> String {
    let run = merge(base, ours, theirs);
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    run.stdout
}

#[test]
fn metadata_that_both_sides_edit_keeps_its_bytes() {
    let with = |inner: &str, author: &str| {
        let odd = "\"metadata\": {\n    \"x\": 117.63331139400017, \"big\": 123456789012345678901234567890,\n\t\"e\" : 1e-05, \
                   \"c\": \"\\u003c\"";
        notebook(CELLS)
            .replacen("\"metadata\": {}", &format!("{odd}{inner}}}"), 1)
            .replace("\"name\": \"rust\"", &format!("\"name\": \"rust\"{author}"))
    };
    let base = with("", "");
    let ours = with(", \"tags\": [\"a\"]", ", \"ours\": 1e-05");
    let theirs = with(", \"slideshow\": {\"at\": 1e-05}", ", \"theirs\": 117.63331139400017");
    assert_eq!(
        clean(&base, &ours, &theirs),
        with(
            ", \"tags\": [\"a\"], \"slideshow\": {\"at\": 1e-05}",
            ", \"ours\": 1e-05, \"theirs\": 117.63331139400017"
        )
    );
}

#[test]
fn a_number_whose_last_digit_differs_is_an_edit() {
    let with = |number: &str| {
        notebook(CELLS).replacen("\"metadata\": {}", &format!("\"metadata\": {{\"x\": {number}}}"), 1)
    };
    let (base, theirs) = (with("117.63331139400016"), with("117.63331139400017"));
    let ours = base.replace("let one", "let mut one");
    assert_eq!(clean(&base, &ours, &theirs), theirs.replace("let one", "let mut one"));
}

#[test]
fn what_is_typed_into_a_cell_is_kept_against_its_deletion() {
    let base = notebook(CELLS);
    for (at, from, to) in
        [(0, "# Demo", "# A demo"), (1, "let two", "let mut two"), (2, "three = 3", "three = 1 + 2")]
    {
        keeps_in_conflict(&base, &base.replace(from, to), &without_cell(&base, at), to);
    }
}

#[test]
fn new_outputs_tags_and_attachments_are_kept_against_the_cells_deletion() {
    let base = notebook(CELLS);
    let with = |key: &str, value: Value| edited(&base, |notebook| notebook["cells"][1][key] = value);
    let output = json!([{"name": "stdout", "output_type": "stream", "text": ["an hour of work"]}]);
    let theirs = without_cell(&base, 1);
    keeps_in_conflict(&base, &with("outputs", output), &theirs, "an hour of work");
    keeps_in_conflict(&base, &with("metadata", json!({"tags": ["keep-me"]})), &theirs, "keep-me");
    keeps_in_conflict(&base, &with("attachments", json!({"a.png": {}})), &theirs, "a.png");
    // That it ran is no edit.
    let ran = edited(&base, |notebook| {
        notebook["cells"][1]["execution_count"] = json!(7);
        notebook["cells"][1]["metadata"] = json!({"scrolled": true});
    });
    assert_eq!(sources(&clean(&base, &ran, &theirs)), ["# Demo", "let three = 3;"]);
}

#[test]
fn without_ids_cells_are_told_apart_by_their_text_and_place() {
    let base = without_ids(
        &notebook(
            "
            --- a
            let a = load(1);
            --- b
            let b = load(2);
            --- c
            let c = load(3);
            --- d
            let d = load(4);
        ",
        ),
        4,
    );
    let by_both = |ours: &str, theirs: &str, expected: &[&str]| {
        assert_eq!(sources(&clean(&base, ours, theirs)), expected);
        assert_eq!(sources(&clean(&base, theirs, ours)), expected);
    };
    // Two edits of different cells.
    by_both(
        &base.replace("load(2)", "load(20)"),
        &base.replace("load(3)", "load(30)"),
        &["let a = load(1);", "let b = load(20);", "let c = load(30);", "let d = load(4);"],
    );
    // An edit beside a cell that goes.
    by_both(
        &without_cell(&base, 1),
        &base.replace("load(3)", "load(30)"),
        &["let a = load(1);", "let c = load(30);", "let d = load(4);"],
    );
    // An edit of a cell that moves.
    let moved = edited(&base, |notebook| {
        let cells = notebook["cells"].as_array_mut().unwrap();
        let last = cells.pop().unwrap();
        cells.insert(0, last);
    });
    by_both(
        &moved,
        &base.replace("load(4)", "load(40)"),
        &["let d = load(40);", "let a = load(1);", "let b = load(2);", "let c = load(3);"],
    );
    // A cell replaced by another, beside an edit.
    by_both(
        &base.replace("let b = load(2);", "println!(\\\"something else\\\");"),
        &base.replace("load(3)", "load(30)"),
        &["let a = load(1);", "println!(\"something else\");", "let c = load(30);", "let d = load(4);"],
    );
}

#[test]
fn an_edit_of_a_cell_that_the_other_side_replaced_is_a_conflict() {
    let base = without_ids(&notebook(CELLS), 4);
    let ours = base.replace("let three = 3;", "println!(\\\"something else\\\");");
    let theirs = base.replace("three = 3", "three = 1 + 2");
    for (ours, theirs) in [(&ours, &theirs), (&theirs, &ours)] {
        let run = merge(&base, ours, theirs);
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stdout.contains("something else") && run.stdout.contains("three = 1 + 2"), "{run}");
    }
}

#[test]
fn a_cell_that_both_sides_took_from_a_third_is_one_cell() {
    for text in [notebook(CELLS), without_ids(&notebook(CELLS), 4)] {
        let base = without_cell(&text, 2);
        let ours = text.replace("let one", "let mut one");
        let theirs = text.replace("# Demo", "# A demo");
        let expected = ["# A demo", "let mut one = 1;\nlet two = 2;", "let three = 3;"];
        assert_eq!(sources(&clean(&base, &ours, &theirs)), expected);
    }
}

#[test]
fn cells_of_a_format_without_ids_get_none() {
    for minor in [2, 4] {
        let base = without_ids(&notebook(CELLS), minor);
        let ours = base.replace("# Demo", "# A demo");
        let theirs = base.replace("let one", "let mut one");
        assert_eq!(clean(&base, &ours, &theirs), theirs.replace("# Demo", "# A demo"));
    }
}

#[test]
fn a_cell_that_lacks_its_id_is_left_as_it_is() {
    let base = edited(&notebook(CELLS), |notebook| {
        notebook["cells"][0].as_object_mut().unwrap().shift_remove("id");
    });
    let theirs = base.replace("let one", "let mut one");
    for ours in [base.replace("let three", "let mut three"), base.replace("# Demo", "# A demo")] {
        let run = clean(&base, &ours, &theirs);
        assert_eq!(run, ours.replace("let one", "let mut one"));
    }
}

#[test]
fn a_new_cell_gets_an_id_where_the_other_side_raised_the_format() {
    let theirs = notebook(CELLS);
    let base = without_ids(&theirs, 4);
    let ours = edited(&base, |notebook| {
        let mut cell = notebook["cells"][1].clone();
        cell["source"] = json!(["let new = 4;"]);
        notebook["cells"].as_array_mut().unwrap().push(cell);
    });
    let merged: Value = serde_json::from_str(&clean(&base, &ours, &theirs)).unwrap();
    let keys: Vec<&String> = merged["cells"][3].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["cell_type", "execution_count", "id", "metadata", "outputs", "source"]);
    assert_eq!(merged["cells"][1]["id"], "one");
}

#[test]
fn a_source_that_was_a_string_stays_one() {
    let as_string = |text: &str| {
        edited(text, |notebook| {
            notebook["cells"][1]["source"] = json!("let one = 1;\nlet between = 0;\nlet two = 2;");
        })
    };
    let base = as_string(&notebook(CELLS));
    let (ours, theirs) = (base.replace("one = 1", "one = 10"), base.replace("two = 2", "two = 20"));
    assert_eq!(clean(&base, &ours, &theirs), theirs.replace("one = 1", "one = 10"));
}

#[test]
fn the_layout_of_our_file_is_kept() {
    let odd =
        |text: &str| text.replace("  {\n", "  { \n").replace(" ],\n \"metadata\"", "\n],\n\n \"metadata\"");
    let base = odd(&notebook(CELLS));
    let (ours, theirs) = (base.replace("one = 1", "one = 10"), base.replace("three = 3", "three = 30"));
    assert_eq!(clean(&base, &ours, &theirs), theirs.replace("one = 1", "one = 10"));
}

#[test]
fn a_cell_of_another_kind_that_the_other_side_joined_to_its_neighbour_is_a_conflict() {
    let cells = |text: &str| without_ids(&notebook(text), 4);
    let twins = "--- a markdown\nsame\n--- b markdown\nsame\n";
    let base = cells(&format!(
        "{twins}--- c markdown\nsame\n--- d\nlet d = 1;\n--- e markdown\nlet e = 1;\nlet f = 1;"
    ));
    let ours = cells(&format!(
        "{twins}--- d markdown\nlet d = 1;\n--- c markdown\nsame\n--- e markdown\nlet e = 1;\nlet f = 1;"
    ));
    let theirs = cells(&format!("{twins}--- c markdown\nsame\n--- d\nlet d = 1;\nlet e = 1;\nlet f = 1;"));
    let run = merge(&base, &ours, &theirs);
    assert_eq!((run.code, run.stdout.contains("<<<<<<<")), (Some(1), true), "{run}");
}

#[test]
fn a_version_that_is_not_utf_8_is_named_and_nothing_is_written() {
    needs!("git");
    for name in ["base", "ours", "theirs"] {
        for (extension, path) in [("ipynb", ""), ("rs", " --path exp/src/nb_00.rs")] {
            let case = Case::nothing();
            for name in ["base", "ours", "theirs"] {
                case.write(&format!("{name}.{extension}"), notebook(CELLS).replace("Demo", name));
            }
            case.write(&format!("{name}.{extension}"), b"\"caf\xe9\"");
            case.write("out", "kept");
            let versions = ["base", "ours", "theirs"].map(|name| format!("{name}.{extension}")).join(" ");
            let run = case.run(&format!("merge {versions} --out out{path}"));
            let named =
                if path.is_empty() { format!("`{name}.ipynb`") } else { "`exp/src/nb_00.rs`".to_owned() };
            if name == "base" {
                // What both sides have is there to be merged as text.
                assert!(run.code == Some(1) && case.read("out").contains("# theirs"), "{run}");
            } else {
                assert!(run.code == Some(2) && run.stderr.contains(&named), "{run}");
                assert_eq!(case.read("out"), "kept");
            }
        }
    }
}

#[test]
fn markers_of_any_length_are_a_conflict() {
    needs!("git");
    let case = Case::nothing();
    for (name, text) in [("base", "fn a() {}\n"), ("ours", "fn b() {}\n"), ("theirs", "fn c() {}\n")] {
        case.write(&format!("{name}.rs"), text);
    }
    for size in [7, 15] {
        let run = case.run(&format!("merge base.rs ours.rs theirs.rs --marker-size {size}"));
        assert!(run.code == Some(1) && run.stdout.contains(&"<".repeat(size)), "{run}");
    }
}
