//! The first minutes: `new`, `init`, and where a project is found.

use std::process::Command;

use insta::assert_snapshot;

use crate::support::{Case, Run, notebook};

const CELLS: &str = "
    --- f
    //| export
    pub fn f( ) {}
";

/// A package's Cargo.toml.
fn package(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
}

/// Runs a program in a folder of the case, told nothing by the surroundings.
fn run_in(case: &Case, folder: &str, program: &str, arguments: &str) -> Run {
    let mut command = Command::new(program);
    command.args(arguments.split_whitespace()).current_dir(case.path(folder)).env("NO_COLOR", "1");
    command.env("CARGO_NET_OFFLINE", "true").env("GIT_CONFIG_GLOBAL", "/dev/null");
    case.told(&command.output().unwrap())
}

fn nbexport_in(case: &Case, folder: &str, arguments: &str) -> Run {
    run_in(case, folder, env!("CARGO_BIN_EXE_nbexport"), arguments)
}

fn cargo_in(case: &Case, folder: &str, arguments: &str) {
    let run = run_in(case, folder, env!("CARGO"), arguments);
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn a_new_project_in_a_workspace_is_a_member_of_it() {
    for members in ["[\"a\"]", "[\n    \"a\", # kept\n]", "[\"a\", \"crates/*\"]", "[]"] {
        let case = Case::nothing()
            .file("Cargo.toml", &format!("[workspace]\nresolver = \"3\"\nmembers = {members}\n"));
        if members.contains("\"a\"") {
            case.write("a/Cargo.toml", package("a"));
            case.write("a/src/lib.rs", "");
        }
        let run = case.run("new crates/demo");
        assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
        let manifest = case.read("Cargo.toml");
        assert_eq!(manifest.contains("\"crates/demo\""), !members.contains('*'), "{manifest}");
        assert_eq!(manifest.contains("# kept"), members.contains("# kept"), "{manifest}");
        cargo_in(&case, "crates/demo", "check --tests --quiet");
        assert_eq!(nbexport_in(&case, "crates/demo", "--check").code, Some(0));
        // What is nbexport's own stands where git is told to ignore it.
        assert!(!case.has("crates/demo/target"));
    }
}

#[test]
fn a_package_that_asks_for_notebooks_is_their_crate() {
    let manifest = package("geo") + "[package.metadata.nbexport]\n";
    let case = Case::nothing().file("Cargo.toml", &manifest).file("src/lib.rs", "//! Geo.\n");
    let case = case.notebook("00_a", "--- a\n//| export\npub fn a() {}\n");
    let run = case.run("");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(case.read("src/nb_00.rs").contains("pub fn a() {}"));
}

#[test]
fn a_new_project_is_a_git_repository_and_in_one_it_is_a_part() {
    needs!("git");
    let case = Case::nothing();
    case.run("new demo");
    assert!(case.has("demo/.git") && case.has("demo/.github/workflows/ci.yml"));
    assert_eq!(
        run_in(&case, "demo", "git", "status --porcelain --ignored").stdout.matches("target/").count(),
        1
    );
    let inner = nbexport_in(&case, "demo", "new part");
    assert_eq!(inner.code, Some(0), "{inner}");
    assert!(!case.has("demo/part/.git") && !case.has("demo/part/.github"));
}

#[test]
fn a_new_project_says_how_nbexport_is_installed() {
    let case = Case::nothing();
    case.run("new demo");
    let readme = case.read("demo/README.md");
    let version = env!("CARGO_PKG_VERSION");
    // What is no release cannot be had from the registry.
    let said = if version.contains('-') {
        "cargo install --locked --git URL nbexport"
    } else {
        "cargo install --locked nbexport@"
    };
    assert!(readme.contains(said) && readme.contains(version), "{readme}");
}

#[test]
fn names_that_rust_or_cargo_keep_for_themselves_are_refused() {
    for name in ["test", "core", "std", "alloc", "proc-macro", "build", "größe"] {
        let case = Case::nothing();
        let run = case.run(&format!("new {name}"));
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains("cannot name a crate") && run.stderr.contains("= help: "), "{run}");
        assert!(!case.has(name));
    }
}

/// What the first notebook tells of the second one, done word for word.
#[test]
fn the_second_notebook_begins_as_the_first_one_tells() {
    let case = Case::nothing();
    case.run("new my-demo");
    let first: serde_json::Value =
        serde_json::from_str(&case.read("my-demo/notebooks/00_start.ipynb")).unwrap();
    let last = first["cells"].as_array().unwrap().last().unwrap();
    let told: String = last["source"].as_array().unwrap().iter().filter_map(|line| line.as_str()).collect();
    let cell = told.split("```").nth(1).unwrap().trim();
    case.write(
        "my-demo/notebooks/01_next.ipynb",
        notebook(&format!(
            "--- use\n{cell}\n--- warm\n//| export\npub fn warm() -> bool {{ celsius(99.0) > 30.0 }}\n"
        )),
    );
    let run = nbexport_in(&case, "my-demo", "");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    cargo_in(&case, "my-demo", "check --tests --quiet");
}

#[test]
fn init_adds_what_git_and_a_ci_server_read() {
    let case = Case::nothing()
        .file("Cargo.toml", &package("mine"))
        .file("src/lib.rs", "")
        .file(".gitignore", "target/");
    let run = case.run("init");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    assert_eq!(case.read(".gitignore"), "target/\n.ipynb_checkpoints/\n.evcxr_tmp/\n");
    assert!(case.read(".github/workflows/ci.yml").contains("nbexport --check"));
    assert!(case.read(".gitattributes").contains("*.ipynb"));
}

#[test]
fn init_in_a_member_of_a_workspace_leaves_nothing_that_git_would_see() {
    needs!("git");
    let case = Case::nothing()
        .file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"a\"]\n")
        .file(".gitignore", "/target\n")
        .file("a/Cargo.toml", &package("a"))
        .file("a/src/lib.rs", "");
    run_in(&case, ".", "git", "init --quiet");
    let run = nbexport_in(&case, "a", "init");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    assert!(!case.has("a/target") && !case.has("a/.github") && case.has("target/nbexport/members/a/.lock"));
    assert!(!run_in(&case, ".", "git", "status --porcelain -uall").stdout.contains("target"));
}

/// With git and without it yet, by `init` and by `new`.
#[test]
fn what_nbexport_keeps_in_a_workspace_is_ignored_at_its_root() {
    needs!("git");
    for (command, folder, has_git) in [("init", "a", true), ("init", "a", false), ("new b", ".", true)] {
        let case = Case::nothing()
            .file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"a\"]\n")
            .file("a/Cargo.toml", &package("a"))
            .file("a/src/lib.rs", "");
        if has_git {
            run_in(&case, ".", "git", "init --quiet");
        }
        let run = nbexport_in(&case, folder, command);
        assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
        let name = if folder == "." { "  .gitignore\n" } else { "  ../.gitignore\n" };
        assert!(run.stdout.contains(name), "{run}");
        assert!(!case.has("a/.github") && case.read(".gitignore") == "/target\n");
        run_in(&case, ".", "git", "init --quiet");
        let status = run_in(&case, ".", "git", "status --porcelain -uall").stdout;
        assert!(case.has("target/nbexport") && !status.contains("target"), "{command}: {status}");
    }
}

#[test]
fn init_takes_a_package_that_is_written_on_one_line() {
    let line = "package = { name = \"mine\", version = \"0.1.0\", edition = \"2024\" }\n";
    let case = Case::nothing().file("Cargo.toml", line).file("src/lib.rs", "");
    let run = case.run("init");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    assert_eq!(case.run("--check").code, Some(0));
    cargo_in(&case, ".", "check --quiet");
}

/// Two members, each a project.
fn two_projects() -> Case {
    let configured = |name: &str| package(name) + "[package.metadata.nbexport]\ncrate = \".\"\n";
    Case::nothing()
        .file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"a\", \"b\"]\n")
        .file("a/Cargo.toml", &configured("a"))
        .file("a/src/lib.rs", "")
        .file("a/notebooks/00_a.ipynb", &notebook(CELLS))
        .file("b/Cargo.toml", &configured("b"))
        .file("b/src/lib.rs", "")
        .file("b/notebooks/00_b.ipynb", &notebook(CELLS))
}

#[test]
fn at_the_root_of_a_workspace_its_projects_are_named() {
    assert_snapshot!(two_projects().run(""), @"
    exit status 2
    --- stderr
    error: this workspace holds several projects: `a`, `b`
     |
     = help: run nbexport in one of them (`cd a`), or name its notebooks: `a/notebooks`
    ");
}

#[test]
fn at_the_root_of_a_workspace_its_only_project_is_found() {
    let case = two_projects().file("b/Cargo.toml", &package("b"));
    let run = case.run("");
    assert!(run.code == Some(0) && case.has("a/src/nb_00.rs") && !case.has("b/src/nb_00.rs"), "{run}");
}

/// It names one of the projects, and not a crate that gets the notebooks of all.
#[test]
fn a_crate_that_is_a_project_by_itself_gets_its_own_notebooks() {
    let case = two_projects();
    let run = case.run("--crate a");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(case.has("a/src/nb_00.rs") && !case.has("b/src/nb_00.rs"), "{run}");
    assert!(case.read("a/src/nb_00.rs").contains("from notebooks/00_a.ipynb"));
}

#[test]
fn a_lone_notebook_outside_of_a_project_is_formatted_cleaned_and_migrated() {
    needs!("rustfmt");
    let case = Case::nothing()
        .file("lone.ipynb", &notebook("--- f\npub fn f( ) {}\n--- old\n// export\nfn g() {}\n"));
    case.replace("lone.ipynb", "\"execution_count\": null", "\"execution_count\": 7");
    for (command, what) in
        [("fmt", "pub fn f() {}"), ("clean", "null"), ("migrate", "//| export\\n\",\n    \"fn g")]
    {
        assert_eq!(case.run(&format!("{command} --check lone.ipynb")).code, Some(1), "{command}");
        let run = case.run(&format!("{command} lone.ipynb"));
        assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
        assert!(case.read("lone.ipynb").contains(what), "{command}: {}", case.read("lone.ipynb"));
    }
    assert_eq!(case.files(".").into_keys().collect::<Vec<_>>(), ["lone.ipynb"]);
}

#[test]
fn a_folder_that_is_called_like_a_notebook_is_told() {
    let case = Case::of(CELLS).file("notebooks/01_folder.ipynb/keep", "");
    assert_snapshot!(case.run("notebooks/01_folder.ipynb"), @"
    exit status 2
    --- stderr
    error: `notebooks/01_folder.ipynb` is a folder, and there is no notebook in it
     |
     = help: name a notebook, or a folder of them
    ");
    for command in ["", "--check", "test", "fmt", "clean"] {
        let run = case.run(command);
        let told =
            run.stderr.contains("`notebooks/01_folder.ipynb`") && run.stderr.contains("it is a folder");
        assert!(run.code == Some(2) && told, "{command}: {run}");
    }
    // One with notebooks in it is a folder like others.
    let case = Case::of(CELLS).notebook("01_folder.ipynb/01_b", "--- g\n//| export\npub fn g() {}\n");
    assert!(case.run("").stdout.contains("notebooks/01_folder.ipynb/01_b.ipynb"));
}

#[test]
fn the_crate_is_asked_for_only_where_it_means_something() {
    let case = Case::of(CELLS);
    for command in ["export", "test", "cargo", "sync", "watch"] {
        assert!(case.run(&format!("help {command}")).stdout.contains("--crate"), "{command}");
    }
    for command in
        ["clean", "fmt", "diff", "merge", "hooks", "migrate", "run", "new", "init", "completions", "man"]
    {
        assert!(!case.run(&format!("help {command}")).stdout.contains("--crate"), "{command}");
    }
}

#[test]
fn a_module_that_no_notebook_makes_any_more_is_found_by_the_check() {
    let case = Case::of(CELLS);
    case.export();
    assert_eq!(case.run("--check").code, Some(0));
    std::fs::remove_file(case.path("notebooks/00_demo.ipynb")).unwrap();
    let run = case.run("--check");
    assert!(run.code == Some(1) && run.stderr.contains("delete `exp/src/nb_00.rs`"), "{run}");
    // To export is to do all that can be done of it.
    assert_eq!(case.run("").code, Some(0));
}

#[test]
fn a_module_that_no_notebook_makes_is_found_also_where_the_folder_is_named() {
    let case = Case::of(CELLS).notebook("01_gone", "--- g\n//| export\npub fn g() {}\n");
    case.export();
    std::fs::remove_file(case.path("notebooks/01_gone.ipynb")).unwrap();
    let run = case.run("--check notebooks");
    assert!(run.code == Some(1) && run.stderr.contains("delete `exp/src/nb_01.rs`"), "{run}");
}

#[test]
fn a_library_that_is_not_in_src_is_told() {
    let case = Case::of(CELLS).file("exp/Cargo.toml", &(package("exp") + "[lib]\npath = \"code/root.rs\"\n"));
    let before = case.files("exp");
    let run = case.run("");
    assert!(run.code == Some(2) && run.stderr.contains("has its library in `code/root.rs`"), "{run}");
    assert!(case.files("exp") == before);
    // To run a notebook is to write nothing there.
    let run = case.run("test");
    assert!(run.code == Some(0) && run.stdout.contains("1 cell passed"), "{run}");
}
