//! The versions of one cell → the merged cell.

use std::collections::BTreeSet;

use serde_json::Value;
use similar::TextMerge;

use super::order::Triple;
use super::{Options, What};
use crate::git::values::{Clash, Values, is_bookkeeping};
use crate::notebook::json::{Change, Object, elements, is_same};
use crate::notebook::{Cell, Notebook, lines};

/// The three versions, and how conflicts are marked.
pub(super) struct Sides<'a> {
    pub base: &'a Notebook,
    pub ours: &'a Notebook,
    pub theirs: &'a Notebook,
    pub options: &'a Options,
}

/// What a merge of values gives, and what a person has to decide about it.
pub(super) struct Outcome {
    pub text: String,
    pub conflicts: Vec<What>,
}

impl Outcome {
    fn clean(text: &str) -> Self {
        Self { text: text.to_owned(), conflicts: Vec::new() }
    }
}

/// One version of a cell.
#[derive(Clone, Copy)]
struct Version<'a> {
    cell: &'a Cell,
    raw: &'a str,
}

impl<'a> Version<'a> {
    fn of(notebook: &'a Notebook, index: usize) -> Self {
        let cell = &notebook.cells[index];
        Self { cell, raw: &notebook.text()[cell.spans.cell.clone()] }
    }

    fn object(self) -> Object<'a> {
        Object::parse(self.raw).expect("a cell is an object")
    }
}

impl Sides<'_> {
    /// The merged cell; `None` when it is deleted.
    pub(super) fn cell(&self, triple: Triple) -> Option<Outcome> {
        let base = triple.base.map(|index| Version::of(self.base, index));
        let ours = triple.ours.map(|index| Version::of(self.ours, index));
        let theirs = triple.theirs.map(|index| Version::of(self.theirs, index));
        match (base, ours, theirs) {
            (_, Some(ours), Some(theirs)) => Some(self.both(base, ours, theirs)),
            (None, Some(only), None) | (None, None, Some(only)) => Some(Outcome::clean(only.raw)),
            (Some(base), Some(ours), None) if is_touched(base, ours) => {
                Some(self.deleted(ours, [ours.cell.text(), ""]))
            }
            (Some(base), None, Some(theirs)) if is_touched(base, theirs) => {
                Some(self.deleted(theirs, ["", theirs.cell.text()]))
            }
            _ => None,
        }
    }

    /// A cell that one side changed and the other deleted: kept, with both between markers.
    fn deleted(&self, kept: Version<'_>, [ours, theirs]: [&str; 2]) -> Outcome {
        let marker = |sign: &str| sign.repeat(self.options.marker_size);
        let side = |text: &str| if text.is_empty() { String::new() } else { format!("{text}\n") };
        let text = format!(
            "{} {}\n{}{}\n{}{} {}",
            marker("<"),
            self.options.ours,
            side(ours),
            marker("="),
            side(theirs),
            marker(">"),
            self.options.theirs
        );
        let change = ("source".to_owned(), Some(self.source_like(kept, &text)));
        Outcome { text: kept.object().with(&[change], self.ours, 2), conflicts: vec![What::Deleted] }
    }

    /// A cell that both sides have.
    fn both(&self, base: Option<Version<'_>>, ours: Version<'_>, theirs: Version<'_>) -> Outcome {
        let raw_base = base.map(|base| base.raw);
        if ours.raw == theirs.raw || raw_base == Some(theirs.raw) {
            return Outcome::clean(ours.raw);
        }
        if raw_base == Some(ours.raw) {
            return Outcome::clean(theirs.raw);
        }
        let objects = [base.map(Version::object), Some(ours.object()), Some(theirs.object())];
        let kept = outputs_of(base.map(|base| base.cell), ours.cell, theirs.cell);
        let mut conflicts = Vec::new();
        let changes = changes(&objects, |key, values| match key {
            "id" => values[1].or(values[2]).map(str::to_owned),
            "source" => Some(self.source(base, ours, theirs, &mut conflicts)),
            "outputs" | "execution_count" if kept.is_some() => {
                kept.and_then(|side| values[side]).map(str::to_owned)
            }
            _ => self.value(key, values, 3, &mut conflicts),
        });
        Outcome { text: ours.object().with(&changes, self.ours, 2), conflicts }
    }

    /// The JSON of a merged source.
    fn source(
        &self,
        base: Option<Version<'_>>,
        ours: Version<'_>,
        theirs: Version<'_>,
        conflicts: &mut Vec<What>,
    ) -> String {
        // `similar` keeps apart a last line with and without its end; a cell's last line has none.
        let [from, our_text, their_text] =
            [base.map_or("", |base| base.cell.text()), ours.cell.text(), theirs.cell.text()]
                .map(|text| format!("{text}\n"));
        let mut merge = TextMerge::from_lines(&from, &our_text, &their_text);
        merge.conflict_marker_size(self.options.marker_size).labels(
            "base",
            &self.options.ours,
            &self.options.theirs,
        );
        if merge.is_conflicted() {
            conflicts.push(What::Source);
        }
        let text = merge.to_string();
        let text = text.strip_suffix('\n').unwrap_or(&text);
        match [ours, theirs].into_iter().find(|side| side.cell.text() == text) {
            Some(side) => side.object().get("source").unwrap_or_default().to_owned(),
            None => self.source_like(ours, text),
        }
    }

    /// A source as this cell has it: a string, or a list of lines.
    fn source_like(&self, version: Version<'_>, text: &str) -> String {
        let is_list = version.object().get("source").is_some_and(|raw| raw.starts_with('['));
        self.ours.json(&if is_list { lines(text) } else { Value::from(text) }, 3)
    }

    /// The text of one merged value; `None` when it is deleted.
    pub(super) fn value(
        &self,
        key: &str,
        versions: [Option<&str>; 3],
        depth: usize,
        conflicts: &mut Vec<What>,
    ) -> Option<String> {
        let mut values = Values { notebook: self.ours, clashes: Vec::new() };
        let merged = values.merge(versions, key, depth);
        let clashes = values.clashes.into_iter().filter(|clash| !is_bookkeeping(&clash.path));
        conflicts.extend(clashes.map(|Clash { path, ours, theirs }| What::Value { path, ours, theirs }));
        merged
    }
}

/// What differs from ours when each key of three objects (base, ours, theirs) is merged.
pub(super) fn changes(
    objects: &[Option<Object<'_>>; 3],
    mut merge: impl FnMut(&str, [Option<&str>; 3]) -> Option<String>,
) -> Vec<Change> {
    let mut keys: Vec<&str> = Vec::new();
    for key in objects[1..].iter().flatten().flat_map(Object::keys) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let mut changes = Vec::new();
    for key in keys {
        let values = [0, 1, 2].map(|version| objects[version].as_ref().and_then(|object| object.get(key)));
        let merged = merge(key, values);
        if merged.as_deref() != values[1] {
            changes.push((key.to_owned(), merged));
        }
    }
    changes
}

/// Outputs belong to the text that gave them: they come from the side (1 ours, 2 theirs) that alone changed the text or
/// the kind of the cell, or from ours. `None` where nobody changed it.
fn outputs_of(base: Option<&Cell>, ours: &Cell, theirs: &Cell) -> Option<usize> {
    let text = base.map_or("", Cell::text);
    if ours.kind != theirs.kind {
        let theirs_changed = base.is_some_and(|base| base.kind == ours.kind);
        return Some(if theirs_changed { 2 } else { 1 });
    }
    match (ours.text() == text, theirs.text() == text) {
        (true, true) => None,
        (true, false) => Some(2),
        (false, _) => Some(1),
    }
}

/// Whether there is anything in a version of a cell that its deletion would lose: a text, an output, an attachment,
/// metadata that a person wrote.
fn is_touched(base: Version<'_>, side: Version<'_>) -> bool {
    if base.raw == side.raw {
        return false;
    }
    let (before, after) = (base.object(), side.object());
    let keys: BTreeSet<&str> = before.keys().chain(after.keys()).collect();
    base.cell.kind != side.cell.kind
        || base.cell.text() != side.cell.text()
        || keys.into_iter().any(|key| {
            let (before, after) = (before.get(key), after.get(key));
            match key {
                "id" | "source" | "cell_type" | "execution_count" => false,
                "metadata" => differ(before, after, |key| is_bookkeeping(&format!("metadata.{key}"))),
                "outputs" => {
                    let (before, after) = (before.and_then(elements), after.and_then(elements));
                    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
                    before.len() != after.len()
                        || before.into_iter().zip(after).any(|(before, after)| {
                            differ(Some(before), Some(after), |key| key == "execution_count")
                        })
                }
                _ => differ(before, after, |_| false),
            }
        })
}

/// Whether two values differ, some keys of objects left out.
fn differ(before: Option<&str>, after: Option<&str>, ignored: impl Fn(&str) -> bool) -> bool {
    let objects = [before.and_then(Object::parse), after.and_then(Object::parse)];
    if objects.iter().all(Option::is_none) {
        return match (before, after) {
            (Some(before), Some(after)) => !is_same(before, after),
            (before, after) => before.is_some() != after.is_some(),
        };
    }
    let get = |version: usize, key: &str| objects[version].as_ref().and_then(|object| object.get(key));
    let keys: BTreeSet<&str> = objects.iter().flatten().flat_map(Object::keys).collect();
    keys.into_iter().filter(|key| !ignored(key)).any(|key| match (get(0, key), get(1, key)) {
        (Some(before), Some(after)) => !is_same(before, after),
        _ => true,
    })
}
