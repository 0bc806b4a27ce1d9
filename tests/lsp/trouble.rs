//! What goes wrong around the language server: it answers, or says why, and nobody's text is touched.

use serde_json::{Value, json};

use super::client::{Client, Speech};
use super::{cells_of, has_rust_analyzer, opened, project};
use crate::support::{Case, notebook};

const SHAPES: &str = "00_shapes";

#[test]
fn a_notebook_without_project_is_understood_and_nothing_is_written_beside_it() {
    if !has_rust_analyzer() {
        return;
    }
    let case = Case::nothing().notebook(
        "alone",
        "
        --- one
        use std::collections::BTreeMap;
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        --- two
        names.insert(\"a\", 1);
        ",
    );
    let before = case.files(".");
    for speech in [Speech::Notebook, Speech::Joined] {
        let mut client = Client::start(&case, speech);
        client.open("alone");
        client.until_answer("textDocument/hover", "alone", "two", "‸names", "names: BTreeMap<&");
        let found = client.ask("textDocument/definition", "alone", "two", "‸names");
        assert_eq!(cells_of(&client, &found), ["alone one: names: BTree"]);
        client.replace("alone", "two", "insert", "insrt");
        client.until_wrong("alone", "two 1:7 no method `insrt`");
        assert!(client.leave());
    }
    assert!(before == case.files("."), "something was written");
}

#[test]
fn places_and_edits_outside_of_a_cell_end_where_it_ends() {
    if !has_rust_analyzer() {
        return;
    }
    for speech in [Speech::Notebook, Speech::Joined] {
        let case = project();
        let mut client = opened(&case, speech, &[SHAPES]);
        let uri = client.uri(SHAPES, "other");
        let far = json!({"line": 999, "character": 999});
        let range = json!({"start": far, "end": far});
        for (method, params) in [
            ("textDocument/hover", json!({"position": far})),
            ("textDocument/completion", json!({"position": {"line": 0, "character": 9999}})),
            ("textDocument/rename", json!({"position": far, "newName": "x"})),
            ("textDocument/codeAction", json!({"range": range, "context": {"diagnostics": []}})),
            ("textDocument/inlayHint", json!({"range": {"start": far, "end": {"line": 0, "character": 0}}})),
            ("textDocument/semanticTokens/range", json!({"range": range})),
        ] {
            let mut params = params;
            params["textDocument"] = json!({"uri": uri});
            // An answer or an error, but one or the other.
            client.request(method, params);
        }
        let hover = client.ask("textDocument/hover", SHAPES, "other", "let ‸twice");
        assert!(hover["contents"]["value"].to_string().contains("let twice: i32"), "{hover}");
        assert_eq!(client.wrong(SHAPES), Vec::<String>::new());
    }
    // An insertion beyond the text is one at its end; of a range that runs backwards, only its beginning counts.
    let case = project();
    let mut client = opened(&case, Speech::Notebook, &[SHAPES]);
    let (start, far) = (json!({"line": 0, "character": 0}), json!({"line": 999, "character": 999}));
    let changes = json!([
        {"range": {"start": far, "end": far}, "text": "\nlet added = twice + 1;"},
        {"range": {"start": far, "end": start}, "text": "\nlet last = added;"},
    ]);
    client.type_raw(SHAPES, "other", &changes);
    let text = format!("{}\nlet added = twice + 1;\nlet last = added;", client.text(SHAPES, "other"));
    client.believe(SHAPES, "other", &text);
    let hover = client.ask("textDocument/hover", SHAPES, "other", "let ‸last");
    assert!(hover["contents"]["value"].to_string().contains("let last: i32"), "{hover}");
    assert_eq!(client.wrong(SHAPES), Vec::<String>::new());
}

#[test]
fn changes_that_come_in_no_order_are_made_as_they_come() {
    if !has_rust_analyzer() {
        return;
    }
    let case = project();
    let mut client = opened(&case, Speech::Notebook, &[SHAPES]);
    // Versions that go back, a cell that nobody opened, one of another notebook, a notebook that is closed.
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}});
    for (notebook, cell, version) in
        [(SHAPES, "nobody", 7), (SHAPES, "use", -3), ("01_more", "use", 1), ("gone", "x", 1)]
    {
        let document = json!({"uri": client.uri(notebook, cell), "version": version});
        let content = json!([{"document": document, "changes": [{"range": range, "text": ""}]}]);
        client.notify(
            "notebookDocument/didChange",
            json!({
                "notebookDocument": {"uri": client.notebook_uri(notebook), "version": version},
                "change": {"cells": {"textContent": content}},
            }),
        );
    }
    // Opened twice, closed twice, and once what never was open.
    client.open(SHAPES);
    for _ in 0..2 {
        client.close("01_more");
        client
            .notify("textDocument/didClose", json!({"textDocument": {"uri": client.uri(SHAPES, "nobody")}}));
    }
    client.replace(SHAPES, "use", "first.area()", "first.aera()");
    client.until_wrong(SHAPES, "use 2:7 no method `aera`");
    client.close(SHAPES);
    client.close(SHAPES);
    client.open(SHAPES);
    client.until_right(SHAPES);
    let hover = client.ask("textDocument/hover", SHAPES, "use", "let ‸first");
    assert!(hover["contents"]["value"].to_string().contains("let first: Square"), "{hover}");
    assert!(client.leave());
}

#[test]
fn a_cell_that_moves_is_seen_where_it_is() {
    if !has_rust_analyzer() {
        return;
    }
    let case = project();
    let mut client = opened(&case, Speech::Notebook, &[SHAPES]);
    // Below its use, a variable is not there yet; back above it, it is.
    client.move_before(SHAPES, "use", None);
    client.until_wrong(SHAPES, "again 2:8 ");
    client.move_before(SHAPES, "use", Some("again"));
    client.until_right(SHAPES);
    let found = client.ask("textDocument/definition", SHAPES, "again", "‸first.side");
    assert_eq!(cells_of(&client, &found), ["00_shapes use: first = Squa"]);
}

#[test]
fn a_manifest_that_is_broken_is_told_at_the_line_that_needs_it() {
    if !has_rust_analyzer() {
        return;
    }
    let case = project();
    let good = case.read("exp/Cargo.toml");
    case.write("exp/Cargo.toml", "[package]\nname = \"exp\"\nversion = \"one\"\nedition = \"2024\"\n");
    let mut client = Client::start(&case, Speech::Notebook);
    client.open("01_more");
    client.until_wrong("01_more", "dep 1:1 cargo cannot use `exp` as this line asks for it");
    // Mended and saved, it is all there.
    case.write("exp/Cargo.toml", &good);
    client.save("01_more");
    client.until_answer("textDocument/hover", "01_more", "use", "let ‸square", "let square: Square");
    client.until_right("01_more");
}

#[test]
fn a_project_that_cannot_be_read_is_told_and_the_notebook_has_its_own_help() {
    let case = project();
    let good = case.read("Cargo.toml");
    case.write("Cargo.toml", good.replace("[workspace]", "[workspace"));
    let mut client = Client::start_with(&case, Speech::Notebook, &["--rust-analyzer", "no-such-program"]);
    client.open(SHAPES);
    client.replace(SHAPES, "test", "//| test", "//| tset");
    client.until_wrong(SHAPES, "test 1:1 unknown directive `tset`");
    assert_eq!(client.messages().matches("Cargo.toml").count(), 1, "{}", client.messages());
    assert!(client.leave());
}

#[test]
fn what_has_run_is_not_doubted() {
    if !has_rust_analyzer() {
        return;
    }
    // rust-analyzer does not follow a function whose type the compiler finds: it misses the method.
    let text = notebook(
        "
        --- deep
        let found = \"a\".nothing();
        --- other
        let b = \"b\".nothing_either();
        ",
    );
    let mut json: Value = serde_json::from_str(&text).unwrap();
    json["cells"][0]["execution_count"] = json!(1);
    let case = project().file("notebooks/02_ran.ipynb", &serde_json::to_string(&json).unwrap());
    let mut client = opened(&case, Speech::Notebook, &["02_ran"]);
    client.until_wrong("02_ran", "other 1:13 no method `nothing_either`");
    let wrong = client.wrong("02_ran");
    assert!(wrong.iter().all(|line| line.starts_with("other ")), "{wrong:?}");
    // Of what is typed now, it is told.
    client.replace("02_ran", "deep", "nothing()", "nothing_now()");
    client.until_wrong("02_ran", "deep 1:17 no method `nothing_now`");
}

/// What rust-analyzer was told, by one that writes it down and passes it on.
#[cfg(unix)]
mod listened {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn listening(case: &Case) -> String {
        let script = "#!/bin/sh\n[ \"$1\" = --version ] && exec rust-analyzer --version\n\
                      exec tee -a \"$(dirname \"$0\")/told\" | rust-analyzer\n";
        case.write("target/listener", script);
        let path = case.path("target/listener");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn told(case: &Case) -> String {
        case.read("target/told")
    }

    #[test]
    fn a_keystroke_sends_the_lines_of_its_cell() {
        if !has_rust_analyzer() {
            return;
        }
        let filler = (0..200).fold(String::new(), |all, at| {
            format!(
                "{all}--- c{at}\nfn f{at}(x: f64) -> f64 {{\n    x + {at}.0\n}}\nlet v{at} = f{at}(1.0);\n"
            )
        });
        let case = project().file("notebooks/02_long.ipynb", &notebook(&filler));
        let mut client = Client::start_with(&case, Speech::Notebook, &["--rust-analyzer", &listening(&case)]);
        client.open("02_long");
        client.at_rest();
        client.ask("textDocument/hover", "02_long", "c100", "let ‸v100");
        let before = told(&case).len();
        client.replace("02_long", "c100", "x + 100.0", "x + 100.05");
        client.ask("textDocument/hover", "02_long", "c100", "let ‸v100");
        let told = told(&case)[before..].to_owned();
        assert!(told.contains("    x + 100.05\\n"), "{told}");
        assert!(told.len() < 800, "{} bytes for a keystroke: {told}", told.len());
    }

    #[test]
    fn of_fifty_notebooks_only_the_open_ones_are_shown() {
        if !has_rust_analyzer() {
            return;
        }
        let mut case = project();
        for at in 10..60 {
            let text = format!(
                "--- all\n//| export\npub fn f{at}(x: f64) -> f64 {{ x }}\n--- use\nlet v = f{at}(1.0);\n"
            );
            case = case.notebook(&format!("{at}_x"), &text);
        }
        case.export();
        let before = case.files(".");
        let mut client = Client::start_with(&case, Speech::Notebook, &["--rust-analyzer", &listening(&case)]);
        for name in ["10_x", "30_x", "59_x"] {
            client.open(name);
        }
        client.at_rest();
        for (name, at) in [("10_x", "‸f10"), ("30_x", "‸f30"), ("59_x", "‸f59")] {
            let found = client.ask("textDocument/definition", name, "use", at);
            assert_eq!(cells_of(&client, &found), [format!("{name} all: {}(x: f64)", &at["‸".len()..])]);
        }
        let shown: Vec<String> = told(&case)
            .split("\"textDocument/didOpen\"")
            .skip(1)
            .map(|rest| rest.split("\"uri\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned())
            .collect();
        let is_open = |uri: &String| ["nb_10", "nb_30", "nb_59"].iter().any(|name| uri.contains(name));
        assert_eq!(shown.iter().find(|uri| !is_open(uri)), None, "{shown:#?}");
        assert!(client.leave());
        assert!(before == case.files("."), "something was written that nobody saved");
    }
}
