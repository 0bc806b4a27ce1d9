//! The text of a cell → tokens, as far as a parser can take them.
//!
//! A parser goes one call deeper for each level of nesting, and so does whoever walks the tree that it makes: a cell that is
//! nested without end would end the process. What is let through is well within the stacks that nbexport's threads have.

use std::ops::Range;
use std::str::FromStr;

use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};

/// How deep a cell may be nested: a level of brackets or generics counts as [`LEVEL`]. Of most things it is more than rustc
/// takes without a complaint.
const DEEPEST: usize = 16_000;

/// What a level of brackets counts, measured in operators: the calls that parse it take that much more of the stack.
const LEVEL: usize = 8;

/// A text of so many bytes is not that deep whatever stands in it: a `<` counts the most.
const SMALL: usize = DEEPEST / (LEVEL + 1);

/// A number is read digit by digit into one of any size, in quadratic time; a `u128` has 39.
const LONGEST_NUMBER: usize = SMALL;

/// The tokens of a cell.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) stream: TokenStream,
    /// The lines (from 0) that begin inside a string literal.
    pub(crate) lines_within_literals: Vec<usize>,
}

/// Why a text is not parsed.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It is not made of Rust's tokens.
    Lex(syn::Error),
    /// It is nested too deeply here.
    Deep(Range<usize>),
    /// A number that is too long stands here.
    Number(Range<usize>),
}

/// Reads the tokens of a text.
///
/// # Errors
/// It has none, or a parser cannot take them.
pub(crate) fn read(text: &str) -> Result<Tokens, Refused> {
    let stream = TokenStream::from_str(text).map_err(|error| Refused::Lex(error.into()))?;
    let mut lines_within_literals = Vec::new();
    if text.len() <= SMALL && !may_span_lines(text) {
        return Ok(Tokens { stream, lines_within_literals });
    }
    // The groups that are yet to be read, each with how deep it stands.
    let mut groups = vec![(stream.clone(), 0)];
    while let Some((tokens, depth)) = groups.pop() {
        let mut level = Level::default();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match &token {
                TokenTree::Group(group) => {
                    groups.push((group.stream(), depth + level.depth() + LEVEL));
                    let ends_item =
                        group.delimiter() == Delimiter::Brace && tokens.peek().is_none_or(begins_anew);
                    if ends_item {
                        level = Level::default();
                    }
                }
                TokenTree::Literal(literal) => {
                    let span = literal.span();
                    // Lines are counted from 1, so the literal's first line is left out and the later ones are 0-based.
                    lines_within_literals.extend(span.start().line..span.end().line);
                    let range = span.byte_range();
                    if range.len() > LONGEST_NUMBER
                        && text
                            .get(range.clone())
                            .is_some_and(|it| it.starts_with(|c: char| c.is_ascii_digit()))
                    {
                        return Err(Refused::Number(range));
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => level.add(&token),
            }
            if depth + level.depth() > DEEPEST {
                return Err(Refused::Deep(byte_range(token.span(), text)));
            }
        }
    }
    lines_within_literals.sort_unstable();
    Ok(Tokens { stream, lines_within_literals })
}

fn byte_range(span: Span, text: &str) -> Range<usize> {
    let range = span.byte_range();
    // Of a group, where it begins.
    let end = range.end.min(range.start + 1);
    range.start..if text.is_char_boundary(end) { end } else { range.end }
}

/// Whether what follows a block begins something new: another item, a statement, a match arm.
fn begins_anew(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(ident) => ident != "else" && ident != "as",
        TokenTree::Punct(punct) => punct.as_char() == '#' || punct.as_char() == '\'',
        TokenTree::Group(_) | TokenTree::Literal(_) => true,
    }
}

/// How deep the tokens of one level, of those between two brackets, can at most nest what follows them.
#[derive(Debug, Default)]
struct Level {
    /// Operators and words since the last comma.
    chain: usize,
    /// Generics that are open, as far as their brackets tell, and closures, which may stand in one another beyond a comma.
    open: usize,
    /// What came before this token is a `-` or a `=`, so a `>` closes nothing.
    arrow: bool,
}

impl Level {
    fn add(&mut self, token: &TokenTree) {
        let was_arrow = std::mem::take(&mut self.arrow);
        let TokenTree::Punct(punct) = token else {
            self.chain += 1;
            return;
        };
        match punct.as_char() {
            ';' => *self = Self::default(),
            ',' => self.chain = 0,
            '#' => {}
            '<' => {
                self.open += LEVEL;
                self.chain += 1;
            }
            '>' if !was_arrow => self.open = self.open.saturating_sub(LEVEL),
            '|' => self.open += 1,
            c => {
                self.arrow = matches!(c, '-' | '=') && punct.spacing() == Spacing::Joint;
                self.chain += 1;
            }
        }
    }

    fn depth(&self) -> usize {
        self.chain + self.open
    }
}

/// The lines (from 0) of a Rust text that begin inside a string literal.
pub(crate) fn lines_within_literals(text: &str) -> Vec<usize> {
    if !may_span_lines(text) {
        return Vec::new();
    }
    read(text).unwrap_or_default().lines_within_literals
}

/// Whether a string literal may go on beyond its line. That one opens on a line and does not close on it shows by an odd
/// number of quotes, unless quotes stand elsewhere, too.
fn may_span_lines(text: &str) -> bool {
    let elsewhere = ["'\"'", "\\\"", "#\"", "/*"];
    text.lines().any(|line| line.matches('"').count() % 2 == 1)
        || text.contains('"') && elsewhere.iter().any(|other| text.contains(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_within_string_literals_are_known() {
        for text in [
            "let a = \"x\n  y\";\nlet b = 1;",
            "let a = ('\"', \"b\nc\");",
            "let a = r#\"b \" c\nd\"#;",
            "/* \" */ let a = \"b\nc\";",
            "let a = \"\\\"\nb\";",
        ] {
            assert_eq!(lines_within_literals(text), [1], "{text}");
            assert_eq!(read(text).unwrap().lines_within_literals, [1], "{text}");
        }
        assert!(lines_within_literals("let a = \"b\";\n// it's\nlet c = 'd';").is_empty());
    }

    #[test]
    fn long_cells_are_not_deep_ones() {
        let deep = |text: &str| read(text).is_err();
        for line in [
            "pub fn f(a: &[u8], b: Vec<u8>) -> Option<u8> { a.get(b.len()).copied() }\n",
            "let a = b < c && d > e;\n",
            "impl<T: Into<u8>> A<T> for B where T: Clone {}\n",
            "x => { y }\n",
            "/// A line of docs.\n#[inline] fn f() {}\n",
        ] {
            assert!(!deep(&line.repeat(2_000)), "{line}");
            assert!(!deep(&format!("mod a {{ {} }}", line.repeat(2_000))), "{line}");
        }
        assert!(!deep(&format!("let a = [{}];", "-1.0, ".repeat(20_000))));
        assert!(!deep(&format!("let a = {};", "a + ".repeat(1_000) + "1")));
    }

    #[test]
    fn what_nests_without_end_is_refused() {
        let n = 20_000;
        for (open, close) in [
            ("(", ")"),
            ("Box<dyn Fn(", ")>"),
            ("A<", ">"),
            ("A<B, ", ">"),
            ("{", "}"),
            ("!", ""),
            ("&", ""),
            ("1 + ", ""),
            ("x as ", ""),
            ("|a, b| ", ""),
            ("return ", ""),
            ("if a {} else ", ""),
            ("fn() -> ", ""),
            ("a.b", ""),
        ] {
            let text = format!("let x = {}y{};", open.repeat(n), close.repeat(n));
            assert!(matches!(read(&text), Err(Refused::Deep(_))), "{open}");
        }
    }
}
