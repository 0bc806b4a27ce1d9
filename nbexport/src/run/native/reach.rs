//! Paths by which a cell would reach other cells: natively, no path leads into a block.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::Item;

use super::subject::{needs_kernel, place_of};
use crate::diagnostic::Result;
use crate::notebook::cell::Code;
use crate::notebook::scope;
use crate::run::plan::Plan;

/// Whether a cell is one that can be a part of the program at all.
pub(super) fn within_reach(code: &Code, plan: &Plan<'_>) -> Result<()> {
    let Some(span) = reaches_out(code) else { return Ok(()) };
    let path = &code.text[span.clone()];
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = code.text[span.end..].split(|c| !is_part(c)).filter(|word| !word.is_empty());
    let name = words.find(|word| !["super", "self", "crate"].contains(word)).unwrap_or(path);
    let diagnostic = needs_kernel(code, span, &format!("`{path}` leads out of the cell, to `{name}`"))
        .note("natively, cells are blocks of one function, and no path leads into a block");
    let codes = plan.parsed.cells.iter().filter_map(|cell| cell.code().as_ref().ok());
    let declares = |code: &&Code| scope::declared(code).iter().any(|item| item.name == name);
    Err(match codes.into_iter().find(declares) {
        Some(other) => diagnostic.and_at(other.source(), place_of(other, name), "which is here"),
        None => diagnostic,
    })
}

/// A path of the cell that leads out of it to the level of the crate: `crate::x`, `self::x`, or more `super`s than
/// there are modules around it.
fn reaches_out(code: &Code) -> Option<std::ops::Range<usize>> {
    code.stmts
        .iter()
        .find_map(|stmt| match stmt {
            syn::Stmt::Item(item) => in_item(item),
            other => path_out(other.to_token_stream(), 0),
        })
        .map(|span| {
            let range = span.byte_range();
            range.start..range.end.max(range.start + 1).min(code.text.len())
        })
}

fn in_item(item: &Item) -> Option<proc_macro2::Span> {
    let is_cfg_test = |attributes: &[syn::Attribute]| {
        attributes.iter().any(|it| {
            it.path().is_ident("cfg")
                && it.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
        })
    };
    if let Item::Mod(module) = item
        && is_cfg_test(&module.attrs)
    {
        return None;
    }
    path_out(item.to_token_stream(), 0)
}

/// Walks tokens, since macros hold paths too. `depth` counts the modules around.
fn path_out(tokens: TokenStream, depth: usize) -> Option<proc_macro2::Span> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is_colon = |at: usize| {
        let colon =
            |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
        colon(at) && colon(at + 1)
    };
    let mut supers = 0;
    let mut module = false;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) if ident == "crate" && is_colon(at + 1) => return Some(ident.span()),
            TokenTree::Ident(ident) if ident == "self" && is_colon(at + 1) && depth == 0 && supers == 0 => {
                return Some(ident.span());
            }
            TokenTree::Ident(ident) if ident == "super" && is_colon(at + 1) => {
                supers += 1;
                if supers > depth.saturating_sub(1) {
                    return Some(ident.span());
                }
            }
            TokenTree::Ident(ident) if ident == "mod" => module = true,
            TokenTree::Group(group) => {
                let is_body = module && group.delimiter() == proc_macro2::Delimiter::Brace;
                if let Some(span) = path_out(group.stream(), depth + usize::from(is_body)) {
                    return Some(span);
                }
                module &= !is_body;
                supers = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() != ':' => supers = 0,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn out(text: &str) -> Option<String> {
        let source = crate::diagnostic::Source { name: "x".into(), cell_id: None, text: text.into() };
        let code = Code::parse(&Arc::new(source)).unwrap();
        reaches_out(&code).map(|span| text[span].to_owned())
    }

    #[test]
    fn paths_that_leave_the_cell_are_seen() {
        assert_eq!(out("mod m { pub fn f() { super::g() } }").as_deref(), Some("super"));
        assert_eq!(out("use crate::x;").as_deref(), Some("crate"));
        assert_eq!(out("macro_rules! m { () => { $crate::f() } }").as_deref(), Some("crate"));
        assert_eq!(out("assert_eq!(crate::f(), 1);").as_deref(), Some("crate"));
        assert_eq!(out("mod a { fn f() {} mod b { use super::f; } }"), None);
        assert_eq!(out("mod a { mod b { use super::super::f; } }").as_deref(), Some("super"));
        assert_eq!(out("use geo::{self, area};\npub(crate) fn f(self_: u8) {}"), None);
        assert_eq!(out("impl A { fn f(&self) -> Self { self.g() } }"), None);
        assert_eq!(out("#[cfg(test)]\nmod tests { use super::*; }"), None);
    }
}
