//! A cell's items as the kernel keeps them: one of a name, whatever its kind, with the `impl`s that follow it.

use std::collections::BTreeSet;
use std::ops::Range;

use quote::ToTokens as _;
use syn::Item;

use super::words::words;
use crate::notebook::cell::Code;
use crate::notebook::scope;

/// What an item is, as far as a redefinition is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A function, a constant, a static, a module, an alias: it can be written again wherever it is needed.
    Plain,
    /// A struct, an enum or a union: written again it is another one.
    Type,
    /// A trait, of which the same holds.
    Trait,
    /// A macro, whose names are looked up where it is used.
    Macro,
    /// A `use`: of a name, or a glob.
    Import,
    /// An `impl` that follows no named item of its cell: the kernel keeps it for good.
    Impl,
}

/// What the kernel keeps under one name, or an `impl` without one.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The cell, by its place among the code cells.
    pub(super) cell: usize,
    pub(super) name: Option<String>,
    pub(super) kind: Kind,
    /// Its text in the cell, with the `impl`s that follow it; of an import, none.
    pub(super) spans: Vec<Range<usize>>,
    /// The import written out.
    pub(super) import: Option<String>,
    /// The names it mentions.
    pub(super) words: BTreeSet<String>,
    /// Of each of its `impl`s the type and the trait.
    pub(super) implements: Vec<(Option<String>, Option<String>)>,
    pub(super) in_types: bool,
    pub(super) in_values: bool,
    pub(super) has_cfg: bool,
}

pub(super) fn item_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Fn(item) => &item.sig.ident,
        Item::Const(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Mod(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(ident.to_string()).filter(|name| name != "_")
}

/// The items of a cell as the kernel keeps them.
pub(super) fn nodes(cell: usize, code: &Code) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut previous: Option<usize> = None;
    for item in code.items() {
        if let Item::Use(import) = item {
            nodes.extend(imports(cell, import, code));
            continue;
        }
        let span = code.span(item);
        let words = words(item.to_token_stream());
        let implements = match item {
            Item::Impl(item) => vec![implements(item)],
            _ => Vec::new(),
        };
        match item_name(item) {
            Some(name) => {
                let kind = match item {
                    Item::Struct(_) | Item::Enum(_) | Item::Union(_) => Kind::Type,
                    Item::Trait(_) => Kind::Trait,
                    Item::Macro(_) => Kind::Macro,
                    _ => Kind::Plain,
                };
                let in_types =
                    matches!(kind, Kind::Type | Kind::Trait) || matches!(item, Item::Type(_) | Item::Mod(_));
                let in_values = match item {
                    Item::Fn(_) | Item::Const(_) | Item::Static(_) => true,
                    Item::Struct(item) => !matches!(item.fields, syn::Fields::Named(_)),
                    _ => false,
                };
                // The kernel keeps one item of a name in a cell, too: the last.
                nodes.retain(|node| node.name.as_ref() != Some(&name));
                previous = Some(nodes.len());
                let has_cfg = attributes(item).iter().any(|it| it.path().is_ident("cfg"));
                nodes.push(Node {
                    cell,
                    name: Some(name),
                    kind,
                    spans: vec![span],
                    import: None,
                    words,
                    implements,
                    in_types,
                    in_values,
                    has_cfg,
                });
            }
            // The kernel keeps it with the named item before it in the cell.
            None => match previous.and_then(|at| nodes.get_mut(at)) {
                Some(node) => {
                    node.spans.push(span);
                    node.words.extend(words);
                    node.implements.extend(implements);
                }
                None => nodes.push(Node {
                    cell,
                    name: None,
                    kind: Kind::Impl,
                    spans: vec![span],
                    import: None,
                    words,
                    implements,
                    in_types: false,
                    in_values: false,
                    has_cfg: false,
                }),
            },
        }
    }
    nodes
}

/// The items of a cell that a later one of it takes the place of: the kernel keeps the last of a name.
pub(super) fn replaced(code: &Code) -> Vec<Range<usize>> {
    let mut seen = BTreeSet::new();
    if code.items().filter_map(item_name).all(|name| seen.insert(name)) {
        return Vec::new();
    }
    let kept: Vec<_> = nodes(0, code).into_iter().flat_map(|node| node.spans).collect();
    let items = code.items().filter(|item| !matches!(item, Item::Use(_))).map(|item| code.span(item));
    items.filter(|span| !kept.contains(span)).collect()
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        _ => &[],
    }
}

fn imports(cell: usize, import: &syn::ItemUse, code: &Code) -> Vec<Node> {
    if import.leading_colon.is_some() {
        return Vec::new();
    }
    let found = scope::imports_in(code, import).into_iter();
    found
        .map(|import| {
            let first = import.path.split("::").next().unwrap_or_default().to_owned();
            let text = match &import.name {
                Some(name) => format!("use {} as {name};", import.path),
                None => format!("use {}::*;", import.path),
            };
            Node {
                cell,
                name: import.name,
                kind: Kind::Import,
                spans: Vec::new(),
                import: Some(text),
                words: BTreeSet::from([first]),
                implements: Vec::new(),
                in_types: true,
                in_values: true,
                has_cfg: false,
            }
        })
        .collect()
}

/// The type and the trait of an `impl`: the last segments of their paths.
pub(super) fn implements(item: &syn::ItemImpl) -> (Option<String>, Option<String>) {
    let last = |path: &syn::Path| path.segments.last().map(|segment| segment.ident.to_string());
    let of_type = |elem: &syn::Type| match elem {
        syn::Type::Path(path) => last(&path.path),
        _ => None,
    };
    let own = match &*item.self_ty {
        syn::Type::Reference(reference) => of_type(&reference.elem),
        other => of_type(other),
    };
    (own, item.trait_.as_ref().and_then(|of| last(&of.0)))
}
