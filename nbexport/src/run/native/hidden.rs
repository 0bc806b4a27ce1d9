//! Which names a glob import would hide natively, though not in the kernel.

use std::collections::BTreeSet;

use crate::notebook::cell::Code;
use crate::notebook::scope;

/// The names that cells declare, as later ones see them.
#[derive(Default)]
pub(super) struct Names {
    pub(super) items: BTreeSet<String>,
    pub(super) variables: BTreeSet<String>,
}

/// Names that a glob import of a cell would hide natively, though not in the kernel.
#[derive(Default)]
pub(super) struct Hidden {
    /// Items and imports: they are imported once more beside the glob, and so stay on top.
    pub(super) items: Vec<String>,
    /// Variables: these cannot be saved, only noticed.
    pub(super) variables: Vec<String>,
}

impl Names {
    pub(super) fn add(&mut self, code: &Code) {
        let items = scope::declared(code).into_iter().filter(|item| !item.in_macros).map(|item| item.name);
        let imports = scope::imports(code).into_iter().filter_map(|import| import.name);
        for name in items.chain(imports).filter(|name| name != "_" && name != "self") {
            self.variables.remove(&name);
            self.items.insert(name);
        }
        for (name, _) in scope::variables(code) {
            self.variables.insert(name);
        }
    }

    pub(super) fn hidden_by<'a, I: Iterator<Item = &'a Code>>(
        &self,
        code: &Code,
        later: impl Fn() -> I,
    ) -> Hidden {
        let imports = scope::imports(code);
        if imports.iter().all(|import| import.name.is_some()) {
            return Hidden::default();
        }
        let own: BTreeSet<String> = scope::declared(code)
            .into_iter()
            .map(|item| item.name)
            .chain(imports.into_iter().filter_map(|import| import.name))
            .chain(scope::variables(code).into_iter().map(|(name, _)| name))
            .collect();
        let mentioned: BTreeSet<String> = later().flat_map(|code| words(&code.text)).collect();
        let still = |names: &BTreeSet<String>| {
            let names = names.iter().filter(|name| mentioned.contains(*name) && !own.contains(*name));
            names.cloned().collect()
        };
        Hidden { items: still(&self.items), variables: still(&self.variables) }
    }
}

/// The words of a text that could be identifiers.
fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| !word.is_empty()).map(str::to_owned)
}
