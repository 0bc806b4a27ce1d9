//! `nbexport test --both`, and `just corpus DIR --both`: both engines over any folder of notebooks.

use std::path::Path;
use std::process::Stdio;

use crate::kernel::has_kernel;
use crate::support::Case;

#[test]
fn cells_of_which_the_engines_say_different_things_are_shown() {
    if !has_kernel() {
        return;
    }
    // The kernel takes this line for its own, and says so.
    let case = Case::of(
        "
        --- passes
        assert_eq!(1 + 1, 2);
        --- differs
        println!(\"EVCXR_EXECUTION_COMPLETE\");
        ",
    );
    let run = case.run("test --both");
    assert_eq!(run.code, Some(1), "{run}");
    let differs = "notebooks/00_demo.ipynb:cell 2: natively passed, in the kernel failed";
    assert!(run.to_string().contains(differs), "{run}");
    assert!(run.to_string().contains("of 2 cells the engines judge 1 differently"), "{run}");
    case.replace("notebooks/00_demo.ipynb", "println", "let _ = format");
    let run = case.run("test --both");
    assert!(run.code == Some(0) && run.to_string().contains("the engines agree on 2 cells"), "{run}");
}

/// Copies a folder with what its notebooks read; what is hidden or built stays behind.
fn copy(from: &Path, case: &Case, to: &str) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let to = format!("{to}/{name}");
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), case, &to);
        } else {
            case.write(&to, std::fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
#[ignore = "just corpus DIR --both"]
fn corpus() {
    let folder = std::env::var("CORPUS").expect("CORPUS names a folder of notebooks");
    let case = Case::new();
    copy(Path::new(&folder), &case, "notebooks");
    let mut command = case.command("test --both --no-fail-fast --timeout 120");
    let status = command.stdout(Stdio::inherit()).stderr(Stdio::inherit()).status().unwrap();
    assert!(status.success(), "{status}");
}
