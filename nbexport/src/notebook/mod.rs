//! A `.ipynb` file ⇄ [`Notebook`] and [`Cell`], byte for byte.
//!
//! The file's text is kept as it is; parsing only notes where each value stands in it. A change is a list of
//! [`Edit`]s that replace exactly those values, so whatever a command does not change keeps its bytes: numbers
//! (`1e-05`), escapes (`\u003c`), key order, unknown keys, fifty megabytes of outputs. `serde_json`'s borrowed
//! [`RawValue`] gives this, and speed with it: outputs are neither decoded nor encoded.

pub mod cell;
pub mod command;
pub mod directive;
pub mod header;
pub(crate) mod json;
pub mod parsed;
pub mod scope;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, Result, Source};
use crate::reading;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

#[derive(Deserialize)]
#[serde(expecting = "an object with `cells`, `metadata` and `nbformat`")]
struct RawNotebook<'a> {
    nbformat: Option<Value>,
    nbformat_minor: Option<Value>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    cells: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with `cell_type` and `source`")]
struct RawCell<'a> {
    cell_type: Option<String>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    outputs: Option<&'a RawValue>,
    // `null` is a value that can be replaced, so it is told apart from an absent key.
    #[serde(borrow, default, deserialize_with = "present")]
    execution_count: Option<&'a RawValue>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    One(String),
    Many(Vec<String>),
}

impl Notebook {
    /// Reads the file at `path`; `name` is what messages call it.
    pub fn read(path: &Path, name: &str) -> Result<Self> {
        let bytes = reading::read(path).map_err(|error| {
            Diagnostic::error(format!("cannot read `{name}`: {error}")).at(&place(name, ""), 0..0, "")
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Diagnostic::error(format!(
                "`{name}` is not UTF-8: the byte at offset {at} is no part of a character"
            ))
            .at(&place(name, ""), 0..0, "")
            .help("a notebook is JSON in UTF-8; save it again from Jupyter, or convert it with iconv")
        })?;
        Self::parse(name, text)
    }

    /// Parses the text of a notebook file; `name` is what messages call it.
    pub fn parse(name: &str, text: String) -> Result<Self> {
        let json = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let start = text.len() - json.len();
        let raw: RawNotebook<'_> =
            serde_json::from_str(json).map_err(|error| not_json(name, json, &error))?;
        let nbformat_minor = check_version(name, &raw)?;
        let Some(raw_cells) = raw.cells else {
            return Err(whole_file(
                name,
                json,
                format!("`{name}` has no `cells`, so it is not a notebook of nbformat 4"),
                "open it in Jupyter and save it, or take it out of the notebooks folder",
            ));
        };

        let offset = |part: &str| {
            let at = part.as_ptr().addr() - json.as_ptr().addr() + start;
            at..at + part.len()
        };
        let mut cells: Vec<Cell> = Vec::with_capacity(raw_cells.len());
        for (index, raw) in raw_cells.into_iter().enumerate() {
            let cell = parse_cell(name, index + 1, raw, offset, &cells).map_err(|why| {
                let first_line = raw.get().lines().next().unwrap_or_default();
                Diagnostic::error(why)
                    .at(&place(name, &text), offset(first_line), "this cell")
                    .note(format!("it is cell {} of `{name}`", index + 1))
                    .help("open the notebook in Jupyter and save it, or mend the cell in a text editor")
            })?;
            cells.push(cell);
        }
        let metadata = raw.metadata.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let metadata_span = raw.metadata.map(|raw| offset(raw.get()));
        Ok(Self { name: name.to_owned(), cells, metadata, nbformat_minor, text, metadata_span })
    }

    /// The file's text, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the value of the notebook's own `metadata` stands in the file.
    pub fn metadata_span(&self) -> Option<Range<usize>> {
        self.metadata_span.clone()
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

    /// A JSON value as this file lays out its own: indented alike, for a value `depth` levels deep.
    ///
    /// The value of a key of a cell is 3 levels deep: notebook, cells, cell.
    pub fn json(&self, value: &Value, depth: usize) -> String {
        let unit = self.indent();
        if unit.is_empty() {
            return self.escaped(value.to_string());
        }
        let text = pretty(value, unit);
        // A newline inside a JSON string is written `\n`, so every real one is layout.
        let newline = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        self.escaped(text.replace('\n', &format!("{newline}{}", unit.repeat(depth))))
    }

    /// Colab writes `<` as `\u003c`, and so on: a file that never has the character itself gets none.
    fn escaped(&self, mut json: String) -> String {
        for (character, escape) in [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")] {
            if json.contains(character) && self.text.contains(escape) && !self.text.contains(character) {
                json = json.replace(character, escape);
            }
        }
        json
    }

    /// A JSON object of keys and the texts of their values, laid out as this file's own at this depth.
    pub(crate) fn object(&self, entries: &[(String, String)], depth: usize) -> String {
        let entries: Vec<String> =
            entries.iter().map(|(key, value)| format!("{}: {value}", Value::from(key.as_str()))).collect();
        self.bracketed(['{', '}'], &entries, depth)
    }

    /// The same for a JSON array.
    pub(crate) fn array(&self, values: &[String], depth: usize) -> String {
        self.bracketed(['[', ']'], values, depth)
    }

    fn bracketed(&self, [open, close]: [char; 2], parts: &[String], depth: usize) -> String {
        let unit = self.indent();
        if unit.is_empty() || parts.is_empty() {
            return format!("{open}{}{close}", parts.join(", "));
        }
        let newline = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let (outer, inner) = (unit.repeat(depth), unit.repeat(depth + 1));
        let parts = parts.join(&format!(",{newline}{inner}"));
        format!("{open}{newline}{inner}{parts}{newline}{outer}{close}")
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

    /// One level of the file's indentation; empty when the JSON stands on a single line.
    fn indent(&self) -> &str {
        let Some(newline) = self.text.find('\n') else {
            return "";
        };
        let line = &self.text[newline + 1..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }
}

/// Reads one cell; `offset` tells where a piece of its JSON stands in the file, `before` are the cells before it.
fn parse_cell(
    name: &str,
    number: usize,
    raw: &RawValue,
    offset: impl Fn(&str) -> Range<usize>,
    before: &[Cell],
) -> Result<Cell, String> {
    let cell: RawCell<'_> = serde_json::from_str(raw.get())
        .map_err(|error| format!("cell {number} is not a cell: {}", what(&error)))?;
    let source = cell.source.ok_or_else(|| format!("cell {number} has no `source`"))?;
    let text = match serde_json::from_str(source.get()) {
        Ok(Lines::One(text)) => text,
        Ok(Lines::Many(lines)) => lines.concat(),
        Err(_) => {
            return Err(format!("the `source` of cell {number} is neither a string nor a list of strings"));
        }
    };
    let text = if text.contains('\r') { text.replace("\r\n", "\n") } else { text };
    let own_id = cell.id.and_then(|id| serde_json::from_str::<String>(id.get()).ok());
    let id = own_id.filter(|id| !id.is_empty()).unwrap_or_else(|| derived_id(&text, before));
    let metadata: Option<Value> =
        cell.metadata.and_then(|metadata| serde_json::from_str(metadata.get()).ok());
    let tags = metadata
        .as_ref()
        .and_then(|metadata| metadata.get("tags")?.as_array())
        .map_or_else(Vec::new, |tags| {
            tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect()
        });
    let kind = match cell.cell_type.as_deref() {
        Some("code") => CellKind::Code,
        Some("markdown") => CellKind::Markdown,
        _ => CellKind::Other,
    };
    let span = |value: Option<&RawValue>| value.map(|value| offset(value.get()));
    let spans = CellSpans {
        cell: offset(raw.get()),
        source: offset(source.get()),
        id: span(cell.id),
        metadata: span(cell.metadata),
        outputs: span(cell.outputs),
        execution_count: span(cell.execution_count),
    };
    let source = Arc::new(Source { name: format!("{name}:cell {number}"), cell_id: Some(id.clone()), text });
    Ok(Cell { number, id, kind, source, tags, spans })
}

/// JSON over several lines, each level indented by `unit`.
pub(crate) fn pretty(value: &Value, unit: &str) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(unit.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    serde::Serialize::serialize(value, &mut serializer).expect("a JSON value is written to memory");
    String::from_utf8(bytes).expect("serde_json writes UTF-8")
}

/// A text as nbformat lists it: one string a line, each with its line end. Lines end where Python's `splitlines`
/// ends them.
pub fn lines(text: &str) -> Value {
    let ends = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ends) {
        let width = if rest[at..].starts_with("\r\n") {
            2
        } else {
            rest[at..].chars().next().map_or(1, char::len_utf8)
        };
        let (line, after) = rest.split_at(at + width);
        lines.push(Value::from(line));
        rest = after;
    }
    if !rest.is_empty() {
        lines.push(Value::from(rest));
    }
    Value::Array(lines)
}

/// An id for a cell whose file gives none: a hash of its text, and of how many cells before it are alike, so
/// that it is the same on every run and every machine.
fn derived_id(text: &str, before: &[Cell]) -> String {
    let alike = before.iter().filter(|cell| cell.text() == text).count();
    short_hash(&format!("{alike}\n{text}"))
}

/// Eight hexadecimal digits of the SHA-256 of `text`.
pub fn short_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    format!("{:08x}", u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

fn place(name: &str, text: &str) -> Arc<Source> {
    Arc::new(Source { name: name.to_owned(), cell_id: None, text: text.to_owned() })
}

fn whole_file(name: &str, json: &str, message: String, help: &str) -> Diagnostic {
    let first = json.lines().next().unwrap_or_default();
    Diagnostic::error(message).at(&place(name, first), 0..first.len().min(60), "").help(help)
}

fn check_version(name: &str, raw: &RawNotebook<'_>) -> Result<u32> {
    let refuse = |message: String, help: &str| Err(whole_file(name, "", message, help));
    let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_u64);
    match number(&raw.nbformat) {
        Some(4) => Ok(number(&raw.nbformat_minor).and_then(|minor| u32::try_from(minor).ok()).unwrap_or(0)),
        Some(old @ 1..=3) => refuse(
            format!("`{name}` is of nbformat {old}; nbexport reads nbformat 4"),
            "open it in Jupyter and save it, or run `jupyter nbconvert --to notebook --inplace` on it",
        ),
        Some(new) => refuse(
            format!("`{name}` is of nbformat {new}, which this nbexport does not know; it reads nbformat 4"),
            "update nbexport, or save the notebook as nbformat 4",
        ),
        None => refuse(
            format!("`{name}` is JSON, but not a notebook: it has no `nbformat`"),
            "a notebook is written by Jupyter, VS Code or Colab; take other files out of the notebooks folder",
        ),
    }
}

fn not_json(name: &str, json: &str, error: &serde_json::Error) -> Diagnostic {
    let source = place(name, json);
    let at = |line: usize, column: usize| {
        let start: usize = json.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        (start + column.saturating_sub(1)).min(json.len())
    };
    let conflict = json
        .split_inclusive('\n')
        .scan(0, |offset, line| {
            let start = *offset;
            *offset += line.len();
            Some((start, line))
        })
        .find(|(_, line)| line.starts_with("<<<<<<< "));
    if let Some((start, line)) = conflict {
        return Diagnostic::error(format!("`{name}` holds git's conflict markers, so it is not JSON"))
            .at(&source, start..start + line.trim_end().len(), "the conflict begins here")
            .help(
                "solve the conflict (git mergetool, or `git checkout --ours|--theirs`), then export again",
            );
    }
    if json.trim().is_empty() {
        return whole_file(
            name,
            "",
            format!("`{name}` is empty"),
            "open it in Jupyter, write a cell and save it",
        );
    }
    if error.is_eof() {
        let end = json.trim_end().len();
        let last = json[..end].rfind('\n').map_or(0, |newline| newline + 1);
        return Diagnostic::error(format!("`{name}` is cut off: the JSON ends too early"))
            .at(&source, last..end, "the file ends here")
            .help("a save or a download was interrupted; take it from git or from `.ipynb_checkpoints`");
    }
    let offset = at(error.line(), error.column());
    if let Some(word) = ["NaN", "Infinity"]
        .into_iter()
        .find(|word| json.get(offset..).is_some_and(|rest| rest.starts_with(word)))
    {
        return Diagnostic::error(format!("`{name}` is not JSON: it holds the number `{word}`"))
            .at(&source, offset..offset + word.len(), "")
            .note("Python writes that word, JSON has no such number, and Jupyter cannot open the file either")
            .help("write `null` in its place, or take the file from git or from `.ipynb_checkpoints`");
    }
    Diagnostic::error(format!("`{name}` is not a notebook: {}", what(error)))
        .at(&source, offset..offset + 1, "")
        .help("a notebook is a JSON file as Jupyter writes it; open and save it there")
}

/// The message of an error without its place, which is given otherwise.
fn what(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.split(" at line ").next().unwrap_or(&message).to_owned()
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
