//! The cells of one version of a notebook ⇄ those of another.
//!
//! A cell that nobody touched must find itself, whatever became of those around it: else an edit of one cell is taken
//! for one of another, and a merge deletes or doubles what somebody typed. So what is sure comes first: ids, then
//! equal texts in their order, then equal texts anywhere. Only the rest is guessed, by the words and lines that cells share.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::notebook::{Cell, CellKind};

/// From this likeness on, two cells between the same neighbours are taken for one.
const ALIKE_IN_PLACE: f32 = 0.25;

/// The same for cells that stand elsewhere, or are of another kind.
const ALIKE: f32 = 0.4;

/// The same for cells of different ids: to say that they are one, more must speak for it.
const ALIKE_DESPITE_IDS: f32 = 0.5;

/// A shorter line (`}`, `Ok(())`) may stand anywhere.
const LEAST_OF_ITS_OWN: usize = 13;

/// Beyond so many comparisons cells that are neither equal nor in their place are taken for different ones.
const COMPARISONS: usize = 1_000_000;

/// Whether two ids that differ tell two cells of different texts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// They do, unless no id at all is in both versions (some programs give new ones at each save): a merge must not
    /// take one cell for another.
    Decide,
    /// They are a hint: a diff shows what became of a text.
    Hint,
}

/// For each new cell the old one that it is.
pub(crate) fn matched(old: &[Cell], new: &[Cell], ids: Ids) -> Vec<Option<usize>> {
    let (of_new, of_old) = (vec![None; new.len()], vec![None; old.len()]);
    let mut matching = Matching { old, new, of_new, of_old, ids_decide: false };
    matching.by_id();
    matching.ids_decide = ids == Ids::Decide && matching.of_new.iter().any(Option::is_some);
    let gaps = matching.by_text_in_order();
    matching.by_text_anywhere(|cell| Some(Key::text(cell)));
    // The same text in a cell of another kind: its kind was changed.
    matching.by_text_anywhere(|cell| Some(cell.text()).filter(|text| !text.trim().is_empty()));
    let contents = [old, new].map(|cells| cells.iter().map(Content::of).collect::<Vec<_>>());
    for (old, new) in gaps {
        matching.by_likeness_in_order(old, new, &contents);
    }
    matching.by_likeness_anywhere(&contents);
    matching.by_a_line_of_its_own(&contents);
    matching.of_new
}

struct Matching<'a> {
    old: &'a [Cell],
    new: &'a [Cell],
    of_new: Vec<Option<usize>>,
    of_old: Vec<Option<usize>>,
    ids_decide: bool,
}

impl<'a> Matching<'a> {
    fn pair(&mut self, old: usize, new: usize) {
        self.of_new[new] = Some(old);
        self.of_old[old] = Some(new);
    }

    fn free_old(&self, within: Range<usize>) -> Vec<usize> {
        within.filter(|index| self.of_old[*index].is_none()).collect()
    }

    fn free_new(&self, within: Range<usize>) -> Vec<usize> {
        within.filter(|index| self.of_new[*index].is_none()).collect()
    }

    fn least(&self, old: usize, new: usize, without_ids: f32) -> f32 {
        let both = self.old[old].spans.id.is_some() && self.new[new].spans.id.is_some();
        match (both, self.ids_decide) {
            (false, _) => without_ids,
            (true, false) => ALIKE_DESPITE_IDS,
            (true, true) => f32::INFINITY,
        }
    }

    /// An id that two cells of one version have tells nothing.
    fn by_id(&mut self) {
        let unique = |cells: &[Cell]| {
            let mut places: HashMap<String, Option<usize>> = HashMap::new();
            for (index, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.spans.id.is_some()) {
                places.entry(cell.id.clone()).and_modify(|place| *place = None).or_insert(Some(index));
            }
            places
        };
        let (old, new) = (unique(self.old), unique(self.new));
        for (id, old) in old {
            if let (Some(old), Some(Some(new))) = (old, new.get(&id)) {
                self.pair(old, *new);
            }
        }
    }

    /// Pairs equal texts that stand in one order in both versions. What lies between two pairs is a gap.
    fn by_text_in_order(&mut self) -> Vec<(Range<usize>, Range<usize>)> {
        let (of_old, of_new) = (self.of_old.iter().enumerate(), self.of_new.iter());
        let before = of_old.map(|(index, new)| match new {
            Some(_) => Key::Pair(index),
            None => Key::text(&self.old[index]),
        });
        let after =
            self.new.iter().zip(of_new).map(|(cell, old)| old.map_or_else(|| Key::text(cell), Key::Pair));
        let (before, after): (Vec<Key<'_>>, Vec<Key<'_>>) = (before.collect(), after.collect());
        let ops = capture_diff_slices(Algorithm::Myers, &before, &after);
        let mut gaps = Vec::new();
        let (mut old_from, mut new_from) = (0, 0);
        for op in ops {
            if let DiffOp::Equal { old_index, new_index, len } = op {
                gaps.push((old_from..old_index, new_from..new_index));
                (old_from, new_from) = (old_index + len, new_index + len);
                (0..len).for_each(|at| self.pair(old_index + at, new_index + at));
            }
        }
        gaps.push((old_from..self.old.len(), new_from..self.new.len()));
        gaps
    }

    fn by_text_anywhere<K: Eq + Hash>(&mut self, key: impl Fn(&'a Cell) -> Option<K>) {
        let mut places: HashMap<K, Vec<usize>> = HashMap::new();
        for index in self.free_old(0..self.old.len()).into_iter().rev() {
            if let Some(key) = key(&self.old[index]) {
                places.entry(key).or_default().push(index);
            }
        }
        for index in self.free_new(0..self.new.len()) {
            let place = key(&self.new[index]).and_then(|key| places.get_mut(&key));
            if let Some(old) = place.and_then(Vec::pop) {
                self.pair(old, index);
            }
        }
    }

    /// Pairs the cells of a gap in their order, so that as much as possible of their text is common.
    fn by_likeness_in_order(
        &mut self,
        old: Range<usize>,
        new: Range<usize>,
        contents: &[Vec<Content<'_>>; 2],
    ) {
        let (old, new) = (self.free_old(old), self.free_new(new));
        if old.len() * new.len() > COMPARISONS {
            return;
        }
        if let ([before], [after]) = (&*old, &*new)
            && self.old[*before].kind == self.new[*after].kind
            && self.least(*before, *after, 0.0) <= 0.0
        {
            // One cell where one was: it was written anew.
            return self.pair(*before, *after);
        }
        // For each pair of beginnings: how much is common at best, and whether their last cells are a pair then.
        let width = new.len() + 1;
        let mut best = vec![(0.0_f32, false); (old.len() + 1) * width];
        for (i, before) in old.iter().enumerate() {
            for (j, after) in new.iter().enumerate() {
                let same_kind = self.old[*before].kind == self.new[*after].kind;
                let least = self.least(*before, *after, if same_kind { ALIKE_IN_PLACE } else { ALIKE });
                let likeness = contents[0][*before].likeness(&contents[1][*after]);
                let apart = best[i * width + j + 1].0.max(best[(i + 1) * width + j].0);
                let paired = best[i * width + j].0 + likeness;
                best[(i + 1) * width + j + 1] =
                    if likeness >= least && paired > apart { (paired, true) } else { (apart, false) };
            }
        }
        let (mut i, mut j) = (old.len(), new.len());
        while i > 0 && j > 0 {
            if best[i * width + j].1 {
                (i, j) = (i - 1, j - 1);
                self.pair(old[i], new[j]);
            } else if best[(i - 1) * width + j].0 >= best[i * width + j - 1].0 {
                i -= 1;
            } else {
                j -= 1;
            }
        }
    }

    /// Pairs each cell that is left with the one that is most like it.
    fn by_likeness_anywhere(&mut self, contents: &[Vec<Content<'_>>; 2]) {
        let left = self.free_new(0..self.new.len());
        if left.len() * self.free_old(0..self.old.len()).len() > COMPARISONS {
            return;
        }
        for new in left {
            let same_kind = |old: &usize| self.old[*old].kind == self.new[new].kind;
            let alike = self.free_old(0..self.old.len()).into_iter().filter(same_kind);
            let alike = alike.map(|old| (contents[0][old].likeness(&contents[1][new]), old));
            let enough = alike.filter(|(likeness, old)| *likeness >= self.least(*old, new, ALIKE));
            let most = enough.max_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((_, old)) = most {
                self.pair(old, new);
            }
        }
    }

    /// Pairs cells without ids, little alike, by a line that each version has only there: whoever writes a cell anew below its
    /// heading, and moves it, means that cell.
    fn by_a_line_of_its_own(&mut self, contents: &[Vec<Content<'_>>; 2]) {
        let [of_old, of_new] = [0, 1].map(|version| {
            let mut places: HashMap<&str, Option<usize>> = HashMap::new();
            for (cell, content) in contents[version].iter().enumerate() {
                for line in content.lines.iter().filter(|line| line.len() >= LEAST_OF_ITS_OWN) {
                    places.entry(line).and_modify(|place| *place = None).or_insert(Some(cell));
                }
            }
            places
        });
        for new in self.free_new(0..self.new.len()) {
            let lines = contents[1][new].lines.iter();
            let mine = lines.filter(|line| of_new.get(*line).is_some_and(Option::is_some));
            let mut olds = mine.filter_map(|line| of_old.get(line).copied().flatten());
            let is_it = |old: &usize| {
                let (before, after) = (&self.old[*old], &self.new[new]);
                let has_ids = before.spans.id.is_some() && after.spans.id.is_some();
                self.of_old[*old].is_none() && before.kind == after.kind && !has_ids
            };
            if let Some(old) = olds.find(is_it) {
                self.pair(old, new);
            }
        }
    }
}

/// What makes a cell of one version the same as one of the other.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key<'a> {
    Pair(usize),
    Text(CellKind, &'a str),
}

impl<'a> Key<'a> {
    fn text(cell: &'a Cell) -> Self {
        Self::Text(cell.kind, cell.text())
    }
}

/// The words and the lines of a cell, in alphabetical order.
struct Content<'a> {
    words: Vec<&'a str>,
    lines: Vec<&'a str>,
}

impl<'a> Content<'a> {
    fn of(cell: &'a Cell) -> Self {
        let sorted = |mut parts: Vec<&'a str>| {
            parts.retain(|part| !part.is_empty());
            parts.sort_unstable();
            parts
        };
        let is_between = |c: char| !c.is_alphanumeric() && c != '_';
        Self {
            words: sorted(cell.text().split(is_between).collect()),
            lines: sorted(cell.text().lines().map(str::trim).collect()),
        }
    }

    /// How much two cells have in common, from 0 to 1. Words find an edited line again; lines tell apart cells that
    /// are all made of the same words.
    fn likeness(&self, other: &Self) -> f32 {
        f32::midpoint(common(&self.words, &other.words), common(&self.lines, &other.lines))
    }
}

/// The share that two sorted lists have in common.
#[expect(clippy::cast_precision_loss, reason = "a cell has fewer words than an f32 counts")]
fn common(old: &[&str], new: &[&str]) -> f32 {
    let (mut common, mut i, mut j) = (0, 0, 0);
    while let (Some(before), Some(after)) = (old.get(i), new.get(j)) {
        common += usize::from(before == after);
        (i, j) = (i + usize::from(before <= after), j + usize::from(after <= before));
    }
    if common == 0 { 0.0 } else { 2.0 * common as f32 / (old.len() + new.len()) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::Notebook;

    fn without_ids(cells: &[&str]) -> Notebook {
        let cell = |text: &&str| {
            let source = serde_json::json!(text);
            format!("{{\"cell_type\": \"markdown\", \"metadata\": {{}}, \"source\": [{source}]}}")
        };
        let cells: Vec<String> = cells.iter().map(cell).collect();
        let text = format!(
            "{{\"cells\": [{}], \"metadata\": {{}}, \"nbformat\": 4, \"nbformat_minor\": 4}}",
            cells.join(", ")
        );
        Notebook::parse("x.ipynb", text).unwrap()
    }

    /// Found by 10,000 random merges: the heading stood there twice, without a conflict.
    #[test]
    fn a_cell_that_is_written_anew_and_moved_is_known_by_its_heading() {
        let heading = "## Put together the network";
        let prose = "Four convolutions, each with a stride of 2: while the picture shrinks from 28 pixels to 14, 7, 4 and 2, \
                     its pixels grow from 1 number to 8, 16, 32 and 32, so that many pixels become few numbers.";
        let old = without_ids(&["First.", &format!("{heading}\n\n{prose}"), "Last."]);
        let new = without_ids(&[
            &format!("{heading}\n\nTyped anew, in other words altogether."),
            "First.",
            "Last.",
        ]);
        assert_eq!(matched(&old.cells, &new.cells, Ids::Decide), [Some(1), Some(0), Some(2)]);
        // A heading that stands twice tells nothing.
        let twice = without_ids(&["First.", &format!("{heading}\n\n{prose}"), heading, "Last."]);
        assert_eq!(matched(&twice.cells, &new.cells, Ids::Decide)[1..], [Some(0), Some(3)]);
    }
}
