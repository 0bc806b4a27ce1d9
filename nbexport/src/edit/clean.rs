//! Drops from a notebook what changes from run to run, and keeps what a person put there.
//!
//! Execution counts and volatile metadata go; tags, attachments, `language_info`, the kernel's name and everything
//! unknown stay. Whatever does not go keeps its bytes.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::notebook::json::{Change, Object};
use crate::notebook::{Cell, Edit, Notebook};

/// What to drop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The outputs, too.
    pub outputs: bool,
    /// Execution counts stay, and say to readers in which order the cells ran.
    pub keep_counts: bool,
}

/// Metadata of a cell that its editor or a run wrote, and that says nothing about the cell: times of execution,
/// whether it was scrolled, the ids of Colab's and `VS Code`'s own bookkeeping.
const VOLATILE_CELL: &[&str] =
    &["ExecuteTime", "collapsed", "execution", "executionInfo", "outputId", "pycharm", "scrolled", "vscode"];

/// The same for the notebook: the widgets' last state, the signature of a trust store, an editor's last view.
const VOLATILE_NOTEBOOK: &[&str] = &["signature", "vscode", "widgets"];

/// Whether this metadata of a notebook or a cell is a program's own, and not worth a word.
pub(crate) fn is_volatile(key: &str) -> bool {
    VOLATILE_CELL.contains(&key) || VOLATILE_NOTEBOOK.contains(&key)
}

/// The notebook's text without what changes from run to run; `None` when there is nothing to drop.
pub fn clean(notebook: &Notebook, options: Options) -> Option<String> {
    let mut edits = Vec::new();
    if let Some(edit) = without_keys(notebook, notebook.metadata_span(), VOLATILE_NOTEBOOK, 1) {
        edits.push(edit);
    }
    for cell in &notebook.cells {
        let spans = &cell.spans;
        edits.extend(without_keys(notebook, spans.metadata.clone(), VOLATILE_CELL, 3));
        if !options.keep_counts {
            edits.extend(spans.execution_count.clone().and_then(|span| null(notebook, span)));
        }
        if let Some(outputs) = spans.outputs.clone() {
            if options.outputs {
                let empty = notebook.text()[outputs.clone()].split_whitespace().collect::<String>() == "[]";
                edits.extend((!empty).then(|| Edit { range: outputs, text: "[]".to_owned() }));
            } else if !options.keep_counts {
                edits.extend(
                    output_counts(notebook, cell).into_iter().filter_map(|span| null(notebook, span)),
                );
            }
        }
    }
    (!edits.is_empty()).then(|| notebook.edited(edits))
}

fn null(notebook: &Notebook, span: Range<usize>) -> Option<Edit> {
    (&notebook.text()[span.clone()] != "null").then(|| Edit { range: span, text: "null".to_owned() })
}

/// An object without some of its keys; `None` when it has none of them.
fn without_keys(
    notebook: &Notebook,
    span: Option<Range<usize>>,
    keys: &[&str],
    depth: usize,
) -> Option<Edit> {
    let span = span?;
    let object = Object::parse(&notebook.text()[span.clone()])?;
    let gone: Vec<Change> =
        object.keys().filter(|key| keys.contains(key)).map(|key| (key.to_owned(), None)).collect();
    (!gone.is_empty()).then(|| Edit { text: object.with(&gone, notebook, depth), range: span })
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    execution_count: Option<&'a RawValue>,
}

/// Where the execution counts of a cell's outputs stand in the file.
fn output_counts(notebook: &Notebook, cell: &Cell) -> Vec<Range<usize>> {
    let text = notebook.text();
    let Some(span) = cell.spans.outputs.clone() else { return Vec::new() };
    let outputs: Vec<Output<'_>> = serde_json::from_str(&text[span]).unwrap_or_default();
    let counts = outputs.into_iter().filter_map(|output| output.execution_count);
    counts
        .map(|count| {
            let at = count.get().as_ptr().addr() - text.as_ptr().addr();
            at..at + count.get().len()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTEBOOK: &str = r#"{
 "cells": [
  {
   "attachments": {"a.png": {}},
   "cell_type": "code",
   "execution_count": 7,
   "metadata": {
    "ExecuteTime": 1e-05,
    "tags": [
     "raises-exception"
    ]
   },
   "outputs": [
    {
     "data": {
      "text/plain": "\u003c"
     },
     "execution_count": 7,
     "output_type": "execute_result"
    }
   ],
   "source": "x"
  }
 ],
 "metadata": {
  "language_info": {
   "name": "Rust"
  },
  "widgets": {}
 },
 "nbformat": 4,
 "nbformat_minor": 4
}
"#;

    fn cleaned(text: &str, outputs: bool) -> Option<String> {
        clean(&Notebook::parse("x.ipynb", text.to_owned()).unwrap(), Options { outputs, keep_counts: false })
    }

    #[test]
    fn only_what_a_run_writes_goes() {
        let expected = NOTEBOOK
            .replace("\"execution_count\": 7", "\"execution_count\": null")
            .replace("    \"ExecuteTime\": 1e-05,\n", "")
            .replace("  },\n  \"widgets\": {}\n", "  }\n");
        assert_eq!(cleaned(NOTEBOOK, false).unwrap(), expected);
        assert_eq!(cleaned(&expected, false), None);
    }

    #[test]
    fn what_stays_beside_a_key_that_goes_keeps_its_bytes() {
        let kept = "\"a\": 117.63331139400017, \"b\": 1e-05,\n  \"c\": 123456789012345678901234567890, \"d\": \"\\u003c\"";
        let text = |gone: &str| {
            NOTEBOOK.replace("\"widgets\": {}", &format!("{gone}{kept}")).replace(": 7", ": null")
        };
        let text = |gone: &str| text(gone).replace("    \"ExecuteTime\": 1e-05,\n", "");
        assert_eq!(cleaned(&text("\"widgets\": {},\n  "), false).unwrap(), text(""));
    }

    #[test]
    fn outputs_go_only_when_asked() {
        let text = cleaned(NOTEBOOK, true).unwrap();
        assert!(text.contains("\"outputs\": [],"), "{text}");
        assert_eq!(cleaned(&text, true), None);
    }
}
