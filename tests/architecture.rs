//! ARCHITECTURE.md says which room of the library may use which: its table is held against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Parts of the binary, which may use whatever the library shows.
const BINARY: [&str; 7] = ["lib.rs", "main.rs", "bin/", "cli/", "printer.rs", "printer/", "cmd/"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The rooms of the table from the ground up, each with those that it may use.
fn table() -> Vec<(String, BTreeSet<String>)> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let columns: Vec<&str> = row.split('|').collect();
        let names =
            |column: &str| column.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        (names(columns[1]).concat(), names(columns[3]).into_iter().collect())
    })
    .collect()
}

/// The sources of the library below `nbexport/src`, with their paths as seen from there.
fn sources() -> Vec<(String, String)> {
    let src = root().join("nbexport/src");
    let (mut found, mut folders) = (Vec::new(), vec![src.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs")
                && !BINARY.iter().any(|part| name.starts_with(part))
            {
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// The room of a file. `git/mod.rs` is what git is asked; what else stands in `git/` is made of it.
fn room_of(name: &str) -> String {
    match name.split_once('/') {
        Some(("git", "mod.rs")) => "git".to_owned(),
        Some(("git", _)) => "git/*".to_owned(),
        Some((folder, _)) => folder.to_owned(),
        None => name.trim_end_matches(".rs").to_owned(),
    }
}

/// The rooms that a source names, as `crate::room::…`.
fn used(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let src = root().join("nbexport/src");
    let mut rooms = BTreeSet::new();
    for (at, path) in text.match_indices("crate::") {
        if text[..at].ends_with(is_name) {
            continue;
        }
        let mut names = text[at + path.len()..]
            .split("::")
            .map(|name| name.split(|c| !is_name(c)).next().unwrap_or_default());
        let (first, second) = (names.next().unwrap(), names.next().unwrap_or_default());
        let is_file = |name: &str| src.join(format!("{name}.rs")).exists() || src.join(name).is_dir();
        if first == "git" && !second.is_empty() && is_file(&format!("git/{second}")) {
            rooms.insert("git/*".to_owned());
        } else if !first.is_empty() && is_file(first) {
            rooms.insert(first.to_owned());
        }
    }
    rooms
}

#[test]
fn each_room_uses_what_the_table_says_and_rooms_below_it() {
    let table = table();
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, text) in sources() {
        let room = room_of(&name);
        let mut rooms = used(&text);
        rooms.remove(&room);
        uses.entry(room).or_default().extend(rooms);
    }
    let named: BTreeSet<&String> = table.iter().map(|(room, _)| room).collect();
    assert_eq!(named, uses.keys().collect(), "the table names the rooms that there are");
    for (at, (room, may_use)) in table.iter().enumerate() {
        let more: BTreeSet<&String> = uses[room].difference(may_use).collect();
        assert!(more.is_empty(), "`{room}` uses {more:?}, which the table does not say");
        let below: BTreeSet<String> = table[..at].iter().map(|(room, _)| room.clone()).collect();
        assert!(may_use.is_subset(&below), "`{room}` uses a room that is not below it");
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter_map(|(name, text)| {
            let lines = text.lines().count();
            (lines > 400).then(|| format!("{name}: {lines} lines"))
        })
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}
