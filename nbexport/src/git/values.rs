//! JSON values by key, three versions merged into one.

use crate::notebook::Notebook;
use crate::notebook::json::{Change, MAX_DEPTH, Object, elements, is_same};

/// Metadata that a program wrote: where it differs, no person is asked.
pub(crate) fn is_bookkeeping(path: &str) -> bool {
    let mut keys = path.split('.');
    match (keys.next(), keys.next()) {
        (Some("metadata"), Some(key)) => {
            ["kernelspec", "language_info"].contains(&key) || crate::edit::clean::is_volatile(key)
        }
        (Some("outputs" | "execution_count" | "cell_type" | "nbformat"), _) => true,
        _ => false,
    }
}

/// A value that both sides changed, each in its way.
#[derive(Debug)]
pub(crate) struct Clash {
    /// The keys that lead to it.
    pub path: String,
    /// The text of our value; `None` when we took it out.
    pub ours: Option<String>,
    /// The text of their value.
    pub theirs: Option<String>,
}

/// Merges values that stand `depth` levels deep in `notebook`, whose layout new text gets.
#[derive(Debug)]
pub(crate) struct Values<'a> {
    pub notebook: &'a Notebook,
    pub clashes: Vec<Clash>,
}

impl Values<'_> {
    /// Three-way, key by key; a list of strings (tags) as a set. What one side alone changed keeps its bytes. Where
    /// both did, ours stays, or theirs where we took it out.
    pub(crate) fn merge(
        &mut self,
        [base, ours, theirs]: [Option<&str>; 3],
        path: &str,
        depth: usize,
    ) -> Option<String> {
        let same = |one: Option<&str>, other: Option<&str>| match (one, other) {
            (Some(one), Some(other)) => is_same(one, other),
            (one, other) => one == other,
        };
        if same(ours, theirs) || same(theirs, base) {
            return ours.map(str::to_owned);
        }
        if same(ours, base) {
            return theirs.map(str::to_owned);
        }
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && let Some(merged) =
                self.objects(base, ours, theirs, path, depth).or_else(|| self.sets(base, ours, theirs, depth))
        {
            return Some(merged);
        }
        let [ours, theirs] = [ours, theirs].map(|value| value.map(str::to_owned));
        self.clashes.push(Clash { path: path.to_owned(), ours: ours.clone(), theirs: theirs.clone() });
        ours.or(theirs)
    }

    fn objects(
        &mut self,
        base: Option<&str>,
        ours: &str,
        theirs: &str,
        path: &str,
        depth: usize,
    ) -> Option<String> {
        // As deep as this is no metadata of anybody; what follows calls itself.
        if depth > MAX_DEPTH {
            return None;
        }
        let [ours, theirs] = [Object::parse(ours)?, Object::parse(theirs)?];
        let base = base.and_then(Object::parse);
        let all = ours.keys().chain(theirs.keys().filter(|key| ours.get(key).is_none()));
        let changes = all.filter_map(|key| {
            let versions = [base.as_ref().and_then(|base| base.get(key)), ours.get(key), theirs.get(key)];
            let value = self.merge(versions, &format!("{path}.{key}"), depth + 1);
            (value.as_deref() != ours.get(key)).then(|| (key.to_owned(), value))
        });
        let changes: Vec<Change> = changes.collect();
        Some(ours.with(&changes, self.notebook, depth))
    }

    fn sets(&self, base: Option<&str>, ours: &str, theirs: &str, depth: usize) -> Option<String> {
        let strings = |text: &str| -> Option<Vec<(String, String)>> {
            let element = |raw: &str| Some((serde_json::from_str(raw).ok()?, raw.to_owned()));
            elements(text)?.into_iter().map(element).collect()
        };
        let (mine, other) = (strings(ours)?, strings(theirs)?);
        let base = base.and_then(strings).unwrap_or_default();
        let has = |list: &[(String, String)], it: &str| list.iter().any(|(own, _)| own == it);
        let kept = mine.iter().filter(|(it, _)| has(&other, it) || !has(&base, it));
        let added = other.iter().filter(|(it, _)| !has(&mine, it) && !has(&base, it));
        let merged: Vec<String> = kept.chain(added).map(|(_, raw)| raw.clone()).collect();
        let is = |list: &[(String, String)]| list.iter().map(|(_, raw)| raw).eq(&merged);
        Some(match () {
            () if is(&mine) => ours.to_owned(),
            () if is(&other) => theirs.to_owned(),
            () => self.notebook.array(&merged, depth),
        })
    }
}
