//! The pages in mdBook's hands: its configuration, its summary, its HTML.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mdbook_driver::MDBook;
use mdbook_driver::book::{Book, BookItem};
use mdbook_driver::config::{Config, HtmlConfig};

use super::{Chapter, Chapters, Options, Settings};
use crate::diagnostic::{Diagnostic, Result};
use crate::files;
use crate::project::{self, Project};

/// What the pages look like beyond mdBook's own.
const CSS: &str = include_str!("style.css");
/// Loads a page again when the site was made anew.
const RELOAD: &str = include_str!("reload.js");

/// Has mdBook make HTML of the chapters, in a folder below `work` that comes back. With their list in the site as it is to
/// be (`is_listed`), those that are kept are left out of it.
pub(super) fn build(
    project: &Project,
    work: &Path,
    title: &str,
    settings: &Settings,
    (made, is_listed): (&[Chapter], bool),
    chapters: &Chapters,
    options: &Options,
) -> Result<PathBuf> {
    let failed = |error: std::io::Error| Diagnostic::error(format!("cannot write the site: {error}"));
    let root = work.join("book");
    let src = root.join("src");
    let mut sources = Sources { folder: src.clone(), written: BTreeSet::new() };
    for chapter in made {
        sources.keep(&chapter.file, chapter.page.markdown.as_bytes()).map_err(failed)?;
        for (file, bytes) in &chapter.page.files {
            sources.keep(file, bytes).map_err(failed)?;
        }
    }
    let own = project.root.join("docs");
    let summary = summary(project, &own, made, chapters, &mut sources)?;
    sources.keep("SUMMARY.md", summary.as_bytes()).map_err(failed)?;
    sources.clear(&src).map_err(failed)?;
    files::keep(&root.join("nb.css"), CSS.as_bytes()).map_err(failed)?;
    files::keep(&root.join("nb-reload.js"), RELOAD.as_bytes()).map_err(failed)?;

    let config = config(&own, title, settings, options)?;
    let told = |error: mdbook_driver::errors::Error| {
        Diagnostic::error(format!("mdBook cannot make the site: {error:#}"))
    };
    let mut book = MDBook::load_with_config(&root, config).map_err(told)?;
    if is_listed {
        leave_out(&mut book.book, made);
    }
    book.build().map_err(told)?;
    Ok(root.join("html"))
}

/// Has mdBook make no page of chapters that are kept, but for those beside one that is made: it leads to them.
fn leave_out(book: &mut Book, made: &[Chapter]) {
    let is_kept = |at: usize| made.get(at).is_none_or(|chapter| chapter.kept.is_some());
    let is_away = |at: &usize| is_kept(*at) && is_kept(at + 1) && (*at == 0 || is_kept(at - 1));
    let away: BTreeSet<&Path> = (0..made.len()).filter(is_away).map(|at| Path::new(&made[at].file)).collect();
    book.for_each_mut(|item| {
        if let BookItem::Chapter(chapter) = item {
            // One without is a draft to mdBook.
            chapter.path = chapter.path.take().filter(|path| !away.contains(path.as_path()));
        }
    });
}

/// The folder that mdBook reads. What is there as it should be is not written again: to make a file costs more than to read
/// one.
struct Sources {
    folder: PathBuf,
    written: BTreeSet<PathBuf>,
}

impl Sources {
    fn keep(&mut self, name: &str, text: &[u8]) -> std::io::Result<()> {
        let path = self.folder.join(name);
        if !path.exists() {
            std::fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        }
        files::keep(&path, text)?;
        self.written.insert(path);
        Ok(())
    }

    /// Takes away what an earlier run left: it would become part of the site.
    fn clear(&self, folder: &Path) -> std::io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                self.clear(&path)?;
            } else if !self.written.contains(&path) {
                std::fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
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
    sources: &mut Sources,
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
            let to = project::show(path.strip_prefix(own).unwrap_or(&path));
            sources.keep(to.trim_start_matches('/'), &text).map_err(unreadable)?;
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
