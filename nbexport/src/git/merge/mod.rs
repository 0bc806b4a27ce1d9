//! Three versions of a notebook → one: a three-way merge by cell.
//!
//! Sources are merged line by line; where both sides changed the same lines, the cell gets git's markers and the
//! notebook stays a notebook. Outputs and execution counts never conflict, metadata is merged key by key. What only
//! one side touched keeps its bytes.

pub mod modules;

use std::collections::BTreeSet;

use serde_json::Value;
use similar::TextMerge;

use crate::diagnostic::{Diagnostic, Result};
use crate::git::matching::matched;
use crate::git::values::{Clash, Values, get, is_bookkeeping, keys};
use crate::notebook::json::{Entry, entries};
use crate::notebook::{Cell, Notebook, lines, short_hash};

/// How conflicts are marked.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many characters a marker has; git asks for more than 7 when it merges merge bases.
    pub marker_size: usize,
    /// What stands beside `<<<<<<<`.
    pub ours: String,
    /// What stands beside `>>>>>>>`.
    pub theirs: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { marker_size: 7, ours: "ours".into(), theirs: "theirs".into() }
    }
}

/// What came of a merge.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The merged notebook's text.
    pub text: String,
    /// What a person has to decide.
    pub conflicts: Vec<Conflict>,
}

/// Something that both sides changed, each in its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The id of the cell; `None` for the notebook's own metadata.
    pub cell: Option<String>,
    /// What it is about.
    pub what: What,
}

/// What a conflict is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Both sides changed the same lines; the cell holds markers.
    Source,
    /// One side deleted the cell and the other changed it; the cell is kept, with markers.
    Deleted,
    /// Both sides changed a value that a person wrote. Ours is kept, or theirs where ours took it out.
    Value {
        /// The keys that lead to it.
        path: String,
        /// Our value as JSON; `None` when it was taken out.
        ours: Option<String>,
        /// The other side's.
        theirs: Option<String>,
    },
}

/// The text of a notebook without cells: the common ancestor of two notebooks that have none.
pub const EMPTY: &str = r#"{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}"#;

/// Merges `ours` and `theirs`, which both come from `base`.
///
/// # Errors
/// The result would not be a notebook with unique ids, or would lack a cell.
pub fn merge(base: &Notebook, ours: &Notebook, theirs: &Notebook, options: &Options) -> Result<Merged> {
    let unchanged = |text: &str| Merged { text: text.to_owned(), conflicts: Vec::new() };
    if theirs.text() == base.text() || theirs.text() == ours.text() {
        return Ok(unchanged(ours.text()));
    }
    if ours.text() == base.text() {
        return Ok(unchanged(theirs.text()));
    }
    let mut sides = Merger { base, ours, theirs, options, conflicts: Vec::new() };
    let text = sides.notebook();
    let merged = Notebook::parse(&ours.name, text.clone())?;
    let ids: BTreeSet<&str> = merged.cells.iter().map(|cell| cell.id.as_str()).collect();
    if ids.len() < merged.cells.len() {
        return Err(Diagnostic::error("the merged notebook would have two cells of one id"));
    }
    Ok(Merged { text, conflicts: sides.conflicts })
}

/// A cell in the three versions, by its place in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Trio {
    base: Option<usize>,
    ours: Option<usize>,
    theirs: Option<usize>,
}

struct Merger<'a> {
    base: &'a Notebook,
    ours: &'a Notebook,
    theirs: &'a Notebook,
    options: &'a Options,
    conflicts: Vec<Conflict>,
}

impl Merger<'_> {
    fn notebook(&mut self) -> String {
        let versions = [self.base, self.ours, self.theirs].map(|notebook| entries(json_of(notebook)));
        let minor = self.ours.nbformat_minor.max(self.theirs.nbformat_minor);
        let cells = self.cells(minor);
        let mut merged = Vec::new();
        for key in keys(&versions) {
            let value = match key.as_str() {
                "cells" => Some(self.ours.array(&cells, 1)),
                "nbformat_minor" => Some(minor.to_string()),
                _ => self.value(&key, &versions, None, 1),
            };
            merged.extend(value.map(|value| (key, value)));
        }
        let text = self.ours.text();
        let start = text.len() - text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).len();
        format!("{}{}{}", &text[..start], self.ours.object(&merged, 0), &text[text.trim_end().len()..])
    }

    /// The texts of the merged cells, in order, with ids that are unique.
    fn cells(&mut self, minor: u32) -> Vec<String> {
        let mut used = BTreeSet::new();
        let mut texts = Vec::new();
        for trio in self.order() {
            let Some((text, id)) = self.cell(trio) else { continue };
            let own = entries(&text).into_iter().find(|(key, _)| key == "id").map(|(_, id)| id);
            let mut unique = id.clone();
            while !used.insert(unique.clone()) {
                unique = short_hash(&format!("{unique}\n{text}"));
            }
            for conflict in self.conflicts.iter_mut().filter(|conflict| conflict.cell.as_ref() == Some(&id)) {
                conflict.cell = Some(unique.clone());
            }
            let as_json = Value::from(unique).to_string();
            // Before nbformat 4.5 a cell has no id, and from then on it must have one.
            if minor < 5 || own.as_ref() == Some(&as_json) {
                texts.push(text);
            } else {
                let mut all = entries(&text);
                all.retain(|(key, _)| key != "id");
                all.insert(all.len().min(1), ("id".to_owned(), as_json));
                texts.push(self.ours.object(&all, 2));
            }
        }
        texts
    }

    /// All cells of the three versions in the order of the merged notebook, deleted ones among them.
    fn order(&self) -> Vec<Trio> {
        let from_base = |cells: &[Cell]| matched(&self.base.cells, cells);
        let (ours, theirs) = (from_base(&self.ours.cells), from_base(&self.theirs.cells));
        let mut in_ours: Vec<Trio> = ours
            .iter()
            .enumerate()
            .map(|(index, base)| Trio { base: *base, ours: Some(index), theirs: None })
            .collect();
        let mut in_theirs = Vec::new();
        for (index, base) in theirs.into_iter().enumerate() {
            // A cell that both sides added under one id is one cell.
            let id = &self.theirs.cells[index].id;
            let same = in_ours.iter_mut().find(|trio| {
                let added = base.is_none() && trio.base.is_none() && trio.theirs.is_none();
                (base.is_some() && trio.base == base)
                    || added && trio.ours.is_some_and(|ours| self.ours.cells[ours].id == *id)
            });
            in_theirs.push(match same {
                Some(trio) => {
                    trio.theirs = Some(index);
                    *trio
                }
                None => Trio { base, ours: None, theirs: Some(index) },
            });
        }
        let common = |order: &[Trio]| -> Vec<usize> {
            let all = order.iter().filter(|trio| trio.ours.is_some() && trio.theirs.is_some());
            all.filter_map(|trio| trio.base).collect()
        };
        // Where only they moved cells, their order is the one to follow. Either way our new cells stand before theirs.
        if common(&in_ours).is_sorted() {
            weave(in_theirs, &in_ours, true)
        } else {
            weave(in_ours, &in_theirs, false)
        }
    }

    /// The text and id of one merged cell; `None` when it is deleted.
    fn cell(&mut self, trio: Trio) -> Option<(String, String)> {
        let base = trio.base.map(|index| &self.base.cells[index]);
        let ours = trio.ours.map(|index| &self.ours.cells[index]);
        let theirs = trio.theirs.map(|index| &self.theirs.cells[index]);
        let (notebook, cell, text) = match (base, ours, theirs) {
            (_, Some(our), Some(their)) => return Some((self.both(base, our, their), our.id.clone())),
            (None, Some(our), None) => return Some((text_of(self.ours, our).to_owned(), our.id.clone())),
            (None, None, Some(their)) => {
                return Some((text_of(self.theirs, their).to_owned(), their.id.clone()));
            }
            (Some(base), Some(our), None) if !same_content(self.base, base, self.ours, our) => {
                (self.ours, our, self.conflict(Some(our.text()), None))
            }
            (Some(base), None, Some(their)) if !same_content(self.base, base, self.theirs, their) => {
                (self.theirs, their, self.conflict(None, Some(their.text())))
            }
            _ => return None,
        };
        self.conflicts.push(Conflict { cell: Some(cell.id.clone()), what: What::Deleted });
        let mut all = entries(text_of(notebook, cell));
        for (_, value) in all.iter_mut().filter(|(key, _)| key == "source") {
            *value = self.ours.json(&lines(&text), 3);
        }
        Some((self.ours.object(&all, 2), cell.id.clone()))
    }

    /// A cell that both sides have.
    fn both(&mut self, base: Option<&Cell>, our: &Cell, their: &Cell) -> String {
        let raw_base = base.map(|base| text_of(self.base, base));
        let (raw_ours, raw_theirs) = (text_of(self.ours, our), text_of(self.theirs, their));
        if raw_ours == raw_theirs || raw_base == Some(raw_theirs) {
            return raw_ours.to_owned();
        }
        if raw_base == Some(raw_ours) {
            return raw_theirs.to_owned();
        }
        let versions = [raw_base.map_or_else(Vec::new, entries), entries(raw_ours), entries(raw_theirs)];
        let base_text = base.map_or("", Cell::text);
        // Outputs belong to the text that gave them: they come from the side that alone changed it.
        let kept = base.is_some_and(|base| base.kind == our.kind) && our.kind != their.kind;
        let run_theirs =
            kept || our.kind == their.kind && our.text() == base_text && their.text() != base_text;
        let run_ours = our.kind != their.kind || our.text() != base_text;
        let mut merged = Vec::new();
        for key in keys(&versions) {
            let value = match key.as_str() {
                "id" => get(&versions[1], &key).or(get(&versions[2], &key)).map(str::to_owned),
                "source" => Some(self.source(base, our, their, &versions)),
                "outputs" | "execution_count" if run_theirs => get(&versions[2], &key).map(str::to_owned),
                "outputs" | "execution_count" if run_ours => get(&versions[1], &key).map(str::to_owned),
                _ => self.value(&key, &versions, Some(&our.id), 3),
            };
            merged.extend(value.map(|value| (key, value)));
        }
        self.ours.object(&merged, 2)
    }

    /// The JSON of a merged source.
    fn source(
        &mut self,
        base: Option<&Cell>,
        our: &Cell,
        their: &Cell,
        versions: &[Vec<Entry>; 3],
    ) -> String {
        // `similar` keeps apart a last line with and without its end; a cell's last line has none.
        let [from, ours, theirs] =
            [base.map_or("", Cell::text), our.text(), their.text()].map(|text| format!("{text}\n"));
        let mut merge = TextMerge::from_lines(&from, &ours, &theirs);
        merge.conflict_marker_size(self.options.marker_size).labels(
            "base",
            &self.options.ours,
            &self.options.theirs,
        );
        if merge.is_conflicted() {
            self.conflicts.push(Conflict { cell: Some(our.id.clone()), what: What::Source });
        }
        let text = merge.to_string();
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let side = [(our, 1), (their, 2)].into_iter().find(|(cell, _)| cell.text() == text);
        match side.and_then(|(_, version)| get(&versions[version], "source")) {
            Some(raw) => raw.to_owned(),
            None => self.ours.json(&lines(text), 3),
        }
    }

    /// A whole cell against its deletion.
    fn conflict(&self, ours: Option<&str>, theirs: Option<&str>) -> String {
        let marker = |sign: &str| sign.repeat(self.options.marker_size);
        let side = |text: Option<&str>| text.map_or(String::new(), |text| format!("{text}\n"));
        format!(
            "{} {}\n{}{}\n{}{} {}",
            marker("<"),
            self.options.ours,
            side(ours),
            marker("="),
            side(theirs),
            marker(">"),
            self.options.theirs
        )
    }

    /// The text of one merged value; `None` when it is deleted.
    fn value(
        &mut self,
        key: &str,
        versions: &[Vec<Entry>; 3],
        cell: Option<&str>,
        depth: usize,
    ) -> Option<String> {
        let raws = [0, 1, 2].map(|version| get(&versions[version], key));
        let mut values = Values { notebook: self.ours, clashes: Vec::new() };
        let merged = values.merge(raws, key, depth);
        let clashes = values.clashes.into_iter().filter(|clash| !is_bookkeeping(&clash.path));
        self.conflicts.extend(clashes.map(|Clash { path, ours, theirs }| Conflict {
            cell: cell.map(str::to_owned),
            what: What::Value { path, ours, theirs },
        }));
        merged
    }
}

/// Puts the cells that only `other` has into `order`, each after the cell it follows in `other`.
fn weave(mut order: Vec<Trio>, other: &[Trio], other_first: bool) -> Vec<Trio> {
    let known: BTreeSet<Trio> = other.iter().copied().collect();
    let mut after = None;
    for trio in other {
        let there = order.iter().position(|it| it == trio);
        if there.is_none() {
            let mut at =
                after.and_then(|after| order.iter().position(|it| it == after)).map_or(0, |at| at + 1);
            while !other_first && order.get(at).is_some_and(|it| !known.contains(it)) {
                at += 1;
            }
            order.insert(at, *trio);
        }
        after = Some(trio);
    }
    order
}

/// Whether a person would say that a cell was not edited: outputs do not count.
fn same_content(of: &Notebook, cell: &Cell, in_other: &Notebook, other: &Cell) -> bool {
    let attachments = |notebook: &Notebook, cell: &Cell| {
        get(&entries(text_of(notebook, cell)), "attachments")
            .and_then(|raw| serde_json::from_str::<Value>(raw).ok())
    };
    cell.kind == other.kind
        && cell.text() == other.text()
        && attachments(of, cell) == attachments(in_other, other)
}

fn text_of<'a>(notebook: &'a Notebook, cell: &Cell) -> &'a str {
    &notebook.text()[cell.spans.cell.clone()]
}

fn json_of(notebook: &Notebook) -> &str {
    notebook.text().trim_start_matches('\u{feff}')
}
