//! The release and the Action, as far as a shell runs them: the steps of the workflow files themselves, on this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Case, Run};

/// The script of the step of this name in a workflow or an action: the lines after `run: |`.
fn step(file: &str, name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let (_, step) = text.split_once(&format!("- name: {name}\n")).unwrap_or_else(|| panic!("{file}: {name}"));
    let (_, script) = step.split_once("run: |\n").unwrap();
    let indent = script.len() - script.trim_start().len();
    let lines = script
        .lines()
        .take_while(|line| line.trim().is_empty() || line.len() > indent && line[..indent].trim().is_empty());
    lines.map(|line| line.get(indent..).unwrap_or_default().to_owned() + "\n").collect()
}

/// A shell on one of these scripts, as GitHub's runner starts it.
fn shell(case: &Case, script: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(case.path(""));
    command
}

/// The folder of the programs under test, first on PATH.
fn path_with_programs() -> std::ffi::OsString {
    let folder = programs().parent().unwrap().to_owned();
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([folder].into_iter().chain(std::env::split_paths(&rest))).unwrap()
}

fn programs() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_nbexport"))
}

/// The target that `install.sh` asks for here; nothing where there is no release.
fn target() -> Option<&'static str> {
    Some(match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") if cfg!(target_env = "gnu") => "x86_64-unknown-linux-gnu",
        ("linux", "aarch64") if cfg!(target_env = "gnu") => "aarch64-unknown-linux-gnu",
        ("macos", "x86_64") => "x86_64-apple-darwin",
        ("macos", "aarch64") => "aarch64-apple-darwin",
        _ => return None,
    })
}

/// A release of the programs under test, as the workflow packs and sums it, in the folder that the address `file://…` has.
fn released(case: &Case, target: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in ["LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md", "nbexport/README.md"] {
        case.write(file, std::fs::read(root.join(file)).unwrap());
    }
    for name in ["nbexport", "cargo-nbexport"] {
        let to = case.path(&format!("target/{target}/release/{name}"));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(programs().with_file_name(name), to).unwrap();
    }
    let archive = step(".github/workflows/release.yml", "an archive");
    ran(&shell(case, &archive).env("TARGET", target).env("RUNNER_OS", "Linux").output().unwrap());
    let folder = "releases/latest/download";
    std::fs::create_dir_all(case.path(folder)).unwrap();
    std::fs::rename(
        case.path(&format!("nbexport-{target}.tgz")),
        case.path(folder).join(format!("nbexport-{target}.tgz")),
    )
    .unwrap();
    let publish = step(".github/workflows/release.yml", "the release");
    let sums = publish.lines().find(|line| line.contains("sha256sums.txt")).unwrap();
    ran(&shell(case, &format!("cd {folder}; {sums}")).output().unwrap());
}

fn ran(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn install(case: &Case) -> Run {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../install.sh");
    let mut sh = Command::new("sh");
    sh.arg(script)
        .current_dir(case.path(""))
        .env("NBEXPORT_REPOSITORY", format!("file://{}", case.path("").display()))
        .env("NBEXPORT_INSTALL_DIR", case.path("bin"))
        .env_remove("NBEXPORT_VERSION");
    case.told(&sh.output().unwrap())
}

#[test]
fn what_the_release_packs_is_what_the_installer_installs() {
    needs!("curl");
    let Some(target) = target() else { return };
    let case = Case::nothing();
    released(&case, target);
    let run = install(&case);
    let version = case.run("--version").stdout;
    assert!(run.code == Some(0) && run.stdout.contains(version.trim()), "{run}");
    for program in ["nbexport", "cargo-nbexport"] {
        assert_eq!(
            std::fs::read(case.path("bin").join(program)).unwrap(),
            std::fs::read(programs().with_file_name(program)).unwrap()
        );
    }
    // Again, over the one that is there.
    assert_eq!(install(&case).code, Some(0));

    // A byte that is not the release's.
    std::fs::remove_dir_all(case.path("bin")).unwrap();
    let archive = format!("releases/latest/download/nbexport-{target}.tgz");
    let mut bytes = std::fs::read(case.path(&archive)).unwrap();
    bytes.push(0);
    case.write(&archive, bytes);
    let run = install(&case);
    assert!(run.code == Some(1) && run.stderr.contains("its checksum is not the release's"), "{run}");
    assert!(!case.has("bin"));
    std::fs::remove_file(case.path(&archive)).unwrap();
    let run = install(&case);
    assert!(run.code == Some(1) && run.stderr.contains("cannot download it"), "{run}");
}

/// What stands in the summary of a job after the Action, and what it printed.
fn acted(case: &Case) -> (Run, String) {
    let acted = |name: &str| {
        let mut command = shell(case, &step("action.yml", name));
        command
            .env("PATH", path_with_programs())
            .env("ARGUMENTS", "--no-fail-fast")
            .env("GITHUB_WORKSPACE", case.path("").canonicalize().unwrap())
            .env("GITHUB_STEP_SUMMARY", case.path("summary.md"));
        case.told(&command.output().unwrap())
    };
    let prepared = acted("nbexport prepare --check");
    let table = acted("a table of the notebooks");
    assert_eq!(table.code, Some(0), "{table}");
    let summary = case.read("summary.md");
    std::fs::remove_file(case.path("summary.md")).unwrap();
    (prepared, summary)
}

#[test]
fn the_action_annotates_what_is_wrong_and_sums_up_in_a_table() {
    if Command::new("jq").arg("--version").output().is_err() {
        eprintln!("skipped: there is no jq, which GitHub's runners have");
        return;
    }
    let case = Case::of("--- a\n//| export\npub fn one() -> i32 { 1 }\n--- b\nassert_eq!(one(), 1);")
        .notebook("01_bad", "--- a\nassert_eq!(1 + 1, 3);\n--- b\n1 + 1;");
    case.export();
    let (prepared, summary) = acted(&case);
    assert_eq!(prepared.code, Some(1), "{prepared}");
    assert!(prepared.stdout.contains("::error file=notebooks/01_bad.ipynb,line="), "{prepared}");
    assert!(summary.contains("| notebooks/00_demo.ipynb | 2 | 0 | 0 | 0 |\n"), "{summary}");
    assert!(summary.contains("| notebooks/01_bad.ipynb | 0 | 1 | 0 | 1 |\n"), "{summary}");

    case.write("notebooks/01_bad.ipynb", "{");
    let (prepared, summary) = acted(&case);
    assert_eq!(prepared.code, Some(2), "{prepared}");
    assert!(prepared.stdout.contains("::error file=notebooks/01_bad.ipynb,line=1"), "{prepared}");
    assert!(summary.contains("| notebooks/00_demo.ipynb | 2 |"), "{summary}");
}
