//! An export goes by what the last one learned. What it comes to is what one comes to that reads everything.

use std::fs;
use std::time::Duration;

use crate::support::{Case, Run, notebook};

const CACHE: &str = "target/nbexport/export.json";
const DEMO: &str = "notebooks/00_demo.ipynb";
const MODULE: &str = "exp/src/nb_00.rs";

const MANIFEST: &str = "[package]\nname = \"exp\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

fn case() -> Case {
    Case::of(
        "
        --- one
        //| export
        :dep serde = \"1\"
        pub fn one() -> u8 { 1 }
        --- is
        //| test one_is_one
        assert_eq!(one(), 1);
        ",
    )
    .notebook(
        "01_more",
        "--- two\n//| export\npub fn two() -> u8 { 2 }\n--- tool\n//| bin tool\nfn main() {}\n",
    )
    .notebook("02_plain", "--- plain\nlet x = 1;\nx\n")
}

/// Runs the binary here, with what it remembers, and in a copy that remembers nothing: both must come to the same.
fn run(case: &Case, arguments: &str) -> Run {
    let fresh = case.copy();
    let (run, other) = (case.run(arguments), fresh.run(arguments));
    assert_eq!(
        run.to_string(),
        other.to_string(),
        "`nbexport {arguments}` remembers, and says something else"
    );
    assert!(
        case.files(".") == fresh.files("."),
        "`nbexport {arguments}` remembers, and writes something else"
    );
    run
}

/// What happens to a project between two exports.
type Step = fn(&Case);

#[test]
fn what_is_unchanged_is_not_read_again() {
    let case = case();
    case.export();
    // What the cache says of the notebook shows that it is asked.
    case.replace(CACHE, "\"cells\":1", "\"cells\":7");
    assert!(case.export().stdout.contains("00_demo.ipynb → exp/src/nb_00.rs: 7 cells"));
    case.replace(DEMO, "{ 1 }", "{ 1u8 }");
    assert!(case.export().stdout.contains("00_demo.ipynb → exp/src/nb_00.rs: 1 cell, 1 test, exported"));
}

#[test]
fn whatever_happens_to_the_project_it_says_and_writes_the_same() {
    let commands = ["--check", "--format json", "notebooks/01_more.ipynb"];
    let steps: [(&str, Step); 18] = [
        ("nothing", |_| {}),
        ("a touch", |case| {
            case.age(DEMO);
        }),
        ("a change", |case| case.replace(DEMO, "{ 1 }", "{ 3 }")),
        ("the same taken back", |case| case.replace(DEMO, "{ 3 }", "{ 1 }")),
        ("an error", |case| case.replace(DEMO, "assert_eq!(one(), 1);", "assert_eq!(one(), 1;")),
        ("no error", |case| case.replace(DEMO, "assert_eq!(one(), 1;", "assert_eq!(one(), 1);")),
        ("a warning", |case| {
            let cells = "--- a\n:dep rand = \"0.8\"\n1\n--- b\n//| export\nuse rand::random;\n";
            case.write("notebooks/03_warning.ipynb", notebook(cells));
        }),
        ("a module without a line", |case| case.replace(MODULE, "pub fn one() -> u8 { 1 }\n", "")),
        ("a module with another", |case| case.replace(MODULE, ":dep serde", ":dep sorde")),
        ("no module", |case| fs::remove_file(case.path(MODULE)).unwrap()),
        ("an empty module", |case| case.write(MODULE, "")),
        ("no block in lib.rs", |case| case.write("exp/src/lib.rs", "//! The crate.\n")),
        ("no entry in Cargo.toml", |case| case.write("exp/Cargo.toml", MANIFEST)),
        ("a contradiction in Cargo.toml", |case| {
            case.write("exp/Cargo.toml", format!("{MANIFEST}\n[dependencies]\nserde = \"2\"\n"));
        }),
        ("a contradiction of two notebooks", |case| {
            case.write("exp/Cargo.toml", MANIFEST);
            let cells = "--- three\n//| export\n:dep serde = \"3\"\npub fn three() {}\n";
            case.write("notebooks/02_plain.ipynb", notebook(cells));
        }),
        ("one module for two notebooks", |case| {
            let cells = "--- three\n//| default_exp nb_00\n//| export\npub fn three() {}\n";
            case.write("notebooks/02_plain.ipynb", notebook(cells));
        }),
        ("a notebook less", |case| fs::remove_file(case.path("notebooks/02_plain.ipynb")).unwrap()),
        ("another name", |case| fs::rename(case.path(DEMO), case.path("notebooks/05_demo.ipynb")).unwrap()),
    ];
    for first in commands {
        let case = case();
        case.run("");
        for (name, step) in steps {
            step(&case);
            println!("{name}, then `nbexport {first}`");
            run(&case, first);
            run(&case, "");
            run(&case, "--force");
        }
    }
}

#[test]
fn an_edit_that_hides_behind_its_size_and_time_is_seen() {
    let case = case();
    case.export();
    // Until now it all happened within what a file system may take for one moment.
    std::thread::sleep(Duration::from_millis(3200));
    case.export();
    assert!(!case.read(CACHE).contains("\"fingerprint\":null"), "{}", case.read(CACHE));
    let hidden = |name: &str, from: &str, to: &str| {
        let written = case.written(name);
        case.replace(name, from, to);
        fs::File::options().append(true).open(case.path(name)).unwrap().set_modified(written).unwrap();
        assert_eq!(case.written(name), written);
    };
    hidden(DEMO, "{ 1 }", "{ 2 }");
    assert!(run(&case, "").stdout.contains("nb_00.rs: 1 cell, 1 test, exported"));
    hidden(MODULE, "{ 2 }", "{ 3 }");
    assert!(run(&case, "").stderr.contains("`exp/src/nb_00.rs` was edited by hand"));
    hidden(MODULE, "{ 3 }", "{ 2 }");
    assert!(run(&case, "").stdout.contains("nb_00.rs: 1 cell, 1 test, unchanged"));
    assert!(run(&case, "--check").code == Some(0));
}

#[test]
fn a_cache_that_does_not_fit_is_no_cache() {
    let case = case();
    case.export();
    let good = case.read(CACHE).replace("\"cells\":1", "\"cells\":7");
    let wrong = [
        String::new(),
        good[..good.len() / 2].to_owned(),
        "[]".to_owned(),
        good.replacen("\"version\":\"", "\"version\":\"9", 1),
        good.replacen("\"program\":[", "\"program\":[9", 1),
        good.replacen("\"crate_name\":\"exp", "\"crate_name\":\"other", 1),
    ];
    for text in wrong {
        assert_ne!(text, good);
        case.write(CACHE, &text);
        assert!(!case.export().stdout.contains("7 cells"), "{text}");
        assert_ne!(case.read(CACHE), text, "it was not written anew");
    }
    // Where it cannot be written, an export goes on without.
    fs::remove_file(case.path(CACHE)).unwrap();
    case.write(&format!("{CACHE}/in_the_way"), "");
    case.export();
    run(&case, "--check");
}

#[test]
fn a_copy_of_the_project_begins_anew() {
    let case = case();
    case.export();
    let copy = case.copy();
    copy.write(CACHE, case.read(CACHE).replace("\"cells\":1", "\"cells\":7"));
    assert!(!copy.export().stdout.contains("7 cells"));
}

#[test]
fn a_check_writes_nothing() {
    let case = case();
    case.run("--check");
    assert!(!case.has("target"));
}
