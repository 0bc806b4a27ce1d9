//! A test, a benchmark or a setup cell that uses what another cell declares and the crate will not have.

use std::ops::Range;

use super::declared_by;
use crate::diagnostic::Diagnostic;
use crate::notebook::parsed::{ParsedCell, ParsedNotebook, Role};
use crate::notebook::scope::{self, Declared, FreeName};

/// Names that a test, a benchmark or a setup cell takes from where they will not be.
pub(super) fn check(parsed: &ParsedNotebook<'_>, wrong: &mut Vec<Diagnostic>) {
    // What the module has, by whatever namespace: such a name is never foreign.
    let mut at_hand: Vec<String> = declared_by(parsed, |role| matches!(role, Role::Export(..)))
        .into_iter()
        .map(|(item, _)| item.name)
        .collect();
    let mut module_glob = false;
    for cell in parsed.cells.iter().filter(|cell| matches!(cell.role(), Role::Export(..))) {
        for import in cell.code().iter().flat_map(scope::imports) {
            module_glob |= import.name.is_none();
            at_hand.extend(import.name);
        }
        if let Some(names) = cell.code().as_ref().ok().and_then(scope::names_in_macros) {
            module_glob = true;
            at_hand.extend(names);
        }
    }
    // A benchmark is a program of its own: it sees what is `pub`.
    let private: Vec<(Declared, &ParsedCell<'_>)> = parsed
        .cells
        .iter()
        .filter(|cell| matches!(cell.role(), Role::Export(..)))
        .filter_map(|cell| Some((cell, cell.code().as_ref().ok()?)))
        .flat_map(|(cell, code)| scope::private(code).into_iter().map(move |item| (item, cell)))
        .collect();
    let (mut from_setup, mut setup_glob) = (Vec::new(), false);
    for (index, cell) in parsed.cells.iter().enumerate() {
        if !matches!(cell.role(), Role::Test | Role::Setup | Role::Bench(_)) {
            continue;
        }
        let Ok(code) = cell.code() else { continue };
        // A glob import or a macro may bring any name.
        let glob = module_glob
            || scope::imports(code).iter().any(|import| import.name.is_none())
            || scope::names_in_macros(code).is_some();
        let sees_private = glob || setup_glob || !matches!(cell.role(), Role::Bench(_));
        for free in scope::free_names(code) {
            let item = private.iter().find(|(item, _)| item.name == free.name);
            if let Some((item, other)) = item.filter(|_| !sees_private && !from_setup.contains(&free.name)) {
                wrong.push(private_item(cell, &free, other, item));
            }
            if at_hand.contains(&free.name) || in_prelude(&free.name) {
                continue;
            }
            let certain = !glob || free.is_value && free.name.starts_with(|c: char| c.is_lowercase());
            let diagnostic = match variable_elsewhere(parsed, index, &free) {
                Some((other, span)) if certain => Some(foreign_variable(parsed, cell, &free, other, span)),
                Some(_) => None,
                None if glob => None,
                None => unexported_item(parsed, cell, &free)
                    .map(|(other, item)| foreign_item(cell, &free, other, &item)),
            };
            wrong.extend(diagnostic);
        }
        if cell.role() == Role::Setup {
            from_setup.extend(scope::variables(code).into_iter().map(|(name, _)| name));
            from_setup.extend(scope::declared(code).into_iter().map(|item| item.name));
            from_setup.extend(scope::imports(code).into_iter().filter_map(|import| import.name));
            at_hand.extend_from_slice(&from_setup);
            setup_glob |= glob;
        }
    }
}

/// What messages call a cell, and the command that does without the other cells.
fn called(cell: &ParsedCell<'_>) -> (&'static str, &'static str) {
    match cell.role() {
        Role::Setup => ("setup", "cargo test"),
        Role::Bench(_) => ("benchmark", "cargo bench"),
        _ => ("test", "cargo test"),
    }
}

/// The last cell before `index` (or else the first after it) that declares a variable of this name.
fn variable_elsewhere<'a, 'b>(
    parsed: &'b ParsedNotebook<'a>,
    index: usize,
    free: &FreeName,
) -> Option<(&'b ParsedCell<'a>, Range<usize>)> {
    if free.is_prefix {
        return None;
    }
    let declares = |cell: &'b ParsedCell<'a>| {
        if !cell.mentions(&free.name) {
            return None;
        }
        let variables = scope::variables(cell.code().as_ref().ok()?);
        variables.into_iter().find(|(name, _)| *name == free.name).map(|(_, span)| (cell, span))
    };
    let (before, after) = parsed.cells.split_at(index);
    before.iter().rev().find_map(declares).or_else(|| after.iter().skip(1).find_map(declares))
}

/// The first other cell that declares such an item and is not exported.
fn unexported_item<'a, 'b>(
    parsed: &'b ParsedNotebook<'a>,
    cell: &ParsedCell<'a>,
    free: &FreeName,
) -> Option<(&'b ParsedCell<'a>, Declared)> {
    let others = parsed.cells.iter().filter(|other| {
        matches!(other.role(), Role::Plain | Role::Test | Role::Bench(_))
            && !std::ptr::eq(*other, cell)
            && other.mentions(&free.name)
    });
    let is_it = |item: &Declared| {
        item.name == free.name && (item.in_types && free.is_prefix || item.in_values && !free.is_prefix)
    };
    others
        .filter_map(|other| Some((other, other.code().as_ref().ok()?)))
        .find_map(|(other, code)| Some((other, scope::declared(code).into_iter().find(is_it)?)))
}

fn foreign_variable(
    parsed: &ParsedNotebook<'_>,
    cell: &ParsedCell<'_>,
    free: &FreeName,
    other: &ParsedCell<'_>,
    span: Range<usize>,
) -> Diagnostic {
    let (what, command) = called(cell);
    let later = parsed.cells.iter().position(|it| std::ptr::eq(it, other))
        > parsed.cells.iter().position(|it| std::ptr::eq(it, cell));
    let help = match other.role() {
        Role::Setup if later => {
            format!("move the setup cell above the {what}, so that `{}` is there", free.name)
        }
        _ => format!(
            "declare `{0}` in the {what} itself, or begin cell {1} with `//| setup`: later {2}s then start with its \
             statements",
            free.name,
            other.cell.number,
            if cell.role() == Role::Setup { "test" } else { what }
        ),
    };
    Diagnostic::error(format!("this {what} uses `{}`, a variable of another cell", free.name))
        .at(cell.source(), free.span.clone(), format!("not there under `{command}`"))
        .and_at(other.source(), span, format!("declared in cell {}", other.cell.number))
        .help(help)
}

fn foreign_item(
    cell: &ParsedCell<'_>,
    free: &FreeName,
    other: &ParsedCell<'_>,
    item: &Declared,
) -> Diagnostic {
    let (what, command) = called(cell);
    Diagnostic::error(format!("this {what} uses `{}`, which is not exported", free.name))
        .at(cell.source(), free.span.clone(), format!("not there under `{command}`"))
        .and_at(other.source(), item.span.clone(), format!("defined in cell {}", other.cell.number))
        .help(format!(
            "begin cell {} with `//| export`, or define `{}` in the {what}",
            other.cell.number, free.name
        ))
}

fn private_item(
    cell: &ParsedCell<'_>,
    free: &FreeName,
    other: &ParsedCell<'_>,
    item: &Declared,
) -> Diagnostic {
    Diagnostic::error(format!("this benchmark uses `{}`, which is private to its module", free.name))
        .at(cell.source(), free.span.clone(), "not there under `cargo bench`")
        .and_at(
            other.source(),
            item.span.clone(),
            format!("exported in cell {}, without `pub`", other.cell.number),
        )
        .note("a benchmark is a program of its own, which sees of the crate what is `pub`")
        .help(format!("make `{}` `pub`, or measure a public function that uses it", free.name))
}

/// Names that need no declaration anywhere.
fn in_prelude(name: &str) -> bool {
    const PRELUDE: &[&str] = &[
        "self",
        "Self",
        "super",
        "crate",
        "std",
        "core",
        "alloc",
        "drop",
        "Some",
        "None",
        "Ok",
        "Err",
        "Box",
        "Vec",
        "String",
        "Option",
        "Result",
        "Iterator",
        "IntoIterator",
        "Default",
        "Clone",
        "From",
        "Into",
        "ToString",
        "FromIterator",
        "ToOwned",
        "AsRef",
        "size_of",
        "size_of_val",
        "align_of",
        "align_of_val",
    ];
    PRELUDE.contains(&name)
}
