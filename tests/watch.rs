//! `nbexport watch`, beside editors, `git checkout` and `nbexport sync`.

use std::fs;
use std::process::Command;

use crate::running::Running;
use crate::support::Case;

const NOTEBOOK: &str = "notebooks/00_demo.ipynb";
const MODULE: &str = "exp/src/nb_00.rs";

fn start(case: &Case, arguments: &str) -> Running {
    run(&mut case.command(&format!("watch {arguments}")))
}

fn run(command: &mut Command) -> Running {
    let watch = Running::of(command);
    watch.says("watching notebooks");
    watch
}

/// A watch that was there when a sync changed the first cell, and what the notebook was before.
fn synced() -> (Case, Running, String) {
    let case = exported();
    let old = case.read(NOTEBOOK);
    let watch = start(&case, "--exec true");
    watch.says("`true` passed");
    case.replace(MODULE, "u8 { 1 }", "u8 { 0 + 1 }");
    assert_eq!(case.run("sync").code, Some(0));
    watch.says("`true` passed");
    (case, watch, old)
}

fn exported() -> Case {
    let case = Case::of(
        "
        --- one
        //| export
        pub fn one() -> u8 { 1 }
        --- two
        //| export
        pub fn two() -> u8 { 2 }
        --- sum
        //| test sum
        assert_eq!(one() + two(), 3);
    ",
    );
    case.export();
    case
}

/// As a notebook editor saves: a file beside it, then a rename.
fn save(case: &Case, text: &str) {
    case.write("notebooks/.saving", text);
    fs::rename(case.path("notebooks/.saving"), case.path(NOTEBOOK)).unwrap();
}

#[test]
fn a_folder_that_is_replaced_is_watched_on() {
    let case = exported();
    let watch = start(&case, "");
    let text = case.read(NOTEBOOK);
    for number in ["3", "4"] {
        // As git does it: the old folder goes, the new one comes.
        fs::remove_dir_all(case.path("notebooks")).unwrap();
        case.write(NOTEBOOK, text.replace("{ 1 }", &format!("{{ {number} }}")));
        watch.says("notebooks/00_demo.ipynb → exp/src/nb_00.rs");
        assert!(case.read(MODULE).contains(&format!("{{ {number} }}")));
        save(&case, &text.replace("{ 1 }", &format!("{{ {number} + 0 }}")));
        watch.says("notebooks/00_demo.ipynb → exp/src/nb_00.rs");
        assert!(case.read(MODULE).contains(&format!("{{ {number} + 0 }}")));
    }
    // One folder in another one's place, by renames alone.
    case.write("other/00_demo.ipynb", text.replace("{ 1 }", "{ 5 }"));
    fs::rename(case.path("notebooks"), case.path("away")).unwrap();
    fs::rename(case.path("other"), case.path("notebooks")).unwrap();
    watch.says("notebooks/00_demo.ipynb → exp/src/nb_00.rs");
    save(&case, &text.replace("{ 1 }", "{ 6 }"));
    watch.says("notebooks/00_demo.ipynb → exp/src/nb_00.rs");
    assert!(case.read(MODULE).contains("{ 6 }"));
}

#[test]
fn a_folder_of_notebooks_that_is_new_is_exported() {
    let case = exported();
    let watch = start(&case, "");
    let text = case.read(NOTEBOOK).replace("//| export", "//| export deep");
    case.write("new/01_deep.ipynb", text);
    fs::rename(case.path("new"), case.path("notebooks/new")).unwrap();
    watch.says("notebooks/new/01_deep.ipynb → exp/src/deep.rs");
}

#[test]
fn tests_run_at_the_start_and_again_after_a_sync_and_show_cells() {
    let case = exported();
    let watch = start(&case, "--test");
    watch.says("`cargo test --quiet` passed");
    // An edit that breaks the test, brought in by a sync: the crate has it before watch looks.
    case.replace(MODULE, "u8 { 1 }", "u8 { 4 }");
    let run = case.run("sync");
    assert_eq!(run.code, Some(0), "{run}");
    let said = watch.says("`cargo test --quiet` failed");
    assert!(said.contains("notebooks/00_demo.ipynb:cell 3:2:1"), "{said}");
    assert!(!said.contains("nb_00.rs:"), "{said}");
}

#[test]
fn a_command_that_follows_shows_cells() {
    let case = exported();
    let mut command = case.command("watch --exec");
    let watch = run(command.arg("cargo check --tests; echo exp/src/nb_00.rs:5:1 done"));
    watch.says("passed");
    save(&case, &case.read(NOTEBOOK).replace("{ 1 }", "{ \\\"text\\\" }"));
    let said = watch.says("done");
    assert!(said.contains("--> notebooks/00_demo.ipynb:cell 1:2:22"), "{said}");
    assert!(said.contains("2 | pub fn one() -> u8 { \"text\" }"), "{said}");
    assert!(said.contains("notebooks/00_demo.ipynb:cell 1:2:1 done"), "{said}");
}

#[test]
fn a_notebook_that_falls_back_to_what_a_sync_replaced_is_told_and_not_exported() {
    let (case, watch, old) = synced();
    // An editor that had it open saves another cell.
    save(&case, &old.replace("{ 2 }", "{ 3 - 1 }"));
    let said = watch.says("or, to have it as it is, run `nbexport`");
    assert!(said.contains("has fallen back to what it was before a sync or a merge"), "{said}");
    assert!(said.contains("-pub fn one() -> u8 { 0 + 1 }") && said.contains("cell 1:1:1"), "{said}");
    assert!(case.read(MODULE).contains("{ 0 + 1 }"), "the module has what is missing");
    // The person puts it back.
    save(&case, &old.replace("{ 2 }", "{ 3 - 1 }").replace("{ 1 }", "{ 0 + 1 }"));
    watch.says("notebooks/00_demo.ipynb → exp/src/nb_00.rs");
    let module = case.read(MODULE);
    assert!(module.contains("{ 0 + 1 }") && module.contains("{ 3 - 1 }"), "{module}");
}

#[test]
fn a_notebook_that_fell_back_on_purpose_is_exported_by_hand() {
    let (case, watch, old) = synced();
    save(&case, &old);
    watch.says("or, to have it as it is, run `nbexport`");
    case.export();
    save(&case, &old.replace("{ 2 }", "{ 3 - 1 }"));
    watch.says("notebooks/00_demo.ipynb → exp/src/nb_00.rs");
    assert!(case.read(MODULE).contains("{ 3 - 1 }"));
}
