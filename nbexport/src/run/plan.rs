//! What a run of a notebook is to do, decided once: which cells run, what is expected of each, which are left out.
//!
//! Both engines carry a plan out, so neither can skip what the other runs.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Select;
use super::left_out::LeftOut;
use super::verdict::{CellReport, Expect, Verdict};
use crate::diagnostic::{Diagnostic, Result, Source};
use crate::notebook::Notebook;
use crate::notebook::cell;
use crate::notebook::parsed::{ParsedCell, ParsedNotebook};

/// What a run of one notebook is to do.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// The notebook, its code cells read.
    pub(crate) parsed: ParsedNotebook<'a>,
    /// What is expected of each code cell.
    pub(crate) expects: Vec<Expect>,
}

impl<'a> Plan<'a> {
    /// Plans a run of a notebook as far as the last cell that is selected: an earlier one may be needed, a later one
    /// is not.
    ///
    /// # Errors
    /// It is in another language.
    pub(crate) fn new(notebook: &'a Notebook, select: &Select) -> Result<Self> {
        in_rust(notebook)?;
        let (parsed, _) = ParsedNotebook::new(notebook);
        let last = parsed.cells.iter().rposition(|cell| select.cell(cell.cell));
        let mut left_out = LeftOut::default();
        let expect = |(index, cell): (usize, &ParsedCell<'_>)| match Expect::of(cell.cell, &cell.directives) {
            Expect::Skip(why) => Expect::Skip(why),
            _ if last.is_some_and(|last| index > last) => Expect::Skip("not selected".into()),
            expect => match left_out.why(cell, &select.missing(cell.directives.flags())) {
                Some(why) => Expect::Skip(why.into()),
                None => expect,
            },
        };
        let expects = parsed.cells.iter().enumerate().map(expect).collect();
        Ok(Self { parsed, expects })
    }

    /// The code cells with what is expected of each.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&ParsedCell<'a>, Expect)> {
        self.parsed.cells.iter().zip(self.expects.iter().cloned())
    }

    /// What is said of a code cell after the run.
    pub(crate) fn report(&self, index: usize, verdict: Verdict, time: Duration) -> CellReport {
        let cell = &self.parsed.cells[index];
        let runs = !matches!(self.expects[index], Expect::Skip(_) | Expect::CompileError);
        let tests = |code: &cell::Code| cell::tests(&code.stmts);
        CellReport {
            number: cell.cell.number,
            source: Arc::clone(cell.source()),
            verdict,
            time,
            ran: None,
            tests_not_run: cell.code().as_ref().ok().filter(|_| runs).map(tests).unwrap_or_default(),
        }
    }
}

/// Whether a notebook is one to run: it was named, and has the cell that is selected. One that cannot be read is, too,
/// or nobody would hear of it.
pub(crate) fn is_wanted(name: &str, notebook: &Result<Notebook>, select: &Select) -> bool {
    let has_cell =
        || notebook.as_ref().map_or(true, |notebook| notebook.cells.iter().any(|cell| select.cell(cell)));
    select.notebook(name) && (select.cell.is_none() || has_cell())
}

/// What is said of a cell that reads standard input, which no engine has.
pub(crate) fn reads_stdin(source: &Arc<Source>, span: Range<usize>) -> Diagnostic {
    Diagnostic::error("the kernel has no standard input to read from")
        .at(source, span, "")
        .note("evcxr sends its commands by it: whoever reads there waits for the next cell")
        .help("read a file or a string (`&b\"…\"[..]` is a `Read`), or give the cell `no_run`")
}

fn in_rust(notebook: &Notebook) -> Result<()> {
    match notebook.language() {
        Some(language) if language != "rust" => {
            let message = format!("`{}` is a notebook in another language: {language}", notebook.name);
            Err(Diagnostic::error(message).help("nbexport runs notebooks in Rust"))
        }
        _ => Ok(()),
    }
}
