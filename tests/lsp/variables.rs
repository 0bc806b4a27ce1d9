//! Variables across cells: what makes one stands, for rust-analyzer, in each cell that needs it, and is one place for a person.

use serde_json::{Value, json};

use super::client::{Client, Speech, labels};
use super::{cells_of, has_rust_analyzer};
use crate::support::Case;

const NAME: &str = "00_variables";

fn opened(speech: Speech) -> (Case, Client) {
    let case = Case::new().notebook(
        NAME,
        "
        --- a
        let pixels = vec![1.0_f32, 2.0];
        let mut means = Vec::new();
        means.push(pixels[0]);
        --- b
        let scale = 2.0;
        let pixels: Vec<f32> = pixels.iter().map(|pixel| pixel * scale).collect();
        --- c
        let total: f32 = pixels.iter().sum();
        println!(\"{total} of {pixels:?}\");
        --- d
        assert_eq!(pixels.len(), 2);
        means.push(total / 2.0);
        --- e
        fn free(x: f32) -> f32 { x }
        let last = means[0];
        last
        ",
    );
    let mut client = Client::start(&case, speech);
    client.open(NAME);
    client.until_answer("textDocument/hover", NAME, "e", "let ‸last", "let last: f32");
    (case, client)
}

#[test]
fn a_variable_is_renamed_in_every_cell_and_back() {
    if !has_rust_analyzer() {
        return;
    }
    for speech in [Speech::Notebook, Speech::Joined] {
        let (_case, mut client) = opened(speech);
        let before = client.texts();
        // From its making, and from a use: the second `pixels` is another variable than the first.
        for (cell, at, back) in [("b", "let ‸pixels", "let ‸images"), ("d", "!(‸pixels", "!(‸images")]
        {
            let edit = client.rename(NAME, cell, at, "images");
            client.make(&edit);
            assert_eq!(
                client.text(NAME, "a"),
                "let pixels = vec![1.0_f32, 2.0];\nlet mut means = Vec::new();\nmeans.push(pixels[0]);"
            );
            assert!(client.text(NAME, "b").contains("let images: Vec<f32> = pixels.iter()"));
            assert_eq!(
                client.text(NAME, "c"),
                "let total: f32 = images.iter().sum();\nprintln!(\"{total} of {images:?}\");"
            );
            assert!(client.text(NAME, "d").starts_with("assert_eq!(images.len(), 2);"));
            let edit = client.rename(NAME, cell, back, "pixels");
            client.make(&edit);
            assert_eq!(client.texts(), before);
        }
    }
}

#[test]
fn each_use_of_a_variable_is_found_once() {
    if !has_rust_analyzer() {
        return;
    }
    for speech in [Speech::Notebook, Speech::Joined] {
        let (_case, mut client) = opened(speech);
        for (cell, at) in [("a", "let mut ‸means"), ("a", "‸means.push"), ("e", "= ‸means")] {
            let context = json!({"context": {"includeDeclaration": true}});
            let found = client.ask_with("textDocument/references", NAME, cell, at, context);
            let mut found = cells_of(&client, &found);
            found.sort();
            let wanted = ["a: means = Vec:", "a: means.push(p", "d: means.push(t", "e: means[0];"];
            assert_eq!(found, wanted.map(|place| format!("{NAME} {place}")), "from {cell}");
        }
        let found = client.ask("textDocument/documentHighlight", NAME, "e", "= ‸means");
        let found = found.as_array().unwrap().len();
        assert_eq!(found, if speech == Speech::Joined { 4 } else { 1 });
    }
}

#[test]
fn a_variable_completes_in_a_cell_that_does_not_name_it_yet() {
    if !has_rust_analyzer() {
        return;
    }
    for speech in [Speech::Notebook, Speech::Joined] {
        let (_case, mut client) = opened(speech);
        let mut complete = |typed: &str, at: &str| {
            client.replace(NAME, "e", "\nlast", &format!("\n{typed}\nlast"));
            let found = client.ask("textDocument/completion", NAME, "e", at);
            client.replace(NAME, "e", &format!("\n{typed}\nlast"), "\nlast");
            found
        };
        let found = complete("let y = tot;", "tot‸;");
        let items = found.get("items").unwrap_or(&found).as_array().unwrap().clone();
        let totals: Vec<&Value> = items.iter().filter(|item| item["label"] == "total").collect();
        assert_eq!(totals.len(), 1, "{found}");
        assert_eq!(totals[0]["labelDetails"]["description"], "cell 3");
        assert!(items.iter().all(|item| !item["label"].as_str().unwrap().starts_with("__")), "{found}");
        // It needs nothing that rust-analyzer would have to add.
        let is_variable = |labels: &[String]| labels.iter().any(|label| label == "total");
        assert!(!is_variable(&labels(&complete("means.", "means.‸"))), "a field");
        assert!(!is_variable(&labels(&complete("let y = \"t\";", "\"t‸\""))), "in a string");
        client.replace(NAME, "e", "{ x }", "{ x + t }");
        assert!(
            !is_variable(&labels(&client.ask("textDocument/completion", NAME, "e", "+ t‸"))),
            "in a function"
        );
        client.replace(NAME, "e", "{ x + t }", "{ x }");
        // What a cell names, rust-analyzer itself completes, with its type.
        client.replace(NAME, "e", "\nlast", "\nlast + total.ab");
        let found = client.ask("textDocument/completion", NAME, "e", "total.ab‸");
        assert!(labels(&found).iter().any(|label| label.starts_with("abs")), "{found}");
    }
}
