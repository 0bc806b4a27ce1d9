//! The texts that edited cells get, proved by exporting them.

use std::collections::{HashMap, HashSet};

use super::Synced;
use super::compare::{Brought, Proposal};
use crate::export;
use crate::export::module::{self, Region};
use crate::notebook::tokens::lines_within_literals;
use crate::notebook::{Cell, Edit, Notebook};

/// Finds the text of each proposed cell whose export reads like the edited region. The notebook is exported with one
/// candidate of every cell at once, as often as a cell has candidates, so that many edits cost no more than one.
pub(super) fn settle(notebook: &Notebook, crate_name: &str, synced: &mut Synced, brought: &mut Brought<'_>) {
    if brought.proposals.is_empty() {
        return;
    }
    let proposals = std::mem::take(&mut brought.proposals);
    let mut tried = vec![0; proposals.len()];
    let exported = loop {
        let exported = Exported::of(notebook, crate_name, &proposals, &tried);
        let mut wrong = false;
        for (proposal, tried) in proposals.iter().zip(&mut tried) {
            if *tried < proposal.candidates.len() && !exported.reads_like(proposal) {
                *tried += 1;
                wrong = true;
            }
        }
        if !wrong {
            break exported;
        }
    };
    for (proposal, tried) in proposals.iter().zip(tried) {
        let Some(text) = proposal.candidates.get(tried) else {
            synced.diagnostics.push(proposal.side.frame_edited(&proposal.our, &proposal.their));
            continue;
        };
        synced.cells.push((proposal.cell.number, proposal.cell.id.clone()));
        brought.expect(&exported.wanted(proposal));
        brought.edits.extend(edit(notebook, proposal.cell, text));
    }
}

fn edit(notebook: &Notebook, cell: &Cell, text: &str) -> Option<Edit> {
    (text != cell.text()).then(|| notebook.set_source(cell, text))
}

/// What the notebook would export with some candidates.
struct Exported {
    /// The cells' markers, in order.
    markers: Vec<String>,
    /// The text of each region, by file and marker.
    regions: HashMap<(String, String), String>,
}

impl Exported {
    fn of(notebook: &Notebook, crate_name: &str, proposals: &[Proposal<'_>], tried: &[usize]) -> Self {
        let edits = proposals
            .iter()
            .zip(tried)
            .filter_map(|(proposal, tried)| edit(notebook, proposal.cell, proposal.candidates.get(*tried)?));
        let Ok(changed) = Notebook::parse(&notebook.name, notebook.edited(edits.collect())) else {
            return Self { markers: Vec::new(), regions: HashMap::new() };
        };
        let (modules, _) = export::modules_unchecked(&changed, crate_name);
        let mut regions = HashMap::new();
        for module in modules {
            for Region { id, text, .. } in module::regions(&module.text) {
                regions.entry((module.path.clone(), id)).or_insert(text);
            }
        }
        Self { markers: changed.cells.iter().map(module::marker_id).collect(), regions }
    }

    fn reads_like(&self, proposal: &Proposal<'_>) -> bool {
        let Some(marker) = self.marker(proposal) else { return false };
        let region = self.regions.get(&(proposal.side.module.path.clone(), marker.to_owned()));
        region.is_some_and(|text| is_alike(text, &self.wanted(proposal)))
    }

    /// What the region is to read. Where a file gives no ids, a cell's id follows its text, and an unnamed test is called
    /// by it.
    fn wanted(&self, proposal: &Proposal<'_>) -> String {
        let their = &proposal.their;
        match self.marker(proposal).filter(|marker| *marker != their.id) {
            Some(marker) => {
                their.text.replacen(&format!("fn cell_{}()", their.id), &format!("fn cell_{marker}()"), 1)
            }
            None => their.text.clone(),
        }
    }

    fn marker(&self, proposal: &Proposal<'_>) -> Option<&str> {
        self.markers.get(proposal.cell.number - 1).map(String::as_str)
    }
}

/// Whether two regions differ in nothing but the white space around lines: what stands before a line of a test, nbexport
/// writes. Inside a string literal, white space is text.
fn is_alike(ours: &str, theirs: &str) -> bool {
    let literal: HashSet<usize> = lines_within_literals(theirs).into_iter().collect();
    ours.lines().count() == theirs.lines().count()
        && ours.lines().zip(theirs.lines()).enumerate().all(|(index, (our, their))| {
            our == their || our.trim() == their.trim() && !literal.contains(&index)
        })
}
