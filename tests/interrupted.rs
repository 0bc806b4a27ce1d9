//! Commands that are killed, or run out of disk: what is on the disk afterwards is what was there or what was to be there,
//! and the next command finds nothing in its way.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use crate::support::{Case, Run, kill};

/// The temporary files in the project.
fn temporaries(case: &Case) -> Vec<String> {
    case.files(".").into_keys().filter(|name| name.contains(".nbexport-")).collect()
}

/// A project of twelve notebooks, untidy and not clean, exported and then edited on one side.
fn untidy() -> Case {
    let cells: Vec<String> =
        (0..8).map(|cell| format!("--- f{cell}\n//| export\npub fn f{cell}( ) -> u8 {{ 1 }}")).collect();
    let case = (0..12)
        .fold(Case::new(), |case, number| case.notebook(&format!("{number:02}_demo"), &cells.join("\n")));
    case.export();
    for number in 0..12 {
        let name = format!("notebooks/{number:02}_demo.ipynb");
        case.replace(&name, "\"execution_count\": null", "\"execution_count\": 7");
    }
    case
}

/// What makes each of these commands have something to write.
fn edit(case: &Case, command: &str) {
    for number in 0..12 {
        match command {
            "sync" => case.replace(&format!("exp/src/nb_{number:02}.rs"), "{ 1 }", "{ 2 }"),
            "export" => case.replace(&format!("notebooks/{number:02}_demo.ipynb"), "{ 1 }", "{ 2 }"),
            _ => {}
        }
    }
}

#[test]
fn a_killed_command_leaves_whole_files_and_the_next_one_clears_up() {
    needs!("rustfmt");
    for command in ["export", "sync", "fmt", "clean"] {
        let before = untidy();
        edit(&before, command);
        let whole = before.copy();
        let start = Instant::now();
        assert_eq!(whole.run(command).code, Some(0));
        let takes = start.elapsed();
        let (old, new) = (before.files("."), whole.files("."));
        // Most of what is written is written towards the end.
        for attempt in 0..12 {
            let case = before.copy();
            let mut process = case.command(command).spawn().unwrap();
            std::thread::sleep(takes * (8 + attempt) / 20);
            process.kill().unwrap();
            process.wait().unwrap();
            let there: BTreeMap<_, _> =
                case.files(".").into_iter().filter(|(name, _)| !name.contains(".nbexport-")).collect();
            assert!(there.keys().eq(old.keys()), "{command}: {:?}", there.keys());
            for (name, text) in &there {
                assert!(
                    *text == old[name] || is_of_this_command(command, text, &new[name]),
                    "{command}: {name} is neither"
                );
            }
            let run = case.run(command);
            assert_eq!(run.code, Some(0), "{command}: {run}");
            assert_eq!(temporaries(&case), [""; 0], "{command}");
            assert!(case.files(".") == new, "{command}: not what an uninterrupted run writes");
        }
    }
}

/// A build script that never ends, in a crate that `test` compiles in the end.
#[cfg(target_os = "linux")]
#[test]
fn no_compiler_outlives_a_killed_test() {
    let case = Case::of("--- f\n//| export\npub fn f() {}\n--- use\nf();");
    case.export();
    case.write("exp/build.rs", "fn main() { std::thread::sleep(std::time::Duration::from_secs(600)); }");
    let folder = case.path(".").canonicalize().unwrap().display().to_string();
    let scripts = || {
        let is_script = |entry: std::fs::DirEntry| {
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).into_owned();
            command.contains(&folder) && command.contains("build-script-build")
        };
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter(|it| it.path().is_dir())
            .map(is_script)
            .filter(|it| *it)
            .count()
    };
    let wait_for = |number: usize| {
        let start = Instant::now();
        while scripts() != number {
            assert!(start.elapsed() < Duration::from_mins(2), "{} run, not {number}", scripts());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    for signal in ["TERM", "KILL"] {
        // The build script is looked for below the project.
        let mut process = case.command("test").env_remove("CARGO_TARGET_DIR").spawn().unwrap();
        wait_for(1);
        kill(signal, process.id());
        process.wait().unwrap();
        wait_for(0);
    }
}

/// sync writes a module twice, once with the notebook and once as the export that follows it would.
fn is_of_this_command(command: &str, text: &[u8], new: &[u8]) -> bool {
    text == new || command == "sync" && !text.is_empty() && text.ends_with(b"\n")
}

/// What a killed command had on its list goes, and nothing else, whatever the list says.
#[test]
fn the_next_command_removes_the_temporary_files_of_a_killed_one() {
    let case = untidy();
    let name = "notebooks/deep/.nbexport-aB3dE5";
    case.write(name, "half of a noteb");
    let list = [case.path(name), case.path("notebooks/00_demo.ipynb"), case.path("gone/.nbexport-x")];
    let list = list.map(|path| path.display().to_string()).join("\0");
    case.write("target/nbexport/.lock", list + "\0");
    let run = case.run("clean");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(!case.has(name) && case.has("notebooks/00_demo.ipynb"));
    assert_eq!(case.read("target/nbexport/.lock"), "");
}

/// A limit on the size of files stands for a full disk.
#[cfg(target_os = "linux")]
fn with_little_room(case: &Case, blocks: usize, command: &str) -> Run {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" {command}");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script, env!("CARGO_BIN_EXE_nbexport")])
        .current_dir(case.path("."))
        .env("NO_COLOR", "1");
    case.told(&shell.output().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    needs!("rustfmt");
    let long =
        format!("--- long\n//| export\n/// {}\npub fn long( ) {{ let x = 1; }}\n", "long ".repeat(20_000));
    for command in ["fmt", "clean", "sync", "migrate"] {
        let case = Case::of(&long);
        case.export();
        case.replace("notebooks/00_demo.ipynb", "\"execution_count\": null", "\"execution_count\": 7");
        match command {
            "sync" => case.replace("exp/src/nb_00.rs", "let x = 1", "let x = 2"),
            "migrate" => case.replace("notebooks/00_demo.ipynb", "//| export", "// export"),
            _ => {}
        }
        let before = case.files(".");
        let run = with_little_room(&case, 20, command);
        assert_eq!(run.code, Some(2), "{command}: {run}");
        assert!(run.stderr.contains("nothing was written: all files are as they were"), "{command}: {run}");
        assert!(case.files(".") == before, "{command}");
        assert_eq!(case.run(command).code, Some(0), "{command}");
    }
}

/// One file of several cannot be written: the others are as they were.
#[cfg(target_os = "linux")]
#[test]
fn one_file_that_has_no_room_holds_back_all_that_belong_to_it() {
    let case = Case::of("--- f\n//| export\npub fn f() {}");
    case.export();
    let long = "long ".repeat(20_000);
    case.write("exp/src/nb_00.rs", case.read("exp/src/nb_00.rs") + "/// " + &long + "\npub fn g() {}\n");
    let before = case.files(".");
    let run = with_little_room(&case, 20, "sync");
    assert_snapshot!(run, @"
    exit status 2
    --- stderr
    error: cannot write `notebooks/00_demo.ipynb`: File too large (os error 27)
     |
     = note: nothing was written: all files are as they were
     = help: see that its folder is writable and has room, then run nbexport again
    ");
    assert!(case.files(".") == before);
}
