//! The outputs that runs write into notebooks and hold against what stands there, by both engines.

use serde_json::Value;

use crate::kernel::has_kernel;
use crate::support::{Case, Run};

const NOTEBOOK: &str = "notebooks/00_demo.ipynb";

/// Every way to put something out.
const ALL: &str = r#"
    --- value
    let x: i32 = 5;
    x
    --- streams
    println!("to stdout");
    eprintln!("to stderr");
    print!("without an end");
    --- both
    print!("printed, and ");
    vec![x, 2]
    --- carriage-returns
    print!("a\r\nb\n\n\nc\r\n");
    --- display
    struct Page;
    impl Page {
        fn evcxr_display(&self) {
            println!("EVCXR_BEGIN_CONTENT text/html\n<b>x</b>\n\n<i/>\nEVCXR_END_CONTENT\nafter");
        }
    }
    Page
    --- json
    println!("EVCXR_BEGIN_CONTENT application/json\n{{\"b\": 1, \"a\": [2.5]}}\nEVCXR_END_CONTENT");
    println!("EVCXR_BEGIN_CONTENT image/png\niVBORw0KGgo=\nEVCXR_END_CONTENT");
    "beside a text"
    --- table
    println!("EVCXR_BEGIN_CONTENT text/html\n<table><tr><td>1</td></tr></table>\nEVCXR_END_CONTENT");
    println!("EVCXR_BEGIN_CONTENT text/html\n<table><tr><td>2</td></tr></table>\nEVCXR_END_CONTENT");
    --- unit
    println!("a unit is not shown")
    --- leading-lines
    #[derive(Debug)]
    struct Lines(u8);
    String::from("\n\nlines")
    --- pretty
    Lines(3)
    --- panic
    //| should_panic
    println!("before");
    panic!("boom {x}");
    --- question-mark
    //| should_panic
    println!("parsing");
    let y: i32 = "a".parse()?;
    --- thread
    std::thread::spawn(|| { println!("in a thread"); }).join().is_ok()
    --- interleaved
    for n in 0..3 {
        println!("out {n}");
        eprintln!("err {n}");
    }
    --- awaits
    async fn three() -> u8 { 3 }
    println!("{}", three().await);
    --- compiled-only
    //| no_run
    println!("never");
    --- left-out
    //| eval: false
    println!("never");
    --- items
    fn f() {}
    --- nothing
    // Nothing.
    --- dbg
    dbg!(x);
    --- option
    Some("é→ü")
    --- threads-in-turn
    let turn = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        for name in ["a", "b"] {
            let turn = &turn;
            scope.spawn(move || {
                for n in 0..6 {
                    if (n % 2 == 0) == (name == "a") {
                        println!("{name} prints {n}");
                        eprintln!("{name} complains of {n}");
                    }
                    turn.wait();
                }
            });
        }
    });
    "#;

fn outputs(case: &Case) -> Vec<(String, Value, Value)> {
    let notebook: Value = serde_json::from_str(&case.read(NOTEBOOK)).unwrap();
    let of = |cell: &Value| {
        let id = cell["id"].as_str().unwrap().to_owned();
        let mut outputs = cell["outputs"].clone();
        // How a panic and an error are told, and where `dbg!` stands, is each engine's own.
        if ["panic", "question-mark", "dbg"].contains(&id.as_str()) {
            outputs.as_array_mut().unwrap().retain(|output| output["name"] != "stderr");
        }
        (id, cell["execution_count"].clone(), outputs)
    };
    notebook["cells"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn a_native_run_writes_what_a_kernel_writes() {
    if !has_kernel() {
        return;
    }
    let (native, kernel) = (Case::of(ALL), Case::of(ALL));
    let run = native.run("run --native");
    assert_eq!(run.code, Some(0), "{run}");
    let run = kernel.run("run");
    assert_eq!(run.code, Some(0), "{run}");
    for (native, kernel) in outputs(&native).iter().zip(&outputs(&kernel)) {
        assert_eq!(native, kernel);
    }
    // Each engine finds what the other wrote to be right.
    let run = kernel.run("run --check --native");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    let run = native.run("run --check");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
}

#[test]
fn a_native_run_tells_of_a_panic_at_its_cell_and_the_same_each_time() {
    let case = Case::of(ALL);
    assert_eq!(case.run("run --native").code, Some(0));
    let first = case.read(NOTEBOOK);
    assert!(
        first.contains("\"thread 'main' panicked at notebooks/00_demo.ipynb:cell 11:3:1:\\n\""),
        "{first}"
    );
    assert!(first.contains("\"boom 5\\n\""), "{first}");
    assert!(first.contains("[notebooks/00_demo.ipynb:cell 20:1:1] x = 5"), "{first}");
    assert!(!first.contains("stack backtrace"), "{first}");
    for _ in 0..3 {
        assert_eq!(case.run("run --native").code, Some(0));
        assert_eq!(case.read(NOTEBOOK), first);
    }
}

/// A notebook with its outputs, each of which a test spoils.
fn with_outputs() -> Case {
    let case = Case::of(
        r#"
        --- number
        let n = 41 + 1;
        n
        --- prints
        println!("one\ntwo\nthree");
        --- silent
        let m = 1;
        --- picture
        println!("EVCXR_BEGIN_CONTENT image/png\nQUJD\nEVCXR_END_CONTENT");
        "#,
    );
    let run = case.run("run --native");
    assert_eq!(run.code, Some(0), "{run}");
    case
}

/// The check finds something in this cell and nowhere else, and writes nothing.
#[track_caller]
fn finds(case: &Case, cell: usize, said: &str) {
    let before = case.read(NOTEBOOK);
    let run = case.run("run --check --native");
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(run.stderr.matches("error: ").count(), 1, "{run}");
    assert!(run.stderr.contains(&format!("--> notebooks/00_demo.ipynb:cell {cell}:1:1")), "{run}");
    assert!(run.stderr.contains(said), "{run}");
    assert!(run.stdout.contains("1 with other outputs than in the notebook"), "{run}");
    assert_eq!(case.read(NOTEBOOK), before);
}

#[test]
fn outputs_that_are_right_pass() {
    let case = with_outputs();
    let run = case.run("run --check --native");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    assert!(run.stdout.starts_with("notebooks/00_demo.ipynb: 4 cells passed in "), "{run}");
}

#[test]
fn a_changed_number_is_found() {
    let case = with_outputs();
    case.replace(NOTEBOOK, "\"42\"", "\"43\"");
    finds(&case, 1, "text/plain:");
}

#[test]
fn a_line_that_is_missing_or_too_many_is_found() {
    let case = with_outputs();
    case.replace(NOTEBOOK, "\"two\\n\",\n", "");
    finds(&case, 2, "+two");
    let case = with_outputs();
    case.replace(NOTEBOOK, "\"two\\n\",\n", "\"two\\n\",\n\"and a half\\n\",\n");
    finds(&case, 2, "-and a half");
}

/// The notebook with other outputs of a cell, by its place.
fn spoil(case: &Case, cell: usize, outputs: Value) {
    let mut notebook: Value = serde_json::from_str(&case.read(NOTEBOOK)).unwrap();
    notebook["cells"][cell]["outputs"] = outputs;
    case.write(NOTEBOOK, crate::support::pretty(&notebook));
}

#[test]
fn an_output_that_is_missing_or_too_many_is_found() {
    let case = with_outputs();
    spoil(&case, 0, Value::Array(Vec::new()));
    finds(&case, 1, "text/plain: it is missing");
    let case = with_outputs();
    spoil(&case, 2, serde_json::json!([{"name": "stderr", "output_type": "stream", "text": ["warning\n"]}]));
    finds(&case, 3, "stderr: there is none any more");
}

#[test]
fn a_swapped_picture_is_found() {
    let case = with_outputs();
    case.replace(NOTEBOOK, "QUJD", "QUJE");
    finds(&case, 4, "image/png: another picture");
}

#[test]
fn pieces_of_a_stream_count_as_one() {
    let case = with_outputs();
    let piece = |text: &str| serde_json::json!({"name": "stdout", "output_type": "stream", "text": text});
    spoil(&case, 1, serde_json::json!([piece("one\ntw"), piece("o\nthree\n")]));
    assert_eq!(case.run("run --check --native").code, Some(0));
}

const CLOCK: &str = r#"
    --- clock HOW
    println!("it took {} ms", std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos());
    "#;

#[test]
fn what_only_the_kernel_says_is_no_output_of_the_cell() {
    let case = with_outputs();
    let lost = "The type of the variable page was redefined, so was lost.\n";
    let mut notebook: Value = serde_json::from_str(&case.read(NOTEBOOK)).unwrap();
    let said = serde_json::json!({"name": "stderr", "output_type": "stream", "text": [lost]});
    notebook["cells"][0]["outputs"].as_array_mut().unwrap().push(said);
    case.write(NOTEBOOK, notebook.to_string());
    let run = case.run("run --check --native");
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn what_may_differ_is_said_by_directive_tag_or_project() {
    let clock = |how: &str, directive: &str| {
        let case = Case::of(&CLOCK.replace("HOW", how).replace("println", &format!("{directive}println")));
        assert_eq!(case.run("run --native").code, Some(0));
        case
    };
    let check = |case: &Case| case.run("run --check --native");
    let differs = |run: &Run| assert!(run.code == Some(1) && run.stderr.contains("stdout:"), "{run}");
    differs(&check(&clock("", "")));
    assert_eq!(check(&clock("", "//| volatile\n    ")).code, Some(0));
    assert_eq!(check(&clock("nbval-ignore-output", "")).code, Some(0));

    let case = clock("", "");
    case.replace(
        "Cargo.toml",
        "[workspace.metadata.nbexport]\n",
        "[workspace.metadata.nbexport]\nvolatile = ['\\d+ ms']\n",
    );
    assert_eq!(check(&case).code, Some(0));
    // The rest of the text is compared.
    case.replace(NOTEBOOK, "it took", "it lasted");
    differs(&check(&case));
    case.replace("Cargo.toml", "\\d+ ms", "(");
    let run = check(&case);
    assert!(run.code == Some(2) && run.stderr.contains("is no regular expression"), "{run}");
}

#[test]
fn a_cell_that_fails_keeps_what_it_printed_and_its_error() {
    let case = Case::of(
        "
        --- exits
        println!(\"before\");
        std::process::exit(3);
        --- later
        1
        ",
    );
    let run = case.run("run --native");
    assert_eq!(run.code, Some(1), "{run}");
    let notebook = case.read(NOTEBOOK);
    assert!(notebook.contains("\"before\\n\""), "{notebook}");
    assert!(notebook.contains("\"output_type\": \"error\""), "{notebook}");
    assert!(notebook.contains("the cell ended the process it ran in (exit status 3)"), "{notebook}");
}

#[test]
fn a_flood_is_cut_and_the_cut_is_said() {
    let case = Case::of(
        "
        --- flood
        for n in 0..200_000 { println!(\"line {n} {}\", \"-\".repeat(60)); }
        ",
    );
    assert_eq!(case.run("run --native").code, Some(0));
    let notebook = case.read(NOTEBOOK);
    assert!(notebook.len() < 20 << 20, "{}", notebook.len());
    assert!(notebook.contains("it keeps 8 MiB of a cell's output]") && notebook.contains("line 199999 -"));
}

#[test]
fn times_of_a_native_run_stand_where_jupyterlab_keeps_them() {
    let case = Case::of("--- a\nstd::thread::sleep(std::time::Duration::from_millis(5));");
    let run = case.run("run --native --timings");
    assert_eq!(run.code, Some(0), "{run}");
    let notebook: Value = serde_json::from_str(&case.read(NOTEBOOK)).unwrap();
    let times = notebook["cells"][0]["metadata"]["execution"].clone();
    let time = |event: &str| times[event].as_str().unwrap_or_else(|| panic!("{times:#}")).to_owned();
    assert!(time("iopub.execute_input") < time("shell.execute_reply"), "{times:#}");
}

#[test]
fn a_notebook_that_is_saved_while_it_runs_is_not_overwritten() {
    let case = Case::of("--- a\nstd::fs::write(\"00_demo.ipynb\", \"saved\")?;\n1");
    let run = case.run("run --native");
    assert_eq!(case.read(NOTEBOOK), "saved");
    assert_ne!(run.code, Some(0), "{run}");
}

/// JSON libraries write `1e-05` as `0.00001`, and lose the last digits of long numbers.
#[test]
fn a_run_keeps_the_bytes_of_what_it_does_not_write() {
    let odd = "\"metadata\": {\"x\": 117.63331139400017, \"e\" : 1e-05, \"c\": \"\\u003c\",\t\"b\": 123456789012345678901234567890}";
    let case = Case::of("--- a\n1 + 1\n--- b markdown\n# Text");
    case.write(
        "notebooks/00_demo.ipynb",
        case.read("notebooks/00_demo.ipynb").replace("\"metadata\": {}", odd),
    );
    let run = case.run("run --native");
    assert_eq!(run.code, Some(0), "{run}");
    let after = case.read("notebooks/00_demo.ipynb");
    assert!(after.matches(odd).count() == 2 && after.contains("execute_result"), "{after}");
}
