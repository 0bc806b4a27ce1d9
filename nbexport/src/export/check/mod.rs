//! What must hold before a notebook is exported, each with the diagnostic that says otherwise.

mod benches;
mod foreign;
mod twice;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::export::{Exported, module};
use crate::notebook::cell::{Code, conflict_in};
use crate::notebook::directive::{Kind, Visibility};
use crate::notebook::name::is_unprintable;
use crate::notebook::parsed::{ParsedCell, ParsedNotebook, Role};
use crate::notebook::scope::{self, Declared};
use crate::notebook::{Cell, header, name};

/// Everything that is wrong with a notebook that exports something.
pub(super) fn check(parsed: &ParsedNotebook<'_>) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    language(parsed, &mut wrong);
    file_name(parsed, &mut wrong);
    module_names(parsed, &mut wrong);
    for cell in &parsed.cells {
        if cell.role() == Role::Plain {
            // Such a cell is not read, but what a merge left open in it is not meant to stay.
            wrong.extend(conflict_in(cell.source()));
        } else {
            contents(cell, &mut wrong);
        }
        misplaced_directives(cell, &mut wrong);
    }
    ids(parsed, &mut wrong);
    twice::items(parsed, &mut wrong);
    twice::tests(parsed, &mut wrong);
    benches::check(parsed, &mut wrong);
    foreign::check(parsed, &mut wrong);
    wrong
}

fn language(parsed: &ParsedNotebook<'_>, wrong: &mut Vec<Diagnostic>) {
    let Some(language) = parsed.notebook.language().filter(|language| language != "rust") else {
        return;
    };
    let first = parsed.cells.iter().find(|cell| cell.role() != Role::Plain);
    let mut diagnostic = Diagnostic::error(format!("`{}` is a {language} notebook", parsed.notebook.name))
        .note("its metadata names that language; nbexport exports Rust")
        .help("choose the Rust kernel in Jupyter (Kernel > Change Kernel) and save, or remove its `//|` directives");
    if let Some((cell, directive)) = first.and_then(|cell| Some((cell, cell.directives.0.first()?))) {
        diagnostic = diagnostic.at(cell.source(), directive.span.clone(), "");
    }
    wrong.push(diagnostic);
}

/// The notebook's name stands in comments of the module: a line break in it would end the comment, and rustc refuses what
/// makes text read otherwise than it is.
fn file_name(parsed: &ParsedNotebook<'_>, wrong: &mut Vec<Diagnostic>) {
    let name = &parsed.notebook.name;
    let Some(bad) = name.chars().find(|c| is_unprintable(*c)) else { return };
    let first = parsed.cells.iter().find(|cell| cell.role() != Role::Plain);
    let diagnostic =
        Diagnostic::error(format!("the path `{}` cannot be written into a module", name.escape_debug()))
            .note(format!(
                "`{}` stands in it, and each module names the notebook that it was made of",
                bad.escape_unicode()
            ))
            .help("rename the notebook or its folder");
    wrong.push(match first.and_then(|cell| Some((cell, cell.directives.0.first()?))) {
        Some((cell, directive)) => diagnostic.at(cell.source(), directive.span.clone(), ""),
        None => diagnostic,
    });
}

fn module_names(parsed: &ParsedNotebook<'_>, wrong: &mut Vec<Diagnostic>) {
    let mut named = parsed.cells.iter().filter_map(|cell| {
        cell.directives
            .find(|kind| matches!(kind, Kind::DefaultExp(_)).then_some(()))
            .map(|((), it)| (cell, it))
    });
    if let (Some((first, one)), Some((second, other))) = (named.next(), named.next()) {
        wrong.push(
            Diagnostic::error("`default_exp` is given twice")
                .at(second.source(), other.span.clone(), "given again")
                .and_at(first.source(), one.span.clone(), "first given here")
                .help("a notebook has one module; send single cells elsewhere by `//| export MODULE`"),
        );
    }
    if let (name, None) = module::default_module(parsed)
        && let Err((why, _)) = name::check_name(&name, "module")
    {
        let diagnostic = Diagnostic::error(why)
            .note(format!(
                "the name comes from the file's, `{}`, up to its first `_`",
                parsed.notebook.file_name()
            ))
            .help(format!(
                "rename the notebook, or begin a cell with `//| default_exp {}`",
                name::ascii(&name)
            ));
        wrong.push(match parsed.cells.iter().find_map(|cell| Some((cell, cell.directives.0.first()?))) {
            Some((cell, directive)) => diagnostic.at(cell.source(), directive.span.clone(), ""),
            None => diagnostic,
        });
    }
}

/// A cell that takes part must be Rust, and an exported one must hold items only.
fn contents(cell: &ParsedCell<'_>, wrong: &mut Vec<Diagnostic>) {
    let code = match cell.code() {
        Ok(code) => code,
        Err(diagnostic) => return wrong.push(diagnostic.clone()),
    };
    for span in code.inner_attributes.iter().filter(|_| !matches!(cell.role(), Role::Plain)) {
        wrong.push(
            Diagnostic::error("an inner attribute is about the whole crate, and a cell is a part of it")
                .at(cell.source(), span.clone(), "")
                .help("inner attributes (`#![…]`) belong at the top of the crate, in `src/lib.rs`"),
        );
    }
    match cell.role() {
        Role::Export(_, visibility) => {
            if visibility == Visibility::Internal {
                shared_lines(cell, code, wrong);
            }
            for (span, what) in code.statements() {
                wrong.push(
                    Diagnostic::error("an exported cell holds items only")
                        .at(cell.source(), span, format!("{what} is no item"))
                        .help(if what == "a stray `;`" {
                            "delete the `;`"
                        } else {
                            "move it to a cell of its own: without `//| export` to explore, or `//| test` to assert"
                        }),
                );
            }
        }
        Role::Test => {
            if let Some(((), directive)) =
                cell.directives.find(|kind| (*kind == Kind::CompileFail).then_some(()))
            {
                wrong.push(
                    Diagnostic::error("a test cell that must not compile cannot become a `#[test]`")
                        .at(cell.source(), directive.span.clone(), "")
                        .help("drop `//| test`: `compile_fail` alone is checked by `nbexport test`"),
                );
            }
        }
        _ => {}
    }
}

/// `#[doc(hidden)]` gets a line of its own above each public item, which has to begin one: what stands before it may be a
/// string or a comment that began further above.
fn shared_lines(cell: &ParsedCell<'_>, code: &Code, wrong: &mut Vec<Diagnostic>) {
    for item in code.items().filter(|item| scope::is_public(item)) {
        let span = code.span(item);
        let start = code.text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        if !code.text[start..span.start].trim().is_empty() {
            let end = code.text[span.clone()].find('\n').map_or(span.end, |length| span.start + length);
            wrong.push(
                Diagnostic::error("a public item of an `exporti` cell begins a line of its own")
                    .at(cell.source(), span.start..end, "something stands before it on its line")
                    .note("`#[doc(hidden)]` is written on a line above it")
                    .help("begin it on the next line"),
            );
        }
    }
}

/// A `//| export` below the first line of code would be taken as a comment, and nobody would notice.
fn misplaced_directives(cell: &ParsedCell<'_>, wrong: &mut Vec<Diagnostic>) {
    let text = cell.cell.text();
    let header = header::lines(text).last().map_or(0, |line| line.span().end);
    if !text[header..].contains("\n//|") {
        return;
    }
    let Ok(code) = cell.code() else { return };
    let within_literals = code.lines_within_literals();
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let (start, body) = (offset, line.trim_end());
        offset += line.len();
        if start > header && body.starts_with("//|") && !within_literals.contains(&index) {
            wrong.push(
                Diagnostic::error("a directive below code has no effect")
                    .at(cell.source(), start..start + body.len(), "")
                    .help("directives stand above the cell's first line of Rust; a comment is `//`, without the bar"),
            );
        }
    }
}

/// Two cells of one id cannot be told apart by their markers.
fn ids(parsed: &ParsedNotebook<'_>, wrong: &mut Vec<Diagnostic>) {
    let exported = parsed.cells.iter().filter(|cell| cell.role() != Role::Plain).map(|cell| cell.cell);
    let mut seen: HashMap<String, &Cell> = HashMap::new();
    for cell in exported {
        if let Some(first) = seen.get(&module::marker_id(cell)) {
            let line = |cell: &Cell| 0..cell.text().lines().next().map_or(0, str::len);
            wrong.push(
                Diagnostic::error(format!("two cells have the id `{}`", cell.id))
                    .at(&cell.source, line(cell), "has the same id")
                    .and_at(&first.source, line(first), "has it first")
                    .help("open the notebook in JupyterLab and save it: that gives the second one an id of its own"),
            );
        } else {
            seen.insert(module::marker_id(cell), cell);
        }
    }
}

fn first_line(cell: &ParsedCell<'_>) -> Range<usize> {
    0..cell.cell.text().lines().next().map_or(0, str::len)
}

fn declared_by<'a, 'b>(
    parsed: &'b ParsedNotebook<'a>,
    wanted: impl Fn(Role<'_>) -> bool,
) -> Vec<(Declared, &'b ParsedCell<'a>)> {
    let cells = parsed.cells.iter().filter(|cell| wanted(cell.role()));
    cells
        .filter_map(|cell| Some((cell, cell.code().as_ref().ok()?)))
        .flat_map(|(cell, code)| scope::declared(code).into_iter().map(move |declared| (declared, cell)))
        .collect()
}

/// Two modules of one name, from two notebooks (or two files that differ only in case, which some systems take for
/// one). Each comes with its notebook's number and name; each error with the numbers of both notebooks.
pub(super) fn same_module<'a>(
    modules: impl Iterator<Item = (usize, &'a str, &'a Exported)>,
) -> Vec<([usize; 2], Diagnostic)> {
    let mut wrong = Vec::new();
    let mut seen: HashMap<String, (usize, &str)> = HashMap::new();
    for (owner, notebook, module) in modules {
        match seen.entry(module.path.to_lowercase()) {
            Entry::Vacant(free) => {
                free.insert((owner, notebook));
            }
            Entry::Occupied(taken) if taken.get().0 == owner => {}
            Entry::Occupied(taken) => {
                let (first, other) = *taken.get();
                let message =
                    format!("two notebooks export to `{}`: `{other}` and `{notebook}`", module.path);
                let help = format!(
                    "rename one of the two, or give it a module of its own: `//| default_exp {}b`",
                    module.name
                );
                wrong.push((
                    [first, owner],
                    Diagnostic::error(message).note("a module is fed by one notebook").help(help),
                ));
            }
        }
    }
    wrong
}
