//! A generated file on disk → its regions, and which of them somebody edited.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{GENERATED, HOW_TO_EDIT, MARKER, TESTS, TOP};
use crate::notebook::{short_digest, short_hash};

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
    /// Whether nbexport wrote this marker for this text.
    ///
    /// A hash is of the id and the text, so that what is typed into a marker shows as well. Files of nbexport before
    /// 0.1 have that of the text alone.
    pub(crate) fn is_marker_of(&self, text: &str) -> bool {
        self.hash == marker_hash(&self.id, text) || self.hash == short_hash(text)
    }

    /// What a person calls it.
    pub fn called(&self) -> String {
        match self.id.as_str() {
            TOP => "the lines above the first cell".to_owned(),
            TESTS => "the head of `mod tests`".to_owned(),
            id => format!("the cell `{id}`"),
        }
    }
}

/// The last word of a marker.
pub(super) fn marker_hash(id: &str, text: &str) -> String {
    short_digest(&hash_begun(id).chain_update(text).finalize())
}

fn hash_begun(id: &str) -> Sha256 {
    Sha256::new().chain_update(id).chain_update("\n")
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
        if let [.., test, tests] = lines.as_slice()
            && (test.trim_end(), tests.trim_end()) == ("    }", "}")
        {
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

/// More markers than this are in no cell's text.
const MOST_MARKERS_IN_A_CELL: usize = 64;

/// Nor more than a few with so many bytes between them: an edited region is not held against all that follows it.
const MOST_BETWEEN_MARKERS: usize = 1 << 16;
const FEW_MARKERS: usize = 4;

/// The text of a region, and how many of the pieces after it belong to it: a cell may hold a line that reads like a
/// marker (in a string, say). Its region was cut there, and fits its hash once it is put together again.
fn whole(region: &Region, lines: &[&str], after: &[(Region, &str, Vec<&str>)]) -> (String, usize) {
    let text = |lines: &[&str]| lines.join("\n").trim_end().to_owned();
    let own = text(lines);
    if region.is_marker_of(&own) {
        return (own, 0);
    }
    let mut hash = LinesHash::below(&region.id);
    hash.add(lines);
    let mut between = 0;
    for (index, (_, marker, more)) in after.iter().take(MOST_MARKERS_IN_A_CELL).enumerate() {
        between += more.iter().map(|line| line.len()).sum::<usize>();
        if index >= FEW_MARKERS && between > MOST_BETWEEN_MARKERS {
            break;
        }
        hash.add(&[marker]);
        hash.add(more);
        if hash.is(&region.hash) {
            let mut all = lines.to_vec();
            for (_, marker, more) in &after[..=index] {
                all.push(marker);
                all.extend(more);
            }
            return (text(&all), index + 1);
        }
    }
    (own, 0)
}

/// The [`marker_hash`] of lines that become more, without the blanks at their end.
struct LinesHash {
    hash: Sha256,
    /// Blanks that count once something follows them.
    blanks: String,
    is_begun: bool,
}

impl LinesHash {
    fn below(id: &str) -> Self {
        Self { hash: hash_begun(id), blanks: String::new(), is_begun: false }
    }

    fn add(&mut self, lines: &[&str]) {
        for line in lines {
            if self.is_begun {
                self.blanks.push('\n');
            }
            self.is_begun = true;
            let text = line.trim_end();
            if text.is_empty() {
                self.blanks.push_str(line);
                continue;
            }
            self.hash.update(self.blanks.as_bytes());
            self.hash.update(text.as_bytes());
            self.blanks.clear();
            self.blanks.push_str(&line[text.len()..]);
        }
    }

    fn is(&self, hash: &str) -> bool {
        short_digest(&self.hash.clone().finalize()) == hash
    }
}

fn parse_marker(line: &str) -> Option<(&str, &str, &str)> {
    let words: Vec<&str> = line.trim_start().strip_prefix(MARKER)?.split_whitespace().collect();
    let words = words.strip_prefix(&["[markdown]"]).unwrap_or(&words);
    // The notebook's file name may hold spaces; the id and the hash do not.
    let [.., id, hash] = words else { return None };
    if hash.len() != NO_HASH.len() || !hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let rest = line.trim_start().strip_prefix(MARKER)?.trim_start_matches("[markdown] ");
    let notebook = rest.trim_end().strip_suffix(hash)?.trim_end().strip_suffix(id)?.trim_end();
    Path::new(notebook).extension().is_some_and(|it| it == "ipynb").then_some((notebook, id, hash))
}

/// The regions of the file on disk that somebody edited since they were written, and that the new text would
/// overwrite: an edit that the notebook has by now is none.
pub(crate) fn edited_regions(on_disk: &str, new: &str) -> Vec<Region> {
    let (theirs, ours) = (regions(on_disk), regions(new));
    let mut by_id: HashMap<&str, Vec<&str>> = HashMap::with_capacity(ours.len());
    for our in &ours {
        by_id.entry(&our.id).or_default().push(&our.text);
    }
    let has = |region: &Region| by_id.get(&*region.id).is_some_and(|texts| texts.contains(&&*region.text));
    let by_hand = theirs.iter().filter(|region| is_by_hand(region, on_disk) && !has(region));
    let mut edited: Vec<Region> = top(on_disk).into_iter().chain(by_hand.cloned()).collect();
    for region in typed_markers((on_disk, &theirs), (new, &ours)) {
        if edited.iter().all(|other| other.line != region.line) {
            edited.push(region);
        }
    }
    edited.sort_by_key(|region| region.line);
    edited
}

/// The regions of the file on disk whose marker somebody typed into, and [`TOP`] where it was the first line: the new text
/// has what they were.
///
/// Each text comes with its regions.
pub(crate) fn typed_markers(
    (on_disk, theirs): (&str, &[Region]),
    (new, ours): (&str, &[Region]),
) -> Vec<Region> {
    let [Some(their_path), Some(our_path)] = [on_disk, new].map(generated_from) else { return Vec::new() };
    let [their_head, our_head] = [their_path, our_path].map(file_name);
    let there: HashMap<&str, &Region> = theirs.iter().map(|their| (&*their.id, their)).collect();
    let missing: Vec<&Region> = ours.iter().filter(|our| !there.contains_key(&*our.id)).collect();
    let known: HashMap<&str, &Region> = ours.iter().map(|our| (&*our.id, our)).collect();
    let mut typed = Vec::new();
    // Where the notebook was renamed, the markers have its old name as well; where it was moved, folders have other names.
    let is_renamed = theirs.iter().any(|their| their.notebook != our_head);
    let words = |path: &str| path.split_whitespace().count();
    if typed_into(our_head, their_head) && !is_renamed
        || typed_into(our_path, their_path) && words(their_path) > words(our_path)
    {
        let text = on_disk.lines().next().unwrap_or_default().to_owned();
        let (notebook, hash) = (String::new(), String::new());
        typed.push(Region { notebook, id: TOP.into(), hash, line: 1, text });
    }
    typed.extend(
        theirs
            .iter()
            .filter(|their| {
                let into_name = their.notebook != their_head && typed_into(our_head, &their.notebook);
                let is_known = known.contains_key(&*their.id);
                let into_id = |our: &&Region| typed_into(&our.id, &their.id);
                into_name || !is_known && (missing.iter().any(into_id) || typed_into_digest(&their.id))
            })
            .cloned(),
    );
    typed
}

/// Whether somebody typed something into what nbexport wrote: all of that still shows, before and behind.
fn typed_into(written: &str, found: &str) -> bool {
    if found.len() <= written.len() {
        return false;
    }
    let same =
        |pairs: &mut dyn Iterator<Item = (u8, u8)>| pairs.take_while(|(one, other)| one == other).count();
    let before = same(&mut written.bytes().zip(found.bytes()));
    let behind = same(&mut written.bytes().rev().zip(found.bytes().rev()));
    before + behind >= written.len()
}

/// Whether an id looks as if somebody had typed into one that is made of a cell's text (or is one of Jupyter's, of as many
/// digits): where that cell is another by now, nothing else knows what it was. A UUID is an id of its own.
fn typed_into_digest(id: &str) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let before = id.bytes().take_while(is_digit).count();
    let behind = id.bytes().rev().take_while(is_digit).count();
    let is_id = id.bytes().all(|byte| is_digit(&byte) || byte == b'-');
    !is_id && before + behind >= NO_HASH.len()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a region is not as nbexport wrote it into this file: it was edited, or came from another module.
pub(crate) fn is_by_hand(region: &Region, on_disk: &str) -> bool {
    !region.is_marker_of(&region.text)
        || generated_from(on_disk).is_some_and(|notebook| file_name(notebook) != region.notebook)
}

/// What somebody wrote between the first line and the first marker, where nbexport writes nothing, or into the first
/// line itself.
pub(crate) fn top(text: &str) -> Option<Region> {
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
    let hashes: BTreeMap<usize, String> = regions(text)
        .into_iter()
        .map(|region| (region.line, marker_hash(&region.id, &region.text)))
        .collect();
    let line = |(index, line): (usize, &str)| match (hashes.get(&(index + 1)), line.strip_suffix(NO_HASH)) {
        (Some(hash), Some(marker)) => format!("{marker}{hash}\n"),
        _ => format!("{line}\n"),
    };
    text.lines().enumerate().map(line).collect()
}

/// The notebook that a generated file says it came from; `None` for a file that nbexport did not write.
pub(crate) fn generated_from(text: &str) -> Option<&str> {
    let first = text.trim_start_matches('\u{feff}').lines().next()?;
    let rest = first.strip_prefix(GENERATED)?;
    Some(rest.split_once(": ").map_or(rest, |(notebook, _)| notebook))
}
