//! A cell's text → the text that is sent, which says by itself whether it ran to its end.
//!
//! evcxr answers `ok` to a cell that panics and to one whose `?` fails, so the answer proves nothing. What is sent ends
//! in a *mark*: rich content of a mime type nobody else uses. It came back in this very cell's result, or the cell did
//! not get to its end. A statement would do for cells that end in one. One that ends in an expression is to be shown
//! first, by evcxr itself so that nothing about it differs: the mark is then printed when a temporary made before the
//! value is dropped. Temporaries are dropped in the reverse order of their creation, so this happens after the value
//! was shown and after all that the expression left behind was dropped. Nothing is printed while a panic unwinds, nor
//! when a `?` returned before there was a value:
//!
//! ```text
//! *({ struct End(AtomicBool); impl Drop for End { … } … }).armed(&(EXPR))
//! ```
//!
//! The line count stays what it was up to the mark. The mark is also printed as a line of stdout and stderr: when these
//! lines arrived, all that the cell printed did.

use std::ops::Range;

use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Attribute, Block, Ident, Item, Stmt};

use crate::notebook::{cell, header};

/// A cell ready to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instrumented {
    /// What to send.
    pub code: String,
    /// Whether it prints the mark when it gets to its end. Without one it holds no Rust that could fail: an answer of
    /// `ok` is enough.
    pub marked: bool,
    /// Whether the closing expression was changed, so that the compiler's messages about it show what nobody wrote.
    pub changed: bool,
    /// Where in `code` stands what was put before the closing expression; empty when nothing was.
    pub inserted: Range<usize>,
}

/// A cell that is not sent at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why not.
    pub why: Why,
    /// What is wrong.
    pub message: String,
    /// Where, in bytes of the cell's text.
    pub span: Range<usize>,
}

/// Why a cell is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The kernel drops what it cannot parse, and answers that all is well.
    NotRust,
    /// evcxr sends its own commands by the standard input of the process that cells run in: who reads there waits for
    /// the next cell, and takes its command away.
    ReadsStdin,
}

/// What becomes of the cell's statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// They run.
    Run,
    /// They are compiled, and skipped (`no_run`).
    Compile,
}

/// Makes a cell's text say whether it ran to its end. `mark` must be new and free of spaces and quotes.
///
/// # Errors
/// What the kernel would not run, or never to its end: see [`Why`].
pub fn instrument(source: &str, mark: &str, r#use: Use) -> Result<Instrumented, Refused> {
    if let Some((span, what)) = header::mistaken(source) {
        return Err(Refused { why: Why::NotRust, message: what.to_owned(), span });
    }
    let start = header::length(source);
    let rust = &source[start..];
    let at = |span: proc_macro2::Span| {
        let range = span.byte_range();
        start + range.start..start + range.end.max(range.start + 1)
    };
    let parser = |input: syn::parse::ParseStream<'_>| {
        input.call(Attribute::parse_inner)?;
        input.call(Block::parse_within)
    };
    let statements = parser.parse_str(rust).map_err(|error| {
        // An error at the end of the text has no width; it is shown on the last character.
        let end = source.trim_end().len();
        let last = source.floor_char_boundary(end.saturating_sub(1))..end;
        let span = if error.span().byte_range().is_empty() { last } else { at(error.span()) };
        Refused { why: Why::NotRust, message: error.to_string(), span }
    })?;
    let mut names = Names::default();
    for statement in &statements {
        names.visit_stmt(statement);
    }
    if let Some(ident) = names.reserved {
        let message = format!("expected identifier, found reserved keyword `{ident}`");
        return Err(Refused { why: Why::NotRust, message, span: at(ident.span()) });
    }
    if let Some(ident) = cell::reads_stdin(&statements).filter(|_| r#use == Use::Run) {
        let message = "the kernel has no standard input to read from".to_owned();
        return Err(Refused { why: Why::ReadsStdin, message, span: at(ident.span()) });
    }
    let mut code = source.to_owned();
    if statements.is_empty() {
        return Ok(Instrumented { code, marked: false, changed: false, inserted: 0..0 });
    }

    let print = format!(
        "::std::println!(\"\\n{mark}\\nEVCXR_BEGIN_CONTENT {mime}\\nend\\nEVCXR_END_CONTENT\"); \
         ::std::eprintln!(\"\\n{mark}\");",
        mime = mime_of(mark)
    );
    let closing = cell::closing(&statements).map(|last| at(last.span()));
    let only_items = cell::only_declares(&statements);
    if r#use == Use::Compile && !only_items {
        // Items are for later cells, too, so they stand outside of the branch.
        let mut items = String::new();
        if let Some(closing) = &closing {
            code.insert(closing.end, ';');
        }
        for item in statements.iter().filter(|statement| matches!(statement, Stmt::Item(_))) {
            let span = at(item.span());
            items.push_str(&code[span.clone()]);
            items.push('\n');
            // What is below in the branch may use a macro, and only there.
            if !matches!(item, Stmt::Item(Item::Macro(_))) {
                let blank: String = code[span.clone()].bytes().map(blank).collect();
                code.replace_range(span, &blank);
            }
        }
        if let Some(closing) = &closing {
            code.insert_str(closing.start, "let _ = ");
        }
        code.insert_str(start, "if false { ");
        code.push_str("\n}\n");
        code.push_str(&items);
        code.push_str(&print);
        return Ok(Instrumented { code, marked: true, changed: true, inserted: 0..0 });
    }
    let changed = closing.is_some();
    let mut inserted = 0..0;
    if let Some(closing) = closing {
        let begin = format!(
            "*({{ struct End(::std::sync::atomic::AtomicBool); \
             impl End {{ fn armed<'a, T: ?::std::marker::Sized>(&self, value: &'a T) -> &'a T {{ \
             self.0.store(true, ::std::sync::atomic::Ordering::Relaxed); value }} }} \
             impl ::std::ops::Drop for End {{ fn drop(&mut self) {{ \
             if *self.0.get_mut() && !::std::thread::panicking() {{ {print} }} }} }} \
             End(::std::sync::atomic::AtomicBool::new(false)) }}).armed(&("
        );
        inserted = closing.start..closing.start + begin.len();
        code.insert_str(closing.end, "))");
        code.insert_str(closing.start, &begin);
    } else {
        code.push('\n');
        code.push_str(&print);
    }
    Ok(Instrumented { code, marked: true, changed, inserted })
}

/// What stands for a byte where nothing is to be, so that lines and places stay.
fn blank(byte: u8) -> char {
    if byte == b'\n' { '\n' } else { ' ' }
}

/// The mime type that carries a mark. Not one that looks like JSON, which the kernel would parse.
pub(super) fn mime_of(mark: &str) -> String {
    format!("application/x-nbexport-{mark}")
}

/// Code that prints the mark to stdout and stderr and nothing else.
pub(super) fn flush(mark: &str) -> String {
    // A line that begins with a colon would be a command.
    format!("let _ = {{ ::std::println!(\"\\n{mark}\"); ::std::eprintln!(\"\\n{mark}\"); }};")
}

/// Names that matter for what is sent and what is said about it.
#[derive(Default)]
struct Names {
    reserved: Option<Ident>,
}

impl<'ast> Visit<'ast> for Names {
    fn visit_ident(&mut self, ident: &'ast Ident) {
        // syn knows the words that are reserved in every edition. The kernel drops a statement with this one.
        if ident == "gen" && self.reserved.is_none() {
            self.reserved = Some(ident.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(source: &str) -> Instrumented {
        instrument(source, "M", Use::Run).unwrap()
    }

    #[test]
    fn a_statement_is_followed_by_the_mark_on_a_line_of_its_own() {
        for source in
            ["let x = 1; // one", "fn f() {}", ":dep a = \"1\"\n//| export\nuse a::b;", "#![allow(x)]\nf();"]
        {
            let sent = sent(source);
            assert!(sent.code.starts_with(&format!("{source}\n::std::println!(")), "{}", sent.code);
            assert!(
                sent.marked && !sent.changed && sent.code.ends_with("eprintln!(\"\\nM\");"),
                "{}",
                sent.code
            );
        }
    }

    #[test]
    fn a_closing_expression_is_shown_before_the_mark() {
        for (before, expr, after) in [
            ("", "1 + 1", ""),
            ("let x = 1;\n", "x", " // of one\n"),
            (":dep a\n// c\n\n", "if x { 1 } else { 2 }", "\n/* done */"),
            ("let é = \"é\"; ", "println!(\"{é}\")", ""),
            ("", "match x {\n  1 => 2,\n _ => f()?.await }", "\n"),
        ] {
            let sent = sent(&format!("{before}{expr}{after}"));
            assert!(sent.code.starts_with(&format!("{before}*({{ struct End(")), "{}", sent.code);
            assert!(
                sent.code.ends_with(&format!(" }}).armed(&({expr})){after}")) && sent.changed,
                "{}",
                sent.code
            );
            let mut code = sent.code;
            code.replace_range(sent.inserted, "");
            assert_eq!(code, format!("{before}{expr})){after}"));
        }
    }

    #[test]
    fn a_cell_without_rust_needs_no_mark() {
        for source in ["", "// a comment", ":dep a = \"1\"\n", "  \n//| export\n", "!ls"] {
            let sent = sent(source);
            assert!(!sent.marked && sent.code == source, "{}", sent.code);
        }
        assert!(!sent("  // indented").marked);
        assert!(!sent("/* a block\n of it */").marked);
    }

    #[test]
    fn what_the_kernel_would_drop_is_refused() {
        let refused = |source: &str| {
            let refused = instrument(source, "M", Use::Run).unwrap_err();
            (source[refused.span.clone()].to_owned(), refused.message)
        };
        assert_eq!(refused(":dep a\nlet gen = 3;").0, "gen");
        assert!(refused("let gen = 3;").1.contains("reserved keyword `gen`"));
        assert!(instrument("let = 3;", "M", Use::Run).is_err());
        assert_eq!(refused("let x = rng.gen::<f32>();").0, "gen");
        assert_eq!(refused("let become = 3;").0, "become");
        assert_eq!(refused("f();\nlet a = // what\n").0, "t");
        for source in [
            "f(",
            "let a = ",
            "#[derive(Debug)]\n",
            "let a = 1\nlet b = 2;",
            "f() }",
            "\"open",
            "let x = 1 +;",
        ] {
            assert!(!refused(source).0.is_empty(), "{source}");
        }
        assert!(instrument("let r#gen = 3;", "M", Use::Run).is_ok());
        assert!(instrument("let x = \"gen\"; // gen", "M", Use::Run).is_ok());
    }

    #[test]
    fn a_cell_that_reads_standard_input_is_refused_and_a_function_that_would_is_not() {
        let source = "let mut s = String::new();\nstd::io::stdin().read_line(&mut s)?;";
        let refused = instrument(source, "M", Use::Run).unwrap_err();
        assert_eq!((refused.why, &source[refused.span]), (Why::ReadsStdin, "stdin"));
        assert!(instrument(source, "M", Use::Compile).is_ok());
        assert!(instrument("fn ask() { std::io::stdin().lines(); }", "M", Use::Run).is_ok());
    }

    #[test]
    fn what_is_only_compiled_stands_in_a_branch_never_taken() {
        let sent = |source: &str| instrument(source, "M", Use::Compile).unwrap().code;
        assert!(sent(":dep a\nf();").starts_with(":dep a\nif false { f();\n}\n::std::println!"));
        assert!(sent("f();\ng() // why").starts_with("if false { f();\nlet _ = g(); // why\n}\n::std"));
        assert!(sent("fn f() {}").starts_with("fn f() {}\n::std"));
        let both = sent("fn é() {\n}\né();");
        assert!(both.starts_with("if false {          \n \né();\n}\nfn é() {\n}\n::std"), "{both}");
    }
}
