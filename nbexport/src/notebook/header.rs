//! The lines above a cell's first line of Rust, told apart as evcxr tells them apart.
//!
//! evcxr reads a cell from the top: a line that begins with `!` goes to the shell, one that begins with `:` is a command
//! of its own, blank lines and those that begin with `//` are passed over. With anything else the Rust begins, and no
//! later line is a command. A comment that is indented is a beginning, too.

use std::ops::Range;

use syn::Expr;

use crate::notebook::tokens;

/// A line above a cell's first line of Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Where it begins in the cell's text.
    pub start: usize,
    /// The line without its line end.
    pub text: &'a str,
    /// What it is.
    pub kind: LineKind,
}

/// What a line above the Rust is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineKind {
    /// Nothing but blanks.
    Blank,
    /// A comment, a directive among them.
    Comment,
    /// One of evcxr's commands (`:dep …`).
    Command,
    /// What evcxr gives to the shell (`!ls`).
    Shell,
}

impl Line<'_> {
    /// Where the line stands in the cell's text.
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Whether evcxr takes it for itself.
    pub(crate) fn is_command(&self) -> bool {
        matches!(self.kind, LineKind::Command | LineKind::Shell)
    }
}

/// The lines above the first line of Rust. A line that evcxr would take for a command and that is Rust ends them, too:
/// see [`mistaken`].
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut offset = 0;
    let mut takes_commands = true;
    text.split_inclusive('\n').map_while(move |line| {
        let start = offset;
        offset += line.len();
        let text = line.trim_end_matches(['\n', '\r']);
        let kind = if text.trim().is_empty() {
            LineKind::Blank
        } else if text.trim_start().starts_with("//") {
            takes_commands &= text.starts_with("//");
            LineKind::Comment
        } else {
            command(text).filter(|_| takes_commands && !is_rust(text))?
        };
        Some(Line { start, text, kind })
    })
}

/// The text without its `//|` lines.
pub(crate) fn without_directives(text: &str) -> String {
    let directives = lines(text).filter(|line| line.text.trim_start().starts_with("//|"));
    let starts: Vec<usize> = directives.map(|line| line.start).collect();
    let mut at = 0;
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if !starts.contains(&at) {
            kept.push_str(line);
        }
        at += line.len();
    }
    kept
}

/// How much of a cell's text stands above its first line of Rust, in bytes.
pub(crate) fn length(text: &str) -> usize {
    let lines = lines(text).count();
    text.split_inclusive('\n').take(lines).map(str::len).sum()
}

/// The cell's first line of Rust, if that is one which evcxr takes for a command, with what it does about it.
#[allow(dead_code, reason = "the engines are to name such a line")]
pub(crate) fn mistaken(text: &str) -> Option<(Range<usize>, &'static str)> {
    let takes_commands =
        lines(text).all(|line| line.kind != LineKind::Comment || line.text.starts_with("//"));
    let start = length(text);
    let line = text[start..].lines().next()?;
    let what = match command(line).filter(|_| takes_commands && is_rust(line))? {
        LineKind::Shell => "evcxr gives a line that begins with `!` to the shell",
        _ => "evcxr takes a line that begins with `:` for a command of its own",
    };
    Some((start..start + line.trim_end().len(), what))
}

/// The cell's first line of Rust, or its first line if it has none.
pub(crate) fn first_code(text: &str) -> Range<usize> {
    let mut start = 0;
    let header = length(text);
    for line in text.split_inclusive('\n') {
        let code = line.trim();
        if start >= header && !code.is_empty() && !code.starts_with("//") {
            let indent = line.len() - line.trim_start().len();
            return start + indent..start + indent + code.len();
        }
        start += line.len();
    }
    0..text.lines().next().unwrap_or_default().len()
}

/// What evcxr takes a line for, apart from whether it still looks for commands.
fn command(line: &str) -> Option<LineKind> {
    if line.starts_with('!') {
        Some(LineKind::Shell)
    } else {
        line.trim_start_matches(' ').starts_with(':').then_some(LineKind::Command)
    }
}

/// Whether what begins like a command is Rust: a path from the root (`::std::assert!(x);`), the negation of a call
/// (`!done()`).
fn is_rust(line: &str) -> bool {
    if let Some(negated) = line.strip_prefix('!') {
        let expr = negated.trim_end().trim_end_matches(';');
        let expr = tokens::read(expr).ok().and_then(|tokens| syn::parse2::<Expr>(tokens.stream).ok());
        return expr.is_some_and(|expr| calls(&expr));
    }
    line.trim_start_matches(' ').starts_with("::")
}

fn calls(expr: &Expr) -> bool {
    match expr {
        Expr::Call(_) | Expr::MethodCall(_) | Expr::Macro(_) => true,
        Expr::Paren(inner) => calls(&inner.expr),
        Expr::Unary(inner) => calls(&inner.expr),
        Expr::Binary(both) => calls(&both.left),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<LineKind> {
        lines(text).map(|line| line.kind).collect()
    }

    #[test]
    fn commands_are_read_as_far_as_evcxr_reads_them() {
        use LineKind::{Blank, Command, Comment, Shell};
        assert_eq!(kinds("//| export\n\n  :dep a\n!ls -l\nf();\n:dep b"), [Comment, Blank, Command, Shell]);
        assert_eq!(kinds("  // indented\n//| test\n:dep a"), [Comment, Comment]);
        assert_eq!(kinds("/* a block */\n:dep a"), []);
        assert_eq!(kinds("\t:dep a"), []);
        assert_eq!(length("// a\r\n:dep b\r\nf();"), 14);
        assert_eq!(length(":dep b"), 6);
    }

    #[test]
    fn rust_that_looks_like_a_command_is_rust() {
        for line in
            ["::std::assert_eq!(1, 2);", "!f()", "!v.is_empty() && x", "!(a() || b)", "!matches!(x, 1);"]
        {
            assert_eq!(kinds(line), [], "{line}");
            assert_eq!(mistaken(&format!("// c\n{line}\n1")).unwrap().0, 5..5 + line.len(), "{line}");
        }
        for line in ["!ls", "!./run.sh (x)", "!pip install x", "!echo $(date)", ":dep a", "!cargo.exe"] {
            assert_eq!((kinds(line).len(), mistaken(line)), (1, None), "{line}");
        }
        assert_eq!(mistaken(" !f()").or(mistaken("f();\n::g();")).or(mistaken("  // c\n::g();")), None);
    }

    #[test]
    fn the_first_line_of_code_is_found() {
        let found = |text: &'static str| &text[first_code(text)];
        assert_eq!(found("//| test\n:dep a\n\n  f(); // x\ng();"), "f(); // x");
        assert_eq!(found("  // c\nf();"), "f();");
        assert_eq!(found("// only\n// that"), "// only");
        assert_eq!(found(""), "");
    }
}
