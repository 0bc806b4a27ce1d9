//! `nbexport merge` of three files: nothing that a side typed is lost, nothing that nobody touched is changed.

use crate::support::{Case, Run, notebook};

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
