//! What `cargo install` puts on PATH: `nbexport`, and `cargo nbexport`, which is the same program.

use std::path::Path;
use std::process::Command;

use crate::support::Case;

#[test]
fn cargo_nbexport_is_nbexport() {
    let case = Case::of("--- f\n//| export\npub fn f() {}");
    let programs = Path::new(env!("CARGO_BIN_EXE_cargo-nbexport")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths([programs.to_owned()].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let run = |arguments: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .arg("nbexport")
            .args(arguments)
            .current_dir(case.path(""))
            .env("PATH", &path)
            .env("NO_COLOR", "1");
        case.told(&cargo.output().unwrap())
    };
    assert_eq!(run(&["--version"]).stdout, case.run("--version").stdout);
    let stale = run(&["--check"]);
    assert!(stale.code == Some(1) && stale.stdout.contains("+pub fn f() {}"), "{stale}");
    assert_eq!(run(&["notebooks/00_demo.ipynb"]).code, Some(0));
    assert_eq!(run(&["--check"]).code, Some(0));
}

#[test]
fn both_names_have_completions() {
    let case = Case::nothing();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let own = case.run(&format!("completions {shell}"));
        let cargos = case.run(&format!("completions {shell} --cargo"));
        assert!(own.code == Some(0) && own.stdout.contains("partition"), "{own}");
        assert!(cargos.code == Some(0) && cargos.stdout.contains("cargo-nbexport"), "{cargos}");
        assert!(cargos.stdout.contains("partition"), "{cargos}");
    }
}
