//! nbexport in a git repository: the drivers in its configuration, the lines in `.gitattributes`, the pre-commit hook.
//!
//! Nothing that is there is overwritten, and taking it all out again leaves each file as it was.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Result};
use crate::export::generated::generated_files;
use crate::files::{self, Lock, Original};
use crate::git;
use crate::project::{self, Project};

/// What was done, a line each, and what a person should know.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What changed.
    pub done: Vec<String>,
    /// What was left alone, and why.
    pub notes: Vec<Diagnostic>,
}

/// The keys of the configuration, with what follows the program's name in each.
const CONFIG: &[(&str, &str)] = &[
    // With `--` or `=`, a name that begins with `-` is no option.
    ("diff.nbexport.command", " diff --git-driver --"),
    // For `git show`, `git log -p` and `git blame`, which do not ask the one above.
    ("diff.nbexport.textconv", " diff --textconv --"),
    (
        "merge.nbexport.driver",
        " merge %O %A %B --out %A --marker-size %L --path=%P --ours-label=%X --theirs-label=%Y",
    ),
    // Not `required`: where nbexport is missing, git warns and goes on with the file as it is.
    ("filter.nbexport.clean", " clean -"),
];
/// What git says while it merges.
const NAME: (&str, &str) = ("merge.nbexport.name", "notebooks, cell by cell, and their modules");
/// The head of a hunk names the cell.
const CELL: (&str, &str) = ("diff.nbexport.xfuncname", "^// %% (.*)$");

/// Says that the lines came by an install here, and not with a commit of somebody who has them.
const ATTRIBUTES_ARE_OURS: &str = "nbexport.attributes";

const BEGIN: &str = "# nbexport: begin (nbexport hooks install)";
const END: &str = "# nbexport: end";
const ATTRIBUTES: &str =
    "*.ipynb diff=nbexport merge=nbexport filter=nbexport\n**/src/nb_*.rs merge=nbexport";

/// The lines of the block: those that hold anywhere, and one for each generated file of another name (`default_exp`,
/// `bin`, `bench`) that is there.
fn attributes(top: &Path, folder: &Path) -> String {
    let mut lines = vec![ATTRIBUTES.to_owned()];
    let whole = |lines: Vec<String>| lines.join("\n");
    let Ok(project) = Project::discover(folder, None) else { return whole(lines) };
    let Ok(top) = top.canonicalize() else { return whole(lines) };
    for (path, _) in generated_files(&project, |path| !is_usual(path)) {
        let path = path.canonicalize().unwrap_or(path);
        let Ok(name) = path.strip_prefix(&top) else { continue };
        let name = project::show(name);
        let quote = if name.contains(' ') { "\"" } else { "" };
        lines.push(format!("{quote}/{name}{quote} merge=nbexport"));
    }
    whole(lines)
}

/// Whether the lines that hold anywhere are about this file of a crate.
fn is_usual(path: &Path) -> bool {
    let name =
        |path: Option<&Path>| path.and_then(|it| it.file_name()?.to_str()).unwrap_or_default().to_owned();
    name(path.parent()) == "src" && name(Some(path)).starts_with("nb_")
}

/// How the file was before the block came, where taking the block out does not tell.
const NEW_FILE: &str = ", a new file";
const OPEN_LINE: &str = ", after a line without its end";

const MARK: &str = "# nbexport: written by `nbexport hooks install`";
const KEPT: &str = "pre-commit.before-nbexport";
const HOOK: &str = "#!/bin/sh
# nbexport: written by `nbexport hooks install`, taken out by `nbexport hooks uninstall`.
# The hook that was here before runs first.
before=\"$(dirname \"$0\")/pre-commit.before-nbexport\"
if [ -x \"$before\" ]; then
    \"$before\" \"$@\" || exit $?
fi
if ! command -v @PROGRAM@ >/dev/null; then
    echo 'nbexport is not installed, so the staged notebooks were not checked' >&2
    exit 0
fi
exec @PROGRAM@ hooks check
";

/// Installs everything into the repository of `folder`; what is installed already stays as it is.
///
/// # Errors
/// There is no repository, or a file cannot be written.
pub fn install(folder: &Path) -> Result<Report> {
    let top = git::top_level(folder)?;
    let program = program();
    let mut report = Report::default();
    for (key, rest) in CONFIG {
        // Git replaces what begins with `%` in these.
        let expands = key.starts_with("merge.") || key.starts_with("filter.");
        let program = if expands { program.replace('%', "%%") } else { program.clone() };
        configure(&top, key, &format!("{program}{rest}"), |value| is_call(value, rest), &mut report)?;
    }
    configure(&top, NAME.0, NAME.1, |_| true, &mut report)?;
    configure(&top, CELL.0, CELL.1, |_| false, &mut report)?;

    let lines = attributes(&top, folder);
    let attributes = read(&top.join(".gitattributes"))?;
    let text = attributes.text.clone();
    match text.as_deref().and_then(block) {
        Some(there) if there == lines => {}
        // An earlier nbexport wrote it, or there are other files now.
        Some(there) => {
            let text = text.as_deref().unwrap_or_default();
            write(attributes, text.replacen(there, &lines, 1))?;
            report.done.push("`.gitattributes` was brought up to date".to_owned());
        }
        None => {
            write(attributes, with_block(text.as_deref(), &lines))?;
            git::git(&top, &["config", "--local", ATTRIBUTES_ARE_OURS, "true"])?;
            report.done.extend(lines.lines().map(|line| format!("`.gitattributes` says: {line}")));
        }
    }
    install_hook(&top, &program, &mut report)?;
    Ok(report)
}

/// Takes out what [`install`] put in, and nothing else.
///
/// # Errors
/// There is no repository, or a file cannot be written.
pub fn uninstall(folder: &Path) -> Result<Report> {
    let top = git::top_level(folder)?;
    let mut report = Report::default();
    let config = CONFIG.iter().copied().chain([NAME, CELL]);
    for (key, rest) in config {
        match git::line(&top, &["config", "--local", "--get", key])? {
            Some(value) if is_call(&value, rest) => {
                git::git(&top, &["config", "--local", "--unset", key])?;
                report.done.push(format!("`{key}` is no longer in the repository's configuration"));
            }
            Some(value) => {
                report.notes.push(Diagnostic::warning(format!("`{key}` is `{value}`, so it was kept")));
            }
            None => {}
        }
    }
    let attributes = read(&top.join(".gitattributes"))?;
    let ours = git::git(&top, &["config", "--local", "--unset", ATTRIBUTES_ARE_OURS])?.is_some();
    let there = attributes.text.clone();
    if ours && let Some((text, note)) = there.as_deref().and_then(without_block) {
        if text.is_empty() && note == NEW_FILE {
            fs::remove_file(&attributes.path).map_err(|error| failed(&attributes.path, &error))?;
        } else {
            write(attributes, text)?;
        }
        report.done.push("`.gitattributes` is as it was".to_owned());
    }
    uninstall_hook(&top, &mut report)?;
    Ok(report)
}

/// Whether a value is nbexport's, of this version or an earlier one with other options.
fn is_call(value: &str, rest: &str) -> bool {
    let command = rest.split_once(" --out").map_or(rest, |(command, _)| command);
    value.contains(command.trim_end_matches(" --"))
}

/// How git is to call nbexport: by its name where the shell finds it, else by its path.
fn program() -> String {
    let name = format!("nbexport{}", std::env::consts::EXE_SUFFIX);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&paths).any(|folder| folder.join(&name).is_file()) {
        return "nbexport".to_owned();
    }
    let path = std::env::current_exe().unwrap_or_else(|_| name.into());
    format!("'{}'", project::show(&path).replace('\'', r"'\''"))
}

/// Sets a key of the repository's configuration; a value that somebody else set is kept.
fn configure(
    top: &Path,
    key: &str,
    value: &str,
    is_ours: impl Fn(&str) -> bool,
    report: &mut Report,
) -> Result<()> {
    match git::line(top, &["config", "--local", "--get", key])? {
        Some(there) if there == value => return Ok(()),
        Some(there) if !is_ours(&there) => {
            report.notes.push(
                Diagnostic::warning(format!("`{key}` is `{there}`, so it was kept"))
                    .help(format!("to let nbexport do it: `git config --unset {key}`, then install again")),
            );
            return Ok(());
        }
        _ => {}
    }
    git::git(top, &["config", "--local", key, value])?.ok_or_else(|| {
        Diagnostic::error(format!("git could not set `{key}`"))
            .help("see that the repository's configuration can be written: `git config --list --local`")
    })?;
    report.done.push(format!("`{key}` is `{value}`"));
    Ok(())
}

fn with_block(text: Option<&str>, lines: &str) -> String {
    let (text, note, newline) = match text {
        None => ("", NEW_FILE, ""),
        Some(text) if text.is_empty() || text.ends_with('\n') => (text, "", ""),
        Some(text) => (text, OPEN_LINE, "\n"),
    };
    format!("{text}{newline}{BEGIN}{note}\n{lines}\n{END}\n")
}

/// The lines of nbexport's block.
fn block(text: &str) -> Option<&str> {
    let (_, after) = text.split_once(BEGIN)?;
    let (_, lines) = after.split_once('\n')?;
    lines.split_once(END).map(|(lines, _)| lines.trim_end())
}

/// The text without nbexport's block, and how it was before; `None` when there is no block.
fn without_block(text: &str) -> Option<(String, &str)> {
    let begin = text.find(BEGIN)?;
    let end = begin + text[begin..].find(END)?;
    let after = text[end..].find('\n').map_or("", |newline| &text[end + newline + 1..]);
    let note = text[begin + BEGIN.len()..].lines().next()?;
    let mut before = &text[..begin];
    if note == OPEN_LINE && after.is_empty() {
        before = before.strip_suffix('\n').unwrap_or(before);
    }
    Some((format!("{before}{after}"), note))
}

/// Where the hooks are, and whether other repositories have theirs there too.
fn hooks_folder(top: &Path) -> Result<(PathBuf, bool)> {
    let path =
        git::line(top, &["rev-parse", "--git-path", "hooks"])?.unwrap_or_else(|| ".git/hooks".to_owned());
    let scope = git::line(top, &["config", "--show-scope", "--get", "core.hooksPath"])?.unwrap_or_default();
    Ok((top.join(path), scope.starts_with("global") || scope.starts_with("system")))
}

fn install_hook(top: &Path, program: &str, report: &mut Report) -> Result<()> {
    let (folder, shared) = hooks_folder(top)?;
    let (hook, kept) = (folder.join("pre-commit"), folder.join(KEPT));
    let text = HOOK.replace("@PROGRAM@", program);
    if shared {
        report.notes.push(
            Diagnostic::warning(format!(
                "`core.hooksPath` is set for all your repositories, so `{}` was left alone",
                folder.display()
            ))
            .help("to check notebooks before a commit, let the pre-commit hook there run `nbexport hooks check`"),
        );
        return Ok(());
    }
    // The pre-commit framework moves a hook that it finds to this name, and runs it.
    if [&hook, &folder.join("pre-commit.legacy")].into_iter().any(|path| is_ours(path)) {
        if is_ours(&hook) && read(&hook)?.text.as_deref() != Some(&*text) {
            write_hook(&hook, &text)?;
            report.done.push("the pre-commit hook was brought up to date".to_owned());
        }
        return Ok(());
    }
    let chained = hook.symlink_metadata().is_ok();
    if chained {
        if kept.symlink_metadata().is_ok() {
            report.notes.push(
                Diagnostic::warning(format!(
                    "there are both a pre-commit hook and `{KEPT}`, so none was touched"
                ))
                .help(format!("see what `{}` is for, and delete or rename it", kept.display())),
            );
            return Ok(());
        }
        files::rename(&hook, &kept).map_err(|error| failed(&hook, &error))?;
    }
    if let Err(diagnostic) = write_hook(&hook, &text) {
        // The hook that was there works on as before.
        let _ = if chained { files::rename(&kept, &hook) } else { Ok(()) };
        return Err(diagnostic);
    }
    let then = if chained { ", after the hook that was there" } else { "" };
    report.done.push(format!("a pre-commit hook checks the staged notebooks{then}"));
    Ok(())
}

fn uninstall_hook(top: &Path, report: &mut Report) -> Result<()> {
    let (folder, _) = hooks_folder(top)?;
    let (hook, kept) = (folder.join("pre-commit"), folder.join(KEPT));
    let legacy = folder.join("pre-commit.legacy");
    let restore = kept.symlink_metadata().is_ok();
    if is_ours(&hook) {
        let removed = if restore { files::rename(&kept, &hook) } else { fs::remove_file(&hook) };
        removed.map_err(|error| failed(&hook, &error))?;
        report.done.push(format!(
            "the pre-commit hook is {}",
            if restore { "the one that was there" } else { "gone" }
        ));
    } else if is_ours(&legacy) {
        let removed = if restore { files::rename(&kept, &legacy) } else { fs::remove_file(&legacy) };
        removed.map_err(|error| failed(&legacy, &error))?;
        report.done.push("`pre-commit.legacy` no longer runs nbexport".to_owned());
    } else if restore {
        report.notes.push(
            Diagnostic::warning("the pre-commit hook is not nbexport's any more, so it was kept")
                .note(format!("the one that nbexport kept is `{}`", kept.display())),
        );
    }
    // A folder that `install` made; one that holds anything stays.
    let _ = fs::remove_dir(&folder);
    Ok(())
}

fn is_ours(hook: &Path) -> bool {
    files::read_text(hook).is_ok_and(|text| text.contains(MARK))
}

fn write_hook(hook: &Path, text: &str) -> Result<()> {
    write(read(hook)?, text.to_owned())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(hook, fs::Permissions::from_mode(0o755)).map_err(|error| failed(hook, &error))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Original> {
    Original::read(path, path.display().to_string())
}

fn write(original: Original, text: String) -> Result<()> {
    let lock = Lock::beside(&original.path);
    lock.commit(original.as_named(text)?.as_slice())
}

fn failed(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot write `{}`: {error}", path.display()))
        .help("see that its folder can be written, then run it again: what is done already stays")
}
