//! Completions, and the variables of earlier cells among them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answers::{Answers, Part};
use super::body::FUNCTION;
use super::overlay::Overlay;
use super::split::{Chunk, split};
use super::text;

impl Answers<'_> {
    pub(super) fn completion(&mut self, part: Part) -> Value {
        let Part { overlay: Some(overlay), mut result } = part else { return part.result };
        let items = match &mut result {
            Value::Array(items) => items,
            Value::Object(list) => match list.get_mut("items") {
                Some(Value::Array(items)) => items,
                _ => return result,
            },
            _ => return result,
        };
        let is_ours = |item: &Value| item["label"].as_str().is_some_and(|label| label.starts_with(FUNCTION));
        items.retain_mut(|item| !is_ours(item) && self.item(&overlay, item).is_some());
        let variables = self.variables(items);
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            let data = item.remove("data").unwrap_or_default();
            item.insert(
                "data".to_owned(),
                json!({"file": overlay.uri, "document": self.document, "cell": self.cell, "data": data}),
            );
        }
        items.extend(variables.into_iter().flatten());
        result
    }

    /// The variables of earlier cells that rust-analyzer does not see, as the cell does not name them yet.
    fn variables(&self, found: &[Value]) -> Option<Vec<Value>> {
        let is_known = |name: &str| found.iter().any(|item| item["label"] == name);
        // Where it completes this, an expression may stand.
        is_known("match").then_some(())?;
        let seen = self.seen()?;
        // Cells may have come and gone since it was asked.
        let (cell, position) = seen.cell_at(self.document, self.position?)?;
        let text = seen.texts.get(cell)?;
        let at = text::offset(text, position);
        let is_in_item = |chunk: &Chunk| chunk.is_item && chunk.range.start < at && at < chunk.range.end;
        if split(text).chunks.iter().any(is_in_item) {
            return None;
        }
        let earlier = seen.variables.iter().filter(|(index, name)| *index < cell && !is_known(name));
        // Of one name the last.
        let last: BTreeMap<&str, usize> = earlier.map(|(index, name)| (name.as_str(), *index)).collect();
        let shown = |(name, index): (&str, usize)| {
            let from = format!("cell {}", index + 1);
            json!({"label": name, "kind": 6, "labelDetails": {"description": from}})
        };
        Some(last.into_iter().map(shown).collect())
    }

    /// Puts the edits of a completion into the cell.
    fn item(&mut self, overlay: &Overlay, item: &mut Value) -> Option<()> {
        let object = item.as_object_mut()?;
        if let Some(edit) = object.get_mut("textEdit") {
            for key in ["range", "insert", "replace"] {
                if let Some(range) = edit.get_mut(key) {
                    *range = self.range(overlay, range)?;
                }
            }
        }
        if let Some(Value::Array(edits)) = object.get_mut("additionalTextEdits") {
            *edits = edits
                .iter()
                .filter_map(|edit| self.edit(overlay, edit))
                .filter(|(uri, _)| uri == self.document)
                .map(|(_, edit)| edit)
                .collect();
        }
        object.remove("command");
        Some(())
    }

    pub(super) fn resolved(&mut self, part: Part) -> Value {
        let Part { overlay: Some(overlay), mut result } = part else { return part.result };
        // What it completes was told when it was listed (`finish`); here it is at its place in the overlay.
        if let Some(item) = result.as_object_mut() {
            item.remove("textEdit");
        }
        if self.item(&overlay, &mut result).is_none()
            && let Some(item) = result.as_object_mut()
        {
            item.remove("additionalTextEdits");
        }
        result
    }
}
