//! What rustc rendered for the file that it read → the same about cells: arrows, gutters, and names of places in text.

use std::fmt::Write as _;

use super::{Place, Places};
use crate::diagnostic::as_wide;

/// What stands in the gutter of a rendered line.
enum Gutter {
    /// No number.
    Empty,
    /// The number of a line that belongs to no generated file.
    Foreign,
    /// The number of a generated line that belongs to no cell.
    Frame,
    /// The number of a cell's line.
    Cell(Place),
}

impl Gutter {
    fn place(&self) -> Option<&Place> {
        match self {
            Self::Cell(place) => Some(place),
            _ => None,
        }
    }
}

impl Places {
    /// Rewrites what rustc rendered, gutters included. Where a picture spans several cells, each is named.
    pub fn rewrite_rendered(&self, rendered: &str) -> String {
        let rendered = as_wide(rendered);
        let lines: Vec<&str> = rendered.lines().collect();
        let plain: Vec<String> =
            lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        let known = self.gutters(&plain);
        // Lines in a cell have fewer digits than those of a whole program. Numbers stand at the right of the gutter,
        // so what is too much of it is on the left.
        let digits = |number: usize| number.to_string().len();
        let before = plain.iter().filter_map(|line| gutter(line)).map(digits).max();
        let all_known = known.iter().all(|it| !matches!(it, Gutter::Foreign));
        let after = known.iter().filter_map(Gutter::place).map(|place| digits(place.line)).max();
        let narrower = match (before, after) {
            (Some(before), after) if all_known => 0..before.saturating_sub(after.unwrap_or(1)),
            _ => 0..0,
        };
        let indent = before.unwrap_or(1) - narrower.len();
        let paint = if rendered.contains("\u{1b}[94m") { "\u{1b}[1m\u{1b}[94m" } else { "" };
        let mut text = String::new();
        let mut cell: Option<String> = None;
        for ((line, plain), known) in lines.iter().zip(&plain).zip(known) {
            if let Some(place) = arrow(plain) {
                cell = self.parse(place).map(|place| place.source.name.clone());
            }
            let line = match &known {
                Gutter::Empty | Gutter::Foreign => (*line).to_owned(),
                Gutter::Frame | Gutter::Cell(_) => {
                    renumbered(line, gutter(plain).unwrap_or_default(), known.place().map(|place| place.line))
                }
            };
            if let (Some(place), Some(current)) = (known.place(), &mut cell)
                && place.source.name != *current
            {
                let reset = if paint.is_empty() { "" } else { "\u{1b}[0m" };
                let name = &place.source.name;
                let _ = writeln!(text, "{:indent$}{paint}::: {reset}{name}:{}", "", place.line);
                name.clone_into(current);
            }
            let in_gutter = plain.starts_with(' ') || gutter(plain).is_some();
            text += &self.rewrite(&if in_gutter { cut(&line, narrower.clone()) } else { line });
            text.push('\n');
        }
        text
    }

    /// What stands in the gutter of each line.
    fn gutters(&self, plain: &[String]) -> Vec<Gutter> {
        let mut file: Option<&str> = None;
        let mut first = None;
        let mut gutters = Vec::new();
        for line in plain {
            let number = gutter(line);
            if let Some(place) = arrow(line) {
                let path = place.rsplitn(3, ':').last().unwrap_or_default();
                file = self.parse(place).map(|_| path);
                first = first.or(Some(file));
            } else if !line.starts_with([' ', '|']) && number.is_none() && !line.starts_with("...") {
                // A new part of the message; a suggestion that names no file is about the first one.
                file = first.flatten();
            }
            gutters.push(match number.zip(file) {
                Some((number, path)) => self.locate(path, number, 1).map_or(Gutter::Frame, Gutter::Cell),
                None if number.is_some() => Gutter::Foreign,
                None => Gutter::Empty,
            });
        }
        gutters
    }
}

/// The number in the gutter of a rendered line: `12 | let x`, `12 + let y`.
fn gutter(line: &str) -> Option<usize> {
    let (number, rest) = line.trim_start().split_once(' ')?;
    let rest = rest.trim_start();
    let is_gutter = rest.starts_with('|') || ["+ ", "- ", "~ "].iter().any(|sign| rest.starts_with(sign));
    number.parse().ok().filter(|_| is_gutter)
}

/// The line with another number in its gutter, or none.
fn renumbered(line: &str, old: usize, new: Option<usize>) -> String {
    let old = old.to_string();
    let new = new.map_or_else(String::new, |new| new.to_string());
    let at = find_visible(line, &old).unwrap_or_default();
    format!("{}{new:>width$}{}", &line[..at], &line[at + old.len()..], width = old.len())
}

/// The place that a rendered line points at: `--> path:line:column`, `::: path:line:column`.
fn arrow(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("--> ").or_else(|| line.strip_prefix("::: "))
}

/// Where a text stands in a line, color codes passed over.
fn find_visible(line: &str, text: &str) -> Option<usize> {
    let mut at = 0;
    while at < line.len() {
        if line[at..].starts_with('\u{1b}') {
            at += line[at..].find('m')? + 1;
        } else if line[at..].starts_with(text) {
            return Some(at);
        } else {
            at += line[at..].chars().next()?.len_utf8();
        }
    }
    None
}

/// The line without some of its visible characters; color codes stay.
fn cut(line: &str, columns: std::ops::Range<usize>) -> String {
    let (mut kept, mut column, mut in_code) = (String::new(), 0, false);
    for char in line.chars() {
        in_code |= char == '\u{1b}';
        if in_code || !columns.contains(&column) {
            kept.push(char);
        }
        column += usize::from(!in_code);
        in_code &= char != 'm';
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::tests::places;

    #[test]
    fn gutters_count_the_cells_lines() {
        let rendered = "\
error: no
  --> exp/src/nb_x.rs:12:5
   |
11 | let é = f(1);
   |         - here
12 |     g(2)
   |     ^ there
   |
note: elsewhere
  --> lib.rs:7:1
   |
 7 | fn f() {}
";
        let told = places()
            .rewrite_rendered(&rendered.replace("note: elsewhere", "").replace(" 7 | fn f() {}\n", ""));
        assert!(
            told.contains(" --> n/x.ipynb:cell 3:2:5\n  |\n1 | let é = f(1);\n  |         - here\n2 |"),
            "{told}"
        );
        let told = places().rewrite_rendered(rendered);
        assert!(
            told.contains(" 1 | let é") && told.contains(" 7 | fn f() {}") && told.contains("lib.rs:7:1"),
            "{told}"
        );
        let colored = "\u{1b}[1m\u{1b}[94m  --> \u{1b}[0mexp/src/nb_x.rs:11:9\n\u{1b}[1m\u{1b}[94m11\u{1b}[0m \u{1b}[1m\u{1b}[94m|\u{1b}[0m let\n";
        let told = places().rewrite_rendered(colored);
        assert_eq!(anstream::adapter::strip_str(&told).to_string(), " --> n/x.ipynb:cell 3:1:9\n1 | let\n");
    }
}
