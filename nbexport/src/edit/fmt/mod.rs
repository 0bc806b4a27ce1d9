//! rustfmt in the cells, with the user's own rustfmt and `rustfmt.toml`.
//!
//! All cells go through one rustfmt process. Each stands inside a `mod` or a `fn` of its own, one level deep; the line
//! width is that much wider, so that a cell comes out as rustfmt would write it at the level of a module.

use std::fmt::Write as _;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::diagnostic::{Diagnostic, Result};
use crate::notebook::cell::{Code, Shape, lines_within_literals};
use crate::notebook::header;
use crate::notebook::parsed::{ParsedCell, ParsedNotebook};
use crate::notebook::{Edit, Notebook};

/// What came of one notebook.
#[derive(Clone, Debug, Default)]
pub struct Formatted {
    /// The cells whose text changes: number, old text, new text.
    pub cells: Vec<(usize, String, String)>,
    /// The notebook's new text; `None` when nothing changes.
    pub text: Option<String>,
    /// The cells that were left alone, and why.
    pub diagnostics: Vec<Diagnostic>,
}

/// Formats the code cells of notebooks; `root` is where rustfmt looks for its configuration from.
///
/// # Errors
/// There is no rustfmt, or it cannot be run.
pub fn format(notebooks: &[Notebook], root: &Path) -> Result<Vec<Formatted>> {
    let rustfmt = Rustfmt::new(root)?;
    let parsed: Vec<ParsedNotebook<'_>> =
        notebooks.iter().map(|notebook| ParsedNotebook::new(notebook).0).collect();
    let mut results: Vec<Formatted> = notebooks.iter().map(|_| Formatted::default()).collect();
    let mut pieces = Vec::new();
    for (index, parsed) in parsed.iter().enumerate() {
        for cell in &parsed.cells {
            match cell.code() {
                Err(diagnostic) => results[index].diagnostics.push(diagnostic.clone()),
                Ok(code) if code.shape() == Shape::Empty => {}
                Ok(code) => pieces.push((index, cell, Piece::new(cell, code))),
            }
        }
    }
    let bodies: Vec<&Piece> = pieces.iter().map(|(_, _, piece)| piece).collect();
    let formatted = rustfmt.format_all(&bodies)?;
    let mut edits: Vec<Vec<Edit>> = notebooks.iter().map(|_| Vec::new()).collect();
    for ((index, cell, piece), body) in pieces.iter().zip(formatted) {
        let result = &mut results[*index];
        match body {
            None => result.diagnostics.push(
                Diagnostic::error("rustfmt does not format this cell, so it was left as it is")
                    .at(cell.source(), piece.body.clone(), "")
                    .help(
                        "rustfmt takes it for a mistake that the parser lets pass, such as a reserved word",
                    ),
            ),
            Some(body) => {
                let old = cell.cell.text();
                let new = format!("{}{body}", &old[..piece.body.start]);
                if new != old.trim_end_matches('\n') {
                    edits[*index].push(notebooks[*index].set_source(cell.cell, &new));
                    result.cells.push((cell.cell.number, old.to_owned(), new));
                }
            }
        }
    }
    for ((result, notebook), edits) in results.iter_mut().zip(notebooks).zip(edits) {
        result.text = (!edits.is_empty()).then(|| notebook.edited(edits));
    }
    Ok(results)
}

/// The part of a cell that rustfmt gets: all below its last directive or `:command`.
struct Piece {
    text: String,
    body: Range<usize>,
    is_items: bool,
}

impl Piece {
    fn new(cell: &ParsedCell<'_>, code: &Code) -> Self {
        let text = cell.cell.text();
        let header = header::lines(text)
            .filter(|line| line.text.trim_start().starts_with("//|") || line.is_command())
            .last()
            .map_or(0, |line| (line.span().end + 1).min(text.len()));
        // Blank lines below the header are the writer's.
        let blank = text[header..].len() - text[header..].trim_start_matches(['\n', '\r']).len();
        let body = header + blank..text.len();
        Self { text: text[body.clone()].to_owned(), body, is_items: code.shape() == Shape::Items }
    }
}

/// The user's rustfmt, with the project's configuration one level wider.
struct Rustfmt<'a> {
    root: &'a Path,
    indent: String,
    config: String,
}

impl<'a> Rustfmt<'a> {
    fn new(root: &'a Path) -> Result<Self> {
        // rustfmt reads the configuration for a file, which need not be there.
        let output = Command::new("rustfmt")
            .args(["--print-config", "current"])
            .arg(root.join("nbexport.rs"))
            .current_dir(root)
            .output()
            .map_err(|error| missing(&error))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Diagnostic::error(format!("rustfmt does not read its configuration: {why}")));
        }
        let value =
            |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_prefix("= "));
        let spaces: usize = value("tab_spaces").and_then(|it| it.parse().ok()).unwrap_or(4);
        let width: usize = value("max_width").and_then(|it| it.parse().ok()).unwrap_or(100);
        let mut config = vec![format!("max_width={}", width + spaces)];
        // These follow the line width where nothing sets them, so they are said.
        config.extend(
            [
                "fn_call_width",
                "attr_fn_like_width",
                "struct_lit_width",
                "struct_variant_width",
                "array_width",
                "chain_width",
                "single_line_if_else_max_width",
                "single_line_let_else_max_width",
            ]
            .iter()
            .filter_map(|key| Some(format!("{key}={}", value(key)?))),
        );
        let indent = if value("hard_tabs") == Some("true") { "\t".to_owned() } else { " ".repeat(spaces) };
        Ok(Self { root, indent, config: config.join(",") })
    }

    /// Formats all pieces; `None` for one that rustfmt refuses. Where the lot of them fails, halves are tried, so that
    /// one bad cell does not keep the others from being formatted.
    fn format_all(&self, pieces: &[&Piece]) -> Result<Vec<Option<String>>> {
        if pieces.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(bodies) = self.run(pieces)? {
            return Ok(bodies.into_iter().map(Some).collect());
        }
        if pieces.len() == 1 {
            return Ok(vec![None]);
        }
        let (left, right) = pieces.split_at(pieces.len() / 2);
        let mut all = self.format_all(left)?;
        all.extend(self.format_all(right)?);
        Ok(all)
    }

    fn run(&self, pieces: &[&Piece]) -> Result<Option<Vec<String>>> {
        let mut input = String::new();
        for (index, piece) in pieces.iter().enumerate() {
            let opening =
                if piece.is_items { format!("mod cell_{index} {{") } else { format!("fn cell_{index}() {{") };
            let body = piece.text.trim_end();
            let _ = writeln!(input, "{opening}\n{body}\n}}\n// end of cell {index}");
        }
        let mut child = Command::new("rustfmt")
            .args(["--edition", "2024", "--quiet", "--config", &self.config])
            // For stdin, rustfmt takes its configuration from the working directory.
            .current_dir(self.root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| missing(&error))?;
        let mut stdin = child.stdin.take().expect("stdin is piped");
        // rustfmt reads all of its input before it writes.
        let written = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().map_err(|error| missing(&error))?;
        if written.is_err() || !output.status.success() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(self.take_apart(&text, pieces.len()))
    }

    /// The bodies of the formatted file, without their frames and indentation.
    fn take_apart(&self, text: &str, count: usize) -> Option<Vec<String>> {
        let literals: std::collections::HashSet<usize> = lines_within_literals(text).into_iter().collect();
        let lines: Vec<&str> = text.lines().collect();
        let mut bodies = Vec::with_capacity(count);
        let mut at = 0;
        for index in 0..count {
            let marker = format!("// end of cell {index}");
            let end = at + lines[at..].iter().position(|line| *line == marker)?;
            // Inside the frame; rustfmt may write an empty one on a single line.
            let inside = at + 1..end.checked_sub(1)?.max(at + 1);
            let body: Vec<&str> = inside
                .map(|row| {
                    let line = lines[row];
                    if literals.contains(&row) {
                        line
                    } else {
                        line.strip_prefix(&self.indent).unwrap_or(line)
                    }
                })
                .collect();
            bodies.push(body.join("\n").trim_matches('\n').to_owned());
            at = end + 1;
            while lines.get(at).is_some_and(|line| line.trim().is_empty()) {
                at += 1;
            }
        }
        Some(bodies)
    }
}

fn missing(error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot run rustfmt: {error}"))
        .help("install it: `rustup component add rustfmt`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(cells: &[&str]) -> (Vec<String>, Vec<String>) {
        let cells: Vec<_> =
            cells.iter().map(|text| serde_json::json!({"cell_type": "code", "source": text})).collect();
        let json = serde_json::json!({ "cells": cells, "nbformat": 4, "nbformat_minor": 5 });
        let notebook = Notebook::parse("x.ipynb", json.to_string()).unwrap();
        let root = tempfile::tempdir().unwrap();
        let mut results = format(std::slice::from_ref(&notebook), root.path()).unwrap();
        let result = results.remove(0);
        let said = result.diagnostics.iter().map(|diagnostic| diagnostic.message.clone()).collect();
        let text = result.text.unwrap_or_else(|| notebook.text().to_owned());
        let again = Notebook::parse("x.ipynb", text).unwrap();
        let twice = format(std::slice::from_ref(&again), root.path()).unwrap().remove(0);
        assert_eq!(twice.cells, [], "formatting twice changes nothing");
        (again.cells.iter().map(|cell| cell.text().to_owned()).collect(), said)
    }

    #[test]
    fn items_statements_and_expressions_are_formatted_and_headers_stay() {
        let (cells, said) = formatted(&[
            "//|export\n:dep   a=\"1\"\n\n/// Doc.\npub fn f( x:u8 )->u8{x}\nuse b;\nuse a;",
            "let  x=1;\nlet s = \"a\n  b\";\nx+1 // shown",
            "println!( \"x\" )\n// done",
            "//| test t\n:dep x",
            "use z;\nuse y;",
        ]);
        assert_eq!(said, Vec::<String>::new());
        assert_eq!(
            cells,
            [
                "//|export\n:dep   a=\"1\"\n\n/// Doc.\npub fn f(x: u8) -> u8 {\n    x\n}\nuse a;\nuse b;",
                "let x = 1;\nlet s = \"a\n  b\";\nx + 1 // shown",
                "println!(\"x\")\n// done",
                "//| test t\n:dep x",
                "use y;\nuse z;",
            ]
        );
    }

    #[test]
    fn a_cell_that_does_not_parse_is_named_and_the_rest_formatted() {
        let (cells, said) = formatted(&["let = 3;", "let  x=1;"]);
        assert_eq!(cells, ["let = 3;", "let x = 1;"]);
        assert!(said[0].contains("does not parse"), "{said:?}");
    }

    #[test]
    fn a_cell_is_as_wide_as_a_module() {
        let line = format!("fn f() -> u8 {{\n    {}\n}}", "1 + ".repeat(23) + "100");
        assert_eq!(line.lines().nth(1).unwrap().len(), 99);
        assert_eq!(formatted(&[&line]).0, [line]);
    }
}
