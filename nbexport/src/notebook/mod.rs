//! A `.ipynb` file ⇄ [`Notebook`] and [`Cell`], byte for byte.
//!
//! The file's text is kept as it is; parsing only notes where each value stands in it. A change is a list of
//! [`Edit`]s that replace exactly those values, so whatever a command does not change keeps its bytes: numbers
//! (`1e-05`), escapes (`\u003c`), key order, unknown keys, fifty megabytes of outputs. `serde_json`'s borrowed
//! `RawValue` gives this, and speed with it: outputs are neither decoded nor encoded.

pub(crate) mod cell;
pub(crate) mod command;
pub(crate) mod directive;
pub(crate) mod header;
pub(crate) mod json;
mod layout;
pub(crate) mod media;
pub(crate) mod name;
pub(crate) mod parsed;
pub(crate) mod prose;
mod read;
pub(crate) mod scope;
pub(crate) mod solution;
pub(crate) mod tokens;

use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub(crate) use self::layout::{joined, lines, pretty};
pub use self::name::check_flag;
use crate::diagnostic::Source;

/// A notebook as it stands in its file.
#[derive(Clone, Debug)]
pub struct Notebook {
    /// How messages call it: the path below the project's root, with `/`.
    pub name: String,
    /// The cells, in order.
    pub cells: Vec<Cell>,
    /// The notebook's own metadata.
    pub metadata: Map<String, Value>,
    /// The minor version of nbformat 4; cells have ids from 5 on.
    pub nbformat_minor: u32,
    text: String,
    metadata_span: Option<Range<usize>>,
}

/// What a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CellKind {
    /// A code cell.
    Code,
    /// A markdown cell.
    Markdown,
    /// A raw cell, or a kind of cell that nbformat 4 does not know.
    Other,
}

/// One cell.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its place among all cells, counted from 1 as a reader counts.
    pub number: usize,
    /// Its id; where the file has none (before nbformat 4.5), one derived from the content.
    pub id: String,
    /// Code, markdown or other.
    pub kind: CellKind,
    /// The cell's text with `\n` line ends, under the name messages call it by.
    pub source: Arc<Source>,
    /// The tags of the cell's metadata.
    pub tags: Vec<String>,
    /// Where the cell's values stand in the file.
    pub spans: CellSpans,
}

/// Byte ranges of one cell's JSON values in the notebook's file.
#[derive(Clone, Debug)]
pub struct CellSpans {
    /// The whole cell, braces included.
    pub cell: Range<usize>,
    /// The value of `source`.
    pub source: Range<usize>,
    /// The value of `id`.
    pub id: Option<Range<usize>>,
    /// The value of `metadata`.
    pub metadata: Option<Range<usize>>,
    /// The value of `outputs`.
    pub outputs: Option<Range<usize>>,
    /// The value of `execution_count`.
    pub execution_count: Option<Range<usize>>,
}

/// A replacement of some bytes of a notebook's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that go.
    pub range: Range<usize>,
    /// What comes in their place.
    pub text: String,
}

impl Cell {
    /// The cell's text.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// Whether it is a code cell.
    pub fn is_code(&self) -> bool {
        self.kind == CellKind::Code
    }

    /// Whether the cell has this tag (`raises-exception`).
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| own == tag)
    }
}

impl Notebook {
    /// The file's text, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the value of the notebook's own `metadata` stands in the file.
    pub(crate) fn metadata_span(&self) -> Option<Range<usize>> {
        self.metadata_span.clone()
    }

    /// The outputs that the file keeps of a code cell.
    pub(crate) fn outputs(&self, cell: &Cell) -> Vec<Value> {
        let outputs = cell.spans.outputs.clone().map_or("[]", |span| &self.text[span]);
        serde_json::from_str(outputs).unwrap_or_default()
    }

    /// The last part of the notebook's name: `02_fully_connected.ipynb`.
    pub fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// The language its metadata names, in lower case (`rust`); `None` where it names none.
    pub fn language(&self) -> Option<String> {
        let name =
            |outer: &str, inner: &str| Some(self.metadata.get(outer)?.get(inner)?.as_str()?.to_lowercase());
        name("kernelspec", "language").or_else(|| name("language_info", "name"))
    }

    /// The edit that gives a cell another text. A source that was a list stays a list of lines, one that was a
    /// string stays a string.
    pub fn set_source(&self, cell: &Cell, text: &str) -> Edit {
        let was_list = self.text[cell.spans.source.clone()].starts_with('[');
        let value = if was_list { lines(text) } else { Value::from(text) };
        Edit { range: cell.spans.source.clone(), text: self.json(&value, 3) }
    }

    /// The file's text with `edits` made. They may come in any order but must not overlap.
    pub fn edited(&self, mut edits: Vec<Edit>) -> String {
        edits.sort_by_key(|edit| edit.range.start);
        let mut text = String::with_capacity(self.text.len());
        let mut at = 0;
        for edit in edits {
            assert!(at <= edit.range.start, "two edits of one place in {}", self.name);
            text.push_str(&self.text[at..edit.range.start]);
            text.push_str(&edit.text);
            at = edit.range.end;
        }
        text.push_str(&self.text[at..]);
        text
    }
}

/// Eight hexadecimal digits of the SHA-256 of `text`.
pub fn short_hash(text: &str) -> String {
    short_digest(&Sha256::digest(text.as_bytes()))
}

/// The first eight hexadecimal digits of a digest.
pub(crate) fn short_digest(digest: &[u8]) -> String {
    format!("{:08x}", u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLAB: &str = "{\"cells\": [{\"cell_type\": \"code\", \"source\": \"a \\u003c b\\r\\n\", \
                         \"metadata\": {\"tags\": [\"raises-exception\"]}, \"outputs\": [1e-05]}], \
                         \"metadata\": {}, \"nbformat\": 4, \"nbformat_minor\": 0, \"x\": null}";

    #[test]
    fn what_no_edit_touches_keeps_its_bytes() {
        let notebook = Notebook::parse("x.ipynb", COLAB.into()).unwrap();
        assert_eq!(notebook.edited(Vec::new()), COLAB);
        assert_eq!(notebook.cells[0].text(), "a < b\n");
        assert!(notebook.cells[0].has_tag("raises-exception"));
        let edited = notebook.edited(vec![notebook.set_source(&notebook.cells[0], "é")]);
        assert_eq!(edited, COLAB.replace("\"a \\u003c b\\r\\n\"", "\"é\""));
    }

    #[test]
    fn a_list_of_lines_stays_one_in_the_layout_of_the_file() {
        let text = "{\n \"cells\": [\n  {\n   \"cell_type\": \"code\",\n   \"source\": [\n    \"a\"\n   ]\n  }\n ],\n \
                    \"metadata\": {},\n \"nbformat\": 4,\n \"nbformat_minor\": 5\n}\n";
        let notebook = Notebook::parse("x.ipynb", text.into()).unwrap();
        let edited = notebook.edited(vec![notebook.set_source(&notebook.cells[0], "a\nb")]);
        assert_eq!(edited, text.replace("    \"a\"\n", "    \"a\\n\",\n    \"b\"\n"));
    }

    #[test]
    fn a_byte_order_mark_is_kept_and_spans_count_it() {
        let text = format!("\u{feff}{COLAB}");
        let notebook = Notebook::parse("x.ipynb", text.clone()).unwrap();
        assert_eq!(&notebook.text()[notebook.cells[0].spans.outputs.clone().unwrap()], "[1e-05]");
        assert_eq!(notebook.edited(Vec::new()), text);
    }

    #[test]
    fn cells_without_ids_get_different_ones_that_stay_the_same() {
        let cell = r#"{"cell_type": "code", "source": "x"}"#;
        let text = format!(r#"{{"cells": [{cell}, {cell}], "nbformat": 4, "nbformat_minor": 4}}"#);
        let ids = |text: &str| {
            let notebook = Notebook::parse("x.ipynb", text.into()).unwrap();
            notebook.cells.iter().map(|cell| cell.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&text), ids(&text));
        assert_ne!(ids(&text)[0], ids(&text)[1]);
    }
}
