//! What holds of `export` and `sync` whatever a person does to a notebook and to its modules, in whatever order.
//!
//! Every line that somebody types carries a token of its own (`x17x`). A token is *live* until its own line is taken
//! away by hand, or lost to a flag that asks for that: so long it must stand in the notebook or in a module. More
//! cases than by default: `just random-edits 5000`.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use nbexport::edit::sync::{self, Side};
use nbexport::export::module;
use nbexport::export::{self, Options, Report};
use nbexport::notebook::Notebook;
use nbexport::project::Project;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::support::{Case, cases, pretty};

const NOTEBOOK: &str = "notebooks/00_demo.ipynb";

/// What a cell is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Export,
    Internal,
    Elsewhere,
    Dependency,
    Binary,
    Test,
    Setup,
    Plain,
    Title,
}

/// A line that somebody types. Not each fits everywhere: people do mistype.
#[derive(Clone, Copy, Debug)]
enum Line {
    Comment,
    Item,
    Statement,
    LongItem,
    Text,
    Blank,
}

/// What a person does. An [`Index`] picks a cell, a file or a line of those that are there.
#[derive(Clone, Debug)]
enum Edit {
    CellLine(Index, Index, Line),
    CellWithoutLine(Index, Index),
    AddCell(Index, Role),
    DeleteCell(Index),
    MoveCell(Index, Index),
    ModuleLine(Index, Index, Line),
    ModuleLineAnew(Index, Index, Line),
    ModuleWithoutLine(Index, Index),
    AtTheEnd(Index, Line),
    WithoutMarker(Index, Index),
    MarkerAgain(Index, Index, Index),
    IntoMarker(Index, Index, Index),
    WithoutRegion(Index, Index),
    RegionElsewhere(Index, Index, Index),
    Export,
    Overwrite,
    Sync(Option<bool>),
}

fn role() -> impl Strategy<Value = Role> {
    use Role::{Binary, Dependency, Elsewhere, Export, Internal, Plain, Setup, Test, Title};
    prop_oneof![
        4 => Just(Export), 1 => Just(Internal), 1 => Just(Elsewhere), 1 => Just(Dependency), 1 => Just(Binary),
        4 => Just(Test), 1 => Just(Setup), 1 => Just(Plain), 1 => Just(Title)
    ]
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        4 => Just(Line::Comment), 3 => Just(Line::Item), 2 => Just(Line::Statement), 2 => Just(Line::LongItem),
        1 => Just(Line::Text), 1 => Just(Line::Blank)
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), at(), line()).prop_map(|(cell, row, line)| Edit::CellLine(cell, row, line)),
        1 => (at(), at()).prop_map(|(cell, row)| Edit::CellWithoutLine(cell, row)),
        2 => (at(), role()).prop_map(|(place, role)| Edit::AddCell(place, role)),
        1 => at().prop_map(Edit::DeleteCell),
        1 => (at(), at()).prop_map(|(from, to)| Edit::MoveCell(from, to)),
        4 => (at(), at(), line()).prop_map(|(file, row, line)| Edit::ModuleLine(file, row, line)),
        1 => (at(), at(), line()).prop_map(|(file, row, line)| Edit::ModuleLineAnew(file, row, line)),
        1 => (at(), at()).prop_map(|(file, row)| Edit::ModuleWithoutLine(file, row)),
        3 => (at(), line()).prop_map(|(file, line)| Edit::AtTheEnd(file, line)),
        1 => (at(), at()).prop_map(|(file, row)| Edit::WithoutMarker(file, row)),
        1 => (at(), at(), at()).prop_map(|(file, row, to)| Edit::MarkerAgain(file, row, to)),
        1 => (at(), at(), at()).prop_map(|(file, row, word)| Edit::IntoMarker(file, row, word)),
        1 => (at(), at()).prop_map(|(file, row)| Edit::WithoutRegion(file, row)),
        1 => (at(), at(), at()).prop_map(|(file, row, to)| Edit::RegionElsewhere(file, row, to)),
        3 => Just(Edit::Export),
        1 => Just(Edit::Overwrite),
        6 => prop_oneof![4 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))].prop_map(Edit::Sync),
    ]
}

/// A project on disk, and what must not get lost of it.
struct World {
    case: Case,
    project: Project,
    live: BTreeSet<String>,
    typed: usize,
    /// Whether the notebook is one of nbformat 4.5; cells of older ones have no ids.
    with_ids: bool,
}

impl World {
    fn new(roles: &[Role], with_ids: bool) -> Self {
        let case = Case::new();
        let project = Project::discover(&case.path("."), None).unwrap();
        let mut world = Self { case, project, live: BTreeSet::new(), typed: 0, with_ids };
        let cells: Vec<Value> = roles.iter().map(|role| world.cell(*role)).collect();
        world.write_notebook(&json!({
            "cells": cells, "metadata": {"kernelspec": {"display_name": "Rust", "language": "rust", "name": "rust"}},
            "nbformat": 4, "nbformat_minor": if with_ids { 5 } else { 4 }
        }));
        world
    }

    /// A new token, live from now on.
    fn token(&mut self) -> String {
        self.typed += 1;
        let token = format!("x{}x", self.typed);
        self.live.insert(token.clone());
        token
    }

    fn line(&mut self, line: Line) -> String {
        let token = || format!("x{}x", self.typed + 1);
        let text = match line {
            Line::Comment => format!("// {}", token()),
            Line::Item => format!("pub fn {}() {{}}", token()),
            Line::LongItem => format!("pub fn {}() {{\n    let y = 1;\n\n    drop(y);\n}}", token()),
            Line::Statement => format!("let {} = 1;", token()),
            Line::Text => format!("pub const {}: &str = \"a\n    b  \n}}\n\";", token()),
            Line::Blank => return String::new(),
        };
        self.token();
        text
    }

    fn cell(&mut self, role: Role) -> Value {
        let body = match role {
            Role::Title => format!("# {}\n\n> {}\n\nWords.", self.token(), self.token()),
            Role::Export => {
                format!("//| export\n{}\n{}", self.line(Line::Comment), self.line(Line::LongItem))
            }
            Role::Internal => format!("//| exporti\n{}", self.line(Line::Item)),
            Role::Elsewhere => format!("//| export other\n{}", self.line(Line::Item)),
            Role::Dependency => format!("//| export\n:dep serde = \"1\"\n{}", self.line(Line::Text)),
            Role::Binary => format!("//| bin tool\n{}", self.line(Line::Item)),
            Role::Test => {
                format!(
                    "//| test\n{}\nlet text = \"a\n b\";\nassert_eq!(text, text)",
                    self.line(Line::Statement)
                )
            }
            Role::Setup => format!("//| setup\n{}", self.line(Line::Statement)),
            Role::Plain => format!("{}\n{}", self.line(Line::Statement), self.line(Line::Comment)),
        };
        let mut cell = if role == Role::Title {
            json!({"cell_type": "markdown", "id": "", "metadata": {}, "source": lines(&body)})
        } else {
            json!({
                "cell_type": "code", "execution_count": null, "id": "", "metadata": {}, "outputs": [], "source": lines(&body)
            })
        };
        if self.with_ids {
            cell["id"] = format!("id{}", self.typed).into();
        } else {
            cell.as_object_mut().unwrap().shift_remove("id");
        }
        cell
    }

    fn read_notebook(&self) -> Value {
        serde_json::from_str(&self.case.read(NOTEBOOK)).unwrap()
    }

    fn write_notebook(&self, notebook: &Value) {
        self.case.write(NOTEBOOK, pretty(notebook));
    }

    /// The modules and binaries that were exported so far.
    fn files(&self) -> Vec<PathBuf> {
        let names = self.case.files("exp/src");
        names.keys().filter(|name| !name.ends_with("lib.rs")).map(|name| self.case.path(name)).collect()
    }

    /// All that stands in the notebook's cells and in the modules.
    fn everything(&self) -> String {
        let mut all = self.sources();
        for file in self.files() {
            all.push_str(&fs::read_to_string(file).unwrap());
        }
        all
    }

    fn sources(&self) -> String {
        let name = self.case.path(NOTEBOOK);
        let notebook = Notebook::read(&name, NOTEBOOK).unwrap();
        notebook.cells.iter().flat_map(|cell| [cell.text(), "\n"]).collect()
    }

    /// What is taken away by hand need not be found again.
    fn take_away(&mut self, text: &str) {
        self.live.retain(|token| !has(text, token));
    }

    fn edit_cells(&mut self, change: impl FnOnce(&mut Self, &mut Vec<Value>)) {
        let mut notebook = self.read_notebook();
        let mut cells = notebook["cells"].as_array().unwrap().clone();
        change(self, &mut cells);
        notebook["cells"] = Value::from(cells);
        self.write_notebook(&notebook);
    }

    fn edit_module(&mut self, file: Index, change: impl FnOnce(&mut Self, &mut Vec<String>)) {
        let files = self.files();
        if files.is_empty() {
            return;
        }
        let path = file.get(&files);
        let text = fs::read_to_string(path).unwrap();
        let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
        change(self, &mut rows);
        fs::write(path, rows.join("\n") + "\n").unwrap();
    }

    fn make(&mut self, edit: &Edit) {
        match edit {
            Edit::CellLine(cell, row, line) => self.edit_cells(|world, cells| {
                if let Some(cell) = pick(cells, *cell) {
                    let text = world.line(*line);
                    let mut rows = rows(cell);
                    // The directive stays on top: below code it would be none.
                    let at = 1 + row.index(rows.len().max(1));
                    rows.insert(at.min(rows.len()), text);
                    cell["source"] = lines(&rows.join("\n"));
                }
            }),
            Edit::CellWithoutLine(cell, row) => self.edit_cells(|world, cells| {
                if let Some(cell) = pick(cells, *cell) {
                    let mut rows = rows(cell);
                    if !rows.is_empty() {
                        let gone = rows.remove(row.index(rows.len()));
                        world.take_away(&gone);
                        cell["source"] = lines(&rows.join("\n"));
                    }
                }
            }),
            Edit::AddCell(place, role) => self.edit_cells(|world, cells| {
                let cell = world.cell(*role);
                cells.insert(place.index(cells.len() + 1), cell);
            }),
            Edit::DeleteCell(cell) => self.edit_cells(|world, cells| {
                if !cells.is_empty() {
                    let gone = cells.remove(cell.index(cells.len()));
                    world.take_away(&rows(&gone).join("\n"));
                }
            }),
            Edit::MoveCell(from, to) => self.edit_cells(|_, cells| {
                if !cells.is_empty() {
                    let cell = cells.remove(from.index(cells.len()));
                    cells.insert(to.index(cells.len() + 1), cell);
                }
            }),
            Edit::ModuleLine(file, row, line) => self.edit_module(*file, |world, rows| {
                let at = row.index(rows.len() + 1);
                rows.insert(at, world.line(*line));
            }),
            Edit::ModuleLineAnew(file, row, line) => self.edit_module(*file, |world, rows| {
                let at = row.index(rows.len());
                world.take_away(&rows[at]);
                let indent = &rows[at][..rows[at].len() - rows[at].trim_start().len()].to_owned();
                rows[at] = format!("{indent}{}", world.line(*line));
            }),
            Edit::ModuleWithoutLine(file, row) => self.edit_module(*file, |world, rows| {
                let gone = rows.remove(row.index(rows.len()));
                world.take_away(&gone);
            }),
            Edit::AtTheEnd(file, line) => self.edit_module(*file, |world, rows| {
                let text = world.line(*line);
                rows.extend([String::new(), text]);
            }),
            Edit::WithoutMarker(file, row) => self.edit_module(*file, |world, rows| {
                if let Some(at) = marker(rows, *row) {
                    world.take_away(&rows.remove(at));
                }
            }),
            Edit::MarkerAgain(file, row, to) => self.edit_module(*file, |_, rows| {
                if let Some(at) = marker(rows, *row) {
                    let again = rows[at].clone();
                    rows.insert(to.index(rows.len() + 1), again);
                }
            }),
            Edit::IntoMarker(file, row, word) => self.edit_module(*file, |world, rows| {
                let own: Vec<usize> = (0..rows.len()).filter(|row| is_own(&rows[*row])).collect();
                if own.is_empty() {
                    return;
                }
                let line = &mut rows[*row.get(&own)];
                let starts: Vec<usize> = line.match_indices(' ').map(|(at, _)| at + 1).collect();
                // Words, not letters, into the first line: a folder of another name is a notebook that was moved.
                let blank = if line.starts_with("// @") { " " } else { "" };
                line.insert_str(*word.get(&starts), &(world.token() + blank));
            }),
            Edit::WithoutRegion(file, row) => self.edit_module(*file, |world, rows| {
                let gone = region(rows, *row);
                world.take_away(&gone.join("\n"));
            }),
            Edit::RegionElsewhere(file, row, to) => self.edit_module(*file, |_, rows| {
                let moved = region(rows, *row);
                let at = if rows.is_empty() { 0 } else { 1 + to.index(rows.len()) };
                rows.splice(at..at, moved);
            }),
            Edit::Export | Edit::Overwrite | Edit::Sync(_) => unreachable!("no edit by hand"),
        }
    }

    fn export(&mut self, force: bool) {
        if force {
            let kept = self.sources();
            self.live.retain(|token| has(&kept, token));
        }
        let before = self.case.files(".");
        let report = self.exports(&Options { check: false, force });
        if report.outcomes.iter().any(export::Outcome::is_bad) {
            assert!(before == self.case.files("."), "a refused export wrote something");
        } else {
            self.is_exported();
        }
    }

    /// Exports here, going by what earlier exports learned, and in a copy that remembers nothing: both come to the same.
    fn exports(&self, options: &Options) -> Report {
        let copy = self.case.copy();
        let project = Project::discover(&copy.path("."), None).unwrap();
        let fresh = export::export(&project, None, options).unwrap();
        let report = export::export(&self.project, None, options).unwrap();
        let told = |report: &Report| {
            let outcomes: Vec<_> = report
                .outcomes
                .iter()
                .map(|it| {
                    (it.notebook.clone(), it.modules.clone(), it.changed, it.diagnostics.clone(), it.failed)
                })
                .collect();
            let changes: Vec<_> = report
                .changes
                .iter()
                .map(|it| (it.name.clone(), it.before.clone(), it.after.clone()))
                .collect();
            (outcomes, changes, report.diagnostics.clone())
        };
        assert_eq!(told(&report), told(&fresh), "what it remembers changes what it says");
        assert!(self.case.files(".") == copy.files("."), "what it remembers changes what it writes");
        report
    }

    /// Both sides say the same: an export would change nothing.
    fn is_exported(&self) {
        let report = self.exports(&Options { check: true, force: false });
        let wrong: Vec<String> = report
            .outcomes
            .iter()
            .flat_map(|outcome| &outcome.diagnostics)
            .chain(&report.diagnostics)
            .filter(|diagnostic| diagnostic.is_error())
            .map(|diagnostic| diagnostic.render(false))
            .collect();
        assert!(wrong.is_empty(), "an export is refused: {}", wrong.join("\n"));
        let stale: Vec<String> = report.changes.iter().map(nbexport::files::Change::diff).collect();
        assert!(stale.is_empty(), "an export changes something: {}", stale.join("\n"));
    }

    fn sync(&mut self, prefer: Option<Side>) {
        let before = self.case.files(".");
        let path = self.case.path(NOTEBOOK);
        let old = Notebook::read(&path, NOTEBOOK).unwrap();
        let regions: Vec<module::Region> = self
            .files()
            .iter()
            .flat_map(|file| module::regions(&fs::read_to_string(file).unwrap()))
            .collect();
        let synced = sync::sync(&self.project, std::slice::from_ref(&path), prefer).remove(0).unwrap();
        if synced.is_bad() {
            assert!(before == self.case.files("."), "a refused sync wrote something");
            return;
        }
        let new = Notebook::read(&path, NOTEBOOK).unwrap();
        for cell in &old.cells {
            let is_same = |id: &str| !self.with_ids || id == cell.id;
            let same = new.cells.iter().any(|other| is_same(&other.id) && other.text() == cell.text());
            let named = synced.cells.iter().any(|(_, id)| *id == cell.id);
            assert!(same || named, "the cell {} changed unsaid", cell.id);
        }
        let kept = self.everything();
        match prefer {
            // What the flag asks for: one side's text of a cell that both sides edited.
            Some(Side::Ours) => {
                // Without ids, a cell that was edited has another one than its region.
                let is_kept =
                    |id: &String| synced.kept.contains(id) || !self.with_ids && !synced.kept.is_empty();
                for region in regions.iter().filter(|region| is_kept(&region.id)) {
                    self.live.retain(|token| has(&kept, token) || !has(&region.text, token));
                }
            }
            Some(Side::Theirs) => {
                let taken = |id: &String| synced.cells.iter().any(|(_, taken)| taken == id);
                for cell in old.cells.iter().filter(|cell| taken(&cell.id)) {
                    self.live.retain(|token| has(&kept, token) || !has(cell.text(), token));
                }
            }
            None => assert!(synced.kept.is_empty()),
        }
        if before == self.case.files(".") {
            // There was nothing to bring back, so nothing of a module stands in the way of an export.
            self.export(false);
        }
        self.is_exported();
    }

    fn check(&self) {
        let everything = self.everything();
        let lost: Vec<&String> = self.live.iter().filter(|token| !has(&everything, token)).collect();
        assert!(lost.is_empty(), "lost: {lost:?} of\n{everything}");
        is_notebook(&self.read_notebook(), self.with_ids);
    }
}

/// Whether a text holds a token; `x1x` is not in `x21x`.
fn has(text: &str, token: &str) -> bool {
    text.contains(token)
}

fn pick(cells: &mut [Value], at: Index) -> Option<&mut Value> {
    if cells.is_empty() { None } else { Some(at.get_mut(cells)) }
}

fn rows(cell: &Value) -> Vec<String> {
    let text: String = cell["source"].as_array().unwrap().iter().map(|row| row.as_str().unwrap()).collect();
    text.lines().map(str::to_owned).collect()
}

fn lines(text: &str) -> Value {
    text.split_inclusive('\n').map(Value::from).collect()
}

fn marker(rows: &[String], at: Index) -> Option<usize> {
    let markers: Vec<usize> =
        (0..rows.len()).filter(|row| rows[*row].trim_start().starts_with("// %% ")).collect();
    if markers.is_empty() { None } else { Some(*at.get(&markers)) }
}

/// Takes a region out of a module's rows, with its marker.
fn region(rows: &mut Vec<String>, at: Index) -> Vec<String> {
    let Some(start) = marker(rows, at) else { return Vec::new() };
    let next = rows[start + 1..].iter().position(|row| row.trim_start().starts_with("// %% "));
    let end = next.map_or(rows.len(), |next| start + 1 + next);
    rows.drain(start..end).collect()
}

/// What nbformat 4.5 asks of a notebook, or 4.4 of one without ids.
fn is_notebook(notebook: &Value, with_ids: bool) {
    assert_eq!(notebook["nbformat"], 4);
    let mut ids = BTreeSet::new();
    for cell in notebook["cells"].as_array().unwrap() {
        if with_ids {
            let id = cell["id"].as_str().unwrap();
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            assert!((1..=64).contains(&id.len()) && id.chars().all(fits), "{id}");
            assert!(ids.insert(id), "two cells {id}");
        }
        assert!(cell["metadata"].is_object() && cell["source"].is_array(), "{cell}");
        let keys: Vec<&str> = cell.as_object().unwrap().keys().map(String::as_str).collect();
        let mut wanted = match cell["cell_type"].as_str() {
            Some("code") => vec!["cell_type", "execution_count", "id", "metadata", "outputs", "source"],
            _ => vec!["cell_type", "id", "metadata", "source"],
        };
        wanted.retain(|key| with_ids || *key != "id");
        assert_eq!(keys, wanted);
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn nothing_typed_is_lost_and_both_sides_end_equal_or_in_a_conflict_that_is_told(
        with_ids in any::<bool>(),
        roles in prop::collection::vec(role(), 1..6),
        edits in prop::collection::vec(edit(), 1..14),
    ) {
        let mut world = World::new(&roles, with_ids);
        world.export(false);
        for edit in &edits {
            match edit {
                Edit::Export => world.export(false),
                Edit::Overwrite => world.export(true),
                Edit::Sync(prefer) => {
                    world.sync(prefer.map(|ours| if ours { Side::Ours } else { Side::Theirs }));
                }
                by_hand => world.make(by_hand),
            }
            world.check();
        }
    }

    /// The counterpart: to refuse everything would keep everything, too.
    #[test]
    fn what_is_typed_into_cells_of_a_module_reaches_the_notebook(
        with_ids in any::<bool>(),
        roles in prop::collection::vec(role(), 1..6),
        typed in prop::collection::vec((any::<Index>(), any::<Index>(), any::<bool>()), 1..6),
        at_the_end in prop::option::of((any::<Index>(), line())),
    ) {
        let mut world = World::new(&roles, with_ids);
        world.export(false);
        for (file, row, anew) in typed {
            world.edit_module(file, |world, rows| {
                // Below a line that has a token: it is a cell's, inside a test's body or at the level of a module.
                let cells: Vec<usize> = (0..rows.len()).filter(|at| is_code(&rows[*at])).collect();
                if cells.is_empty() {
                    return;
                }
                let at = *row.get(&cells);
                let indent = rows[at][..rows[at].len() - rows[at].trim_start().len()].to_owned();
                let text = format!("{indent}{}", world.line(Line::Comment));
                if anew && rows[at].trim_start().starts_with("//") {
                    world.take_away(&rows[at]);
                    rows[at] = text;
                } else {
                    rows.insert(at + 1, text);
                }
            });
        }
        if let Some((file, line)) = at_the_end.filter(|(_, line)| !matches!(line, Line::Statement | Line::Blank)) {
            world.make(&Edit::AtTheEnd(file, line));
        }
        let path = world.case.path(NOTEBOOK);
        let synced = sync::sync(&world.project, &[path], None).remove(0).unwrap();
        let said: Vec<String> = synced.diagnostics.iter().map(|it| it.render(false)).collect();
        prop_assert!(said.is_empty(), "{}", said.join("\n"));
        let notebook = world.sources();
        for token in &world.live {
            prop_assert!(has(&notebook, token), "{} is not in\n{}", token, notebook);
        }
        world.is_exported();
        world.check();
    }
}

/// Whether nbexport wrote a line of a module for itself: the first one, and markers.
fn is_own(row: &str) -> bool {
    row.starts_with("// @generated by") || row.trim_start().starts_with("// %% ")
}

/// Whether a line of a module is the text of a cell, and no copy of a setup.
fn is_code(row: &str) -> bool {
    let row = row.trim_start();
    row.starts_with("// x") || row.starts_with("pub fn x")
}
