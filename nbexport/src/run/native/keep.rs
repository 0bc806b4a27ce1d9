//! What the kernel asks of variables at the end of their cell, as lines of the program.
//!
//! The kernel keeps a variable from cell to cell, so it must know its type by the end of the cell and the variable must
//! not borrow from another. A program would take a later cell's word for the type, and lets variables borrow.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Expr, Item, Local, Pat, ReturnType, Stmt, Type};

use super::items::item_name;
use super::words;
use crate::notebook::cell::Code;
use crate::notebook::scope;

/// A variable that a cell leaves to later ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    /// Whether its type is known without a question.
    pub(super) is_known: bool,
    /// How the program finds out whether it can be kept.
    pub(super) ask: Ask,
}

/// The functions so far that return a type which can be kept for sure, and is known.
#[derive(Debug, Default)]
pub(super) struct Functions(BTreeSet<String>);

impl Functions {
    /// Takes in the functions of a cell, which hide earlier ones.
    pub(super) fn take(&mut self, code: &Code) {
        for item in code.items() {
            let Some(name) = item_name(item) else { continue };
            let is_plain = match item {
                Item::Fn(function) if function.sig.asyncness.is_none() => match &function.sig.output {
                    ReturnType::Default => true,
                    ReturnType::Type(_, of) => is_plain(of.to_token_stream()),
                },
                _ => false,
            };
            if is_plain {
                self.0.insert(name)
            } else {
                self.0.remove(&name)
            };
        }
    }

    /// Whether an expression is a call of one of them.
    fn are_called(&self, expr: &Expr) -> bool {
        let Expr::Call(call) = expr else { return false };
        let Expr::Path(path) = &*call.func else { return false };
        path.path.get_ident().is_some_and(|name| self.0.contains(&name.to_string()))
    }
}

/// Types that hold nothing but what they are given.
const PLAIN: &[&str] = &[
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
    "u128", "usize", "String", "Vec", "Option", "Result", "Box", "HashMap", "HashSet", "BTreeMap",
    "BTreeSet", "VecDeque",
];

/// Whether a type is written with nothing but these: it is known, borrows nothing and holds no closure.
fn is_plain(of: TokenStream) -> bool {
    of.into_iter().all(|token| match token {
        TokenTree::Ident(name) => PLAIN.iter().any(|plain| name == plain),
        TokenTree::Punct(punct) => matches!(punct.as_char(), '<' | '>' | ','),
        TokenTree::Group(group) => is_plain(group.stream()),
        TokenTree::Literal(_) => true,
    })
}

/// How a program finds out whether a variable can be kept: it may borrow from another, or hold a closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// It need not ask.
    Nothing,
    /// It asks the variable at the end of the cell.
    Variable,
    /// The variable may have been moved by then. What is not moved for sure is what can be copied, so that is asked of its
    /// type alone.
    Type,
}

/// The variables of a cell, those that its own later ones of the same name hide left out.
pub(super) fn variables(code: &Code, functions: &Functions) -> Vec<Variable> {
    let mut found: Vec<Variable> = Vec::new();
    for (at, stmt) in code.stmts.iter().enumerate() {
        let Stmt::Local(local) = stmt else { continue };
        let Some(init) = &local.init else { continue };
        let is_known = match &local.pat {
            Pat::Type(pat) => is_plain(pat.ty.to_token_stream()),
            Pat::Ident(_) => functions.are_called(&init.expr),
            _ => false,
        };
        for name in names(code, stmt) {
            found.retain(|variable| variable.name != name);
            let stays =
                || code.stmts[at + 1..].iter().all(|stmt| leaves_in_place(stmt.to_token_stream(), &name));
            let ask = match () {
                () if is_known || !may_borrow(&init.expr) => Ask::Nothing,
                () if stays() => Ask::Variable,
                () => Ask::Type,
            };
            found.push(Variable { name, is_known, ask });
        }
    }
    found
}

fn names(code: &Code, stmt: &Stmt) -> Vec<String> {
    scope::variables_in(code, stmt).into_iter().map(|(name, _)| name).collect()
}

/// A variable that is a closure as it is, which the kernel refuses even if it was moved.
pub(super) fn closure(code: &Code) -> Option<(&Local, String)> {
    code.stmts.iter().find_map(|stmt| {
        let Stmt::Local(local) = stmt else { return None };
        let Pat::Ident(pat) = &local.pat else { return None };
        matches!(&*local.init.as_ref()?.expr, Expr::Closure(_)).then(|| (local, pat.ident.to_string()))
    })
}

/// Adds the functions of a cell that hide what type they return, and forgets those it defines otherwise.
pub(super) fn take_hidden_types(code: &Code, hidden: &mut BTreeSet<String>) {
    for item in code.items() {
        let Item::Fn(function) = item else { continue };
        let name = function.sig.ident.to_string();
        let hides =
            matches!(&function.sig.output, ReturnType::Type(_, of) if matches!(**of, Type::ImplTrait(_)));
        if hides && function.sig.asyncness.is_none() {
            hidden.insert(name)
        } else {
            hidden.remove(&name)
        };
    }
}

/// A variable that is what such a function returned, when it is not named again in its cell.
pub(super) fn of_hidden_type<'a>(code: &'a Code, hidden: &BTreeSet<String>) -> Option<(&'a Local, String)> {
    let mut all = hidden.clone();
    take_hidden_types(code, &mut all);
    if all.is_empty() {
        return None;
    }
    code.stmts.iter().enumerate().find_map(|(at, stmt)| {
        let Stmt::Local(local) = stmt else { return None };
        let Pat::Ident(pat) = &local.pat else { return None };
        let Expr::Call(call) = &*local.init.as_ref()?.expr else { return None };
        let Expr::Path(path) = &*call.func else { return None };
        let name = pat.ident.to_string();
        let is_named = |stmt: &Stmt| words::words(stmt.to_token_stream()).contains(&name);
        let is_hidden = path.path.get_ident().is_some_and(|function| all.contains(&function.to_string()));
        (is_hidden && !code.stmts[at + 1..].iter().any(is_named)).then_some((local, name))
    })
}

/// Whether an expression may give a value that borrows, or one of a type that holds a closure. What is left out is only
/// what is frequent and certainly neither.
fn may_borrow(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_) | Expr::Range(_) | Expr::Path(_) => false,
        Expr::Binary(binary) => may_borrow(&binary.left) || may_borrow(&binary.right),
        Expr::Unary(unary) => may_borrow(&unary.expr),
        Expr::Paren(paren) => may_borrow(&paren.expr),
        Expr::Macro(call) => !prints(call.mac.path.get_ident()) && has_reference(call.mac.tokens.clone()),
        Expr::Struct(value) => value.fields.iter().any(|field| may_borrow(&field.expr)),
        Expr::Tuple(tuple) => tuple.elems.iter().any(may_borrow),
        Expr::Array(array) => array.elems.iter().any(may_borrow),
        _ => true,
    }
}

/// Whether there is a `&`, or the `|` of a closure.
fn has_reference(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(punct) => matches!(punct.as_char(), '&' | '|'),
        TokenTree::Group(group) => has_reference(group.stream()),
        _ => false,
    })
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
fn leaves_in_place(tokens: TokenStream, name: &str) -> bool {
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

/// Whether this is the name of a macro that only borrows what it is given.
fn prints(name: Option<&Ident>) -> bool {
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
