//! What a later cell does to earlier ones in a program, though not in the kernel.
//!
//! An `impl` holds in the whole program, wherever it stands. So a cell that calls a method which a later cell implements
//! would compile, and a value would be dropped by a `Drop` that comes later. Where a cell implements something for a
//! type or a trait of an earlier cell, and a cell in between may make use of it, the cells before it are compiled once
//! more by themselves. What changes without an error needs the kernel.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{ImplItem, Item, ItemImpl, Stmt, TraitItem};

use super::redefine::NeedsKernel;
use super::{items, words};
use crate::notebook::cell::Code;
use crate::notebook::parsed::ParsedNotebook;

/// What there is to do about the `impl`s of a notebook.
#[derive(Debug, Default)]
pub(super) struct Later {
    /// The cells, by place among the code cells, before which the program is to be compiled by itself.
    pub(super) cut_before: BTreeSet<usize>,
    /// What a program cannot mean as the kernel does.
    pub(super) needs_kernel: Option<NeedsKernel>,
}

/// Looks at these cells, by place among the code cells.
pub(super) fn look(parsed: &ParsedNotebook<'_>, cells: &[usize]) -> Later {
    let mut later = Later::default();
    let codes: Vec<(usize, &Code)> =
        cells.iter().filter_map(|index| Some((*index, parsed.cells[*index].code().as_ref().ok()?))).collect();
    // Where each type and trait was defined last, and the methods of traits.
    let mut defined: BTreeMap<String, usize> = BTreeMap::new();
    let mut methods_of_traits: BTreeSet<String> = BTreeSet::new();
    for (place, (index, code)) in codes.iter().enumerate() {
        for item in code.items() {
            match item {
                Item::Struct(item) => defined.insert(item.ident.to_string(), place),
                Item::Enum(item) => defined.insert(item.ident.to_string(), place),
                Item::Union(item) => defined.insert(item.ident.to_string(), place),
                Item::Trait(item) => {
                    let methods = item.items.iter().filter_map(|item| match item {
                        TraitItem::Fn(method) => Some(method.sig.ident.to_string()),
                        _ => None,
                    });
                    methods_of_traits.extend(methods);
                    defined.insert(item.ident.to_string(), place)
                }
                _ => None,
            };
        }
        for implementation in code.items().filter_map(|item| match item {
            Item::Impl(item) => Some(item),
            _ => None,
        }) {
            let Some(since) = since(implementation, &defined).filter(|since| *since < place) else {
                continue;
            };
            let between = &codes[since..place];
            match effect(implementation, between, &methods_of_traits) {
                Effect::None => {}
                Effect::Compiles => {
                    later.cut_before.insert(*index);
                }
                Effect::Changes(earlier, name, why) => {
                    later.needs_kernel.get_or_insert(NeedsKernel {
                        cell: *index,
                        name,
                        other: Some((earlier, "and this cell comes before it")),
                        why,
                    });
                }
            }
        }
    }
    later
}

/// The cell that both the type and the trait of an `impl` are there from.
fn since(implementation: &ItemImpl, defined: &BTreeMap<String, usize>) -> Option<usize> {
    let names = items::implements(implementation);
    [names.0, names.1].into_iter().flatten().filter_map(|name| defined.get(&name).copied()).max()
}

enum Effect {
    /// No cell in between can make use of it.
    None,
    /// A cell in between may compile because of it.
    Compiles,
    /// A cell in between may do something else because of it: that cell, the name in question, and why.
    Changes(usize, String, String),
}

fn effect(
    implementation: &ItemImpl,
    between: &[(usize, &Code)],
    methods_of_traits: &BTreeSet<String>,
) -> Effect {
    let (own, of) = items::implements(implementation);
    let methods: BTreeSet<String> = implementation
        .items
        .iter()
        .filter_map(|item| match item {
            ImplItem::Fn(method) => Some(method.sig.ident.to_string()),
            ImplItem::Const(item) => Some(item.ident.to_string()),
            _ => None,
        })
        .collect();
    let own = own.unwrap_or_default();
    if of.as_deref() == Some("Drop") {
        let uses = |code: &&(usize, &Code)| {
            code.1.stmts.iter().any(|stmt| !matches!(stmt, Stmt::Item(_)) || mentions(stmt, &own))
                && code.1.stmts.iter().any(|stmt| !matches!(stmt, Stmt::Item(_)))
        };
        return between.iter().find(uses).map_or(Effect::None, |(cell, _)| {
            Effect::Changes(
                *cell,
                own.clone(),
                "natively, values of earlier cells would be dropped by this, too".to_owned(),
            )
        });
    }
    if of.is_none()
        && let Some(name) = methods.iter().find(|name| methods_of_traits.contains(*name))
        && let Some((cell, _)) =
            between.iter().find(|(_, code)| code.stmts.iter().any(|stmt| selects(stmt, name)))
    {
        let why = format!("natively, `{name}` of earlier cells would be this one, and not the trait's");
        return Effect::Changes(*cell, name.clone(), why);
    }
    let may_use = |code: &Code| {
        code.stmts.iter().any(|stmt| {
            // Operators, formats and conversions go by other names than the trait's own.
            let by_name = methods.iter().any(|name| selects(stmt, name));
            by_name || of.is_some() && !matches!(stmt, Stmt::Item(_))
        })
    };
    if between.iter().any(|(_, code)| may_use(code)) { Effect::Compiles } else { Effect::None }
}

fn mentions(stmt: &Stmt, name: &str) -> bool {
    words::words(stmt.to_token_stream()).contains(name)
}

/// Whether a method, or an associated function, of this name is selected.
fn selects(stmt: &Stmt, name: &str) -> bool {
    fn within(tokens: TokenStream, name: &str) -> bool {
        let tokens: Vec<_> = tokens.into_iter().collect();
        tokens.iter().enumerate().any(|(at, token)| match token {
            TokenTree::Ident(ident) if ident == name => {
                matches!(at.checked_sub(1).map(|at| &tokens[at]), Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '.' | ':'))
            }
            TokenTree::Group(group) => within(group.stream(), name),
            _ => false,
        })
    }
    within(stmt.to_token_stream(), name)
}

/// A static that keeps what cells do to it: in the kernel each cell has a new one.
pub(super) fn kept_static(parsed: &ParsedNotebook<'_>, cells: &[usize]) -> Option<NeedsKernel> {
    // What names it, directly or by way of functions, each with the static and its cell.
    let mut touching: BTreeMap<String, (String, usize)> = BTreeMap::new();
    let mut touched: BTreeMap<String, usize> = BTreeMap::new();
    for index in cells {
        let Ok(code) = parsed.cells[*index].code() else { continue };
        for item in code.items() {
            if let Item::Static(item) = item
                && (matches!(item.mutability, syn::StaticMutability::Mut(_)) || changes(&item.ty))
            {
                touching.insert(item.ident.to_string(), (item.ident.to_string(), *index));
            }
        }
        loop {
            let before = touching.len();
            for item in code.items() {
                let words = words::words(item.to_token_stream());
                let Some(of) = words.iter().find_map(|word| touching.get(word)).cloned() else { continue };
                let named = items::item_name(item).into_iter().chain(match item {
                    Item::Impl(item) => items::implements(item).0,
                    _ => None,
                });
                for name in named {
                    touching.entry(name).or_insert_with(|| of.clone());
                }
            }
            if touching.len() == before {
                break;
            }
        }
        let statements = code.stmts.iter().filter(|stmt| !matches!(stmt, Stmt::Item(_)));
        let words: BTreeSet<String> =
            statements.flat_map(|stmt| words::words(stmt.to_token_stream())).collect();
        for (name, declared) in words.iter().filter_map(|word| touching.get(word)).collect::<BTreeSet<_>>() {
            if let Some(first) = touched.insert(name.clone(), *index).filter(|first| first != index) {
                let why = format!(
                    "`{name}` keeps what cells do to it natively; in the kernel it is made anew for each cell"
                );
                return Some(NeedsKernel {
                    cell: *declared,
                    name: name.clone(),
                    other: Some((*index, "used here, and by an earlier cell")),
                    why,
                })
                .filter(|_| first != *index);
            }
        }
    }
    None
}

/// Whether a value of this type can change while it is shared.
fn changes(of: &syn::Type) -> bool {
    let words = words::words(of.to_token_stream());
    words.iter().any(|word| {
        word.starts_with("Atomic")
            || ["Mutex", "RwLock", "Cell", "RefCell", "UnsafeCell", "OnceLock", "OnceCell"]
                .contains(&word.as_str())
    })
}
