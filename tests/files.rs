//! Files, folders and other processes that stand in the way.

use std::fs;

use insta::assert_snapshot;

use crate::support::{Case, notebook};

const CELLS: &str = "
    --- f
    //| export
    pub fn f() {}
";

#[test]
fn no_project() {
    let case = Case::nothing().file("00_demo.ipynb", &notebook(CELLS));
    assert_snapshot!(case.run("00_demo.ipynb"), @"
    exit status 2
    --- stderr
    error: no project found in `[project]` or above it
     |
     = note: a project is a Cargo.toml with a table `[package.metadata.nbexport]` or `[workspace.metadata.nbexport]`
     = help: make a project: `nbexport new NAME`; or make one of the cargo package you are in: `nbexport init`
    ");
}

#[test]
fn no_crate() {
    let case = Case::of(CELLS);
    fs::remove_dir_all(case.path("exp")).unwrap();
    assert_snapshot!(case.run(""), @"
    exit status 2
    --- stderr
    error: the crate `exp` has no Cargo.toml
     |
     = note: notebooks are exported into the crate that `[workspace.metadata.nbexport]` or `--crate` names
     = help: create it: `cargo new --lib exp`
    ");
}

#[test]
fn no_notebooks_folder() {
    let case = Case::new();
    fs::remove_dir(case.path("notebooks")).unwrap();
    assert_snapshot!(case.run(""), @r#"
    exit status 2
    --- stderr
    error: there is no notebooks folder `notebooks`
     |
     = help: create it, or name another in Cargo.toml: `notebooks = "DIR"` below `[workspace.metadata.nbexport]`
    "#);
}

#[test]
fn no_notebook() {
    assert_snapshot!(Case::new().run(""), @"
    exit status 0
    --- stdout
    no notebooks in `notebooks`
    ");
}

#[test]
fn no_such_path() {
    let case = Case::of(CELLS);
    assert_snapshot!(case.run("notebooks/01_demo.ipynb"), @"
    exit status 2
    --- stderr
    error: there is no file `notebooks/01_demo.ipynb`
     |
     = help: see that the path is right, seen from the working directory
    ");
    assert_snapshot!(case.run("exprot"), @"
    exit status 2
    --- stderr
    error: there is no file `exprot`
     |
     = help: did you mean the command `nbexport export`?
    ");
    assert_snapshot!(case.run("nowhere"), @"
    exit status 2
    --- stderr
    error: there is no file `nowhere`
     |
     = help: `nbexport --help` lists the commands
    ");
}

#[test]
fn a_path_of_another_project() {
    let case = Case::of(CELLS);
    let other = Case::of(CELLS);
    let run = case.run(&format!("notebooks {}", other.path("notebooks").display()));
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("is outside of the project"), "{run}");
    assert_eq!(case.names(), ["exp/Cargo.toml", "exp/src/lib.rs"]);
}

#[test]
fn bad_usage() {
    let run = Case::of(CELLS).run("--chekc");
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("a similar argument exists: '--check'"), "{run}");
}

#[test]
fn a_configuration_that_is_no_string() {
    let case = Case::of(CELLS);
    case.write("Cargo.toml", "[workspace.metadata.nbexport]\ncrate = 3\n");
    assert_snapshot!(case.refuses_file(2), @r#"
    error: `crate` below `metadata.nbexport` in `[project]/Cargo.toml` is not a string
     |
     = help: write `crate = "exp"`
    "#);
    case.write("Cargo.toml", "[workspace.metadata.nbexport\n");
    assert_snapshot!(case.refuses_file(2), @"
    error: `[project]/Cargo.toml` does not parse: unclosed table, expected `]`
     |
     = help: `cargo metadata` shows the place
    ");
}

#[test]
fn a_file_that_is_no_notebook() {
    let case = Case::of(CELLS).file("notes.txt", "Read me.\n");
    assert_snapshot!(case.run("notes.txt"), @"
    exit status 2
    --- stdout
    notes.txt: not exported, 1 error
    --- stderr
    error: `notes.txt` is not a notebook: expected value
     --> notes.txt:1:1
      |
    1 | Read me.
      | ^
      |
      = help: a notebook is a JSON file as Jupyter writes it; open and save it there
    ");
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_crate() {
    use std::os::unix::fs::symlink;

    let case = Case::of(CELLS).file("elsewhere/mine.rs", "");
    symlink(case.path("elsewhere/mine.rs"), case.path("exp/src/nb_00.rs")).unwrap();
    assert_snapshot!(case.refuses_file(2), @"
    error: `exp/src/nb_00.rs` is a link that leads out of the crate, so it was not written
     |
     = help: replace the link by a file or a folder of the crate
    ");
    assert_eq!(case.read("elsewhere/mine.rs"), "");

    let case = Case::of(CELLS);
    fs::rename(case.path("exp/src"), case.path("elsewhere")).unwrap();
    symlink(case.path("elsewhere"), case.path("exp/src")).unwrap();
    assert!(case.refuses_file(2).contains("is a link that leads out of the crate"));
    assert!(!case.has("elsewhere/nb_00.rs"));
}

#[cfg(unix)]
#[test]
fn a_link_within_the_crate_stays_a_link() {
    let case = Case::of(CELLS).file("exp/generated/layers.rs", "");
    std::os::unix::fs::symlink("../generated/layers.rs", case.path("exp/src/nb_00.rs")).unwrap();
    case.export();
    assert!(case.path("exp/src/nb_00.rs").is_symlink());
    assert!(case.read("exp/generated/layers.rs").contains("pub fn f()"));
}

#[test]
fn a_read_only_module() {
    let case = Case::of(CELLS);
    case.export();
    case.replace("notebooks/00_demo.ipynb", "pub fn f() {}", "pub fn g() {}");
    let path = case.path("exp/src/nb_00.rs");
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    assert_snapshot!(case.refuses_file(2), @"
    error: `exp/src/nb_00.rs` is read-only, so it was not replaced
     |
     = help: make it writable (`chmod u+w exp/src/nb_00.rs`) if nbexport may write it
    ");
    assert!(case.read("exp/src/nb_00.rs").contains("pub fn f()"));
}

#[test]
fn a_module_that_is_a_folder() {
    let case = Case::of(CELLS).file("exp/src/nb_00.rs/keep", "");
    assert_snapshot!(case.refuses_file(2), @"
    error: cannot read `exp/src/nb_00.rs`: it is a folder, not a file
     |
     = help: nbexport keeps a text file there: see what `exp/src/nb_00.rs` is, and move it away
    ");
}

/// A file where a folder must be: the binary cannot be written, and so nothing is.
#[test]
fn a_folder_that_is_a_file() {
    let case = Case::of(
        "
        --- f
        //| export
        :dep fastrand = \"2\"
        pub fn f() {}
        --- tool
        //| bin tool
        println!(\"x\");
    ",
    )
    .file("exp/src/bin", "a file");
    assert_snapshot!(case.refuses_file(2), @"
    error: cannot read `exp/src/bin/tool.rs`: Not a directory (os error 20)
     |
     = help: nbexport keeps a text file there: see what `exp/src/bin/tool.rs` is, and move it away
    ");
}

/// The disk is full after the first of two modules: a limit on the size of files stands for it.
#[cfg(target_os = "linux")]
#[test]
fn a_write_that_fails_half_way_leaves_everything_as_it_was() {
    let long = format!("--- long\n//| export\n/// {}\npub fn long() {{}}\n", "long ".repeat(20_000));
    let case = Case::of(CELLS).notebook("01_long", &long);
    let before = case.files("exp");
    let limited = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 20; exec \"$0\"", env!("CARGO_BIN_EXE_nbexport")])
        .current_dir(case.path("."))
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert_snapshot!(case.told(&limited), @r#"
    exit status 2
    --- stderr
    error: cannot write `exp/src/nb_01.rs`: File too large (os error 27)
     |
     = note: nothing was written: all files are as they were
     = help: see that its folder is writable and has room, then run nbexport again
    "#);
    assert!(case.files("exp") == before);
    case.export();
}

/// Root may write anywhere, so there it shows nothing.
#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_to() {
    use std::os::unix::fs::PermissionsExt;

    let case = Case::of(CELLS);
    let source = case.path("exp/src");
    fs::set_permissions(&source, fs::Permissions::from_mode(0o555)).unwrap();
    let is_root = fs::write(source.join("probe"), "").is_ok();
    if !is_root {
        case.refuses_file(2);
    }
    fs::set_permissions(&source, fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_new_module_is_readable_and_an_old_one_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;

    let case = Case::of(CELLS);
    case.export();
    let path = case.path("exp/src/nb_00.rs");
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o644);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    case.replace("notebooks/00_demo.ipynb", "pub fn f() {}", "pub fn g() {}");
    case.export();
    assert_eq!(mode(), 0o600);
}

#[test]
fn no_temporary_file_is_left() {
    let case = Case::of(CELLS);
    case.export();
    assert_eq!(case.names(), ["exp/Cargo.toml", "exp/src/lib.rs", "exp/src/nb_00.rs"]);
}

#[test]
fn two_at_once_wait_for_one_another() {
    let cells: Vec<String> =
        (0..20).map(|cell| format!("--- f{cell}\n//| export\npub fn f{cell}() {{}}")).collect();
    let case = (0..10)
        .fold(Case::new(), |case, number| case.notebook(&format!("{number:02}_demo"), &cells.join("\n")));
    let many: Vec<_> = (0..4).map(|_| case.command("").spawn().unwrap()).collect();
    for process in many {
        let run = case.told(&process.wait_with_output().unwrap());
        assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    }
    let lone = case.files("exp");
    assert_eq!(lone.len(), 12);
    assert!(!case.export().stdout.contains("exported"));
    assert_eq!(case.files("exp"), lone);
}

/// A second one waits as long as the first one holds the lock.
#[test]
fn a_held_lock_is_waited_for() {
    let case = Case::of(CELLS);
    case.export();
    case.replace("notebooks/00_demo.ipynb", "pub fn f() {}", "pub fn g() {}");
    let lock = fs::File::create(case.path("target/nbexport/.lock")).unwrap();
    lock.lock().unwrap();
    let mut waiting = case.command("").spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(waiting.try_wait().unwrap().is_none(), "it did not wait");
    assert!(case.read("exp/src/nb_00.rs").contains("pub fn f()"));
    drop(lock);
    assert!(waiting.wait().unwrap().success());
    assert!(case.read("exp/src/nb_00.rs").contains("pub fn g()"));
}

/// All new texts are written before the first of them replaces an old one.
#[cfg(unix)]
#[test]
fn there_may_be_more_modules_than_a_process_may_have_files_open() {
    let cells = |number| format!("--- c{number}\n//| export m{number}\npub fn f() {{}}\n");
    let case = Case::of(&(0..80).map(cells).collect::<String>());
    let binary = case.command("").get_program().to_string_lossy().into_owned();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "ulimit -n 40 && exec \"$0\"", &binary]).current_dir(case.path("."));
    let run = case.told(&shell.output().unwrap());
    assert_eq!(run.code, Some(0), "{run}");
    assert!(case.has("exp/src/m0.rs") && case.has("exp/src/m79.rs"));
}

/// As git checks text out on Windows.
#[test]
fn files_with_crlf_are_what_the_notebooks_say_and_keep_it() {
    needs!("rustfmt");
    let case = Case::of("--- f\n//| export\n:dep serde = \"1\"\npub fn f() {}");
    case.export();
    let names = ["exp/src/nb_00.rs", "exp/src/lib.rs", "exp/Cargo.toml", "notebooks/00_demo.ipynb"];
    for name in names {
        case.write(name, case.read(name).replace('\n', "\r\n"));
    }
    let before = case.files(".");
    let run = case.run("--check");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
    case.export();
    assert!(case.files(".") == before, "something was written");
    case.replace("notebooks/00_demo.ipynb", "pub fn f() {}", "pub fn f() {1+1;}");
    assert_eq!(case.run("fmt").code, Some(0));
    case.export();
    case.replace("exp/src/nb_00.rs", "1 + 1", "1 + 2");
    assert_eq!(case.run("sync").code, Some(0));
    assert!(case.read("notebooks/00_demo.ipynb").contains("1 + 2"));
    for name in names {
        let text = case.read(name);
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{name}: {text:?}");
    }
}
