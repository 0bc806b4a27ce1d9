//! Code that is new at the end of a module → cells of its own.

use serde_json::{Value, json};

use super::compare::Comparison;
use crate::export;
use crate::export::module::{self, Region, Target};
use crate::notebook::header;
use crate::notebook::{Edit, lines, short_hash};

impl Comparison<'_> {
    /// A cell for code that is new at the end of the module, after the last cell that is exported to it.
    pub(super) fn new_cell(&self, code: &str, taken: &[String]) -> (String, Edit) {
        let mut id = format!("cell-{}", short_hash(code));
        while taken.contains(&id) || self.notebook.cells.iter().any(|cell| cell.id == id) {
            id.push('b');
        }
        let name = &self.module.name;
        // A directive that somebody wrote there says what the cell is.
        let says = header::lines(code).any(|line| line.text.trim_start().starts_with("//|"));
        let directive = match () {
            () if says => String::new(),
            () if self.module.target == Target::Binary => format!("//| bin {name}\n"),
            () if export::default_module_name(self.notebook) == *name => "//| export\n".to_owned(),
            () => format!("//| export {name}\n"),
        };
        let source = lines(&format!("{directive}{code}"));
        let mut cell = json!({
            "cell_type": "code", "execution_count": null, "id": id, "metadata": {}, "outputs": [], "source": source
        });
        if self.notebook.nbformat_minor < 5
            && let Value::Object(cell) = &mut cell
        {
            cell.shift_remove("id");
        }
        let exported = module::regions(&self.module.text);
        let last = exported.iter().take_while(|region| region.id != "tests").last();
        let after = last.and_then(|region| self.cell(region)).or(self.notebook.cells.last());
        let at = after.map_or(0, |cell| cell.spans.cell.end);
        // The separator is the one between the file's own cells, so that the new one stands like its neighbours.
        let separator = match self.notebook.cells.as_slice() {
            [first, second, ..] => {
                self.notebook.text()[first.spans.cell.end..second.spans.cell.start].to_owned()
            }
            _ => ",\n  ".to_owned(),
        };
        (id, Edit { range: at..at, text: format!("{separator}{}", self.notebook.json(&cell, 2)) })
    }
}

/// Takes code that was added at the end of the module, or just before its tests, out of the region it seems to
/// belong to: it is no part of that cell, but a new one.
pub(super) fn split_off(regions: &mut [Region], ours: &[Region]) -> Vec<String> {
    let tests = regions.iter().position(|region| region.id == "tests");
    let mut ends: Vec<usize> = tests.and_then(|at| at.checked_sub(1)).into_iter().collect();
    ends.extend(regions.len().checked_sub(1));
    let mut added = Vec::new();
    for at in ends {
        let region = &mut regions[at];
        if region.is_marker_of(&region.text) {
            continue;
        }
        let rows: Vec<&str> = region.text.lines().collect();
        let kept = (0..rows.len()).find(|kept| {
            (*kept == rows.len() || rows[*kept].trim().is_empty() || rows[*kept].trim_end() == "}")
                && region.is_marker_of(rows[..*kept].join("\n").trim_end())
        });
        // Below tests, the brace that closes them parts the last test from what was added, edited or not.
        let closes_tests =
            |at: usize| rows[at].trim_end() == "}" && at > 0 && rows[at - 1].trim_end() == "    }";
        let brace =
            tests.filter(|tests| at > *tests).and_then(|_| (0..rows.len()).find(|at| closes_tests(*at)));
        let written = ours.iter().find(|our| our.id == region.id && region.is_marker_of(&our.text));
        let kept = kept.or_else(|| end_of_edited(&rows, &written?.text));
        let (kept, rest) = match (kept, brace) {
            (_, Some(brace)) => (brace, brace + 1),
            (Some(kept), None) => (kept, kept),
            (None, None) => continue,
        };
        let code = rows[rest..].join("\n").trim().to_owned();
        let text = rows[..kept].join("\n").trim_end().to_owned();
        if !code.is_empty() {
            added.push(code);
        }
        region.text = text;
    }
    added
}

/// Where an edited cell ends and added code begins, by what the cell was: at the first blank line after its last line
/// from which on there are whole items.
fn end_of_edited(rows: &[&str], written: &str) -> Option<usize> {
    let last = written.lines().next_back()?;
    let last = rows.iter().rposition(|row| *row == last)?;
    let is_items =
        |at: &usize| syn::parse_file(&rows[*at..].join("\n")).is_ok_and(|file| !file.items.is_empty());
    (last + 1..rows.len()).filter(|at| rows[*at].trim().is_empty()).find(is_items)
}
