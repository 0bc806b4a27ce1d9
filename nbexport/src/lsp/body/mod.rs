//! The cells of a notebook as one flat program: items at the level of a module, below them a function for each cell's
//! statements.
//!
//! rust-analyzer infers a function as a whole, and again after each change in it. So a function has the statements of its
//! cell and, before them, only those of earlier cells that make the variables that it names: see `slice`.
//!
//! A name that a later cell gives to another item begins a module within the one before, which imports all of it: what
//! is defined there hides what was, and statements from there on stand in blocks that import the inner module.
//! rust-analyzer does not see an `impl` in another block than that of its type, so blocks of items would not do.

mod slice;
mod statements;
mod writer;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use self::statements::Statement;
use self::writer::Writer;
use super::overlay::{Line, Stands};
use super::split::{Chunk, Split, split};
use crate::diagnostic::Source;
use crate::notebook::cell::Code;
use crate::notebook::scope;

/// How the program calls its outermost module.
const ROOT: &str = "crate";

/// How the functions are called, before the number of their first cell.
pub(super) const FUNCTION: &str = "__cell_";

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
    /// What it does outside of its items.
    statements: Vec<Statement>,
    /// All names that it says.
    words: Vec<String>,
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
        let of_chunk = |chunk: &Chunk| statements::of(text, &chunk.range);
        let statements = split.chunks.iter().filter(|chunk| !chunk.is_item).flat_map(of_chunk).collect();
        let all = statements::of(text, &(super::split::start(text)..text.len()));
        let words =
            all.into_iter().flat_map(|statement| [statement.binds, statement.names].concat()).collect();
        Self { text: text.into(), split, imports, closing, awaits, statements, words }
    }

    /// The variables that it makes.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().flat_map(|statement| &statement.binds).map(String::as_str)
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
    let stands = |index: usize| if is_home(index) { Stands::Home } else { Stands::Away };
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
                writer.part(*index, cell, &chunk.range, stands(*index));
            }
            // What is open is open in the last part.
            if cell.split.chunks.last().is_some_and(|chunk| chunk.is_item) {
                writer.frame(&cell.split.closers);
            }
        }
    }
    for function in slice::functions(cells) {
        let shown = &cells[..function.cells.end];
        let awaits = |at: usize| cells[at].1.awaits;
        let is_async = function.cells.clone().any(awaits) || function.copies.keys().copied().any(awaits);
        let number = cells[function.cells.start].0 + 1;
        writer.frame(&format!(
            "{}fn {FUNCTION}{number}() -> Result<(), Box<dyn std::error::Error>> {{",
            if is_async { "async " } else { "" }
        ));
        if open > 0 {
            writer.frame(&format!("use {ROOT}::*;"));
        }
        let (mut now, mut blocks) = (0, 0);
        for (at, ((index, cell, how), generation)) in shown.iter().zip(&generations).enumerate() {
            let copies = function.copies.get(&at);
            if copies.is_none() && !function.cells.contains(&at) {
                continue;
            }
            if now < *generation {
                now = *generation;
                let path: Vec<String> = (1..=now).map(|number| format!("later_{number}::")).collect();
                writer.frame(&format!("{{ use {ROOT}::{}*;", path.concat()));
                blocks += 1;
            }
            match copies {
                Some(copies) => writer.copies(*index, cell, copies),
                None => writer.statements(*index, cell, *how, stands(*index)),
            }
        }
        writer.frame("Ok(())");
        writer.frame(&"}".repeat(1 + blocks));
    }
    writer.frame(&"}".repeat(open));
    (writer.text, writer.lines)
}

/// Whether a program awaits something.
pub(super) fn awaits(program: &str) -> bool {
    program.contains(&format!("\nasync fn {FUNCTION}"))
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
            let Some(line) = line.filter(Line::is_home) else { continue };
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
        assert_eq!(text.matches("async fn").count(), 1, "{text}");
        assert!(awaits(&text) && !awaits(&of(&["let a = 1;"]).0), "{text}");
    }

    #[test]
    fn a_cell_that_is_being_typed_leaves_the_others_whole() {
        for broken in ["fn g() { h(", "let s = \"abc", "/* x", "x }", "f(", "struct S {", "g(]"] {
            let (text, _) = of(&["fn f() {}", broken, "let after = 1;\nfn last() {}"]);
            let main = text.find("fn __cell_").unwrap();
            assert!(text[..main].contains("\nfn last() {}\n"), "{text}");
            assert!(text[main..].contains("\nlet after = 1;\n"), "{text}");
            let depth = |text: &str| text.matches('{').count() - text.matches('}').count();
            if !broken.contains(['"', '*', ']']) {
                assert_eq!(depth(&text), 0, "{text}");
            }
        }
    }
}
