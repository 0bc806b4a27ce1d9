//! Random merges, held against what two people did to a notebook: with ids and without, on made and on real notebooks.
//!
//! `just merges 10000` runs more of them than the tests do.

mod people;

use std::collections::{BTreeMap, BTreeSet};

use nbexport::git::merge::{self, Merged, Options, What};
use nbexport::notebook::Notebook;
use proptest::prelude::*;
use serde_json::Value;

use crate::support::cases;

use self::people::{Base, Edit, ODD, Version, base, edit};

fn counts<'a>(rows: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for row in rows.filter(|row| !row.trim().is_empty()) {
        *counts.entry(row).or_default() += 1;
    }
    counts
}

fn tags(cell: &Value) -> Vec<String> {
    let tags = cell["metadata"]["tags"].as_array().map_or(&[][..], Vec::as_slice);
    tags.iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

fn is_marker(row: &str) -> bool {
    row.starts_with("<<<<<<< ") || row == "=======" || row.starts_with(">>>>>>> ")
}

/// The result, taken apart without nbexport.
struct Outcome {
    conflicts: usize,
    cells: Vec<(Value, Vec<String>)>,
    text: String,
}

impl Outcome {
    fn of(merged: Merged) -> Self {
        let json: Value = serde_json::from_str(&merged.text).unwrap();
        let cells = json["cells"].as_array().unwrap().iter().map(|cell| {
            let source: String =
                cell["source"].as_array().unwrap().iter().map(|row| row.as_str().unwrap()).collect();
            (cell.clone(), source.split('\n').map(str::to_owned).collect())
        });
        Self { conflicts: merged.conflicts.len(), cells: cells.collect(), text: merged.text }
    }

    fn rows(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().flat_map(|(_, rows)| rows).map(String::as_str)
    }

    /// The lines of the cells that hold no conflict.
    fn settled(&self) -> impl Iterator<Item = &str> {
        let settled = self.cells.iter().filter(|(_, rows)| !rows.iter().any(|row| is_marker(row)));
        settled.flat_map(|(_, rows)| rows).map(String::as_str)
    }
}

fn merged(base: &Version, ours: &Version, theirs: &Version) -> Outcome {
    let [base, ours, theirs] = [(base, "base"), (ours, "ours"), (theirs, "theirs")].map(|(version, name)| {
        Notebook::parse(name, version.text()).unwrap_or_else(|error| panic!("{}", error.render(false)))
    });
    let merged = merge::merge(&base, &ours, &theirs, &Options::default())
        .unwrap_or_else(|error| panic!("{}", error.render(false)));
    let marked = merged.conflicts.iter().any(|conflict| !matches!(conflict.what, What::Value { .. }));
    let outcome = Outcome::of(merged);
    assert_eq!(marked, outcome.rows().any(is_marker), "markers and conflicts: {}", outcome.text);
    outcome
}

/// What must hold of a result.
fn check(base: &Version, ours: &Version, theirs: &Version, ids: bool) -> Result<(), String> {
    let outcome = merged(base, ours, theirs);
    let result = counts(outcome.rows());
    let [in_base, in_ours, in_theirs] = [base.counts(), ours.counts(), theirs.counts()];
    let clean = outcome.conflicts == 0;
    let ensure = |holds: bool, what: &str, row: &str| {
        if holds {
            Ok(())
        } else {
            Err(format!("{what}: `{row}` ({} conflicts)\n{}", outcome.conflicts, outcome.text))
        }
    };
    for row in in_ours.keys().chain(in_theirs.keys()).filter(|row| !in_base.contains_key(*row)) {
        ensure(result.contains_key(row), "typed, and lost", row)?;
    }
    for tag in ours.tags().union(&theirs.tags()).filter(|tag| tag.starts_with('x')) {
        let there = outcome.cells.iter().any(|(cell, _)| tags(cell).contains(tag));
        ensure(there, "a tag is lost", tag)?;
    }
    let regrouped = ours.has_regrouped || theirs.has_regrouped;
    let twins = !ids && [base, ours, theirs].iter().any(|version| version.has_twins());
    for (mine, other) in [(ours, theirs), (theirs, ours)] {
        let (in_mine, in_other) = (mine.counts(), other.counts());
        for cell in &base.cells {
            let untouched = !other.touched.contains(&cell.origin);
            for row in cell.rows.iter().filter(|row| in_base.get(row.as_str()) == Some(&1)) {
                let row = row.as_str();
                match (in_mine.contains_key(row), in_other.contains_key(row)) {
                    (true, true) => ensure(result.contains_key(row), "both have it, and it is lost", row)?,
                    (false, false) => ensure(!result.contains_key(row), "deleted by both, and back", row)?,
                    (false, true) if untouched && in_other[row] == 1 && !twins => {
                        ensure(!result.contains_key(row), "deleted by one, and back", row)?;
                    }
                    _ => {}
                }
            }
        }
        for cell in
            mine.cells.iter().filter(|cell| !twins && base.cells.iter().any(|it| it.origin == cell.origin))
        {
            let Some(token) = mine.outputs.get(&cell.origin).filter(|_| cell.json.contains_key("outputs"))
            else {
                continue;
            };
            let deleted = !other.cells.iter().any(|it| it.origin == cell.origin);
            // The same text under another id is the cell. Without ids, a part of it may be taken for the whole, and another
            // cell in its place for it.
            let lives_on = other.has_moved || regrouped || !ids && other.typed > 0;
            // A joined cell is touched where any of those that it was made of is.
            let untouched = cell.origins().all(|origin| !other.touched.contains(origin));
            if (deleted && !lives_on) || untouched {
                ensure(outcome.text.contains(token.as_str()), "outputs are lost", token)?;
                // Without an id, a cell of which nothing is left is another cell.
                let is_known =
                    ids || base.cells.iter().any(|it| it.origin == cell.origin && it.rows == cell.rows);
                ensure(
                    !deleted || !clean || !is_known,
                    "new outputs of a deleted cell, and no conflict",
                    token,
                )?;
            }
        }
    }
    // Text in conflict, or taken from a cell in conflict to another one, stands there for both sides.
    let both_regrouped = ours.has_regrouped && theirs.has_regrouped;
    let settled = if clean && !both_regrouped || ids && !regrouped {
        counts(outcome.settled())
    } else {
        BTreeMap::new()
    };
    for (row, count) in settled {
        let of = |counts: &BTreeMap<&str, usize>| counts.get(row).copied().unwrap_or_default();
        let (there, in_ours, in_theirs) = (of(&in_base), of(&in_ours), of(&in_theirs));
        let more = match row.len() {
            // `}` is taken away in one cell and typed in another.
            ..=12 => ours.added(row, base) + theirs.added(row, base),
            _ => in_ours.saturating_sub(there) + in_theirs.saturating_sub(there),
        };
        ensure(there > 1 || count <= there + more, "doubled", row)?;
    }
    if ours.touched.is_disjoint(&theirs.touched) && !twins {
        ensure(clean, "each cell was touched by one side at most", "")?;
    }
    if clean && !regrouped && !ours.has_moved && !theirs.has_moved && !twins {
        for side in [ours, theirs] {
            // A short line may go here and come there.
            let once = |row: &&str| {
                row.len() > 12 && side.counts().get(row) == Some(&1) && result.get(row) == Some(&1)
            };
            let (there, here): (Vec<&str>, Vec<&str>) =
                (side.rows().filter(once).collect(), outcome.rows().filter(once).collect());
            ensure(there == here, "in another order", &format!("{there:?} {here:?}"))?;
        }
    }
    is_valid(&outcome, ours.minor.max(theirs.minor)).map_err(|why| format!("{why}\n{}", outcome.text))
}

/// What nbformat asks of the cells, and that nobody's metadata was changed.
fn is_valid(outcome: &Outcome, minor: u32) -> Result<(), String> {
    let odd = outcome.text.matches(ODD).count();
    if odd != outcome.cells.len() + 1 {
        return Err(format!("{odd} odd values in {} cells", outcome.cells.len()));
    }
    let mut ids = BTreeSet::new();
    for (cell, _) in &outcome.cells {
        let mut keys: Vec<&str> = cell.as_object().unwrap().keys().map(String::as_str).collect();
        keys.retain(|key| *key != "attachments");
        keys.sort_unstable();
        let code = cell["cell_type"] == "code";
        let expected: Vec<&str> = ["cell_type", "execution_count", "id", "metadata", "outputs", "source"]
            .into_iter()
            .filter(|key| {
                (code || !["execution_count", "outputs"].contains(key)) && (minor >= 5 || *key != "id")
            })
            .collect();
        if keys != expected {
            return Err(format!("keys {keys:?}, not {expected:?}"));
        }
        if minor >= 5 && !ids.insert(cell["id"].as_str().unwrap()) {
            return Err(format!("two cells {}", cell["id"]));
        }
    }
    Ok(())
}

fn holds(base: &Base, ids: bool, ours: &[Edit], theirs: &[Edit]) -> Result<(), TestCaseError> {
    let base = Version::base(base, ids);
    let (mut mine, mut other) = (base.side("o"), base.side("t"));
    for (version, edits) in [(&mut mine, ours), (&mut other, theirs)] {
        for edit in edits {
            version.make(edit);
        }
    }
    check(&base, &mine, &other, ids).map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4_000, ..cases(300) })]

    #[test]
    fn of_notebooks_with_ids(
        base in base(), ours in prop::collection::vec(edit(), 0..6), theirs in prop::collection::vec(edit(), 0..6)
    ) {
        holds(&base, true, &ours, &theirs)?;
    }

    #[test]
    fn of_notebooks_without_ids(
        base in base(), ours in prop::collection::vec(edit(), 0..6), theirs in prop::collection::vec(edit(), 0..6)
    ) {
        holds(&base, false, &ours, &theirs)?;
    }
}
