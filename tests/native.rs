//! `nbexport test` without a kernel: verdicts that are true, at the cell, line and column.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::support::{Case, Run, ends, kill};

/// A run without times, which differ.
fn timeless(run: &Run) -> String {
    let text = run.to_string();
    let lines = text.lines().map(|line| match line.rsplit_once(" in ") {
        Some((before, time)) if time.ends_with(" s") => before.to_owned(),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Notebooks that fail in one way each, and one that is good.
fn failing() -> Case {
    Case::new()
        .notebook(
            "00_panic",
            "
            --- define
            fn divide(a: i32, b: i32) -> i32 {
                a / b
            }
            --- call
            let x = 7;
            println!(\"before\");
            let y = divide(x, x - 7);
            --- after
            assert_eq!(y, 1);
            ",
        )
        .notebook(
            "01_assert",
            "
            --- one
            let v = vec![1, 2, 3];
            // not this line
            assert_eq!(v.len(), 4, \"lengths\");
            ",
        )
        .notebook(
            "02_compile",
            "
            --- one
            fn f(x: i32) -> i32 { x }
            --- two
            let a = f(\"x\");
            let b: i32 = \"y\"; println!(\"{b}\")
            --- three
            assert_eq!(f(1), 1);
            --- four
            println!(\"{a}\");
            ",
        )
        .notebook(
            "03_question",
            "
            --- one
            let n: i32 = \"no number\".parse()?;
            ",
        )
        .notebook(
            "04_good",
            "
            --- one
            let n: i32 = \"4\".parse()?;
            --- two
            #[test]
            fn never() {}
            n
            --- three
            //| eval: false
            n + boo
            ",
        )
        .notebook(
            "05_borrow",
            "
            --- one
            let v = vec![1];
            --- two
            use std::collections::*;
            drop(v);
            println!(\"{v:?}\");
            ",
        )
}

#[test]
fn failures_are_told_at_cell_line_and_column() {
    let case = failing();
    let run = case.run("test --no-fail-fast --jobs 1");
    insta::assert_snapshot!(timeless(&run), @r#"
    exit status 1
    --- stdout
    notebooks/00_panic.ipynb: 1 cell passed, 1 failed, 1 not reached
    notebooks/01_assert.ipynb: 0 cells passed, 1 failed
    notebooks/02_compile.ipynb: 2 cells passed, 1 failed, 1 not reached
    notebooks/03_question.ipynb: 0 cells passed, 1 failed
    notebooks/04_good.ipynb:cell 2: `#[test] fn never` was not run; a cell that begins with `//| test` is
    notebooks/04_good.ipynb: 2 cells passed, 1 skipped
    notebooks/05_borrow.ipynb: 1 cell passed, 1 failed
    6 notebooks: 1 passed, 5 not
    --- stderr
    error: the cell panicked: attempt to divide by zero
     --> notebooks/00_panic.ipynb:cell 1:2:5
      |
    2 |     a / b
      |     ^^^^^ the panic
      |
     ::: notebooks/00_panic.ipynb:cell 2:3:9
      |
    3 | let y = divide(x, x - 7);
      |         ----------------- called here
      |
      = note: this is the cell with id `define`
      = note: it printed:
              before

    error: the cell panicked: assertion `left == right` failed: lengths
             left: 3
            right: 4
     --> notebooks/01_assert.ipynb:cell 1:3:1
      |
    3 | assert_eq!(v.len(), 4, "lengths");
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `one`

    error[E0308]: mismatched types
     --> notebooks/02_compile.ipynb:cell 2:1:11
      |
    1 | let a = f("x");
      |         - ^^^ expected `i32`, found `&str`
      |         |
      |         arguments to this function are incorrect
      |
    note: function defined here
     --> notebooks/02_compile.ipynb:cell 1:1:4
      |
    1 | fn f(x: i32) -> i32 { x }
      |    ^ ------

    error[E0308]: mismatched types
     --> notebooks/02_compile.ipynb:cell 2:2:14
      |
    2 | let b: i32 = "y";
      |        ---   ^^^ expected `i32`, found `&str`
      |        |
      |        expected due to this

    error: an error was returned: invalid digit found in string
     --> notebooks/03_question.ipynb:cell 1:1:14
      |
    1 | let n: i32 = "no number".parse()?;
      |              ^^^^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `one`

    error[E0382]: borrow of moved value: `v`
     --> notebooks/05_borrow.ipynb:cell 2:3:12
      |
     ::: notebooks/05_borrow.ipynb:cell 1:1
    1 | let v = vec![1];
      |     - move occurs because `v` has type `Vec<i32>`, which does not implement the `Copy` trait
    ...
     ::: notebooks/05_borrow.ipynb:cell 2:2
    2 | drop(v);
      |      - value moved here
    3 | println!("{v:?}");
      |            ^ value borrowed here after move
      |
    help: consider cloning the value if the performance cost is acceptable
      |
    2 | drop(v.clone());
      |       ++++++++
    "#);
}

#[test]
fn a_program_can_read_the_report_and_choose_cells() {
    let case = failing();
    let run = case.run("test --no-fail-fast --format json notebooks/01_assert.ipynb");
    assert_eq!(run.code, Some(1), "{run}");
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["cells"][0]["why"]["location"], "notebooks/01_assert.ipynb:cell 1:3:1", "{report:#}");
    let run = case.run("test --filter 04:one --junit out.xml");
    assert!(run.code == Some(0) && run.stdout.contains("1 cell passed, 2 skipped"), "{run}");
    let xml = case.read("out.xml");
    assert!(xml.contains("<testcase name=\"cell 1 (one)\" classname=\"notebooks/04_good.ipynb\""), "{xml}");
    assert!(case.run("test --filter nothing").code == Some(2));
    // Without `--no-fail-fast` the first that fails is the last that runs.
    let run = case.run("test --jobs 1 notebooks/00_panic.ipynb notebooks/04_good.ipynb");
    assert!(run.code == Some(1) && run.stdout.contains("04_good.ipynb: not begun"), "{run}");
}

#[test]
fn a_notebook_runs_while_another_is_still_built() {
    let case = Case::new()
        .file(
            "slow/Cargo.toml",
            "[package]\nname = \"slow\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
        )
        .file("slow/src/lib.rs", "pub const ONE: i32 = 1;\n")
        // It is not built before the first notebook has run.
        .file(
            "slow/build.rs",
            "fn main() {
                for _ in 0..1200 {
                    if std::fs::exists(\"../notebooks/has_run\").unwrap() {
                        return;
                    }
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
                panic!(\"the first notebook has not run\");
            }\n",
        )
        .notebook("00_quick", "--- one\nstd::fs::write(\"has_run\", \"\")?;\n")
        .notebook("01_slow", "--- one\n:dep slow = { path = \"../slow\" }\nassert_eq!(slow::ONE, 1);\n");
    for jobs in ["1", "2"] {
        let command =
            case.command(&format!("test --fresh --jobs {jobs}")).env("CARGO_BUILD_JOBS", "2").output();
        let run = case.told(&command.unwrap());
        assert!(run.code == Some(0) && run.stdout.contains("2 notebooks: all passed"), "{run}");
        std::fs::remove_file(case.path("notebooks/has_run")).unwrap();
        case.write("slow/src/lib.rs", "pub const ONE: i32 = 2 - 1;\n");
    }
}

/// In the kernel arithmetic is checked, and natively too, unless the project says otherwise.
#[test]
fn a_project_says_how_notebooks_are_compiled() {
    let case = Case::of("--- overflow\nlet most: u8 = \"255\".parse()?;\nassert_eq!(most + 1, 0);\n");
    let run = case.run("test");
    assert!(run.code == Some(1) && run.stderr.contains("attempt to add with overflow"), "{run}");
    let manifest = case.read("Cargo.toml");
    let asked =
        "[workspace.metadata.nbexport.profile]\noverflow-checks = false # as in a release\nopt-level = 0\n";
    case.write("Cargo.toml", format!("{manifest}\n{asked}"));
    let run = case.run("test");
    assert!(run.code == Some(0) && run.stdout.contains("1 cell passed"), "{run}");
    case.write(
        "Cargo.toml",
        manifest.replace("[workspace.metadata.nbexport]", "[workspace.metadata.nbexport]\nprofile = 3"),
    );
    let run = case.run("test");
    assert!(run.code == Some(2) && run.stderr.contains("is not a table of values"), "{run}");
}

/// Starts a test of a notebook that hangs, sends the runner a signal when the program runs, and waits for both to end.
/// Gives what the runner exited with.
fn stopped_by(signal: &str) -> Option<i32> {
    let case = Case::of(
        "
        --- hangs
        let child = std::process::Command::new(\"sleep\").arg(\"60.5\").spawn()?;
        std::fs::write(\"new\", format!(\"{} {}\", std::process::id(), child.id()))?;
        std::fs::rename(\"new\", \"pids\")?;
        loop { std::thread::yield_now(); }
        ",
    );
    let mut nbexport = case.command("test").spawn().unwrap();
    let start = Instant::now();
    while !case.has("notebooks/pids") {
        assert!(start.elapsed() < Duration::from_mins(5), "the cell never began");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(signal, nbexport.id());
    let code = nbexport.wait().unwrap().code();
    let pids = case.read("notebooks/pids");
    let (program, child) = pids.split_once(' ').unwrap();
    ends(program);
    // Of a runner that gets no chance to act, what the program started itself may stay.
    if code.is_some() {
        ends(child);
    }
    code
}

#[test]
fn an_interrupt_ends_the_program_and_all_it_started() {
    // As a shell reports what was interrupted.
    assert_eq!(stopped_by("INT"), Some(130));
}

#[test]
fn a_program_does_not_outlive_a_runner_that_was_killed() {
    assert_eq!(stopped_by("KILL"), None);
}

#[test]
fn a_process_with_a_session_of_its_own_is_killed_too() {
    let case = Case::of(
        "
        --- starts
        let child = std::process::Command::new(\"setsid\").args([\"sleep\", \"600\"]).spawn()?;
        std::fs::write(\"pid\", child.id().to_string())?;
        ",
    );
    let run = case.run("test");
    assert_eq!(run.code, Some(0), "{run}");
    ends(&case.read("notebooks/pid"));
}

/// The child comes to the end of the notebook, and its parent does not.
#[test]
fn a_forked_child_does_not_speak_for_its_parent() {
    let case = Case::of(
        "
        --- forks
        unsafe extern \"C\" { fn fork() -> i32; }
        let child = unsafe { fork() };
        --- fails
        if child != 0 { panic!(\"the parent\"); }
        ",
    );
    let run = case.run("test");
    assert!(run.code == Some(1) && run.stdout.contains("1 cell passed, 1 failed"), "{run}");
}

#[test]
fn a_cell_that_hangs_is_killed_with_all_it_started() {
    let case = Case::of(
        "
        --- child
        let child = std::process::Command::new(\"sleep\").arg(\"600.25\").spawn()?;
        std::fs::write(\"pid\", child.id().to_string())?;
        --- hang
        loop { std::thread::yield_now(); }
        ",
    );
    // The first run builds, which takes its time.
    let _ = case.run("test --timeout 1 --filter :child");
    let start = Instant::now();
    let run = case.run("test --timeout 1");
    assert!(run.code == Some(1) && run.stderr.contains("00_demo.ipynb:cell 2:1:1"), "{run}");
    assert!(run.stderr.contains("did not end within 1 s"), "{run}");
    assert!(start.elapsed() < Duration::from_mins(1));
    let pid = case.read("notebooks/pid");
    ends(&pid);
}

#[test]
fn a_broken_module_does_not_lock_its_notebook_out() {
    let cell = |name: &str, body: &str| {
        format!(
            "--- deps\n:dep exp = {{ path = \"../exp\" }}\n--- {name}\n//| export\npub fn {name}() -> i32 {{ {body} }}\n"
        )
    };
    let case = Case::new()
        .notebook("00_a", &cell("one", "1"))
        .notebook("01_b", &(cell("two", "2") + "--- use\nassert_eq!(exp::nb_00::one(), 1);\n"))
        .notebook("02_c", &(cell("three", "3") + "--- use\nassert_eq!(exp::nb_00::one(), 1);\n"));
    case.export();
    case.replace("exp/src/nb_01.rs", "{ 2 }", "{ two }");
    let run = case.run("test notebooks/00_a.ipynb notebooks/01_b.ipynb");
    // The cells are as they should be, the crate is not.
    assert!(run.code == Some(1) && run.stdout.contains("2 notebooks: all passed"), "{run}");
    assert!(run.stderr.contains("with a copy of it"), "{run}");
    assert!(run.stderr.contains("without `nb_01`, `nb_02`"), "{run}");
    let run = case.run("test notebooks/02_c.ipynb");
    assert_eq!(run.code, Some(2), "{run}");
    // The edit is in the module alone, so that is where it is shown.
    assert!(run.stderr.contains("src/nb_01.rs:"), "{run}");
    case.replace("notebooks/01_b.ipynb", "{ 2 }", "{ two }");
    let _ = case.run("export --force");
    let run = case.run("test notebooks/02_c.ipynb");
    assert!(run.stderr.contains("notebooks/01_b.ipynb:cell 2:2:23"), "{run}");
}

#[test]
fn three_hundred_cells_are_one_program() {
    let mut text = "--- first\nfn step(n: u64) -> u64 { n + 1 }\nlet n = 0u64;\n".to_owned();
    for index in 1..300 {
        writeln!(
            text,
            "--- c{index}\nlet n = step(n);\nfn step(n: u64) -> u64 {{ n + {index} }}\nassert!(n > 0);"
        )
        .unwrap();
    }
    let run = Case::of(&text).run("test");
    assert!(run.code == Some(0) && run.stdout.contains("300 cells passed"), "{run}");
}

/// The cell compiles behind the `use` of its notebook, and not in the module, where there is none.
#[test]
fn a_crate_that_does_not_compile_is_told_though_every_cell_passes() {
    let case = Case::of(
        "
        --- use
        use std::fmt::Write as _;
        --- shout
        //| export
        pub fn shout(word: &str) -> String {
            let mut text = String::new();
            write!(text, \"{word}!\").unwrap();
            text
        }
        --- check
        assert_eq!(shout(\"hey\"), \"hey!\");
    ",
    );
    // Not exported yet, the crate has nothing of it.
    assert_eq!(case.run("test").code, Some(0));
    case.export();
    let run = case.run("test");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("notebooks/00_demo.ipynb:cell 2:4:12"), "{run}");
    assert!(run.stderr.contains("every cell passed, and yet `exp` does not compile"), "{run}");
    let json = case.run("test --format json");
    assert!(json.code == Some(1) && json.stdout.contains("and yet `exp` does not compile"), "{json}");
}

#[test]
fn what_compiling_took_is_told() {
    let case = Case::of("--- one\nlet x = 1;").notebook("01_other", "--- one\nlet x = 1;");
    let one = case.run("test notebooks/00_demo.ipynb");
    assert!(one.stdout.contains(" s with compiling)\n"), "{one}");
    let two = case.run("test");
    assert!(two.stdout.contains("2 notebooks: all passed in "), "{two}");
}

/// A cell that leaves a trace each time it runs.
const TRACE: &str = "
    --- trace
    use std::io::Write as _;
    let mut log = std::fs::File::options().create(true).append(true).open(\"log\")?;
    writeln!(log, \"ran\")?;
    --- left-out
    //| eval: false
    1 + 1
    ";

#[test]
fn what_has_not_changed_since_it_passed_is_not_run_again() {
    let case = Case::of(TRACE);
    let ran = |arguments: &str| {
        let run = case.run(arguments);
        let line = run.stdout.lines().next().unwrap().to_owned();
        (run.code, line, case.read("notebooks/log").lines().count())
    };
    let (code, line, times) = ran("test");
    assert!(code == Some(0) && line.contains("1 cell passed, 1 skipped in ") && times == 1, "{line}");
    let unchanged = "notebooks/00_demo.ipynb: 1 cell passed, 1 skipped, unchanged (`--fresh` runs it)";
    let (code, line, times) = ran("test");
    assert!(code == Some(0) && line.starts_with(unchanged) && times == 1, "{line}");
    assert_eq!(ran("test --fresh").2, 2);
    // Outputs are wanted anew.
    assert_eq!(ran("run --native").2, 3);
    assert!(ran("test").1.starts_with(unchanged));
    // Other options build another program.
    case.replace(
        "Cargo.toml",
        "[workspace.metadata.nbexport]\n",
        "[workspace.metadata.nbexport]\nprofile = { opt-level = 1 }\n",
    );
    assert_eq!(ran("test").2, 4);
    // A change of a cell that is left out is one, too.
    case.replace("notebooks/00_demo.ipynb", "1 + 1", "1 + 2");
    assert_eq!(ran("test").2, 5);
    case.replace("notebooks/00_demo.ipynb", "ran", "RAN");
    assert_eq!(ran("test").2, 6);
}

#[test]
fn what_failed_is_run_again() {
    let case = Case::of("--- a\nassert!(std::path::Path::new(\"there\").exists());");
    assert_eq!(case.run("test").code, Some(1));
    assert_eq!(case.run("test").code, Some(1));
    case.write("notebooks/there", "");
    let run = case.run("test");
    assert!(run.code == Some(0) && !run.stdout.contains("unchanged"), "{run}");
}

#[test]
fn a_notebook_has_no_feature_that_only_another_asks_for() {
    let case = Case::new()
        .notebook(
            "00_plain",
            "
            --- all of it is behind a feature
            :dep thing = { path = \"../thing\" }
            assert_eq!(thing::extra(), 2);
            ",
        )
        .notebook(
            "01_extra",
            "
            --- asks for it
            :dep thing = { path = \"../thing\", features = [\"extra\"] }
            assert_eq!(thing::extra(), 2);
            ",
        )
        .notebook(
            "02_through_another",
            "
            --- another crate asks for it
            :dep tool = { path = \"../tool\" }
            assert_eq!(tool::two(), 2);
            ",
        );
    let package = |name: &str, rest: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n{rest}")
    };
    case.write("thing/Cargo.toml", package("thing", "[features]\nextra = []\n"));
    case.write("thing/src/lib.rs", "#[cfg(feature = \"extra\")]\npub fn extra() -> i32 { 2 }\n");
    let needs = "[dependencies]\nthing = { path = \"../thing\", features = [\"extra\"] }\n";
    case.write("tool/Cargo.toml", package("tool", needs));
    case.write("tool/src/lib.rs", "pub fn two() -> i32 { thing::extra() }\n");
    let run = case.run("test");
    assert_eq!(run.code, Some(1), "{run}");
    let said = run.to_string();
    assert!(said.contains("cannot find function `extra` in crate `thing`"), "{said}");
    for name in ["01_extra", "02_through_another"] {
        assert!(said.contains(&format!("notebooks/{name}.ipynb: 1 cell passed")), "{said}");
    }
}
