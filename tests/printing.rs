//! What reaches the terminal: colors where they are wanted, no command that a file holds, and no success that was not told.

use std::fs;
use std::process::Stdio;

use crate::support::{Case, Run};

/// Nothing of this run is an escape sequence, which would begin with one of these.
fn is_harmless(run: &Run) {
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{7}', '\u{202e}']), "{run}");
        assert!(!text.replace("\r\n", "").contains('\r'), "{run}");
    }
}

/// A notebook whose id, text and outputs would each change the title of a terminal.
const HOSTILE: &str = "{\"cells\": [{\"cell_type\": \"code\", \"id\": \"a\\u001b]0;x\\u0007\", \"metadata\": {}, \
    \"execution_count\": 1, \"outputs\": [{\"output_type\": \"stream\", \"name\": \"stdout\", \"text\": \"\\u001b[2J\"}], \
    \"source\": \"//| export\\nlet x = 1; // \\u001b[31m \\u009b2J \\rmine\"}], \
    \"metadata\": {}, \"nbformat\": 4, \"nbformat_minor\": 5}\n";

#[test]
fn no_command_of_a_notebook_reaches_the_terminal() {
    let case = Case::new().file("notebooks/00_demo.ipynb", HOSTILE);
    case.write("notebooks/01_other.ipynb", HOSTILE.replace("let x", "let  y").replace("2J\\\"", "3J\\\""));
    for command in [
        "",
        "--check",
        "clean --check",
        "fmt --check",
        "migrate --check",
        "diff notebooks/00_demo.ipynb notebooks/01_other.ipynb",
        "diff --textconv notebooks/00_demo.ipynb",
        "test",
    ] {
        let run = case.run(command);
        assert!(!run.stdout.is_empty() || !run.stderr.is_empty(), "{command}");
        is_harmless(&run);
    }
}

#[test]
fn a_diff_of_the_crate_shows_what_a_module_holds_and_does_not_send_it() {
    let case = Case::of("--- f\n//| export\npub fn f() {}");
    case.export();
    case.replace(
        "notebooks/00_demo.ipynb",
        "pub fn f() {}",
        "/// \\u001b[8m hidden \\u009b0m\\npub fn f() {}",
    );
    let run = case.run("--check");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("+/// ␛[8m hidden"), "{run}");
    is_harmless(&run);
}

/// What a cell printed before it failed, in the verdict.
#[test]
fn what_a_failed_cell_printed_is_shown_and_not_sent() {
    let case =
        Case::of("--- boom\nprintln!(\"\\u{1b}[2J\\u{1b}]0;mine\\u{7}\");\npanic!(\"\\u{1b}[31mred\");");
    let run = case.run("test");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("␛[2J"), "{run}");
    is_harmless(&run);
}

/// rustc shows the controls of ASCII as pictures, and passes those above on.
#[test]
fn what_rustc_quotes_of_a_cell_is_shown_and_not_sent() {
    let case = Case::of("--- f\n//| export\npub fn f() -> u8 { \"\u{9b}2J\u{85}\" }");
    case.export();
    for command in ["test", "cargo check", "cargo check --color always"] {
        let run = case.run(command);
        assert!(run.code != Some(0) && run.stderr.contains("mismatched types"), "{run}");
        assert!(!run.stderr.contains(['\u{9b}', '\u{85}']), "{run}");
    }
}

#[test]
fn colors_come_when_they_are_asked_for() {
    needs!("rustfmt");
    let case = Case::of("--- f\n//| export\npub fn f( ) {}");
    let plain = case.run("fmt --check");
    assert!(plain.stdout.contains("-pub fn f( ) {}") && !plain.stdout.contains('\u{1b}'), "{plain}");
    let colored = case.run("fmt --check --color always");
    assert!(colored.stdout.contains("\u{1b}[31m-pub fn f( ) {}\u{1b}[0m"), "{colored}");
    assert!(case.run("--color always nowhere").stderr.contains('\u{1b}'));
}

/// A full disk behind `>`.
#[cfg(target_os = "linux")]
#[test]
fn a_result_that_nobody_got_is_no_success() {
    let case = Case::of("--- f\n//| export\npub fn f() {}");
    let merge = "merge notebooks/00_demo.ipynb notebooks/00_demo.ipynb notebooks/00_demo.ipynb";
    for command in [
        "--help",
        "--version",
        "help test",
        "",
        "diff --textconv notebooks/00_demo.ipynb",
        merge,
        "completions bash",
        "--format json",
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let run = case.told(&case.command(command).stdout(full).stderr(Stdio::piped()).output().unwrap());
        assert_eq!(run.code, Some(2), "{command}: {run}");
        assert!(run.stderr.contains("cannot write to stdout"), "{command}: {run}");
    }
}

#[test]
fn json_holds_no_character_that_a_terminal_would_obey() {
    let case = Case::of("--- a\u{202e}b\n//| export\npub fn f( { // \u{9b}\u{202e}\n");
    for command in ["--format json", "test --format json"] {
        let run = case.run(command);
        assert!(!run.stdout.contains(['\u{9b}', '\u{202e}']) && run.stdout.contains("\\u202e"), "{run}");
        for line in run.stdout.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
}

/// `nbexport … | head`.
#[test]
fn a_reader_that_went_away_is_no_error() {
    let case = Case::of("--- f\n//| export\npub fn f() {}");
    let mut process = case.command("diff --textconv notebooks/00_demo.ipynb").spawn().unwrap();
    drop(process.stdout.take());
    let run = case.told(&process.wait_with_output().unwrap());
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
}

#[test]
fn a_program_that_cargo_runs_ends_as_it_ends() {
    let case = Case::of("--- tool\n//| bin tool\nstd::process::exit(3);");
    case.export();
    let run = case.run("-q cargo run --quiet");
    assert_eq!(run.code, Some(3), "{run}");
}

#[test]
fn help_on_cargo_needs_no_project() {
    let case = Case::nothing();
    let own = case.run("cargo --help");
    assert!(own.code == Some(0) && own.stdout.contains("Run cargo on the crate"), "{own}");
    let cargos = case.run("cargo check --help");
    assert!(cargos.code == Some(0) && cargos.stdout.contains("--workspace"), "{cargos}");
}
