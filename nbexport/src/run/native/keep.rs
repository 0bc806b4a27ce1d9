//! What the kernel asks of variables at the end of their cell, as lines of the program.
//!
//! The kernel keeps a variable from cell to cell, so it must know its type by the end of the cell and the variable must
//! not borrow from another. A program would take a later cell's word for the type, and lets variables borrow.

use std::collections::BTreeSet;

use quote::ToTokens as _;
use syn::{Expr, Local, Pat, Stmt};

use super::words;
use crate::notebook::cell::Code;
use crate::notebook::scope;

/// A variable that a cell leaves to later ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    /// Whether it may borrow from another or hold a closure, and is certainly still there at the end of the cell.
    pub(super) may_borrow: bool,
}

/// The variables of a cell, those that its own later ones of the same name hide left out.
pub(super) fn variables(code: &Code) -> Vec<Variable> {
    let mut found: Vec<Variable> = Vec::new();
    for (at, stmt) in code.stmts.iter().enumerate() {
        let Stmt::Local(local) = stmt else { continue };
        let Some(init) = &local.init else { continue };
        for name in names(code, stmt) {
            found.retain(|variable| variable.name != name);
            let stays =
                || code.stmts[at + 1..].iter().all(|stmt| leaves_in_place(stmt.to_token_stream(), &name));
            found.push(Variable { may_borrow: may_borrow(&init.expr) && stays(), name });
        }
    }
    found
}

fn names(code: &Code, stmt: &Stmt) -> Vec<String> {
    scope::variables_in(code, stmt).into_iter().map(|(name, _)| name).collect()
}

/// A closure that is kept in a variable as it is, which the kernel refuses.
pub(super) fn closure(code: &Code) -> Option<(&Local, String)> {
    code.stmts.iter().find_map(|stmt| {
        let Stmt::Local(local) = stmt else { return None };
        let Pat::Ident(pat) = &local.pat else { return None };
        matches!(&*local.init.as_ref()?.expr, Expr::Closure(_)).then(|| (local, pat.ident.to_string()))
    })
}

/// Whether an expression may give a value that borrows, or one of a type that holds a closure. What is left out is only
/// what is frequent and certainly neither.
fn may_borrow(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_)
        | Expr::Binary(_)
        | Expr::Macro(_)
        | Expr::Struct(_)
        | Expr::Range(_)
        | Expr::Path(_) => false,
        Expr::Call(call) => call.args.iter().any(|arg| matches!(arg, Expr::Reference(_)) || may_borrow(arg)),
        Expr::Tuple(tuple) => tuple.elems.iter().any(may_borrow),
        Expr::Array(array) => array.elems.iter().any(may_borrow),
        _ => true,
    }
}

/// Whether no value is taken out of a variable by these tokens: it is borrowed, assigned to, indexed, printed.
fn leaves_in_place(tokens: proc_macro2::TokenStream, name: &str) -> bool {
    use proc_macro2::TokenTree;
    if !words::words(tokens.clone()).contains(name) {
        return true;
    }
    let tokens: Vec<_> = tokens.into_iter().collect();
    let punct = |at: Option<usize>| match at.and_then(|at| tokens.get(at)) {
        Some(TokenTree::Punct(punct)) => Some(punct.as_char()),
        _ => None,
    };
    let is_ident = |at: Option<usize>, text: &str| matches!(at.and_then(|at| tokens.get(at)), Some(TokenTree::Ident(ident)) if ident == text);
    tokens.iter().enumerate().all(|(at, token)| match token {
        TokenTree::Ident(ident) if ident == "move" => false,
        TokenTree::Ident(ident) if ident == name => {
            let before = at.checked_sub(1);
            let borrowed = punct(before) == Some('&')
                || is_ident(before, "mut") && punct(at.checked_sub(2)) == Some('&');
            let indexed = matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == proc_macro2::Delimiter::Bracket);
            borrowed || indexed
        }
        TokenTree::Group(group) => {
            let is_printed = punct(at.checked_sub(1)) == Some('!');
            is_printed && prints(at.checked_sub(2).and_then(|at| tokens.get(at))) || leaves_in_place(group.stream(), name)
        }
        _ => true,
    })
}

/// Whether this is the name of a macro that only borrows what it is given.
fn prints(name: Option<&proc_macro2::TokenTree>) -> bool {
    let names: BTreeSet<&str> =
        ["println", "print", "eprintln", "eprint", "format", "write", "writeln", "assert_eq", "assert_ne"]
            .into();
    matches!(name, Some(proc_macro2::TokenTree::Ident(ident)) if names.contains(ident.to_string().as_str()))
}
