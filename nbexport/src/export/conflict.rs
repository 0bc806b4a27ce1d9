//! A generated file that git left in conflict: what in it neither side has, and nobody but a person wrote.

use std::collections::HashSet;
use std::path::Path;

use crate::export::module;
use crate::git::version;

/// What a person typed into a generated file that git left in conflict, as far as overwriting the file would lose it:
/// nothing, when both sides are as nbexport wrote them and no line is there that neither has.
///
/// `new` is the text that the file is to get.
pub(super) fn typed_into_conflict(path: &Path, text: &str, new: &str) -> Vec<String> {
    // While the file is unmerged git knows both sides. Later, only the markers tell them apart.
    let staged = |stage: &str| version(path, stage).ok().flatten();
    let sides = match (staged(":2"), staged(":3")) {
        (Some(ours), Some(theirs)) => [ours, theirs],
        _ => sides(text),
    };
    let mut typed: Vec<String> = Vec::new();
    for side in &sides {
        if module::generated_from(side).is_none() {
            typed.push("its first line".to_owned());
        }
        let edited = module::edited_regions(side, new);
        typed.extend(edited.into_iter().map(|region| format!("the cell `{}`", region.id)));
    }
    let base = staged(":1").unwrap_or_default();
    let known: HashSet<&str> =
        sides.iter().map(String::as_str).chain([new, &base]).flat_map(str::lines).collect();
    let unknown = text.lines().enumerate().filter(|(_, line)| !is_marker(line) && !known.contains(line));
    typed.extend(unknown.map(|(index, _)| format!("line {}", index + 1)));
    typed.dedup();
    typed
}

fn is_marker(line: &str) -> bool {
    line.trim().is_empty()
        || line == "======="
        || ["<<<<<<< ", "||||||| ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker))
}

/// The two sides of a text with conflict markers.
fn sides(text: &str) -> [String; 2] {
    let mut sides = [String::new(), String::new()];
    let mut into = [true, true];
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        if bare.starts_with("<<<<<<< ") {
            into = [true, false];
        } else if bare.starts_with("||||||| ") {
            into = [false, false];
        } else if bare == "=======" && into != [true, true] {
            into = [false, true];
        } else if bare.starts_with(">>>>>>> ") {
            into = [true, true];
        } else {
            for (side, _) in sides.iter_mut().zip(into).filter(|(_, into)| *into) {
                side.push_str(line);
            }
        }
    }
    sides
}
