//! What a cell does to a variable of its own after the `let`, as far as its text tells: whether it is moved away.
//!
//! Nothing of it decides: what is said here saves a round of the compiler, which has the last word.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::words;

/// What is known of a variable that may have been moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moved {
    /// What is not copied is moved: a `for` goes through it, or `into_iter` is called on it.
    Surely,
    /// If it is an iterator: an adaptor is called on it.
    AsIterator,
    /// Nothing.
    Perhaps,
}

/// Methods that usually take what they are called on: an adaptor of an iterator, what is in an option.
const TAKING: &[&str] = &[
    "and_then",
    "chain",
    "chunks_exact",
    "cloned",
    "collect",
    "copied",
    "count",
    "cycle",
    "enumerate",
    "err",
    "expect",
    "filter",
    "filter_map",
    "flat_map",
    "flatten",
    "fold",
    "for_each",
    "inspect",
    "into_inner",
    "into_iter",
    "last",
    "map",
    "map_err",
    "map_or",
    "map_or_else",
    "map_while",
    "max",
    "min",
    "ok",
    "ok_or",
    "or_else",
    "partition",
    "peekable",
    "product",
    "rev",
    "scan",
    "skip",
    "skip_while",
    "step_by",
    "sum",
    "take",
    "take_while",
    "unwrap",
    "unwrap_or",
    "unwrap_or_default",
    "unwrap_or_else",
    "unzip",
    "zip",
];

/// Whether it looks as if these tokens left a variable in place: it is borrowed, assigned to, indexed, printed, or a
/// method is called on it that takes a reference as a rule. If it was moved after all, the compiler says so.
pub(super) fn leaves_in_place(tokens: TokenStream, name: &str) -> bool {
    if !words::words(tokens.clone()).contains(name) {
        return true;
    }
    let tokens: Vec<_> = tokens.into_iter().collect();
    let punct = |at: Option<usize>| match at.and_then(|at| tokens.get(at)) {
        Some(TokenTree::Punct(punct)) => Some(punct.as_char()),
        _ => None,
    };
    let ident = |at: Option<usize>| match at.and_then(|at| tokens.get(at)) {
        Some(TokenTree::Ident(ident)) => Some(ident),
        _ => None,
    };
    tokens.iter().enumerate().all(|(at, token)| match token {
        TokenTree::Ident(it) if it == "move" => false,
        TokenTree::Ident(it) if it == name => {
            let before = at.checked_sub(1);
            let borrowed = matches!(punct(before), Some('&' | '*'))
                || ident(before).is_some_and(|it| it == "mut") && punct(at.checked_sub(2)) == Some('&');
            let indexed = matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket);
            let assigned = punct(Some(at + 1)) == Some('=') && punct(Some(at + 2)) != Some('=');
            let selected = punct(Some(at + 1)) == Some('.')
                && ident(Some(at + 2)).is_some_and(|method| {
                    let method = method.to_string();
                    !method.starts_with("into_") && !TAKING.contains(&method.as_str())
                });
            borrowed || indexed || assigned || selected
        }
        TokenTree::Group(group) => {
            let is_printed = punct(at.checked_sub(1)) == Some('!') && prints(ident(at.checked_sub(2)));
            is_printed || leaves_in_place(group.stream(), name)
        }
        _ => true,
    })
}

/// What these tokens do to a variable that they may move.
pub(super) fn moves(tokens: TokenStream, name: &str) -> Moved {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is_word = |at: usize, word: &dyn Fn(&str) -> bool| matches!(tokens.get(at), Some(TokenTree::Ident(ident)) if word(&ident.to_string()));
    let is_dot =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == '.');
    let how = tokens.iter().enumerate().map(|(at, token)| match token {
        TokenTree::Ident(it) if it == name && (at == 0 || !is_dot(at - 1)) => {
            let is_block = matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace);
            let goes_through = is_block && at > 0 && is_word(at - 1, &|word| word == "in");
            match () {
                () if goes_through || is_dot(at + 1) && is_word(at + 2, &|word| word == "into_iter") => {
                    Moved::Surely
                }
                () if is_dot(at + 1) && is_word(at + 2, &|word| TAKING.contains(&word)) => Moved::AsIterator,
                () => Moved::Perhaps,
            }
        }
        TokenTree::Group(group) => moves(group.stream(), name),
        _ => Moved::Perhaps,
    });
    how.min().unwrap_or(Moved::Perhaps)
}

/// Whether this is the name of a macro that only borrows what it is given.
pub(super) fn prints(name: Option<&Ident>) -> bool {
    const NAMES: &[&str] = &[
        "println",
        "print",
        "eprintln",
        "eprint",
        "format",
        "write",
        "writeln",
        "assert",
        "assert_eq",
        "assert_ne",
    ];
    name.is_some_and(|name| NAMES.contains(&name.to_string().as_str()))
}
