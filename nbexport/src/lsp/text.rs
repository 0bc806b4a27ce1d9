//! Places in a text as the protocol counts them: lines and UTF-16 units, both from 0.

use std::ops::Range;

use gen_lsp_types::{Position, TextDocumentContentChangeEvent};
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// The byte that a place is at. A place beyond its line or beyond the text is at the end of it.
pub(super) fn offset(text: &str, position: Position) -> usize {
    let mut start = 0;
    for _ in 0..position.line {
        match text[start..].find('\n') {
            Some(end) => start += end + 1,
            None => return text.len(),
        }
    }
    let line = text[start..].split(['\n', '\r']).next().unwrap_or_default();
    start + offset_in_line(line, position.character)
}

/// The byte of a line at which so many UTF-16 units lie before.
pub(super) fn offset_in_line(line: &str, character: u32) -> usize {
    let mut units = 0;
    for (at, c) in line.char_indices() {
        if units >= character {
            return at;
        }
        units += length_of(c);
    }
    line.len()
}

/// The place of a byte.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let before = &text[..text.floor_char_boundary(offset)];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position::new(count(before.matches('\n').count()), length(&before[start..]))
}

/// How many UTF-16 units a text has.
pub(super) fn length(text: &str) -> u32 {
    text.chars().map(length_of).sum()
}

fn length_of(c: char) -> u32 {
    if u32::from(c) > 0xffff { 2 } else { 1 }
}

/// A number of lines as the protocol writes it.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Makes a client's changes of a text, one after the other. A range that lies beyond the text ends where the text does.
pub(super) fn apply(text: &mut String, changes: Vec<TextDocumentContentChangeEvent>) {
    for change in changes {
        match change {
            TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part) => {
                let start = offset(text, part.range.start);
                let end = offset(text, part.range.end).max(start);
                text.replace_range(start..end, &part.text);
            }
            TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => {
                *text = whole.text;
            }
        }
    }
}

/// How one text becomes another, from its end to its beginning: the lines (from 0, the end excluded) that go, and what comes
/// in their place.
pub(super) fn changed_lines<'a>(old: &str, new: &'a str) -> Vec<(Range<usize>, &'a str)> {
    let (before, after): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let mut starts = vec![0];
    starts.extend(after.iter().scan(0, |end, line| {
        *end += line.len();
        Some(*end)
    }));
    let changes = capture_diff_slices(Algorithm::Myers, &before, &after).into_iter().rev();
    changes
        .filter(|change| !matches!(change, DiffOp::Equal { .. }))
        .map(|change| {
            let lines = change.new_range();
            (change.old_range(), &new[starts[lines.start]..starts[lines.end]])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_utf_16_and_stay_in_the_text() {
        let text = "é𝄞x\r\ny\n";
        for (line, character, at) in [(0, 0, 0), (0, 1, 2), (0, 3, 6), (0, 99, 7), (1, 0, 9), (1, 9, 10)] {
            assert_eq!(offset(text, Position::new(line, character)), at, "{line}:{character}");
        }
        assert_eq!(offset(text, Position::new(7, 7)), text.len());
        assert_eq!(position(text, 6), Position::new(0, 3));
        assert_eq!(position(text, 9), Position::new(1, 0));
    }

    #[test]
    fn a_change_is_the_lines_that_differ() {
        for (old, new, wanted) in [
            ("a\nb\nc\n", "a\nx\nc\n", vec![(1..2, "x\n")]),
            ("a\nc\n", "a\nb\nc\n", vec![(1..1, "b\n")]),
            ("a\na\n", "a\n", vec![(1..2, "")]),
            ("", "a", vec![(0..0, "a")]),
            ("a\nb\na\n", "x\nb\nx\n", vec![(2..3, "x\n"), (0..1, "x\n")]),
            ("a", "a", vec![]),
        ] {
            assert_eq!(changed_lines(old, new), wanted, "{old:?} → {new:?}");
        }
    }
}
