//! The cells of one version of a notebook ⇄ those of another.

use std::collections::{BTreeSet, HashMap};

use similar::TextDiff;

use crate::notebook::Cell;

/// For each new cell the old one that it is: by id, then by the same text, then by a text that is mostly the same.
pub(crate) fn matched(old: &[Cell], new: &[Cell]) -> Vec<Option<usize>> {
    let mut matches = vec![None; new.len()];
    let mut free: BTreeSet<usize> = (0..old.len()).collect();
    let mut by_key = |key: &dyn Fn(&Cell) -> String, matches: &mut Vec<Option<usize>>| {
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for index in free.iter().rev() {
            places.entry(key(&old[*index])).or_default().push(*index);
        }
        for (cell, found) in new.iter().zip(matches).filter(|(_, found)| found.is_none()) {
            // A second cell of the same id is the second cell of that id.
            *found = places.get_mut(&key(cell)).and_then(Vec::pop);
            if let Some(found) = found {
                free.remove(found);
            }
        }
    };
    by_key(&|cell| cell.id.clone(), &mut matches);
    by_key(&|cell| format!("{:?} {}", cell.kind, cell.text()), &mut matches);
    let mut after = 0;
    for (cell, found) in new.iter().zip(&mut matches) {
        if found.is_none() {
            *found = most_alike(old, cell, free.range(after..).chain(free.range(..after)));
            if let Some(found) = found {
                free.remove(found);
            }
        }
        after = found.map_or(after, |found| found + 1);
    }
    matches
}

/// From this share of equal words on, two cells of different ids are taken for one.
const ALIKE: f32 = 0.6;

/// The search ends with a cell so much alike; it begins where the cell would stand if none had moved.
const ALIKE_ENOUGH: f32 = 0.8;

fn most_alike<'a>(old: &[Cell], cell: &Cell, among: impl Iterator<Item = &'a usize>) -> Option<usize> {
    let mut best = None;
    let mut most = ALIKE;
    for index in among.filter(|index| old[**index].kind == cell.kind) {
        let ratio = likeness(old[*index].text(), cell.text());
        if ratio > most || best.is_none() && ratio >= most {
            (best, most) = (Some(*index), ratio);
        }
        if most >= ALIKE_ENOUGH {
            break;
        }
    }
    best
}

fn likeness(old: &str, new: &str) -> f32 {
    // Texts of very different lengths cannot be alike, and comparing words is what takes time.
    let (short, long) = (old.len().min(new.len()), old.len().max(new.len()));
    if short * 5 < long * 2 { 0.0 } else { TextDiff::from_words(old, new).ratio() }
}
