//! Two versions of a notebook → what a person changed, cell by cell.
//!
//! Cells are matched by id, then by content, so that a moved, an edited and a new cell are told apart. Sources are
//! compared line by line; outputs, metadata and execution counts are summed up, since nobody reads them as JSON.

mod readable;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

use serde_json::{Map, Value, json};
use similar::{Algorithm, ChangeTag, DiffOp, TextDiff, capture_diff_slices};

pub use self::readable::readable;
use crate::git::matching::{Ids, matched};
use crate::notebook::{Cell, CellKind, Notebook, joined};

/// How two versions of a notebook differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotebookDiff {
    /// The cells that differ, in the order of the new version; a removed one stands where it was.
    pub cells: Vec<CellDiff>,
    /// The keys of the notebook's own metadata that differ, as `kernelspec.display_name`.
    pub metadata: Vec<String>,
    /// How many cells differ in their execution count.
    pub execution_counts: usize,
    /// The two texts differ, though nothing above does: in their layout as JSON, or in keys that no one reads.
    pub layout_only: bool,
}

/// How one cell differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellDiff {
    /// The cell's id, in the new version where it is there.
    pub id: String,
    /// Code, markdown or other.
    pub kind: CellKind,
    /// Its place in the old version; `None` for an added cell.
    pub old: Option<usize>,
    /// Its place in the new version; `None` for a removed cell.
    pub new: Option<usize>,
    /// Whether it stands elsewhere among the cells that both versions have.
    pub moved: bool,
    /// The lines of its source, each with ` `, `-` or `+` in front and only those near a change; empty when equal.
    pub lines: Vec<String>,
    /// What became of its outputs, in a line.
    pub outputs: Option<String>,
    /// The keys of its metadata and attachments that differ.
    pub metadata: Vec<String>,
}

impl CellDiff {
    /// What happened to the cell, in a word or two.
    pub fn what(&self) -> &'static str {
        let changed = !self.lines.is_empty() || self.outputs.is_some() || !self.metadata.is_empty();
        match (self.old, self.new, self.moved, changed) {
            (None, ..) => "added",
            (_, None, ..) => "removed",
            (.., true, true) => "moved and changed",
            (.., true, false) => "moved",
            (.., false, _) => "changed",
        }
    }
}

impl NotebookDiff {
    /// Compares two versions.
    pub fn of(old: &Notebook, new: &Notebook) -> Self {
        let matches = matched(&old.cells, &new.cells, Ids::Hint);
        let moved = moved(&matches);
        let mut diff = Self::default();
        let mut removed = (0..old.cells.len()).filter(|index| !matches.contains(&Some(*index))).peekable();
        for (index, cell) in new.cells.iter().enumerate() {
            let before = matches[index];
            while let Some(gone) = removed.next_if(|gone| before.is_some_and(|before| *gone < before)) {
                diff.cells.push(one_sided(old, &old.cells[gone], true));
            }
            let Some(before) = before.map(|before| &old.cells[before]) else {
                diff.cells.push(one_sided(new, cell, false));
                continue;
            };
            let counts =
                [(old, before), (new, cell)].map(|(of, cell)| raw(of, cell.spans.execution_count.as_ref()));
            diff.execution_counts += usize::from(counts[0] != counts[1]);
            let changed = CellDiff {
                id: cell.id.clone(),
                kind: cell.kind,
                old: Some(before.number),
                new: Some(cell.number),
                moved: moved.contains(&index),
                lines: line_diff(before.text(), cell.text()),
                outputs: outputs_diff(old, before, new, cell),
                metadata: cell_metadata_diff(old, before, new, cell),
            };
            if changed.moved || changed.what() != "changed" || !changed.is_equal() {
                diff.cells.push(changed);
            }
        }
        diff.cells.extend(removed.map(|gone| one_sided(old, &old.cells[gone], true)));
        diff.metadata =
            changed_keys(&Value::Object(old.metadata.clone()), &Value::Object(new.metadata.clone()));
        diff.layout_only = diff.is_empty() && old.text() != new.text();
        diff
    }

    fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.metadata.is_empty() && self.execution_counts == 0
    }

    /// Whether the two versions are the same text.
    pub fn is_same(&self) -> bool {
        self.is_empty() && !self.layout_only
    }

    /// The difference as a person reads it: like a unified diff, with a cell where a hunk would be.
    pub fn render(&self, old: &str, new: &str) -> String {
        let mut text = String::new();
        if self.is_same() {
            return text;
        }
        let _ = writeln!(text, "--- {old}\n+++ {new}");
        for cell in &self.cells {
            let place = match (cell.old, cell.new) {
                (Some(old), Some(new)) if cell.moved => format!("cell {old} → {new}"),
                (old, new) => format!("cell {}", new.or(old).unwrap_or_default()),
            };
            let kind = match cell.kind {
                CellKind::Code => "",
                CellKind::Markdown => ", markdown",
                CellKind::Other => ", raw",
            };
            let _ = writeln!(text, "@@ {place} ({}{kind}): {} @@", cell.id, cell.what());
            for line in &cell.lines {
                let _ = writeln!(text, "{line}");
            }
            if let Some(outputs) = &cell.outputs {
                let _ = writeln!(text, "  outputs: {outputs}");
            }
            if !cell.metadata.is_empty() {
                let _ = writeln!(text, "  metadata: {}", cell.metadata.join(", "));
            }
        }
        if !self.metadata.is_empty() {
            let _ = writeln!(text, "@@ notebook metadata: {} @@", self.metadata.join(", "));
        }
        if self.execution_counts > 0 {
            let s = if self.execution_counts == 1 { "" } else { "s" };
            let _ = writeln!(text, "@@ execution count of {} cell{s} @@", self.execution_counts);
        }
        if self.layout_only {
            let _ = writeln!(text, "@@ only the layout of the JSON @@");
        }
        text
    }

    /// The difference as a program reads it.
    pub fn json(&self, name: &str) -> Value {
        let cells: Vec<Value> = self
            .cells
            .iter()
            .map(|cell| {
                json!({
                    "id": cell.id, "what": cell.what(), "old": cell.old, "new": cell.new, "moved": cell.moved,
                    "lines": cell.lines, "outputs": cell.outputs, "metadata": cell.metadata,
                })
            })
            .collect();
        json!({
            "notebook": name, "same": self.is_same(), "cells": cells, "metadata": self.metadata,
            "execution_counts": self.execution_counts, "layout_only": self.layout_only,
        })
    }
}

impl CellDiff {
    fn is_equal(&self) -> bool {
        self.lines.is_empty() && self.outputs.is_none() && self.metadata.is_empty()
    }
}

/// The new cells that stand in another order than the old ones they are.
fn moved(matches: &[Option<usize>]) -> BTreeSet<usize> {
    let (indices, after): (Vec<usize>, Vec<usize>) =
        matches.iter().enumerate().filter_map(|(index, old)| Some((index, (*old)?))).unzip();
    let mut before = after.clone();
    before.sort_unstable();
    let ops = capture_diff_slices(Algorithm::Myers, &before, &after);
    let moved = ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. })).flat_map(DiffOp::new_range);
    moved.map(|at| indices[at]).collect()
}

fn one_sided(notebook: &Notebook, cell: &Cell, removed: bool) -> CellDiff {
    let sign = if removed { '-' } else { '+' };
    let outputs = summary(&outputs(notebook, cell));
    CellDiff {
        id: cell.id.clone(),
        kind: cell.kind,
        old: removed.then_some(cell.number),
        new: (!removed).then_some(cell.number),
        moved: false,
        lines: cell.text().lines().map(|line| format!("{sign}{line}")).collect(),
        outputs: (!outputs.is_empty()).then_some(outputs),
        metadata: Vec::new(),
    }
}

fn line_diff(old: &str, new: &str) -> Vec<String> {
    // A line end at the end of a cell is no line.
    let (old, new) = (format!("{old}\n"), format!("{new}\n"));
    let diff = TextDiff::from_lines(&old, &new);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(3).iter().filter(|_| old != new) {
        if !lines.is_empty() {
            lines.push("  ⋮".to_owned());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            lines.push(format!("{sign}{}", change.value().trim_end_matches('\n')));
        }
    }
    lines
}

/// The text of a value of a notebook; empty when it is not there.
fn raw<'a>(notebook: &'a Notebook, span: Option<&Range<usize>>) -> &'a str {
    span.cloned().map_or("", |span| &notebook.text()[span])
}

fn outputs(notebook: &Notebook, cell: &Cell) -> Vec<Value> {
    let mut outputs = notebook.outputs(cell);
    for output in outputs.iter_mut().filter_map(Value::as_object_mut) {
        output.remove("execution_count");
    }
    outputs
}

fn outputs_diff(old: &Notebook, before: &Cell, new: &Notebook, cell: &Cell) -> Option<String> {
    if raw(old, before.spans.outputs.as_ref()) == raw(new, cell.spans.outputs.as_ref()) {
        return None;
    }
    let (before, after) = (outputs(old, before), outputs(new, cell));
    let named = |outputs: &[Value]| if outputs.is_empty() { "none".to_owned() } else { summary(outputs) };
    let (was, is) = (named(&before), named(&after));
    (before != after)
        .then(|| if was == is { format!("{is}, other content") } else { format!("{was} → {is}") })
}

/// Outputs in a few words: `stdout (3 lines), image/png`.
fn summary(outputs: &[Value]) -> String {
    let lines = |text: &Value| {
        let count = joined(text).lines().count();
        format!("({count} line{})", if count == 1 { "" } else { "s" })
    };
    let one = |output: &Value| match output["output_type"].as_str() {
        Some("stream") => {
            format!("{} {}", output["name"].as_str().unwrap_or("stream"), lines(&output["text"]))
        }
        Some("error") => format!("error {}", output["ename"].as_str().unwrap_or_default()),
        _ => {
            let data = output["data"].as_object();
            let rich = data.and_then(|data| data.keys().find(|mime| *mime != "text/plain"));
            match (rich, data.and_then(|data| data.get("text/plain"))) {
                (Some(mime), _) => mime.clone(),
                (None, Some(text)) => format!("text {}", lines(text)),
                (None, None) => "nothing".to_owned(),
            }
        }
    };
    outputs.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn cell_metadata_diff(old: &Notebook, before: &Cell, new: &Notebook, cell: &Cell) -> Vec<String> {
    let all = |notebook: &Notebook, cell: &Cell| -> Value {
        serde_json::from_str(raw(notebook, Some(&cell.spans.cell))).unwrap_or_default()
    };
    if raw(old, Some(&before.spans.cell)) == raw(new, Some(&cell.spans.cell)) {
        return Vec::new();
    }
    let (before, after) = (all(old, before), all(new, cell));
    let mut keys = changed_keys(&before["metadata"], &after["metadata"]);
    for key in ["attachments", "cell_type"] {
        if before.get(key) != after.get(key) {
            keys.push(key.to_owned());
        }
    }
    keys
}

/// The keys of two objects that differ, those of inner objects as `outer.inner`.
fn changed_keys(old: &Value, new: &Value) -> Vec<String> {
    let none = Map::new();
    let (old, new) = (old.as_object().unwrap_or(&none), new.as_object().unwrap_or(&none));
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differing = keys.into_iter().filter(|key| old.get(*key) != new.get(*key));
    differing
        .flat_map(|key| match (old.get(key), new.get(key)) {
            (Some(old @ Value::Object(_)), Some(new @ Value::Object(_))) => {
                changed_keys(old, new).into_iter().map(|inner| format!("{key}.{inner}")).collect()
            }
            _ => vec![key.clone()],
        })
        .collect()
}
