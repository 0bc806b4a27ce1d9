//! The pages in `docs/` show commands and what they print. Here they are run, from top to bottom in one new folder, and
//! must print just that; only times may differ. `UPDATE_DOCS=1 cargo test -p nbexport --test cli docs` writes what they
//! print now into the pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Case;

/// Runs the lines that begin with `$ ` in the page's `console` blocks; gives the page with what they print.
fn performed(page: &str) -> String {
    let case = Case::nothing();
    let binary = Path::new(env!("CARGO_BIN_EXE_nbexport")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths([binary.to_owned()].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let mut folder = case.path("").canonicalize().unwrap();
    let root = folder.display().to_string();
    let mut said = String::new();
    let mut in_block = false;
    for line in page.lines() {
        if line.starts_with("```") {
            in_block = line == "```console";
        } else if in_block && !line.starts_with("$ ") {
            continue;
        }
        said.push_str(line);
        said.push('\n');
        let Some(command) = line.strip_prefix("$ ").filter(|_| in_block) else { continue };
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{command}\npwd >\"$FOLDER\"")])
            .current_dir(&folder)
            .env("PATH", &path)
            .env("FOLDER", case.path(".folder"))
            .env("NO_COLOR", "1")
            .env("HOME", case.path(""))
            .env("CARGO_HOME", cargo_home())
            .env("RUSTUP_HOME", rustup_home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_COUNT", "1")
            .envs([("GIT_CONFIG_KEY_0", "init.defaultBranch"), ("GIT_CONFIG_VALUE_0", "main")])
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap().replace(&root, "…");
        folder = PathBuf::from(case.read(".folder").trim_end());
        said.extend(text.lines().map(|line| format!("{}\n", line.trim_end())));
    }
    said
}

fn cargo_home() -> PathBuf {
    std::env::var_os("CARGO_HOME").map_or_else(|| home().join(".cargo"), PathBuf::from)
}

fn rustup_home() -> PathBuf {
    std::env::var_os("RUSTUP_HOME").map_or_else(|| home().join(".rustup"), PathBuf::from)
}

fn home() -> PathBuf {
    std::env::home_dir().unwrap_or_default()
}

/// The text with every time in it the same: `0.03s`, `12 ms`, `1.4 s`.
fn timeless(text: &str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    for at in 0..words.len() {
        let unit = words
            .get(at + 1)
            .is_some_and(|next| ["s", "ms", "s,", "ms,", "s)"].iter().any(|unit| next.trim_end() == *unit));
        let word = words[at].trim_start_matches('(').trim_end();
        let number = word.strip_suffix("ms").or(word.strip_suffix('s')).unwrap_or(word);
        if (unit || number != word) && number.parse::<f64>().is_ok() {
            words[at] = "0";
        }
    }
    words.join(" ")
}

fn holds(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    let page = fs::read_to_string(&path).unwrap();
    let said = performed(&page);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, said).unwrap();
        return;
    }
    let lines = |text: &str| text.lines().map(timeless).collect::<Vec<_>>().join("\n");
    assert!(lines(&page) == lines(&said), "docs/{name} says something else than\n{said}");
}

#[test]
fn the_page_of_commands_shows_what_they_print() {
    needs!("git", "rustfmt");
    holds("commands.md");
}

#[test]
fn the_page_of_two_clones_shows_what_git_prints() {
    needs!("git");
    holds("two-clones.md");
}
