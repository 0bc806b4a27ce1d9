//! The names that a cell takes from elsewhere.
//!
//! Only what is certainly free is listed: a name is left out as soon as the cell might bind it itself. A name that is
//! wrongly listed would block an export; one that is wrongly left out is still caught by rustc.

use std::collections::HashSet;
use std::ops::Range;

use syn::visit::{self, Visit};
use syn::{Expr, Item, Pat, Stmt};

use super::macros::{argument_name, format_captures, format_string, identifiers, is_of_std, macro_exprs};
use super::{Bound, declared_by, imports_of};
use crate::notebook::cell::Code;

/// A name used where nothing in the cell binds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FreeName {
    /// The name.
    pub name: String,
    /// Where it is used first, in the cell's text.
    pub span: Range<usize>,
    /// Whether it can only be a value: the receiver of a method, an operand, a `{capture}` of a format string.
    ///
    /// A function that a glob import brings in is called or passed on; it is never used like this.
    pub is_value: bool,
    /// Whether it is a path's first segment (`Foo::new`), which no variable can be.
    pub is_prefix: bool,
}

/// The names that the cell certainly takes from elsewhere, each once, in order of first use.
pub(crate) fn free_names(code: &Code) -> Vec<FreeName> {
    let mut finder = Finder { code, scopes: vec![HashSet::new()], found: Vec::new(), as_value: false };
    finder.statements(&code.stmts);
    finder.found
}

struct Finder<'a> {
    code: &'a Code,
    scopes: Vec<HashSet<String>>,
    found: Vec<FreeName>,
    /// Whether the expression visited next stands where only a value can.
    as_value: bool,
}

impl Finder<'_> {
    fn bind(&mut self, name: impl Into<String>) {
        self.scopes.last_mut().expect("there is always a scope").insert(name.into());
    }

    fn bind_pat(&mut self, pat: &Pat) {
        let mut bound = Bound::default();
        bound.visit_pat(pat);
        for ident in bound.0 {
            self.bind(ident.to_string());
        }
    }

    fn is_bound(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.contains(name))
    }

    fn note(&mut self, name: String, span: Range<usize>, is_value: bool, is_prefix: bool) {
        if self.is_bound(&name) {
            return;
        }
        match self.found.iter_mut().find(|free| free.name == name && free.is_prefix == is_prefix) {
            Some(free) => free.is_value |= is_value,
            None => self.found.push(FreeName { name, span, is_value, is_prefix }),
        }
    }

    fn scoped(&mut self, visit: impl FnOnce(&mut Self)) {
        self.scopes.push(HashSet::new());
        visit(self);
        self.scopes.pop();
    }

    fn value(&mut self, expr: &Expr) {
        self.as_value = true;
        self.visit_expr(expr);
        self.as_value = false;
    }

    /// Items are visible in the whole block; variables from their `let` on.
    fn statements(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            if let Stmt::Item(item) = stmt {
                self.bind_item(item);
            }
        }
        for stmt in stmts {
            self.visit_stmt(stmt);
        }
    }

    fn bind_item(&mut self, item: &Item) {
        if let Item::Use(item) = item {
            let mut found = Vec::new();
            imports_of(self.code, &item.tree, "", &mut found);
            for import in found {
                if let Some(name) = import.name {
                    self.bind(name);
                }
            }
        } else if let Some(declared) = declared_by(self.code, item) {
            self.bind(declared.name);
        }
    }

    fn captures(&mut self, literal: &syn::LitStr, named: &[String]) {
        let span = self.code.span(literal);
        for name in format_captures(&literal.value()) {
            if !named.contains(&name) {
                self.note(name, span.clone(), true, false);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_block(&mut self, node: &'ast syn::Block) {
        self.scoped(|finder| finder.statements(&node.stmts));
    }

    fn visit_local(&mut self, node: &'ast syn::Local) {
        if let Some(init) = &node.init {
            self.visit_expr(&init.expr);
            if let Some((_, diverge)) = &init.diverge {
                self.visit_expr(diverge);
            }
        }
        self.bind_pat(&node.pat);
    }

    fn visit_expr(&mut self, node: &'ast Expr) {
        let as_value = std::mem::take(&mut self.as_value);
        match node {
            Expr::Path(path) if path.qself.is_none() => {
                let Some(first) = path.path.segments.first() else {
                    return;
                };
                let single = path.path.segments.len() == 1 && path.path.leading_colon.is_none();
                if single && first.arguments.is_none() {
                    self.note(first.ident.to_string(), self.code.span(&first.ident), as_value, false);
                } else if path.path.leading_colon.is_none() {
                    self.note(first.ident.to_string(), self.code.span(&first.ident), false, true);
                }
            }
            Expr::Closure(closure) => self.scoped(|finder| {
                for input in &closure.inputs {
                    finder.bind_pat(input);
                }
                finder.visit_expr(&closure.body);
            }),
            Expr::ForLoop(node) => {
                self.visit_expr(&node.expr);
                self.scoped(|finder| {
                    finder.bind_pat(&node.pat);
                    finder.visit_block(&node.body);
                });
            }
            // The bindings of `if let` reach over the condition's rest and the first branch.
            Expr::If(node) => {
                self.scoped(|finder| {
                    finder.visit_expr(&node.cond);
                    finder.visit_block(&node.then_branch);
                });
                if let Some((_, branch)) = &node.else_branch {
                    self.visit_expr(branch);
                }
            }
            Expr::While(node) => self.scoped(|finder| {
                finder.visit_expr(&node.cond);
                finder.visit_block(&node.body);
            }),
            Expr::Let(node) => {
                self.visit_expr(&node.expr);
                self.bind_pat(&node.pat);
            }
            Expr::MethodCall(call) => {
                self.value(&call.receiver);
                call.args.iter().for_each(|arg| self.visit_expr(arg));
            }
            Expr::Field(field) => self.value(&field.base),
            Expr::Index(index) => {
                self.value(&index.expr);
                self.visit_expr(&index.index);
            }
            Expr::Binary(binary) => {
                self.value(&binary.left);
                self.value(&binary.right);
            }
            Expr::Unary(unary) => self.value(&unary.expr),
            Expr::Reference(reference) => self.value(&reference.expr),
            _ => visit::visit_expr(self, node),
        }
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        self.scoped(|finder| {
            finder.bind_pat(&node.pat);
            if let Pat::Guard(guarded) = &node.pat {
                finder.visit_expr(&guarded.guard);
            }
            finder.visit_expr(&node.body);
        });
    }

    // A pattern binds names; the constants it may compare with are left to rustc.
    fn visit_pat(&mut self, _: &'ast Pat) {}

    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        let Some(exprs) = macro_exprs(node) else { return };
        let named: Vec<String> = exprs.iter().filter_map(argument_name).collect();
        let format_string = format_string(node);
        for (index, expr) in exprs.iter().enumerate() {
            match expr {
                Expr::Assign(assign) if argument_name(expr).is_some() => self.value(&assign.right),
                Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(literal), .. })
                    if format_string == Some(index) =>
                {
                    self.captures(literal, &named);
                }
                _ => self.value(expr),
            }
        }
    }

    // A macro of one's own may bind whatever it is given: `bind!(x, 5);`.
    fn visit_stmt_macro(&mut self, node: &'ast syn::StmtMacro) {
        self.visit_macro(&node.mac);
        if !is_of_std(&node.mac) {
            let mut names = Vec::new();
            identifiers(node.mac.tokens.clone(), &mut names);
            for name in names {
                self.bind(name);
            }
        }
    }

    // A function sees items only, and what its own generics and impls add is not worth following here.
    fn visit_item(&mut self, _: &'ast Item) {}

    fn visit_type(&mut self, _: &'ast syn::Type) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::scope::tests::parse;

    fn free(text: &str) -> Vec<String> {
        free_names(&parse(text)).into_iter().filter(|free| !free.is_prefix).map(|free| free.name).collect()
    }

    #[test]
    fn what_a_cell_binds_is_not_free() {
        assert_eq!(free("let a = b; a + c"), ["b", "c"]);
        assert_eq!(free("let f = |x| x + y; f(1)"), ["y"]);
        assert_eq!(free("for (i, v) in rows.iter().enumerate() { i + v; } i"), ["rows", "i"]);
        assert_eq!(free("if let Some(x) = o && x > 1 { x } else { z }"), ["o", "z"]);
        assert_eq!(free("match e { Some(n) if n > m => n, _ => 0 }"), ["e", "m"]);
        assert_eq!(free("use a::{b as c, d}; fn g() {} const K: u8 = 1; c(d, g, K)"), Vec::<String>::new());
        assert_eq!(free("{ let t = 1; t }; t"), ["t"]);
        assert_eq!(free("let Some(x) = o else { panic!() }; x"), ["o"]);
    }

    #[test]
    fn arguments_of_macros_and_captures_count() {
        assert_eq!(
            free(r#"assert_eq!(a.len(), 3, "{b} {c:?} {0:>w$.p$} {{no}} {d}", e, d = 1);"#),
            ["a", "b", "c", "w", "p", "e"]
        );
        assert_eq!(free("custom!(a, b)"), Vec::<String>::new());
    }

    #[test]
    fn a_called_name_may_be_a_function_and_an_operand_is_a_value() {
        let names = free_names(&parse("f(g); x.sum(); y + 1; &z; v[0]; T::new()"));
        let values: Vec<_> =
            names.iter().filter(|free| free.is_value).map(|free| free.name.as_str()).collect();
        assert_eq!(values, ["x", "y", "z", "v"]);
        assert!(names.iter().any(|free| free.name == "T" && free.is_prefix));
    }
}
