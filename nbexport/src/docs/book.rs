//! The pages in mdBook's hands: its configuration, its summary, its HTML.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mdbook_driver::MDBook;
use mdbook_driver::config::{Config, HtmlConfig};

use super::{Chapter, Chapters, Options, Settings};
use crate::diagnostic::{Diagnostic, Result};
use crate::files;
use crate::project::{self, Project};

/// What the pages look like beyond mdBook's own.
const CSS: &str = include_str!("style.css");
/// Loads a page again when the site was made anew.
const RELOAD: &str = include_str!("reload.js");

/// Has mdBook make HTML of the chapters, in a folder below `work` that comes back.
pub(super) fn build(
    project: &Project,
    work: &Path,
    title: &str,
    settings: &Settings,
    made: &[Chapter],
    chapters: &Chapters,
    options: &Options,
) -> Result<PathBuf> {
    let failed = |error: std::io::Error| Diagnostic::error(format!("cannot write the site: {error}"));
    let root = work.join("book");
    let src = root.join("src");
    // What an earlier run left would become part of this one.
    if src.exists() {
        std::fs::remove_dir_all(&src).map_err(failed)?;
    }
    let keep = |path: PathBuf, text: &[u8]| -> Result<()> {
        std::fs::create_dir_all(path.parent().unwrap_or(&src)).map_err(failed)?;
        files::keep(&path, text).map_err(failed)
    };
    for chapter in made {
        keep(src.join(&chapter.file), chapter.page.markdown.as_bytes())?;
        for (file, bytes) in &chapter.page.files {
            keep(src.join(file), bytes)?;
        }
    }
    let own = project.root.join("docs");
    keep(src.join("SUMMARY.md"), summary(project, &own, made, chapters, &src)?.as_bytes())?;
    keep(root.join("nb.css"), CSS.as_bytes())?;
    keep(root.join("nb-reload.js"), RELOAD.as_bytes())?;

    let config = config(&own, title, settings, options)?;
    let told = |error: mdbook_driver::errors::Error| {
        Diagnostic::error(format!("mdBook cannot make the site: {error:#}"))
    };
    let book = MDBook::load_with_config(&root, config).map_err(told)?;
    book.build().map_err(told)?;
    Ok(root.join("html"))
}

/// mdBook's configuration: the project's own `docs/book.toml`, and what the pages need.
fn config(own: &Path, title: &str, settings: &Settings, options: &Options) -> Result<Config> {
    let told = |error: mdbook_driver::errors::Error| {
        Diagnostic::error(format!("`docs/book.toml` does not work: {error:#}"))
            .help("mend it, or take it away")
    };
    let file = own.join("book.toml");
    let mut config = if file.is_file() { Config::from_disk(&file).map_err(told)? } else { Config::default() };
    config.book.title.get_or_insert_with(|| title.to_owned());
    config.book.src = "src".into();
    config.build.build_dir = "html".into();
    config.build.create_missing = false;
    let has_html = config.html_config().is_some();
    let mut html = config.html_config().unwrap_or_else(|| {
        let mut html = HtmlConfig::default();
        html.no_section_label = true;
        html
    });
    // One page of everything would hold every picture at once.
    html.print.enable &= has_html;
    html.smart_punctuation = false;
    // Chapters link to one another by their names.
    html.hash_files = false;
    html.additional_css.push("nb.css".into());
    if options.reload {
        html.additional_js.push("nb-reload.js".into());
    }
    if html.git_repository_url.is_none() {
        html.git_repository_url.clone_from(&settings.repository);
    }
    // A theme of the project's own lies beside its book.toml.
    html.theme = html.theme.map(|theme| own.join(theme));
    config.set("output.html", html).map_err(told)?;
    Ok(config)
}

/// The order of the chapters: the project's own `docs/SUMMARY.md`, or that of the notebooks.
fn summary(
    project: &Project,
    own: &Path,
    made: &[Chapter],
    chapters: &Chapters,
    src: &Path,
) -> Result<String> {
    let file = own.join("SUMMARY.md");
    let mut summary = String::from("# Summary\n\n");
    if !file.is_file() {
        for chapter in made {
            let item = if chapter.file == "README.md" { "" } else { "- " };
            let title: String =
                chapter.title.chars().map(|c| if "[]\\\n\r".contains(c) { ' ' } else { c }).collect();
            let _ = writeln!(summary, "{item}[{}](<{}>)", title.trim(), chapter.file);
        }
        return Ok(summary);
    }
    let unreadable =
        |error: std::io::Error| Diagnostic::error(format!("cannot read `docs/SUMMARY.md`: {error}"));
    let text = files::read_text(&file).map_err(unreadable)?;
    summary.clear();
    for line in text.lines() {
        let target =
            line.split_once("](").and_then(|(_, rest)| rest.split_once(')')).map(|(target, _)| target);
        let Some(target) = target.filter(|target| !target.is_empty()) else {
            summary.push_str(line);
            summary.push('\n');
            continue;
        };
        let path = project::normalize(&own.join(target));
        if let Some(page) = chapters.file(&path) {
            summary.push_str(&line.replace(&format!("]({target})"), &format!("](<{page}>)")));
        } else if path.is_file() {
            let text = files::read(&path).map_err(unreadable)?;
            let to = src.join(project::show(path.strip_prefix(own).unwrap_or(&path)).trim_start_matches('/'));
            std::fs::create_dir_all(to.parent().unwrap_or(src)).map_err(unreadable)?;
            files::keep(&to, &text).map_err(unreadable)?;
            summary.push_str(line);
        } else {
            let name = project.name_of(&file);
            return Err(Diagnostic::error(format!("`{name}` lists `{target}`, which is not there"))
                .help("name a notebook as `../notebooks/01_x.ipynb`, or a text of the folder `docs`"));
        }
        summary.push('\n');
    }
    Ok(summary)
}
