//! `nbexport student`: copies without solutions, while the crate and a run have them.

use crate::support::Case;
use insta::assert_snapshot;

const COURSE: &str = "
    --- task markdown
    # 00_demo

    > An exercise.

    Write `double`.
    --- double
    //| export
    /// Doubles.
    pub fn double(x: i32) -> i32 {
        // solution
        2 * x
        // end solution
    }
    --- triple
    //| export
    //| solution
    pub fn triple(x: i32) -> i32 { 3 * x }
    --- test
    //| test it_doubles
    assert_eq!(double(2), 4);
";

const COPY: &str = "student/00_demo.ipynb";

#[test]
fn a_copy_has_the_exercise_and_its_tests_and_no_solution() {
    let case = Case::of(COURSE);
    case.replace(
        "notebooks/00_demo.ipynb",
        "\"outputs\": []",
        "\"outputs\": [{\"output_type\": \"stream\", \"name\": \"stdout\", \"text\": \"4\"}]",
    );
    let before = case.read("notebooks/00_demo.ipynb");
    let run = case.run("student -d student");
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(run.stdout, "student/00_demo.ipynb: 2 solutions left out, written\n");
    let copy: serde_json::Value = serde_json::from_str(&case.read(COPY)).unwrap();
    let cells = copy["cells"].as_array().unwrap();
    let text = |at: usize| {
        cells[at]["source"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect::<String>()
    };
    assert_snapshot!((0..4).map(text).collect::<Vec<_>>().join("\n---\n"), @r"
    # 00_demo

    > An exercise.

    Write `double`.
    ---
    //| export
    /// Doubles.
    pub fn double(x: i32) -> i32 {
        // your solution
        todo!()
    }
    ---
    //| export
    // your solution
    ---
    //| test it_doubles
    assert_eq!(double(2), 4);
    ");
    assert!(cells.iter().all(|cell| cell["outputs"].as_array().is_none_or(Vec::is_empty)), "{copy}");
    assert_eq!(case.read("notebooks/00_demo.ipynb"), before);

    let run = case.run("student -d student");
    assert_eq!(run.stdout, "student/00_demo.ipynb: 2 solutions left out, unchanged\n", "{run}");
}

#[test]
fn the_crate_has_solutions_and_their_marks_and_sync_keeps_them() {
    let case = Case::of(COURSE);
    case.export();
    let module = case.read("exp/src/nb_00.rs");
    for line in ["    // solution\n    2 * x\n    // end solution\n", "//| solution\npub fn triple"] {
        assert!(module.contains(line), "{module}");
    }
    case.replace("exp/src/nb_00.rs", "2 * x", "x + x");
    assert_eq!(case.run("sync").code, Some(0));
    assert!(case.read("notebooks/00_demo.ipynb").contains("    // solution\\n\",\n    \"    x + x\\n"));
    assert_eq!(case.run("--check").code, Some(0));
    let run = case.run("test");
    assert!(run.code == Some(0) && run.stdout.contains("3 cells passed"), "{run}");
}

#[test]
fn a_copy_that_somebody_worked_in_stays() {
    let case = Case::of(COURSE);
    case.run("student -d student");
    case.replace("notebooks/00_demo.ipynb", "Write `double`.", "Write it.");
    assert_eq!(case.run("student -d student").code, Some(0));
    assert!(case.read(COPY).contains("Write it."));
    case.replace(COPY, "todo!()", "x + x");
    case.replace("notebooks/00_demo.ipynb", "Write it.", "Do.");
    let run = case.run("student -d student");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("`student/00_demo.ipynb` is not as nbexport wrote it"), "{run}");
    assert!(case.read(COPY).contains("x + x"));
    assert_eq!(case.run("student -d notebooks").code, Some(2));
    assert_eq!(case.run("student -d notebooks/student").code, Some(2));
}

#[test]
fn a_solution_without_an_end_is_told_and_nothing_is_copied() {
    let case = Case::of(COURSE).notebook("01_more", "--- a\nlet x = 1;\n// solution\nlet y = 2;");
    let run = case.run("student -d student");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("notebooks/01_more.ipynb:cell 1:2:1"), "{run}");
    assert!(!case.has("student"), "{run}");
}

#[test]
fn the_copies_compile_and_say_what_is_to_be_done() {
    let case = Case::of(COURSE);
    case.run("student -d student");
    let student = Case::new().file("notebooks/00_demo.ipynb", &case.read(COPY));
    assert_eq!(student.run("").code, Some(0));
    let run = student.run("test");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("not yet implemented"), "{run}");
}
