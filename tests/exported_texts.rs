//! Markdown cells that begin with `<!-- export -->`: docs of the module, in both directions, whatever is written in them.

use crate::support::{self, Case};

const DEMO: &str = "
    --- title markdown
    # 00_demo

    > What layers are.
    --- f
    //| export
    /// Doubles.
    pub fn double(x: i32) -> i32 { 2 * x }
    --- how markdown
    <!-- export -->
    ## How

    Twice, by `double`:

    ```
    double 2 = 4
    ```
    --- not markdown
    Only in the notebook.
    --- why markdown
    <!-- export -->
    Since one is not enough.
";

#[test]
fn they_are_docs_of_the_module_in_their_order_above_its_items() {
    let case = Case::of(DEMO);
    case.export();
    let module = case.read("exp/src/nb_00.rs");
    let (docs, items) = module.split_once("// %% 00_demo.ipynb f ").unwrap();
    let docs: Vec<&str> = docs.lines().filter(|line| line.starts_with("//!")).collect();
    assert_eq!(
        docs.join("\n"),
        "//! What layers are.\n//!\n//! ## How\n//!\n//! Twice, by `double`:\n//!\n//! ```text\n//! double 2 = 4\n\
         //! ```\n//!\n//! Since one is not enough."
    );
    assert!(items.contains("pub fn double") && !module.contains("export -->"), "{module}");
    assert!(!module.contains("Only in the notebook"), "{module}");
    assert_eq!(case.run("--check").code, Some(0));

    case.replace("notebooks/00_demo.ipynb", "is not enough", "would do");
    let run = case.run("--check");
    assert!(run.code == Some(1) && run.stdout.contains("+//! Since one would do."), "{run}");
    let run = case.run("clean --check");
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn an_edit_of_their_lines_in_the_module_goes_back_to_their_cells_and_to_nothing_else() {
    let case = Case::of(DEMO);
    case.export();
    let before = case.read("notebooks/00_demo.ipynb");
    case.replace("exp/src/nb_00.rs", "//! Twice, by `double`:", "//! Twice, by [`double`].\n//!\n//! So:");
    case.replace("exp/src/nb_00.rs", "//! double 2 = 4", "//! double 3 = 6");
    case.replace("exp/src/nb_00.rs", "//! Since one is not enough.", "//! One is not enough.");
    case.replace("exp/src/nb_00.rs", "//! What layers are.", "//! What a layer is.");
    let run = case.run("sync");
    assert_eq!(run.code, Some(0), "{run}");
    let expected = before
        .replace("Twice, by `double`:\\n\"", "Twice, by [`double`].\\n\",\n    \"\\n\",\n    \"So:\\n\"")
        .replace("double 2 = 4", "double 3 = 6")
        .replace("Since one is", "One is")
        .replace("What layers are", "What a layer is");
    assert_eq!(case.read("notebooks/00_demo.ipynb"), expected);
    assert_eq!(case.run("--check").code, Some(0));
}

#[test]
fn the_cell_with_the_title_may_be_exported_as_well() {
    let case = Case::of(
        "
        --- title markdown
        <!-- export -->
        # 00_demo

        > A summary,
        > on two lines.

        More of it.
        --- f
        //| export
        pub fn f() {}
        ",
    );
    let docs = "//! A summary,\n//! on two lines.\n//!\n//! More of it.\n";
    case.export();
    assert!(case.read("exp/src/nb_00.rs").contains(docs), "{}", case.read("exp/src/nb_00.rs"));
    case.replace("exp/src/nb_00.rs", "//! on two lines.", "//! on lines.");
    case.replace("exp/src/nb_00.rs", "//! More of it.", "//! More\n//! of it.");
    let run = case.run("sync");
    assert_eq!(run.code, Some(0), "{run}");
    let notebook = case.read("notebooks/00_demo.ipynb");
    assert!(
        notebook.contains("\"> on lines.\\n\"") && notebook.contains("\"More\\n\",\n    \"of it.\""),
        "{notebook}"
    );
}

#[test]
fn a_notebook_of_texts_alone_has_a_module() {
    let case = Case::of("--- a markdown\n<!-- export -->\nHow all of it hangs together.");
    let run = case.run("");
    assert!(run.stdout.contains("exp/src/nb_00.rs: 1 cell, 0 tests, exported"), "{run}");
    assert!(case.read("exp/src/lib.rs").contains("pub mod nb_00;"), "{run}");
}

/// Of two modules the notebook's own has them.
#[test]
fn they_go_to_the_notebooks_own_module() {
    let case = Case::of(
        "
        --- t markdown
        <!-- export -->
        Text.
        --- f
        //| export other
        pub fn f() {}
        --- g
        //| export
        pub fn g() {}
        ",
    );
    case.export();
    assert!(case.read("exp/src/nb_00.rs").contains("//! Text."));
    assert!(!case.read("exp/src/other.rs").contains("Text."));
}

#[test]
fn whatever_is_written_in_them_the_module_compiles_and_no_code_in_them_is_run() {
    let text = "<!-- export -->\n*/ /* \" ' #![no_core] \u{2028} \u{2029} \r bare, \u{202e} turned \u{0} \u{b}\n\
                // %% 00_demo.ipynb f 01234567\n\n    compile_error!(\"indented\");\n    ````\n\n> ```\n> compile_error!(\"quoted\")\n> ```\n\n\
                - ~~~\n  compile_error!(\"listed\")\n  ~~~\n\n\\\n//! a\n/*! b */\n\n```\ncompile_error!(\"open\")";
    let case = Case::of("--- f\n//| export\npub fn f() {}");
    let mut notebook: serde_json::Value =
        serde_json::from_str(&case.read("notebooks/00_demo.ipynb")).unwrap();
    for (at, text) in [text, "<!-- export -->\nLast.\n\n```\nalso code"].into_iter().enumerate() {
        let cell = serde_json::json!({"cell_type": "markdown", "id": format!("text-{at}"), "metadata": {}, "source": text});
        notebook["cells"].as_array_mut().unwrap().push(cell);
    }
    case.write("notebooks/00_demo.ipynb", support::pretty(&notebook));
    case.export();
    assert_eq!(case.run("--check").code, Some(0));
    // A line that stays as it is keeps what docs cannot hold.
    case.replace("exp/src/nb_00.rs", "//! Last.", "//! Last of all.");
    let run = case.run("sync");
    assert_eq!(run.code, Some(0), "{run}");
    let notebook: serde_json::Value = serde_json::from_str(&case.read("notebooks/00_demo.ipynb")).unwrap();
    let source = |at: usize| notebook["cells"][at]["source"].as_str().unwrap().to_owned();
    assert_eq!(
        (source(1), source(2)),
        (text.to_owned(), "<!-- export -->\nLast of all.\n\n```\nalso code".to_owned())
    );
    let run = case.run("cargo test --quiet");
    assert_eq!(run.code, Some(0), "{run}\n{}", case.read("exp/src/nb_00.rs"));
    assert!(!run.stdout.contains("running 1 test"), "{run}");
}

#[test]
fn code_that_says_that_it_is_rust_is_tested_with_the_crate() {
    let case = Case::of(
        "
        --- t markdown
        <!-- export -->
        ```rust
        assert_eq!(exp::nb_00::double(2), 5);
        ```
        --- f
        //| export
        pub fn double(x: i32) -> i32 { 2 * x }
        ",
    );
    case.export();
    let run = case.run("cargo test --quiet --doc");
    assert_ne!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("left: 4"), "{run}");
}
