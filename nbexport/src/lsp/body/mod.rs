//! The cells of a notebook as one flat program: items at the level of a module, statements in one function below them.
//!
//! A name that a later cell gives to another item begins a module within the one before, which imports all of it: what
//! is defined there hides what was, and statements from there on stand in a block that imports the inner module.
//! rust-analyzer does not see an `impl` in another block than that of its type, so blocks of items would not do.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::overlay::Line;
use super::split::{Chunk, Split, split};
use super::text;
use crate::diagnostic::Source;
use crate::notebook::cell::Code;
use crate::notebook::scope;

/// How the program calls its outermost module.
const ROOT: &str = "crate";

/// A code cell on its way into the program.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: Arc<str>,
    split: Split,
    /// What its imports bring in, by name.
    imports: Vec<(String, String)>,
    /// The expression that it ends in.
    closing: Option<Range<usize>>,
    awaits: bool,
}

/// Where a cell goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Its items and variables are for all later cells.
    Shared,
    /// Its variables are its own: it is to panic, or not to run.
    Apart,
    /// All of it is its own: it is not to compile, or not read at all.
    Alone,
}

impl Cell {
    /// Reads a cell's text.
    pub(super) fn read(text: &str) -> Self {
        let mut split = split(text);
        let source = Source { name: String::new(), cell_id: None, text: text.to_owned() };
        let code = Code::parse(&Arc::new(source)).ok();
        let imports = code.iter().flat_map(scope::imports);
        let imports = imports.filter_map(|import| Some((import.name?, import.path))).collect();
        let closing = code.as_ref().and_then(Code::closing);
        let awaits = text.contains(".await");
        // What a macro makes, later cells may use.
        if let Some(code) = &code {
            let is_item = |stmt: &syn::Stmt| {
                matches!(stmt, syn::Stmt::Macro(call)
                    if matches!(call.mac.delimiter, syn::MacroDelimiter::Brace(_))
                        && call.mac.path.get_ident().is_none_or(|name| !crate::notebook::cell::is_statement_macro(name)))
            };
            let macros: Vec<_> =
                code.stmts.iter().filter(|stmt| is_item(stmt)).map(|stmt| code.span(stmt)).collect();
            split.chunks = split.chunks.into_iter().flat_map(|chunk| cut(chunk, &macros)).collect();
        }
        Self { text: text.into(), split, imports, closing, awaits }
    }

    /// Whether something is left open or closes nothing.
    pub(super) fn is_unbalanced(&self) -> bool {
        !self.split.closers.is_empty()
            || self.split.hidden.iter().any(|range| matches!(&self.text[range.clone()], ")" | "]" | "}"))
    }

    /// What closes what the cell leaves open.
    pub(super) fn closers(&self) -> &str {
        &self.split.closers
    }
}

/// Statements with the macro calls among them that make items taken out.
fn cut(chunk: Chunk, items: &[Range<usize>]) -> Vec<Chunk> {
    let mut parts = Vec::new();
    let mut from = chunk.range.start;
    let within = |item: &&Range<usize>| chunk.range.start <= item.start && item.end <= chunk.range.end;
    for item in items.iter().filter(within).filter(|_| !chunk.is_item) {
        parts.push(Chunk { range: from..item.start, is_item: false, name: None });
        parts.push(Chunk { range: item.clone(), is_item: true, name: None });
        from = item.end;
    }
    parts.push(Chunk { range: from..chunk.range.end, ..chunk });
    parts.retain(|part| !part.range.is_empty());
    parts
}

/// The program of some cells, each with its place among all cells: its text, and what each of its lines is.
/// `is_home` tells of a cell whether the program is where it belongs.
pub(super) fn program(
    cells: &[(usize, &Cell, How)],
    is_home: impl Fn(usize) -> bool,
) -> (String, Vec<Option<Line>>) {
    let generations = generations(cells);
    let mut writer = Writer::default();
    writer.frame("#![allow(warnings)]");
    let mut open = 0;
    for ((index, cell, how), generation) in cells.iter().zip(&generations) {
        while open < *generation {
            open += 1;
            writer.frame(&format!("mod later_{open} {{ use super::*;"));
        }
        if *how != How::Alone {
            for chunk in cell.split.chunks.iter().filter(|chunk| chunk.is_item) {
                writer.part(*index, cell, &chunk.range, is_home(*index));
            }
            // What is open is open in the last part.
            if cell.split.chunks.last().is_some_and(|chunk| chunk.is_item) {
                writer.frame(&cell.split.closers);
            }
        }
    }
    let asyncness = if cells.iter().any(|(_, cell, _)| cell.awaits) { "async " } else { "" };
    writer.frame(&format!("{asyncness}fn main() -> Result<(), Box<dyn std::error::Error>> {{"));
    if generations.last().is_some_and(|last| *last > 0) {
        writer.frame(&format!("use {ROOT}::*;"));
    }
    let mut now = 0;
    for ((index, cell, how), generation) in cells.iter().zip(&generations) {
        if now < *generation {
            now = *generation;
            let path: Vec<String> = (1..=now).map(|number| format!("later_{number}::")).collect();
            writer.frame(&format!("{{ use {ROOT}::{}*;", path.concat()));
            writer.blocks += 1;
        }
        writer.statements(*index, cell, *how, is_home(*index));
    }
    writer.frame("Ok(())");
    writer.frame(&"}".repeat(1 + writer.blocks + open));
    (writer.text, writer.lines)
}

/// For each cell how many times, up to it, names were given to other items than before.
fn generations(cells: &[(usize, &Cell, How)]) -> Vec<usize> {
    let mut known: HashMap<&str, String> = HashMap::new();
    let mut generation = 0;
    let mut found = Vec::with_capacity(cells.len());
    for (index, cell, how) in cells {
        if *how != How::Alone {
            let items = cell.split.chunks.iter().filter_map(|chunk| chunk.name.as_deref());
            let items = items.map(|name| (name, format!("cell {index}")));
            let imports = cell.imports.iter().map(|(name, path)| (name.as_str(), path.clone()));
            let names: Vec<(&str, String)> = items.chain(imports).collect();
            if names.iter().any(|(name, what)| known.get(name).is_some_and(|before| before != what)) {
                generation += 1;
            }
            known.extend(names);
        }
        found.push(generation);
    }
    found
}

#[derive(Default)]
struct Writer {
    text: String,
    lines: Vec<Option<Line>>,
    /// How many blocks are open in the function.
    blocks: usize,
}

impl Writer {
    fn line(&mut self, text: &str, line: Option<Line>) {
        self.text.push_str(text);
        self.text.push('\n');
        self.lines.push(line);
    }

    fn frame(&mut self, text: &str) {
        if !text.is_empty() {
            self.line(text, None);
        }
    }

    fn statements(&mut self, index: usize, cell: &Cell, how: How, is_home: bool) {
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
                    self.part(index, cell, &(chunk.range.start..closing.start), is_home);
                    self.frame("let _ = (");
                    self.part(index, cell, &(closing.start..chunk.range.end), is_home);
                    self.frame(");");
                }
                None => self.part(index, cell, &chunk.range, is_home),
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

    /// A part of a cell, on lines of its own and in its own columns. What must not be read is blank.
    fn part(&mut self, index: usize, cell: &Cell, part: &Range<usize>, is_home: bool) {
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
            let line = Line { cell: index, row: text::count(number), shift: 0, from, to, is_home };
            self.line(&shown, Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cells: &[&str]) -> (String, Vec<Option<Line>>) {
        let cells: Vec<Cell> = cells.iter().map(|text| Cell::read(text)).collect();
        let cells: Vec<_> =
            cells.iter().enumerate().map(|(index, cell)| (index, cell, How::Shared)).collect();
        program(&cells, |_| true)
    }

    #[test]
    fn every_character_of_a_cell_stands_in_its_column_once() {
        let cells = [
            ":dep a = \"1\"\nuse a::b; let é = \"𝄞\"; fn f() {} é\n// end",
            "let x = f();\n\n/// Doc.\nstruct S;\nimpl S {\n    fn g() {}\n}\n{ x }",
            "fn f() { broken(\n",
            "lazy! { static A: u8 = 1; }\nlet y = 1; y",
        ];
        let (text, lines) = of(&cells);
        assert_eq!(text.lines().count(), lines.len());
        let mut seen = vec![Vec::<u16>::new(); cells.len()];
        for (shown, line) in text.lines().zip(&lines) {
            let Some(line) = line else { continue };
            let original = cells[line.cell].lines().nth(line.row as usize).unwrap();
            let (from, to) = (line.from as usize, line.to as usize);
            let (original, shown): (Vec<u16>, Vec<u16>) =
                (original.encode_utf16().collect(), shown.encode_utf16().collect());
            assert_eq!(original[from..to], shown[from..to]);
            seen[line.cell].extend(
                original[from..to]
                    .iter()
                    .filter(|unit| !char::from_u32(u32::from(**unit)).is_some_and(char::is_whitespace)),
            );
        }
        for (cell, seen) in cells.iter().zip(seen) {
            let wanted = cell.lines().filter(|line| !line.starts_with(":dep"));
            let mut wanted: Vec<u16> = wanted
                .flat_map(|line| {
                    line.chars()
                        .filter(|c| !c.is_whitespace())
                        .collect::<String>()
                        .encode_utf16()
                        .collect::<Vec<_>>()
                })
                .collect();
            let mut seen = seen;
            wanted.sort_unstable();
            seen.sort_unstable();
            assert_eq!(seen, wanted, "{cell}\n{text}");
        }
    }

    #[test]
    fn the_program_of_whole_cells_is_rust() {
        let (text, _) = of(&[
            "use a::b;\nlet x = 1;\nfn f() {}\nf(x)",
            "fn f() {}\nf();\nstruct S;",
            "{ x }",
            "use a::b;",
            "use c::b;\nprintln!(\"x\")",
            "#![allow(x)]\nfoo()?",
            "x.await",
        ]);
        assert!(syn::parse_file(&text).is_ok(), "{text}");
        // `f` and then `b` are other items than before.
        assert_eq!(text.matches("use super::*;").count(), 2, "{text}");
        assert!(text.contains("async fn main"), "{text}");
    }

    #[test]
    fn a_cell_that_is_being_typed_leaves_the_others_whole() {
        for broken in ["fn g() { h(", "let s = \"abc", "/* x", "x }", "f(", "struct S {", "g(]"] {
            let (text, _) = of(&["fn f() {}", broken, "let after = 1;\nfn last() {}"]);
            let main = text.find("fn main").unwrap();
            assert!(text[..main].contains("\nfn last() {}\n"), "{text}");
            assert!(text[main..].contains("\nlet after = 1;\n"), "{text}");
            let depth = |text: &str| text.matches('{').count() - text.matches('}').count();
            if !broken.contains(['"', '*', ']']) {
                assert_eq!(depth(&text), 0, "{text}");
            }
        }
    }
}
