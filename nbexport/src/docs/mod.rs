//! Notebooks → a site: pages by mdBook, the crate's documentation by rustdoc beside them, links both ways.
//!
//! The way of a page: `page` makes markdown of a notebook, with `prose` for its texts, `highlight` for its code and
//! `output` for what the code put out; `book` has mdBook make HTML of the markdown; `site` puts all together, links
//! the crate's modules to the notebooks, and looks at each link. `build` leads through all that, for the pages that are
//! not as they were (`kept`). Nothing of it asks another machine.

mod api;
mod book;
mod build;
mod highlight;
mod kept;
mod links;
mod names;
mod output;
mod page;
mod prose;
mod safe;
mod search;
mod serve;
mod settings;
mod site;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

pub use serve::Server;
pub use settings::Settings;

use self::kept::{Record, Records};
use self::page::Page;
use crate::diagnostic::{Diagnostic, Result};
use crate::export;
use crate::files;
use crate::notebook::prose::Heading;
use crate::project::Project;

/// How a site is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder it is written to.
    pub folder: PathBuf,
    /// Whether HTML of outputs and texts is shown as it is: for one's own notebooks.
    pub trust: bool,
    /// Whether the crate's documentation is made, too.
    pub api: bool,
    /// Whether pages load again when the site is made anew.
    pub reload: bool,
}

/// What came of a site.
#[derive(Debug, Default)]
pub struct Report {
    /// How many pages it has.
    pub pages: usize,
    /// How many files were written, since they were not there or not the same.
    pub written: usize,
    /// What is wrong: notebooks that cannot be read, links that lead nowhere.
    pub diagnostics: Vec<Diagnostic>,
}

/// The pages of the site: path of a notebook or text → file below the folder of pages.
#[derive(Debug, Default)]
struct Chapters(BTreeMap<PathBuf, String>);

impl Chapters {
    fn file(&self, path: &Path) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }
}

/// One chapter, ready for mdBook.
struct Chapter {
    title: String,
    file: String,
    page: Page,
    /// What is known of a page that is not made anew; `page` is empty then.
    kept: Option<Record>,
}

/// Makes the site of a project.
///
/// # Errors
/// The folder is somebody else's, mdBook or the disk fails. What is wrong with a notebook is told in the report, and all
/// others become pages.
pub fn build(project: &Project, options: &Options) -> Result<Report> {
    site::check_folder(&options.folder, project)?;
    let settings = Settings::of(project)?;
    let mut report = Report::default();
    let work = files::own_folder(project).join("docs");
    let crate_name = export::crate_name(project)?;
    let api = if options.api { api::rustdoc(project, &work, &mut report) } else { None };
    let names = api.as_ref().map(|api| api::names(project, api, &crate_name)).unwrap_or_default();
    let site = build::Site { project, options, settings, work, crate_name, api, names };
    // A book of the project's own may say anything of each page, so nothing is known beforehand.
    let own = project.root.join("docs");
    let is_own = own.join("SUMMARY.md").is_file() || own.join("book.toml").is_file();
    let records = if is_own { Records::default() } else { Records::load(&site.work) };
    let made = match site.make(records)? {
        Some(made) => Some(made),
        // A page that was kept does not hold any more beside the others.
        None => site.make(Records::default())?,
    };
    let Report { pages, written, mut diagnostics } = made.unwrap_or_default();
    report.diagnostics.append(&mut diagnostics);
    Ok(Report { pages, written, ..report })
}

/// A name as a part of an address.
fn slug(name: &str) -> String {
    let slug: String =
        name.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
    if slug.trim_matches('.').is_empty() { "page".to_owned() } else { slug }
}

/// A title without markup, on one line; `None` where nothing is left of it.
fn title(heading: &Heading<'_>) -> Option<String> {
    let plain: String = heading.title.1.chars().filter(|c| !"`*[]<>".contains(*c)).collect();
    let plain = plain.split('(').next().unwrap_or(&plain).trim().to_owned();
    (!plain.is_empty()).then_some(plain)
}

/// Text that is no markup.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

/// `%20` and the like as the characters that they stand for.
fn unescaped(url: &str) -> String {
    percent_decode_str(url).decode_utf8().map_or_else(|_| url.to_owned(), Cow::into_owned)
}
