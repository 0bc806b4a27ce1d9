//! `nbexport fmt`: nothing but layout changes, and rustfmt is kept on a leash.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::{Case, ends};

const NOTEBOOK: &str = "notebooks/00_demo.ipynb";

/// The command `fmt` with a rustfmt that runs this before it formats, with its input in `$input`.
#[cfg(unix)]
pub(crate) fn with_rustfmt(case: &Case, first: &str) -> Command {
    use std::os::unix::fs::PermissionsExt as _;

    let find = Command::new("sh").args(["-c", "command -v rustfmt"]).output().unwrap();
    let real = String::from_utf8(find.stdout).unwrap();
    let real = real.trim();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *--print-config*) exec {real} \"$@\" ;; esac\n\
         input=$(cat)\n{first}\nprintf '%s\\n' \"$input\" | {real} \"$@\"\n"
    );
    case.write("bin/rustfmt", script);
    fs::set_permissions(case.path("bin/rustfmt"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", case.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = case.command("fmt");
    command.env("PATH", path);
    command
}

#[test]
fn a_string_that_holds_a_line_of_nbexports_own_does_not_cut_the_cell() {
    needs!("rustfmt");
    let text = "pub const A: &str = \"\n}\n// end of cell 0\nfn cell_1() {\n\";\npub  const B: u8 = 1;";
    let case = Case::of(&format!("--- one\n{text}\n--- two\nlet  x = 1;"));
    assert_eq!(case.run("fmt").code, Some(0));
    let notebook = case.read(NOTEBOOK);
    for kept in ["// end of cell 0", "fn cell_1() {", "pub const B: u8 = 1;", "let x = 1;"] {
        assert!(notebook.contains(kept), "{kept} is not in {notebook}");
    }
}

#[test]
fn a_comment_that_rustfmt_would_drop_leaves_the_cell_alone() {
    needs!("rustfmt");
    for (cell, word) in [
        ("pub fn /*kept*/ f( ) {}", "kept"),
        ("struct S < /* why */ T >( T );", "why"),
        ("let x = f(1, /* two */ );\n", "two"),
        ("fn f() -> /* a number */ u8 { 1 }", "number"),
    ] {
        let case = Case::of(&format!("--- one\n{cell}\n--- two\nlet  y = 1;"));
        let run = case.run("fmt");
        let notebook = case.read(NOTEBOOK);
        assert!(notebook.contains("let y = 1;"), "the other cell is formatted: {run}");
        assert!(notebook.contains(word), "{word} is lost:\n{notebook}");
        if run.code == Some(1) {
            assert!(notebook.contains(cell.trim_end()), "{run}\n{notebook}");
            assert!(run.stderr.contains("notebooks/00_demo.ipynb:cell 1:1:1"), "{run}");
            assert!(run.stderr.contains("so it was left as it is"), "{run}");
        }
    }
    let case = Case::of("--- one\npub fn /*x*/ f( ) {}");
    let run = case.run("fmt");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("rustfmt would drop or change `x` of this cell"), "{run}");
}

/// Forty such `if`s take rustfmt longer than anybody waits.
#[cfg(target_os = "linux")]
#[test]
fn a_cell_on_which_rustfmt_does_not_end_is_named_and_the_others_are_formatted() {
    needs!("rustfmt");
    let nested = (0..40).fold("1".to_owned(), |inner, _| format!("if a {{ {inner} }} else {{ 2 }}.f().g()"));
    let case = Case::of(&format!("--- one\nlet  y = 1;\n--- two\nlet y = {nested};\n--- three\nlet  z = 1;"));
    let run = case.run("fmt");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("rustfmt needs too much time or memory for this cell"), "{run}");
    assert!(run.stderr.contains("notebooks/00_demo.ipynb:cell 2:1:1"), "{run}");
    let notebook = case.read(NOTEBOOK);
    assert!(notebook.contains("let y = 1;") && notebook.contains("let z = 1;"), "{notebook}");
    assert!(notebook.contains(&nested));
}

#[cfg(target_os = "linux")]
#[test]
fn rustfmt_may_not_take_all_memory() {
    needs!("rustfmt");
    let case = Case::of("--- one\nlet  y = 1;");
    let run = case.told(&with_rustfmt(&case, "ulimit -v > limit").output().unwrap());
    assert_eq!(run.code, Some(0), "{run}");
    let kilobytes: u64 = case.read("limit").trim().parse().unwrap();
    assert!(kilobytes <= 4 << 20, "{kilobytes}");
}

#[cfg(target_os = "linux")]
#[test]
fn rustfmt_ends_with_a_killed_nbexport() {
    needs!("rustfmt");
    let case = Case::of("--- one\nlet  y = 1;");
    let mut child = with_rustfmt(&case, "echo $$ > pid.new; mv pid.new pid; exec sleep 600")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !case.has("pid") {
        assert!(child.try_wait().unwrap().is_none(), "fmt ended without rustfmt");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    ends(case.read("pid").trim());
}
