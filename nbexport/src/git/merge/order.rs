//! Which cells of three versions are one cell, and the order in which the merged notebook has them.

use std::collections::{BTreeMap, HashMap};

use crate::git::matching::{Ids, matched};
use crate::notebook::Cell;

/// A cell in the three versions, by its place in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Triple {
    pub base: Option<usize>,
    pub ours: Option<usize>,
    pub theirs: Option<usize>,
}

/// All cells that ours or theirs has, in the order of the merged notebook: each just once, whatever was guessed. A
/// wrong guess costs a needless conflict, and never a cell.
pub(super) fn triples(base: &[Cell], ours: &[Cell], theirs: &[Cell]) -> Vec<Triple> {
    let (from_ours, from_theirs) = (matched(base, ours, Ids::Decide), matched(base, theirs, Ids::Decide));
    let mut partner = vec![None; ours.len()];
    let mut our_triple = HashMap::new();
    for (index, base) in from_ours.iter().enumerate() {
        our_triple.extend(base.map(|base| (base, index)));
    }
    let mut added = Added::new(ours, &from_ours);
    let mut in_theirs = Vec::with_capacity(theirs.len());
    let mut slot = None;
    for (index, base) in from_theirs.into_iter().enumerate() {
        slot = base.or(slot);
        let ours = match base {
            Some(base) => our_triple.get(&base).copied(),
            None => added.take(&theirs[index], slot),
        };
        if let Some(ours) = ours {
            partner[ours] = Some(index);
        }
        in_theirs.push(Triple { base, ours, theirs: Some(index) });
    }
    let in_ours: Vec<Triple> = from_ours
        .into_iter()
        .enumerate()
        .map(|(index, base)| Triple { base, ours: Some(index), theirs: partner[index] })
        .collect();
    // Where only they moved cells, their order is the one to follow. Either way our new cells stand before theirs.
    let common = in_ours.iter().filter(|triple| triple.theirs.is_some()).filter_map(|triple| triple.base);
    if common.is_sorted() {
        weave(&in_theirs, &in_ours, |triple| triple.ours.is_some(), |triple| triple.theirs, true)
    } else {
        weave(&in_ours, &in_theirs, |triple| triple.theirs.is_some(), |triple| triple.ours, false)
    }
}

/// The cells that ours added: one of theirs may be the same.
struct Added<'a> {
    cells: &'a [Cell],
    by_id: HashMap<&'a str, usize>,
    /// By the cell of the base that they follow, for those that both sides typed, or took from a third.
    by_slot: BTreeMap<Option<usize>, Vec<usize>>,
}

impl<'a> Added<'a> {
    fn new(cells: &'a [Cell], from_base: &[Option<usize>]) -> Self {
        let mut added = Self { cells, by_id: HashMap::new(), by_slot: BTreeMap::new() };
        let mut slot = None;
        for (index, (cell, base)) in cells.iter().zip(from_base).enumerate() {
            slot = base.or(slot);
            if base.is_none() {
                added.by_slot.entry(slot).or_default().push(index);
                if cell.spans.id.is_some() {
                    added.by_id.insert(&cell.id, index);
                }
            }
        }
        added
    }

    /// The cell of ours that their new cell is, by its id or by its text in the same place.
    fn take(&mut self, theirs: &Cell, slot: Option<usize>) -> Option<usize> {
        let by_id = theirs.spans.id.as_ref().and_then(|_| self.by_id.get(theirs.id.as_str()).copied());
        let is_same = |index: &usize| {
            let ours = &self.cells[*index];
            ours.kind == theirs.kind && ours.text() == theirs.text()
        };
        let found = by_id.or_else(|| self.by_slot.get(&slot)?.iter().copied().find(is_same))?;
        self.by_id.remove(self.cells[found].id.as_str());
        self.by_slot.values_mut().for_each(|slot| slot.retain(|index| *index != found));
        Some(found)
    }
}

/// Puts the cells that only `other` has into `order`, each after the cell that it follows there.
///
/// `is_common` tells whether a cell of either is in both, `place` where one of `other` that is in both stands in
/// `order`. Cells that only `order` has in that place come before those of `other`, or after them.
fn weave(
    order: &[Triple],
    other: &[Triple],
    is_common: impl Fn(&Triple) -> bool,
    place: impl Fn(&Triple) -> Option<usize>,
    other_first: bool,
) -> Vec<Triple> {
    let mut following: BTreeMap<Option<usize>, Vec<Triple>> = BTreeMap::new();
    let mut after = None;
    for triple in other {
        match place(triple) {
            Some(at) => after = Some(at),
            None => following.entry(after).or_default().push(*triple),
        }
    }
    let mut woven = Vec::with_capacity(order.len() + other.len());
    let mut waiting = following.remove(&None).unwrap_or_default();
    for (at, triple) in order.iter().enumerate() {
        if other_first || is_common(triple) {
            woven.append(&mut waiting);
        }
        woven.push(*triple);
        if let Some(next) = following.remove(&Some(at)) {
            woven.append(&mut waiting);
            waiting = next;
        }
    }
    woven.append(&mut waiting);
    woven
}
