//! The parts of Jupyter's messages that are looked at.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::diagnostic::Diagnostic;

/// A line that is longer is not kept, not even its ends.
const LONGEST_LINE: usize = 16 << 20;

/// A message, in the parts that are looked at. Contents stay as they are: mime bundles must come out unchanged.
pub(super) struct Message {
    pub(super) kind: String,
    /// The id of the request that it answers.
    pub(super) parent: String,
    /// When it was sent, as the kernel wrote it.
    pub(super) date: String,
    pub(super) content: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    msg_type: String,
    msg_id: String,
    date: String,
}

impl Message {
    /// A message from its parts, as they came.
    pub(super) fn of(header: &[u8], parent: &[u8], content: &[u8]) -> serde_json::Result<Self> {
        let header: Header = serde_json::from_slice(header)?;
        let parent: Header = serde_json::from_slice(parent)?;
        let (kind, date, parent) = (header.msg_type, header.date, parent.msg_id);
        if kind == "stream" && content.len() > LONGEST_LINE {
            // Its text would be taken apart and copied, only to be cut.
            let name = if content.starts_with(b"{\"name\":\"stderr\"") { "stderr" } else { "stdout" };
            let note = format!("[nbexport left out a line of {} bytes]\n", content.len());
            let content =
                [("name", name.into()), ("text", note.into())].map(|(key, value)| (key.to_owned(), value));
            return Ok(Self { kind, parent, date, content: content.into_iter().collect() });
        }
        Ok(Self { kind, parent, date, content: serde_json::from_slice(content)? })
    }
}

/// The kernel does not speak the protocol.
pub(super) fn no_message(error: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(format!("the kernel sent what is no Jupyter message: {error}"))
        .help("run the notebook again; if that does not help, install the kernel anew")
}
