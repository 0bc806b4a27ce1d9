//! A [`Notebook`] → its code cells with their directives and their Rust.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Result};
use crate::notebook::cell::Code;
use crate::notebook::directive::{self, Directives, Kind};
use crate::notebook::{Cell, Notebook};

/// A notebook whose code cells have been read.
#[derive(Debug)]
pub(crate) struct ParsedNotebook<'a> {
    /// The notebook it was made of.
    pub(crate) notebook: &'a Notebook,
    /// Its code cells, in order.
    pub(crate) cells: Vec<ParsedCell<'a>>,
}

/// A code cell with what it asks for and what it holds.
#[derive(Debug)]
pub(crate) struct ParsedCell<'a> {
    /// The cell.
    pub(crate) cell: &'a Cell,
    /// Its `//|` lines.
    pub(crate) directives: Directives,
    code: OnceCell<Result<Code>>,
}

impl<'a> ParsedNotebook<'a> {
    /// Reads the code cells; what is wrong with directives comes back beside them.
    pub(crate) fn new(notebook: &'a Notebook) -> (Self, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let cells = notebook
            .cells
            .iter()
            .filter(|cell| cell.is_code())
            .map(|cell| {
                let (directives, wrong) = directive::parse(cell);
                diagnostics.extend(wrong);
                ParsedCell { cell, directives, code: OnceCell::new() }
            })
            .collect();
        (Self { notebook, cells }, diagnostics)
    }

    /// Whether anything of the notebook goes to a crate; only such a notebook claims a module.
    pub(crate) fn exports_something(&self) -> bool {
        self.exported_texts() > 0 || self.cells.iter().any(|cell| cell.role() != Role::Plain)
    }

    /// How many markdown cells go to the crate.
    pub(crate) fn exported_texts(&self) -> usize {
        self.notebook.cells.iter().filter(|cell| cell.is_exported_text()).count()
    }
}

/// What becomes of a cell in the crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role<'a> {
    /// Nothing.
    Plain,
    /// Items of a module; `None` is the notebook's own.
    Export(Option<&'a str>, directive::Visibility),
    /// A `#[test]`.
    Test,
    /// Statements that later tests begin with.
    Setup,
    /// A part of `src/bin/NAME.rs`.
    Bin(&'a str),
    /// A benchmark of this name.
    Bench(&'a str),
}

impl ParsedCell<'_> {
    /// Its Rust, or why it is none. It is parsed when it is first asked for: of most notebooks, half of the cells go
    /// nowhere and nobody asks.
    pub(crate) fn code(&self) -> &Result<Code> {
        self.code.get_or_init(|| Code::parse(&self.cell.source))
    }

    /// Whether a word stands in its text; what does not cannot be declared there.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        self.cell.text().contains(word)
    }

    /// What becomes of the cell in the crate.
    pub(crate) fn role(&self) -> Role<'_> {
        self.directives
            .find(|kind| match kind {
                Kind::Export { module, visibility } => Some(Role::Export(module.as_deref(), *visibility)),
                Kind::Test { .. } => Some(Role::Test),
                Kind::Setup => Some(Role::Setup),
                Kind::Bin(name) => Some(Role::Bin(name)),
                Kind::Bench(name) => Some(Role::Bench(name)),
                _ => None,
            })
            .map_or(Role::Plain, |(role, _)| role)
    }

    /// The cell's text under the name that messages call it by.
    pub(crate) fn source(&self) -> &Arc<crate::diagnostic::Source> {
        &self.cell.source
    }
}
