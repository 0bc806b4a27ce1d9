//! One module beside its notebook: which regions somebody edited, and what the notebook is to get of them.

use std::collections::HashMap;

use super::additions;
use super::candidates::candidates;
use super::explain;
use super::{Side, Synced};
use crate::export::module::{self, Module, Region, Target};
use crate::notebook::{Cell, Edit, Notebook};

/// What the notebook is to get.
#[derive(Default)]
pub(super) struct Brought<'a> {
    /// The edited cells, each at most once.
    pub(super) proposals: Vec<Proposal<'a>>,
    pub(super) edits: Vec<Edit>,
    /// Every line that was edited or added in a module: none of them may be missing once the modules are written anew.
    pub(super) lines: Vec<String>,
    /// Where the proposal of each cell stands, by the cell's number.
    proposed: HashMap<usize, usize>,
    /// The ids of the new cells.
    ids: Vec<String>,
}

impl Brought<'_> {
    pub(super) fn expect(&mut self, text: &str) {
        self.lines.extend(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
    }
}

/// An edited region, and the texts that its cell may need to have for it.
pub(super) struct Proposal<'a> {
    pub(super) side: &'a Comparison<'a>,
    pub(super) cell: &'a Cell,
    /// The region as it was exported, and as it is now.
    pub(super) our: Region,
    pub(super) their: Region,
    pub(super) candidates: Vec<String>,
}

/// One module beside its notebook.
pub(super) struct Comparison<'a> {
    pub(super) notebook: &'a Notebook,
    /// The cells by what a marker calls them.
    pub(super) cells: &'a HashMap<String, usize>,
    pub(super) module: &'a Module,
    /// The module file's name, for messages.
    pub(super) file: String,
    pub(super) on_disk: String,
    pub(super) prefer: Option<Side>,
}

/// Where the cell of each marker stands among the notebook's cells.
pub(super) fn cells_by_marker(notebook: &Notebook) -> HashMap<String, usize> {
    let mut cells = HashMap::with_capacity(notebook.cells.len());
    for (index, cell) in notebook.cells.iter().enumerate() {
        cells.entry(module::marker_id(cell)).or_insert(index);
    }
    cells
}

impl<'a> Comparison<'a> {
    /// What the notebook needs goes to `brought`, what stands in the way to `synced`.
    pub(super) fn compare(&'a self, synced: &mut Synced, brought: &mut Brought<'a>) {
        let ours = module::regions(&self.module.text);
        let mut theirs = module::regions(&self.on_disk);
        let partners = self.partners(&ours, &theirs);
        if !self.explain_markers(&ours, &theirs, &partners, synced) {
            return;
        }
        let added = additions::split_off(&mut theirs, &ours);
        for (their, partner) in theirs.into_iter().zip(partners) {
            if !module::is_by_hand(&their, &self.on_disk) {
                continue;
            }
            let Some(our) = partner.map(|index| &ours[index]) else {
                synced.diagnostics.push(self.unknown_cell(&their));
                continue;
            };
            if our.text == their.text {
                continue;
            }
            if !their.is_marker_of(&our.text) {
                match self.prefer {
                    Some(Side::Ours) => {
                        synced.kept.push(our.id.clone());
                        continue;
                    }
                    Some(Side::Theirs) => {}
                    None => {
                        synced.diagnostics.push(self.conflict(our, &their));
                        continue;
                    }
                }
            }
            self.propose(our, their, synced, brought);
        }
        for code in added {
            if self.module.target == Target::Bench {
                synced.diagnostics.push(explain::added_to_benches(&self.file));
                continue;
            }
            let (id, edit) = self.new_cell(&code, &brought.ids);
            synced.new_cells.push(id.clone());
            brought.ids.push(id);
            brought.expect(&code);
            brought.edits.push(edit);
        }
    }

    fn propose(&'a self, our: &Region, their: Region, synced: &mut Synced, brought: &mut Brought<'a>) {
        let Some(cell) = self.cell(our) else {
            synced.diagnostics.push(self.frame_edited(our, &their));
            return;
        };
        // The notebook's title stands in each of its modules, and may be edited in several of them.
        if let Some(other) = brought.proposed.get(&cell.number).map(|at| &brought.proposals[*at]) {
            if other.their.text != their.text {
                synced.diagnostics.push(self.edited_twice(other, &their));
            }
            return;
        }
        brought.proposed.insert(cell.number, brought.proposals.len());
        let candidates = candidates(self.notebook, cell, &our.text, &their.text);
        brought.proposals.push(Proposal { side: self, cell, our: our.clone(), their, candidates });
    }

    /// Which of our regions each of theirs is: that of the same cell.
    ///
    /// Where a notebook's file gives no ids (before nbformat 4.5), a cell that was edited in the notebook has another one
    /// than in the module. What stands between two cells that are known on both sides is the same cells, if it is as many.
    fn partners(&self, ours: &[Region], theirs: &[Region]) -> Vec<Option<usize>> {
        let mut by_id: HashMap<&str, usize> = HashMap::with_capacity(ours.len());
        for (index, our) in ours.iter().enumerate() {
            by_id.entry(&our.id).or_insert(index);
        }
        let mut partners: Vec<Option<usize>> =
            theirs.iter().map(|their| by_id.get(their.id.as_str()).copied()).collect();
        if self.notebook.cells.iter().all(|cell| cell.spans.id.is_some()) {
            return partners;
        }
        let (mut our, mut their) = (0, 0);
        for at in 0..=theirs.len() {
            // The end is a known place, too.
            let Some(known) = partners.get(at).copied().unwrap_or(Some(ours.len())) else { continue };
            if known >= our && known - our == at - their {
                for (step, partner) in partners[their..at].iter_mut().enumerate() {
                    *partner = Some(our + step);
                }
            }
            (our, their) = (known + 1, at + 1);
        }
        partners
    }

    pub(super) fn cell(&self, region: &Region) -> Option<&'a Cell> {
        self.cells.get(&region.id).map(|index| &self.notebook.cells[*index])
    }
}
