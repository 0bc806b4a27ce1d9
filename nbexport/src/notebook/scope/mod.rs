//! Which names a cell declares, and which it takes from elsewhere.

mod control;
mod free;
mod macros;

use std::ops::Range;

use syn::visit::{self, Visit};
use syn::{Expr, Item, Stmt};

pub(crate) use self::control::{leaves, uses_question_mark_and_await};
pub(crate) use self::free::{FreeName, free_names};
pub(crate) use self::macros::{is_of_std_and_unit, last_printed, macro_exprs, names_in_macros};
use crate::notebook::cell::Code;

/// What an item is called, and in which of Rust's namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
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
pub(crate) fn variables(code: &Code) -> Vec<(String, Range<usize>)> {
    code.stmts.iter().flat_map(|stmt| variables_in(code, stmt)).collect()
}

/// The variables that a statement declares.
pub(crate) fn variables_in(code: &Code, stmt: &Stmt) -> Vec<(String, Range<usize>)> {
    let Stmt::Local(local) = stmt else { return Vec::new() };
    let mut names = Bound::default();
    names.visit_pat(&local.pat);
    names.0.into_iter().map(|ident| (ident.to_string(), code.span(&ident))).collect()
}

/// The items that a cell declares, `use` left out.
pub(crate) fn declared(code: &Code) -> Vec<Declared> {
    code.items().filter_map(|item| declared_by(code, item)).collect()
}

/// Those of them that other crates do not see, macros left out.
pub(crate) fn private(code: &Code) -> Vec<Declared> {
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
pub(crate) struct Import {
    /// The path as written, segments joined by `::`.
    pub path: String,
    /// The name it gets; `None` for a glob.
    pub name: Option<String>,
    /// Where the last segment stands in the cell's text.
    pub span: Range<usize>,
}

/// The imports at the top level of a cell.
pub(crate) fn imports(code: &Code) -> Vec<Import> {
    let mut found = Vec::new();
    for item in code.items() {
        if let Item::Use(item) = item {
            found.extend(imports_in(code, item));
        }
    }
    found
}

/// The imports of one `use`.
pub(crate) fn imports_in(code: &Code, item: &syn::ItemUse) -> Vec<Import> {
    let mut found = Vec::new();
    imports_of(code, &item.tree, "", &mut found);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::Source;

    pub(super) fn parse(text: &str) -> Code {
        Code::parse(&Arc::new(Source { name: "x:cell 1".into(), cell_id: None, text: text.into() })).unwrap()
    }
}
