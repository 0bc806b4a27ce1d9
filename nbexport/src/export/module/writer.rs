//! Writes regions of a generated file, and with every line where it came from.

use std::collections::HashSet;

use super::docs::{self, Docs};
use super::regions::marker_hash;
use super::{
    GENERATED, HOW_TO_EDIT, MARKER, RESULT, SETUP_BEGIN, SETUP_END, SHOULD_PANIC, TEST_INDENT, TESTS,
};
use super::{marker_id, test_name};
use crate::export::map::{LineMap, Origin};
use crate::notebook::cell::Code;
use crate::notebook::directive::{Directive, Kind, Visibility};
use crate::notebook::parsed::{ParsedCell, Role};
use crate::notebook::scope;
use crate::notebook::{Cell, CellKind, Notebook, header};

/// Writes regions, and with every line where it came from.
pub(super) struct Writer<'a> {
    notebook: &'a Notebook,
    text: String,
    map: LineMap,
    /// The region being written: its marker (with indentation, without the hash), the cell's id, and where its text begins.
    open: Option<(String, String, usize)>,
    setup: SetupCopy,
}

/// What the setup cells so far are copied as.
#[derive(Default)]
struct SetupCopy {
    cells: usize,
    text: String,
    map: LineMap,
    /// Whether they use `?`, or `.await`.
    uses: (bool, bool),
}

impl<'a> Writer<'a> {
    fn begun(notebook: &'a Notebook) -> Self {
        let (text, map, setup) = (String::new(), LineMap::default(), SetupCopy::default());
        let mut writer = Self { notebook, text, map, open: None, setup };
        writer.line(&format!("{GENERATED}{}{HOW_TO_EDIT}", notebook.name), None);
        writer
    }

    /// A file of a notebook, which begins with what the notebook is about.
    pub(super) fn new(notebook: &'a Notebook) -> Self {
        let mut writer = Self::begun(notebook);
        if let Some(heading) = docs::heading(notebook) {
            writer.docs(&heading);
        }
        writer
    }

    /// The same for the notebook's own module, which has the texts that are exported.
    pub(super) fn with_texts(notebook: &'a Notebook) -> Self {
        let mut writer = Self::begun(notebook);
        for docs in docs::all(notebook) {
            writer.docs(&docs);
        }
        writer
    }

    fn docs(&mut self, docs: &Docs<'_>) {
        if self.map.len() > 1 {
            self.close();
            self.line("", None);
        }
        self.begin(0, &marker_id(docs.cell), Some(docs.cell.kind));
        for (text, from) in docs.lines() {
            let origin = from.map(|(line, shift)| Origin { cell: docs.cell.number, line, shift });
            self.line(&text, origin);
        }
    }

    pub(super) fn line(&mut self, text: &str, origin: Option<Origin>) {
        self.text.push_str(text);
        self.text.push('\n');
        self.map.push(origin);
    }

    /// Starts a region; its marker gets the hash when the region is [closed](Self::close).
    pub(super) fn begin(&mut self, indent: usize, id: &str, kind: Option<CellKind>) {
        self.close();
        if !self.text.is_empty() && kind != Some(CellKind::Markdown) {
            self.line("", None);
        }
        let marker = format!("{:indent$}{}", "", self.marker(id, kind));
        self.open = Some((marker, id.to_owned(), self.text.len()));
        self.line("", None);
    }

    fn marker(&self, id: &str, kind: Option<CellKind>) -> String {
        let kind = if kind == Some(CellKind::Markdown) { "[markdown] " } else { "" };
        format!("{MARKER}{kind}{} {id}", self.notebook.file_name())
    }

    fn close(&mut self) {
        if let Some((marker, id, start)) = self.open.take() {
            let hash = marker_hash(&id, self.text[start + 1..].trim_end());
            self.text.insert_str(start, &format!("{marker} {hash}"));
        }
    }

    /// An exported cell, word for word.
    pub(super) fn item_cell(&mut self, cell: &ParsedCell<'_>) {
        self.begin(0, &marker_id(cell.cell), None);
        let hidden = matches!(cell.role(), Role::Export(_, Visibility::Internal));
        let code = cell.code().as_ref().ok();
        let hidden_lines = code.filter(|_| hidden).map(public_item_lines).unwrap_or_default();
        let commands = code.map_or_else(|| header_commands(cell.cell.text()), command_lines);
        for (index, line) in cell.cell.text().lines().enumerate() {
            if hidden_lines.contains(&index) {
                self.line("#[doc(hidden)]", None);
            }
            self.cell_line(cell.cell, index, line, 0, commands.contains(&index));
        }
    }

    /// One line of a cell's text. A line that the kernel takes as a command becomes a comment.
    pub(super) fn cell_line(&mut self, cell: &Cell, index: usize, line: &str, indent: usize, command: bool) {
        let comment = if command { "// " } else { "" };
        let indent = if line.trim().is_empty() { 0 } else { indent };
        let shift = isize::try_from(indent + comment.len()).unwrap_or_default();
        let origin = Origin { cell: cell.number, line: index + 1, shift };
        self.line(&format!("{:indent$}{comment}{line}", ""), Some(origin));
    }

    pub(super) fn open_tests(&mut self) {
        self.begin(0, TESTS, None);
        for line in [
            "#[cfg(test)]",
            "#[allow(unused, clippy::items_after_statements)]",
            "mod tests {",
            "    use super::*;",
        ] {
            self.line(line, None);
        }
    }

    pub(super) fn test_cell(&mut self, cell: &ParsedCell<'_>, setup: &[&ParsedCell<'_>]) {
        let Ok(code) = cell.code() else { return };
        self.begin(4, &marker_id(cell.cell), None);
        self.write_setup(setup, TEST_INDENT);
        let (own, of_setup) = (scope::uses_question_mark_and_await(code), self.setup.uses);
        let (question_mark, awaits) = (own.0 || of_setup.0, own.1 || of_setup.1);
        self.line(if awaits { "    #[tokio::test]" } else { "    #[test]" }, None);
        let attributes = test_attributes(cell);
        for attribute in &attributes {
            self.line(&format!("    {attribute}"), None);
        }
        let asyncness = if awaits { "async " } else { "" };
        let name = test_name(cell).unwrap_or_default();
        let (open, close) = match (question_mark, attributes.iter().any(|it| it == SHOULD_PANIC)) {
            (false, _) => (" {".to_owned(), "}"),
            (true, false) => (format!("{RESULT} {{"), "}"),
            // Such a function returns nothing, and an error is no panic.
            (true, true) => (
                format!(" {{ let test = {asyncness}||{RESULT} {{"),
                if awaits { "}; let _ = test().await; }" } else { "}; let _ = test(); }" },
            ),
        };
        self.line(&format!("    {asyncness}fn {name}(){open}"), None);
        self.setup(setup, TEST_INDENT);
        self.body(cell.cell, code, TEST_INDENT, question_mark);
        if question_mark {
            self.line("        Ok(())", None);
        }
        self.line(&format!("    {close}"), None);
    }

    /// What the setup cells before a test or a benchmark do, copied into it. They are written once and copied from then
    /// on: each later test has all of them.
    pub(super) fn setup(&mut self, setup: &[&ParsedCell<'_>], indent: usize) {
        self.write_setup(setup, indent);
        self.text.push_str(&self.setup.text);
        self.map.extend(&self.setup.map);
        if !setup.is_empty() {
            self.line(&format!("{:indent$}{SETUP_END}", ""), None);
        }
    }

    fn write_setup(&mut self, setup: &[&ParsedCell<'_>], indent: usize) {
        let new = setup.get(self.setup.cells..).unwrap_or_default();
        if !new.is_empty() {
            let rest = (std::mem::take(&mut self.text), std::mem::take(&mut self.map));
            (self.text, self.map) =
                (std::mem::take(&mut self.setup.text), std::mem::take(&mut self.setup.map));
            for cell in new {
                if let Ok(code) = cell.code() {
                    self.line(&format!("{:indent$}{SETUP_BEGIN}{}", "", marker_id(cell.cell)), None);
                    self.body(cell.cell, code, indent, true);
                    let uses = scope::uses_question_mark_and_await(code);
                    self.setup.uses = (self.setup.uses.0 || uses.0, self.setup.uses.1 || uses.1);
                }
            }
            (self.setup.text, self.setup.map) =
                (std::mem::take(&mut self.text), std::mem::take(&mut self.map));
            (self.text, self.map) = rest;
            self.setup.cells = setup.len();
        }
    }

    pub(super) fn main_cell(&mut self, cell: &ParsedCell<'_>, code: &Code) {
        self.begin(0, &marker_id(cell.cell), None);
        let (question_mark, awaits) = scope::uses_question_mark_and_await(code);
        if awaits {
            self.line("#[tokio::main]", None);
        }
        let asyncness = if awaits { "async " } else { "" };
        let result = if question_mark { RESULT } else { "" };
        self.line(&format!("{asyncness}fn main(){result} {{"), None);
        self.body(cell.cell, code, 4, question_mark);
        if question_mark {
            self.line("    Ok(())", None);
        }
        self.line("}", None);
    }

    /// The statements of a cell as (a part of) a function's body. Lines inside string literals are not indented:
    /// that would change the string. A closing expression gets its `;` where its value must not be the function's.
    pub(super) fn body(&mut self, cell: &Cell, code: &Code, indent: usize, more_follows: bool) {
        let within_literals = code.lines_within_literals();
        let mut text = cell.text().to_owned();
        if let Some(end) = end_to_close(code, more_follows) {
            text.insert(end, ';');
        }
        let commands = command_lines(code);
        for (index, line) in text.lines().enumerate() {
            let indent = if within_literals.binary_search(&index).is_ok() { 0 } else { indent };
            self.cell_line(cell, index, line, indent, commands.contains(&index));
        }
    }

    pub(super) fn finish(mut self, in_tests: bool) -> (String, LineMap) {
        self.close();
        if in_tests {
            self.line("}", None);
        }
        (self.text, self.map)
    }
}

/// Whether a cell, or one of the setup cells that it begins with, uses `?` or `.await`.
pub(crate) fn question_mark_and_await(code: &Code, setup: &[&ParsedCell<'_>]) -> (bool, bool) {
    let setup = setup.iter().filter_map(|cell| cell.code().as_ref().ok());
    setup
        .chain([code])
        .map(scope::uses_question_mark_and_await)
        .fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1))
}

/// The attributes that a test's directives ask for, below `#[test]`.
fn test_attributes(cell: &ParsedCell<'_>) -> Vec<String> {
    let directives = &cell.directives;
    let has = |kind: &Kind| directives.has(kind);
    let ignore =
        directives.0.iter().any(|Directive { kind, .. }| matches!(kind, Kind::Test { ignore: true, .. }));
    let mut attributes = Vec::new();
    if has(&Kind::ShouldPanic) || cell.cell.has_tag("raises-exception") {
        attributes.push(SHOULD_PANIC.to_owned());
    }
    if ignore || has(&Kind::Ignore) {
        attributes.push("#[ignore]".to_owned());
    } else if has(&Kind::NoRun) {
        attributes.push("#[ignore = \"no_run\"]".to_owned());
    } else if directives.is_eval_false() {
        attributes.push("#[ignore = \"eval: false\"]".to_owned());
    } else if !directives.flags().is_empty() {
        attributes.push(format!("#[ignore = \"{}\"]", directives.flags().join(", ")));
    }
    attributes
}

/// The lines (from 0) that the kernel takes as commands.
pub(super) fn command_lines(code: &Code) -> HashSet<usize> {
    let line_of = lines_of(&code.text);
    code.commands.iter().map(|(_, span)| line_of(span.start)).collect()
}

/// The same of a cell that cannot be parsed.
fn header_commands(text: &str) -> HashSet<usize> {
    let lines = header::lines(text).enumerate();
    lines.filter(|(_, line)| line.is_command()).map(|(index, _)| index).collect()
}

/// The lines (from 0) on which public items begin, their docs and attributes included.
fn public_item_lines(code: &Code) -> HashSet<usize> {
    let line_of = lines_of(&code.text);
    let public = code.items().filter(|item| scope::is_public(item));
    public.map(|item| line_of(code.span(item).start)).collect()
}

/// Tells the line (from 0) of a place in a text.
fn lines_of(text: &str) -> impl Fn(usize) -> usize + use<> {
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    move |at| ends.partition_point(|end| *end < at)
}

/// Where a `;` belongs after the closing expression; `None` where none is needed: there is no such expression, it
/// is a block of type `()`, or a macro of the `assert!` kind at the very end.
fn end_to_close(code: &Code, more_follows: bool) -> Option<usize> {
    match code.stmts.last()? {
        stmt @ syn::Stmt::Expr(expr, None) => {
            let is_loop = matches!(expr, syn::Expr::ForLoop(_) | syn::Expr::While(_));
            let is_if_alone = matches!(expr, syn::Expr::If(expr) if expr.else_branch.is_none());
            (!is_loop && !is_if_alone).then(|| code.span(stmt).end)
        }
        stmt @ syn::Stmt::Macro(call) if call.semi_token.is_none() => {
            let name = call.mac.path.segments.last()?.ident.to_string();
            let is_unit =
                name.starts_with("assert") || name.starts_with("print") || name.starts_with("eprint");
            (more_follows || !is_unit).then(|| code.span(stmt).end)
        }
        _ => None,
    }
}
