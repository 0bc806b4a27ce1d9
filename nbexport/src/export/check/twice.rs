//! Names that stand twice where they may stand once.

use std::collections::HashMap;
use std::ops::Range;

use super::{declared_by, first_line};
use crate::diagnostic::Diagnostic;
use crate::export::module;
use crate::notebook::cell::{Code, Shape};
use crate::notebook::directive::Kind;
use crate::notebook::parsed::{ParsedCell, ParsedNotebook, Role};
use crate::notebook::scope::{self, Declared, Import};

/// In a notebook a later definition shadows an earlier one; in a module it is E0428.
pub(super) fn items(parsed: &ParsedNotebook<'_>, wrong: &mut Vec<Diagnostic>) {
    for (file, cells) in files(parsed) {
        let mut declared: HashMap<String, Vec<(Declared, &ParsedCell<'_>)>> = HashMap::new();
        let mut imported: HashMap<(String, String), (Range<usize>, &ParsedCell<'_>)> = HashMap::new();
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
                    old.0.in_types && new.in_types || old.0.in_values && new.in_values
                };
                let before = declared.entry(new.name.clone()).or_default();
                // The first of each kind is enough to find: a name has at most two.
                if let Some((old, first)) = before.iter().find(same) {
                    wrong.push(
                        Diagnostic::error(format!("`{}` is exported twice", new.name))
                            .at(cell.source(), new.span.clone(), "exported again")
                            .and_at(first.source(), old.span.clone(), "first exported here")
                            .note(format!("both cells go to `{file}`, where a name stands once"))
                            .help("export the last version only: drop `//| export` from the earlier cell, or rename it"),
                    );
                }
                if before.len() < 3 {
                    before.push((new, cell));
                }
            }
            for Import { path, name, span } in scope::imports(code) {
                let Some(name) = name else { continue };
                if let Some((old, first)) = imported.get(&(name.clone(), path.clone())) {
                    wrong.push(
                        Diagnostic::error(format!("`{path}` is imported twice"))
                            .at(cell.source(), span.clone(), "imported again")
                            .and_at(first.source(), old.clone(), "first imported here")
                            .note(format!("both cells go to `{file}`, where a name is imported once"))
                            .help("keep the import in the first exported cell that needs it"),
                    );
                }
                imported.entry((name, path)).or_insert((span, cell));
            }
        }
    }
}

/// With `#[cfg]` a name may rightly stand twice.
fn has_cfg(code: &Code) -> bool {
    code.text.contains("#[cfg")
}

/// Test functions share a module with one another and see the exported items.
pub(super) fn tests(parsed: &ParsedNotebook<'_>, wrong: &mut Vec<Diagnostic>) {
    let exported = declared_by(parsed, |role| matches!(role, Role::Export(..)));
    let mut exported_values: HashMap<&str, &(Declared, &ParsedCell<'_>)> = HashMap::new();
    for it in exported.iter().filter(|(item, _)| item.in_values) {
        exported_values.entry(&it.0.name).or_insert(it);
    }
    let mut seen: HashMap<String, &ParsedCell<'_>> = HashMap::new();
    for cell in &parsed.cells {
        let Some(name) = module::test_name(cell) else {
            continue;
        };
        let span = cell
            .directives
            .find(|kind| matches!(kind, Kind::Test { .. }).then_some(()))
            .map_or(0..0, |((), directive)| directive.span.clone());
        if let Some(first) = seen.get(&name) {
            wrong.push(
                Diagnostic::error(format!("two tests are called `{name}`"))
                    .at(cell.source(), span.clone(), "called the same")
                    .and_at(first.source(), first_line(first), "first called so here")
                    .help("give each test a name of its own: `//| test NAME`"),
            );
        }
        if let Some((item, other)) = exported_values.get(name.as_str()) {
            wrong.push(
                Diagnostic::error(format!("the test `{name}` has the name of what it tests"))
                    .at(cell.source(), span, "")
                    .and_at(other.source(), item.span.clone(), "exported here")
                    .note("inside `mod tests` the test would hide the exported item")
                    .help(format!("call it `//| test {name}_works`, or what it asserts")),
            );
        }
        seen.entry(name).or_insert(cell);
    }
}

/// The cells that go to one file of the crate, file by file.
fn files<'a, 'b>(parsed: &'b ParsedNotebook<'a>) -> Vec<(String, Vec<&'b ParsedCell<'a>>)> {
    let (default, _) = module::default_module(parsed);
    let mut files: Vec<(String, Vec<&ParsedCell<'_>>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for cell in &parsed.cells {
        let name = match cell.role() {
            Role::Export(name, _) => format!("src/{}.rs", name.unwrap_or(&default)),
            Role::Bin(name) => format!("src/bin/{name}.rs"),
            _ => continue,
        };
        let at = *known.entry(name.clone()).or_insert_with(|| {
            files.push((name, Vec::new()));
            files.len() - 1
        });
        files[at].1.push(cell);
    }
    files
}
