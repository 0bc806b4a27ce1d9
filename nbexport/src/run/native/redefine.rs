//! What a redefinition does: which items of earlier cells take part in it, and what a program cannot have of it.
//!
//! The kernel compiles all items anew for every cell: those that are the last of their name so far. So after `fn relu`
//! is defined again, an `fn model` of an earlier cell calls the new one. In a program it would go on calling the old
//! one. So where a cell defines a name again, all items that name it, directly or by way of others, are written once
//! more in that cell's block, and the cells that follow see those.
//!
//! A type that is written once more is another type. Values of the old one cannot become values of the new one, though
//! in the kernel they do, or are lost. Such a notebook needs the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use quote::ToTokens as _;
use syn::Stmt;

use super::items::{Kind, Node, item_name, nodes};
use super::words::{calls, words};

use crate::notebook::cell::Code;
use crate::notebook::parsed::ParsedNotebook;
use crate::notebook::scope;

/// A part of an earlier cell that is written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    /// These parts of this cell's text.
    Parts(usize, Vec<Range<usize>>),
    /// An import.
    Import(String),
}

/// What a cell does to the items of earlier cells.
#[derive(Clone, Debug, Default)]
pub(super) struct Effect {
    /// What is written again in its block.
    pub(super) copies: Vec<Copy>,
    /// The names of what is written again.
    pub(super) names: BTreeSet<String>,
    /// The types (and traits) that are other ones from here on, each with the cell that it was defined in before and the
    /// name whose redefinition is the reason.
    pub(super) types: BTreeMap<String, (usize, String)>,
}

/// Why a notebook needs the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NeedsKernel {
    /// The cell to be shown, by its place among the code cells.
    pub(super) cell: usize,
    /// The name in question.
    pub(super) name: String,
    /// The other cell, and what it has to do with it.
    pub(super) other: Option<(usize, &'static str)>,
    /// What is the matter at the place of the name.
    pub(super) why: String,
}

/// The items of the cells so far, as the kernel keeps them.
#[derive(Debug, Default)]
struct Kept {
    nodes: Vec<Node>,
}

impl Kept {
    /// Takes a cell's items in, and tells what that does to the earlier ones.
    fn take(&mut self, cell: usize, code: &Code) -> (Effect, Vec<Node>, Option<(String, usize)>) {
        let new = nodes(cell, code);
        let mut again = BTreeMap::new();
        let mut gone = Vec::new();
        self.nodes.retain(|old| {
            let replaced = old.name.is_some() && new.iter().any(|new| new.name == old.name);
            if replaced {
                again.insert(old.name.clone().unwrap_or_default(), old.cell);
                gone.push(old.clone());
            }
            !replaced
        });
        let effect = self.effect(&again, &gone);
        let doubled = self.doubled(&effect, &gone);
        self.nodes.extend(new);
        (effect, gone, doubled)
    }

    /// What has to be another one with a node, or its `impl`s would be there twice: their types; where these are of
    /// another crate, their traits.
    fn also(&self, node: &Node) -> Vec<String> {
        let is_own = |name: &&String| {
            node.name.as_ref() != Some(*name)
                && self
                    .nodes
                    .iter()
                    .any(|it| it.name.as_ref() == Some(*name) && matches!(it.kind, Kind::Type | Kind::Trait))
        };
        let implements = node
            .implements
            .iter()
            .filter(|(own, of)| node.name.is_none() || (node.name != *own && node.name != *of));
        implements.filter_map(|(own, of)| own.iter().chain(of).find(is_own).cloned()).collect()
    }

    /// A trait that is another one from here on, while the one before stays implemented for a type that is not: both would
    /// offer their methods.
    fn doubled(&self, effect: &Effect, gone: &[Node]) -> Option<(String, usize)> {
        let all = || self.nodes.iter().chain(gone);
        let is_trait =
            |name: &str| all().any(|node| node.kind == Kind::Trait && node.name.as_deref() == Some(name));
        effect.types.iter().filter(|(name, _)| is_trait(name)).find_map(|(name, (before, _))| {
            let implemented = all().flat_map(|node| &node.implements).any(|(own, of)| {
                of.as_ref() == Some(name) && own.as_ref().is_none_or(|own| !effect.types.contains_key(own))
            });
            implemented.then(|| (name.clone(), *before))
        })
    }

    /// Whether a call is one of a macro of the notebook that may make items.
    fn makes_items(&self, call: &syn::StmtMacro) -> bool {
        let keywords = ["struct", "enum", "union", "trait", "fn", "const", "static", "type", "mod"];
        call.mac.path.get_ident().is_some_and(|name| {
            let is_it =
                |node: &&Node| node.kind == Kind::Macro && node.name.as_deref() == Some(&name.to_string());
            self.nodes
                .iter()
                .find(is_it)
                .is_some_and(|node| keywords.iter().any(|word| node.words.contains(*word)))
        })
    }

    fn effect(&self, again: &BTreeMap<String, usize>, gone: &[Node]) -> Effect {
        let mut effect = Effect::default();
        if again.is_empty() {
            return effect;
        }
        // Each affected name with the redefined one that is the reason.
        let mut reason: BTreeMap<String, String> =
            again.keys().map(|name| (name.clone(), name.clone())).collect();
        let mut affected = vec![false; self.nodes.len()];
        loop {
            let mut grew = false;
            for (index, node) in self.nodes.iter().enumerate() {
                if affected[index] {
                    continue;
                }
                let Some(why) =
                    node.words.iter().chain(&node.name).find_map(|word| reason.get(word)).cloned()
                else {
                    continue;
                };
                affected[index] = true;
                grew = true;
                for name in node.name.iter().cloned().chain(self.also(node)) {
                    reason.entry(name).or_insert_with(|| why.clone());
                }
            }
            if !grew {
                break;
            }
        }
        for node in self.nodes.iter().zip(&affected).filter(|(_, affected)| **affected).map(|(node, _)| node)
        {
            if let Some(name) = &node.name {
                effect.names.insert(name.clone());
                if matches!(node.kind, Kind::Type | Kind::Trait) {
                    effect.types.insert(name.clone(), (node.cell, reason[name].clone()));
                }
            }
            match (&node.import, node.kind) {
                (_, Kind::Macro) => {}
                (Some(import), _) => effect.copies.push(Copy::Import(import.clone())),
                (None, _) => effect.copies.push(Copy::Parts(node.cell, node.spans.clone())),
            }
        }
        for node in gone.iter().filter(|node| matches!(node.kind, Kind::Type | Kind::Trait)) {
            let name = node.name.clone().unwrap_or_default();
            effect.types.insert(name.clone(), (node.cell, name));
        }
        effect
    }
}

/// What each of these cells (by place among the code cells) does to the items of those before it.
pub(super) fn effects(parsed: &ParsedNotebook<'_>, cells: &[usize]) -> BTreeMap<usize, Effect> {
    let mut kept = Kept::default();
    let mut effects = BTreeMap::new();
    for index in cells {
        if let Ok(code) = parsed.cells[*index].code() {
            let (effect, ..) = kept.take(*index, code);
            effects.insert(*index, effect);
        }
    }
    effects
}

/// What of these cells a program could not mean as the kernel does: a name that is lost or hidden otherwise.
pub(super) fn needs_kernel(parsed: &ParsedNotebook<'_>, cells: &[usize]) -> Option<NeedsKernel> {
    let mut kept = Kept::default();
    let mut variables: BTreeMap<String, usize> = BTreeMap::new();
    for (place, index) in cells.iter().enumerate() {
        let Ok(code) = parsed.cells[*index].code() else { continue };
        let later = || {
            cells[place..]
                .iter()
                .filter_map(|index| Some((*index, parsed.cells[*index].code().as_ref().ok()?)))
        };
        let named_later = |name: &str, only_calls: bool| {
            later().find(|(later, code)| {
                code.stmts.iter().any(|stmt| {
                    let is_definition = *later == *index
                        && matches!(stmt, Stmt::Item(item) if item_name(item).as_deref() == Some(name));
                    !is_definition
                        && if only_calls {
                            calls(stmt.to_token_stream(), name)
                        } else {
                            words(stmt.to_token_stream()).contains(name)
                        }
                })
            })
        };
        let (_, gone, doubled) = kept.take(*index, code);
        if let Some((name, before)) = doubled {
            let why = format!("this makes `{name}` another trait, and the one before stays implemented, too");
            return Some(NeedsKernel { cell: *index, name, other: Some((before, "as it was")), why });
        }
        for old in &gone {
            let name = old.name.clone().unwrap_or_default();
            let Some(new) = kept.nodes.iter().find(|new| new.name == old.name) else { continue };
            if new.kind == Kind::Import || old.kind == Kind::Import {
                continue;
            }
            let why = match () {
                () if new.has_cfg && named_later(&name, false).is_some() => {
                    "a `#[cfg]` decides whether this is there: if not, the kernel has no such name at all"
                }
                () if old.in_types && !new.in_types && named_later(&name, false).is_some() => {
                    "in the kernel this takes the place of an item of another kind that has the same name"
                }
                () if old.in_values && !new.in_values && named_later(&name, true).is_some() => {
                    "in the kernel this takes the place of one that is called like a function"
                }
                () => continue,
            };
            return Some(NeedsKernel {
                cell: *index,
                name,
                other: Some((old.cell, "defined here before")),
                why: why.to_owned(),
            });
        }
        for new in kept.nodes.iter().filter(|node| node.cell == *index && node.in_values) {
            let Some(name) = &new.name else { continue };
            if let Some(declared) = variables.get(name)
                && named_later(name, false).is_some()
            {
                let why = "in the kernel the variable of the same name stays on top of this".to_owned();
                return Some(NeedsKernel {
                    cell: *index,
                    name: name.clone(),
                    other: Some((*declared, "the variable")),
                    why,
                });
            }
        }
        if let Some(found) = thread_local(*index, code, later().filter(|(later, _)| later != index)) {
            return Some(found);
        }
        let macros =
            code.stmts.iter().filter(|stmt| matches!(stmt, Stmt::Macro(call) if kept.makes_items(call)));
        for made in macros.flat_map(|stmt| words(stmt.to_token_stream())) {
            let declared =
                cells.iter().filter_map(|index| parsed.cells[*index].code().as_ref().ok()).any(|code| {
                    scope::variables(code).iter().any(|(name, _)| *name == made)
                        || nodes(0, code).iter().any(|node| node.name.as_ref() == Some(&made))
                });
            let mut after = later().filter(|(later, _)| later != index);
            let starts_upper = made.starts_with(char::is_uppercase);
            if !declared
                && starts_upper
                && let Some((user, _)) = after.find(|(_, code)| {
                    code.stmts.iter().any(|stmt| words(stmt.to_token_stream()).contains(&made))
                })
            {
                let why = format!("if this makes an item `{made}`, the kernel has it in this cell only");
                return Some(NeedsKernel { cell: *index, name: made, other: Some((user, "used here")), why });
            }
        }
        variables.extend(scope::variables(code).into_iter().map(|(name, _)| (name, *index)));
    }
    None
}

/// What `thread_local!` declares, if a function of its cell or a later cell names it: in the kernel only the statements
/// of its cell can.
fn thread_local<'a>(
    cell: usize,
    code: &Code,
    mut later: impl Iterator<Item = (usize, &'a Code)>,
) -> Option<NeedsKernel> {
    let is_it = |path: &syn::Path| path.segments.last().is_some_and(|name| name.ident == "thread_local");
    let mut declared = BTreeSet::new();
    for stmt in &code.stmts {
        if let Stmt::Macro(call) = stmt
            && is_it(&call.mac.path)
        {
            let tokens: Vec<_> = call.mac.tokens.clone().into_iter().map(|token| token.to_string()).collect();
            declared.extend(tokens.windows(2).filter(|pair| pair[0] == "static").map(|pair| pair[1].clone()));
        }
    }
    let named = |item: &dyn quote::ToTokens| {
        words(item.to_token_stream()).into_iter().find(|it| declared.contains(it))
    };
    if declared.is_empty() {
        return None;
    }
    let why =
        "in the kernel only the statements of this cell can use it, no function and no later cell".to_owned();
    if let Some(name) = code.items().find_map(|item| named(item)) {
        return Some(NeedsKernel { cell, name, other: None, why });
    }
    let (user, name) =
        later.find_map(|(later, code)| Some((later, code.stmts.iter().find_map(|stmt| named(stmt))?)))?;
    Some(NeedsKernel { cell, name, other: Some((user, "used here")), why })
}
