//! `nbexport sync` over several modules, several notebooks and many edits.

use crate::support::Case;

const NOTEBOOK: &str = "notebooks/00_demo.ipynb";

/// A notebook with a title and two modules, exported.
fn two_modules() -> Case {
    let case = Case::of(
        "
        --- title markdown
        # Demo

        > A summary.
        --- one
        //| export
        pub fn one() -> u8 { 1 }
        --- two
        //| export other
        pub fn two() -> u8 { 2 }
    ",
    );
    case.export();
    case
}

#[test]
fn a_summary_edited_alike_in_two_modules_is_edited_once() {
    let case = two_modules();
    for module in ["exp/src/nb_00.rs", "exp/src/other.rs"] {
        case.replace(module, "//! A summary.", "//! Better.");
    }
    let run = case.run("sync");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    assert!(case.read(NOTEBOOK).contains("\"> Better.\""), "{}", case.read(NOTEBOOK));
    assert_eq!(case.run("--check").code, Some(0));
}

#[test]
fn a_summary_edited_otherwise_in_two_modules_is_a_conflict() {
    let case = two_modules();
    case.replace("exp/src/nb_00.rs", "//! A summary.", "//! Better.");
    case.replace("exp/src/other.rs", "//! A summary.", "//! Best.");
    let before = case.files(".");
    let run = case.run("sync");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(before == case.files("."), "something was written: {run}");
    let said = "the cell `title` was edited in `exp/src/nb_00.rs` and, otherwise, in `exp/src/other.rs`";
    assert!(run.stderr.contains(said) && run.stderr.contains("+//! Best."), "{run}");
}

#[test]
fn a_notebook_that_cannot_be_read_does_not_hold_up_the_others() {
    let case =
        Case::of("--- one\n//| export\npub fn one() {}").notebook("01_more", "--- a\n//| export\nfn a() {}");
    case.export();
    case.write(NOTEBOOK, "{");
    case.replace("exp/src/nb_01.rs", "fn a() {}", "fn a() { /* typed */ }");
    let run = case.run("sync");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("`notebooks/00_demo.ipynb` is cut off"), "{run}");
    assert!(case.read("notebooks/01_more.ipynb").contains("/* typed */"), "{run}");
}

#[test]
fn a_module_that_cannot_be_read_is_work_that_could_not_be_done_and_the_others_are_synced() {
    let case =
        Case::of("--- a\n//| export\npub fn a() {}").notebook("01_more", "--- b\n//| export\npub fn b() {}");
    case.export();
    let before = case.read(NOTEBOOK);
    case.write("exp/src/nb_00.rs", b"// \xff\xfe\n");
    case.replace("exp/src/nb_01.rs", "fn b() {}", "fn b() { /* typed */ }");
    let run = case.run("sync");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("cannot read `exp/src/nb_00.rs`"), "{run}");
    assert!(case.read("notebooks/01_more.ipynb").contains("/* typed */"), "{run}");
    assert_eq!(case.read(NOTEBOOK), before);
}

#[test]
fn many_edits_are_brought_back_at_once() {
    let cells: String = (0..400)
        .map(|at| match at % 3 {
            0 => format!("--- c{at}\n//| export\npub fn f{at}() -> u32 {{ {at} }}\n"),
            1 => format!("--- c{at}\n//| exporti\npub fn f{at}() -> u32 {{ {at} }}\n"),
            _ => format!("--- c{at}\n//| test t{at}\nlet x = {at};\nassert_eq!(x, {at})\n"),
        })
        .collect();
    let case = Case::of(&cells);
    case.export();
    let text = case.read("exp/src/nb_00.rs");
    let edited = text.replace("let x = ", "let x = 0 + ").replace("u32 { ", "u32 { 0 + ");
    case.write("exp/src/nb_00.rs", edited);
    let run = case.run("sync");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    assert_eq!(run.stdout.matches("updated from the module").count(), 400);
    assert_eq!(case.read(NOTEBOOK).matches("0 + ").count(), 400);
    assert!(!case.read(NOTEBOOK).contains("doc(hidden)"));
    assert_eq!(case.run("--check").code, Some(0));
}
