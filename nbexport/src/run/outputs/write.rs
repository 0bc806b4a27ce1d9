//! Outputs → the notebook's file: only the bytes that change, and only when nobody saved it meanwhile.

use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Value};

use super::compare::{Volatile, compare, is_current};
use super::{Output, Ran};
use crate::diagnostic::Result;
use crate::files::{Lock, Original};
use crate::notebook::{Cell, Edit, Notebook};
use crate::project::Project;
use crate::run::verdict::NotebookReport;

/// What becomes of the outputs of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: the verdicts were wanted.
    #[default]
    Nothing,
    /// They and the execution counts are written into the notebook.
    Outputs,
    /// The same of those cells only whose outputs are not what stands there: see [`Keep::Check`].
    Changed,
    /// The times of each cell as well, where JupyterLab keeps them: in `metadata.execution`.
    OutputsAndTimes,
    /// They are held against those in the notebook, where nothing is written.
    Check,
}

impl Keep {
    /// Whether notebooks are written.
    pub fn writes(self) -> bool {
        matches!(self, Self::Outputs | Self::Changed | Self::OutputsAndTimes)
    }
}

/// Does with the outputs of a notebook that ran what was asked for.
pub fn finish(
    project: &Project,
    path: &Path,
    notebook: &Notebook,
    report: &mut NotebookReport,
    keep: Keep,
) -> Result<()> {
    match keep {
        Keep::Nothing => return Ok(()),
        Keep::Check => {
            report.stale = compare(notebook, report, &Volatile::of(project)?);
            return Ok(());
        }
        Keep::Outputs | Keep::Changed | Keep::OutputsAndTimes => {}
    }
    let volatile = if keep == Keep::Changed { Some(Volatile::of(project)?) } else { None };
    let text = notebook.edited(edits(notebook, report, keep, volatile.as_ref(), project.keep_counts));
    match Original::of(notebook, path).in_project(project, text)? {
        Some(change) => Lock::of(project)?.commit(&[change]),
        None => Ok(()),
    }
}

/// The edits that put outputs and execution counts into the notebook. Cells that did not run keep theirs.
fn edits(
    notebook: &Notebook,
    report: &NotebookReport,
    keep: Keep,
    volatile: Option<&Volatile>,
    keep_counts: bool,
) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (cell, report) in notebook.cells.iter().filter(|cell| cell.is_code()).zip(&report.cells) {
        let Some(ran @ Ran { outputs, execution_count, times }) = &report.ran else { continue };
        let count = execution_count.map_or(Value::Null, Value::from);
        if volatile.is_some_and(|volatile| is_current(notebook, cell, ran, volatile)) {
            if keep_counts {
                count_anew(notebook, cell, &count, &mut edits);
            }
            continue;
        }
        // A reader learns nothing from the `()` that the kernel shows for a closing `for` or `println!`.
        let outputs = outputs.iter().filter(|output| !output.is_unit()).map(Output::to_nbformat).collect();
        // In the order in which nbformat sorts the keys, should both be new.
        set(notebook, cell, "execution_count", cell.spans.execution_count.as_ref(), &count, &mut edits);
        if keep == Keep::OutputsAndTimes {
            let metadata = with_times(notebook, cell, times);
            set(notebook, cell, "metadata", cell.spans.metadata.as_ref(), &metadata, &mut edits);
        }
        set(notebook, cell, "outputs", cell.spans.outputs.as_ref(), &outputs, &mut edits);
    }
    edits
}

/// Gives a cell whose outputs stay the count of this run, where it has none.
fn count_anew(notebook: &Notebook, cell: &Cell, count: &Value, edits: &mut Vec<Edit>) {
    let span = cell.spans.execution_count.as_ref();
    if span.is_some_and(|span| &notebook.text()[span.clone()] != "null") {
        return;
    }
    set(notebook, cell, "execution_count", span, count, edits);
    let mut outputs = notebook.outputs(cell);
    for output in outputs.iter_mut().filter(|output| output["output_type"] == "execute_result") {
        output["execution_count"] = count.clone();
    }
    set(notebook, cell, "outputs", cell.spans.outputs.as_ref(), &outputs.into(), edits);
}

/// A cell's metadata with the times of its run, in the place where nbformat, which sorts keys, has them.
fn with_times(notebook: &Notebook, cell: &Cell, times: &[(&'static str, String)]) -> Value {
    let span = cell.spans.metadata.clone();
    let old: Option<Map<String, Value>> =
        span.and_then(|span| serde_json::from_str(&notebook.text()[span]).ok());
    let mut times: Vec<_> =
        times.iter().map(|(key, date)| ((*key).to_owned(), Value::from(date.as_str()))).collect();
    times.sort_by(|a, b| a.0.cmp(&b.0));
    let mut entries: Vec<_> =
        old.unwrap_or_default().into_iter().filter(|(key, _)| key != "execution").collect();
    let at = entries.iter().position(|(key, _)| key.as_str() > "execution").unwrap_or(entries.len());
    entries.insert(at, ("execution".to_owned(), Value::Object(times.into_iter().collect())));
    Value::Object(entries.into_iter().collect())
}

/// The edit that gives `key` of a cell a value; nothing when it has that value already.
fn set(
    notebook: &Notebook,
    cell: &Cell,
    key: &str,
    span: Option<&Range<usize>>,
    value: &Value,
    edits: &mut Vec<Edit>,
) {
    let text = notebook.text();
    let new = notebook.json(value, 3);
    let Some(span) = span else {
        // A cell without the key is against nbformat, yet there are such notebooks: it goes right after the brace.
        let start = cell.spans.cell.start + 1;
        let space = &text[start..start + text[start..].find('"').unwrap_or(0)];
        let new = format!("{space}\"{key}\": {new},");
        match edits.last_mut().filter(|edit| edit.range == (start..start)) {
            Some(edit) => edit.text.push_str(&new),
            None => edits.push(Edit { range: start..start, text: new }),
        }
        return;
    };
    let same = serde_json::from_str::<Value>(&text[span.clone()]).is_ok_and(|old| old == *value);
    if !same {
        edits.push(Edit { range: span.clone(), text: new });
    }
}
