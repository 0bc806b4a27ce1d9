//! A cell's text → its items and its statements, also while it is being typed and does not parse.
//!
//! It goes by tokens alone. An item begins with its keyword where a statement could begin, and ends with its `;` or with
//! its braces. What is left open is closed behind the cell, so that it does not swallow the cells below.

use std::ops::Range;

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, RawStrError, TokenKind, tokenize};

use crate::notebook::header;

/// A part of a cell's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Where it stands in the cell's text.
    pub(super) range: Range<usize>,
    /// Whether it is one item; statements otherwise.
    pub(super) is_item: bool,
    /// What the item is called.
    pub(super) name: Option<String>,
}

/// A cell's text, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    /// Its items and statements; together, all below the directives and commands.
    pub(super) chunks: Vec<Chunk>,
    /// What is not shown: attributes of the whole program, brackets that close nothing.
    pub(super) hidden: Vec<Range<usize>>,
    /// What closes what the cell leaves open.
    pub(super) closers: String,
}

/// A token that says something, with where it stands.
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) range: Range<usize>,
    pub(super) is_word: bool,
}

const ITEMS: &[&str] = &["use", "static", "type", "mod", "fn", "struct", "enum", "trait", "impl"];

/// Where a cell's Rust begins: below its directives and commands.
pub(super) fn start(text: &str) -> usize {
    header::lines(text)
        .filter(|line| line.text.trim_start().starts_with("//|") || line.is_command())
        .last()
        .map_or(0, |line| (line.span().end + 1).min(text.len()))
}

/// Takes a cell's text apart.
pub(super) fn split(text: &str) -> Split {
    let header = start(text);
    let (tokens, mut closers) = tokens(text, header);
    let mut split = Split::default();
    let mut open: Vec<usize> = Vec::new();
    // For each token the token behind the group that it opens.
    let mut ends = vec![tokens.len(); tokens.len()];
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => open.push(index),
            ")" | "]" | "}" => match open.last() {
                Some(&opened) if closes(tokens[opened].text, token.text) => {
                    open.pop();
                    ends[opened] = index + 1;
                }
                _ => split.hidden.push(token.range.clone()),
            },
            _ => {}
        }
    }
    closers.extend(open.iter().rev().map(|index| match tokens[*index].text {
        "(" => ')',
        "[" => ']',
        _ => '}',
    }));
    split.closers = closers;
    let at = |index: usize| tokens.get(index).map_or(text.len(), |token| token.range.start);
    let (mut from, mut index, mut is_boundary) = (header, 0, true);
    while index < tokens.len() {
        if is_boundary {
            let attributes = attributes(&tokens, &ends, index, &mut split.hidden);
            if let Some((end, name)) = item(&tokens, &ends, attributes) {
                // Comments above an item are its own.
                let start = if index == 0 { header } else { tokens[index - 1].range.end };
                statements(text, from..start, &mut split.chunks);
                from = tokens[end - 1].range.end;
                let start = start + text[start..].len() - text[start..].trim_start().len();
                split.chunks.push(Chunk { range: start..from, is_item: true, name });
                index = end;
                continue;
            }
            index = attributes.max(index);
        }
        let Some(token) = tokens.get(index) else { break };
        let next = if matches!(token.text, "(" | "[" | "{") { ends[index] } else { index + 1 };
        is_boundary = matches!(token.text, ";" | "{");
        index = next;
    }
    debug_assert!(at(index) <= text.len());
    statements(text, from..text.len(), &mut split.chunks);
    split
}

/// Adds statements, if there are any: of what stands behind an item, the rest of its line alone is none.
fn statements(text: &str, range: Range<usize>, chunks: &mut Vec<Chunk>) {
    if !range.is_empty() && (text[range.clone()].contains('\n') || !text[range.clone()].trim().is_empty()) {
        chunks.push(Chunk { range, is_item: false, name: None });
    }
}

fn closes(open: &str, close: &str) -> bool {
    matches!((open, close), ("(", ")") | ("[", "]") | ("{", "}"))
}

/// The tokens from `start` on, and what closes a string or a comment that is left open.
pub(super) fn tokens(text: &str, start: usize) -> (Vec<Token<'_>>, String) {
    let (mut tokens, mut closer) = (Vec::new(), String::new());
    let mut at = start;
    for token in tokenize(&text[start..], FrontmatterAllowed::No) {
        let range = at..at + token.len as usize;
        at = range.end;
        match token.kind {
            TokenKind::Whitespace | TokenKind::LineComment { .. } => continue,
            TokenKind::BlockComment { terminated, .. } => {
                if !terminated {
                    "*/".clone_into(&mut closer);
                }
                continue;
            }
            TokenKind::Literal { kind, .. } => match kind {
                LiteralKind::Str { terminated: false }
                | LiteralKind::ByteStr { terminated: false }
                | LiteralKind::CStr { terminated: false } => "\"".clone_into(&mut closer),
                LiteralKind::RawStr { .. } | LiteralKind::RawByteStr { .. } | LiteralKind::RawCStr { .. } => {
                    let raw = text[range.clone()].trim_start_matches(['b', 'c']);
                    if let Err(RawStrError::NoTerminator { expected, .. }) =
                        ra_ap_rustc_lexer::validate_raw_str(raw, 1)
                    {
                        closer = format!("\"{}", "#".repeat(expected as usize));
                    }
                }
                _ => {}
            },
            _ => {}
        }
        let is_word = matches!(token.kind, TokenKind::Ident | TokenKind::RawIdent);
        tokens.push(Token { text: &text[range.clone()], range, is_word });
    }
    (tokens, closer)
}

/// The token behind the attributes at a place. Attributes of the whole program are hidden.
fn attributes(
    tokens: &[Token<'_>],
    ends: &[usize],
    mut index: usize,
    hidden: &mut Vec<Range<usize>>,
) -> usize {
    while let Some(token) = tokens.get(index).filter(|token| token.text == "#") {
        let is_inner = tokens.get(index + 1).is_some_and(|next| next.text == "!");
        let bracket = index + 1 + usize::from(is_inner);
        if tokens.get(bracket).is_none_or(|bracket| bracket.text != "[") {
            break;
        }
        let end = ends[bracket];
        if is_inner && !hidden.iter().any(|range| range.start == token.range.start) {
            hidden.push(token.range.start..tokens[end - 1].range.end);
        }
        index = end;
    }
    index
}

/// The item that begins at a token: the token behind it, and its name.
fn item(tokens: &[Token<'_>], ends: &[usize], start: usize) -> Option<(usize, Option<String>)> {
    let word = |index: usize| tokens.get(index).map_or("", |token| token.text);
    let mut index = start;
    let is_public = word(index) == "pub";
    if is_public {
        index = if word(index + 1) == "(" { ends[index + 1] } else { index + 1 };
    }
    // What may stand before the keyword.
    loop {
        let next = word(index + 1);
        match word(index) {
            "default" | "auto" if ITEMS.contains(&next) || next == "unsafe" => index += 1,
            "unsafe" | "async" | "safe"
                if matches!(next, "fn" | "impl" | "trait" | "extern" | "unsafe" | "mod") =>
            {
                index += 1;
            }
            "const" if matches!(next, "fn" | "unsafe" | "async" | "extern") => index += 1,
            "extern" if next.starts_with('"') && matches!(word(index + 2), "fn" | "unsafe") => index += 2,
            "extern" if next == "fn" => index += 1,
            _ => break,
        }
    }
    let keyword = word(index);
    let named = |at: usize| {
        tokens
            .get(at)
            .filter(|token| token.is_word)
            .map(|token| token.text.trim_start_matches("r#").to_owned())
    };
    let until_semicolon = || end(tokens, ends, index, false);
    let until_braces = || end(tokens, ends, index, true);
    match keyword {
        "use" | "type" => Some((until_semicolon(), named(index + 1).filter(|_| keyword == "type"))),
        "static" if word(index + 1) != "move" && word(index + 1) != "|" => {
            let name = if word(index + 1) == "mut" { index + 2 } else { index + 1 };
            Some((until_semicolon(), named(name)))
        }
        "const" if word(index + 2) == ":" => {
            Some((until_semicolon(), named(index + 1).filter(|it| it != "_")))
        }
        "fn" if !matches!(word(index + 1), "(" | "") => Some((until_braces(), named(index + 1))),
        "struct" | "enum" | "trait" | "mod" => Some((until_braces(), named(index + 1))),
        "impl" => Some((until_braces(), None)),
        "union" if tokens.get(index + 1).is_some_and(|next| next.is_word) => {
            Some((until_braces(), named(index + 1)))
        }
        "extern" if word(index + 1) == "crate" => Some((until_semicolon(), None)),
        "extern" if word(index + 1) == "{" || word(index + 1).starts_with('"') => {
            Some((until_braces(), None))
        }
        "macro_rules" if word(index + 1) == "!" => {
            let end = if matches!(word(index + 3), "{" | "(" | "[") { ends[index + 3] } else { index + 3 };
            let end = if word(end) == ";" { end + 1 } else { end };
            Some((end.min(tokens.len()), named(index + 2)))
        }
        _ => None,
    }
}

/// The token behind an item: behind its `;`, or behind its braces.
fn end(tokens: &[Token<'_>], ends: &[usize], mut index: usize, by_braces: bool) -> usize {
    while let Some(token) = tokens.get(index) {
        match token.text {
            ";" => return index + 1,
            "{" if by_braces => return ends[index],
            "(" | "[" | "{" => index = ends[index],
            _ => index += 1,
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(&str, &str)> {
        let split = split(text);
        let what = |chunk: &Chunk| if chunk.is_item { "item" } else { "statements" };
        let all = split.chunks.iter().map(|chunk| (what(chunk), text[chunk.range.clone()].trim()));
        all.filter(|(_, text)| !text.is_empty()).collect()
    }

    #[test]
    fn items_and_statements_are_told_apart() {
        assert_eq!(
            parts(
                "//| setup\n:dep a = \"1\"\nuse a::{b, c};\nlet x = 1;\n/// Doc.\n#[inline]\npub fn f() {}\nx + 1"
            ),
            [
                ("item", "use a::{b, c};"),
                ("statements", "let x = 1;"),
                ("item", "/// Doc.\n#[inline]\npub fn f() {}"),
                ("statements", "x + 1"),
            ]
        );
        for item in [
            "pub(crate) const unsafe extern \"C\" fn f() {}",
            "struct S(u8);",
            "impl<T: Fn(u8) -> u8> S { fn f() {} }",
            "const X: [u8; 1] = { [1] };",
            "static mut X: u8 = 1;",
            "macro_rules! m { () => {} }",
            "macro_rules! m (() => {};);",
            "extern \"C\" { fn f(); }",
            "extern crate a;",
            "union U { a: u8 }",
            "unsafe impl Send for S {}",
            "async fn f() {}",
        ] {
            assert_eq!(parts(item), [("item", item)]);
        }
        for statement in [
            "const { 1 }",
            "unsafe { f() }",
            "async move { 1 }.await",
            "let f: fn(u8) = g; union(1); type_of(x)",
            "static || 1",
            "match x { _ => { use a::b; } }",
        ] {
            assert_eq!(parts(statement), [("statements", statement)]);
        }
    }

    #[test]
    fn what_is_left_open_is_closed_and_what_closes_nothing_is_hidden() {
        for (text, closers) in [
            ("fn f() { g(", ")}"),
            ("let x = \"a", "\""),
            ("f(r##\"a\"#", "\"##)"),
            ("/* a", "*/"),
            ("fn f() {}", ""),
        ] {
            assert_eq!(split(text).closers, closers, "{text}");
        }
        assert_eq!(split("f() }").hidden.first(), Some(&(4..5)));
        assert_eq!(split("#![allow(x)]\nf()").hidden.first(), Some(&(0..12)));
    }

    #[test]
    fn a_name_is_that_of_the_item() {
        let names = |text: &str| split(text).chunks.into_iter().filter_map(|it| it.name).collect::<Vec<_>>();
        assert_eq!(
            names("pub struct A; const fn b() {} static C: u8 = 1; use d; impl E {}"),
            ["A", "b", "C"]
        );
    }
}
