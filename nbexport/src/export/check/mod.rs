//! What must hold before a notebook is exported, each with the diagnostic that says otherwise.

mod benches;
mod foreign;

use std::collections::HashMap;
use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::export::module;
use crate::notebook::cell::{Code, Shape, conflict_in};
use crate::notebook::directive::Kind;
use crate::notebook::parsed::{ParsedCell, ParsedNotebook, Role};
use crate::notebook::scope::{self, Declared, Import};
use crate::notebook::{Cell, header, name};

/// Everything that is wrong with a notebook that exports something.
pub(super) fn check(parsed: &ParsedNotebook<'_>) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    language(parsed, &mut wrong);
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
    duplicates(parsed, &mut wrong);
    test_names(parsed, &mut wrong);
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
                name::identifier(&name)
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
        Role::Export(..) => {
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
    let exported: Vec<&Cell> =
        parsed.cells.iter().filter(|cell| cell.role() != Role::Plain).map(|cell| cell.cell).collect();
    for (index, cell) in exported.iter().enumerate() {
        if let Some(first) =
            exported[..index].iter().find(|other| module::marker_id(other) == module::marker_id(cell))
        {
            let line = |cell: &Cell| 0..cell.text().lines().next().map_or(0, str::len);
            wrong.push(
                Diagnostic::error(format!("two cells have the id `{}`", cell.id))
                    .at(&cell.source, line(cell), "has the same id")
                    .and_at(&first.source, line(first), "has it first")
                    .help("open the notebook in JupyterLab and save it: that gives the second one an id of its own"),
            );
        }
    }
}

/// The cells that go to one file of the crate, file by file.
fn files<'a, 'b>(parsed: &'b ParsedNotebook<'a>) -> Vec<(String, Vec<&'b ParsedCell<'a>>)> {
    let (default, _) = module::default_module(parsed);
    let mut files: Vec<(String, Vec<&ParsedCell<'_>>)> = Vec::new();
    for cell in &parsed.cells {
        let name = match cell.role() {
            Role::Export(name, _) => format!("src/{}.rs", name.unwrap_or(&default)),
            Role::Bin(name) => format!("src/bin/{name}.rs"),
            _ => continue,
        };
        match files.iter_mut().find(|(known, _)| *known == name) {
            Some((_, cells)) => cells.push(cell),
            None => files.push((name, vec![cell])),
        }
    }
    files
}

/// In a notebook a later definition shadows an earlier one; in a module it is E0428.
fn duplicates(parsed: &ParsedNotebook<'_>, wrong: &mut Vec<Diagnostic>) {
    for (file, cells) in files(parsed) {
        let mut declared: Vec<(Declared, &ParsedCell<'_>)> = Vec::new();
        let mut imported: Vec<(Import, &ParsedCell<'_>)> = Vec::new();
        let mut main: Option<&ParsedCell<'_>> = None;
        for cell in cells {
            let Ok(code) = cell.code() else { continue };
            if matches!(cell.role(), Role::Bin(_))
                && matches!(code.shape(), Shape::Statements | Shape::Expression)
            {
                if let Some(first) = main {
                    wrong.push(
                        Diagnostic::error(format!("two cells with statements for `{file}`"))
                            .at(cell.source(), first_line(cell), "this one, too, would become `fn main`")
                            .and_at(first.source(), first_line(first), "the first")
                            .help("join the two cells, or write `fn main` yourself"),
                    );
                }
                main = Some(cell);
                continue;
            }
            for new in scope::declared(code).into_iter().filter(|_| !has_cfg(code)) {
                let same = |old: &&(Declared, &ParsedCell<'_>)| {
                    old.0.name == new.name
                        && (old.0.in_types && new.in_types || old.0.in_values && new.in_values)
                };
                if let Some((old, first)) = declared.iter().find(same) {
                    wrong.push(
                        Diagnostic::error(format!("`{}` is exported twice", new.name))
                            .at(cell.source(), new.span.clone(), "exported again")
                            .and_at(first.source(), old.span.clone(), "first exported here")
                            .note(format!("both cells go to `{file}`, where a name stands once"))
                            .help("export the last version only: drop `//| export` from the earlier cell, or rename it"),
                    );
                }
                declared.push((new, cell));
            }
            for new in scope::imports(code) {
                let same = |old: &&(Import, &ParsedCell<'_>)| {
                    new.name.is_some() && old.0.name == new.name && old.0.path == new.path
                };
                if let Some((old, first)) = imported.iter().find(same) {
                    wrong.push(
                        Diagnostic::error(format!("`{}` is imported twice", new.path))
                            .at(cell.source(), new.span.clone(), "imported again")
                            .and_at(first.source(), old.span.clone(), "first imported here")
                            .note(format!("both cells go to `{file}`, where a name is imported once"))
                            .help("keep the import in the first exported cell that needs it"),
                    );
                }
                imported.push((new, cell));
            }
        }
    }
}

/// With `#[cfg]` a name may rightly stand twice.
fn has_cfg(code: &Code) -> bool {
    code.text.contains("#[cfg")
}

fn first_line(cell: &ParsedCell<'_>) -> Range<usize> {
    0..cell.cell.text().lines().next().map_or(0, str::len)
}

/// Test functions share a module with one another and see the exported items.
fn test_names(parsed: &ParsedNotebook<'_>, wrong: &mut Vec<Diagnostic>) {
    let exported = declared_by(parsed, |role| matches!(role, Role::Export(..)));
    let mut seen: Vec<(String, &ParsedCell<'_>)> = Vec::new();
    for cell in &parsed.cells {
        let Some(name) = module::test_name(cell) else {
            continue;
        };
        let span = cell
            .directives
            .find(|kind| matches!(kind, Kind::Test { .. }).then_some(()))
            .map_or(0..0, |((), directive)| directive.span.clone());
        if let Some((_, first)) = seen.iter().find(|(other, _)| *other == name) {
            wrong.push(
                Diagnostic::error(format!("two tests are called `{name}`"))
                    .at(cell.source(), span.clone(), "called the same")
                    .and_at(first.source(), first_line(first), "first called so here")
                    .help("give each test a name of its own: `//| test NAME`"),
            );
        }
        if let Some((item, other)) = exported.iter().find(|(item, _)| item.name == name && item.in_values) {
            wrong.push(
                Diagnostic::error(format!("the test `{name}` has the name of what it tests"))
                    .at(cell.source(), span, "")
                    .and_at(other.source(), item.span.clone(), "exported here")
                    .note("inside `mod tests` the test would hide the exported item")
                    .help(format!("call it `//| test {name}_works`, or what it asserts")),
            );
        }
        seen.push((name, cell));
    }
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
/// one). Each comes as its notebook's name, its own and its path.
pub(super) fn same_module(modules: &[(&str, &str, &str)]) -> Vec<(usize, Diagnostic)> {
    let mut wrong = Vec::new();
    let mut seen: HashMap<String, Vec<&str>> = HashMap::new();
    for (index, &(notebook, module, path)) in modules.iter().enumerate() {
        let others = seen.entry(path.to_lowercase()).or_default();
        if let Some(other) = others.iter().find(|other| **other != notebook) {
            wrong.push((
                index,
                Diagnostic::error(format!("two notebooks export to `{path}`: `{other}` and `{notebook}`"))
                    .note("a module is fed by one notebook")
                    .help(format!(
                        "rename one of the two, or give it a module of its own: `//| default_exp {module}b`"
                    )),
            ));
        }
        others.push(notebook);
    }
    wrong
}
