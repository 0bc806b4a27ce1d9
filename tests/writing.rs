//! Whatever is written goes through one door: nothing that somebody else saves meanwhile is lost, and nothing is left half
//! done.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};

use insta::assert_snapshot;

use crate::support::{Case, Run, notebook};

const NOTEBOOK: &str = "notebooks/00_demo.ipynb";

/// Not formatted, not clean, not migrated.
const UNTIDY: &str = "
    --- f
    //| export
    pub fn f( ) -> u8 { 1 }
    --- g
    // export
    pub fn g() {}
";

/// The library's sources, by the one rule that keeps the door the only one.
#[test]
fn nothing_is_written_outside_of_files() {
    const WRITERS: [&str; 7] = [
        "fs::write",
        "fs::rename",
        "fs::copy",
        "fs::hard_link",
        "File::create",
        "File::options",
        "OpenOptions",
    ];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // The one opens files only to read them.
            if path.ends_with("src/reading.rs") || path.ends_with("src/files") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                let (code, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
                let lines = code.lines().filter(|line| WRITERS.iter().any(|writer| line.contains(writer)));
                found.extend(lines.map(|line| format!("{}: {}", path.display(), line.trim())));
            }
        }
    }
    assert!(found.is_empty(), "go through `files`: {found:#?}");
}

/// A program that stands in for rustfmt, and saves the notebook before it does its work.
#[cfg(unix)]
#[test]
fn a_notebook_that_is_saved_while_fmt_works_keeps_what_was_saved() {
    needs!("rustfmt");
    let case = Case::of(UNTIDY);
    let typed = case.read(NOTEBOOK).replace("u8 { 1 }", "u8 { 2 }");
    case.write("typed", &typed);
    let run = with_rustfmt(
        &case,
        &format!("cp '{}' '{}'", case.path("typed").display(), case.path(NOTEBOOK).display()),
    );
    assert_snapshot!(run, @"
    exit status 1
    --- stderr
    error: `notebooks/00_demo.ipynb` was changed while nbexport worked, so nothing was written
     |
     = help: the newer text is as it was saved: run nbexport again
    ");
    assert_eq!(case.read(NOTEBOOK), typed);
}

#[cfg(unix)]
#[test]
fn a_notebook_that_is_removed_while_fmt_works_stays_away() {
    needs!("rustfmt");
    let case = Case::of(UNTIDY);
    let run = with_rustfmt(&case, &format!("rm '{}'", case.path(NOTEBOOK).display()));
    assert_eq!(run.code, Some(1), "{run}");
    assert!(!case.has(NOTEBOOK));
    assert_eq!(case.files("notebooks").len(), 0);
}

/// Runs `fmt` with a rustfmt that runs this first.
#[cfg(unix)]
fn with_rustfmt(case: &Case, first: &str) -> Run {
    case.told(&crate::fmt::with_rustfmt(case, first).output().unwrap())
}

/// Somebody saves as fast as they can while a command works. Whatever the two did to one another: the text that was saved
/// last is there.
#[cfg(unix)]
#[test]
fn whatever_is_saved_last_while_a_command_works_is_there_afterwards() {
    needs!("rustfmt");
    for (command, saved) in [
        ("clean", NOTEBOOK),
        ("migrate", NOTEBOOK),
        ("fmt", NOTEBOOK),
        ("sync", NOTEBOOK),
        ("export", "exp/src/nb_00.rs"),
    ] {
        let case = Case::of(UNTIDY);
        case.export();
        case.replace(NOTEBOOK, "\"execution_count\": null", "\"execution_count\": 7");
        if command == "sync" {
            case.replace("exp/src/nb_00.rs", "{ 1 }", "{ 2 }");
        }
        if command == "export" {
            case.replace(NOTEBOOK, "{ 1 }", "{ 3 }");
        }
        let text = case.read(saved);
        let (from, to) = if saved == NOTEBOOK {
            ("pub fn g", "// typed NN\\npub fn g")
        } else {
            ("{ 1 }", "{ /* typed NN */ }")
        };
        assert!(text.contains(from), "{text}");
        let over = AtomicBool::new(false);
        let last = std::thread::scope(|scope| {
            let saver = scope.spawn(|| {
                let mut number = 0;
                while !over.load(Ordering::Relaxed) {
                    number += 1;
                    case.write("saving", text.replace(from, &to.replace("NN", &number.to_string())));
                    fs::rename(case.path("saving"), case.path(saved)).unwrap();
                    std::thread::sleep(std::time::Duration::from_micros(300));
                }
                number
            });
            let runs: Vec<_> = (0..10).map(|_| case.run(command)).collect();
            // Whatever they came to, or the other thread would never end.
            over.store(true, Ordering::Relaxed);
            for run in runs {
                assert!(matches!(run.code, Some(0 | 1)), "{command}: {run}");
            }
            saver.join().unwrap()
        });
        assert!(
            case.read(saved).contains(&format!("typed {last}")),
            "{command}: {last} in {}",
            case.read(saved)
        );
    }
}

/// Ten commands at once on one notebook: each waits for the others, and does its own work.
#[test]
fn ten_commands_at_once_lose_nothing() {
    needs!("rustfmt");
    let case = Case::of(
        "
        --- edited
        //| export
        pub fn edited() {}
        --- untidy
        fn untidy( ) {}
        --- old
        // export
        pub fn old() {}
    ",
    );
    case.replace(NOTEBOOK, "\"execution_count\": null", "\"execution_count\": 7");
    case.export();
    case.replace("exp/src/nb_00.rs", "pub fn edited() {}", "pub fn edited_in_the_module() {}");
    let commands = ["fmt", "sync", "clean", "migrate", "fmt", "sync", "clean", "migrate", "sync", "fmt"];
    let many: Vec<Child> =
        commands.into_iter().map(|command| case.command(command).spawn().unwrap()).collect();
    for process in many {
        let run = case.told(&process.wait_with_output().unwrap());
        assert_eq!(run.code, Some(0), "{run}");
    }
    let text = case.read(NOTEBOOK);
    for done in [
        "edited_in_the_module",
        "fn untidy() {}",
        "//| export\\n\",\n    \"pub fn old",
        "\"execution_count\": null",
    ] {
        assert!(text.contains(done), "{done}: {text}");
    }
    assert!(!text.contains(": 7"), "{text}");
}

/// What is no regular file is told at once, wherever a text file should be.
#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_is_told_and_not_waited_for() {
    for (name, commands) in [
        (NOTEBOOK, ["", "fmt", "clean", "migrate", "sync", "test"].as_slice()),
        ("exp/src/nb_00.rs", &["", "sync", "--check"]),
        ("exp/src/lib.rs", &["", "test", "cargo check"]),
        ("exp/Cargo.toml", &["", "sync"]),
        ("Cargo.toml", &["", "fmt"]),
    ] {
        let case = Case::of(UNTIDY);
        case.export();
        fs::remove_file(case.path(name)).unwrap();
        assert!(Command::new("mkfifo").arg(case.path(name)).status().unwrap().success());
        for command in commands {
            let run = case.run(command);
            assert!(matches!(run.code, Some(1 | 2)), "{name}, {command}: {run}");
            assert!(
                run.stderr.contains(name) && run.stderr.contains("it is a pipe"),
                "{name}, {command}: {run}"
            );
        }
    }
}

/// It wants of the modules no more than where their lines come from.
#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_module_does_not_keep_a_notebook_from_its_verdict() {
    let case = Case::of("--- f\n//| export\npub fn f() {}\n--- use\nf();");
    assert!(Command::new("mkfifo").arg(case.path("exp/src/nb_00.rs")).status().unwrap().success());
    let run = case.run("test");
    assert!(run.code == Some(0) && run.stdout.contains("2 cells passed"), "{run}");
}

#[cfg(unix)]
#[test]
fn a_loop_of_links_or_a_folder_in_place_of_a_notebook_is_named() {
    let case = Case::of(UNTIDY);
    std::os::unix::fs::symlink("01_loop.ipynb", case.path("notebooks/01_loop.ipynb")).unwrap();
    let run = case.run("clean --check");
    assert!(run.code == Some(2) && run.stderr.contains("cannot read `notebooks/01_loop.ipynb`"), "{run}");
}

#[test]
fn a_file_that_is_too_large_is_told_and_not_read() {
    let case = Case::of(UNTIDY);
    fs::File::create(case.path("notebooks/01_large.ipynb")).unwrap().set_len(3 << 30).unwrap();
    let run = case.run("clean --check");
    assert!(run.code == Some(2) && run.stderr.contains("it is larger than 1 GB"), "{run}");
}

#[test]
fn a_read_only_notebook_is_told_and_not_replaced() {
    needs!("rustfmt");
    let case = Case::of(UNTIDY);
    case.export();
    case.replace("exp/src/nb_00.rs", "{ 1 }", "{ 2 }");
    let path = case.path(NOTEBOOK);
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let before = case.read(NOTEBOOK);
    for command in ["fmt", "migrate", "sync", "clean --outputs"] {
        let run = case.run(command);
        if command.starts_with("clean") {
            assert_eq!(run.code, Some(0), "{run}");
            continue;
        }
        assert_eq!(run.code, Some(2), "{command}: {run}");
        assert!(
            run.stderr.contains("`notebooks/00_demo.ipynb` is read-only, so it was not replaced"),
            "{command}: {run}"
        );
        assert!(case.read(NOTEBOOK) == before, "{command}");
    }
}

#[cfg(unix)]
#[test]
fn a_notebook_behind_a_link_out_of_the_project_is_left_alone() {
    needs!("rustfmt");
    let elsewhere = Case::nothing().file("mine.ipynb", &notebook(UNTIDY));
    let case = Case::new();
    std::os::unix::fs::symlink(elsewhere.path("mine.ipynb"), case.path(NOTEBOOK)).unwrap();
    let before = elsewhere.read("mine.ipynb");
    for command in ["fmt", "migrate"] {
        let run = case.run(command);
        assert_eq!(run.code, Some(2), "{command}: {run}");
        assert!(
            run.stderr.contains("is a link that leads out of the project, so it was not written"),
            "{run}"
        );
    }
    assert_eq!(elsewhere.read("mine.ipynb"), before);
    assert!(case.path(NOTEBOOK).is_symlink());
}

/// JupyterLab says nothing when an open notebook changes on disk; its next save offers to overwrite it.
#[test]
fn every_command_that_writes_a_notebook_says_that_editors_must_reload_it() {
    needs!("rustfmt");
    let case = Case::of(UNTIDY);
    case.replace(NOTEBOOK, "\"execution_count\": null", "\"execution_count\": 7");
    case.export();
    case.replace("exp/src/nb_00.rs", "{ 1 }", "{ 2 }");
    for command in ["sync", "fmt", "clean", "migrate"] {
        let run = case.run(command);
        assert!(run.stdout.ends_with("must be reloaded there before it is saved\n"), "{command}: {run}");
        let again = case.run(command);
        assert!(again.code == Some(0) && !again.stdout.contains("reloaded"), "{command}: {again}");
    }
    case.write("theirs.ipynb", case.read(NOTEBOOK).replace("pub fn g() {}", "pub fn g2() {}"));
    let merge = format!("merge {NOTEBOOK} {NOTEBOOK} theirs.ipynb --out {NOTEBOOK}");
    let run = case.run(&merge);
    assert!(run.stdout.ends_with("must be reloaded there before it is saved\n"), "{run}");
    assert!(case.read(NOTEBOOK).contains("g2()") && case.run(&merge).stdout.is_empty());
}

/// The folder may hold pages that somebody made read-only, and what is no page.
#[cfg(unix)]
#[test]
fn man_pages_are_written_as_everything_else_is() {
    let case = Case::nothing();
    let run = case.run("man pages");
    assert!(
        run.code == Some(0) && case.read("pages/nbexport-export.1").contains("nbexport\\-export"),
        "{run}"
    );
    case.replace("pages/nbexport.1", "nbexport", "mine");
    let page = case.path("pages/nbexport.1");
    let mut permissions = fs::metadata(&page).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&page, permissions).unwrap();
    let before = case.files("pages");
    let run = case.run("man pages");
    assert!(run.code == Some(2) && run.stderr.contains("`pages/nbexport.1` is read-only"), "{run}");
    assert!(case.files("pages") == before, "{run}");
}

/// The name of a notebook in the place of the report's.
#[test]
fn a_report_replaces_no_notebook_and_nothing_else_that_is_no_report() {
    let case = Case::of(UNTIDY).notebook("01_b", UNTIDY).file("notes.txt", "mine\n");
    for file in ["notebooks/01_b.ipynb", "notebooks/02_new.ipynb", "notes.txt"] {
        let before = case.files(".");
        let run = case.run(&format!("test --junit {file} notebooks/00_demo.ipynb"));
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains(&format!("`{file}` is no JUnit report")), "{run}");
        assert!(case.files(".") == before, "{file}");
    }
}

#[cfg(unix)]
#[test]
fn a_report_does_not_go_where_a_link_leads() {
    let elsewhere = Case::nothing().file("report.xml", "<?xml version=\"1.0\"?>\n<mine/>\n");
    let case = Case::of("--- a\n1 + 1");
    std::os::unix::fs::symlink(elsewhere.path("report.xml"), case.path("junit.xml")).unwrap();
    let run = case.run("test --junit junit.xml");
    assert!(run.code == Some(2) && run.stderr.contains("`junit.xml` is a link"), "{run}");
    assert!(elsewhere.read("report.xml").contains("<mine/>"));
}

#[test]
fn a_crate_that_does_not_compile_is_in_the_report_and_in_the_last_line() {
    let cells = "--- f\n//| export\npub fn f() -> i32 { 1 }\n--- use\nassert_eq!(f(), 1);";
    let case = Case::of(cells).notebook("01_b", "--- b\n1 + 1");
    case.export();
    let lib = case.read("exp/src/lib.rs") + "\npub fn broken() -> i32 { \"x\" }\n";
    case.write("exp/src/lib.rs", lib);
    let run = case.run("test --junit report.xml");
    assert!(
        run.code == Some(1) && run.stdout.trim_end().ends_with("but the crate does not compile"),
        "{run}"
    );
    let report = case.read("report.xml");
    assert!(report.contains("errors=\"1\"") && report.contains("mismatched types"), "{report}");
}

/// XML has no way to write most control characters.
#[test]
fn a_report_is_xml_whatever_a_cell_prints() {
    let case = Case::of("--- boom\nprintln!(\"a\\0b\\u{fffe}c\\u{1b}[31md\");\npanic!(\"\\0\\u{ffff}\");");
    let run = case.run("test --junit report.xml");
    assert_eq!(run.code, Some(1), "{run}");
    let report = case.read("report.xml");
    let is_bad =
        |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}');
    assert!(report.contains("<failure") && !report.contains(is_bad), "{report}");
    // A second report takes its place.
    assert_eq!(case.run("test --junit report.xml").code, Some(1));
}

/// A notebook that cannot be read does not hold up the others.
#[test]
fn sync_goes_on_after_a_notebook_that_cannot_be_read() {
    let case = Case::new().file("notebooks/00_a.ipynb", "{").notebook("01_b", UNTIDY);
    case.run("");
    case.replace("exp/src/nb_01.rs", "{ 1 }", "{ 2 }");
    let run = case.run("sync");
    assert!(run.code == Some(2) && run.stderr.contains("`notebooks/00_a.ipynb` is cut off"), "{run}");
    assert!(case.read("notebooks/01_b.ipynb").contains("{ 2 }"), "{run}");
}
