//! What people do to a notebook: each line that somebody types is like no other, so what became of it shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::{counts, tags};
use crate::support::pretty;

/// What a person does to one version.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Type(Index, Index),
    Extend(Index, Index),
    Rewrite(Index, Index),
    Cut(Index, Index),
    Add(Index, bool, u8),
    Delete(Index),
    Move(Index, Index),
    Replace(Index),
    Split(Index, Index),
    Join(Index),
    Copy(Index, Index),
    Run(Index),
    Tag(Index),
    ChangeKind(Index),
    GiveIds,
}

pub(super) fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        6 => (at(), at()).prop_map(|(cell, row)| Edit::Type(cell, row)),
        4 => (at(), at()).prop_map(|(cell, row)| Edit::Extend(cell, row)),
        4 => (at(), at()).prop_map(|(cell, row)| Edit::Rewrite(cell, row)),
        3 => (at(), at()).prop_map(|(cell, row)| Edit::Cut(cell, row)),
        4 => (at(), any::<bool>(), 1..5u8).prop_map(|(place, code, rows)| Edit::Add(place, code, rows)),
        5 => at().prop_map(Edit::Delete),
        3 => (at(), at()).prop_map(|(from, to)| Edit::Move(from, to)),
        3 => at().prop_map(Edit::Replace),
        2 => (at(), at()).prop_map(|(cell, row)| Edit::Split(cell, row)),
        2 => at().prop_map(Edit::Join),
        1 => (at(), at()).prop_map(|(cell, to)| Edit::Copy(cell, to)),
        3 => at().prop_map(Edit::Run),
        2 => at().prop_map(Edit::Tag),
        1 => at().prop_map(Edit::ChangeKind),
        1 => Just(Edit::GiveIds),
    ]
}

/// The notebook that both versions come from.
#[derive(Clone, Debug)]
pub(super) enum Base {
    /// Cells of so many lines, of code or not; a cell of no lines of its own is like each other such cell.
    Made(Vec<(bool, u8)>),
    /// Some cells of one of the project's own notebooks.
    Real(Index, Index, usize),
}

pub(super) fn base() -> impl Strategy<Value = Base> {
    prop_oneof![
        prop::collection::vec((prop::bool::weighted(0.7), 0..6u8), 0..9).prop_map(Base::Made),
        (any::<Index>(), any::<Index>(), 1..12usize)
            .prop_map(|(file, at, cells)| Base::Real(file, at, cells)),
    ]
}

#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// Which of the base's cells it is, or a number of its own.
    pub(super) origin: String,
    /// The origins of the cells that were joined to it.
    joined: Vec<String>,
    pub(super) json: Map<String, Value>,
    pub(super) rows: Vec<String>,
}

impl Cell {
    /// Which of the base's cells it was made of.
    pub(super) fn origins(&self) -> impl Iterator<Item = &String> {
        [&self.origin].into_iter().chain(&self.joined)
    }
}

/// A version of the notebook, and whose.
#[derive(Clone, Debug)]
pub(super) struct Version {
    who: &'static str,
    pub(super) typed: usize,
    pub(super) cells: Vec<Cell>,
    pub(super) minor: u32,
    /// The cells of the base that this person did anything to but move them.
    pub(super) touched: BTreeSet<String>,
    pub(super) has_moved: bool,
    /// Lines went from one cell to another.
    pub(super) has_regrouped: bool,
    pub(super) outputs: BTreeMap<String, String>,
}

/// A value that JSON libraries change when they decode and encode it.
pub(super) const ODD: &str = "[117.63331139400017, 1e-05, 123456789012345678901234567890, \"\\u003c\"]";

/// The cells of the project's own notebooks.
fn real() -> &'static [Vec<Value>] {
    static REAL: OnceLock<Vec<Vec<Value>>> = OnceLock::new();
    REAL.get_or_init(|| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../notebooks");
        let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "ipynb"));
        paths.sort();
        let cells = |path| {
            let notebook: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            notebook["cells"].as_array().unwrap().clone()
        };
        paths.into_iter().map(cells).collect()
    })
}

impl Version {
    pub(super) fn base(base: &Base, ids: bool) -> Self {
        let minor = if ids { 5 } else { 4 };
        let mut version = Self {
            who: "b",
            typed: 0,
            cells: Vec::new(),
            minor,
            touched: BTreeSet::new(),
            has_moved: false,
            has_regrouped: false,
            outputs: BTreeMap::new(),
        };
        match base {
            Base::Made(cells) => {
                for (code, rows) in cells {
                    let cell = version.made(*code, *rows);
                    version.cells.push(cell);
                }
            }
            Base::Real(file, at, count) => {
                let cells = &real()[file.index(real().len())];
                let start = at.index(cells.len());
                for cell in &cells[start..(start + count).min(cells.len())] {
                    let mut json = cell.as_object().unwrap().clone();
                    let source: String =
                        json["source"].as_array().unwrap().iter().map(|row| row.as_str().unwrap()).collect();
                    if !ids {
                        json.remove("id");
                    }
                    json["metadata"]["odd"] = json!("@odd@");
                    let rows = source.split('\n').map(str::to_owned).collect();
                    let origin = format!("b{}", version.cells.len());
                    version.cells.push(Cell { origin, joined: Vec::new(), json, rows });
                }
            }
        }
        version
    }

    /// How often a line was added to cells, whatever was taken away from others.
    pub(super) fn added(&self, row: &str, base: &Self) -> usize {
        let count = |cell: &Cell| cell.rows.iter().filter(|it| *it == row).count();
        let before = |cell: &Cell| -> usize {
            base.cells.iter().filter(|it| cell.origins().any(|origin| *origin == it.origin)).map(count).sum()
        };
        self.cells.iter().map(|cell| count(cell).saturating_sub(before(cell))).sum()
    }

    pub(super) fn side(&self, who: &'static str) -> Self {
        Self { who, typed: 0, ..self.clone() }
    }

    fn token(&mut self) -> String {
        self.typed += 1;
        format!("x{}{}x", self.who, self.typed)
    }

    fn row(&mut self) -> String {
        let token = self.token();
        match self.typed % 3 {
            0 => format!("let {token} = 1;"),
            1 => format!("// {token} is what this line is about"),
            _ => format!("println!(\"{{}}\", {token});"),
        }
    }

    fn made(&mut self, code: bool, rows: u8) -> Cell {
        let mut all: Vec<String> = (0..rows).map(|_| self.row()).collect();
        if rows == 0 {
            all.push("use std::fmt;".to_owned());
        } else if rows > 3 {
            all.insert(2, String::new());
            all.push("}".to_owned());
        }
        let origin = format!("{}{}", self.who, self.typed * 100 + self.cells.len());
        let mut json = Map::new();
        json.insert("cell_type".into(), json!(if code { "code" } else { "markdown" }));
        if code {
            json.insert("execution_count".into(), Value::Null);
        }
        if self.minor >= 5 {
            json.insert("id".into(), json!(format!("id-{origin}")));
        }
        json.insert("metadata".into(), json!({"odd": "@odd@"}));
        if code {
            json.insert("outputs".into(), json!([]));
        }
        json.insert("source".into(), Value::Null);
        Cell { origin, joined: Vec::new(), json, rows: all }
    }

    fn touch(&mut self, at: usize) -> &mut Cell {
        self.touched.insert(self.cells[at].origin.clone());
        &mut self.cells[at]
    }

    pub(super) fn make(&mut self, edit: &Edit) {
        let count = self.cells.len();
        if count == 0 && !matches!(edit, Edit::Add(..) | Edit::GiveIds) {
            return;
        }
        match edit {
            Edit::Type(cell, row) => {
                let text = self.row();
                let rows = &mut self.touch(cell.index(count)).rows;
                rows.insert(row.index(rows.len() + 1), text);
            }
            Edit::Extend(cell, row) => {
                let token = self.token();
                let rows = &mut self.touch(cell.index(count)).rows;
                if !rows.is_empty() {
                    let row = row.get_mut(rows);
                    let _ = write!(row, " // {token}");
                }
            }
            Edit::Rewrite(cell, row) => {
                let text = self.row();
                let rows = &mut self.touch(cell.index(count)).rows;
                if !rows.is_empty() {
                    *row.get_mut(rows) = text;
                }
            }
            Edit::Cut(cell, row) => {
                let rows = &mut self.touch(cell.index(count)).rows;
                if !rows.is_empty() {
                    rows.remove(row.index(rows.len()));
                }
            }
            Edit::Replace(cell) => {
                let rows = vec![self.row(), self.row()];
                self.touch(cell.index(count)).rows = rows;
            }
            Edit::Run(cell) => {
                let token = self.token();
                let cell = self.touch(cell.index(count));
                if cell.json["cell_type"] == "code" {
                    cell.json["outputs"] =
                        json!([{"name": "stdout", "output_type": "stream", "text": [token]}]);
                    let origin = cell.origin.clone();
                    self.outputs.insert(origin, token);
                }
            }
            Edit::Tag(cell) => {
                let token = self.token();
                let metadata = &mut self.touch(cell.index(count)).json["metadata"];
                let tags = metadata.as_object_mut().unwrap().entry("tags").or_insert_with(|| json!([]));
                tags.as_array_mut().unwrap().push(json!(token));
            }
            Edit::ChangeKind(cell) => {
                let cell = self.touch(cell.index(count));
                if cell.json["cell_type"] == "code" {
                    cell.json["cell_type"] = json!("markdown");
                    cell.json.remove("outputs");
                    cell.json.remove("execution_count");
                    let origin = cell.origin.clone();
                    self.outputs.remove(&origin);
                } else {
                    cell.json["cell_type"] = json!("code");
                    cell.json.insert("outputs".into(), json!([]));
                    cell.json.insert("execution_count".into(), Value::Null);
                }
            }
            Edit::GiveIds => {
                self.minor = 5;
                for (index, cell) in self.cells.iter_mut().enumerate() {
                    let id = json!(format!("given-{}-{index}", self.who));
                    cell.json.entry("id").or_insert(id);
                }
            }
            _ => self.rearrange(edit, count),
        }
    }

    /// The edits that add, take away and move cells.
    fn rearrange(&mut self, edit: &Edit, count: usize) {
        match edit {
            Edit::Add(place, code, rows) => {
                let cell = self.made(*code, *rows);
                self.cells.insert(place.index(count + 1), cell);
            }
            Edit::Delete(cell) => {
                self.touch(cell.index(count));
                self.cells.remove(cell.index(count));
            }
            Edit::Move(from, to) => {
                self.has_moved = true;
                let cell = self.cells.remove(from.index(count));
                self.cells.insert(to.index(count), cell);
            }
            Edit::Split(cell, row) => {
                self.has_regrouped = true;
                let at = cell.index(count);
                let cell = self.touch(at);
                let below = cell.rows.split_off(row.index(cell.rows.len() + 1));
                let code = cell.json["cell_type"] == "code";
                let mut second = self.made(code, 1);
                second.rows = below;
                self.cells.insert(at + 1, second);
            }
            Edit::Join(cell) => {
                self.has_regrouped = true;
                let at = cell.index(count);
                if at + 1 < count {
                    self.touch(at + 1);
                    let below = self.cells.remove(at + 1);
                    let cell = self.touch(at);
                    cell.joined.extend(below.origins().cloned());
                    cell.rows.extend(below.rows);
                }
            }
            Edit::Copy(cell, to) => {
                self.has_moved = true;
                let from = self.cells[cell.index(count)].clone();
                let mut copy = self.made(true, 1);
                let id = copy.json.get("id").cloned();
                (copy.json, copy.rows) = (from.json, from.rows);
                if let Some(id) = id {
                    copy.json.insert("id".into(), id);
                }
                self.cells.insert(to.index(count + 1), copy);
            }
            _ => unreachable!("an edit of one cell"),
        }
    }

    pub(super) fn text(&self) -> String {
        let cells: Vec<Value> = self
            .cells
            .iter()
            .map(|cell| {
                let mut json = cell.json.clone();
                let source = cell.rows.join("\n");
                json.insert("source".into(), source.split_inclusive('\n').map(Value::from).collect());
                Value::Object(json)
            })
            .collect();
        let notebook = json!({"cells": cells, "metadata": {"odd": "@odd@"}, "nbformat": 4, "nbformat_minor": self.minor});
        pretty(&notebook).replace("\"@odd@\"", ODD)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().flat_map(|cell| &cell.rows).map(String::as_str)
    }

    /// How often each line stands in it.
    pub(super) fn counts(&self) -> BTreeMap<&str, usize> {
        counts(self.rows())
    }

    pub(super) fn tags(&self) -> BTreeSet<String> {
        self.cells.iter().flat_map(|cell| tags(&Value::Object(cell.json.clone()))).collect()
    }

    /// Whether two of its cells have one text: without ids nobody can tell them apart.
    pub(super) fn has_twins(&self) -> bool {
        let texts: BTreeSet<&[String]> = self.cells.iter().map(|cell| cell.rows.as_slice()).collect();
        texts.len() < self.cells.len()
    }
}
