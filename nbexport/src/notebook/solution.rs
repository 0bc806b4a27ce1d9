//! Solutions of exercises: cells that begin with `//| solution`, and lines between `// solution` and `// end solution`.
//!
//! To the crate and to a run they are code like any other. A copy for students has a place to write in instead.

use std::fmt::Write as _;
use std::ops::Range;

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::cell::Code;
use super::directive::{Directives, Kind};
use super::parsed::Role;
use super::{Cell, header, tokens};
use crate::diagnostic::{Diagnostic, Result};

const BEGIN: &str = "// solution";
const END: &str = "// end solution";
/// What stands where a solution stood.
const PLACE: &str = "// your solution";

/// What a cell is without its solution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exercise {
    /// The cell's text for students.
    pub(crate) text: String,
    /// Whether all of the cell is the solution.
    pub(crate) is_whole: bool,
}

/// The exercise of a cell that holds a solution; `None` for any other cell.
///
/// # Errors
/// A solution begins and does not end, or the other way round.
pub(crate) fn exercise(cell: &Cell, directives: &Directives, role: Role<'_>) -> Result<Option<Exercise>> {
    let text = cell.text();
    if directives.has(&Kind::Solution) {
        let mut kept = String::new();
        for line in header::lines(text) {
            let is_it = directives.0.iter().any(|it| it.kind == Kind::Solution && it.span == line.span());
            if !is_it && !line.text.trim().is_empty() {
                kept.push_str(line.text);
                kept.push('\n');
            }
        }
        return Ok(Some(Exercise { text: format!("{kept}{PLACE}"), is_whole: true }));
    }
    let parts = parts(cell)?;
    if parts.is_empty() {
        return Ok(None);
    }
    let code = Code::parse(&cell.source).ok();
    let mut exercise = String::new();
    let mut at = 0;
    for part in parts {
        let first = text[part.clone()].lines().next().unwrap_or_default();
        let indent = &first[..first.len() - first.trim_start().len()];
        exercise.push_str(&text[at..part.start]);
        let _ = writeln!(exercise, "{indent}{PLACE}");
        if let Some(todo) = code.as_ref().and_then(|code| todo(code, role, &part)) {
            let _ = writeln!(exercise, "{indent}{todo}");
        }
        at = part.end;
    }
    exercise.push_str(&text[at..]);
    if !text.ends_with('\n') {
        exercise.truncate(exercise.trim_end_matches('\n').len());
    }
    Ok(Some(Exercise { text: exercise, is_whole: false }))
}

/// Where the marked solutions of a cell stand, the lines that mark them included.
fn parts(cell: &Cell) -> Result<Vec<Range<usize>>> {
    let text = cell.text();
    let within_literals = tokens::lines_within_literals(text);
    let (mut parts, mut open, mut start) = (Vec::new(), None, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let whole = start..start + line.len();
        start = whole.end;
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let wrong = |message: &str, help: &str| {
            let indent = line.len() - line.trim_start().len();
            let span = whole.start + indent..whole.start + line.trim_end().len();
            Err(Diagnostic::error(message).at(&cell.source, span, "").help(help))
        };
        let is_marker = !within_literals.contains(&index);
        match (words.as_str(), &open) {
            (BEGIN, None) if is_marker => open = Some(whole),
            (BEGIN, Some(_)) if is_marker => {
                return wrong(
                    "a solution begins within another",
                    "end the first with a line `// end solution`",
                );
            }
            (END, Some(begin)) if is_marker => {
                parts.push(begin.start..whole.end);
                open = None;
            }
            (END, None) if is_marker => {
                return wrong("a solution ends that did not begin", "begin it with a line `// solution`");
            }
            _ => {}
        }
    }
    match open {
        Some(begin) => {
            let line = &text[begin.clone()];
            let start = begin.start + line.len() - line.trim_start().len();
            let span = start..begin.start + line.trim_end().len();
            Err(Diagnostic::error("a solution begins that does not end")
                .at(&cell.source, span, "")
                .help("end it with a line `// end solution`, so that none of it is shown to students"))
        }
        None => Ok(parts),
    }
}

/// What a student's program does where the solution stood: it says so, where it may hold a statement.
fn todo(code: &Code, role: Role<'_>, part: &Range<usize>) -> Option<&'static str> {
    let mut around = Around { code, part, innermost: None };
    for stmt in &code.stmts {
        around.visit_stmt(stmt);
    }
    match around.innermost {
        Some((_, Some(is_last))) => Some(if is_last { "todo!()" } else { "todo!();" }),
        Some((_, None)) => None,
        None => (!matches!(role, Role::Export(..))).then_some("todo!();"),
    }
}

/// Finds the innermost braces around a part of a cell.
struct Around<'a> {
    code: &'a Code,
    part: &'a Range<usize>,
    /// Where they stand; of a block, whether nothing follows the part in it.
    innermost: Option<(Range<usize>, Option<bool>)>,
}

impl Around<'_> {
    fn braces(&mut self, span: Range<usize>, is_last: Option<bool>) {
        let holds = span.start <= self.part.start && self.part.end <= span.end;
        let is_inner = self.innermost.as_ref().is_none_or(|(outer, _)| outer.start <= span.start);
        if holds && is_inner {
            self.innermost = Some((span, is_last));
        }
    }
}

impl<'ast> Visit<'ast> for Around<'_> {
    fn visit_block(&mut self, block: &'ast syn::Block) {
        let is_after = |stmt: &syn::Stmt| self.code.span(stmt).start >= self.part.end;
        let is_last = !block.stmts.iter().any(is_after);
        self.braces(self.code.span(block), Some(is_last));
        visit::visit_block(self, block);
    }

    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !matches!(item, syn::Item::Fn(_)) {
            self.braces(self.code.span(item), None);
        }
        visit::visit_item(self, item);
    }

    fn visit_expr(&mut self, expr: &'ast syn::Expr) {
        if matches!(
            expr,
            syn::Expr::Match(_) | syn::Expr::Struct(_) | syn::Expr::Array(_) | syn::Expr::Call(_)
        ) {
            self.braces(self.code.span(expr), None);
        }
        visit::visit_expr(self, expr);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.braces(call.span().byte_range(), None);
        visit::visit_macro(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::Notebook;
    use crate::notebook::parsed::ParsedNotebook;

    fn exercise_of(text: &str) -> Result<Option<Exercise>> {
        let json = serde_json::json!({
            "cells": [{"cell_type": "code", "source": text}], "nbformat": 4, "nbformat_minor": 5
        });
        let notebook = Notebook::parse("x.ipynb", json.to_string()).unwrap();
        let (parsed, _) = ParsedNotebook::new(&notebook);
        let cell = &parsed.cells[0];
        exercise(cell.cell, &cell.directives, cell.role())
    }

    fn text(cell: &str) -> String {
        exercise_of(cell).unwrap().unwrap().text
    }

    #[test]
    fn a_cell_that_is_the_solution_keeps_what_stands_above_its_code() {
        let it = exercise_of("//| export\n//| solution\n:dep a = \"1\"\n\npub fn f() {}").unwrap().unwrap();
        assert_eq!((it.text.as_str(), it.is_whole), ("//| export\n:dep a = \"1\"\n// your solution", true));
        assert_eq!(exercise_of("let x = 1; // solution").unwrap(), None);
    }

    #[test]
    fn between_statements_a_solution_becomes_one_that_says_so() {
        let of = |before: &str, after: &str| {
            text(&format!(
                "fn f() -> u8 {{\n{before}    // solution\n    let x = 1;\n    // end solution\n{after}}}"
            ))
        };
        assert_eq!(of("", ""), "fn f() -> u8 {\n    // your solution\n    todo!()\n}");
        assert_eq!(
            of("    g();\n", "    x\n"),
            "fn f() -> u8 {\n    g();\n    // your solution\n    todo!();\n    x\n}"
        );
        assert_eq!(text("// solution\nlet x = 1;\n// end solution\nx"), "// your solution\ntodo!();\nx");
    }

    #[test]
    fn among_items_and_values_it_becomes_a_comment() {
        let solution = "// solution\nfn g() {}\n// end solution\n";
        assert_eq!(
            text(&format!("//| export\nfn f() {{}}\n{solution}")),
            "//| export\nfn f() {}\n// your solution\n"
        );
        assert_eq!(text(&format!("impl A {{\n{solution}}}")), "impl A {\n// your solution\n}");
        assert_eq!(
            text("match x {\n// solution\n1 => 2,\n// end solution\n_ => 3 }"),
            "match x {\n// your solution\n_ => 3 }"
        );
        assert_eq!(
            text("impl A { fn f(&self) {\n// solution\n1;\n// end solution\n} }"),
            "impl A { fn f(&self) {\n// your solution\ntodo!()\n} }"
        );
    }

    #[test]
    fn what_does_not_begin_or_end_is_told_where_it_stands() {
        let wrong = |text: &str| {
            let wrong = exercise_of(text).unwrap_err();
            format!("{} {}", wrong.location().unwrap(), wrong.message)
        };
        assert_eq!(wrong("x;\n // solution\ny"), "x.ipynb:cell 1:2:2 a solution begins that does not end");
        assert_eq!(wrong("x;\n // end solution"), "x.ipynb:cell 1:2:2 a solution ends that did not begin");
        assert_eq!(
            wrong("// solution\n// solution\n// end solution"),
            "x.ipynb:cell 1:2:1 a solution begins within another"
        );
        assert_eq!(exercise_of("let x = \"\n// solution\n\";").unwrap(), None);
    }
}
