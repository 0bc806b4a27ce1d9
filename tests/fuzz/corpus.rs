//! What once broke something, and `just corpus DIR`: any folder of notebooks through what must hold of each.

use std::fs;
use std::path::{Path, PathBuf};

use nbexport::git::merge::{self, Options};
use nbexport::notebook::Notebook;

use super::sandbox::{NOTEBOOK, Sandbox};
use super::{COMMANDS, everywhere};

/// The notebooks below a folder, in order.
pub(super) fn notebooks_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|extension| extension == "ipynb") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn what_once_broke_a_command_breaks_none() {
    needs!("git");
    for path in notebooks_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus")) {
        let notebook = fs::read(&path).unwrap();
        let mut sandbox = Sandbox::new(&notebook);
        sandbox.write("base.ipynb", &notebook);
        let before = everywhere(&sandbox);
        for command in COMMANDS {
            let ended = sandbox.run(command, Some(&notebook));
            let (faults, told) = (ended.faults(), String::from_utf8_lossy(&ended.stderr));
            assert!(faults.is_empty(), "{} `nbexport {command}`: {faults:?}\n{told}", path.display());
            assert_eq!(sandbox.outside(), None, "{} `nbexport {command}`", path.display());
            let after = everywhere(&sandbox);
            assert!(before.is_subset(&after), "{} `nbexport {command}` loses text", path.display());
        }
    }
}

/// What holds of one notebook, or why not.
type Verdict = Result<&'static str, String>;

type Check = fn(&str) -> Verdict;

const CHECKS: &[(&str, Check)] = &[
    ("round trip", round_trip),
    ("clean twice", clean_twice),
    ("fmt", fmt_keeps_words),
    ("merge", merges_with_itself),
    ("export", exports),
];

fn round_trip(text: &str) -> Verdict {
    let notebook = parse(text)?;
    if notebook.edited(Vec::new()) == text { Ok("ok") } else { Err("other bytes".into()) }
}

fn clean_twice(text: &str) -> Verdict {
    let mut sandbox = Sandbox::new(b"");
    let mut clean = |text: &[u8]| {
        let ended = sandbox.run("clean -", Some(text));
        if ended.code == Some(0) { Ok(ended.stdout) } else { Err(format!("status {:?}", ended.code)) }
    };
    let once = clean(text.as_bytes())?;
    if clean(&once)? != once {
        return Err("the second time changes something".into());
    }
    let after = String::from_utf8(once).map_err(|_| "not UTF-8".to_owned())?;
    let same = sources(&parse(text)?) == sources(&parse(&after)?);
    if same { Ok("ok") } else { Err("a source changed".into()) }
}

fn fmt_keeps_words(text: &str) -> Verdict {
    let mut sandbox = Sandbox::new(text.as_bytes());
    let ended = sandbox.run("fmt", None);
    let faults = ended.faults();
    if !faults.is_empty() {
        return Err(faults.join(", "));
    }
    let after = String::from_utf8(sandbox.notebook()).map_err(|_| "not UTF-8".to_owned())?;
    let (before, after) = (sources(&parse(text)?), sources(&parse(&after)?));
    // rustfmt moves and breaks lines, and sorts what is imported; it writes and drops no word.
    let same = before.len() == after.len() && before.iter().zip(&after).all(|(a, b)| words(a) == words(b));
    match (same, ended.code) {
        (false, _) => Err("words changed".into()),
        (true, Some(0)) => Ok("ok"),
        (true, _) => Ok("said no"),
    }
}

fn merges_with_itself(text: &str) -> Verdict {
    let base = parse(text)?;
    let merged = |ours: &str, theirs: &str| -> Result<String, String> {
        let merged = merge::merge(&base, &parse(ours)?, &parse(theirs)?, &Options::default());
        let merged = merged.map_err(|error| error.to_string())?;
        if merged.conflicts.is_empty() { Ok(merged.text) } else { Err("a conflict".into()) }
    };
    if merged(text, text)? != text {
        return Err("other bytes".into());
    }
    let (Some(first), Some(last)) = (base.cells.first(), base.cells.last()) else { return Ok("ok") };
    if base.cells.len() < 2 {
        return Ok("ok");
    }
    let typed = |cell, line: &str| {
        let source: &nbexport::notebook::Cell = cell;
        base.edited(vec![base.set_source(source, &format!("{}\n{line}", source.text()))])
    };
    let both = merged(&typed(first, "ours"), &typed(last, "theirs"))?;
    let mut expected = sources(&base);
    expected[0].push_str("\nours");
    expected.last_mut().unwrap().push_str("\ntheirs");
    if sources(&parse(&both)?) == expected { Ok("ok") } else { Err("an edit is lost".into()) }
}

fn exports(text: &str) -> Verdict {
    let mut sandbox = Sandbox::new(text.as_bytes());
    let ended = sandbox.run("", None);
    let mut faults = ended.faults();
    if sandbox.notebook() != text.as_bytes() {
        faults.push("the notebook changed".into());
    }
    match (faults.is_empty(), ended.code) {
        (false, _) => Err(faults.join(", ")),
        (true, Some(0)) => Ok("ok"),
        (true, _) => Ok("said no"),
    }
}

fn parse(text: &str) -> Result<Notebook, String> {
    Notebook::parse(NOTEBOOK, text.to_owned()).map_err(|error| error.to_string())
}

fn sources(notebook: &Notebook) -> Vec<String> {
    notebook.cells.iter().map(|cell| cell.text().to_owned()).collect()
}

fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words
}

#[test]
#[ignore = "just corpus DIR"]
fn of_a_folder() {
    let folder = std::env::var("CORPUS").expect("`just corpus DIR` names the folder");
    let (mut bad, mut skipped) = (0, 0);
    print!("{:>7}", "KB");
    for (check, _) in CHECKS {
        print!("  {check:11}");
    }
    println!("  notebook");
    let paths = notebooks_below(Path::new(&folder));
    for path in &paths {
        let name = path.strip_prefix(&folder).unwrap().display();
        let Some(text) = fs::read_to_string(path).ok().filter(|text| parse(text).is_ok()) else {
            // That it is named and left alone is what `just fuzz` sees to.
            skipped += 1;
            println!("{:>7}  {:63}  {name}", "", "not a notebook of nbformat 4");
            continue;
        };
        print!("{:7}", text.len() / 1024);
        let mut why = Vec::new();
        for (check, holds) in CHECKS {
            match holds(&text) {
                Ok(verdict) => print!("  {verdict:11}"),
                Err(reason) => {
                    print!("  {:11}", "FAILS");
                    why.push(format!("{check}: {reason}"));
                }
            }
        }
        println!("  {name}  {}", why.join("; "));
        bad += usize::from(!why.is_empty());
    }
    println!("{} notebooks, {skipped} skipped, {bad} of which something does not hold", paths.len());
    assert_eq!(bad, 0);
}
