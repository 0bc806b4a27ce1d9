//! An nbexport without the feature `kernel`: what needs a kernel says how to get it, the rest works.

use crate::support::Case;

/// There may be one, but this nbexport does not speak with it.
pub(crate) fn has_kernel() -> bool {
    false
}

#[test]
fn what_needs_the_kernel_says_how_to_get_it() {
    let case = Case::of("--- one\n1 + 1\n");
    let before = case.files(".");
    for command in
        ["test --kernel", "test --both", "run", "run --check", "kernel install", "kernel uninstall"]
    {
        let run = case.run(command);
        assert_eq!(run.code, Some(2), "{command}: {run}");
        assert!(run.stderr.contains("built without `kernel`"), "{command}: {run}");
        assert!(run.stderr.contains("cargo install --path nbexport"), "{command}: {run}");
    }
    assert!(case.files(".") == before, "something was written");
    let native = case.run("run --native");
    assert_eq!(native.code, Some(0), "{native}");
    assert!(case.read("notebooks/00_demo.ipynb").contains("execute_result"));
}
