//! mdBook's search index, in parts: that of a page that did not change is put together with those of pages that did.
//!
//! The index is that of elasticlunr: documents (a section of a page each) and, for each field of theirs, a tree of letters
//! whose nodes say in which documents the word that ends there stands, and how often (its square root). A [`Part`] has
//! the documents of one page with their words as a sorted list; the trees are written from the merged lists.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What stands around the index in mdBook's file.
const BEFORE: &str = "window.search = Object.assign(window.search, JSON.parse('";
const AFTER: &str = "'));";

/// What search finds of a page.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Part {
    /// The address of each section.
    urls: Vec<String>,
    docs: Vec<Value>,
    /// The number of words of each section, by field.
    infos: Vec<Value>,
    /// For each field its words, one a line, in order: `word`, a tab, `section:count` for each section with it.
    words: BTreeMap<String, String>,
}

/// The sections of a page in which a word stands, each with how often.
type Sections = Vec<(usize, u64)>;

/// An index as mdBook wrote it.
pub(super) struct Index(Map<String, Value>);

impl Index {
    /// Reads it; `None` when this is no index as it is known here.
    pub(super) fn read(script: &str) -> Option<Self> {
        let json = script.strip_prefix(BEFORE)?.strip_suffix(AFTER)?;
        let json = json.replace("\\'", "'").replace("\\\\", "\\");
        Some(Self(serde_json::from_str(&json).ok()?))
    }

    /// The parts of the pages, by the pages' addresses.
    pub(super) fn parts(&self) -> Option<BTreeMap<String, Part>> {
        let mut parts: BTreeMap<String, Part> = BTreeMap::new();
        let store = &self.0["index"]["documentStore"];
        // The page of each section, and its number there.
        let mut places = Vec::new();
        for (number, url) in self.0["doc_urls"].as_array()?.iter().enumerate() {
            let url = url.as_str()?;
            let page = url.split('#').next()?;
            let part = parts.entry(page.to_owned()).or_default();
            places.push((page, part.urls.len()));
            part.urls.push(url.to_owned());
            part.docs.push(store["docs"][number.to_string()].clone());
            part.infos.push(store["docInfo"][number.to_string()].clone());
        }
        for (field, tree) in self.0["index"]["index"].as_object()? {
            let mut words: BTreeMap<&str, BTreeMap<String, Sections>> = BTreeMap::new();
            walk(&tree["root"], &mut String::new(), &mut |word, number, count| {
                let Some((page, section)) = places.get(number) else { return };
                words.entry(page).or_default().entry(word.to_owned()).or_default().push((*section, count));
            })?;
            for (page, part) in &mut parts {
                let list = part.words.entry(field.clone()).or_default();
                for (word, sections) in words.remove(page.as_str()).unwrap_or_default() {
                    list.push_str(&word);
                    for (n, (section, count)) in sections.iter().enumerate() {
                        let _ = write!(list, "{}{section}:{count}", if n == 0 { '\t' } else { ',' });
                    }
                    list.push('\n');
                }
            }
        }
        Some(parts)
    }

    /// The file of the index that has these parts, and of the one that was read what is no part of any.
    pub(super) fn with(mut self, parts: &[&Part]) -> Option<String> {
        let firsts: Vec<usize> = parts
            .iter()
            .scan(0, |first, part| Some(std::mem::replace(first, *first + part.urls.len())))
            .collect();
        let urls: Vec<Value> =
            parts.iter().flat_map(|part| &part.urls).map(|url| Value::from(url.as_str())).collect();
        let count = urls.len();
        self.0["doc_urls"] = urls.into();
        let index = self.0["index"].as_object_mut()?;
        // By their numbers as texts, as elasticlunr keeps them.
        let mut docs = BTreeMap::new();
        let mut infos = BTreeMap::new();
        for (part, first) in parts.iter().zip(&firsts) {
            for (n, (doc, info)) in part.docs.iter().zip(&part.infos).enumerate() {
                let number = (first + n).to_string();
                let mut doc = doc.clone();
                doc["id"] = number.as_str().into();
                infos.insert(number.clone(), info.clone());
                docs.insert(number, doc);
            }
        }
        let store = index["documentStore"].as_object_mut()?;
        store["docs"] = docs.into_iter().collect::<Map<_, _>>().into();
        store["docInfo"] = infos.into_iter().collect::<Map<_, _>>().into();
        store["length"] = count.into();
        let fields: Vec<String> = index["index"].as_object()?.keys().cloned().collect();
        let mut trees = String::new();
        for field in &fields {
            let comma = if trees.is_empty() { "" } else { "," };
            let _ = write!(trees, "{comma}{}:{{\"root\":", serde_json::to_string(field).ok()?);
            tree(field, parts, &firsts, &mut trees);
            trees.push('}');
        }
        // The trees are by far the most of it, and are written as text; their place is held by a text of its own.
        index["index"] = PLACE.into();
        let json = serde_json::to_string(&self.0).ok()?;
        let json = json.replacen(&format!("\"{PLACE}\""), &format!("{{{trees}}}"), 1);
        Some(format!("{BEFORE}{}{AFTER}", json.replace('\\', "\\\\").replace('\'', "\\'")))
    }
}

const PLACE: &str = "the trees of all fields";

/// Tells of each word of a tree, in order: the word, the number of a document, how often it stands there.
fn walk(node: &Value, word: &mut String, tell: &mut impl FnMut(&str, usize, u64)) -> Option<()> {
    for (number, frequency) in node["docs"].as_object()? {
        let frequency = frequency["tf"].as_f64()?;
        tell(word, number.parse().ok()?, rounded(frequency * frequency));
    }
    for (letter, child) in node.as_object()? {
        if letter.chars().count() == 1 {
            word.push_str(letter);
            walk(child, word, tell)?;
            word.truncate(word.len() - letter.len());
        }
    }
    Some(())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "how often a word stands in a section"
)]
fn rounded(count: f64) -> u64 {
    count.round() as u64
}

/// The tree of a field.
fn tree(field: &str, parts: &[&Part], firsts: &[usize], json: &mut String) {
    let mut words: BTreeMap<&str, Vec<(String, u64)>> = BTreeMap::new();
    for (part, first) in parts.iter().zip(firsts) {
        for line in part.words.get(field).map_or("", String::as_str).lines() {
            let Some((word, sections)) = line.split_once('\t') else { continue };
            let of_word = words.entry(word).or_default();
            for section in sections.split(',') {
                let Some((section, count)) = section.split_once(':') else { continue };
                let (section, count): (usize, u64) =
                    (section.parse().unwrap_or_default(), count.parse().unwrap_or_default());
                of_word.push(((first + section).to_string(), count));
            }
        }
    }
    // The letters of the nodes that are open.
    let mut open: Vec<char> = Vec::new();
    json.push_str("{\"docs\":{},\"df\":0");
    for (word, sections) in &mut words {
        let same = open.iter().zip(word.chars()).take_while(|(a, b)| **a == *b).count();
        for _ in same..open.len() {
            json.push('}');
        }
        open.truncate(same);
        let new: Vec<char> = word.chars().skip(same).collect();
        for (n, letter) in new.iter().enumerate() {
            json.push(',');
            json.push_str(&serde_json::to_string(letter).unwrap_or_default());
            json.push_str(":{\"docs\":{");
            if n + 1 == new.len() {
                sections.sort();
                for (n, (number, count)) in sections.iter().enumerate() {
                    let comma = if n == 0 { "" } else { "," };
                    let _ = write!(json, "{comma}\"{number}\":{{\"tf\":{}}}", frequency(*count));
                }
                let _ = write!(json, "}},\"df\":{}", sections.len());
            } else {
                json.push_str("},\"df\":0");
            }
            open.push(*letter);
        }
    }
    for _ in 0..=open.len() {
        json.push('}');
    }
}

#[expect(clippy::cast_precision_loss, reason = "how often a word stands in a section")]
fn frequency(count: u64) -> Value {
    (count as f64).sqrt().into()
}
