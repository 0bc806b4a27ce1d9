//! What stands in calls of macros: expressions and format strings in those of the standard library, and names that any other
//! may define.

use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::{Expr, Stmt, Token};

use crate::notebook::cell::{self, Code};

/// What a `println!` (or one of its kind) has for its last argument.
pub(crate) fn last_printed(node: &syn::Macro) -> Option<Expr> {
    let name = node.path.segments.last()?.ident.to_string();
    let prints = name == "dbg" || name.trim_start_matches('e').starts_with("print");
    macro_exprs(node).filter(|_| prints)?.pop()
}

/// Whether this is one of the standard library's macros that do something and give nothing.
pub(crate) fn is_of_std_and_unit(node: &syn::Macro) -> bool {
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
pub(super) fn format_string(node: &syn::Macro) -> Option<usize> {
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
pub(crate) fn names_in_macros(code: &Code) -> Option<Vec<String>> {
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
pub(super) fn is_of_std(node: &syn::Macro) -> bool {
    node.path.segments.last().is_some_and(|segment| cell::is_statement_macro(&segment.ident))
}

pub(super) fn identifiers(tokens: TokenStream, into: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => identifiers(group.stream(), into),
            TokenTree::Ident(ident) => into.push(ident.to_string()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// The name of a format macro's `name = value` argument.
pub(super) fn argument_name(expr: &Expr) -> Option<String> {
    let Expr::Assign(assign) = expr else { return None };
    let Expr::Path(path) = &*assign.left else {
        return None;
    };
    path.path.get_ident().map(ToString::to_string)
}

/// The names that a format string takes from its surroundings: `{x}`, `{x:?}`, `{:width$}`.
pub(super) fn format_captures(text: &str) -> Vec<String> {
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
