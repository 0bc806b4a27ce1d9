//! `lib.rs` belongs to its writer, but for the lines between nbexport's two comments.

use insta::assert_snapshot;

use crate::support::Case;

const ITEM: &str = "
    --- f
    //| export
    pub fn f() {}
";

const BLOCK: &str = "\
// nbexport: begin modules (nbexport keeps these lines)
#[rustfmt::skip]
pub mod nb_00;
// nbexport: end modules
";

fn of(lib: &str) -> Case {
    Case::of(ITEM).file("exp/src/lib.rs", lib)
}

#[test]
fn words_of_a_marker_in_docs_are_no_marker() {
    let docs = "//! // nbexport: begin modules\n//! is a line of this file.\n\nconst A: &str = \"// nbexport: end modules\";\n";
    let case = of(&format!("{docs}\n{BLOCK}\npub fn mine() {{}}\n"));
    case.export();
    assert_eq!(case.read("exp/src/lib.rs"), format!("{docs}\n{BLOCK}\npub fn mine() {{}}\n"));
    let case = of(docs);
    case.export();
    assert_eq!(case.read("exp/src/lib.rs"), format!("{docs}\n{BLOCK}"));
}

#[test]
fn a_line_between_the_markers_that_is_not_nbexports_is_named() {
    let case = of(&BLOCK.replace("pub mod nb_00;\n", "pub mod nb_00;\npub use nb_00::f;\n"));
    assert_snapshot!(case.refuses_file(2), @"
    error: line 4 of `exp/src/lib.rs` stands between nbexport's marker comments and is not its own
     |
     = note: the line is `pub use nb_00::f;`; what stands there is written anew by each export
     = help: move it above `// nbexport: begin modules …` or below `// nbexport: end modules`
    ");
}

#[test]
fn a_module_declared_between_the_markers_stays_as_long_as_its_file() {
    let block = BLOCK.replace("pub mod nb_00;\n", "pub mod mine;\npub mod nb_00;\n");
    let case = of(&block).file("exp/src/mine/mod.rs", "");
    case.export();
    assert!(case.read("exp/src/lib.rs").contains("pub mod mine;\n"));
}

#[test]
fn a_second_block_is_refused() {
    let case = of(&format!("{BLOCK}\n{BLOCK}"));
    assert_snapshot!(case.refuses_file(2), @"
    error: `exp/src/lib.rs` has nbexport's marker comments more than once
     |
     = note: `// nbexport: begin modules …` stands on line 1, 6, `// nbexport: end modules` on line 4, 9
     = help: a merge may leave that: keep one block and run nbexport, which brings it up to date
    ");
    assert_eq!(case.run("--check").code, Some(2));
}

#[test]
fn half_a_block_is_refused() {
    for lib in [
        "// nbexport: begin modules\n",
        "// nbexport: end modules\n",
        "// nbexport: end modules\n// nbexport: begin modules\n",
    ] {
        let said = of(lib).refuses_file(2);
        assert!(said.contains("one of nbexport's two marker comments without the other"), "{said}");
    }
}

#[test]
fn a_library_is_called_by_its_own_name() {
    let case = Case::of(
        "
        --- f
        //| export
        pub fn f() -> u8 { 1 }
        --- g
        //| test
        use mylib::nb_00::f as same;
        assert_eq!(same(), f());
    ",
    );
    case.write(
        "exp/Cargo.toml",
        "[package]\nname = \"exp\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\nname = \"mylib\"\n",
    );
    case.export();
    assert!(case.read("exp/src/lib.rs").contains("extern crate self as mylib;"));
}

#[test]
fn a_module_that_no_notebook_makes_fails_the_check() {
    let case = Case::of(ITEM);
    case.export();
    assert_eq!(case.run("--check").code, Some(0));
    case.write("exp/src/nb_09.rs", case.read("exp/src/nb_00.rs").replace("00_demo", "09_gone"));
    let run = case.run("--check");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("which is gone"), "{run}");
    assert_eq!(case.run("").code, Some(0));
}
