//! `--format github`: what is wrong, at the lines where GitHub shows it.

use crate::support::Case;

/// The commands for GitHub's runner in what was printed.
fn annotations(stdout: &str) -> Vec<&str> {
    stdout.lines().filter(|line| line.starts_with("::")).collect()
}

#[test]
fn an_error_is_annotated_at_the_notebooks_line_and_told_to_a_person_as_ever() {
    let case = Case::of("--- fine\nlet a: i32 = 1;\n--- bad\n//| export\nlet x = 1;\n");
    let as_ever = case.run("--check");
    let run = case.run("--check --format github");
    assert_eq!((run.code, &run.stderr), (as_ever.code, &as_ever.stderr), "{run}");
    let [annotation] = annotations(&run.stdout)[..] else { panic!("{run}") };
    let text = case.read("notebooks/00_demo.ipynb");
    let line = 1 + text.lines().position(|line| line.contains("let x = 1;")).unwrap();
    let begins = format!(
        "::error file=notebooks/00_demo.ipynb,line={line},title=notebooks/00_demo.ipynb%3Acell 2%3A2%3A1%3A "
    );
    assert!(annotation.starts_with(&begins), "{annotation}\n{begins}");
    assert!(annotation.contains("::error: ") && annotation.contains("%0A"), "{annotation}");
}

#[test]
fn what_stands_in_a_title_cannot_end_it() {
    let case = Case::of("--- a\nassert!(1 > 2, \"100%, a: b\\n::error::forged\");");
    let run = case.run("test --format github");
    assert_eq!(run.code, Some(1), "{run}");
    let [annotation] = annotations(&run.stdout)[..] else { panic!("{run}") };
    assert!(annotation.contains("100%25%2C a%3A b"), "{annotation}");
}

#[test]
fn a_folder_below_the_repository_is_part_of_the_files_name() {
    let case = Case::of("--- a\nassert!(false);");
    let parent = case.path("..").canonicalize().unwrap();
    let mut command = case.command("test --format github");
    let run = case.told(&command.env("GITHUB_WORKSPACE", &parent).output().unwrap());
    let root = case.path("").canonicalize().unwrap();
    let folder = root.file_name().unwrap().to_string_lossy().into_owned();
    assert!(run.stdout.contains(&format!("file={folder}/notebooks/00_demo.ipynb,line=")), "{run}");
}
