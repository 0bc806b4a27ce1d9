//! Which names a cell declares, and which it takes from elsewhere.
//!
//! [`free_names`] lists only what is certainly free: a name is left out as soon as the cell might bind it itself. A
//! name that is wrongly listed would block an export; one that is wrongly left out is still caught by rustc.

use std::collections::HashSet;
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Item, Pat, Stmt, Token};

use crate::notebook::cell::{self, Code};

/// A name used where nothing in the cell binds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeName {
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

/// What an item is called, and in which of Rust's namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The name.
    pub name: String,
    /// Types and modules.
    pub in_types: bool,
    /// Functions, constants, statics, tuple and unit structs.
    pub in_values: bool,
    /// Macros.
    pub in_macros: bool,
    /// Where the name stands in the cell's text.
    pub span: Range<usize>,
}

/// The variables that a cell declares at its top level, with where.
pub fn variables(code: &Code) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    for stmt in &code.stmts {
        if let Stmt::Local(local) = stmt {
            let mut names = Bound::default();
            names.visit_pat(&local.pat);
            found.extend(names.0.into_iter().map(|ident| (ident.to_string(), code.span(&ident))));
        }
    }
    found
}

/// The items that a cell declares, `use` left out.
pub fn declared(code: &Code) -> Vec<Declared> {
    code.items().filter_map(|item| declared_by(code, item)).collect()
}

/// Those of them that other crates do not see, macros left out.
pub fn private(code: &Code) -> Vec<Declared> {
    let private = code.items().filter(|item| !is_public(item));
    private.filter_map(|item| declared_by(code, item)).filter(|item| !item.in_macros).collect()
}

/// Whether other crates see an item.
pub(crate) fn is_public(item: &syn::Item) -> bool {
    use syn::Item;
    let visibility = match item {
        Item::Const(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Fn(item) => &item.vis,
        Item::Mod(item) => &item.vis,
        Item::Static(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::Type(item) => &item.vis,
        Item::Union(item) => &item.vis,
        Item::Use(item) => &item.vis,
        Item::Macro(item) => {
            return item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"));
        }
        _ => return false,
    };
    matches!(visibility, syn::Visibility::Public(_))
}

fn declared_by(code: &Code, item: &Item) -> Option<Declared> {
    let (ident, in_types, in_values, in_macros) = match item {
        Item::Fn(item) => (&item.sig.ident, false, true, false),
        Item::Const(item) => (&item.ident, false, true, false),
        Item::Static(item) => (&item.ident, false, true, false),
        Item::Struct(item) => (&item.ident, true, !matches!(item.fields, syn::Fields::Named(_)), false),
        Item::Enum(item) => (&item.ident, true, false, false),
        Item::Union(item) => (&item.ident, true, false, false),
        Item::Trait(item) => (&item.ident, true, false, false),
        Item::TraitAlias(item) => (&item.ident, true, false, false),
        Item::Type(item) => (&item.ident, true, false, false),
        Item::Mod(item) => (&item.ident, true, false, false),
        Item::Macro(item) => (item.ident.as_ref()?, false, false, true),
        _ => return None,
    };
    let name = ident.to_string();
    // `const _: () = …;` may stand any number of times.
    (name != "_").then(|| Declared { name, in_types, in_values, in_macros, span: code.span(ident) })
}

/// What one `use` brings in: the whole path and the name it gets, or a glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The path as written, segments joined by `::`.
    pub path: String,
    /// The name it gets; `None` for a glob.
    pub name: Option<String>,
    /// Where the last segment stands in the cell's text.
    pub span: Range<usize>,
}

/// The imports at the top level of a cell.
pub fn imports(code: &Code) -> Vec<Import> {
    let mut found = Vec::new();
    for item in code.items() {
        if let Item::Use(item) = item {
            imports_of(code, &item.tree, "", &mut found);
        }
    }
    found
}

fn imports_of(code: &Code, tree: &syn::UseTree, prefix: &str, found: &mut Vec<Import>) {
    let join = |segment: &syn::Ident| {
        if prefix.is_empty() { segment.to_string() } else { format!("{prefix}::{segment}") }
    };
    match tree {
        syn::UseTree::Path(path) => imports_of(code, &path.tree, &join(&path.ident), found),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                imports_of(code, tree, prefix, found);
            }
        }
        syn::UseTree::Glob(glob) => {
            found.push(Import { path: prefix.to_owned(), name: None, span: code.span(glob) });
        }
        syn::UseTree::Name(name) => {
            let is_self = name.ident == "self";
            let last = if is_self {
                prefix.rsplit("::").next().unwrap_or(prefix).to_owned()
            } else {
                name.ident.to_string()
            };
            let path = if is_self { prefix.to_owned() } else { join(&name.ident) };
            found.push(Import { path, name: Some(last), span: code.span(&name.ident) });
        }
        syn::UseTree::Rename(rename) => {
            if rename.rename != "_" {
                let name = Some(rename.rename.to_string());
                found.push(Import { path: join(&rename.ident), name, span: code.span(&rename.rename) });
            }
        }
    }
}

/// The names that the cell certainly takes from elsewhere, each once, in order of first use.
pub fn free_names(code: &Code) -> Vec<FreeName> {
    let mut finder = Finder { code, scopes: vec![HashSet::new()], found: Vec::new(), as_value: false };
    finder.statements(&code.stmts);
    finder.found
}

/// Whether the cell uses `?` (or `.await`) at its own level, outside functions and closures.
pub fn uses_question_mark_and_await(code: &Code) -> (bool, bool) {
    uses(&code.stmts)
}

/// Whether a statement uses `?` or `.await` at its own level: it may leave the function that it stands in.
pub fn leaves(stmt: &Stmt) -> bool {
    let (question_mark, awaits) = uses(std::slice::from_ref(stmt));
    question_mark || awaits
}

fn uses(stmts: &[Stmt]) -> (bool, bool) {
    #[derive(Default)]
    struct Uses(bool, bool);
    impl<'ast> Visit<'ast> for Uses {
        fn visit_expr_try(&mut self, node: &'ast syn::ExprTry) {
            self.0 = true;
            visit::visit_expr_try(self, node);
        }
        fn visit_expr_await(&mut self, node: &'ast syn::ExprAwait) {
            self.1 = true;
            visit::visit_expr_await(self, node);
        }
        fn visit_macro(&mut self, node: &'ast syn::Macro) {
            for expr in macro_exprs(node).unwrap_or_default() {
                // The expressions live only here, so they get a visitor of their own.
                let mut inner = Uses::default();
                inner.visit_expr(&expr);
                self.0 |= inner.0;
                self.1 |= inner.1;
            }
        }
        fn visit_item(&mut self, _: &'ast Item) {}
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}
    }
    let mut uses = Uses::default();
    for stmt in stmts {
        uses.visit_stmt(stmt);
    }
    (uses.0, uses.1)
}

/// The identifiers that a pattern binds.
#[derive(Default)]
struct Bound(Vec<syn::Ident>);

impl<'ast> Visit<'ast> for Bound {
    fn visit_pat_ident(&mut self, node: &'ast syn::PatIdent) {
        self.0.push(node.ident.clone());
        visit::visit_pat_ident(self, node);
    }
    fn visit_expr(&mut self, _: &'ast Expr) {}
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

/// What a `println!` (or one of its kind) has for its last argument.
pub fn last_printed(node: &syn::Macro) -> Option<Expr> {
    let name = node.path.segments.last()?.ident.to_string();
    let prints = name == "dbg" || name.trim_start_matches('e').starts_with("print");
    macro_exprs(node).filter(|_| prints)?.pop()
}

/// Whether this is one of the standard library's macros that do something and give nothing.
pub fn is_of_std_and_unit(node: &syn::Macro) -> bool {
    let gives = ["dbg", "format", "matches", "vec", "write", "writeln"];
    is_of_std(node) && node.path.segments.last().is_some_and(|it| gives.iter().all(|name| it.ident != name))
}

/// The arguments of the standard library's macros that take expressions; `None` for any other macro.
pub(crate) fn macro_exprs(node: &syn::Macro) -> Option<Vec<Expr>> {
    const TAKE_EXPRESSIONS: &[&str] = &[
        "assert",
        "assert_eq",
        "assert_ne",
        "debug_assert",
        "debug_assert_eq",
        "debug_assert_ne",
        "println",
        "print",
        "eprintln",
        "eprint",
        "format",
        "panic",
        "dbg",
        "vec",
        "write",
        "writeln",
        "todo",
        "unreachable",
    ];
    let name = node.path.segments.last()?.ident.to_string();
    if !TAKE_EXPRESSIONS.contains(&name.as_str()) {
        return None;
    }
    node.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated)
        .ok()
        .map(|exprs| exprs.into_iter().collect())
}

/// Which argument of one of these macros is a format string: `assert_eq!("{x}", y)` has none and captures nothing.
fn format_string(node: &syn::Macro) -> Option<usize> {
    let name = node.path.segments.last()?.ident.to_string();
    match name.trim_start_matches("debug_") {
        "dbg" | "vec" => None,
        "assert_eq" | "assert_ne" => Some(2),
        "assert" | "write" | "writeln" => Some(1),
        _ => Some(0),
    }
}

/// The names in the calls of a cell's own macros (`make!(Point);`), any of which such a call may define; `None` when
/// there is no such call. It may define others, too.
pub fn names_in_macros(code: &Code) -> Option<Vec<String>> {
    let mut names = None;
    for stmt in &code.stmts {
        if let Stmt::Macro(stmt) = stmt
            && !is_of_std(&stmt.mac)
        {
            identifiers(stmt.mac.tokens.clone(), names.get_or_insert_default());
        }
    }
    names
}

/// Whether this is one of the standard library's macros that define nothing.
fn is_of_std(node: &syn::Macro) -> bool {
    node.path.segments.last().is_some_and(|segment| cell::is_statement_macro(&segment.ident))
}

fn identifiers(tokens: TokenStream, into: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => identifiers(group.stream(), into),
            TokenTree::Ident(ident) => into.push(ident.to_string()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// The name of a format macro's `name = value` argument.
fn argument_name(expr: &Expr) -> Option<String> {
    let Expr::Assign(assign) = expr else { return None };
    let Expr::Path(path) = &*assign.left else {
        return None;
    };
    path.path.get_ident().map(ToString::to_string)
}

/// The names that a format string takes from its surroundings: `{x}`, `{x:?}`, `{:width$}`.
fn format_captures(text: &str) -> Vec<String> {
    let identifier = |name: &str| syn::parse_str::<syn::Ident>(name).is_ok().then(|| name.to_owned());
    let mut found = Vec::new();
    let unescaped = text.replace("{{", "").replace("}}", "");
    for piece in unescaped.split('{').skip(1) {
        let Some((inside, _)) = piece.split_once('}') else {
            continue;
        };
        let (name, spec) = inside.split_once(':').unwrap_or((inside, ""));
        found.extend(identifier(name.trim()));
        for part in spec.split_inclusive('$').filter_map(|part| part.strip_suffix('$')) {
            let start = part.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
            found.extend(identifier(part[start..].trim_start_matches(|c: char| c.is_numeric())));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::Source;

    fn parse(text: &str) -> Code {
        Code::parse(&Arc::new(Source { name: "x:cell 1".into(), cell_id: None, text: text.into() })).unwrap()
    }

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

    #[test]
    fn question_marks_of_closures_are_their_own() {
        assert_eq!(
            uses_question_mark_and_await(&parse("let f = || -> Option<u8> { Some(o?) };")),
            (false, false)
        );
        assert_eq!(uses_question_mark_and_await(&parse("assert_eq!(f()?, 1);")), (true, false));
        assert_eq!(uses_question_mark_and_await(&parse("get().await;")), (false, true));
    }
}
