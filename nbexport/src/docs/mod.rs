//! Notebooks → a site: pages by mdBook, the crate's documentation by rustdoc beside them, links both ways.
//!
//! The way of a page: `page` makes markdown of a notebook, with `prose` for its texts, `highlight` for its code and
//! `output` for what the code put out; `book` has mdBook make HTML of the markdown; `site` puts all together, links
//! the crate's modules to the notebooks, and looks at each link. Nothing of it asks another machine.

mod book;
mod highlight;
mod links;
mod names;
mod output;
mod page;
mod prose;
mod safe;
mod serve;
mod settings;
mod site;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use percent_encoding::percent_decode_str;

pub use serve::Server;
pub use settings::Settings;

use self::names::Names;
use self::page::{Making, Page};
use crate::diagnostic::{Diagnostic, Result};
use crate::export::{self, module::Target};
use crate::files;
use crate::notebook::Notebook;
use crate::notebook::prose::Heading;
use crate::project::{self, Project};

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
    let api = if options.api { rustdoc(project, &work, &mut report) } else { None };
    let names = match &api {
        Some(api) => names(project, api, &crate_name),
        None => Names::default(),
    };

    let notebooks = notebooks(project, &settings, &mut report)?;
    let front = front(project, &notebooks);
    let chapters = chapters(project, &notebooks, front.as_deref());
    let making = Making {
        project,
        settings: &settings,
        names: &names,
        chapters: &chapters,
        crate_name: &crate_name,
        trust: options.trust,
    };
    let mut made = Vec::new();
    let mut modules_of = Vec::new();
    if let Some(front) = front.as_deref().filter(|front| front.extension().is_some_and(|it| it == "md")) {
        let text = files::read_text(front).map_err(|error| {
            Diagnostic::error(format!("cannot read `{}`: {error}", project.name_of(front)))
        })?;
        let heading = Heading::in_text(&text);
        let title = heading.as_ref().and_then(title).unwrap_or_else(|| crate_name.clone());
        made.push(Chapter { title, file: "README.md".to_owned(), page: making.text(&text, front) });
    }
    for (path, notebook) in &notebooks {
        let (modules, _) = export::modules(notebook, &crate_name);
        let Some(file) = chapters.file(path) else { continue };
        let title = Heading::of(notebook)
            .and_then(|(_, heading)| title(&heading))
            .unwrap_or_else(|| notebook.file_name().trim_end_matches(".ipynb").to_owned());
        let page = making.notebook(notebook, path, &modules);
        // Benchmarks have the name of the module that they measure, and no page.
        let with_page = modules.iter().filter(|module| module.target == Target::Library);
        modules_of.extend(with_page.map(|module| (module.name.clone(), file.to_owned(), title.clone())));
        let chapter = Chapter { title, file: file.to_owned(), page };
        if front.as_deref() == Some(path) { made.insert(0, chapter) } else { made.push(chapter) }
    }
    for chapter in &mut made {
        report.diagnostics.append(&mut chapter.page.wrong);
    }
    report.pages = made.len();
    let title = settings.title.clone().unwrap_or_else(|| crate_name.clone());
    let html = book::build(project, &work, &title, &settings, &made, &chapters, options)?;
    let site = site::Site {
        html: &html,
        api: api.as_deref(),
        crate_name: &crate_name,
        modules: &modules_of,
        chapters: &made,
    };
    site.write(options, &mut report)?;
    Ok(report)
}

/// All notebooks that get a page, in order.
fn notebooks(
    project: &Project,
    settings: &Settings,
    report: &mut Report,
) -> Result<Vec<(PathBuf, Notebook)>> {
    let mut notebooks = Vec::new();
    for path in project.notebook_paths()? {
        let below = project::show(path.strip_prefix(&project.notebooks).unwrap_or(&path));
        let is_left_out = |name: &String| *name == below || format!("{name}.ipynb") == below;
        if settings.exclude.iter().any(is_left_out) {
            continue;
        }
        match Notebook::read(&path, &project.name_of(&path)) {
            Ok(notebook) => notebooks.push((path, notebook)),
            Err(diagnostic) => report.diagnostics.push(diagnostic),
        }
    }
    Ok(notebooks)
}

/// The first page: `index.ipynb`, or the README.
fn front(project: &Project, notebooks: &[(PathBuf, Notebook)]) -> Option<PathBuf> {
    let index = notebooks.iter().find(|(path, _)| path.file_name().is_some_and(|name| name == "index.ipynb"));
    let readme = project.root.join("README.md");
    index.map(|(path, _)| path.clone()).or_else(|| readme.is_file().then_some(readme))
}

/// The file of each page; two names that come out as one get numbers.
fn chapters(project: &Project, notebooks: &[(PathBuf, Notebook)], front: Option<&Path>) -> Chapters {
    let mut chapters = BTreeMap::new();
    let mut taken = std::collections::BTreeSet::new();
    if let Some(front) = front {
        chapters.insert(front.to_owned(), "README.md".to_owned());
    }
    for (path, _) in notebooks {
        if chapters.contains_key(path) {
            continue;
        }
        let below = project::show(&path.strip_prefix(&project.notebooks).unwrap_or(path).with_extension(""));
        let name = below.split('/').map(slug).collect::<Vec<_>>().join("/");
        let mut file = format!("{name}.md");
        let mut number = 2;
        while !taken.insert(file.clone()) {
            file = format!("{name}-{number}.md");
            number += 1;
        }
        chapters.insert(path.clone(), file);
    }
    Chapters(chapters)
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

/// Has rustdoc document the crate; the folder it wrote comes back.
///
/// In a target folder of its own: the usual one has the documentation of all packages that anybody asked for.
fn rustdoc(project: &Project, work: &Path, report: &mut Report) -> Option<PathBuf> {
    let target = work.join("target");
    let mut command = Command::new(crate::run::native::cargo());
    command
        .args(["doc", "--no-deps", "--lib", "--quiet", "--target-dir"])
        .arg(&target)
        .current_dir(&project.krate)
        .env("CARGO_TERM_COLOR", "never");
    let failed = |why: String| {
        Diagnostic::error("rustdoc did not document the crate, so no name has a link").note(why).help(
            "`nbexport cargo doc --no-deps` shows what is wrong at the cells; `--no-api` makes the site without",
        )
    };
    match command.output() {
        Ok(output) if output.status.success() => Some(target.join("doc")),
        Ok(output) => {
            report.diagnostics.push(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
            None
        }
        Err(error) => {
            report.diagnostics.push(failed(format!("cannot run cargo: {error}")));
            None
        }
    }
}

/// The names of the crate, and the crates it depends on with the versions of the lock file.
fn names(project: &Project, api: &Path, crate_name: &str) -> Names {
    let names = Names::of(api, crate_name).unwrap_or_default().below("api");
    let read = |path: PathBuf| files::read_text(&path).ok()?.parse::<toml_edit::DocumentMut>().ok();
    let manifest = read(project.krate.join("Cargo.toml"));
    let lock = project.krate.ancestors().map(|folder| folder.join("Cargo.lock")).find(|lock| lock.is_file());
    let (Some(manifest), Some(lock)) = (manifest, lock.and_then(read)) else { return names };
    let direct = ["dependencies", "dev-dependencies"]
        .iter()
        .filter_map(|table| manifest.get(table)?.as_table_like())
        .flat_map(|table| table.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>());
    let packages = lock.get("package").and_then(toml_edit::Item::as_array_of_tables);
    let version = |name: &str| {
        let mut versions = packages?.iter().filter_map(|package| {
            let of = |key: &str| package.get(key)?.as_str();
            // Only what came from the registry has pages there.
            (of("name")? == name && of("source")?.starts_with("registry+")).then(|| of("version"))?
        });
        // Two versions: nobody knows which is meant.
        versions.next().filter(|_| versions.next().is_none()).map(str::to_owned)
    };
    let crates: Vec<_> = direct
        .filter_map(|name| {
            let version = version(&name)?;
            Some((name.replace('-', "_"), format!("https://docs.rs/{name}/{version}/")))
        })
        .collect();
    names.with_crates(crates)
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
