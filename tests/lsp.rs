//! `nbexport lsp` with a scripted client and the real rust-analyzer: what an editor shows in cells, in both ways in which
//! editors speak of notebooks.

mod client;
mod features;
mod trouble;
mod variables;

use std::process::Command;

use serde_json::{Value, json};

use self::client::{Client, Speech};
use crate::support::{Case, kill};

/// Whether rust-analyzer is there. CI installs it, and says so: a test that is left out there would hide a failure.
fn has_rust_analyzer() -> bool {
    let found = Command::new("rust-analyzer").arg("--version").output();
    let found = found.is_ok_and(|output| output.status.success());
    assert!(
        found || std::env::var_os("NBEXPORT_REQUIRE_RUST_ANALYZER").is_none(),
        "there is no rust-analyzer"
    );
    if !found {
        eprintln!("left out: there is no rust-analyzer (`rustup component add rust-analyzer`)");
    }
    found
}

/// Two notebooks: the second uses what the first exports.
fn project() -> Case {
    let case = Case::new();
    let case = case
        .notebook(
            "00_shapes",
            "
            --- title markdown
            # Shapes
            --- square
            //| export
            /// A square.
            pub struct Square {
                pub side: f64,
            }

            impl Square {
                /// Its area.
                pub fn area(&self) -> f64 { self.side * self.side }
            }
            fn private(x: f64) -> f64 { x }
            --- use
            let é = \"𝄞\"; let first = Square { side: private(2.0) };
            first.area()
            --- test
            //| test area_of_two
            assert_eq!(Square { side: 2.0 }.area(), 4.0);
            --- again
            fn double(x: f64) -> f64 { 2.0 * x }
            double(first.side)
            --- other
            fn double(x: i32) -> i32 { x + x }
            let twice: i32 = double(3);
            ",
        )
        .notebook(
            "01_more",
            "
            --- dep
            :dep exp = { path = \"../exp\" }
            use exp::nb_00::Square;
            --- use
            let square = Square { side: 3.0 };
            println!(\"{}\", square.area());
            ",
        );
    case.export();
    case
}

/// An editor that has a notebook open, when rust-analyzer has loaded everything.
fn opened(case: &Case, speech: Speech, notebooks: &[&str]) -> Client {
    let mut client = Client::start(case, speech);
    for notebook in notebooks {
        client.open(notebook);
    }
    client.at_rest();
    client
}

/// Where a place is, for a person: the cell and the text that begins there.
fn cells_of(client: &Client, answer: &Value) -> Vec<String> {
    let all = answer.as_array().cloned().unwrap_or_default();
    all.iter().map(|location| client.show(location)).collect()
}

#[test]
fn a_cell_is_understood_where_it_belongs() {
    if !has_rust_analyzer() {
        return;
    }
    for speech in [Speech::Notebook, Speech::Joined] {
        let case = project();
        let before = case.files(".");
        let mut client = opened(&case, speech, &["00_shapes"]);

        let hover = |client: &mut Client, cell: &str, at: &str| {
            client.ask("textDocument/hover", "00_shapes", cell, at)["contents"]["value"].to_string()
        };
        // An exported cell is a part of the crate, any other one of the notebook's program.
        assert!(hover(&mut client, "square", "pub fn ‸area").contains("exp::nb_00::Square"));
        assert!(hover(&mut client, "use", "let ‸first").contains("let first: Square"));
        assert!(hover(&mut client, "use", "first.‸area").contains("Its area."));
        // A later definition hides an earlier one from there on.
        assert!(hover(&mut client, "again", "‸double(first").contains("fn double(x: f64)"));
        assert!(hover(&mut client, "other", "‸double(3").contains("fn double(x: i32)"));
        // Directives are explained by nbexport.
        assert!(hover(&mut client, "test", "//| t‸est").contains("becomes `#[test] fn NAME()`"));

        let goes = |client: &mut Client, cell: &str, at: &str| {
            let found = client.ask("textDocument/definition", "00_shapes", cell, at);
            cells_of(client, &found)
        };
        assert_eq!(goes(&mut client, "use", "first.‸area"), ["00_shapes square: area(&self)"]);
        assert_eq!(goes(&mut client, "use", "‸private(2.0)"), ["00_shapes square: private(x: f"]);
        assert_eq!(goes(&mut client, "test", "‸Square {"), ["00_shapes square: Square {"]);
        assert_eq!(goes(&mut client, "again", "‸first.side"), ["00_shapes use: first = Squa"]);

        let completed = client.ask("textDocument/completion", "00_shapes", "use", "first.‸area");
        assert!(client::labels(&completed).contains(&"area".to_owned()), "{completed}");
        let directives = client.ask("textDocument/completion", "00_shapes", "square", "//| ex‸port");
        assert!(client::labels(&directives).contains(&"exports".to_owned()), "{directives}");

        assert_eq!(client.wrong("00_shapes"), Vec::<String>::new());
        assert_eq!(client.ever_wrong, Vec::<String>::new(), "while it was loaded");
        drop(client);
        assert!(before == case.files("."), "something was written that nobody saved");
    }
}

#[test]
fn an_exported_cell_is_understood_where_no_notebook_asks_for_the_crate() {
    if !has_rust_analyzer() {
        return;
    }
    let case = Case::of("--- one\n//| export\npub fn celsius(fahrenheit: f64) -> f64 { fahrenheit - 32.0 }");
    case.export();
    let mut client = opened(&case, Speech::Notebook, &["00_demo"]);
    let hover = client.ask("textDocument/hover", "00_demo", "one", "fn ‸celsius");
    assert!(hover["contents"]["value"].to_string().contains("exp::nb_00"), "{hover}");
}

#[test]
fn what_is_wrong_is_said_while_it_is_typed_and_at_its_cell_alone() {
    if !has_rust_analyzer() {
        return;
    }
    for speech in [Speech::Notebook, Speech::Joined] {
        let case = project();
        let mut client = opened(&case, speech, &["00_shapes"]);
        client.replace("00_shapes", "use", "first.area()", "first.aera()");
        client.until_wrong("00_shapes", "use 2:7 no method `aera`");
        client.replace("00_shapes", "use", "first.aera()", "first.area()");
        client.until_right("00_shapes");
        // A cell that is not whole leaves the others as they are.
        client.replace("00_shapes", "again", "2.0 * x }", "2.0 * x");
        client.until_wrong("00_shapes", "again 1:");
        let wrong = client.wrong("00_shapes");
        assert!(wrong.iter().all(|line| line.starts_with("again ")), "{wrong:?}");
        client.replace("00_shapes", "again", "2.0 * x", "2.0 * x }");
        client.replace("00_shapes", "test", "//| test area_of_two", "//| tset area_of_two");
        client.until_wrong("00_shapes", "test 1:1 unknown directive `tset`");
    }
}

#[test]
fn a_rename_changes_all_cells_and_nothing_else_and_goes_back() {
    if !has_rust_analyzer() {
        return;
    }
    for open in [&["00_shapes", "01_more"][..], &["00_shapes"]] {
        let case = project();
        let mut client = opened(&case, Speech::Notebook, open);
        let before = client.texts();
        let edit = client.rename("00_shapes", "square", "pub fn ‸area", "surface");
        client.make(&edit);
        let after = client.texts();
        for (name, text) in &before {
            assert_eq!(after[name], text.replace("area(", "surface("), "{name}");
        }
        let edit = client.rename("00_shapes", "square", "pub fn ‸surface", "area");
        client.make(&edit);
        assert_eq!(client.texts(), before);
    }
}

#[test]
fn a_use_of_a_closed_notebook_is_found_in_its_file() {
    if !has_rust_analyzer() {
        return;
    }
    let case = project();
    let mut client = opened(&case, Speech::Notebook, &["01_more"]);
    let found = client.ask("textDocument/definition", "01_more", "use", "square.‸area");
    let place = &found[0];
    assert!(place["uri"].as_str().unwrap().ends_with("/notebooks/00_shapes.ipynb"), "{found}");
    let line = usize::try_from(place["range"]["start"]["line"].as_u64().unwrap()).unwrap();
    assert!(case.read("notebooks/00_shapes.ipynb").lines().nth(line).unwrap().contains("pub fn area(&self)"));
}

#[test]
fn cells_come_and_go_and_change_places() {
    if !has_rust_analyzer() {
        return;
    }
    let case = project();
    let mut client = opened(&case, Speech::Notebook, &["00_shapes"]);
    client.insert("00_shapes", "new", "again", "let fresh = first.side + missing;");
    client.until_wrong("00_shapes", "new 1:");
    client.replace("00_shapes", "new", "missing", "1.0");
    client.until_right("00_shapes");
    let hover = client.ask("textDocument/hover", "00_shapes", "new", "‸fresh");
    assert!(hover["contents"]["value"].to_string().contains("let fresh: f64"), "{hover}");
    // Below the cell that uses it, a variable is not there yet.
    client.remove("00_shapes", "use");
    client.until_wrong("00_shapes", "new 1:");
    client.insert("00_shapes", "use", "new", "let first = Square { side: private(2.0) };");
    client.until_right("00_shapes");
}

#[test]
fn nothing_that_a_client_sends_ends_the_server() {
    let case = project();
    let mut client = Client::start(&case, Speech::Notebook);
    client.open("00_shapes");
    let uri = client.uri("00_shapes", "use");
    let far = json!({"line": 99, "character": 99});
    for method in
        ["hover", "completion", "definition", "references", "rename", "prepareRename", "signatureHelp"]
    {
        let params = json!({"textDocument": {"uri": uri}, "position": far, "newName": "x", "context": {}});
        client.request(&format!("textDocument/{method}"), params);
    }
    let unknown = json!({"textDocument": {"uri": "untitled:1"}, "position": far});
    client.request("textDocument/hover", unknown.clone());
    client.request("textDocument/nothing", unknown.clone());
    client.request("nothing", json!({}));
    for (method, params) in [
        ("textDocument/didClose", json!({"textDocument": {"uri": "file:///not/open.rs"}})),
        ("notebookDocument/didClose", json!({"notebookDocument": {"uri": "file:///not/open.ipynb"}})),
        ("notebookDocument/didChange", json!({"nonsense": true})),
        (
            "textDocument/didChange",
            json!({"textDocument": {"uri": uri, "version": 9}, "contentChanges": [
                {"range": {"start": far, "end": {"line": 0, "character": 0}}, "text": "x"},
            ]}),
        ),
        (
            "notebookDocument/didChange",
            json!({
                "notebookDocument": {"uri": client.notebook_uri("00_shapes"), "version": 3},
                "change": {"cells": {"structure": {"array": {"start": 70, "deleteCount": 7}}}},
            }),
        ),
        ("$/cancelRequest", json!({"id": 12345})),
    ] {
        client.notify(method, params);
    }
    let hover = client.request("textDocument/hover", json!({"textDocument": {"uri": uri}, "position": far}));
    assert!(hover.get("error").is_none(), "{hover}");
    assert!(client.leave(), "the server ends well");
}

#[test]
fn without_rust_analyzer_the_rest_works_and_the_way_to_it_is_said() {
    needs!("rustfmt");
    let case = project();
    let mut client = Client::start_with(&case, Speech::Notebook, &["--rust-analyzer", "no-such-program"]);
    client.open("00_shapes");
    assert!(client.messages().contains("rustup component add rust-analyzer"), "{}", client.messages());
    client.replace("00_shapes", "test", "//| test", "//| tset");
    client.until_wrong("00_shapes", "test 1:1 unknown directive `tset`");
    let hover = client.ask("textDocument/hover", "00_shapes", "square", "//| ex‸port");
    assert!(hover["contents"]["value"].to_string().contains("MODULE"), "{hover}");
    let edits = client.ask("textDocument/formatting", "00_shapes", "again", "");
    assert!(edits[0]["newText"].as_str().unwrap().contains("{\n    2.0 * x\n}"), "{edits}");
}

#[test]
fn a_line_that_cargo_refuses_is_told_and_the_rest_is_loaded() {
    if !has_rust_analyzer() {
        return;
    }
    let case = project().notebook(
        "02_broken",
        "
        --- deps
        :dep exp = { path = \"../exp\" }
        :dep nowhere = { path = \"../nowhere\" }
        use exp::nb_00::Square;
        let side = Square { side: 1.0 }.side;
        ",
    );
    let mut client = Client::start(&case, Speech::Notebook);
    client.open("02_broken");
    client.until_wrong("02_broken", "deps 2:1 cargo cannot use `nowhere` as this line asks for it");
    client.until_answer("textDocument/hover", "02_broken", "deps", "let ‸side", "let side: f64");
}

#[test]
#[cfg(target_os = "linux")]
fn rust_analyzer_is_started_again_when_it_ends() {
    if !has_rust_analyzer() {
        return;
    }
    let case = project();
    let mut client = opened(&case, Speech::Notebook, &["00_shapes"]);
    let child = client.children();
    kill("KILL", child.trim());
    client.until_answer("textDocument/hover", "00_shapes", "use", "let ‸first", "let first: Square");
    assert_eq!(client.messages().matches("it was started again").count(), 1, "{}", client.messages());
}
