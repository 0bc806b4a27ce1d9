//! Which cells are left out for want of a flag: those that carry it, and those that need what these would have made.
//!
//! A cell needs another one when it mentions a variable or an item that the other declares, or a variable that it may
//! change. Where that cannot be told by the text (two names for one value, a glob import), a cell says so itself, by
//! the same flag.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Expr, Item, Stmt};

use crate::notebook::cell::Code;
use crate::notebook::parsed::ParsedCell;
use crate::notebook::scope;

/// What the cells of a notebook that are left out would have made, as far as it has been read.
#[derive(Default)]
pub(super) struct LeftOut {
    /// Variables that are not there, or not as they should be, and the cell that is to blame.
    variables: BTreeMap<String, usize>,
    /// Functions, types, methods, imports and crates that are not there.
    items: BTreeMap<String, usize>,
    /// Variables declared `mut`.
    mutable: BTreeSet<String>,
    /// Crates that cells brought in.
    crates: BTreeSet<String>,
}

impl LeftOut {
    /// Why the next cell is left out, if it is; `flags` are those it has and that are not given.
    pub(super) fn why(&mut self, cell: &ParsedCell<'_>, flags: &[&str]) -> Option<String> {
        let nothing_to_know = flags.is_empty() && self.variables.is_empty() && self.items.is_empty();
        // Most notebooks have no flags, and their cells are parsed by those who need them.
        if nothing_to_know && !may_be_needed_later(cell) {
            return None;
        }
        let number = cell.cell.number;
        let needed = match cell.code() {
            Ok(code) if flags.is_empty() => self.needed_by(code),
            _ => None,
        };
        let why = match needed {
            _ if !flags.is_empty() => format!("flags: {}", flags.join(" ")),
            Some(needed) => format!("it needs cell {needed}, which is skipped"),
            None => {
                if let Ok(code) = cell.code() {
                    self.runs(code);
                }
                return None;
            }
        };
        if let Ok(code) = cell.code() {
            self.is_left_out(code, number);
        }
        Some(why)
    }

    /// A cell that is left out on which this one depends.
    fn needed_by(&self, code: &Code) -> Option<usize> {
        if self.variables.is_empty() && self.items.is_empty() {
            return None;
        }
        let words = identifiers(code.text.parse().unwrap_or_default());
        let item = words.iter().find_map(|word| self.items.get(word));
        let mut mentioned: Vec<String> = scope::free_names(code).into_iter().map(|free| free.name).collect();
        mentioned.extend(Uses::of(code).in_macros);
        let variable = mentioned.iter().find_map(|name| self.variables.get(name));
        item.or(variable).copied()
    }

    fn runs(&mut self, code: &Code) {
        for (name, is_mutable) in variables(code) {
            self.variables.remove(&name);
            if is_mutable {
                self.mutable.insert(name)
            } else {
                self.mutable.remove(&name)
            };
        }
        for name in items(code) {
            self.items.remove(&name);
        }
        for name in crates(code) {
            self.items.remove(&name);
            self.crates.insert(name);
        }
    }

    fn is_left_out(&mut self, code: &Code, number: usize) {
        let free: BTreeSet<String> = scope::free_names(code).into_iter().map(|free| free.name).collect();
        let uses = Uses::of(code);
        let changed = uses.changed.into_iter().filter(|name| free.contains(name)).chain(uses.in_macros);
        let changed: Vec<_> = changed.filter(|name| self.mutable.contains(name)).collect();
        let declared = variables(code).map(|(name, _)| name);
        self.variables.extend(changed.into_iter().chain(declared).map(|name| (name, number)));
        let crates = crates(code).filter(|name| !self.crates.contains(name));
        self.items.extend(items(code).into_iter().chain(crates).map(|name| (name, number)));
    }
}

/// Whether what this cell does may decide later whether another one is left out.
fn may_be_needed_later(cell: &ParsedCell<'_>) -> bool {
    cell.mentions("mut") || cell.mentions(":dep")
}

/// The variables that a cell declares, and whether they are `mut`.
fn variables(code: &Code) -> impl Iterator<Item = (String, bool)> {
    let is_mutable = |name: &str| {
        let words = identifiers(code.text.parse().unwrap_or_default());
        words.windows(2).any(|pair| pair[0] == "mut" && pair[1] == name)
    };
    scope::variables(code).into_iter().map(move |(name, _)| {
        let is_mutable = is_mutable(&name);
        (name, is_mutable)
    })
}

/// The names of a cell's items, of what its `use`s bring in and of its methods.
fn items(code: &Code) -> Vec<String> {
    let mut names: Vec<String> = scope::declared(code).into_iter().map(|item| item.name).collect();
    names.extend(scope::imports(code).into_iter().filter_map(|import| import.name));
    for item in code.items() {
        if let Item::Impl(item) = item
            && item.trait_.is_none()
        {
            names.extend(item.items.iter().filter_map(|item| match item {
                syn::ImplItem::Fn(function) => Some(function.sig.ident.to_string()),
                _ => None,
            }));
        }
    }
    names.retain(|name| !["_", "self", "new", "default"].contains(&name.as_str()));
    names
}

/// The crates that a cell's `:dep` lines bring in.
fn crates(code: &Code) -> impl Iterator<Item = String> {
    let dependency = |(line, _): &(String, _)| {
        let rest = line.strip_prefix(":dep")?.trim_start();
        let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        Some(rest[..end].replace('-', "_"))
    };
    code.commands.iter().filter_map(dependency)
}

/// What a cell does with variables.
#[derive(Default)]
struct Uses {
    /// It may change them: it assigns to them, borrows them mutably or calls a method of theirs.
    changed: Vec<String>,
    /// They stand in a macro that may do anything.
    in_macros: Vec<String>,
}

impl Uses {
    fn of(code: &Code) -> Self {
        let mut uses = Self::default();
        code.stmts
            .iter()
            .filter(|stmt| !matches!(stmt, Stmt::Item(_)))
            .for_each(|stmt| uses.visit_stmt(stmt));
        uses
    }

    /// The variable at the root of a place: `model` in `model.layers[0].w`.
    fn change(&mut self, place: &Expr) {
        match place {
            Expr::Path(path) => self.changed.extend(path.path.get_ident().map(ToString::to_string)),
            Expr::Field(field) => self.change(&field.base),
            Expr::Index(index) => self.change(&index.expr),
            Expr::Paren(paren) => self.change(&paren.expr),
            Expr::Unary(unary) => self.change(&unary.expr),
            Expr::Tuple(tuple) => tuple.elems.iter().for_each(|place| self.change(place)),
            _ => {}
        }
    }
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_expr(&mut self, node: &'ast Expr) {
        match node {
            Expr::Assign(assign) => self.change(&assign.left),
            Expr::Binary(binary) if is_assignment(&binary.op) => self.change(&binary.left),
            Expr::Reference(reference) if reference.mutability.is_some() => self.change(&reference.expr),
            Expr::MethodCall(call) => self.change(&call.receiver),
            _ => {}
        }
        visit::visit_expr(self, node);
    }

    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        match scope::macro_exprs(node) {
            // The expressions live only here, so they get a visitor of their own.
            Some(exprs) => {
                let mut inner = Uses::default();
                for expr in &exprs {
                    inner.visit_expr(expr);
                }
                self.changed.append(&mut inner.changed);
                self.in_macros.append(&mut inner.in_macros);
            }
            None => self.in_macros.extend(identifiers(node.tokens.clone())),
        }
    }
}

fn is_assignment(op: &syn::BinOp) -> bool {
    use syn::BinOp as B;
    matches!(
        op,
        B::AddAssign(_)
            | B::SubAssign(_)
            | B::MulAssign(_)
            | B::DivAssign(_)
            | B::RemAssign(_)
            | B::BitXorAssign(_)
            | B::BitAndAssign(_)
            | B::BitOrAssign(_)
            | B::ShlAssign(_)
            | B::ShrAssign(_)
    )
}

/// All words of a text that are identifiers or keywords, in order.
fn identifiers(tokens: TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => words.extend(identifiers(group.stream())),
            TokenTree::Ident(ident) => words.push(ident.to_string()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    words
}
