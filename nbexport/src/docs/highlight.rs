//! A code cell → HTML: its colours, in the classes of highlight.js that mdBook's themes have, and its names as links.
//!
//! In the browser highlight.js would do the colours, and drop every link on the way.

use std::fmt::Write as _;
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};

use super::escape;
use crate::notebook::header::{self, LineKind};

/// Rust's words that are no names.
const KEYWORDS: &[&str] = &[
    "Self",
    "as",
    "async",
    "await",
    "break",
    "const",
    "continue",
    "crate",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "fn",
    "for",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro_rules",
    "match",
    "mod",
    "move",
    "mut",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "struct",
    "super",
    "trait",
    "true",
    "type",
    "union",
    "unsafe",
    "use",
    "where",
    "while",
];

/// A token of the cell, in its order.
struct Token {
    range: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    Literal,
    Comment,
    Other,
}

/// The cell's code, its directives left out. `link` knows the pages of names.
pub(super) fn cell(text: &str, link: &dyn Fn(&str) -> Option<String>) -> String {
    let start = header::length(text);
    let mut html = String::new();
    for line in header::lines(&text[..start]) {
        if line.text.trim_start().starts_with("//|") {
            continue;
        }
        match line.kind {
            LineKind::Command => span(&mut html, "hljs-meta", line.text),
            _ if line.text.trim_start().starts_with("//") => span(&mut html, "hljs-comment", line.text),
            _ => html.push_str(&escape(line.text)),
        }
        html.push('\n');
    }
    html.push_str(&rust(&text[start..], link));
    html.trim_matches('\n').to_owned()
}

/// Rust as HTML; what does not fall into tokens comes as it is.
fn rust(code: &str, link: &dyn Fn(&str) -> Option<String>) -> String {
    let Ok(stream) = code.parse::<TokenStream>() else { return escape(code) };
    let mut tokens = Vec::new();
    collect(stream, code, &mut tokens);
    let mut html = String::new();
    let mut at = 0;
    for (index, token) in tokens.iter().enumerate() {
        // A doc comment is several tokens of one place.
        if token.range.start < at {
            continue;
        }
        between(&mut html, &code[at..token.range.start]);
        at = token.range.end;
        let text = &code[token.range.clone()];
        match token.kind {
            Kind::Comment => span(&mut html, "hljs-comment", text),
            Kind::Literal if text.starts_with(|c: char| c.is_ascii_digit()) => {
                span(&mut html, "hljs-number", text);
            }
            Kind::Literal => span(&mut html, "hljs-string", text),
            Kind::Other => html.push_str(&escape(text)),
            Kind::Name => name(&mut html, &tokens, index, code, link),
        }
    }
    between(&mut html, &code[at..]);
    html
}

/// Blanks, and the comments that no token stands for.
fn between(html: &mut String, gap: &str) {
    let code = gap.trim();
    if code.is_empty() {
        html.push_str(gap);
        return;
    }
    let start = gap.len() - gap.trim_start().len();
    html.push_str(&gap[..start]);
    span(html, "hljs-comment", code);
    html.push_str(&gap[start + code.len()..]);
}

fn name(
    html: &mut String,
    tokens: &[Token],
    index: usize,
    code: &str,
    link: &dyn Fn(&str) -> Option<String>,
) {
    let text = |index: Option<usize>| {
        index.and_then(|index| tokens.get(index)).map_or("", |token| &code[token.range.clone()])
    };
    let (before, word, after) = (text(index.checked_sub(1)), text(Some(index)), text(Some(index + 1)));
    if KEYWORDS.contains(&word) {
        return span(html, "hljs-keyword", word);
    }
    let is_type = word.starts_with(|c: char| c.is_uppercase());
    // A variable or a field may have a function's name; what is called, imported or defined is meant.
    let is_meant = is_type
        || before != "."
            && (matches!(after, "(" | "!" | ":")
                || matches!(before, "fn" | ":" | "mod")
                || in_use(tokens, index, code));
    let class = match () {
        () if is_type => "hljs-title class_",
        () if after == "!" => "hljs-built_in",
        () if before == "fn" => "hljs-title function_",
        () => "",
    };
    match link(word).filter(|_| is_meant) {
        Some(url) => {
            let _ =
                write!(html, "<a class=\"nb-name {class}\" href=\"{}\">{}</a>", escape(&url), escape(word));
        }
        None if class.is_empty() => html.push_str(&escape(word)),
        None => span(html, class, word),
    }
}

/// Whether a token stands in a `use`.
fn in_use(tokens: &[Token], index: usize, code: &str) -> bool {
    let before = tokens[..index].iter().rev().map(|token| &code[token.range.clone()]);
    before.take_while(|text| *text != ";").any(|text| text == "use")
}

fn collect(stream: TokenStream, code: &str, tokens: &mut Vec<Token>) {
    for tree in stream {
        if let TokenTree::Group(group) = &tree {
            let (open, close) = (group.span_open().byte_range(), group.span_close().byte_range());
            // The brackets of a doc comment's attribute have the place of the whole comment.
            push(open, Kind::Other, code, tokens);
            collect(group.stream(), code, tokens);
            push(close, Kind::Other, code, tokens);
            continue;
        }
        let kind = match &tree {
            TokenTree::Ident(_) => Kind::Name,
            TokenTree::Literal(_) => Kind::Literal,
            _ => Kind::Other,
        };
        push(tree.span().byte_range(), kind, code, tokens);
    }
}

fn push(range: Range<usize>, kind: Kind, code: &str, tokens: &mut Vec<Token>) {
    let is_comment = code[range.clone()].starts_with("//") || code[range.clone()].starts_with("/*");
    if !range.is_empty() {
        tokens.push(Token { range, kind: if is_comment { Kind::Comment } else { kind } });
    }
}

fn span(html: &mut String, class: &str, text: &str) {
    let _ = write!(html, "<span class=\"{class}\">{}</span>", escape(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        cell(text, &|name| (name == "matmul" || name == "Linear").then(|| format!("api/{name}.html")))
    }

    /// What a reader sees of it.
    fn text(html: &str) -> String {
        let mut text = String::new();
        let mut within = false;
        for c in html.chars() {
            match c {
                '<' => within = true,
                '>' => within = false,
                c if !within => text.push(c),
                _ => {}
            }
        }
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        text.replace("&#39;", "'").replace("&amp;", "&")
    }

    #[test]
    fn nothing_but_the_directives_is_lost() {
        for source in [
            "/// Doc `x`.\n/** more\n */\npub fn f<'a>(x: &'a str) -> u8 { // why\n    /* é */ b'\\n' }",
            ":dep a = \"1\"\n// plain\nlet s = r#\"a\n  \"b\" \"#; s",
            "let = < & broken \"",
            "macro_rules! m { ($x:expr) => { $x + 1.5e3 } }",
        ] {
            assert_eq!(text(&shown(&format!("//| export\n{source}"))), source);
        }
    }

    #[test]
    fn a_name_is_a_link_where_it_is_meant() {
        assert!(
            shown("matmul(&a, &b)").starts_with("<a class=\"nb-name \" href=\"api/matmul.html\">matmul</a>(")
        );
        assert!(shown("use exp::nb_01::{timeit, matmul};").contains("<a "));
        assert!(shown("let l: Linear = x;").contains("href=\"api/Linear.html\""));
        for source in ["let matmul = 3;", "x.matmul(3)", "// matmul(3)", "\"matmul(3)\""] {
            assert!(!shown(source).contains("<a "), "{source}");
        }
    }

    #[test]
    fn the_colours_are_those_of_the_themes() {
        let html = shown("let x = \"s\"; // c\nf!(3)");
        for part in [
            "<span class=\"hljs-keyword\">let</span>",
            "<span class=\"hljs-string\">&quot;s&quot;</span>",
            "<span class=\"hljs-comment\">// c</span>",
            "<span class=\"hljs-built_in\">f</span>",
            "<span class=\"hljs-number\">3</span>",
        ] {
            assert!(html.contains(part), "{html}");
        }
    }
}
