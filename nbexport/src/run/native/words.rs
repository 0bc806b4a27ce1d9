//! The names that Rust mentions, read off its tokens: macros hold names, too.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The names that tokens mention: what stands behind a dot, or before a single colon, is a field or a method.
pub(super) fn words(tokens: TokenStream) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(tokens, &mut found);
    found
}

fn collect(tokens: TokenStream, found: &mut BTreeSet<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let punct = |at: Option<usize>, char: char| {
        at.and_then(|at| tokens.get(at))
            .is_some_and(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == char))
    };
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => collect(group.stream(), found),
            TokenTree::Ident(ident) => {
                let is_field = punct(at.checked_sub(1), '.') && !punct(at.checked_sub(2), '.');
                let is_named = punct(Some(at + 1), ':') && !punct(Some(at + 2), ':');
                if !is_field && !is_named {
                    found.insert(ident.to_string());
                }
            }
            // A format string takes names from around it: `{size}`.
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if text.starts_with('"') && text.contains('{') {
                    let names = text
                        .split(|c: char| !c.is_alphanumeric() && c != '_')
                        .filter(|word| !word.is_empty());
                    found.extend(names.map(str::to_owned));
                }
            }
            TokenTree::Punct(_) => {}
        }
    }
}

/// Whether a text has this name as a word.
pub(super) fn is_word_of(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

/// Whether a name stands before parentheses.
pub(super) fn calls(tokens: TokenStream, name: &str) -> bool {
    let tokens: Vec<_> = tokens.into_iter().collect();
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Ident(ident) => {
            ident == name
                && matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
        }
        TokenTree::Group(group) => calls(group.stream(), name),
        _ => false,
    })
}
