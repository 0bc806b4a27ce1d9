//! What else an editor asks about cells, each in both ways of speaking. They share a client, as rust-analyzer takes its time to
//! load; the tests that change cells have their own.

use serde_json::{Value, json};

use super::client::{Client, Speech, labels};
use super::{cells_of, has_rust_analyzer, opened, project};

/// The notebook that is asked about.
const SHAPES: &str = "00_shapes";

#[test]
fn what_an_editor_asks_is_answered_about_cells() {
    if !has_rust_analyzer() {
        return;
    }
    for speech in [Speech::Notebook, Speech::Joined] {
        let case = project();
        let mut client = opened(&case, speech, &[SHAPES, "01_more"]);
        references_are_found_in_all_notebooks(&mut client);
        other_ways_to_a_definition(&mut client);
        uses_in_the_same_document_are_highlighted(&mut client);
        signatures_show_while_arguments_are_typed(&mut client);
        symbols_are_those_of_the_cells(&mut client);
        an_item_of_several_lines_can_be_folded(&mut client);
        hints_stand_in_the_cells(&mut client);
        every_token_is_a_word_of_a_cell(&mut client);
        a_completion_is_explained_when_it_is_chosen(&mut client);
    }
}

fn references_are_found_in_all_notebooks(client: &mut Client) {
    let context = json!({"context": {"includeDeclaration": true}});
    for (notebook, cell, at) in [(SHAPES, "square", "pub fn ‸area"), ("01_more", "use", "square.‸area")] {
        let found = client.ask_with("textDocument/references", notebook, cell, at, context.clone());
        let mut found = cells_of(client, &found);
        found.sort();
        let wanted = [
            "00_shapes square: area(&self)",
            "00_shapes test: area(), 4.0)",
            "00_shapes use: area()",
            "01_more use: area());",
        ];
        assert_eq!(found, wanted, "from {notebook}");
    }
}

fn other_ways_to_a_definition(client: &mut Client) {
    let found = client.ask("textDocument/typeDefinition", SHAPES, "use", "let ‸first");
    assert_eq!(cells_of(client, &found), ["00_shapes square: Square {"]);
    let found = client.ask("textDocument/implementation", SHAPES, "square", "struct ‸Square");
    assert_eq!(cells_of(client, &found), ["00_shapes square: Square {"]);
    // A module is the notebook that it is exported from.
    let found = client.ask("textDocument/definition", "01_more", "dep", "exp::‸nb_00");
    assert_eq!(cells_of(client, &found), ["00_shapes square: //| export"]);
    // What is not the project's is a file.
    let found = client.ask("textDocument/definition", "01_more", "use", "‸println");
    assert!(found[0]["uri"].as_str().unwrap().ends_with("/std/src/macros.rs"), "{found}");
}

fn uses_in_the_same_document_are_highlighted(client: &mut Client) {
    let found = client.ask("textDocument/documentHighlight", SHAPES, "use", "let ‸first");
    let mut places: Vec<String> = Vec::new();
    for one in found.as_array().unwrap() {
        let at = |key: &str| one["range"]["start"][key].as_u64().unwrap();
        places.push(client.place(SHAPES, "use", at("line"), at("character")));
    }
    // In joined cells another cell is in the same document.
    for wanted in ["00_shapes use: first = Squa", "00_shapes use: first.area()"] {
        assert!(places.contains(&wanted.to_owned()), "{places:?}");
    }
}

fn signatures_show_while_arguments_are_typed(client: &mut Client) {
    let help = client.ask("textDocument/signatureHelp", SHAPES, "use", "private(‸2.0)");
    assert_eq!(help["signatures"][0]["label"], "fn private(x: f64) -> f64", "{help}");
    assert!(client.capabilities["signatureHelpProvider"]["triggerCharacters"].to_string().contains('('));
}

fn symbols_are_those_of_the_cells(client: &mut Client) {
    let symbols = client.ask("textDocument/documentSymbol", SHAPES, "square", "");
    let mut names = Vec::new();
    let mut open: Vec<&Value> = symbols.as_array().unwrap().iter().rev().collect();
    while let Some(one) = open.pop() {
        let at = |key: &str| one["selectionRange"]["start"][key].as_u64().unwrap();
        let place = client.place(SHAPES, "square", at("line"), at("character"));
        names.push(format!("{} at {place}", one["name"].as_str().unwrap()));
        open.extend(one["children"].as_array().into_iter().flatten());
    }
    for wanted in [
        "Square at 00_shapes square: Square {",
        "side at 00_shapes square: side: f64,",
        "impl Square at 00_shapes square: Square {",
        "area at 00_shapes square: area(&self)",
        "private at 00_shapes square: private(x: f",
    ] {
        assert!(names.iter().any(|name| name == wanted), "{wanted}: {names:#?}");
    }
    assert!(!names.iter().any(|name| name.starts_with("main")), "the frame is nobody's: {names:#?}");
}

fn an_item_of_several_lines_can_be_folded(client: &mut Client) {
    let folds = client.ask("textDocument/foldingRange", SHAPES, "square", "");
    let line = |line: &Value| client.place(SHAPES, "square", line.as_u64().unwrap(), 0);
    let folds: Vec<String> = folds
        .as_array()
        .unwrap()
        .iter()
        .map(|fold| format!("{} … {}", line(&fold["startLine"]), line(&fold["endLine"])))
        .collect();
    for wanted in [
        "00_shapes square: pub struct S … 00_shapes square: }",
        "00_shapes square: impl Square … 00_shapes square: }",
    ] {
        assert!(folds.iter().any(|fold| fold == wanted), "{wanted}: {folds:#?}");
    }
}

fn hints_stand_in_the_cells(client: &mut Client) {
    let text = client.text(SHAPES, "use").to_owned();
    let hints = client.ask_about("textDocument/inlayHint", SHAPES, "use", &text, json!({}));
    let label = |hint: &Value| match hint["label"].as_array() {
        Some(parts) => parts.iter().filter_map(|part| part["value"].as_str()).collect(),
        None => hint["label"].as_str().unwrap().to_owned(),
    };
    let mut shown = Vec::new();
    for hint in hints.as_array().unwrap() {
        let at = |key: &str| hint["position"][key].as_u64().unwrap();
        shown.push(format!("{} | {}", label(hint), client.place(SHAPES, "use", at("line"), at("character"))));
    }
    assert!(shown.contains(&": Square | 00_shapes use:  = Square {".to_owned()), "{shown:#?}");
}

fn every_token_is_a_word_of_a_cell(client: &mut Client) {
    let legend = client.capabilities["semanticTokensProvider"]["legend"]["tokenTypes"].clone();
    for cell in ["square", "use", "again", "other"] {
        let tokens = client.ask("textDocument/semanticTokens/full", SHAPES, cell, "");
        let data: Vec<u64> = tokens["data"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
        let (mut line, mut start, mut found) = (0, 0, Vec::new());
        for token in data.chunks(5) {
            start = if token[0] == 0 { start + token[1] } else { token[1] };
            line += token[0];
            let kind = legend[usize::try_from(token[3]).unwrap()].as_str().unwrap();
            found.push(format!("{kind} {}", client.place(SHAPES, cell, line, start)));
        }
        let wanted: &[&str] = match cell {
            "square" => &["struct 00_shapes square: Square {", "method 00_shapes square: area(&self)"],
            "use" => &["variable 00_shapes use: first = Squa", "function 00_shapes use: private(2.0)"],
            "again" => &["function 00_shapes again: double(x: f6", "variable 00_shapes again: first.side)"],
            _ => &["function 00_shapes other: double(3);"],
        };
        for wanted in wanted {
            assert!(found.iter().any(|it| it == wanted), "{wanted}: {found:#?}");
        }
        let is_frame = |it: &&String| it.contains("file://") && !it.contains("00_shapes ");
        assert_eq!(found.iter().find(is_frame), None, "a token outside of cells");
    }
}

fn a_completion_is_explained_when_it_is_chosen(client: &mut Client) {
    let completed = client.ask("textDocument/completion", SHAPES, "use", "first.‸area");
    let items = completed.get("items").unwrap_or(&completed).as_array().unwrap().clone();
    let item = items.into_iter().find(|item| item["label"].as_str().unwrap().starts_with("area")).unwrap();
    let edit = item["textEdit"].clone();
    let resolved = client.request("completionItem/resolve", item)["result"].clone();
    assert!(resolved["documentation"]["value"].as_str().unwrap().contains("Its area."), "{resolved}");
    assert_eq!(resolved["textEdit"], edit, "what it completes stays in the cell");
}

#[test]
fn a_completion_brings_its_import_into_the_cell() {
    if !has_rust_analyzer() {
        return;
    }
    for speech in [Speech::Notebook, Speech::Joined] {
        let case = project();
        let mut client = opened(&case, speech, &[SHAPES]);
        client.replace(SHAPES, "other", "let twice", "let map = BTreeMa\nlet twice");
        let completed = client.ask("textDocument/completion", SHAPES, "other", "BTreeMa‸");
        let items = completed.get("items").unwrap_or(&completed).as_array().unwrap().clone();
        let is_it = |item: &Value| item.to_string().contains("std::collections::BTreeMap");
        let item = items.into_iter().find(is_it).unwrap_or_else(|| panic!("{:?}", labels(&completed)));
        let resolved = client.request("completionItem/resolve", item)["result"].clone();
        let edits = resolved["additionalTextEdits"].as_array().unwrap();
        let uri = client.uri(SHAPES, "other");
        client.make(&json!({"changes": {uri: edits}}));
        let text = client.text(SHAPES, "other");
        assert!(text.starts_with("use std::collections::BTreeMap;\nfn double"), "{resolved}\n{text}");
    }
}

#[test]
fn a_code_action_changes_its_cell() {
    if !has_rust_analyzer() {
        return;
    }
    for speech in [Speech::Notebook, Speech::Joined] {
        let case = project();
        let mut client = opened(&case, speech, &[SHAPES]);
        for (cell, typed, at, title, wanted) in [
            // In the notebook's program, in an exported cell, and one that spans lines.
            (
                "other",
                "let map: BTreeMap<u8, u8> = Default::default();",
                "BTreeMap",
                "Import `std::collections::BTreeMap`",
                "use std::collections::BTreeMap;\n",
            ),
            ("square", "pub struct Circle;", "Circle", "Generate impl for `Circle`", "\n\nimpl Circle {}"),
            ("again", "match Some(1) { None => {} }", "match", "Fill match arms", "Some(_) =>"),
        ] {
            let before = client.text(SHAPES, cell).to_owned();
            client.replace(SHAPES, cell, &before, &format!("{before}\n{typed}"));
            let context = json!({"context": {"diagnostics": []}});
            let actions = client.ask_about("textDocument/codeAction", SHAPES, cell, at, context);
            let titles: Vec<&str> =
                actions.as_array().unwrap().iter().map(|it| it["title"].as_str().unwrap()).collect();
            let action = actions.as_array().unwrap().iter().find(|it| it["title"] == title);
            let edit = action.unwrap_or_else(|| panic!("{title}: {titles:#?}"))["edit"].clone();
            assert_eq!(
                edit["changes"].as_object().unwrap().keys().collect::<Vec<_>>(),
                [&client.uri(SHAPES, cell)]
            );
            client.make(&edit);
            let text = client.text(SHAPES, cell).to_owned();
            assert!(text.contains(wanted), "{title}: {text}");
            client.replace(SHAPES, cell, &text, &before);
        }
    }
}
