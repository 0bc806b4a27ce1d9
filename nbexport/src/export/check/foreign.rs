//! A test, a benchmark or a setup cell that uses what another cell declares and the crate will not have.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::declared_by;
use crate::diagnostic::Diagnostic;
use crate::notebook::cell::Code;
use crate::notebook::parsed::{ParsedCell, ParsedNotebook, Role};
use crate::notebook::scope::{self, Declared, FreeName};

/// Names that a test, a benchmark or a setup cell takes from where they will not be.
pub(super) fn check(parsed: &ParsedNotebook<'_>, wrong: &mut Vec<Diagnostic>) {
    // What the module has, by whatever namespace: such a name is never foreign.
    let mut at_hand: HashSet<String> = declared_by(parsed, |role| matches!(role, Role::Export(..)))
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
    let mut private_names: HashMap<&str, usize> = HashMap::new();
    for (index, (item, _)) in private.iter().enumerate() {
        private_names.entry(&item.name).or_insert(index);
    }
    let mut elsewhere = Elsewhere::new(parsed);
    let (mut from_setup, mut setup_glob): (HashSet<String>, _) = (HashSet::new(), false);
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
            let item = private_names.get(free.name.as_str()).map(|index| &private[*index]);
            if let Some((item, other)) = item.filter(|_| !sees_private && !from_setup.contains(&free.name)) {
                wrong.push(private_item(cell, &free, other, item));
            }
            if at_hand.contains(&free.name) || in_prelude(&free.name) {
                continue;
            }
            let certain = !glob || free.is_value && free.name.starts_with(|c: char| c.is_lowercase());
            let diagnostic = match elsewhere.variable(index, &free) {
                Some((other, span)) if certain => {
                    Some(foreign_variable(cell, &free, &parsed.cells[other], span, other > index))
                }
                Some(_) => None,
                None if glob => None,
                None => elsewhere
                    .unexported_item(index, &free)
                    .map(|(other, item)| foreign_item(cell, &free, other, &item)),
            };
            wrong.extend(diagnostic);
        }
        if cell.role() == Role::Setup {
            let variables = scope::variables(code).into_iter().map(|(name, _)| name);
            let items = scope::declared(code).into_iter().map(|item| item.name);
            let imports = scope::imports(code).into_iter().filter_map(|import| import.name);
            for name in variables.chain(items).chain(imports) {
                at_hand.insert(name.clone());
                from_setup.insert(name);
            }
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

/// What the cells of a notebook declare, looked up by name. A cell is read only when it mentions a name that is asked for.
struct Elsewhere<'a, 'b> {
    parsed: &'b ParsedNotebook<'a>,
    /// The cells in whose text a word stands, by their places in `parsed`, in order. It is made when it is first asked.
    mentions: OnceCell<HashMap<&'b str, Vec<usize>>>,
    /// The variables of each name asked for, in order of their cells.
    variables: HashMap<String, Vec<(usize, Range<usize>)>>,
    /// The items of each name asked for that are not exported.
    items: HashMap<String, Vec<(usize, Declared)>>,
}

impl<'a, 'b> Elsewhere<'a, 'b> {
    fn new(parsed: &'b ParsedNotebook<'a>) -> Self {
        Self { parsed, mentions: OnceCell::new(), variables: HashMap::new(), items: HashMap::new() }
    }

    fn mentions(parsed: &'b ParsedNotebook<'a>) -> HashMap<&'b str, Vec<usize>> {
        let mut mentions: HashMap<&str, Vec<usize>> = HashMap::new();
        // What is exported has no variables, and none of its items is missing.
        let cells = parsed.cells.iter().enumerate();
        for (index, cell) in cells.filter(|(_, cell)| !matches!(cell.role(), Role::Export(..))) {
            for word in cell.cell.text().split(|c: char| !(c.is_alphanumeric() || c == '_')) {
                let cells = mentions.entry(word).or_default();
                if cells.last() != Some(&index) {
                    cells.push(index);
                }
            }
        }
        mentions
    }

    /// The code of the cells that mention a name.
    fn mentioning(&self, name: &str) -> impl Iterator<Item = (usize, &'b Code)> {
        let word = name.strip_prefix("r#").unwrap_or(name);
        let mentions = self.mentions.get_or_init(|| Self::mentions(self.parsed));
        let cells = mentions.get(word).map(Vec::as_slice).unwrap_or_default();
        let parsed = self.parsed;
        cells.iter().filter_map(move |index| Some((*index, parsed.cells[*index].code().as_ref().ok()?)))
    }

    /// The last cell before `index` (or else the first after it) that declares a variable of this name.
    fn variable(&mut self, index: usize, free: &FreeName) -> Option<(usize, Range<usize>)> {
        if free.is_prefix {
            return None;
        }
        if !self.variables.contains_key(&free.name) {
            let declares = |(cell, code): (usize, &Code)| {
                let variables = scope::variables(code);
                variables.into_iter().find(|(name, _)| *name == free.name).map(|(_, span)| (cell, span))
            };
            let found = self.mentioning(&free.name).filter_map(declares).collect();
            self.variables.insert(free.name.clone(), found);
        }
        let all = &self.variables[&free.name];
        let after = all.partition_point(|(cell, _)| *cell < index);
        let before = all[..after].last();
        before.or_else(|| all[after..].iter().find(|(cell, _)| *cell > index)).cloned()
    }

    /// The first other cell that declares such an item and is not exported.
    fn unexported_item(&mut self, index: usize, free: &FreeName) -> Option<(&'b ParsedCell<'a>, Declared)> {
        if !self.items.contains_key(&free.name) {
            let found = self
                .mentioning(&free.name)
                .filter(|(cell, _)| {
                    matches!(self.parsed.cells[*cell].role(), Role::Plain | Role::Test | Role::Bench(_))
                })
                .flat_map(|(cell, code)| scope::declared(code).into_iter().map(move |item| (cell, item)))
                .filter(|(_, item)| item.name == free.name)
                .collect();
            self.items.insert(free.name.clone(), found);
        }
        let is_it = |item: &Declared| item.in_types && free.is_prefix || item.in_values && !free.is_prefix;
        let (cell, item) =
            self.items[&free.name].iter().find(|(cell, item)| *cell != index && is_it(item))?;
        Some((&self.parsed.cells[*cell], item.clone()))
    }
}

fn foreign_variable(
    cell: &ParsedCell<'_>,
    free: &FreeName,
    other: &ParsedCell<'_>,
    span: Range<usize>,
    later: bool,
) -> Diagnostic {
    let (what, command) = called(cell);
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
