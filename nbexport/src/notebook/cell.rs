//! A code cell's text → its commands, items, statements and closing expression.

use std::ops::Range;
use std::sync::Arc;

use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Expr, Item, MacroDelimiter, Stmt};

use crate::diagnostic::{Diagnostic, Result, Source};
use crate::notebook::{command, header, tokens};

/// A code cell, parsed as the inside of a block, which is how the kernel sees it.
#[derive(Debug)]
pub(crate) struct Code {
    /// The cell's text with its `:commands` and inner attributes blanked at the same length, so that spans hold.
    pub text: String,
    /// Lines that the kernel takes for itself (`:dep …`, `!ls`), with their spans in the cell.
    pub commands: Vec<(String, Range<usize>)>,
    /// Where attributes of the whole program (`#![…]`) stand in the cell.
    pub inner_attributes: Vec<Range<usize>>,
    /// What is left, as Rust.
    pub stmts: Vec<Stmt>,
    lines_within_literals: Vec<usize>,
    source: Arc<Source>,
}

/// What a cell amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// No Rust at all: comments and commands.
    Empty,
    /// Nothing but items (`fn`, `struct`, `use`, …).
    Items,
    /// It ends in a statement or an item.
    Statements,
    /// It ends in an expression, whose value the kernel shows.
    Expression,
}

/// Macros that the standard library gives to statements; no crate item comes of them.
const STATEMENT_MACROS: &[&str] = &[
    "assert",
    "assert_eq",
    "assert_ne",
    "dbg",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "format",
    "matches",
    "panic",
    "print",
    "println",
    "todo",
    "unimplemented",
    "unreachable",
    "vec",
    "write",
    "writeln",
];

impl Code {
    /// Parses a cell's text.
    ///
    /// # Errors
    /// Where and why it is not Rust.
    pub(crate) fn parse(source: &Arc<Source>) -> Result<Self> {
        let mut text = source.text.clone();
        let mut commands = Vec::new();
        for line in header::lines(&source.text).filter(header::Line::is_command) {
            if line.kind == header::LineKind::Command {
                command::of(line.text).map_err(|nearest| unknown_command(source, &line, nearest))?;
            }
            commands.push((line.text.trim().to_owned(), line.span()));
            text.replace_range(line.span(), &"/".repeat(line.text.len()).replace("///", "// "));
        }
        if let Some(diagnostic) = conflict_in(source) {
            return Err(diagnostic);
        }
        let whole =
            |input: ParseStream<'_>| Ok((input.call(Attribute::parse_inner)?, Block::parse_within(input)?));
        let tokens = tokens::read(&text).map_err(|refused| untokenized(source, refused))?;
        let (attributes, stmts) = whole.parse2(tokens.stream).map_err(|error| unparsable(source, &error))?;
        let mut inner_attributes = Vec::new();
        for attribute in attributes {
            let (start, end) = (attribute.pound_token.span(), attribute.bracket_token.span.close());
            let span = start.byte_range().start..end.byte_range().end;
            // Comments for the reader of a crate, `//!`, are attributes too; in a cell they are comments.
            if !attribute.path().is_ident("doc") {
                inner_attributes.push(span.clone());
            }
            let blank = text[span.clone()]
                .bytes()
                .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
                .collect::<String>();
            text.replace_range(span, &blank);
        }
        let lines_within_literals = tokens.lines_within_literals;
        Ok(Self {
            text,
            commands,
            inner_attributes,
            stmts,
            lines_within_literals,
            source: Arc::clone(source),
        })
    }

    /// What the cell amounts to.
    pub(crate) fn shape(&self) -> Shape {
        match self.stmts.last() {
            None => Shape::Empty,
            Some(_) if only_declares(&self.stmts) => Shape::Items,
            Some(_) if closing(&self.stmts).is_some() => Shape::Expression,
            Some(_) => Shape::Statements,
        }
    }

    /// Where the closing expression stands, if the cell ends in one.
    pub(crate) fn closing(&self) -> Option<Range<usize>> {
        closing(&self.stmts).map(|stmt| self.span(stmt))
    }

    /// The items of the cell, those inside other items left out.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.stmts.iter().filter_map(|stmt| match stmt {
            Stmt::Item(item) => Some(item),
            _ => None,
        })
    }

    /// The first thing that cannot stand at the level of a module, with what it is called.
    pub(crate) fn statements(&self) -> impl Iterator<Item = (Range<usize>, &'static str)> {
        self.stmts.iter().filter_map(|stmt| {
            let what = match stmt {
                Stmt::Item(_) => return None,
                Stmt::Local(_) => "a `let` statement",
                Stmt::Macro(stmt)
                    if stmt.mac.path.get_ident().is_none_or(|name| !is_statement_macro(name)) =>
                {
                    return None;
                }
                Stmt::Macro(_) => "a macro call that does something",
                Stmt::Expr(Expr::Verbatim(tokens), Some(_)) if tokens.is_empty() => "a stray `;`",
                Stmt::Expr(..) => "an expression",
            };
            Some((self.span(stmt), what))
        })
    }

    /// Where a piece of the parsed code stands in the cell's text.
    pub(crate) fn span(&self, node: &impl Spanned) -> Range<usize> {
        let range = node.span().byte_range();
        if range.start <= range.end && range.end <= self.text.len() { range } else { 0..0 }
    }

    /// The lines (from 0) of the cell that begin inside a string literal: indenting them would change the string.
    pub(crate) fn lines_within_literals(&self) -> &[usize] {
        &self.lines_within_literals
    }

    /// The text that spans of this cell point into.
    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }
}

/// The closing expression of a cell, whose value is shown. A macro in braces is a statement, which is how Rust takes it.
pub(crate) fn closing(stmts: &[Stmt]) -> Option<&Stmt> {
    stmts.last().filter(|stmt| match stmt {
        Stmt::Expr(_, None) => true,
        Stmt::Macro(call) => {
            call.semi_token.is_none() && !matches!(call.mac.delimiter, MacroDelimiter::Brace(_))
        }
        _ => false,
    })
}

/// Whether a cell only declares: it has no statement that could do something.
pub(crate) fn only_declares(stmts: &[Stmt]) -> bool {
    stmts.iter().all(|stmt| matches!(stmt, Stmt::Item(_)))
}

/// The `#[test]` functions of a cell, those in its modules included. Running a notebook runs none of them.
pub(crate) fn tests(stmts: &[Stmt]) -> Vec<String> {
    struct Tests(Vec<String>);
    impl<'ast> Visit<'ast> for Tests {
        fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
            if item.attrs.iter().any(|attribute| attribute.path().is_ident("test")) {
                self.0.push(item.sig.ident.to_string());
            }
            visit::visit_item_fn(self, item);
        }
    }
    let mut tests = Tests(Vec::new());
    for stmt in stmts {
        tests.visit_stmt(stmt);
    }
    tests.0
}

/// A call of `stdin()` outside of all items: the cell reads standard input when it runs.
pub(crate) fn reads_stdin(stmts: &[Stmt]) -> Option<syn::Ident> {
    struct Calls(Option<syn::Ident>);
    impl<'ast> Visit<'ast> for Calls {
        fn visit_item(&mut self, _: &'ast Item) {}

        fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
            if let Expr::Path(path) = &*call.func
                && let Some(last) = path.path.segments.last()
                && last.ident == "stdin"
                && call.args.is_empty()
            {
                self.0.get_or_insert_with(|| last.ident.clone());
            }
            visit::visit_expr_call(self, call);
        }
    }
    let mut calls = Calls(None);
    for stmt in stmts {
        calls.visit_stmt(stmt);
    }
    calls.0
}

/// Whether a macro of this name stands for a statement rather than for items.
pub(crate) fn is_statement_macro(name: &syn::Ident) -> bool {
    STATEMENT_MACROS.iter().any(|known| name == known)
}

/// What is wrong with a cell that a merge left its markers in.
pub(crate) fn conflict_in(source: &Arc<Source>) -> Option<Diagnostic> {
    conflict(&source.text).map(|marker| {
        Diagnostic::error("the cell holds a merge conflict")
            .at(source, marker, "the conflict begins here")
            .help("keep one side, delete the marker lines, and export again")
    })
}

/// The line of a cell on which a merge conflict begins.
fn conflict(text: &str) -> Option<Range<usize>> {
    let begins = |marker: &str| {
        let at = text.find(marker).filter(|at| *at == 0 || text[..*at].ends_with('\n'))?;
        Some(at..at + text[at..].lines().next()?.len())
    };
    let start = begins("<<<<<<< ")?;
    (text.contains("\n=======\n") && text.contains("\n>>>>>>> ")).then_some(start)
}

/// What is wrong with a cell that has a command which evcxr does not know.
fn unknown_command(
    source: &Arc<Source>,
    line: &header::Line<'_>,
    nearest: Option<&'static str>,
) -> Diagnostic {
    let (name, _) = command::split(line.text);
    let start = line.start + line.text.find(':').unwrap_or_default();
    let diagnostic =
        Diagnostic::error(format!("evcxr has no command `{name}`")).at(source, start..start + name.len(), "");
    diagnostic.help(match nearest {
        Some(nearest) => format!("did you mean `{nearest}`? a space follows a command's name"),
        None => "`:help` in a cell of its own lists evcxr's commands".to_owned(),
    })
}

/// What is wrong with a cell that cannot even be taken apart.
fn untokenized(source: &Arc<Source>, refused: tokens::Refused) -> Diagnostic {
    match refused {
        tokens::Refused::Lex(error) => unparsable(source, &error),
        tokens::Refused::Deep(span) => Diagnostic::error("this cell is nested too deeply to be read")
            .at(source, span, "too deep from here on")
            .help("give the inner part a name of its own: a `let`, a function, a type"),
        tokens::Refused::Number(span) => {
            Diagnostic::error("this number has more digits than any type of Rust")
                .at(source, span.start..span.start + 40, "")
                .help("write it as a text, or shorten it")
        }
    }
}

fn unparsable(source: &Arc<Source>, error: &syn::Error) -> Diagnostic {
    let mut span = error.span().byte_range();
    let text = &source.text;
    // An error at the end of the input has no width; it is shown on the last character.
    if span.end > text.len() || span.is_empty() {
        let end = text.trim_end().len();
        span = text.floor_char_boundary(end.saturating_sub(1))..end;
    }
    let message = error.to_string();
    let diagnostic =
        Diagnostic::error(format!("this cell does not parse as Rust: {message}")).at(source, span, "");
    if text.contains("#![") {
        return diagnostic.help("inner attributes (`#![…]`) come first in a cell");
    }
    if message.contains("lex error") || message.contains("cannot parse string into token stream") {
        return diagnostic.help("a quote, a bracket or a comment is left open");
    }
    diagnostic.help(
        "mend it in the notebook; a cell without `//| export`, `test`, `setup`, `bench` or `bin` is not read",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Code> {
        Code::parse(&Arc::new(Source { name: "x.ipynb:cell 1".into(), cell_id: None, text: text.into() }))
    }

    #[test]
    fn a_cell_is_what_it_ends_in() {
        let shape = |text: &str| parse(text).unwrap().shape();
        assert_eq!(shape("//| export\n:dep a = \"1\"\n// é\n"), Shape::Empty);
        assert_eq!(shape("use a::b;\nfn f() {}"), Shape::Items);
        assert_eq!(shape("fn f() {}\nlet x = 1;"), Shape::Statements);
        assert_eq!(shape("let x = 1;\nx // shown"), Shape::Expression);
        assert_eq!(shape("println!(\"x\")"), Shape::Expression);
        assert_eq!(shape("println!(\"x\");"), Shape::Statements);
    }

    #[test]
    fn commands_are_taken_out_and_spans_hold() {
        let code = parse(":dep é = \"1\"\n!ls\nlet x = 1;").unwrap();
        assert_eq!(code.commands[0].0, ":dep é = \"1\"");
        assert_eq!(code.commands[1].0, "!ls");
        let (span, what) = code.statements().next().unwrap();
        assert_eq!((&code.source().text[span], what), ("let x = 1;", "a `let` statement"));
    }

    #[test]
    fn an_item_macro_is_no_statement() {
        assert_eq!(parse("thread_local! { static X: u8 = 1; }").unwrap().statements().count(), 0);
        assert_eq!(parse("assert!(true);").unwrap().statements().count(), 1);
    }

    #[test]
    fn errors_point_at_the_place() {
        let place = |text: &str| parse(text).unwrap_err().location().unwrap();
        assert_eq!(place("let = 3;"), "x.ipynb:cell 1:1:5");
        assert_eq!(place("fn f() {\n    let x = 1"), "x.ipynb:cell 1:2:13");
        assert_eq!(place("x\n<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"), "x.ipynb:cell 1:2:1");
    }
}
