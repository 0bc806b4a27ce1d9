//! The kernel engine against a real evcxr kernel: verdicts that are true, every time.
//!
//! Without a kernel these tests are passed over, and say so; `NBEXPORT_REQUIRE_KERNEL=1` makes that a failure.
//! The table of verdicts is in `table.rs`.

use std::process::Child;
use std::time::{Duration, Instant};

use crate::support::{Case as Project, ends, kill};
use crate::verdicts::{Right, notebook};
use nbexport::notebook::Notebook;
use nbexport::run::Select;
use nbexport::run::kernel::{self, KernelOptions, RunOptions};
use nbexport::run::verdict::{NotebookReport, Verdict};

/// How to run small notebooks, if there is a kernel.
fn options() -> Option<RunOptions> {
    let spec = match kernel::find(None) {
        Ok(spec) => spec,
        Err(error) if std::env::var_os("NBEXPORT_REQUIRE_KERNEL").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("skipped, since {error}");
            return None;
        }
    };
    let mut options = KernelOptions::new(spec, std::env::temp_dir());
    options.builds = kernel::builds_dir();
    Some(RunOptions {
        kernel: options,
        timeout: Some(Duration::from_mins(3)),
        keep_going: true,
        select: Select::default(),
    })
}

/// Whether there is a kernel; without one a test that needs it is passed over.
pub(crate) fn has_kernel() -> bool {
    options().is_some()
}

fn run(cells: &[&str], options: &RunOptions) -> NotebookReport {
    let notebook = Notebook::parse("x.ipynb", notebook(cells)).unwrap();
    kernel::run(&notebook, options, |_| ()).unwrap()
}

#[test]
fn a_cell_that_hangs_is_killed_and_named() {
    let Some(mut options) = options() else { return };
    options.timeout = Some(Duration::from_secs(10));
    let report = run(&["println!(\"round\"); loop { std::thread::yield_now(); }", "1 + 1;"], &options);
    let said: Vec<_> = report.cells.iter().map(|cell| Right::of(&cell.verdict)).collect();
    assert_eq!(said, [Right::Hangs, Right::NotReached]);
    let (_, failure) = report.failures().next().unwrap();
    assert_eq!(failure.printed, "round\n");
    assert_eq!(failure.diagnostic.location().as_deref(), Some("x.ipynb:cell 1:1:1"));
}

/// The reader is told where: verdicts do not depend on it, but people do.
#[test]
fn failures_are_explained_at_their_line() {
    let Some(options) = options() else { return };
    let texts = [
        "fn check(x: i32) {\n    assert_eq!(x, 2, \"x is off\");\n}",
        "println!(\"so far\");\ncheck(1);",
        "// first\nlet missing: Option<i32> = None;\nmissing.expect(\"there is one\")",
        "let a = 1;\nlet b: i32 = \"x\";",
        "let read = std::fs::read_to_string(\"/no/such/file\")?;",
        "let gen = 1;",
    ];
    let report = run(&texts, &options);
    let told: Vec<_> = report.failures().map(|(_, failure)| &failure.diagnostic).collect();
    let said: Vec<_> = told.iter().map(|told| (told.location().unwrap(), told.message.clone())).collect();
    let expected = [
        (
            "x.ipynb:cell 1:2:5",
            "the cell panicked: assertion `left == right` failed: x is off\n  left: 1\n right: 2",
        ),
        ("x.ipynb:cell 3:3:9", "the cell panicked: there is one"),
        ("x.ipynb:cell 4:2:14", "[E0308] mismatched types"),
        ("x.ipynb:cell 5:1:1", "an error was returned: No such file or directory (os error 2)"),
        (
            "x.ipynb:cell 6:1:5",
            "this cell does not parse as Rust: expected identifier, found reserved keyword `gen`",
        ),
    ];
    assert_eq!(said, expected.map(|(place, message)| (place.to_owned(), message.to_owned())));
    assert_eq!(report.failures().next().unwrap().1.printed, "so far\n");
}

/// A check that is made when a temporary goes, as mocks do, belongs to the cell.
#[test]
fn a_closing_expression_whose_temporary_panics_when_it_is_dropped_fails() {
    let Some(options) = options() else { return };
    let texts = [
        "struct Mock;\nimpl Mock { fn value(&self) -> i32 { 3 } }\n\
         impl Drop for Mock { fn drop(&mut self) { panic!(\"never called\") } }",
        "Mock.value()",
        "let lock = std::sync::Mutex::new(vec![1, 2]);",
        "lock.lock().unwrap().len()",
    ];
    let report = run(&texts, &options);
    let failed: Vec<_> =
        report.failures().map(|(cell, failure)| (cell.number, &failure.diagnostic)).collect();
    let [(2, told)] = failed[..] else { panic!("{failed:?}") };
    assert_eq!(told.message, "the cell panicked: never called");
    assert_eq!(told.secondary[0].source.name, "x.ipynb:cell 2");
}

/// What evcxr itself takes for the end of a cell would shift all later verdicts by one.
#[test]
fn a_cell_that_prints_what_evcxr_takes_for_its_end_stops_the_notebook_and_says_why() {
    let Some(options) = options() else { return };
    let report = run(&["println!(\"EVCXR_EXECUTION_COMPLETE\");", "assert!(true);"], &options);
    let (cell, failure) = report.failures().next().unwrap();
    assert_eq!(cell.number, 1);
    assert!(failure.diagnostic.message.contains("takes for its own"), "{:?}", failure.diagnostic);
    assert!(matches!(report.cells[1].verdict, Verdict::NotReached), "{:?}", report.cells[1]);
}

#[test]
fn a_cell_that_reads_standard_input_is_told_at_once_and_takes_no_cell_with_it() {
    let Some(options) = options() else { return };
    let read = "let mut line = String::new();\nstd::io::stdin().read_line(&mut line)?;";
    let report = run(&[read, "1 + 1"], &options);
    let (cell, failure) = report.failures().next().unwrap();
    assert_eq!(cell.number, 1);
    assert_eq!(failure.diagnostic.location().as_deref(), Some("x.ipynb:cell 1:2:10"));
    assert!(matches!(report.cells[1].verdict, Verdict::Passed), "{:?}", report.cells[1]);
}

/// evcxr's own program unwinds: with `abort` in the environment it would not even link.
#[test]
fn a_kernel_starts_where_the_environment_asks_for_aborting_panics() {
    let Some(mut options) = options() else { return };
    options.kernel.env.push(("CARGO_PROFILE_DEV_PANIC".into(), "abort".into()));
    let report = run(&["panic!(\"caught\")", "1 + 1"], &options);
    assert!(matches!(report.cells[1].verdict, Verdict::Passed), "{:?}", report.cells[1]);
}

#[test]
fn a_run_is_written_into_the_notebook_and_nothing_else_of_it_changes() {
    if options().is_none() {
        return;
    }
    let case = Project::of(
        "
        --- prints
        println!(\"one\");
        println!(\"two\");
        --- value
        40 + 2
        --- fails
        eprintln!(\"about to\");
        None::<i32>.unwrap()
        --- after
        1
        ",
    );
    let file = "notebooks/00_demo.ipynb";
    let before = case.read(file);
    let run = case.run("run");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("00_demo.ipynb:cell 3:2:13"), "{run}");
    assert!(run.stdout.contains("2 cells passed, 1 failed, 1 not reached"), "{run}");
    let written: serde_json::Value = serde_json::from_str(&case.read(file)).unwrap();
    let cells = written["cells"].as_array().unwrap();
    let stream = |name: &str, lines: &[&str]| serde_json::json!({"name": name, "output_type": "stream", "text": lines});
    assert_eq!(cells[0]["outputs"], serde_json::json!([stream("stdout", &["one\n", "two\n"])]));
    assert_eq!(cells[1]["outputs"][0]["data"]["text/plain"], serde_json::json!(["42"]), "{written:#}");
    // evcxr counts from 2, and no request of nbexport's own shows.
    let counts: Vec<_> = cells.iter().map(|cell| cell["execution_count"].as_u64()).collect();
    assert_eq!(counts, [Some(2), Some(3), Some(4), None]);
    let said = cells[2]["outputs"].to_string();
    assert!(said.contains("about to") && !said.contains("EVCXR"), "{said}");
    assert!(cells[3]["outputs"].as_array().unwrap().is_empty());
    // Without what runs write, it is the notebook that was.
    assert!(case.run("clean --outputs").code == Some(0));
    assert_eq!(case.read(file), before);

    let run = case.run("run --timings");
    let times: serde_json::Value = serde_json::from_str(&case.read(file)).unwrap();
    let times = times["cells"][0]["metadata"]["execution"].clone();
    let time = |event: &str| times[event].as_str().unwrap_or_else(|| panic!("{run}{times:#}")).to_owned();
    // RFC 3339 in UTC sorts by time. (evcxr says that it is idle before the cell has run.)
    assert!(time("iopub.status.busy") <= time("iopub.status.idle"), "{times}");
    assert!(time("iopub.execute_input") < time("shell.execute_reply"), "{times}");
    assert!(case.run("clean --outputs").code == Some(0));
    assert_eq!(case.read(file), before);

    // The choice and the report of a test are the same in both engines.
    let run = case.run("test --kernel notebooks/00_demo.ipynb --filter 00:value --junit out.xml");
    assert!(run.code == Some(0) && run.stdout.contains("2 cells passed, 2 skipped"), "{run}");
    let xml = case.read("out.xml");
    assert!(xml.contains("name=\"cell 2 (value)\" classname=\"notebooks/00_demo.ipynb\""), "{xml}");
    assert_eq!(case.read(file), before);
}

/// A compiler that was killed may leave objects which no linker takes, and take them again for ever. What it kept of
/// dependencies stays.
#[test]
fn what_a_killed_compiler_left_is_not_taken_up_by_the_next_kernel() {
    if options().is_none() {
        return;
    }
    let (case, caches) = (Project::of("--- a\nassert_eq!(1 + 1, 2);"), Project::nothing());
    let debug =
        ["", "x86_64-unknown-linux-gnu/"].map(|target| format!("nbexport/kernel/0/target/{target}debug"));
    for debug in &debug {
        caches.write(&format!("{debug}/incremental/ctx-1/s-1/a.o"), "half an object");
        caches.write(&format!("{debug}/deps/libdependency.rlib"), "");
    }
    let mut command = case.command("test --kernel");
    let run = case.told(&command.env("XDG_CACHE_HOME", caches.path("")).output().unwrap());
    assert_eq!(run.code, Some(0), "{run}");
    for debug in &debug {
        assert!(!caches.has(&format!("{debug}/incremental/ctx-1")), "{debug}");
        assert!(caches.has(&format!("{debug}/deps/libdependency.rlib")), "{debug}");
    }
}

/// A notebook whose second cell never ends, being run, once its first cell has written the process it runs in to
/// `notebooks/pid`.
fn hanging() -> (Project, Child) {
    let case = Project::of(
        "
        --- starts
        std::fs::write(\"pid\", std::process::id().to_string())?;
        --- hangs
        println!(\"here\");
        loop { std::thread::yield_now(); }
        ",
    );
    let nbexport = case.command("run").spawn().unwrap();
    let start = Instant::now();
    while std::fs::read_to_string(case.path("notebooks/pid")).unwrap_or_default().is_empty() {
        assert!(start.elapsed() < Duration::from_mins(5), "the cell never ran");
        std::thread::sleep(Duration::from_millis(50));
    }
    (case, nbexport)
}

#[test]
fn an_interrupted_run_writes_nothing_and_leaves_no_kernel() {
    if options().is_none() {
        return;
    }
    let (case, mut nbexport) = hanging();
    let before = case.read("notebooks/00_demo.ipynb");
    kill("TERM", nbexport.id());
    assert_eq!(nbexport.wait().unwrap().code(), Some(128 + 15));
    assert_eq!(case.read("notebooks/00_demo.ipynb"), before);
    ends(&case.read("notebooks/pid"));
}

/// Nobody can act on SIGKILL, as the out-of-memory killer sends it, and the kernel goes all the same.
#[test]
fn a_killed_run_leaves_no_kernel() {
    if options().is_none() {
        return;
    }
    let (case, mut nbexport) = hanging();
    nbexport.kill().unwrap();
    nbexport.wait().unwrap();
    ends(&case.read("notebooks/pid"));
}
