//! Bench cells → `benches/nb_01.rs`, a program in which criterion measures what each cell ends in.
//!
//! A cell becomes a function. Its statements, and those of the setup cells before it, run once; then its closing
//! expression is measured. Where that is a call which is given a closure, as in `timeit(|| matmul(&a, &b))`, the
//! closure is what is measured: such a cell shows a time in the notebook, too.

use std::ops::Range;

use syn::{Expr, Item, Stmt};

use super::writer::{Writer, command_lines, question_mark_and_await};
use super::{BENCHES, Module, RESULT, Target, marker_id};
use crate::export::map::{LineMap, Origin};
use crate::notebook::Cell;
use crate::notebook::cell::Code;
use crate::notebook::parsed::{ParsedCell, ParsedNotebook, Role};
use crate::notebook::scope;

/// What stands above the functions. No formatter may touch what is written cell by cell.
const HEAD: [&str; 2] = [
    "#![cfg_attr(rustfmt, rustfmt::skip)]",
    "#![allow(missing_docs, unused, clippy::items_after_statements, clippy::redundant_closure, clippy::wildcard_imports)]",
];

/// What a cell ends in, as a benchmark takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    /// The closing statement.
    pub stmt: Range<usize>,
    /// The part of it that is measured.
    pub part: Range<usize>,
    /// Whether that part is a closure already.
    pub is_closure: bool,
}

/// Why a cell is no benchmark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotMeasured {
    /// It ends in no expression, but in this.
    NoExpression(Range<usize>),
    /// It ends in a macro of the `println!` or `assert!` kind.
    Macro(Range<usize>),
    /// The closing expression uses `?`, which leaves the function, or awaits.
    Leaves(Range<usize>),
}

/// What a cell's benchmark measures.
///
/// # Errors
/// It ends in nothing that can be.
pub(crate) fn measured(code: &Code) -> Result<Measured, NotMeasured> {
    let Some(last) = code.stmts.last() else { return Err(NotMeasured::NoExpression(0..0)) };
    let stmt = code.span(last);
    let (expr, call) = match last {
        Stmt::Expr(expr @ Expr::Macro(call), None) => (Some(expr), Some(&call.mac)),
        Stmt::Expr(expr, None) => (Some(expr), None),
        Stmt::Macro(call) => (None, Some(&call.mac)),
        _ => return Err(NotMeasured::NoExpression(stmt)),
    };
    let printed = call.and_then(scope::last_printed);
    if let Some(closure) = printed.as_ref().or(expr).and_then(timed_closure) {
        return Ok(Measured { part: code.span(closure), stmt, is_closure: true });
    }
    if call.is_some_and(scope::is_of_std_and_unit) {
        return Err(NotMeasured::Macro(stmt));
    }
    if matches!(last, Stmt::Macro(call) if call.semi_token.is_some()) {
        return Err(NotMeasured::NoExpression(stmt));
    }
    if scope::leaves(last) {
        return Err(NotMeasured::Leaves(stmt));
    }
    Ok(Measured { part: stmt.clone(), stmt, is_closure: false })
}

/// The closure of `timeit(|| …)`: the last argument of a function call, if that takes nothing.
fn timed_closure(expr: &Expr) -> Option<&syn::ExprClosure> {
    let Expr::Call(call) = expr else { return None };
    match call.args.last()? {
        Expr::Closure(closure) if closure.inputs.is_empty() && closure.asyncness.is_none() => Some(closure),
        _ => None,
    }
}

/// The benchmarks of a notebook, whose module `home` has these exported cells; `None` if it has no bench cell.
pub(super) fn build(
    parsed: &ParsedNotebook<'_>,
    home: &str,
    exported: Option<&[&ParsedCell<'_>]>,
    crate_name: &str,
) -> Option<Module> {
    let mut benches: Vec<(&str, &ParsedCell<'_>, Vec<&ParsedCell<'_>>)> = Vec::new();
    let mut setup: Vec<&ParsedCell<'_>> = Vec::new();
    for cell in &parsed.cells {
        match cell.role() {
            Role::Setup => setup.push(cell),
            Role::Bench(name) => benches.push((name, cell, setup.clone())),
            _ => {}
        }
    }
    if benches.is_empty() {
        return None;
    }
    let mut writer = Writer::new(parsed.notebook);
    writer.begin(0, BENCHES, None);
    for line in HEAD {
        writer.line(line, None);
    }
    writer.line("", None);
    if let Some(cells) = exported {
        writer.line(&format!("use {crate_name}::{home}::*;"), None);
        for cell in cells {
            writer.imports(cell);
        }
        writer.line("", None);
    }
    writer.main(&benches);
    for (name, cell, setup) in &benches {
        writer.bench_cell(home, name, cell, setup);
    }
    let (text, map): (String, LineMap) = writer.finish(false);
    let path = format!("benches/{home}.rs");
    Some(Module {
        name: home.to_owned(),
        path,
        target: Target::Bench,
        text,
        map,
        cells: benches.len(),
        tests: 0,
    })
}

impl Writer<'_> {
    /// The imports of an exported cell, which the glob import of its module does not bring.
    fn imports(&mut self, cell: &ParsedCell<'_>) {
        let Ok(code) = cell.code() else { return };
        for item in code.items() {
            let Item::Use(import) = item else { continue };
            let of_module = match &import.tree {
                syn::UseTree::Path(path) => ["crate", "self", "super"].iter().any(|it| path.ident == it),
                _ => false,
            };
            if of_module || scope::is_public(item) {
                continue;
            }
            let span = code.span(item);
            let first = cell.cell.text()[..span.start].matches('\n').count();
            for (offset, line) in cell.cell.text()[span].lines().enumerate() {
                self.cell_line(cell.cell, first + offset, line, 0, false);
            }
        }
    }

    fn main(&mut self, benches: &[(&str, &ParsedCell<'_>, Vec<&ParsedCell<'_>>)]) {
        let fails = |cell: &ParsedCell<'_>, setup: &[&ParsedCell<'_>]| match cell.code() {
            Ok(code) => question_mark_and_await(code, setup).0,
            Err(_) => false,
        };
        let any = benches.iter().any(|(_, cell, setup)| fails(cell, setup));
        self.line(&format!("fn main(){} {{", if any { RESULT } else { "" }), None);
        self.line("    let mut criterion = criterion::Criterion::default().configure_from_args();", None);
        for (name, cell, setup) in benches {
            let question_mark = if fails(cell, setup) { "?" } else { "" };
            self.line(&format!("    bench_{name}(&mut criterion){question_mark};"), None);
        }
        self.line("    criterion.final_summary();", None);
        if any {
            self.line("    Ok(())", None);
        }
        self.line("}", None);
    }

    fn bench_cell(&mut self, home: &str, name: &str, cell: &ParsedCell<'_>, setup: &[&ParsedCell<'_>]) {
        let Ok(code) = cell.code() else { return };
        let Ok(measured) = measured(code) else { return };
        self.begin(0, &marker_id(cell.cell), None);
        let (question_mark, _) = question_mark_and_await(code, setup);
        let result = if question_mark { RESULT } else { "" };
        // No cell has a variable of that name, which would hide the parameter.
        self.line(&format!("fn bench_{name}(nbexport: &mut criterion::Criterion){result} {{"), None);
        self.setup(setup, 4);
        self.measured_body(cell.cell, code, &measured, 4);
        let run = "|bencher| bencher.iter(&mut measured)";
        self.line(&format!("    nbexport.bench_function(\"{home}/{name}\", {run});"), None);
        if question_mark {
            self.line("    Ok(())", None);
        }
        self.line("}", None);
    }

    /// The statements of a cell, the closing one as the closure that is measured.
    fn measured_body(&mut self, cell: &Cell, code: &Code, measured: &Measured, indent: usize) {
        let text = cell.text();
        let line_of = |at: usize| text[..at].matches('\n').count();
        let within_literals = code.lines_within_literals();
        let indent_of = |line: usize| if within_literals.contains(&line) { 0 } else { indent };
        let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |newline| newline + 1);

        let before = line_start(measured.stmt.start);
        let commands = command_lines(code);
        for (index, line) in text[..before].lines().enumerate() {
            self.cell_line(cell, index, line, indent_of(index), commands.contains(&index));
        }
        let closure = if measured.is_closure { "" } else { "|| " };
        let head = format!("{}let mut measured = {closure}", &text[before..measured.stmt.start]);
        let rows = format!("{head}{};{}", &text[measured.part.clone()], &text[measured.stmt.end..]);
        let (first, last) = (line_of(measured.part.start), line_of(measured.part.end));
        for (offset, row) in rows.trim_end().split('\n').enumerate() {
            // What stands between the measured part and the statement's end is left out, lines of it too.
            let skipped = if first + offset > last { line_of(measured.stmt.end) - last } else { 0 };
            let line = first + offset + skipped;
            let indent = if row.trim().is_empty() { 0 } else { indent_of(line) };
            let own = text[line_start(measured.part.start)..measured.part.start].chars().count();
            let moved = if offset == 0 { head.chars().count().cast_signed() - own.cast_signed() } else { 0 };
            let origin = Origin { cell: cell.number, line: line + 1, shift: indent.cast_signed() + moved };
            self.line(&format!("{:indent$}{row}", ""), Some(origin));
        }
    }
}
