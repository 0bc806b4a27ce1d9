//! From the notebooks to the site: what is read, which pages are made anew, and what is known for the next time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::kept::{self, Record, Records};
use super::names::Names;
use super::page::{Making, Page};
use super::site::Finished;
use super::{Chapter, Chapters, Options, Report, Settings, api, book, site, slug, title};
use crate::diagnostic::{Diagnostic, Result};
use crate::export::{self, module::Target};
use crate::files;
use crate::notebook::Notebook;
use crate::notebook::prose::Heading;
use crate::project::{self, Project};

/// What a site is made with.
pub(super) struct Site<'a> {
    pub(super) project: &'a Project,
    pub(super) options: &'a Options,
    pub(super) settings: Settings,
    /// The folder of what is only needed while it is made, and the next time.
    pub(super) work: PathBuf,
    pub(super) crate_name: String,
    /// The folder that rustdoc wrote.
    pub(super) api: Option<PathBuf>,
    pub(super) names: Names,
}

/// A notebook that gets a page.
struct Read {
    path: PathBuf,
    /// The path below the project.
    name: String,
    /// Of its bytes, and of this program.
    digest: String,
    title: String,
    /// The modules it exports to that have a page of rustdoc's.
    modules: Vec<String>,
    from: From,
}

/// What a page is made from.
enum From {
    Notebook(Notebook),
    Record(Record),
}

/// What is known of a page beside the page: its record's beginning.
struct Known {
    name: String,
    digest: String,
    around: String,
    modules: Vec<String>,
}

impl Site<'_> {
    /// Makes the site; `None` when a page that was kept leads to something that is not there any more.
    pub(super) fn make(&self, mut records: Records) -> Result<Option<Report>> {
        let Self { project, options, settings, work, crate_name, api, names } = self;
        let mut report = Report::default();
        let listing = std::mem::take(&mut records.listing);
        let mut read = self.read(records, &mut report)?;
        let front = front(project, &read);
        let chapters = chapters(project, &read, front.as_deref());
        let site_title = settings.title.clone().unwrap_or_else(|| crate_name.clone());
        let trust = options.trust;
        let making = Making { project, settings, names, chapters: &chapters, crate_name, trust };
        let pages_of_names = api.as_deref().map(api::digest).unwrap_or_default();
        let everywhere = format!(
            "{settings:?} {names:?} {chapters:?} {crate_name} {trust} {} {site_title} {pages_of_names}",
            options.reload
        );
        let mut made = Vec::new();
        if let Some(at) = read.iter().position(|it| Some(&it.path) == front.as_ref()) {
            read[..=at].rotate_right(1);
        } else if let Some(front) = &front {
            made.push(self.readme(front, &making)?);
        }
        let titles: Vec<String> = read.iter().map(|it| it.title.clone()).collect();
        let (mut modules, mut known) = (Vec::new(), BTreeMap::new());
        for (at, it) in read.into_iter().enumerate() {
            let Some(file) = chapters.file(&it.path).map(str::to_owned) else { continue };
            // A page leads to the one before and the one after it, by their titles.
            let neighbours = &titles[at.saturating_sub(1)..titles.len().min(at + 2)];
            let around = kept::digest([everywhere.as_bytes(), format!("{neighbours:?}").as_bytes()]);
            modules.extend(it.modules.iter().map(|module| (module.clone(), file.clone(), it.title.clone())));
            // mdBook makes the first page twice, for it is what the site opens with: that one is always made.
            let is_first = made.is_empty();
            let chapter = match it.from {
                From::Record(record)
                    if !is_first && record.around == around && record.holds(&options.folder) =>
                {
                    Chapter { title: it.title, file: file.clone(), page: Page::default(), kept: Some(record) }
                }
                from => {
                    let notebook = match from {
                        From::Notebook(notebook) => notebook,
                        From::Record(_) => Notebook::read(&it.path, &it.name)?,
                    };
                    let (modules, _) = export::modules(&notebook, crate_name);
                    let page = making.notebook(&notebook, &it.path, &modules);
                    Chapter { title: it.title, file: file.clone(), page, kept: None }
                }
            };
            known.insert(file, Known { name: it.name, digest: it.digest, around, modules: it.modules });
            made.push(chapter);
        }
        let wrong: BTreeSet<String> =
            made.iter().filter(|it| !it.page.wrong.is_empty()).map(|it| it.file.clone()).collect();
        for chapter in &mut made {
            report.diagnostics.append(&mut chapter.page.wrong);
        }
        report.pages = made.len();
        let pages: Vec<_> = made.iter().map(|it| (&it.title, &it.file)).collect();
        let listed = kept::digest([everywhere.as_bytes(), format!("{pages:?}").as_bytes()]);
        let is_listed = listing.holds(&listed, &options.folder);
        let html = book::build(project, work, &site_title, settings, (&made, is_listed), &chapters, options)?;
        let api = api.as_deref();
        let site = site::Site { html: &html, api, crate_name, modules: &modules, chapters: &made, is_listed };
        let Some(mut finished) = site.write(options, &mut report)? else { return Ok(None) };

        let mut records = Records::default();
        records.listing = kept::Listing { of: listed, files: finished.digests(&kept::Listing::FILES) };
        for chapter in made {
            let Some(of) = known.remove(&chapter.file).filter(|_| !wrong.contains(&chapter.file)) else {
                continue;
            };
            let name = of.name.clone();
            if let Some(record) = record(chapter, of, &mut finished) {
                records.insert(name, record);
            }
        }
        records.save(work);
        Ok(Some(report))
    }

    /// All notebooks that get a page, in order.
    fn read(&self, mut records: Records, report: &mut Report) -> Result<Vec<Read>> {
        let (project, program) = (self.project, kept::program());
        let mut read = Vec::new();
        for path in project.notebook_paths()? {
            let below = project::show(path.strip_prefix(&project.notebooks).unwrap_or(&path));
            let is_left_out = |name: &String| *name == below || format!("{name}.ipynb") == below;
            if self.settings.exclude.iter().any(is_left_out) {
                continue;
            }
            let name = project.name_of(&path);
            // One that cannot be read is told of below.
            let bytes = files::read(&path).unwrap_or_default();
            let digest = kept::digest([program.as_bytes(), self.crate_name.as_bytes(), &bytes]);
            if let Some(record) = records.take(&name, &digest) {
                let (title, modules) = (record.title.clone(), record.modules.clone());
                read.push(Read { path, name, digest, title, modules, from: From::Record(record) });
                continue;
            }
            let notebook = match Notebook::read(&path, &name) {
                Ok(notebook) => notebook,
                Err(diagnostic) => {
                    report.diagnostics.push(diagnostic);
                    continue;
                }
            };
            let title = Heading::of(&notebook)
                .and_then(|(_, heading)| title(&heading))
                .unwrap_or_else(|| notebook.file_name().trim_end_matches(".ipynb").to_owned());
            // Benchmarks have the name of the module that they measure, and no page.
            let (modules, _) = export::modules(&notebook, &self.crate_name);
            let modules = modules.into_iter().filter(|module| module.target == Target::Library);
            let modules = modules.map(|module| module.name).collect();
            read.push(Read { path, name, digest, title, modules, from: From::Notebook(notebook) });
        }
        Ok(read)
    }

    /// The first page, where that is a text.
    fn readme(&self, front: &Path, making: &Making<'_>) -> Result<Chapter> {
        let text = files::read_text(front).map_err(|error| {
            Diagnostic::error(format!("cannot read `{}`: {error}", self.project.name_of(front)))
        })?;
        let heading = Heading::in_text(&text);
        let title = heading.as_ref().and_then(title).unwrap_or_else(|| self.crate_name.clone());
        Ok(Chapter { title, file: "README.md".to_owned(), page: making.text(&text, front), kept: None })
    }
}

/// What is known of a page the next time.
fn record(chapter: Chapter, of: Known, finished: &mut Finished) -> Option<Record> {
    let Known { digest: notebook, around, modules, .. } = of;
    let Chapter { title, file, page, kept } = chapter;
    if let Some(record) = kept {
        return Some(record);
    }
    let fragments = page.fragments.iter().map(|it| (it.page.clone(), it.id.clone())).collect();
    let named = kept::named(&page);
    let site::Facts { files, links, ids, search } = finished.take(&file, &page)?;
    Some(Record { notebook, around, title, modules, named, files, links, ids, fragments, search })
}

/// The first page: `index.ipynb`, or the README.
fn front(project: &Project, notebooks: &[Read]) -> Option<PathBuf> {
    let index = notebooks.iter().find(|it| it.path.file_name().is_some_and(|name| name == "index.ipynb"));
    let readme = project.root.join("README.md");
    index.map(|it| it.path.clone()).or_else(|| readme.is_file().then_some(readme))
}

/// The file of each page; two names that come out as one get numbers.
fn chapters(project: &Project, notebooks: &[Read], front: Option<&Path>) -> Chapters {
    let mut chapters = BTreeMap::new();
    let mut taken = BTreeSet::new();
    if let Some(front) = front {
        chapters.insert(front.to_owned(), "README.md".to_owned());
    }
    for Read { path, .. } in notebooks {
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
