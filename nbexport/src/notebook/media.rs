//! Pictures that a notebook holds: among the outputs of a cell, or attached to a text.

use base64::Engine as _;
use serde_json::{Map, Value};

use super::{Cell, Notebook, joined};

/// A picture, ready to be a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// What the file's name ends in.
    pub(crate) extension: &'static str,
    /// What the file holds.
    pub(crate) bytes: Vec<u8>,
}

/// The kinds of pictures, those first that a page shows best.
const KINDS: &[(&str, &str)] = &[
    ("image/svg+xml", "svg"),
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
];

/// The picture among the forms of a value; its type where it is no picture at all.
pub(crate) fn picture(data: &Map<String, Value>) -> Option<Result<Picture, &'static str>> {
    KINDS.iter().find_map(|(mime, extension)| {
        let text = joined(data.get(*mime)?);
        // Attachments keep SVG as they keep the others, outputs as it is.
        if *extension == "svg" && text.trim_start().starts_with('<') {
            return Some(Ok(Picture { extension, bytes: text.into_bytes() }));
        }
        let text: String = text.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(text);
        Some(bytes.map(|bytes| Picture { extension, bytes }).map_err(|_| *mime))
    })
}

impl Notebook {
    /// What is attached to a cell: names, and what lies behind each in several forms.
    pub(crate) fn attachments(&self, cell: &Cell) -> Map<String, Value> {
        let whole = serde_json::from_str::<Map<String, Value>>(&self.text()[cell.spans.cell.clone()]);
        match whole.ok().and_then(|mut cell| cell.remove("attachments")) {
            Some(Value::Object(attachments)) => attachments,
            _ => Map::new(),
        }
    }
}
