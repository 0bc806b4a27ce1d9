//! A file as rust-analyzer is to see it, and the way from its places to those of cells and back.

use std::collections::HashMap;
use std::sync::Arc;

use gen_lsp_types::{Position, Range};

use super::{body, text};
use crate::notebook::Notebook;

/// A line of an overlay that is a cell's, or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The cell, by its place among all cells.
    pub(super) cell: usize,
    /// The line of the cell, from 0.
    pub(super) row: u32,
    /// How much farther right it stands than in the cell.
    pub(super) shift: i32,
    /// Which of the cell's columns are shown, in UTF-16 units.
    pub(super) from: u32,
    /// Where they end.
    pub(super) to: u32,
    /// Why it is here.
    pub(super) stands: Stands,
}

/// Why a cell's line stands somewhere. Of several places of one line the first in this order is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stands {
    /// The cell belongs here.
    Home,
    /// The cell belongs to another overlay, and is here for other cells.
    Away,
    /// The line is in this overlay, and once more for a later cell that needs its variables.
    Copied,
}

impl Line {
    /// Whether this is where the cell belongs.
    pub(super) fn is_home(&self) -> bool {
        self.stands == Stands::Home
    }
}

/// Where a client keeps the cells of a notebook.
#[derive(Clone, Debug)]
pub(super) enum Cells {
    /// In documents of its own: for each cell the document and the line in it on which the cell begins.
    Open(Vec<(String, u32)>),
    /// Nowhere: the notebook is a file.
    Closed {
        /// The file.
        uri: String,
        /// What it holds.
        notebook: Arc<Notebook>,
    },
}

/// A file as rust-analyzer is to see it.
#[derive(Clone, Debug)]
pub(super) struct Overlay {
    /// The file.
    pub(super) uri: String,
    /// The text it is to have.
    pub(super) text: String,
    lines: Vec<Option<Line>>,
    by_cell: HashMap<(usize, u32), Vec<u32>>,
    /// The lines on which functions of the program begin.
    functions: Vec<u32>,
    pub(super) cells: Arc<Cells>,
}

/// A place in a document of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) uri: String,
    pub(super) position: Position,
    /// The cell, by its place among all cells.
    pub(super) cell: usize,
}

impl Overlay {
    pub(super) fn new(uri: String, text: String, lines: Vec<Option<Line>>, cells: Arc<Cells>) -> Self {
        let mut by_cell: HashMap<(usize, u32), Vec<u32>> = HashMap::new();
        for (index, line) in lines.iter().enumerate() {
            if let Some(line) = line {
                by_cell.entry((line.cell, line.row)).or_default().push(text::count(index));
            }
        }
        let frames = text.lines().zip(&lines).enumerate().filter(|(_, (_, line))| line.is_none());
        let begins = frames.filter(|(_, (text, _))| text.contains(body::FUNCTION));
        let functions = begins.map(|(at, _)| text::count(at)).collect();
        Self { uri, text, lines, by_cell, functions, cells }
    }

    /// What a line is.
    pub(super) fn line(&self, line: u32) -> Option<&Line> {
        self.lines.get(line as usize)?.as_ref()
    }

    /// A place of this file as one in a cell: the cell, and the place in it.
    pub(super) fn in_cell(&self, position: Position) -> Option<(usize, Position)> {
        let line = self.line(position.line)?;
        let character = i64::from(position.character) - i64::from(line.shift);
        let character = u32::try_from(character).ok()?;
        (line.from..=line.to).contains(&character).then(|| (line.cell, Position::new(line.row, character)))
    }

    /// A place of a cell in this file.
    pub(super) fn of_cell(&self, cell: usize, position: Position) -> Option<Position> {
        // Where one part ends and the next begins, what is being typed belongs to the first.
        self.all_of_cell(cell, position).min_by_key(|place| self.line(place.line).map(|line| line.stands))
    }

    /// All places in this file at which a place of a cell stands.
    pub(super) fn all_of_cell(&self, cell: usize, position: Position) -> impl Iterator<Item = Position> {
        let lines = self.by_cell.get(&(cell, position.line)).into_iter().flatten();
        let lines = lines.filter_map(|at| Some((*at, self.line(*at)?)));
        let fitting = lines.filter(move |(_, line)| (line.from..=line.to).contains(&position.character));
        fitting.filter_map(move |(at, line)| {
            let character = i64::from(position.character) + i64::from(line.shift);
            Some(Position::new(at, u32::try_from(character).ok()?))
        })
    }

    /// The function of the notebook's program that a line is in, counted from 1; 0 above them.
    pub(super) fn function(&self, line: u32) -> usize {
        self.functions.partition_point(|start| *start <= line)
    }

    /// The stretches of this file that are a cell's, each as its first and last line.
    pub(super) fn stretches(&self, cell: usize) -> Vec<(u32, u32)> {
        let mut stretches: Vec<(u32, u32)> = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            if line.is_none_or(|line| line.cell != cell || !line.is_home()) {
                continue;
            }
            let at = text::count(at);
            match stretches.last_mut() {
                Some((_, last)) if *last + 1 == at => *last = at,
                _ => stretches.push((at, at)),
            }
        }
        stretches
    }

    /// The beginning of the first cell that belongs to this file, as the client knows it.
    pub(super) fn first(&self) -> Option<Place> {
        let line = self.lines.iter().position(|line| line.as_ref().is_some_and(Line::is_home))?;
        let start = self.lines[line]?;
        self.to_client(Position::new(text::count(line), start.from.saturating_add_signed(start.shift)))
    }

    /// A place of this file as the client knows it.
    pub(super) fn to_client(&self, position: Position) -> Option<Place> {
        let (cell, position) = self.in_cell(position)?;
        let place = match &*self.cells {
            Cells::Open(cells) => {
                let (uri, first) = cells.get(cell)?;
                Place {
                    uri: uri.clone(),
                    position: Position::new(first + position.line, position.character),
                    cell,
                }
            }
            Cells::Closed { uri, notebook } => {
                Place { uri: uri.clone(), position: in_json(notebook, cell, position)?, cell }
            }
        };
        Some(place)
    }

    /// A range of this file as the client knows it; none if it leaves its cell.
    pub(super) fn range_to_client(&self, range: Range) -> Option<(Place, Range)> {
        let start = self.to_client(range.start)?;
        let end = self.to_client(range.end).filter(|end| {
            end.cell == start.cell
                && (end.position.line, end.position.character)
                    >= (start.position.line, start.position.character)
        })?;
        let range = Range::new(start.position, end.position);
        Some((start, range))
    }
}

/// A place of a cell in the notebook's file: inside of the JSON strings of its source.
fn in_json(notebook: &Notebook, cell: usize, position: Position) -> Option<Position> {
    let cell = notebook.cells.get(cell)?;
    let span = cell.spans.source.clone();
    let wanted = text::offset(cell.text(), position);
    let (json, mut read) = (&notebook.text()[span.clone()], 0);
    let mut characters = json.char_indices().peekable();
    let mut is_within = false;
    while let Some((at, c)) = characters.next() {
        if !is_within {
            is_within = c == '"';
            continue;
        }
        if c == '"' {
            // The end of a line is a place, too, if no other line follows.
            if read == wanted && characters.clone().all(|(_, c)| c != '"') {
                return Some(text::position(notebook.text(), span.start + at));
            }
            is_within = false;
            continue;
        }
        if read >= wanted {
            return Some(text::position(notebook.text(), span.start + at));
        }
        read += if c == '\\' { escaped(&mut characters)? } else { c.len_utf8() };
    }
    None
}

/// How many bytes an escape stands for.
fn escaped(characters: &mut std::iter::Peekable<std::str::CharIndices<'_>>) -> Option<usize> {
    let (_, kind) = characters.next()?;
    if kind != 'u' {
        // The `\r` of a line's end is not in the cell's text.
        let is_line_end = kind == 'r' && {
            let mut next = characters.clone();
            next.next().is_some_and(|(_, c)| c == '\\') && next.next().is_some_and(|(_, c)| c == 'n')
        };
        return Some(usize::from(!is_line_end));
    }
    let mut unit = || -> Option<u32> {
        (0..4).try_fold(0, |number, _| Some(number * 16 + characters.next()?.1.to_digit(16)?))
    };
    let first = unit()?;
    if (0xd800..0xdc00).contains(&first) {
        // The second half of a pair.
        characters.next()?;
        characters.next()?;
        (0..4).try_for_each(|_| characters.next().map(drop))?;
        return Some(4);
    }
    char::from_u32(first).map(char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_in_json() {
        let json = "{\"cells\": [{\"cell_type\": \"code\", \"source\": [\"a\\n\",\n \"\\u00e9\\\"\\ud834\\udd1ex\"], \
                    \"metadata\": {}}], \"metadata\": {}, \"nbformat\": 4, \"nbformat_minor\": 4}";
        let notebook = Notebook::parse("x.ipynb", json.to_owned()).unwrap();
        let rest = |line, character| {
            let place = in_json(&notebook, 0, Position::new(line, character)).unwrap();
            json[text::offset(json, place)..].to_owned()
        };
        assert!(rest(0, 0).starts_with("a\\n"));
        assert!(rest(0, 1).starts_with("\\n"));
        assert!(rest(1, 0).starts_with("\\u00e9"));
        assert!(rest(1, 1).starts_with("\\\""));
        assert!(rest(1, 4).starts_with("x\"]"));
        assert!(rest(1, 5).starts_with("\"]"));
    }

    #[test]
    fn a_line_may_stand_farther_right_and_show_a_part() {
        let line = |row, shift, from, to| Line { cell: 0, row, shift, from, to, stands: Stands::Home };
        let lines = vec![None, Some(line(0, 0, 0, 4)), Some(line(1, 8, 0, 3)), Some(line(0, 0, 5, 9))];
        let cells = Arc::new(Cells::Open(vec![("cell:a".to_owned(), 10)]));
        let overlay = Overlay::new("file:///x.rs".into(), String::new(), lines, cells);
        assert_eq!(overlay.of_cell(0, Position::new(0, 4)), Some(Position::new(1, 4)));
        assert_eq!(overlay.of_cell(0, Position::new(0, 5)), Some(Position::new(3, 5)));
        assert_eq!(overlay.of_cell(0, Position::new(1, 2)), Some(Position::new(2, 10)));
        assert_eq!(overlay.of_cell(0, Position::new(1, 4)), None);
        let place = overlay.to_client(Position::new(2, 9)).unwrap();
        assert_eq!((place.uri.as_str(), place.position), ("cell:a", Position::new(11, 1)));
        assert_eq!(overlay.to_client(Position::new(0, 0)), None);
        assert_eq!(overlay.to_client(Position::new(2, 3)), None);
    }
}
