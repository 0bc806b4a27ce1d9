//! What is meant to break a module, or the program that makes it: names, titles, nesting without end, numbers without end.

use crate::support::{Case, notebook};

/// Exports, checks that rustc takes the crate, and gives the module.
fn compiles(case: &Case) -> String {
    let run = case.run("");
    assert_eq!(run.code, Some(0), "{run}");
    let check = case.run("cargo check -q");
    assert_eq!(check.code, Some(0), "{check}");
    case.read("exp/src/nb_00.rs")
}

/// What is said of a notebook that is not exported.
fn refused(case: &Case, code: i32) -> String {
    case.refuses(code)
}

const ITEM: &str = "
    --- f
    //| export
    pub fn f() {}
";

#[cfg(unix)]
#[test]
fn a_line_break_in_a_path_is_no_line_of_the_module() {
    for name in [
        "notebooks/00_a\npub fn evil() {}\n.ipynb",
        "notebooks/a\nb/00_demo.ipynb",
        "notebooks/00_\u{202e}a.ipynb",
    ] {
        let case = Case::new().file(name, &notebook(ITEM));
        let said = refused(&case, 1);
        assert!(said.lines().all(|line| line != "pub fn evil() {}"), "{said}");
        assert!(said.contains("cannot be written into a module"), "{said}");
        assert!(said.contains("rename the notebook or its folder"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn a_line_break_in_a_path_is_no_line_of_a_program_and_none_of_what_is_told() {
    needs!("rustfmt");
    let name = "notebooks/00_a\nevil();.ipynb";
    let case =
        Case::new().file(name, &notebook("--- a\nassert_eq!(1 + 1, 2);\n--- b\nlet  unformatted  = 1;\n"));
    for command in ["test", "run --native", "fmt"] {
        let run = case.run(command);
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stdout.contains("notebooks/00_a␊evil();.ipynb: "), "{run}");
    }
}

#[test]
fn a_title_stays_one_line_of_docs() {
    for title in ["a\\rpub fn evil() {}", "a\\u2028b", "a */ b", "a\\u202eb", "a\\u0007b"] {
        let text = notebook(
            "
            --- title markdown
            # TITLE
            --- f
            //| export
            pub fn f() {}
        ",
        );
        let case = Case::new().file("notebooks/00_demo.ipynb", &text.replace("TITLE", title));
        let module = compiles(&case);
        let docs: Vec<&str> = module.lines().filter(|line| line.starts_with("//!")).collect();
        assert_eq!(docs.len(), 1, "{module}");
        assert!(!docs[0].contains(['\r', '\u{2028}', '\u{202e}', '\u{7}']), "{docs:?}");
        assert!(case.run("--check").code == Some(0) && case.run("sync").code == Some(0));
    }
}

#[test]
fn a_module_that_rustc_would_not_find_is_refused() {
    for (text, suggestion) in
        [("//| export é", "`e` say"), ("//| default_exp größe", "`groesse` say"), ("//| bin ñ", "`n` say")]
    {
        let case = Case::of(&format!(
            "
            --- f
            {text}
            pub fn f() {{}}
        "
        ));
        let said = refused(&case, 1);
        assert!(said.contains("E0754") && said.contains(suggestion), "{said}");
    }
    let said = refused(&Case::new().notebook("größe", ITEM), 1);
    assert!(said.contains("E0754") && said.contains("//| default_exp nb_groesse"), "{said}");
}

/// The text of a cell with something that is nested.
fn nested(open: &str, close: &str, levels: usize) -> String {
    let value = format!("{}1{}", open.repeat(levels), close.repeat(levels));
    if open.contains("Fn") || open.contains('<') {
        return format!("pub type T = {}u8{};", open.repeat(levels), close.repeat(levels));
    }
    format!("pub fn f() {{ let x = {value}; }}")
}

const NESTS: [(&str, &str); 7] = [
    ("(", ")"),
    ("{", "}"),
    ("Box<dyn Fn(", ")>"),
    ("Option<", ">"),
    ("-", ""),
    ("|x, y| ", ""),
    ("1 + ", ""),
];

#[test]
fn code_nested_as_deeply_as_rustc_takes_is_exported() {
    for (open, close) in NESTS {
        let case = Case::of(&format!(
            "
            --- f
            //| export
            {}
        ",
            nested(open, close, 200)
        ));
        case.export();
    }
}

#[test]
fn code_nested_without_end_is_refused_at_its_cell() {
    for (open, close) in NESTS {
        for levels in [2_000, 50_000] {
            let text = nested(open, close, levels);
            let case = Case::of(&format!(
                "
                --- f
                //| export
                {text}
            "
            ));
            let run = case.run("");
            assert!(run.code == Some(1) || run.code == Some(0) && levels == 2_000, "{open}: {:?}", run.code);
            if run.code == Some(1) {
                assert!(run.stderr.contains("nested too deeply"), "{open}");
                assert!(run.stderr.contains("the cell with id `f`"), "{open}");
            }
            for command in ["sync", "clean", "migrate"] {
                let run = case.run(command);
                assert!(run.code.is_some(), "{command} of {open}");
            }
        }
    }
}

#[test]
fn a_line_that_may_be_a_command_is_not_parsed_without_end() {
    let case = Case::of(&format!(
        "
        --- f
        //| test
        !{}1{}
    ",
        "(".repeat(50_000),
        ")".repeat(50_000)
    ));
    assert!(case.run("").code.is_some());
}

#[test]
fn a_number_without_end_is_refused_at_its_cell() {
    for number in ["9".repeat(100_000), format!("0b{}", "1".repeat(100_000))] {
        let case = Case::of(&format!(
            "
            --- f
            //| test
            assert_eq!({number}, 1);
        "
        ));
        let said = refused(&case, 1);
        assert!(said.contains("more digits than any type of Rust"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_named() {
    use std::os::unix::fs::symlink;
    let place = |what: &str, case: &Case, name: &str| {
        let path = case.path(name);
        let _ = std::fs::remove_file(&path);
        match what {
            "a pipe" => assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success()),
            "a folder" => std::fs::create_dir(&path).unwrap(),
            _ => symlink(path.file_name().unwrap(), &path).unwrap(),
        }
    };
    for what in ["a pipe", "a folder", "a loop"] {
        for name in
            ["notebooks/00_demo.ipynb", "exp/src/nb_00.rs", "exp/src/lib.rs", "exp/Cargo.toml", "Cargo.toml"]
        {
            // A folder may have any name.
            if (what, name) == ("a folder", "notebooks/00_demo.ipynb") {
                continue;
            }
            let case = Case::of(ITEM);
            place(what, &case, name);
            for command in ["", "--check"] {
                let run = case.run(command);
                assert_eq!(run.code, Some(2), "`{command}` with {what} at {name}: {run}");
                let file = name.rsplit('/').next().unwrap();
                assert!(run.stderr.contains(file) || name == "Cargo.toml", "{what} at {name}: {run}");
            }
        }
    }
}
