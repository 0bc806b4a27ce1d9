//! Three versions of a notebook → one: a three-way merge by cell.
//!
//! Sources are merged line by line; where both sides changed the same lines, the cell gets git's markers and the
//! notebook stays a notebook. Outputs and execution counts never conflict, metadata is merged key by key. What only
//! one side touched keeps its bytes.

mod cell;
pub mod modules;
mod order;

use std::collections::BTreeSet;

use serde_json::Value;

use self::cell::{Sides, changes};
use self::order::triples;
use crate::diagnostic::{Diagnostic, Result};
use crate::notebook::json::{Object, array_with};
use crate::notebook::{Notebook, short_hash};

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
    /// The number of the merged cell, from 1; `None` for the notebook's own metadata.
    pub cell: Option<usize>,
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
    let sides = Sides { base, ours, theirs, options };
    let mut conflicts = Vec::new();
    let text = notebook(&sides, &mut conflicts);
    let merged = Notebook::parse(&ours.name, text.clone())?;
    let ids: BTreeSet<&str> = merged.cells.iter().map(|cell| cell.id.as_str()).collect();
    if ids.len() < merged.cells.len() {
        return Err(Diagnostic::error("the merged notebook would have two cells of one id"));
    }
    Ok(Merged { text, conflicts })
}

/// Our text with what theirs brings.
fn notebook(sides: &Sides<'_>, conflicts: &mut Vec<Conflict>) -> String {
    let minor = sides.ours.nbformat_minor.max(sides.theirs.nbformat_minor);
    let cells = cells(sides, minor, conflicts);
    let versions = [sides.base, sides.ours, sides.theirs].map(|notebook| Object::parse(json_of(notebook)));
    let mut clashes = Vec::new();
    let changes = changes(&versions, |key, values| match key {
        "cells" => Some(array_with(values[1].unwrap_or("[]"), &cells, sides.ours, 1)),
        "nbformat_minor" => Some(minor.to_string()),
        _ => sides.value(key, values, 1, &mut clashes),
    });
    conflicts.extend(clashes.into_iter().map(|what| Conflict { cell: None, what }));
    let [_, ours, _] = &versions;
    let merged = ours.as_ref().map(|ours| ours.with(&changes, sides.ours, 0)).unwrap_or_default();
    let mark = sides.ours.text().len() - json_of(sides.ours).len();
    format!("{}{merged}", &sides.ours.text()[..mark])
}

/// The texts of the merged cells, in order, with ids that are unique.
fn cells(sides: &Sides<'_>, minor: u32, conflicts: &mut Vec<Conflict>) -> Vec<String> {
    let mut used = BTreeSet::new();
    let mut texts: Vec<String> = Vec::new();
    for triple in triples(&sides.base.cells, &sides.ours.cells, &sides.theirs.cells) {
        let Some(outcome) = sides.cell(triple) else { continue };
        let number = texts.len() + 1;
        conflicts.extend(outcome.conflicts.into_iter().map(|what| Conflict { cell: Some(number), what }));
        let object = Object::parse(&outcome.text).expect("a cell is an object");
        let own = object.get("id").and_then(|id| serde_json::from_str::<String>(id).ok());
        let came_from = if triple.ours.is_some() { sides.ours } else { sides.theirs };
        // From nbformat 4.5 on a cell must have an id. One that had none there is no affair of a merge.
        let lacks_id = own.is_none() && came_from.nbformat_minor < 5 && minor >= 5;
        let unique = match &own {
            Some(own) if used.insert(own.clone()) => None,
            None if !lacks_id => None,
            _ => {
                let mut id = short_hash(&outcome.text);
                while !used.insert(id.clone()) {
                    id = short_hash(&id);
                }
                Some(id)
            }
        };
        texts.push(match unique {
            Some(id) => {
                let id = Some(Value::from(id).to_string());
                object.with(&[("id".to_owned(), id)], sides.ours, 2)
            }
            None => outcome.text,
        });
    }
    texts
}

fn json_of(notebook: &Notebook) -> &str {
    notebook.text().trim_start_matches('\u{feff}')
}
