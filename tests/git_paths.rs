//! Git's drivers where paths hold what git or a shell reads as something else.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Case, Run, notebook};

const CELLS: &str = "
    --- f
    //| export
    pub fn f() -> u8 { 1 }
    --- g
    //| export
    pub fn g() -> u8 { 1 }
";

/// A repository, and a copy of nbexport in a folder outside of `PATH`.
struct Repository {
    case: Case,
    program: String,
    _elsewhere: Case,
}

impl Repository {
    fn new(folder: &str) -> Self {
        let case = Case::of(CELLS).file(".gitignore", "/target\n");
        let elsewhere = Case::nothing().file(&format!("{folder}/keep"), "");
        let program = elsewhere.path(folder).join("nbexport").display().to_string();
        // A link to it would be resolved to where it is.
        fs::hard_link(env!("CARGO_BIN_EXE_nbexport"), &program)
            .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_nbexport"), &program).map(|_| ()))
            .unwrap();
        let it = Self { case, program, _elsewhere: elsewhere };
        it.git("init --quiet --initial-branch=main");
        it.git("config user.name Ada");
        it.git("config user.email ada@example.com");
        it
    }

    fn told(&self, program: &str, arguments: &[&str]) -> Run {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
            command.env_remove(name);
        }
        // An nbexport of the surroundings would be called by its name.
        let without = |folder: &std::path::PathBuf| !folder.join("nbexport").is_file();
        let paths = std::env::var_os("PATH").unwrap();
        let paths = std::env::join_paths(std::env::split_paths(&paths).filter(without)).unwrap();
        command
            .args(arguments)
            .current_dir(self.case.path("."))
            .env("PATH", paths)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_EDITOR", "true")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        self.case.told(&command.output().unwrap())
    }

    fn git(&self, arguments: &str) -> Run {
        let run = self.told("git", &arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(run.code, Some(0), "git {arguments}: {run}");
        run
    }

    fn commit(&self) {
        self.git("add --all");
        self.git("commit --quiet --no-verify --message commit");
    }
}

#[cfg(unix)]
#[test]
fn the_drivers_are_called_wherever_nbexport_is_installed() {
    needs!("git");
    let it = Repository::new(r"a %P b%f\c 'd'");
    let install = it.told(&it.program, &["hooks", "install"]);
    assert!(install.code == Some(0) && install.stderr.is_empty(), "{install}");
    it.commit();
    let notebook = "notebooks/00_demo.ipynb";
    it.git("checkout --quiet -b theirs");
    it.case.replace(notebook, "f() -> u8 { 1 }", "f() -> u8 { 2 }");
    it.commit();
    it.git("checkout --quiet main");
    it.case.replace(notebook, "g() -> u8 { 1 }", "g() -> u8 { 3 }");
    it.case.replace(notebook, "\"execution_count\": null", "\"execution_count\": 7");
    let diff = it.git("diff");
    assert!(diff.stdout.contains("cell 2 (g)") && diff.stderr.is_empty(), "{diff}");
    it.commit();
    assert!(!it.git(&format!("show HEAD:{notebook}")).stdout.contains(": 7"), "the filter was not called");
    let merge = it.git("merge --quiet --no-edit theirs");
    assert!(merge.stderr.is_empty(), "{merge}");
    let merged = it.case.read(notebook);
    assert!(merged.contains("{ 2 }") && merged.contains("{ 3 }"), "{merged}");
    let uninstall = it.told(&it.program, &["hooks", "uninstall"]);
    assert!(uninstall.stdout.contains("merge.nbexport.driver") && uninstall.stderr.is_empty(), "{uninstall}");
}

#[cfg(unix)]
#[test]
fn a_notebook_may_be_called_like_an_option() {
    needs!("git");
    let it = Repository::new("bin");
    it.told(&it.program, &["hooks", "install"]);
    for name in ["-q.ipynb", "--out.ipynb", "it's %A $HOME.ipynb"] {
        it.case.write(name, notebook(CELLS));
    }
    it.commit();
    let names = ["-q.ipynb", "--out.ipynb", "it's %A $HOME.ipynb"];
    let edit = |from: &str, to: &str| names.iter().for_each(|name| it.case.replace(name, from, to));
    it.git("checkout --quiet -b theirs");
    edit("f() -> u8 { 1 }", "f() -> u8 { 2 }");
    it.commit();
    it.git("checkout --quiet main");
    edit("f() -> u8 { 1 }", "f() -> u8 { 3 }");
    let diff = it.git("diff");
    for name in names {
        assert!(diff.stdout.contains(name), "{diff}");
    }
    it.commit();
    let merge = it.told("git", &["merge", "--no-edit", "theirs"]);
    assert_eq!(merge.code, Some(1), "{merge}");
    for name in names {
        assert!(merge.stderr.contains(&format!("{name}:cell 1")), "{name}: {merge}");
        assert!(
            Path::new(&it.case.path(name)).is_file() && it.case.read(name).contains("<<<<<<< HEAD"),
            "{name}"
        );
    }
}
