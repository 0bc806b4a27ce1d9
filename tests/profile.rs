//! One profile for both engines: what `[…nbexport.profile]` says holds natively, in the kernel, and in the kernel that
//! `nbexport kernel install` makes for JupyterLab.

use serde_json::Value;

use crate::kernel::has_kernel;
use crate::support::{Case, Run};

/// Cells that fail with the checks of evcxr's own profile.
const UNCHECKED: &str = "
    --- assertions
    assert!(!cfg!(debug_assertions), \"debug assertions are on\");
    --- overflow
    let one: u8 = std::hint::black_box(1);
    assert_eq!(one + std::hint::black_box(255), 0);
    ";

fn without_checks(case: Case) -> Case {
    let table =
        "[workspace.metadata.nbexport]\nprofile = { debug-assertions = false, overflow-checks = false }\n";
    case.replace("Cargo.toml", "[workspace.metadata.nbexport]\n", table);
    case
}

fn passes(run: &Run) {
    assert!(run.code == Some(0) && run.stdout.contains("2 cells passed"), "{run}");
}

#[test]
fn both_engines_compile_as_the_project_says() {
    let case = without_checks(Case::of(UNCHECKED));
    passes(&case.run("test"));
    if has_kernel() {
        passes(&case.run("test --kernel"));
    }
}

#[test]
fn by_default_both_engines_check_as_evcxr_does() {
    let case = Case::of(UNCHECKED);
    let run = case.run("test");
    assert!(run.code == Some(1) && run.stderr.contains("debug assertions are on"), "{run}");
    if has_kernel() {
        let run = case.run("test --kernel --no-fail-fast");
        assert!(run.code == Some(1) && run.stderr.contains("debug assertions are on"), "{run}");
        assert!(run.stderr.contains("attempt to add with overflow"), "{run}");
    }
}

/// The environment of the kernelspec below the folder `jupyter`.
fn installed(case: &Case) -> Value {
    serde_json::from_str(&case.read("jupyter/kernels/rust-nbexport/kernel.json")).unwrap()
}

fn kernel(case: &Case, what: &str) -> Run {
    let output = case
        .command(&format!("kernel {what}"))
        .env("JUPYTER_DATA_DIR", case.path("jupyter"))
        .env("XDG_CONFIG_HOME", case.path("config"))
        .env_remove("EVCXR_CONFIG_DIR")
        .output()
        .unwrap();
    case.told(&output)
}

#[test]
fn kernel_install_makes_a_kernel_of_release_code() {
    if !has_kernel() {
        return;
    }
    let case = Case::of(UNCHECKED);
    let run = kernel(&case, "install");
    assert_eq!(run.code, Some(0), "{run}");
    let spec = installed(&case);
    assert_eq!(spec["display_name"], "Rust (nbexport)");
    assert_eq!(spec["language"], "rust");
    assert_eq!(spec["env"]["CARGO_PROFILE_DEV_DEBUG_ASSERTIONS"], "false");
    assert_eq!(spec["env"]["CARGO_PROFILE_DEV_OVERFLOW_CHECKS"], "false");
    // evcxr reads its commands from there: dependencies are kept from kernel to kernel.
    let config = spec["env"]["EVCXR_CONFIG_DIR"].as_str().unwrap();
    assert!(std::fs::read_to_string(format!("{config}/init.evcxr")).unwrap().starts_with(":cache "));

    let mut command = case.command("test --kernel rust-nbexport");
    let output = command.env("JUPYTER_DATA_DIR", case.path("jupyter")).output().unwrap();
    passes(&case.told(&output));

    assert_eq!(kernel(&case, "uninstall").code, Some(0));
    assert!(!case.has("jupyter/kernels/rust-nbexport"));
    assert_eq!(kernel(&case, "uninstall").stdout, "nothing to do\n");
}

#[test]
fn kernel_install_honours_the_project_and_evcxrs_own_configuration() {
    if !has_kernel() {
        return;
    }
    let case = Case::new();
    let table = "[workspace.metadata.nbexport]\nprofile = { overflow-checks = true, opt-level = 1, panic = \"abort\" }\n";
    case.replace("Cargo.toml", "[workspace.metadata.nbexport]\n", table);
    case.write("config/evcxr/init.evcxr", ":efmt {}\n");
    let run = kernel(&case, "install");
    assert!(run.code == Some(0) && run.stdout.contains("evcxr's configuration in"), "{run}");
    let env = installed(&case)["env"].clone();
    assert_eq!(env["CARGO_PROFILE_DEV_OVERFLOW_CHECKS"], "true");
    assert_eq!(env["CARGO_PROFILE_DEV_OPT_LEVEL"], "1");
    assert_eq!(env["CARGO_PROFILE_DEV_PANIC"], Value::Null);
    assert_eq!(env["EVCXR_CONFIG_DIR"], Value::Null);
}

#[test]
fn a_kernelspec_of_somebody_else_stays() {
    if !has_kernel() {
        return;
    }
    let case = Case::new();
    let theirs = "{\"argv\": [\"x\"], \"display_name\": \"Mine\", \"language\": \"rust\"}";
    case.write("jupyter/kernels/rust-nbexport/kernel.json", theirs);
    for what in ["install", "uninstall"] {
        let run = kernel(&case, what);
        assert!(run.code == Some(2) && run.stderr.contains("is not nbexport's"), "{run}");
    }
    assert_eq!(case.read("jupyter/kernels/rust-nbexport/kernel.json"), theirs);
}
