//! The lines of a program. A cell's stand in it as they stand in the notebook, on lines of their own and in their own
//! columns; what has to go before or behind a part of a line goes to another line.

use std::collections::BTreeMap;
use std::ops::Range;

use syn::Stmt;

use super::hidden::Hidden;
use super::items;
use super::keep::{self, Answers, Ask, Functions, Variable};
use super::moves;
use super::moves::Moved;
use super::program::{Line, Program, Use};
use super::redefine::{Copy, Effect};
use crate::export::map::Origin;
use crate::notebook::cell::Code;
use crate::notebook::parsed::{ParsedCell, ParsedNotebook};
use crate::notebook::scope;

/// What is to be known of a cell to write it.
pub(super) struct About<'a> {
    pub(super) functions: &'a Functions,
    pub(super) effect: &'a Effect,
    pub(super) hidden: &'a Hidden,
    pub(super) answers: &'a Answers,
    pub(super) outlived: &'a BTreeMap<String, Vec<(String, String)>>,
}

/// Where an expression begins below comments for a documentation (`///`), which the kernel passes over.
fn below_doc_comments(text: &str, expression: Range<usize>) -> usize {
    let comments = text[expression.clone()]
        .split_inclusive('\n')
        .take_while(|line| line.trim_start().starts_with("///"));
    expression.start + comments.map(str::len).sum::<usize>()
}

/// Whether a cell declares items, or may do so by a macro. What declares none needs no block of its own: a variable hides an
/// earlier one as it is, and the compiler looks for a name in each block around it.
fn declares_items(code: &Code) -> bool {
    code.stmts.iter().any(|stmt| match stmt {
        Stmt::Item(_) => true,
        Stmt::Macro(call) => !moves::prints(call.mac.path.get_ident()),
        _ => false,
    })
}

/// What is asked of the type of one of the cell's variables.
fn asked(name: &str) -> String {
    format!("__nbexport_asked_{}", name.trim_start_matches("r#"))
}

/// What is asked of a variable right behind its `let`.
fn question(variable: &Variable) -> Option<String> {
    let Variable { name, ask, .. } = variable;
    match ask {
        Ask::Nothing | Ask::Variable => None,
        Ask::Type(Moved::Perhaps) => Some(format!("::nbexport_native::lasts(&{name}, {name:?});")),
        Ask::Type(_) => Some(format!("let {} = ::nbexport_native::asked(&{name}, {name:?});", asked(name))),
        Ask::Written => Some(format!("::nbexport_native::can_be_written(&{name}, {name:?});")),
    }
}

#[derive(Default)]
pub(super) struct Writer {
    pub(super) program: Program,
    /// How many blocks are open.
    pub(super) open: usize,
    /// Whether there is a cell.
    has_begun: bool,
}

impl Writer {
    fn line(&mut self, text: &str, what: Line, origin: Option<Origin>) {
        self.program.text.push_str(text);
        self.program.text.push('\n');
        self.program.map.push(origin);
        self.program.lines.push(what);
    }

    pub(super) fn frame(&mut self, text: &str) {
        for line in text.lines() {
            self.line(line, Line::Frame, None);
        }
    }

    pub(super) fn cell(
        &mut self,
        parsed: &ParsedNotebook<'_>,
        cell: &ParsedCell<'_>,
        code: &Code,
        r#use: Use,
        error: &str,
        about: &About<'_>,
    ) {
        let number = cell.cell.number;
        let here = Line::For(number);
        let hidden = about.hidden;
        if !hidden.items.is_empty() {
            let names: Vec<_> =
                hidden.items.iter().map(|name| format!("{name} as __nbexport_{number}_{name}")).collect();
            self.line(&format!("{{ #[allow(unused_imports)] use {{{}}};", names.join(", ")), here, None);
            self.open += 1;
        }
        // The end of one is the beginning of the next.
        let begins = if self.has_begun { "next" } else { "begin" };
        self.has_begun = true;
        let block = if r#use != Use::Run || declares_items(code) { " {" } else { "" };
        self.open += block.len() / 2;
        self.line(&format!("::nbexport_native::{begins}({number});{block}"), here, None);
        for (line, _) in &code.commands {
            if let Some(line) = line.strip_prefix('!').filter(|_| r#use != Use::Compile) {
                self.line(&format!("::nbexport_native::shell({:?});", line.trim()), here, None);
            }
        }
        let variables = keep::variables(number, code, about.functions, about.answers);
        match r#use {
            Use::Run => self.run(cell, code, about.outlived, &variables),
            Use::ShouldPanic | Use::Compile => self.apart(cell, code, r#use, error),
        }
        // Below the cell, whose macros they may use.
        for copy in &about.effect.copies {
            self.copy(parsed, copy, here);
        }
        if !hidden.items.is_empty() {
            let names: Vec<_> =
                hidden.items.iter().map(|name| format!("__nbexport_{number}_{name} as {name}")).collect();
            self.line(&format!("#[allow(unused_imports)] use {{{}}};", names.join(", ")), here, None);
        }
        self.probe(cell, code, &hidden.variables);
        if r#use == Use::Run {
            self.keep(number, &variables);
        }
    }

    /// What an earlier cell defined, once more: an error of it is this cell's doing, and shown where it stands.
    fn copy(&mut self, parsed: &ParsedNotebook<'_>, copy: &Copy, what: Line) {
        match copy {
            Copy::Import(import) => {
                self.line(&format!("#[allow(unused_imports)] {import}"), what, None);
            }
            Copy::Parts(index, parts) => {
                let from = &parsed.cells[*index];
                if let Ok(code) = from.code() {
                    self.parts_as(from.cell.number, &code.text, parts, what);
                }
            }
        }
    }

    /// A cell as it is, its closing expression shown.
    fn run(
        &mut self,
        cell: &ParsedCell<'_>,
        code: &Code,
        outlived: &BTreeMap<String, Vec<(String, String)>>,
        variables: &[Variable],
    ) {
        let end = code.text.len();
        let here = Line::For(cell.cell.number);
        let mut from = 0;
        // Right behind their `let`, since later in the cell they may have been moved.
        for (at, stmt) in code.stmts.iter().enumerate() {
            if !matches!(stmt, Stmt::Local(local) if local.init.is_some()) {
                continue;
            }
            for (name, _) in scope::variables_in(code, stmt) {
                let types = outlived.get(&name);
                let asks = variables.iter().find(|it| it.at == at && it.name == name).and_then(question);
                if types.is_none() && asks.is_none() {
                    continue;
                }
                let to = code.span(stmt).end;
                if from < to {
                    self.part(cell, code, from..to);
                    from = to;
                }
                if let Some(types) = types {
                    let line = format!("::nbexport_native::Kept(&{name}).outlives({name:?}, &{types:?});");
                    self.line(&line, here, None);
                }
                if let Some(asks) = asks {
                    self.ask(&asks, Line::Borrows(cell.cell.number), &name);
                }
            }
        }
        match code.closing() {
            None => self.part(cell, code, from..end),
            Some(closing) => {
                let start = below_doc_comments(&code.text, closing);
                self.part(cell, code, from..start);
                self.show(cell, code, start..end);
            }
        }
    }

    /// What the kernel asks of a cell's variables at its end. The first only asks the compiler, in a place that is never
    /// reached, so that a variable which was moved does not matter.
    fn keep(&mut self, number: usize, variables: &[Variable]) {
        let here = Line::For(number);
        let by_end =
            |variable: &Variable| matches!(variable.ask, Ask::Type(Moved::Surely | Moved::AsIterator));
        if variables.iter().any(|variable| !variable.is_known || by_end(variable)) {
            self.line(
                "loop { break; #[allow(unused_imports)] use ::nbexport_native::questions::*;",
                here,
                None,
            );
            for variable in variables {
                let name = &variable.name;
                if !variable.is_known {
                    self.ask(
                        &format!("::nbexport_native::Kept(&{name}).known();"),
                        Line::Known(number),
                        name,
                    );
                }
                if by_end(variable) {
                    let how =
                        if variable.ask == Ask::Type(Moved::Surely) { "moved" } else { "moved_as_iterator" };
                    let text = format!(
                        "::nbexport_native::same({}, ::nbexport_native::Kept(&{name}).{how}());",
                        asked(name)
                    );
                    self.ask(&text, Line::Known(number), name);
                }
            }
            self.line("}", here, None);
        }
        // It takes all that it keeps, one after the other.
        let stays = || variables.iter().filter(|variable| variable.ask == Ask::Variable);
        if stays().next().is_some() {
            self.line("if false {", here, None);
            for Variable { name, .. } in stays() {
                self.ask(&format!("::nbexport_native::keep({name});"), Line::Lasts(number), name);
            }
            self.line("loop {} }", here, None);
            for Variable { name, .. } in stays() {
                let text = format!("::nbexport_native::can_be_written(&{name}, {name:?});");
                self.ask(&text, Line::Lasts(number), name);
            }
        }
    }

    /// A line that asks about a variable.
    fn ask(&mut self, text: &str, what: Line, name: &str) {
        self.line(text, what, None);
        self.program.asked.insert(self.program.lines.len(), name.to_owned());
    }

    fn show(&mut self, cell: &ParsedCell<'_>, code: &Code, closing: Range<usize>) {
        let show = Line::Show(cell.cell.number);
        self.line("match &(", show, None);
        self.part(cell, code, closing);
        self.line(
            ") { value => { #[allow(unused_imports)] use ::nbexport_native::Show as _; value.evcxr_display() } }",
            show,
            None,
        );
    }

    /// A cell whose items are for all, and whose statements stand apart: they may fail, or do not run.
    fn apart(&mut self, cell: &ParsedCell<'_>, code: &Code, r#use: Use, error: &str) {
        let is_item = |stmt: &&Stmt| matches!(stmt, Stmt::Item(_));
        let replaced = items::replaced(code);
        let items = code.stmts.iter().filter(is_item).map(|stmt| code.span(stmt));
        let items: Vec<_> = items.filter(|span| !replaced.contains(span)).collect();
        let last = code.closing();
        let statements: Vec<_> = code
            .stmts
            .iter()
            .filter(|stmt| !is_item(stmt))
            .map(|stmt| code.span(stmt))
            .filter(|span| last.as_ref() != Some(span))
            .collect();
        self.parts(cell.cell.number, &code.text, &items);
        let awaits = scope::uses_question_mark_and_await(code).1;
        let result = format!("::core::result::Result::<(), ::nbexport_native::{error}>::Ok(())");
        let (before, after) = match r#use {
            Use::ShouldPanic if awaits => {
                ("::nbexport_native::should_panic_async(async {", format!("{result} }}).await;"))
            }
            Use::ShouldPanic => ("::nbexport_native::should_panic(|| {", format!("{result} }});")),
            Use::Compile | Use::Run => ("if false {", "}".to_owned()),
        };
        let here = Line::For(cell.cell.number);
        self.line(before, here, None);
        self.parts(cell.cell.number, &code.text, &statements);
        if let Some(closing) = last {
            self.show(cell, code, closing);
        }
        self.line(&after, here, None);
    }

    /// A function in which a name of a variable is ambiguous if a glob import of the cell brings in the same name.
    fn probe(&mut self, cell: &ParsedCell<'_>, code: &Code, variables: &[String]) {
        if variables.is_empty() {
            return;
        }
        let globs = code.items().filter_map(|item| match item {
            syn::Item::Use(import) => Some(code.text[code.span(&import.tree)].to_owned()),
            _ => None,
        });
        let globs: Vec<_> =
            globs.filter(|tree| tree.contains('*')).map(|tree| format!("use {tree};")).collect();
        let functions: Vec<_> = variables.iter().map(|name| format!("pub fn {name}() {{}}")).collect();
        let uses: Vec<_> = variables.iter().map(|name| format!("let _ = {name};")).collect();
        let text = format!(
            "#[allow(warnings)] fn __nbexport_probe() {{ mod variables {{ {} }} use variables::*; {} {} }}",
            functions.join(" "),
            globs.join(" ").replace('\n', " "),
            uses.join(" ")
        );
        self.line(&text, Line::Probe(cell.cell.number), None);
    }

    fn part(&mut self, cell: &ParsedCell<'_>, code: &Code, part: Range<usize>) {
        let mut parts = vec![part];
        for replaced in items::replaced(code) {
            let around = |part: Range<usize>| {
                [part.start..part.end.min(replaced.start), part.start.max(replaced.end)..part.end]
            };
            parts = parts.into_iter().flat_map(around).filter(|part| part.start < part.end).collect();
        }
        self.parts(cell.cell.number, &code.text, &parts);
    }

    pub(super) fn parts(&mut self, number: usize, text: &str, parts: &[Range<usize>]) {
        self.parts_as(number, text, parts, Line::Cell(number));
    }

    /// Parts of a cell's text, in order, on the lines and in the columns they have in the cell.
    fn parts_as(&mut self, number: usize, text: &str, parts: &[Range<usize>], what: Line) {
        let mut start = 0;
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let whole = start..start + line.len();
            start = whole.end;
            // A blank line at the rim of a part says nothing, one within a string does.
            let overlaps = |part: &Range<usize>| part.start < whole.end && whole.start < part.end;
            if !parts.iter().any(overlaps) {
                continue;
            }
            let kept = line.trim_end_matches('\n').char_indices().map(|(at, char)| {
                let at = whole.start + at;
                if parts.iter().any(|part| part.contains(&at)) { char } else { ' ' }
            });
            let kept: String = kept.collect();
            let kept = if parts.iter().any(|part| part.contains(&(whole.end - 1))) {
                &kept
            } else {
                kept.trim_end()
            };
            self.line(kept, what, Some(Origin { cell: number, line: index + 1, shift: 0 }));
        }
    }
}
