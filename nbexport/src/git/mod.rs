//! What nbexport asks git: a file as it was committed, the sides of a conflict, what is staged.

pub mod diff;
pub mod hooks;
mod matching;
pub mod merge;
mod values;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::diagnostic::{Diagnostic, Result};
use crate::export::module;

/// Runs git in `folder` and gives what it printed; `None` when it ended with an error.
///
/// # Errors
/// There is no git.
pub fn git<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Result<Option<Vec<u8>>> {
    // `git -C ''` is no folder, and a file's parent may be the empty path.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let output =
        Command::new("git").current_dir(folder).args(arguments).stdin(Stdio::null()).output().map_err(
            |error| {
                Diagnostic::error(format!("cannot run git: {error}")).help("install git, or put it on PATH")
            },
        )?;
    Ok(output.status.success().then_some(output.stdout))
}

/// The same as one line of text.
///
/// # Errors
/// There is no git.
pub fn line<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Result<Option<String>> {
    let output = git(folder, arguments)?;
    Ok(output.map(|bytes| String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()))
}

/// The root of the work tree that `folder` is in.
///
/// # Errors
/// There is no git, or no work tree.
pub fn top_level(folder: &Path) -> Result<PathBuf> {
    line(folder, &["rev-parse", "--show-toplevel"])?
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .ok_or_else(|| {
            Diagnostic::error("this is not in the work tree of a git repository")
                .help("`git init` makes one of the folder")
        })
}

/// A file's text in a version of git's (`HEAD`, `:2`); `None` when it is not there.
///
/// # Errors
/// There is no git.
pub fn version(path: &Path, version: &str) -> Result<Option<String>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = git(folder, &["show".to_owned(), format!("{version}:./{name}")])?;
    Ok(text.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Whether a text holds a conflict as git marks one.
pub fn is_conflicted(text: &str) -> bool {
    let begins = |marker: &str| text.lines().any(|line| line.starts_with(marker));
    begins("<<<<<<< ") && begins(">>>>>>> ") && text.lines().any(|line| line == "=======")
}

/// What a person typed into a generated file that git left in conflict, as far as overwriting the file would lose it:
/// nothing, when both sides are as nbexport wrote them and no line is there that neither has.
///
/// `new` is the text that the file is to get.
pub fn typed_into_conflict(path: &Path, text: &str, new: &str) -> Vec<String> {
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
    let known: Vec<&str> =
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

/// The paths that the next commit adds or changes, seen from the work tree's root.
///
/// # Errors
/// There is no git.
pub fn staged(top: &Path) -> Result<Vec<PathBuf>> {
    let changed = ["diff", "--cached", "--name-only", "-z", "--diff-filter=ACMRT"];
    let paths = git(top, &changed)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&paths)
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .collect())
}

/// Writes what is staged and nbexport reads (notebooks, Rust files, manifests) to a folder.
///
/// # Errors
/// There is no git, or the files cannot be written.
pub fn check_out_staged(top: &Path, folder: &Path) -> Result<()> {
    let files = ["ls-files", "-z", "--", "*.ipynb", "*.rs", "*Cargo.toml"];
    let list = git(top, &files)?.unwrap_or_default();
    let failed = |why: String| Diagnostic::error(format!("cannot write the staged files out: {why}"));
    let mut child = Command::new("git")
        .current_dir(top)
        .args(["checkout-index", "-z", "--stdin"])
        .arg(format!("--prefix={}/", folder.display()))
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        std::io::Write::write_all(&mut stdin, &list).map_err(|error| failed(error.to_string()))?;
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed("`git checkout-index` failed".to_owned())) }
}

/// The three versions merged as text by `git merge-file`, for what is no notebook.
///
/// # Errors
/// There is no git, or the files are no text.
pub fn merge_as_text(paths: [&Path; 3], marker_size: usize, labels: [&str; 2]) -> Result<String> {
    let [base, ours, theirs] = paths;
    let output = Command::new("git")
        .args(["merge-file", "-p", "--marker-size", &marker_size.to_string()])
        .args(["-L", labels[0], "-L", "base", "-L", labels[1]])
        .args([ours, base, theirs])
        .output()
        .map_err(|error| Diagnostic::error(format!("cannot run git: {error}")))?;
    let failed = |why: String| Diagnostic::error(format!("cannot merge as text: {}", why.trim()));
    // It ends with the number of conflicts, and beyond 127 with an error.
    if output.status.code().is_none_or(|code| code > 127) {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    String::from_utf8(output.stdout).map_err(|error| failed(error.to_string()))
}
