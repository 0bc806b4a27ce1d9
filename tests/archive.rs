//! `nbexport test --archive` and `--from-archive`: notebooks built on one machine, judged on another that has no cargo.

use std::collections::BTreeMap;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;

use crate::support::{Case, Run};

/// Notebooks that come to every kind of verdict, and one that reads a file beside it.
fn project() -> Case {
    Case::new()
        .notebook("00_good", "--- a\n//| export\npub fn one() -> i32 { 1 }\n--- b\nassert_eq!(one(), 1);")
        .notebook("01_stops", "--- a\nlet x: i32 = 1;\n--- b\nlet y = x;\nassert_eq!(y, 2);\n--- c\nx")
        .notebook("02_wrong", "--- a\nlet x: i32 = \"no\";\n--- b\n//| eval: false\nloop {}\n--- c\n1 + 1")
        .notebook(
            "03_reads",
            "--- a\nassert_eq!(std::fs::read_to_string(\"data/words.txt\").unwrap(), \"two words\");",
        )
        .notebook("04_kernel", "--- a\n:restart\n--- b\n1")
        .notebook(
            "05_module",
            "--- a\n//| export\npub fn ends(x: Option<i32>) -> i32 {\n    x.unwrap()\n}\n--- b\nends(None);",
        )
        .file("notebooks/data/words.txt", "two words")
}

/// What was told of each notebook, without times.
fn told(run: &Run) -> BTreeMap<String, Value> {
    let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line["notebook"].is_string())
        .map(|mut line| {
            line["seconds"].take();
            for cell in line["cells"].as_array_mut().into_iter().flatten() {
                cell["seconds"].take();
            }
            (line["notebook"].as_str().unwrap().to_owned(), line)
        })
        .collect()
}

/// Judges an archive elsewhere, where there is no cargo, no rustc and no project.
fn judged(case: &Case, arguments: &str) -> Run {
    let elsewhere = Case::nothing();
    let archive = case.path("built.tar.zst");
    let mut command =
        elsewhere.command(&format!("test --no-fail-fast {arguments} --from-archive {}", archive.display()));
    let run = elsewhere.told(&command.env("PATH", "/usr/bin:/bin").env_remove("CARGO").output().unwrap());
    assert!(elsewhere.files(".").is_empty(), "something was left");
    run
}

#[test]
fn an_archive_is_judged_without_cargo_as_the_project_is_with_it() {
    let case = project();
    case.export();
    let here = case.run("test --no-fail-fast --format json");
    assert_eq!(here.code, Some(2), "{here}");
    let built = case.run("test --archive built.tar.zst");
    assert_eq!(built.code, Some(0), "{built}");
    assert!(built.stdout.contains("built.tar.zst: 6 notebooks, 5 programs, "), "{built}");
    let there = judged(&case, "--format json");
    assert_eq!(there.code, here.code, "{there}");
    let (here, there) = (told(&here), told(&there));
    assert_eq!(here.len(), 6);
    assert_eq!(here, there);
    // Spans lead into cells, of the program and of the crate's module.
    let place = |notebook: &str| {
        there[notebook]["cells"][1]["why"]["location"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(place("notebooks/01_stops.ipynb"), "notebooks/01_stops.ipynb:cell 2:2:1");
    assert_eq!(there["notebooks/02_wrong.ipynb"]["cells"][0]["verdict"], "failed");
    // The shares of an archive are shares, too.
    let mut union = BTreeMap::new();
    for share in 1..=3 {
        union.extend(told(&judged(&case, &format!("--format json --partition slice:{share}/3"))));
    }
    assert_eq!(union, there);
    let one = judged(&case, "--filter 03_reads --junit");
    assert_eq!(one.code, Some(2), "{one}");
    let one = judged(&case, "--filter 03_reads");
    assert!(one.code == Some(0) && one.stdout.contains("03_reads.ipynb: 1 cell passed"), "{one}");
    let cell = judged(&case, "--filter 03_reads:1");
    assert!(cell.code == Some(2) && cell.stderr.contains("decided when the archive was made"), "{cell}");
}

/// An archive of one file of this name and kind.
fn crafted(name: &str, kind: tar::EntryType) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    // Not by the builder, which refuses such names.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_link_name("/tmp").unwrap();
    header.set_size(if kind == tar::EntryType::Regular { 4 } else { 0 });
    header.set_mode(0o644);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    let content: &[u8] = if kind == tar::EntryType::Regular { b"evil" } else { b"" };
    archive.append(&header, content).unwrap();
    compress_to_vec(archive.into_inner().unwrap().as_slice(), CompressionLevel::Fastest)
}

#[test]
fn an_archive_that_leads_out_of_its_folder_is_refused() {
    use tar::EntryType::{Link, Regular, Symlink};
    for (name, kind) in [
        ("../evil", Regular),
        ("project/../../evil", Regular),
        ("/tmp/nbexport-evil", Regular),
        ("project", Symlink),
        ("programs/nb", Link),
    ] {
        let case = Case::nothing();
        case.write("built.tar.zst", crafted(name, kind));
        let run = judged(&case, "");
        assert!(run.code == Some(2) && run.stderr.contains("which is no file within it"), "{name}: {run}");
    }
    assert!(!std::path::Path::new("/tmp/nbexport-evil").exists());
}

#[test]
fn what_is_no_archive_is_told() {
    let case = project();
    for (text, said) in [("", "is no archive of nbexport"), ("{}", "is no archive of nbexport")] {
        case.write("built.tar.zst", text);
        let run = judged(&case, "");
        assert!(run.code == Some(2) && run.stderr.contains(said), "{run}");
    }
    let empty = tar::Builder::new(Vec::new()).into_inner().unwrap();
    case.write("built.tar.zst", compress_to_vec(empty.as_slice(), CompressionLevel::Fastest));
    let run = judged(&case, "");
    assert!(run.code == Some(2) && run.stderr.contains("it has no `nbexport-archive.json`"), "{run}");
    // A slip does not cost a notebook.
    let before = case.read("notebooks/00_good.ipynb");
    let run = case.run("test --archive notebooks/00_good.ipynb");
    assert!(run.code == Some(2) && run.stderr.contains("does not end in `.tar.zst`"), "{run}");
    assert_eq!(case.read("notebooks/00_good.ipynb"), before);
}

/// Its program runs in its folder, which git may know no file of.
#[test]
fn a_notebook_that_git_does_not_know_is_judged_from_an_archive_too() {
    needs!("git");
    let case = Case::of("--- a\nassert_eq!(1 + 1, 2);");
    case.write(".gitignore", "notebooks/\ntarget/\n");
    let git =
        std::process::Command::new("git").args(["init", "-q"]).current_dir(case.path("")).status().unwrap();
    assert!(git.success());
    let built = case.run("test --archive built.tar.zst");
    assert_eq!(built.code, Some(0), "{built}");
    let run = judged(&case, "");
    assert!(run.code == Some(0) && run.stdout.contains("00_demo.ipynb: 1 cell passed"), "{run}");
}
