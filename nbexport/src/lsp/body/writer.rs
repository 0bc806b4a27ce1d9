//! Cells' texts → lines of the program.

use std::ops::Range;

use super::{Cell, How};
use crate::lsp::overlay::{Line, Stands};
use crate::lsp::text;

#[derive(Default)]
pub(super) struct Writer {
    pub(super) text: String,
    pub(super) lines: Vec<Option<Line>>,
}

impl Writer {
    fn line(&mut self, text: &str, line: Option<Line>) {
        self.text.push_str(text);
        self.text.push('\n');
        self.lines.push(line);
    }

    /// A line that is no cell's.
    pub(super) fn frame(&mut self, text: &str) {
        if !text.is_empty() {
            self.line(text, None);
        }
    }

    /// What a cell does outside of its items.
    pub(super) fn statements(&mut self, index: usize, cell: &Cell, how: How, stands: Stands) {
        if how != How::Shared {
            self.frame("{");
        }
        let chunks = cell.split.chunks.iter().filter(|chunk| how == How::Alone || !chunk.is_item);
        for chunk in chunks {
            let closing = cell
                .closing
                .clone()
                .filter(|closing| chunk.range.start <= closing.start && closing.end <= chunk.range.end);
            match closing {
                Some(closing) => {
                    self.part(index, cell, &(chunk.range.start..closing.start), stands);
                    self.frame("let _ = (");
                    self.part(index, cell, &(closing.start..chunk.range.end), stands);
                    self.frame(");");
                }
                None => self.part(index, cell, &chunk.range, stands),
            }
        }
        if how == How::Alone || cell.split.chunks.last().is_some_and(|chunk| !chunk.is_item) {
            self.frame(&cell.split.closers);
            if cell.closing.is_none() && !cell.split.chunks.is_empty() {
                self.frame(";");
            }
        }
        if how != How::Shared {
            self.frame("}");
        }
    }

    /// Statements of an earlier cell, for the variables that they make.
    pub(super) fn copies(&mut self, index: usize, cell: &Cell, statements: &[usize]) {
        for statement in statements.iter().map(|at| &cell.statements[*at]) {
            self.part(index, cell, &statement.range, Stands::Copied);
            if statement.range.end == cell.text.trim_end().len() {
                self.frame(&cell.split.closers);
            }
            if !cell.text[statement.range.clone()].ends_with(';') {
                self.frame(";");
            }
        }
    }

    /// A part of a cell, on lines of its own and in its own columns. What must not be read is blank.
    pub(super) fn part(&mut self, index: usize, cell: &Cell, part: &Range<usize>, stands: Stands) {
        let mut start = 0;
        for (number, whole) in cell.text.split_inclusive('\n').enumerate() {
            let line = whole.trim_end_matches(['\n', '\r']);
            let range = start.max(part.start)..(start + line.len()).min(part.end);
            let covers_all = part.start <= start && start + line.len() <= part.end;
            let (from, at) = (range.start, start);
            start += whole.len();
            // Of a line that is another part's, too, blanks say nothing.
            let says_something = range.start < range.end && !cell.text[range.clone()].trim().is_empty();
            if from > range.end || !(says_something || covers_all && part.end > at) {
                continue;
            }
            let shown: String = line
                .char_indices()
                .take_while(|(within, _)| at + within < range.end)
                .map(|(within, c)| {
                    let place = at + within;
                    let is_shown =
                        range.contains(&place) && !cell.split.hidden.iter().any(|it| it.contains(&place));
                    if is_shown { c.to_string() } else { " ".repeat(c.len_utf16()) }
                })
                .collect();
            let (from, to) =
                (text::length(&cell.text[at..range.start]), text::length(&cell.text[at..range.end]));
            let line = Line { cell: index, row: text::count(number), shift: 0, from, to, stands };
            self.line(&shown, Some(line));
        }
    }
}
