//! `:dep` lines → Cargo.toml.

use insta::assert_snapshot;

use crate::support::{Case, notebook};

const MANIFEST: &str = "\
# The crate of the notebooks.
[package]
name = \"exp\" # short
version = \"0.1.0\"
edition = \"2024\"

[dependencies]
# By hand, and kept.
zebra = { version = \"1\", features = [\"stripes\"] }
anyhow.workspace = true

[features]
slow = []
";

const WORKSPACE: &str = "\
[workspace]
members = [\"exp\"]

[workspace.dependencies]
anyhow = \"1\"

[workspace.metadata.nbexport]
";

/// A project whose manifests hold something already, with one notebook of these cells.
fn case(cells: &str) -> Case {
    Case::of(cells).file("exp/Cargo.toml", MANIFEST).file("Cargo.toml", WORKSPACE)
}

fn manifest(cells: &str) -> String {
    let case = case(cells);
    case.export();
    case.read("exp/Cargo.toml")
}

/// Cargo takes the manifest of a folder as it is.
fn is_loaded_by_cargo(case: &Case, folder: &str) {
    let metadata = std::process::Command::new("cargo")
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(case.path(folder))
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
}

#[test]
fn deps_are_added_and_the_rest_keeps_its_order_and_comments() {
    assert_snapshot!(manifest("
        --- uses
        //| export
        :dep ndarray = { version = \"0.17\", features = [\"serde\", \"rayon\"], default-features = false }
        :dep fastrand = \"2\"
        :dep log
        pub fn f() {}
    "), @r#"
    # The crate of the notebooks.
    [package]
    name = "exp" # short
    version = "0.1.0"
    edition = "2024"

    [dependencies]
    # By hand, and kept.
    zebra = { version = "1", features = ["stripes"] }
    anyhow.workspace = true
    fastrand = "2" # nbexport
    log = "*" # nbexport
    ndarray = { version = "0.17", default-features = false, features = ["rayon", "serde"] } # nbexport

    [features]
    slow = []
    "#);
}

#[test]
fn the_line_stays_in_the_module_as_a_comment() {
    assert_snapshot!(case("
        --- uses
        //| export
        :dep fastrand = \"2\"
        pub fn f() {}
        --- checks
        //| test checks
        :dep serde_json = \"1\"
        assert!(true);
    ").module(), @r#"
    // %% 00_demo.ipynb uses f4668010
    //| export
    // :dep fastrand = "2"
    pub fn f() {}

    // %% 00_demo.ipynb tests a8d0336c
    #[cfg(test)]
    #[allow(unused, clippy::items_after_statements)]
    mod tests {
        use super::*;

        // %% 00_demo.ipynb checks c02a9676
        #[test]
        fn checks() {
            //| test checks
            // :dep serde_json = "1"
            assert!(true);
        }
    }
    "#);
}

#[test]
fn what_only_tests_ask_for_is_a_dev_dependency() {
    assert_snapshot!(manifest("
        --- uses
        //| export
        :dep fastrand = \"2\"
        pub fn f() {}
        --- ready
        //| setup
        :dep serde_json = \"1\"
        let x = 1;
        --- checks
        //| test checks
        :dep fastrand = \"2\"
        :dep zebra = { version = \"1\", features = [\"stripes\"] }
        assert_eq!(x, 1);
        --- explore
        :dep plotters = \"0.3\"
        --- quiet
        //| eval: false
        :dep image = \"0.25\"
    "), @r#"
    # The crate of the notebooks.
    [package]
    name = "exp" # short
    version = "0.1.0"
    edition = "2024"

    [dependencies]
    # By hand, and kept.
    zebra = { version = "1", features = ["stripes"] }
    anyhow.workspace = true
    fastrand = "2" # nbexport

    [features]
    slow = []

    [dev-dependencies]
    serde_json = "1" # nbexport
    "#);
}

#[test]
fn features_of_several_cells_unite() {
    let case = case(
        "
        --- one
        //| export
        :dep ndarray = { version = \"0.17\", features = [\"serde\"] }
        pub fn one() {}
    ",
    )
    .notebook(
        "01_more",
        "
        --- two
        //| export
        :dep ndarray = { version = \"0.17\", features = [\"rayon\", \"serde\"] }
        pub fn two() {}
    ",
    );
    case.export();
    let both = case.read("exp/Cargo.toml");
    assert!(
        both.contains("ndarray = { version = \"0.17\", features = [\"rayon\", \"serde\"] } # nbexport"),
        "{both}"
    );
}

#[test]
fn a_path_is_seen_from_the_crate_and_the_crate_itself_is_left_out() {
    let case = Case::of(
        "
        --- uses
        //| export
        :dep geo = { path = \"../libs/geo\" }
        :dep exp = { path = \"../exp\" }
        pub fn f() {}
    ",
    )
    .notebook(
        "deep/01_more",
        "
        --- more
        //| export
        :dep geo = { path = \"../../libs/geo\" }
        :dep exp = { path = \"../../exp\" }
        pub fn g() {}
    ",
    );
    case.export();
    assert_snapshot!(case.read("exp/Cargo.toml"), @r#"
    [package]
    name = "exp"
    version = "0.1.0"
    edition = "2024"

    [dependencies]
    geo = { path = "../libs/geo" } # nbexport
    "#);
}

#[test]
fn what_is_no_longer_asked_for_goes_and_what_a_person_wrote_stays() {
    let with = "
        --- uses
        //| export
        :dep fastrand = \"2\"
        :dep zebra = { version = \"1\", features = [\"stripes\"] }
        pub fn f() {}
        --- checks
        //| test checks
        :dep serde_json = \"1\"
        assert!(true);
    ";
    let case = case(with);
    case.export();
    assert!(case.read("exp/Cargo.toml").contains("serde_json"));
    case.write(
        "notebooks/00_demo.ipynb",
        notebook(
            "
        --- uses
        //| export
        pub fn f() {}
    ",
        ),
    );
    case.export();
    assert_snapshot!(case.read("exp/Cargo.toml"), @r#"
    # The crate of the notebooks.
    [package]
    name = "exp" # short
    version = "0.1.0"
    edition = "2024"

    [dependencies]
    # By hand, and kept.
    zebra = { version = "1", features = ["stripes"] }
    anyhow.workspace = true

    [features]
    slow = []
    "#);
}

#[test]
fn an_inherited_dependency_stays_inherited() {
    assert_eq!(
        manifest(
            "
            --- uses
            //| export
            :dep anyhow = \"1\"
            pub fn f() {}
        "
        ),
        MANIFEST
    );
}

#[test]
fn a_changed_requirement_changes_its_entry() {
    let text = |version: &str| {
        format!(
            "
        --- uses
        //| export
        :dep fastrand = \"{version}\"
        pub fn f() {{}}
    "
        )
    };
    let case = case(&text("2"));
    case.export();
    case.write("notebooks/00_demo.ipynb", notebook(&text("2.3")));
    assert_snapshot!(case.export(), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb → exp/src/nb_00.rs: 1 cell, 0 tests, exported
    exp/Cargo.toml updated
    ");
    assert!(case.read("exp/Cargo.toml").contains("fastrand = \"2.3\" # nbexport\n"));
}

#[test]
fn different_versions_in_two_notebooks_name_both_cells() {
    let text = |version: &str| {
        format!(
            "
        --- rand_{version}
        //| export
        :dep fastrand = \"{version}\"
        pub fn f() {{}}
    "
        )
    };
    let case = Case::of(&text("1")).notebook("01_more", &text("2"));
    assert_snapshot!(case.run(""), @r#"
    exit status 1
    --- stdout
    notebooks/00_demo.ipynb → exp/src/nb_00.rs: 1 cell, 0 tests, exported
    notebooks/01_more.ipynb: not exported, 1 error
    exp/Cargo.toml updated
    exp/src/lib.rs updated
    --- stderr
    error: two cells ask for different versions of `fastrand`
     --> notebooks/01_more.ipynb:cell 1:2:1
      |
    2 | :dep fastrand = "2"
      | ^^^^^^^^^^^^^^^^^^^ asks for another one
      |
     ::: notebooks/00_demo.ipynb:cell 1:2:1
      |
    2 | :dep fastrand = "1"
      | ------------------- asked for first
      |
      = note: this is the cell with id `rand_2`
      = help: a crate has one version in Cargo.toml: write the same requirement in both cells
    "#);
    assert!(case.read("exp/Cargo.toml").contains("fastrand = \"1\""));
}

#[test]
fn a_requirement_that_contradicts_what_a_person_wrote() {
    let case = case(
        "
        --- uses
        //| export
        :dep zebra = \"2\"
        :dep anyhow = \"0.9\"
        pub fn f() {}
    ",
    );
    assert_snapshot!(case.refuses(2), @r#"
    error: `anyhow` is asked for differently here and in the workspace's Cargo.toml
     --> notebooks/00_demo.ipynb:cell 1:3:1
      |
    3 | :dep anyhow = "0.9"
      | ^^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `uses`
      = note: the workspace's Cargo.toml says `anyhow = "1"`
      = help: that entry was written by hand and is kept: write the same requirement in both places

    error: `zebra` is asked for differently here and in `exp/Cargo.toml`
     --> notebooks/00_demo.ipynb:cell 1:2:1
      |
    2 | :dep zebra = "2"
      | ^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `uses`
      = note: `exp/Cargo.toml` says `zebra = { version = "1", features = ["stripes"] }`
      = help: that entry was written by hand and is kept: write the same requirement in both places
    "#);
}

#[test]
fn an_absolute_path() {
    assert_snapshot!(case("
        --- uses
        //| export
        :dep geo = { path = \"/home/me/geo\" }
        pub fn f() {}
    ").refuses(1), @r#"
    error: the path of `geo` is absolute, so it holds on one machine only
     --> notebooks/00_demo.ipynb:cell 1:2:1
      |
    2 | :dep geo = { path = "/home/me/geo" }
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `uses`
      = help: write it relative to the notebook's folder: `path = "../geo"`
    "#);
}

#[test]
fn a_dep_line_that_is_no_dependency() {
    assert_snapshot!(case("
        --- one
        //| export
        :dep fastrand = 2
        pub fn f() {}
        --- two
        //| export
        :dep fastrand = { version = \"2\"
        pub fn g() {}
    ").refuses(1), @r#"
    error: this `:dep` line is no dependency
     --> notebooks/00_demo.ipynb:cell 1:2:1
      |
    2 | :dep fastrand = 2
      | ^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `one`
      = help: write it as in Cargo.toml: `:dep ndarray = "0.17"` or `:dep x = { version = "1", features = ["y"] }`

    error: this `:dep` line does not parse: unclosed inline table, expected `}`
     --> notebooks/00_demo.ipynb:cell 2:2:1
      |
    2 | :dep fastrand = { version = "2"
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = note: this is the cell with id `two`
      = help: write it as in Cargo.toml: `:dep ndarray = "0.17"` or `:dep x = { version = "1", features = ["y"] }`
    "#);
}

#[test]
fn a_crate_that_only_an_unmarked_cell_asks_for_gets_a_hint() {
    let case = case(
        "
        --- explore
        :dep fastrand = \"2\"
        --- uses
        //| export
        use fastrand::Rng;
        pub fn rng() -> Rng { Rng::new() }
    ",
    );
    assert_snapshot!(case.run(""), @r#"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb → exp/src/nb_00.rs: 1 cell, 0 tests, exported
    exp/src/lib.rs updated
    --- stderr
    warning: an exported cell uses `fastrand`, which only an unmarked cell asks for
     --> notebooks/00_demo.ipynb:cell 2:2:15
      |
    2 | use fastrand::Rng;
      |               ^^^
      |
     ::: notebooks/00_demo.ipynb:cell 1:1:1
      |
    1 | :dep fastrand = "2"
      | ------------------- this line does not reach Cargo.toml
      |
      = note: this is the cell with id `uses`
      = help: move the `:dep` line into an exported cell
    "#);
}

#[test]
fn a_manifest_that_does_not_parse() {
    let cells = "
        --- f
        //| export
        pub fn f() {}
    ";
    assert_snapshot!(Case::of(cells).file("exp/Cargo.toml", "[package\n").refuses_file(2), @"
    error: `exp/Cargo.toml` does not parse: unclosed table, expected `]`
     |
     = help: `cargo metadata` shows what is wrong with it
    ");
    assert_snapshot!(Case::of(cells).file("exp/Cargo.toml", "[dependencies]\n").refuses_file(2), @"
    error: `exp/Cargo.toml` names no package
     |
     = help: `cargo metadata` shows what is wrong with it
    ");
}

#[test]
fn what_cargo_would_not_load_is_refused_at_its_cell() {
    for (line, why) in [
        ("x = \"not a version\"", "`not a version` is no version requirement"),
        ("x = \"\"", "is no version requirement"),
        ("x = {}", "it does not say where `x` comes from"),
        ("a.b = \"1\"", "it does not say where `a` comes from"),
        ("x = { version = \"1\", optional = 1 }", "its `optional` is neither"),
        ("x = { git = \"https://x.y/z\", path = \"../z\" }", "either in a git repository or in a folder"),
        ("x = { git = \"https://x.y/z\", tag = \"a\", rev = \"b\" }", "both `tag` and `rev`"),
        ("x = { version = \"1\", workspace = true }", "`version` cannot stand beside it"),
        ("x = { workspace = false }", "can only be `true`"),
        ("x = { workspace = true }", "the workspace has no dependency `x` to inherit"),
        ("\"1x\" = \"1\"", "is no name of a crate"),
        ("x = { package = \"\", version = \"1\" }", "`` is no name of a crate"),
        ("x = { git = \"not a url\" }", "its `git` is no URL: `not a url`"),
        ("x = { version = \"1\", registry = \"nope\" }", "has no registry `nope`"),
        ("x = { version = \"1\", artifact = \"bin\" }", "`artifact` is not stable in cargo"),
    ] {
        let said = case(&format!(
            "
            --- f
            //| export
            :dep {line}
            pub fn f() {{}}
            "
        ))
        .refuses(1);
        assert!(said.contains(why), "{line}: {said}");
    }
}

#[test]
fn a_registry_that_cargo_is_told_of() {
    let case = case(
        "
        --- f
        //| export
        :dep x = { version = \"1\", registry = \"mine\" }
        pub fn f() {}
        ",
    );
    case.refuses(1);
    case.write(".cargo/config.toml", "[registries.mine]\nindex = \"sparse+https://example.org/index/\"\n");
    case.export();
    let manifest = case.read("exp/Cargo.toml");
    assert!(manifest.contains("x = { version = \"1\", registry = \"mine\" } # nbexport"), "{manifest}");
    is_loaded_by_cargo(&case, "exp");
}

#[test]
fn what_the_workspace_has_is_inherited() {
    let case = case(
        "
        --- f
        //| export
        :dep fastrand = { workspace = true }
        pub fn f() {}
        ",
    );
    case.replace("Cargo.toml", "anyhow = \"1\"", "anyhow = \"1\"\nfastrand = \"2\"");
    case.export();
    assert!(case.read("exp/Cargo.toml").contains("fastrand = { workspace = true } # nbexport"));
    case.replace("exp/Cargo.toml", "fastrand = { workspace = true } # nbexport", "fastrand.workspace = true");
    case.export();
}

#[test]
fn dependencies_in_one_line_are_found() {
    let package = "[package]\nname = \"exp\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    for before in ["dependencies = {}\n\n", "dependencies = { fastrand = \"2\" }\n\n"] {
        let case = case(
            "
            --- f
            //| export
            :dep once_cell = \"1\"
            pub fn f() {}
            ",
        )
        .file("exp/Cargo.toml", &format!("{before}{package}"));
        case.export();
        let manifest = case.read("exp/Cargo.toml");
        assert!(manifest.contains("once_cell = \"1\" # nbexport"), "{manifest}");
        assert_eq!(before.contains("fastrand"), manifest.contains("fastrand = \"2\""), "{manifest}");
        is_loaded_by_cargo(&case, ".");
        case.export();
    }
}

#[test]
fn a_folder_in_place_of_a_name() {
    let case = Case::of(
        "
        --- asks
        //| export
        :dep ../thing
        pub fn four() -> i32 { 2 * thing::two() }
        --- uses
        assert_eq!(four(), 4);
        ",
    );
    case.write("thing/Cargo.toml", "[package]\nname = \"thing\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    case.write("thing/src/lib.rs", "pub fn two() -> i32 { 2 }\n");
    let run = case.run("export");
    assert_eq!(run.code, Some(0), "{run}");
    let manifest = case.read("exp/Cargo.toml");
    assert!(manifest.contains("thing = { path = \"../thing\" } # nbexport"), "{manifest}");
    let run = case.run("test");
    assert!(run.to_string().contains("2 cells passed"), "{run}");
    case.replace("notebooks/00_demo.ipynb", "../thing", "../nothing");
    let run = case.run("export");
    assert!(run.code == Some(1) && run.to_string().contains("there is no package in `../nothing`"), "{run}");
}
