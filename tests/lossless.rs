//! The notebook model loses nothing: what no edit touches keeps its bytes, and an edited cell reads as the program
//! that wrote the file would write it.
//!
//! The notebooks in `fixtures/notebooks` were written by `fixtures/write_with_nbformat.py`: by Jupyter's own nbformat
//! for each version of the format, and in the forms that Colab, VS Code and others use. Each comes with a twin in
//! which the same writer replaced the text of the second cell.

use std::collections::BTreeMap;
use std::ops::Range;

use nbexport::notebook::{CellKind, Notebook};
use serde_json::Value;

/// The fixtures by name: the text, and the text with another second cell.
fn fixtures() -> BTreeMap<String, (String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/notebooks");
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if let Some(name) = name.strip_suffix(".ipynb").filter(|name| !name.ends_with(".edited")) {
            let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
            found.insert(name.to_owned(), (read(&path), read(&path.with_extension("edited.ipynb"))));
        }
    }
    assert!(found.len() >= 10, "{found:?}");
    found
}

fn parse(text: &str) -> Notebook {
    Notebook::parse("x.ipynb", text.to_owned()).unwrap_or_else(|error| panic!("{}", error.render(false)))
}

/// The text that a cell has in a file that is taken apart in full.
fn source(text: &str, cell: usize) -> String {
    let whole: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    match &whole["cells"][cell]["source"] {
        Value::Array(lines) => lines.iter().map(|line| line.as_str().unwrap()).collect(),
        text => text.as_str().unwrap().to_owned(),
    }
}

/// The file with another text in its second cell.
fn edited(text: &str, source: &str) -> String {
    let notebook = parse(text);
    let edit = notebook.set_source(&notebook.cells[1], source);
    notebook.edited(vec![edit])
}

fn with_tabs(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let rest = line.trim_start_matches(' ');
        "\t".repeat(line.len() - rest.len()) + rest
    });
    lines.collect()
}

#[test]
fn a_notebook_that_is_not_edited_keeps_its_bytes() {
    for (name, texts) in fixtures() {
        for text in [texts.0, texts.1] {
            for variant in [
                text.clone(),
                text.trim_end().to_owned(),
                text.clone() + "\n\n",
                text.replace('\n', "\r\n"),
                format!("\u{feff}{text}"),
                with_tabs(&text),
                text.replace("\": ", "\" : "),
            ] {
                assert!(parse(&variant).edited(Vec::new()) == variant, "{name}");
            }
        }
    }
}

#[test]
fn a_cell_is_written_as_the_writer_of_the_file_writes_it() {
    for (name, (before, after)) in fixtures() {
        assert_eq!(edited(&before, &source(&after, 1)), after, "{name}");
        assert_eq!(edited(&after, &source(&before, 1)), before, "{name}, back again");
    }
}

#[test]
fn the_layout_of_the_file_is_kept() {
    let (before, after) = &fixtures()["nbformat_4_5"];
    let text = source(after, 1);
    for variant in [
        (|text: &str| text.replace('\n', "\r\n")) as fn(&str) -> String,
        |text: &str| format!("\u{feff}{text}"),
        |text: &str| text.trim_end().to_owned(),
        with_tabs,
    ] {
        assert_eq!(edited(&variant(before), &text), variant(after));
    }
}

/// Colab writes `<` as `\u003c`: in a file that does so, an edited cell gets the same, in others none.
#[test]
fn escapes_are_kept_where_they_are_usual() {
    let (before, after) = &fixtures()["colab"];
    assert!(before.contains("-\\u003e") && !after.contains(['<', '>', '&']));
    let mixed = before.replace("How large", "How -> large");
    assert!(edited(&mixed, "a -> b").contains("\"a -> b\""));
    assert!(edited(&before.replace("\\u003e", ")"), "a -> b").contains("\"a -> b\""));
}

/// Some programs write lists whose strings are not lines; such a cell is read as it is meant and kept as it is.
#[test]
fn a_source_in_odd_pieces() {
    let text = r#"{"cells": [{"cell_type": "code", "source": ["let a", " = 1;\nlet b = 2;", "\n", ""]}, {
        "cell_type": "markdown", "source": "x"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 2}"#;
    let notebook = parse(text);
    assert_eq!(notebook.cells[0].text(), "let a = 1;\nlet b = 2;\n");
    assert_eq!(edited(text, "y"), text.replace("\"x\"", "\"y\""));
}

#[test]
fn a_cell_set_to_the_text_it_has_changes_nothing() {
    for (name, (before, _)) in fixtures() {
        let notebook = parse(&before);
        for cell in &notebook.cells {
            let edit = notebook.set_source(cell, cell.text());
            assert_eq!(notebook.edited(vec![edit]), before, "{name}, cell {}", cell.number);
        }
    }
}

#[test]
fn an_empty_cell_and_back() {
    for (name, (before, _)) in fixtures() {
        let emptied = edited(&before, "");
        assert_eq!(source(&emptied, 1), "", "{name}");
        assert_eq!(edited(&emptied, &source(&before, 1)), before, "{name}");
    }
}

#[test]
fn several_edits_in_any_order() {
    let (before, _) = &fixtures()["vscode"];
    let notebook = parse(before);
    let edits =
        [3, 1, 0, 4].map(|cell: usize| notebook.set_source(&notebook.cells[cell], &format!("new {cell}")));
    let after = notebook.edited(edits.to_vec());
    let texts: Vec<String> = parse(&after).cells.iter().map(|cell| cell.text().to_owned()).collect();
    assert_eq!(texts, ["new 0", "new 1", "", "new 3", "new 4"]);
}

#[test]
fn spans_show_where_each_value_stands() {
    for (name, texts) in fixtures() {
        for text in [texts.0.clone(), texts.1, format!("\u{feff}{}", texts.0.replace('\n', "\r\n"))] {
            let whole: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
            let notebook = parse(&text);
            assert_eq!(Value::Object(notebook.metadata.clone()), whole["metadata"]);
            assert_eq!(notebook.cells.len(), whole["cells"].as_array().unwrap().len());
            for (cell, value) in notebook.cells.iter().zip(whole["cells"].as_array().unwrap()) {
                let spans = &cell.spans;
                let at = |span: &Range<usize>| serde_json::from_str::<Value>(&text[span.clone()]).unwrap();
                assert_eq!(at(&spans.cell), *value, "{name}");
                assert_eq!(at(&spans.source), value["source"], "{name}");
                for (key, span) in [
                    ("id", &spans.id),
                    ("metadata", &spans.metadata),
                    ("outputs", &spans.outputs),
                    ("execution_count", &spans.execution_count),
                ] {
                    assert_eq!(span.as_ref().map(at).as_ref(), value.get(key), "{name}: {key}");
                }
            }
        }
    }
}

#[test]
fn what_a_cell_is() {
    use CellKind::{Code, Markdown, Other};

    let notebook = parse(&fixtures()["nbformat_4_5"].0);
    let kinds: Vec<CellKind> = notebook.cells.iter().map(|cell| cell.kind).collect();
    assert_eq!(kinds, [Markdown, Code, Code, Code, Other]);
    assert_eq!(notebook.cells[3].id, "cell-3");
    assert!(notebook.cells[3].has_tag("raises-exception"));
    assert_eq!((notebook.nbformat_minor, notebook.language().as_deref()), (5, Some("rust")));
}

/// Outputs are neither decoded nor encoded: these would fail to be.
#[test]
fn outputs_are_not_looked_at() {
    let odd = r#"{"text": "\ud800", "data": 1e999, "again": 1, "again": 2}"#;
    let text = format!(
        r#"{{"cells": [{{"cell_type": "code", "source": "1", "outputs": [{odd}, "{}"], "metadata": {{}}}}],
        "metadata": {{}}, "nbformat": 4, "nbformat_minor": 4}}"#,
        "A".repeat(50)
    );
    let notebook = parse(&text);
    let edit = notebook.set_source(&notebook.cells[0], "2");
    assert_eq!(edit.text, "\"2\"");
    assert!(notebook.edited(vec![edit]) == text.replace("\"source\": \"1\"", "\"source\": \"2\""));
}
