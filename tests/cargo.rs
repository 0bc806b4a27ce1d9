//! `nbexport cargo …`: what cargo says of generated files, said of cells.

use std::path::Path;

use nbexport::export;
use nbexport::notebook::Notebook;

use crate::support::Case;

fn case() -> Case {
    Case::new()
        .notebook(
            "00_demo",
            "
            --- title markdown
            # Demo
            --- lib
            //| export
            /// Half of a number.
            ///
            /// ```
            /// assert_eq!(exp::nb_00::half(4), 2);
            /// ```
            pub fn half(n: i32) -> i32 {
                n / 2
            }
            --- test
            //| test half_of_four
            assert_eq!(half(4), 2);
            --- plain
            let n = half(8);
            println!(\"{n}\");
            ",
        )
        .notebook("01_more", "--- one\nlet more = 1;\nassert_eq!(more, 1);\n")
}

#[test]
fn every_line_of_every_exported_module_walks_back_to_its_cell() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../notebooks");
    let mut walked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "ipynb") {
            continue;
        }
        let notebook = Notebook::read(&path, &path.file_name().unwrap().to_string_lossy()).unwrap();
        for module in export::modules(&notebook, "exp").0 {
            assert_eq!(module.text.lines().count(), module.map.len(), "{}", module.path);
            for (index, line) in module.text.lines().enumerate() {
                let Some(origin) = module.map.origin(index + 1) else { continue };
                let cell = &notebook.cells[origin.cell - 1];
                let original = cell.text().lines().nth(origin.line - 1).unwrap();
                if let Some((before, part)) = line.split_once("let mut measured = ") {
                    // Of a line that prints what it measures, a benchmark has what is measured.
                    let column = before.chars().count() + "let mut measured = ".len();
                    let at = column.saturating_add_signed(-origin.shift);
                    let there: String = original.chars().skip(at).collect();
                    assert!(there.starts_with(part.trim_end_matches(';')), "{line:?} is not in {original:?}");
                    continue;
                }
                let shift = usize::try_from(origin.shift).unwrap();
                if let Some(prose) = line.strip_prefix("//! ") {
                    // Of a title or a quote, the module has what stands behind its mark.
                    let there: String = original.chars().skip("//! ".len() - shift).collect();
                    assert!(there == prose || there == prose.replace('`', ""), "{prose}, {original}");
                    continue;
                }
                let own: String = line.chars().skip(shift).collect();
                // An `assert!` that closes a cell may get its `;`.
                let same = original.ends_with(&own)
                    || own.strip_suffix(';').is_some_and(|own| original.starts_with(own));
                assert!(
                    same || own.ends_with("; Ok(())"),
                    "{}:{}: {own:?} is not {original:?}",
                    module.path,
                    index + 1
                );
                walked += 1;
            }
        }
    }
    assert!(walked > 100, "only {walked} lines");
}

#[test]
fn errors_and_warnings_are_shown_at_their_cells() {
    let case = case();
    case.export();
    let run = case.run("cargo check");
    assert_eq!(run.code, Some(0), "{run}");
    case.replace("notebooks/00_demo.ipynb", "    n / 2", "    let unused = n;\\n    n == 2");
    case.replace("notebooks/00_demo.ipynb", "let n = half(8);", "let n: &str = half(8);");
    case.export();
    let run = case.run("cargo check");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(!run.stderr.contains("src/nb_00.rs") && !run.stderr.contains("main.rs"), "{run}");
    assert!(run.stderr.contains("--> notebooks/00_demo.ipynb:cell 2:9:5"), "{run}");
    assert!(run.stderr.contains("\n9 |     n == 2\n"), "{run}");

    let run = case.run("cargo check --message-format json");
    let places: Vec<String> = run
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|event| event["reason"] == "compiler-message" && event["message"]["level"] == "error")
        .filter_map(|event| {
            let span = event["message"]["spans"][0].clone();
            Some(format!("{}:{}", span["file_name"].as_str()?, span["line_start"]))
        })
        .collect();
    assert!(places.contains(&"notebooks/00_demo.ipynb:cell 2:9".to_owned()), "{places:?}\n{run}");
}

#[test]
fn cells_that_are_not_exported_are_checked_too() {
    needs!("cargo-clippy");
    let case = case();
    case.export();
    case.replace("notebooks/01_more.ipynb", "let more = 1;", "let more: u8 = \\\"one\\\";");
    let run = case.run("cargo check");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("--> notebooks/01_more.ipynb:cell 1:1:16"), "{run}");
    case.replace("notebooks/01_more.ipynb", "let more: u8 = \\\"one\\\";", "let more = 1; let idle = 2;");
    let run = case.run("cargo clippy -- -D warnings");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("unused variable: `idle`"), "{run}");
    assert!(run.stderr.contains("--> notebooks/01_more.ipynb:cell 1:1:19"), "{run}");
}

/// The crate has it as a test, a program of the notebook as a cell.
#[test]
fn an_error_of_a_test_cell_is_shown_once() {
    let case = case();
    case.replace(
        "notebooks/00_demo.ipynb",
        "assert_eq!(half(4), 2);\"",
        "let n: &str = half(4);\\nassert_eq!(n, 2);\"",
    );
    case.export();
    let run = case.run("cargo check --tests");
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(run.stderr.matches("--> notebooks/00_demo.ipynb:cell 3:2:15").count(), 1, "{run}");
    assert!(run.stderr.contains("can't compare"), "another error of the cell is not kept back: {run}");
}

#[test]
fn panics_and_the_output_of_tests_name_cells() {
    let case = case();
    case.replace("notebooks/00_demo.ipynb", "assert_eq!(half(4), 2);\"", "assert_eq!(half(4), 3);\"");
    case.replace("notebooks/00_demo.ipynb", "(exp::nb_00::half(4), 2)", "(exp::nb_00::half(4), 5)");
    case.export();
    let run = case.run("cargo test");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.to_string().contains("panicked at notebooks/00_demo.ipynb:cell 3:2:1"), "{run}");
    let run = case.run("cargo test --doc");
    assert!(run.stdout.contains("notebooks/00_demo.ipynb:cell 2:4 - nb_00::half (line 4)"), "{run}");
}

#[test]
fn fixes_are_refused() {
    let run = case().run("cargo clippy --fix");
    assert!(run.code == Some(2) && run.stderr.contains("help: make the changes in the cells"), "{run}");
}
