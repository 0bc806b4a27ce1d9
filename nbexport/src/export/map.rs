//! A line of a generated file ⇄ the cell and line it came from.

use serde::{Deserialize, Serialize};

/// Where a generated line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The cell's number in its notebook, from 1.
    pub cell: usize,
    /// The line within the cell, from 1.
    pub line: usize,
    /// How many characters generation put before the line's own (indentation, a `// ` before a `:dep`), less those
    /// that it left out.
    pub shift: isize,
}

/// For each line of a generated file its origin; lines that nbexport wrote by itself have none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineMap {
    lines: Vec<Option<Origin>>,
}

impl LineMap {
    /// Adds the origin of the next line.
    pub fn push(&mut self, origin: Option<Origin>) {
        self.lines.push(origin);
    }

    /// Adds the origins of another file's lines.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.lines.extend_from_slice(&other.lines);
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Where a line (from 1) came from.
    pub fn origin(&self, line: usize) -> Option<Origin> {
        *self.lines.get(line.checked_sub(1)?)?
    }

    /// The cell number, line and column (all from 1) of a place in the generated file; `None` for a line that
    /// belongs to no cell.
    pub fn locate(&self, line: usize, column: usize) -> Option<(usize, usize, usize)> {
        let origin = self.origin(line)?;
        Some((origin.cell, origin.line, column.saturating_add_signed(-origin.shift).max(1)))
    }

    /// The generated line (from 1) that holds a line of a cell.
    pub fn generated(&self, cell: usize, line: usize) -> Option<usize> {
        let is_it = |origin: &Option<Origin>| origin.is_some_and(|it| it.cell == cell && it.line == line);
        self.lines.iter().position(is_it).map(|index| index + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_in_its_cell_and_back() {
        let mut map = LineMap::default();
        map.push(None);
        map.push(Some(Origin { cell: 3, line: 1, shift: 8 }));
        assert_eq!(map.locate(2, 13), Some((3, 1, 5)));
        assert_eq!(map.locate(2, 1), Some((3, 1, 1)));
        assert_eq!(map.locate(1, 1), None);
        assert_eq!(map.locate(9, 1), None);
        assert_eq!(map.generated(3, 1), Some(2));
    }
}
