//! What nbexport asks git: a file as it was committed, the sides of a conflict, what is staged.

pub mod diff;
pub mod hooks;
mod matching;
pub mod merge;
mod values;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::diagnostic::{Diagnostic, Result};

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

/// The notebooks of a work tree that are not as they were committed last, seen from its root: changed, new in the index,
/// or gone.
///
/// # Errors
/// There is no git.
pub fn changed_notebooks(top: &Path) -> Result<Vec<PathBuf>> {
    let changed = ["diff", "--name-only", "-z", "--no-renames", "HEAD", "--", "*.ipynb"];
    let paths = match git(top, &changed)? {
        Some(paths) => paths,
        // There is no commit yet.
        None => git(top, &["ls-files", "-z", "--", "*.ipynb"])?.unwrap_or_default(),
    };
    Ok(names(&paths))
}

/// The text of a file, seen from the work tree's root, as it was committed last; `None` when it was not.
///
/// # Errors
/// There is no git.
pub fn committed(top: &Path, path: &Path) -> Result<Option<String>> {
    let mut revision = OsString::from("HEAD:");
    revision.push(path);
    let text = git(top, &[OsStr::new("show"), &revision])?;
    Ok(text.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Whether a text holds a conflict as git marks one.
pub fn is_conflicted(text: &str) -> bool {
    let begins = |marker: &str| text.lines().any(|line| line.starts_with(marker));
    begins("<<<<<<< ") && begins(">>>>>>> ") && text.lines().any(|line| line == "=======")
}

/// The paths that the next commit adds or changes, seen from the work tree's root.
///
/// # Errors
/// There is no git.
pub fn staged(top: &Path) -> Result<Vec<PathBuf>> {
    let changed = ["diff", "--cached", "--name-only", "-z", "--diff-filter=ACMRT"];
    let paths = git(top, &changed)?.unwrap_or_default();
    Ok(names(&paths))
}

/// The files below a folder, seen from there, that git knows or would after `git add`; `None` where there is no repository.
pub fn files_below(folder: &Path) -> Option<Vec<PathBuf>> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    git(folder, &list).ok().flatten().map(|paths| names(&paths))
}

/// The paths that git lists with `-z`.
fn names(list: &[u8]) -> Vec<PathBuf> {
    let list = String::from_utf8_lossy(list);
    list.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect()
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

/// A text that git merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedText {
    /// With git's markers where it holds a conflict.
    pub text: String,
    /// Whether it holds one.
    pub is_conflicted: bool,
}

/// The three versions of `name` merged as text by `git merge-file`, for what is no notebook.
///
/// # Errors
/// There is no git, or the files are no text.
pub fn merge_as_text(
    name: &str,
    paths: [&Path; 3],
    marker_size: usize,
    labels: [&str; 2],
) -> Result<MergedText> {
    let [base, ours, theirs] = paths;
    let output = Command::new("git")
        .args(["merge-file", "-p", "--marker-size", &marker_size.to_string()])
        .args(["-L", labels[0], "-L", "base", "-L", labels[1]])
        .args([ours, base, theirs])
        .output()
        .map_err(|error| Diagnostic::error(format!("cannot run git: {error}")))?;
    let failed = |why: &str| {
        Diagnostic::error(format!("cannot merge `{name}` as text: {}", why.trim()))
            .note("nothing was written: it is as in our version")
            .help("see what the two versions are, and take one of them")
    };
    // It ends with the number of conflicts, and beyond 127 with an error.
    if output.status.code().is_none_or(|code| code > 127) {
        return Err(failed(&String::from_utf8_lossy(&output.stderr)));
    }
    let is_conflicted = output.status.code() != Some(0);
    let text = String::from_utf8(output.stdout).map_err(|_| failed("one of its versions is not UTF-8"))?;
    Ok(MergedText { text, is_conflicted })
}
