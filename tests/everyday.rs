//! `fmt`, `clean`, `new`, `init` and `watch`, as they are used every day.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::support::Case;

const NOTEBOOK: &str = "notebooks/00_demo.ipynb";

#[test]
fn fmt_formats_cells_and_keeps_their_directives() {
    needs!("rustfmt");
    let case = Case::of(
        "
        --- one
        //|export
        :dep   serde=\"1\"
        pub fn one( )->u8{1}
        --- broken
        let = 3;
    ",
    );
    assert_snapshot!(case.run("fmt --check"), @r#"
    exit status 1
    --- stdout
    --- notebooks/00_demo.ipynb:cell 1
    +++ notebooks/00_demo.ipynb:cell 1
    @@ -1,3 +1,5 @@
     //|export
     :dep   serde="1"
    -pub fn one( )->u8{1}
    +pub fn one() -> u8 {
    +    1
    +}
    --- stderr
    error: this cell does not parse as Rust: expected one of: identifier, `::`, `<`, `_`, literal, `const`, `ref`, `mut`, `&`, parentheses, square brackets, `..`, `const`
     --> notebooks/00_demo.ipynb:cell 2:1:5
      |
    1 | let = 3;
      |     ^
      |
      = note: this is the cell with id `broken`
      = help: mend it in the notebook; a cell without `//| export`, `test`, `setup`, `bench` or `bin` is not read
    "#);
    let run = case.run("fmt");
    assert_eq!(run.code, Some(1), "{run}");
    assert_snapshot!(run.stdout, @"
    notebooks/00_demo.ipynb: 1 cell formatted
    a notebook that is open in an editor must be reloaded there before it is saved
    ");
    case.replace(NOTEBOOK, "let = 3;", "let x = 3;");
    let again = case.run("fmt --check");
    assert!(again.code == Some(0) && again.stdout.is_empty(), "{again}");
}

#[test]
fn clean_drops_what_a_run_writes() {
    let case = Case::of("--- one raises-exception\nlet x = 1;");
    case.replace(NOTEBOOK, "\"execution_count\": null", "\"execution_count\": 7");
    let dirty = case.read(NOTEBOOK);
    assert_snapshot!(case.run("clean --check"), @"
    exit status 1
    --- stdout
    notebooks/00_demo.ipynb: not clean
    --- stderr
    error: notebooks hold what changes from run to run
     |
     = help: run `nbexport clean`, and commit the result
    ");
    assert_eq!(case.read(NOTEBOOK), dirty);
    assert_eq!(case.run("clean").code, Some(0));
    assert_eq!(case.read(NOTEBOOK), dirty.replace("\"execution_count\": 7", "\"execution_count\": null"));
    assert_eq!(case.run("clean --check").code, Some(0));
}

#[test]
fn clean_as_a_filter_passes_through_what_is_no_notebook() {
    let case = Case::of("--- one\nlet x = 1;");
    let filtered = |text: &str| {
        let mut child = case.command("clean -").stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let conflicted = "{\n<<<<<<< ours\n";
    assert_eq!(filtered(conflicted), conflicted);
    let clean = case.read(NOTEBOOK);
    assert_eq!(filtered(&clean), clean);
    assert_eq!(filtered(&clean.replace("\"execution_count\": null", "\"execution_count\": 7")), clean);
}

#[test]
fn clean_and_the_filter_keep_the_bytes_of_what_they_keep() {
    let kept = "\"float\": 117.63331139400017, \"small\": 1e-05,\n  \"big\": 123456789012345678901234567890, \"escape\": \"\\u003c\"";
    let notebook = |gone: &str, count: &str| {
        format!(
            "{{\"cells\": [{{\"cell_type\": \"code\", \"execution_count\": {count}, \"id\": \"a\", \"metadata\": {{{gone}{kept}}},\n\
             \"outputs\": [{{\"output_type\": \"execute_result\", \"execution_count\": {count},\n\"metadata\": {{}}, \
             \"data\": {{\"application/json\": {{{kept}}}}}}}], \"source\": \"x\"}}], \"metadata\": {{{gone}{kept}}}, \
             \"nbformat\": 4, \"nbformat_minor\": 5}}"
        )
    };
    let (dirty, clean) = (notebook("\"vscode\": {},\n ", "7"), notebook("", "null"));
    let case = Case::new().file(NOTEBOOK, &dirty);
    let mut child = case.command("clean -").stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(dirty.as_bytes()).unwrap();
    assert_eq!(case.told(&child.wait_with_output().unwrap()).stdout, clean);
    assert_eq!(case.run("clean").code, Some(0));
    assert_eq!(case.read(NOTEBOOK), clean);
}

#[test]
fn a_new_project_works_at_once_and_offline() {
    let case = Case::nothing();
    let run = case.run("new my-demo");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    assert_snapshot!(run.stdout, @"
      Cargo.toml
      .gitignore
      .gitattributes
      README.md
      .github/workflows/ci.yml
      .github/workflows/pages.yml
      src/lib.rs
      notebooks/00_start.ipynb
      src/nb_00.rs
    created my-demo: try `cd my-demo && cargo test`
    its notebooks as a site: `nbexport docs --serve`
    ");
    let output = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--quiet"])
        .current_dir(case.path("my-demo"))
        .env("CARGO_TARGET_DIR", case.path("target"))
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("2 passed"),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let again = case.run("new my-demo");
    assert!(again.code == Some(2) && again.stderr.contains("exists already"), "{again}");
}

#[test]
fn init_adds_to_a_package_and_touches_nothing_of_it() {
    let case = Case::nothing()
        .file("Cargo.toml", "[package]\nname = \"mine\" # kept\nversion = \"0.1.0\"\nedition = \"2024\"\n")
        .file("src/lib.rs", "//! Mine.\npub fn own() {}\n");
    let run = case.run("init");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    assert!(case.read("Cargo.toml").starts_with("[package]\nname = \"mine\" # kept\n"));
    assert!(case.read("src/lib.rs").starts_with("//! Mine.\npub fn own() {}\n"));
    assert_eq!(case.run("--check").code, Some(0));
    let again = case.run("init");
    assert!(again.code == Some(2) && again.stderr.contains("set up for nbexport already"), "{again}");
}

#[test]
fn watch_exports_at_the_start_and_on_a_save_and_survives_a_broken_one() {
    let case = Case::of("--- one\n//| export\npub fn one() {}");
    let mut child = case.command("watch").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    assert!(line().starts_with("notebooks/00_demo.ipynb → exp/src/nb_00.rs in "));
    assert_eq!(line(), "watching notebooks");
    let whole = case.read(NOTEBOOK);
    case.write(NOTEBOOK, &whole[..20]);
    case.write("notebooks/.~00_demo.ipynb", "an editor's");
    // As Jupyter saves: a file beside it, then a rename.
    case.write("notebooks/00_demo.tmp", whole.replace("fn one", "fn renamed"));
    std::fs::rename(case.path("notebooks/00_demo.tmp"), case.path(NOTEBOOK)).unwrap();
    assert!(line().starts_with("notebooks/00_demo.ipynb → exp/src/nb_00.rs in "));
    assert!(case.read("exp/src/nb_00.rs").contains("pub fn renamed() {}"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_option_for_every_command_may_stand_before_it_and_one_of_export_may_not() {
    let case = Case::of("--- one\n//| export\npub fn one() {}");
    case.export();
    let run = case.run("-q sync");
    assert!(run.code == Some(0) && run.stdout.is_empty() && run.stderr.is_empty(), "{run}");
    let run = case.run("--check sync");
    assert!(run.code == Some(2) && run.stderr.contains("put them behind it"), "{run}");
}
