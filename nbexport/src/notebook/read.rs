//! The text of a file → a [`Notebook`]: where each value stands, and what is wrong when it is none.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::name::is_unprintable;
use super::{Cell, CellKind, CellSpans, Notebook, short_hash};
use crate::diagnostic::{Diagnostic, Result, Source};
use crate::reading;

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
        let mut alike = Alike::default();
        for (index, raw) in raw_cells.into_iter().enumerate() {
            let cell = parse_cell(name, index + 1, raw, offset, &mut alike).map_err(|why| {
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
}

/// Reads one cell; `offset` tells where a piece of its JSON stands in the file, `alike` knows the cells before it.
fn parse_cell(
    name: &str,
    number: usize,
    raw: &RawValue,
    offset: impl Fn(&str) -> Range<usize>,
    alike: &mut Alike,
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
    let before = alike.add(&text);
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
    let name = format!("{}:cell {number}", printable(name));
    let source = Arc::new(Source { name, cell_id: Some(id.clone()), text });
    Ok(Cell { number, id, kind, source, tags, spans })
}

/// How many cells there were of each text, by its hash.
#[derive(Default)]
struct Alike(HashMap<u64, usize>);

impl Alike {
    /// How many cells with this text there were before.
    fn add(&mut self, text: &str) -> usize {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let count = self.0.entry(hasher.finish()).or_default();
        *count += 1;
        *count - 1
    }
}

/// An id for a cell whose file gives none: a hash of its text, and of how many cells before it are alike, so
/// that it is the same on every run and every machine.
fn derived_id(text: &str, alike_before: usize) -> String {
    short_hash(&format!("{alike_before}\n{text}"))
}

/// A path as messages write it: on one line, whatever it holds.
fn printable(name: &str) -> Cow<'_, str> {
    if !name.contains(is_unprintable) {
        return Cow::Borrowed(name);
    }
    let escaped = |c: char| if is_unprintable(c) { c.escape_default().to_string() } else { c.to_string() };
    name.chars().map(escaped).collect()
}

fn place(name: &str, text: &str) -> Arc<Source> {
    Arc::new(Source { name: printable(name).into_owned(), cell_id: None, text: text.to_owned() })
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
