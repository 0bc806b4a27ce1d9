//! Semantic tokens: each is written as its distance from the one before it, so they are counted out, moved and written anew.

use serde_json::{Value, json};

use super::answers::{Answers, Part};

impl Answers<'_> {
    /// Semantic tokens, each told from the one before it.
    pub(super) fn tokens(&self, parts: Vec<Part>) -> Value {
        let mut all: Vec<[u32; 5]> = Vec::new();
        for Part { overlay, result } in parts {
            let Some(overlay) = overlay else { return result };
            let (mut line, mut start) = (0, 0);
            let data: Vec<u32> = serde_json::from_value(result["data"].clone()).unwrap_or_default();
            for token in data.as_chunks::<5>().0 {
                start = if token[0] == 0 { start + token[1] } else { token[1] };
                line += token[0];
                let is_home = overlay.line(line).is_some_and(super::overlay::Line::is_home);
                let place = overlay.to_client(gen_lsp_types::Position::new(line, start));
                if let Some(place) = place.filter(|place| is_home && place.uri == self.document) {
                    all.push([place.position.line, place.position.character, token[2], token[3], token[4]]);
                }
            }
        }
        all.sort_unstable();
        all.dedup();
        let mut before = [0, 0];
        let mut data = Vec::with_capacity(all.len() * 5);
        for [line, start, length, kind, modifiers] in all {
            let from = if line == before[0] { before[1] } else { 0 };
            data.extend([line - before[0], start - from, length, kind, modifiers]);
            before = [line, start];
        }
        json!({"data": data})
    }
}
