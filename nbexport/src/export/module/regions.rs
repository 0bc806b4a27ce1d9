//! A generated file on disk → its regions, and which of them somebody edited.

use std::collections::BTreeMap;
use std::path::Path;

use super::{GENERATED, HOW_TO_EDIT, MARKER, TESTS, TOP};
use crate::notebook::short_hash;

/// A region of a generated file that does not have the text its marker was written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The notebook's file name, as the marker gives it.
    pub notebook: String,
    /// The cell's id, as the marker gives it.
    pub id: String,
    /// The hash in the marker.
    pub hash: String,
    /// The line of the marker, from 1.
    pub line: usize,
    /// The text below the marker, without the blank lines at its end.
    pub text: String,
}

impl Region {
    /// What a person calls it.
    pub fn called(&self) -> String {
        match self.id.as_str() {
            TOP => "the lines above the first cell".to_owned(),
            TESTS => "the head of `mod tests`".to_owned(),
            id => format!("the cell `{id}`"),
        }
    }
}

/// The regions of a generated file, as their markers give them.
pub fn regions(text: &str) -> Vec<Region> {
    let mut pieces: Vec<(Region, &str, Vec<&str>)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some((notebook, id, hash)) = parse_marker(line) {
            let region = Region {
                notebook: notebook.into(),
                id: id.into(),
                hash: hash.into(),
                line: index + 1,
                text: String::new(),
            };
            pieces.push((region, line, Vec::new()));
        } else if let Some((_, _, lines)) = pieces.last_mut() {
            lines.push(line);
        }
    }
    let has_tests = pieces.iter().any(|(region, ..)| region.id == TESTS);
    if let (true, Some((_, _, lines))) = (has_tests, pieces.last_mut()) {
        // The brace that closes `mod tests` belongs to no cell.
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        if let [.., "    }", "}"] = lines.as_slice() {
            lines.pop();
        }
    }
    let mut regions = Vec::new();
    let mut at = 0;
    while let Some((region, _, lines)) = pieces.get(at) {
        let (text, joined) = whole(region, lines, &pieces[at + 1..]);
        regions.push(Region { text, ..region.clone() });
        at += 1 + joined;
    }
    regions
}

/// The text of a region, and how many of the pieces after it belong to it: a cell may hold a line that reads like a
/// marker (in a string, say). Its region was cut there, and fits its hash once it is put together again.
fn whole(region: &Region, lines: &[&str], after: &[(Region, &str, Vec<&str>)]) -> (String, usize) {
    let text = |lines: &[&str]| lines.join("\n").trim_end().to_owned();
    let own = text(lines);
    if short_hash(&own) == region.hash {
        return (own, 0);
    }
    let mut all = lines.to_vec();
    for (index, (_, marker, lines)) in after.iter().enumerate() {
        all.push(marker);
        all.extend(lines);
        let text = text(&all);
        if short_hash(&text) == region.hash {
            return (text, index + 1);
        }
    }
    (own, 0)
}

fn parse_marker(line: &str) -> Option<(&str, &str, &str)> {
    let words: Vec<&str> = line.trim_start().strip_prefix(MARKER)?.split_whitespace().collect();
    let words = words.strip_prefix(&["[markdown]"]).unwrap_or(&words);
    // The notebook's file name may hold spaces; the id and the hash do not.
    let [.., id, hash] = words else { return None };
    let rest = line.trim_start().strip_prefix(MARKER)?.trim_start_matches("[markdown] ");
    let notebook = rest.trim_end().strip_suffix(hash)?.trim_end().strip_suffix(id)?.trim_end();
    Path::new(notebook).extension().is_some_and(|it| it == "ipynb").then_some((notebook, id, hash))
}

/// The regions of the file on disk that somebody edited since they were written, and that the new text would
/// overwrite: an edit that the notebook has by now is none.
pub fn edited_regions(on_disk: &str, new: &str) -> Vec<Region> {
    let new = regions(new);
    top(on_disk)
        .into_iter()
        .chain(regions(on_disk).into_iter().filter(|region| is_by_hand(region, on_disk)))
        .filter(|region| !new.iter().any(|other| other.id == region.id && other.text == region.text))
        .collect()
}

/// Whether a region is not as nbexport wrote it into this file: it was edited, or came from another module.
pub fn is_by_hand(region: &Region, on_disk: &str) -> bool {
    let file_name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    short_hash(&region.text) != region.hash
        || generated_from(on_disk).is_some_and(|notebook| file_name(notebook) != region.notebook)
}

/// What somebody wrote between the first line and the first marker, where nbexport writes nothing, or into the first
/// line itself.
pub fn top(text: &str) -> Option<Region> {
    let first = text.lines().next().filter(|line| !line.ends_with(HOW_TO_EDIT) && line.contains(GENERATED));
    let below = text.lines().skip(1).take_while(|line| parse_marker(line).is_none());
    let written = first.into_iter().chain(below).collect::<Vec<_>>().join("\n").trim().to_owned();
    (!written.is_empty()).then(|| Region {
        notebook: String::new(),
        id: TOP.into(),
        hash: String::new(),
        line: if first.is_some() { 1 } else { 2 },
        text: written,
    })
}

/// A hash that no text has, as far as anyone will find one.
const NO_HASH: &str = "00000000";

/// The text with markers that are the same whatever stands below them.
pub(crate) fn unhashed(text: &str) -> String {
    let line = |line: &str| match parse_marker(line) {
        Some((_, _, hash)) => format!("{}{NO_HASH}\n", line.trim_end().strip_suffix(hash).unwrap_or(line)),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// The text with the hash of each region in its marker, as nbexport writes it.
pub(crate) fn hashed(text: &str) -> String {
    let hashes: BTreeMap<usize, String> =
        regions(text).into_iter().map(|region| (region.line, short_hash(&region.text))).collect();
    let line = |(index, line): (usize, &str)| match (hashes.get(&(index + 1)), line.strip_suffix(NO_HASH)) {
        (Some(hash), Some(marker)) => format!("{marker}{hash}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().enumerate().map(line).collect()
}

/// The notebook that a generated file says it came from; `None` for a file that nbexport did not write.
pub fn generated_from(text: &str) -> Option<&str> {
    let first = text.trim_start_matches('\u{feff}').lines().next()?;
    let rest = first.strip_prefix(GENERATED)?;
    Some(rest.split_once(": ").map_or(rest, |(notebook, _)| notebook))
}
