//! What a text of Rust says: its tokens and its comments, whatever the layout.
//!
//! rustfmt sorts imports, adds and takes away commas, semicolons, braces and parentheses, unites derives; none of that
//! counts here. It also drops comments where it has no place for them.

use std::collections::{BTreeMap, BTreeSet};

use ra_ap_rustc_lexer::{FrontmatterAllowed, TokenKind, tokenize};

/// Something that one of the two texts says and the other does not; `None` when they say the same.
pub(super) fn difference(old: &str, new: &str) -> Option<String> {
    let (old, new) = (Content::of(old), Content::of(new));
    let differs = |key: &&(bool, &str)| old.words.get(*key) != new.words.get(*key);
    let mut words = old.words.keys().chain(new.words.keys());
    if let Some((_, word)) = words.find(differs) {
        return Some((*word).to_owned());
    }
    old.imported.symmetric_difference(&new.imported).next().map(|word| (*word).to_owned())
}

#[derive(Default)]
struct Content<'a> {
    /// How often each word of the code (`false`) and of comments (`true`) is there.
    words: BTreeMap<(bool, &'a str), usize>,
    /// The words of `use` declarations, which may be united.
    imported: BTreeSet<&'a str>,
}

impl<'a> Content<'a> {
    fn of(text: &'a str) -> Self {
        let mut content = Self::default();
        let mut imports = false;
        // The two last tokens, for `S { a: a }`, which may become `S { a }`.
        let mut before = ["", ""];
        let mut at = 0;
        for token in tokenize(text, FrontmatterAllowed::No) {
            let word = &text[at..at + token.len as usize];
            at += token.len as usize;
            match token.kind {
                TokenKind::Whitespace => continue,
                TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => {
                    let marks = ['/', '*', '!'];
                    let words = word.split_whitespace().map(|word| word.trim_matches(marks));
                    for word in words.filter(|word| !word.is_empty()) {
                        *content.words.entry((true, word)).or_default() += 1;
                    }
                    continue;
                }
                TokenKind::Semi => imports = false,
                // `impl Trait + use<'a>` is no declaration.
                TokenKind::Lt if before[1] == "use" => imports = false,
                // What rustfmt adds or takes away: derives united, `extern "C"`, `pub(in crate)`.
                _ if ["derive", "\"C\"", "in"].contains(&word) => {}
                _ if before == [word, ":"] => {}
                TokenKind::Comma
                | TokenKind::OpenParen
                | TokenKind::CloseParen
                | TokenKind::OpenBrace
                | TokenKind::CloseBrace
                | TokenKind::OpenBracket
                | TokenKind::CloseBracket
                | TokenKind::Colon
                | TokenKind::Pound
                | TokenKind::Or
                | TokenKind::Lt
                | TokenKind::Gt => {}
                _ if imports => {
                    content.imported.insert(word);
                }
                _ => {
                    imports = word == "use";
                    *content.words.entry((false, word)).or_default() += usize::from(!imports);
                }
            }
            before = [before[1], word];
        }
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_no_difference() {
        for (old, new) in [
            ("use b;use a::{c,};", "use a::c;\nuse b;"),
            ("fn f( x:u8 )->u8{((x));}", "fn f(x: u8) -> u8 {\n    (x)\n}"),
            ("#[derive(A)] #[derive(B)] struct S;", "#[derive(A, B)]\nstruct S;"),
            ("extern fn f() { S { a: a } }", "extern \"C\" fn f() {\n    S { a }\n}"),
            ("/* a\n  b */ fn f() {}", "/* a\n   b */\nfn f() {}"),
            ("match x { | A | B => { 1 } }", "match x {\n    A | B => 1,\n}"),
        ] {
            assert_eq!(difference(old, new), None, "{old}");
        }
    }

    #[test]
    fn a_token_or_a_comment_less_or_more_is_one() {
        for (old, new, what) in [
            ("pub fn /*x*/ f() {}", "pub fn f() {}", "x"),
            ("f(1, 2)", "f(1)", "2"),
            ("a + b", "a b", "+"),
            ("\"a  b\"", "\"a b\"", "\"a  b\""),
            ("x // one\n", "x // one two\n", "two"),
            ("use a; x; x", "use a; x", "x"),
            ("use a; use b;", "use a;", "b"),
        ] {
            assert_eq!(difference(old, new).as_deref(), Some(what), "{old}");
        }
    }
}
