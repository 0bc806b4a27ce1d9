//! What a cell put out, as a notebook keeps it: made by both engines, written into the notebook or held against what
//! stands there.

mod bounded;
mod compare;
mod picture;
mod streams;
mod write;

use serde_json::{Map, Value, json};

pub(super) use self::bounded::Bounded;
pub(super) use self::streams::of_streams;
pub use self::write::{Keep, finish};

use crate::notebook::lines;

/// How much of a cell's stdout, and of its stderr, is kept.
pub(super) const LIMIT: usize = 8 << 20;

/// What came of a cell that ran, as its notebook keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ran {
    /// Its outputs.
    pub outputs: Vec<Output>,
    /// The number that is shown beside it.
    pub execution_count: Option<u64>,
    /// When it began and ended: events as Jupyter calls them, with the time.
    pub times: Vec<(&'static str, String)>,
}

/// One entry of a code cell's `outputs`.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Text of stdout or stderr.
    Stream {
        /// `stdout` or `stderr`.
        name: &'static str,
        /// All of it.
        text: String,
    },
    /// The cell's value, or what was printed as rich content.
    Result {
        /// The execution count it was given.
        count: u64,
        /// Mime type → content, as the kernel sent it.
        data: Map<String, Value>,
        /// What the kernel says about the content.
        metadata: Map<String, Value>,
    },
    /// Rich content that is no result.
    Display {
        /// Mime type → content, as the kernel sent it.
        data: Map<String, Value>,
        /// What the kernel says about the content.
        metadata: Map<String, Value>,
    },
    /// An error that the kernel reports: the cell did not compile, or its process ended.
    Error {
        /// The error's class.
        name: String,
        /// The message.
        value: String,
        /// The message as a reader sees it, with ANSI colours.
        traceback: Vec<String>,
    },
}

impl Output {
    /// Whether it is the value `()` and nothing else.
    pub(crate) fn is_unit(&self) -> bool {
        matches!(self, Self::Result { data, .. } if data.len() == 1 && data.get("text/plain").is_some_and(|it| it == "()"))
    }

    /// The JSON that nbformat writes for it: keys sorted, text as a list of lines.
    pub(crate) fn to_nbformat(&self) -> Value {
        match self {
            Self::Stream { name, text } => {
                json!({"name": name, "output_type": "stream", "text": lines(text)})
            }
            Self::Result { count, data, metadata } => json!({
                "data": bundle(data), "execution_count": count, "metadata": sorted(&Value::Object(metadata.clone())),
                "output_type": "execute_result",
            }),
            Self::Display { data, metadata } => json!({
                "data": bundle(data), "metadata": sorted(&Value::Object(metadata.clone())),
                "output_type": "display_data",
            }),
            Self::Error { name, value, traceback } => {
                json!({"ename": name, "evalue": value, "output_type": "error", "traceback": traceback})
            }
        }
    }
}

/// A mime bundle in nbformat's form.
fn bundle(data: &Map<String, Value>) -> Value {
    let is_text =
        |mime: &str| mime.starts_with("text/") || mime == "application/javascript" || mime == "image/svg+xml";
    let mut entries: Vec<_> = data.iter().collect();
    entries.sort_by_key(|(mime, _)| *mime);
    let entries = entries.into_iter().map(|(mime, value)| match value {
        Value::String(text) if is_text(mime) => (mime.clone(), lines(text)),
        other => (mime.clone(), sorted(other)),
    });
    Value::Object(entries.collect())
}

/// The same value with the keys of every object in order, as nbformat writes JSON.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_written_as_nbformat_writes_them() {
        let data = json!({"text/plain": "a\nb", "application/json": {"z": 1, "a": [{"y": 1, "b": 2}]},
                          "image/png": "iVBO\n", "image/svg+xml": "<svg>\r\n</svg>\u{2028}x"});
        let Value::Object(data) = data else { unreachable!() };
        let output = Output::Result { count: 3, data, metadata: Map::new() };
        assert_eq!(
            output.to_nbformat().to_string(),
            "{\"data\":{\"application/json\":{\"a\":[{\"b\":2,\"y\":1}],\"z\":1},\"image/png\":\"iVBO\\n\",\
             \"image/svg+xml\":[\"<svg>\\r\\n\",\"</svg>\u{2028}\",\"x\"],\"text/plain\":[\"a\\n\",\"b\"]},\
             \"execution_count\":3,\"metadata\":{},\"output_type\":\"execute_result\"}"
        );
        assert_eq!(lines(""), json!([]));
    }
}
