//! What the kernel asks of variables at the end of their cell, as lines of the program.
//!
//! The kernel keeps a variable from cell to cell, so it must know its type by the end of the cell and the variable must
//! not borrow from another. A program would take a later cell's word for the type, and lets variables borrow.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Expr, Item, Local, Pat, ReturnType, Stmt, Type};

use super::items::item_name;
use super::moves::{Moved, leaves_in_place, moves, prints};
use crate::notebook::cell::Code;
use crate::notebook::scope;

/// A variable that a cell leaves to later ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    /// The place of its `let` among the statements.
    pub(super) at: usize,
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
    /// The variable may have been moved by then, so its type is asked right behind its `let`. If that borrows, the variable
    /// is asked in the next round, and the compiler says whether it was moved.
    Type(Moved),
    /// It was moved. Its type is asked no more than whether the kernel could write it, which it does all the same.
    Written,
}

/// What a round has told of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Its type borrows.
    Borrows,
    /// It is moved before the end of its cell.
    Moved,
}

/// What the rounds have told of variables, by their cells' numbers and their names.
pub(super) type Answers = BTreeMap<(usize, String), Answer>;

impl Variable {
    /// How the next round asks.
    fn after(mut self, answer: Option<Answer>) -> Self {
        self.ask = match answer {
            None => self.ask,
            Some(Answer::Borrows) => Ask::Variable,
            Some(Answer::Moved) => Ask::Written,
        };
        self
    }
}

/// The variables of a cell, those that its own later ones of the same name hide left out.
pub(super) fn variables(
    number: usize,
    code: &Code,
    functions: &Functions,
    answers: &Answers,
) -> Vec<Variable> {
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
                () => {
                    let how = code.stmts[at + 1..].iter().map(|stmt| moves(stmt.to_token_stream(), &name));
                    Ask::Type(how.min().unwrap_or(Moved::Perhaps))
                }
            };
            found.push(Variable { name, at, is_known, ask });
        }
    }
    let after = |variable: Variable| {
        let answer = answers.get(&(number, variable.name.clone()));
        variable.after(answer.copied())
    };
    found.into_iter().map(after).collect()
}

fn names(code: &Code, stmt: &Stmt) -> Vec<String> {
    scope::variables_in(code, stmt).into_iter().map(|(name, _)| name).collect()
}

/// Whether a later `let` of the cell declares the name of one (by place) again: the kernel keeps the last.
fn is_hidden(code: &Code, at: usize, name: &str) -> bool {
    let later = code.stmts[at + 1..].iter().filter(|stmt| matches!(stmt, Stmt::Local(_)));
    later.into_iter().any(|stmt| names(code, stmt).iter().any(|it| it == name))
}

/// A variable that is a closure as it is, which the kernel refuses even if it was moved.
pub(super) fn closure(code: &Code) -> Option<(&Local, String)> {
    code.stmts.iter().enumerate().find_map(|(at, stmt)| {
        let Stmt::Local(local) = stmt else { return None };
        let Pat::Ident(pat) = &local.pat else { return None };
        let name = pat.ident.to_string();
        let is_closure = matches!(&*local.init.as_ref()?.expr, Expr::Closure(_));
        (is_closure && !is_hidden(code, at, &name)).then_some((local, name))
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

/// A variable that is what such a function returned.
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
        let hides = path.path.get_ident().is_some_and(|function| all.contains(&function.to_string()));
        (hides && !is_hidden(code, at, &name)).then_some((local, name))
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
