//! The folder of the site: pages and rustdoc's together, linked both ways, each link looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::kept::{self, Listing, Record};
use super::page::Page;
use super::{Chapter, Options, Report, escape, search};
use crate::diagnostic::{Diagnostic, Result};
use crate::files;
use crate::project::{self, Project};

/// The file that lists what nbexport wrote into the folder: only that is ever removed.
const LIST: &str = ".nbexport-site";

/// What a site is put together from.
pub(super) struct Site<'a> {
    /// The folder that mdBook wrote.
    pub(super) html: &'a Path,
    /// The folder that rustdoc wrote.
    pub(super) api: Option<&'a Path>,
    pub(super) crate_name: &'a str,
    /// Module, file of its notebook's page, title of that.
    pub(super) modules: &'a [(String, String, String)],
    pub(super) chapters: &'a [Chapter],
    /// Whether the list of pages that is there is the one that is to be.
    pub(super) is_listed: bool,
}

/// Sees that the folder may be written to: it is not there, empty, or a site.
pub(super) fn check_folder(folder: &Path, project: &Project) -> Result<()> {
    let refused = |why: &str| {
        let name = project.name_of(folder);
        Err(Diagnostic::error(format!("`{name}` {why}")).help("name another folder: `-d DIR`"))
    };
    let folder = project::normalize(folder);
    if folder.exists() && !folder.is_dir() {
        return refused("is a file");
    }
    if project.root.starts_with(&folder)
        || project.notebooks.starts_with(&folder)
        || project.krate.starts_with(&folder)
    {
        return refused("is the project's own");
    }
    let is_empty = std::fs::read_dir(&folder).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty && !folder.join(LIST).is_file() {
        return refused("holds files that are not nbexport's");
    }
    Ok(())
}

impl Site<'_> {
    /// Writes what changed, removes what is no longer there, and looks at every link of the pages; `None`, with nothing
    /// written, when a page that was kept does not hold beside the others.
    pub(super) fn write(&self, options: &Options, report: &mut Report) -> Result<Option<Finished>> {
        let failed = |error: std::io::Error| Diagnostic::error(format!("cannot write the site: {error}"));
        let mut all: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        collect(self.html, "", &mut all).map_err(failed)?;
        if let Some(api) = self.api {
            collect(api, "api/", &mut all).map_err(failed)?;
            self.link_back(&mut all);
        }
        self.plain(&mut all);
        if self.is_listed {
            // mdBook listed those as drafts that were left out.
            for name in Listing::FILES {
                all.insert(name.to_owned(), files::read(&options.folder.join(name)).map_err(failed)?);
            }
        }
        let mut list: BTreeSet<String> = BTreeSet::new();
        for (chapter, record) in self.kept() {
            // mdBook made an empty page in its place.
            all.remove(&html_name(&chapter.file));
            list.extend(record.files.iter().map(|(name, _)| name.clone()));
        }
        list.extend(all.keys().cloned());
        let Some(search) = self.search(&mut all) else { return Ok(None) };
        if !self.check(&all, &list, report) {
            return Ok(None);
        }
        let before = files::read_text(&options.folder.join(LIST)).unwrap_or_default();
        std::fs::create_dir_all(&options.folder).map_err(failed)?;
        for (name, bytes) in &all {
            let path = options.folder.join(name);
            if files::read(&path).is_ok_and(|there| there == *bytes) {
                continue;
            }
            std::fs::create_dir_all(path.parent().unwrap_or(&options.folder)).map_err(failed)?;
            files::keep(&path, bytes).map_err(failed)?;
            report.written += 1;
        }
        for name in
            before.lines().filter(|name| !list.contains(*name) && !name.split('/').any(|part| part == ".."))
        {
            let _ = std::fs::remove_file(options.folder.join(name));
        }
        list.insert(LIST.to_owned());
        let names: String = list.iter().flat_map(|name| [name, "\n"]).collect();
        files::keep(&options.folder.join(LIST), names.as_bytes()).map_err(failed)?;
        Ok(Some(Finished { all, search }))
    }

    fn kept(&self) -> impl Iterator<Item = (&Chapter, &Record)> {
        self.chapters.iter().filter_map(|chapter| Some((chapter, chapter.kept.as_ref()?)))
    }

    /// The search index of all pages, those that were kept too; gives its parts by page, none where there is no search.
    fn search(&self, all: &mut BTreeMap<String, Vec<u8>>) -> Option<BTreeMap<String, search::Part>> {
        let Some(script) = all.get("searchindex.js") else { return Some(BTreeMap::new()) };
        let index = search::Index::read(std::str::from_utf8(script).ok()?);
        let parts = index.as_ref().and_then(search::Index::parts);
        if self.kept().next().is_none() {
            return Some(parts.unwrap_or_default());
        }
        let (index, parts) = (index?, parts?);
        let mut in_order = Vec::new();
        for chapter in self.chapters {
            match &chapter.kept {
                Some(record) => in_order.push(&record.search),
                // One without has nothing that could be found.
                None => in_order.extend(parts.get(&html_name(&chapter.file))),
            }
        }
        let script = index.with(&in_order)?;
        all.insert("searchindex.js".to_owned(), script.into_bytes());
        Some(parts)
    }

    /// The page of each module of rustdoc's begins with a link to its notebook's page.
    fn link_back(&self, all: &mut BTreeMap<String, Vec<u8>>) {
        for (module, file, title) in self.modules {
            let Some(page) = all.get_mut(&format!("api/{}/{module}/index.html", self.crate_name)) else {
                continue;
            };
            let html = String::from_utf8_lossy(page);
            // The first block of docs is the module's own; a module without has its table of items instead.
            let place = ["<div class=\"docblock\">", "<h2 id="].iter().find_map(|mark| {
                let at = html.find(mark)?;
                Some(if mark.starts_with("<div") { at + mark.len() } else { at })
            });
            let Some(place) = place else { continue };
            let page_url = format!("../../../{}", html_name(file));
            let link = format!(
                "<p class=\"nb-notebook\">Notebook: <a href=\"{}\">{}</a></p>",
                escape(&page_url),
                escape(title)
            );
            *page = [&html[..place], &link, &html[place..]].concat().into_bytes();
        }
    }

    /// The pages as plain markdown, and the list of them that programs ask for.
    fn plain(&self, all: &mut BTreeMap<String, Vec<u8>>) {
        let mut list =
            format!("# {}\n\n", self.chapters.first().map_or(self.crate_name, |first| &first.title));
        for chapter in self.chapters {
            if chapter.kept.is_none() {
                all.insert(plain_name(&chapter.file), chapter.page.plain.clone().into_bytes());
            }
            let title = chapter.title.replace(['[', ']', '\n'], " ");
            let _ = writeln!(list, "- [{title}](llms/{})", chapter.file);
        }
        all.insert("llms.txt".to_owned(), list.into_bytes());
    }

    /// Every link of the pages leads to a file of the site, and to a place in it where it names one. False when one of a
    /// page that was kept does not.
    fn check(&self, all: &BTreeMap<String, Vec<u8>>, list: &BTreeSet<String>, report: &mut Report) -> bool {
        let ids = |name: &str| -> BTreeSet<String> {
            let html =
                all.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
            attributes(&html, &["id", "name"]).into_iter().collect()
        };
        let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (chapter, record) in self.kept() {
            known.insert(html_name(&chapter.file), record.ids.iter().cloned().collect());
        }
        let mut told = BTreeSet::new();
        for fragment in self.chapters.iter().flat_map(|chapter| &chapter.page.fragments) {
            let page = html_name(&fragment.page);
            let places = known.entry(page.clone()).or_insert_with(|| ids(&page));
            if !places.contains(&fragment.id) {
                told.insert(format!("{page}#{}", fragment.id));
                report.diagnostics.push(fragment.broken());
            }
        }
        for (page, id) in self.kept().flat_map(|(_, record)| &record.fragments) {
            let page = html_name(page);
            if !known.entry(page.clone()).or_insert_with(|| ids(&page)).contains(id) {
                return false;
            }
        }
        for chapter in self.chapters {
            let page = html_name(&chapter.file);
            let own;
            let links = match (&chapter.kept, all.get(&page)) {
                (Some(record), _) => &record.links,
                (None, Some(bytes)) => {
                    own = attributes(&String::from_utf8_lossy(bytes), LINKS);
                    &own
                }
                (None, None) => continue,
            };
            for url in links {
                let Some(target) = resolved(&page, url) else { continue };
                let (file, id) = target.split_once('#').unwrap_or((&target, ""));
                let is_there = match list.contains(file) {
                    true if id.is_empty() => true,
                    true => known.entry(file.to_owned()).or_insert_with(|| ids(file)).contains(id),
                    false => list.contains(&format!("{file}/index.html")),
                };
                // Lines of rustdoc's sources are numbered by its own script.
                if is_there || file.starts_with("api/src/") {
                    continue;
                }
                if chapter.kept.is_some() {
                    return false;
                }
                if told.insert(target.clone()) {
                    let message = format!("a link of the page `{page}` leads nowhere: `{url}`");
                    report.diagnostics.push(Diagnostic::error(message));
                }
            }
        }
        true
    }
}

/// A site that is written.
pub(super) struct Finished {
    all: BTreeMap<String, Vec<u8>>,
    search: BTreeMap<String, search::Part>,
}

/// What is known of a page that was made.
pub(super) struct Facts {
    pub(super) files: Vec<(String, String)>,
    pub(super) links: Vec<String>,
    pub(super) ids: Vec<String>,
    pub(super) search: search::Part,
}

impl Finished {
    /// Files of the site with their digests, as far as they are there.
    pub(super) fn digests(&self, names: &[&str]) -> Vec<(String, String)> {
        let of = |name: &&str| Some(((*name).to_owned(), kept::digest([self.all.get(*name)?.as_slice()])));
        names.iter().filter_map(of).collect()
    }

    /// What is known of the page of a chapter.
    pub(super) fn take(&mut self, file: &str, page: &Page) -> Option<Facts> {
        let name = html_name(file);
        let html = String::from_utf8_lossy(self.all.get(&name)?);
        let own = [name.clone(), plain_name(file)];
        let names = own.iter().chain(page.files.iter().map(|(name, _)| name));
        let of = |name: &String| Some((name.clone(), kept::digest([self.all.get(name)?.as_slice()])));
        Some(Facts {
            files: names.map(of).collect::<Option<_>>()?,
            links: attributes(&html, LINKS),
            ids: attributes(&html, &["id", "name"]),
            search: self.search.remove(&name).unwrap_or_default(),
        })
    }
}

/// The attributes that lead elsewhere.
const LINKS: &[&str] = &["href", "src"];

/// The plain text of a chapter.
fn plain_name(file: &str) -> String {
    format!("llms/{file}")
}

/// The page that mdBook makes of a chapter.
fn html_name(file: &str) -> String {
    let name = file.strip_suffix(".md").unwrap_or(file);
    let name = if name == "README" { "index" } else { name };
    format!("{name}.html")
}

/// All files below a folder, by their addresses.
fn collect(folder: &Path, base: &str, all: &mut BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    let mut folders = vec![(folder.to_owned(), base.to_owned())];
    while let Some((folder, base)) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path: PathBuf = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push((path, format!("{base}{name}/")));
            } else if name != ".lock" && name != ".nojekyll" {
                all.insert(format!("{base}{name}"), files::read(&path)?);
            }
        }
    }
    all.insert(format!("{base}.nojekyll").trim_start_matches("api/").to_owned(), Vec::new());
    Ok(())
}

/// The address of a link of a page, below the site; `None` where it leads elsewhere.
fn resolved(page: &str, url: &str) -> Option<String> {
    let is_elsewhere = url.contains("://")
        || url.starts_with("//")
        || url.starts_with("mailto:")
        || url.starts_with("data:");
    if is_elsewhere || url.is_empty() || url.starts_with('/') {
        return None;
    }
    let (path, id) = url.split_once('#').unwrap_or((url, ""));
    let path = path.split('?').next().unwrap_or_default();
    let target = if path.is_empty() {
        page.to_owned()
    } else {
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = path.replace("%20", " ");
        project::show(&project::normalize(&Path::new("/").join(folder).join(path)))
            .trim_start_matches('/')
            .to_owned()
    };
    Some(if id.is_empty() { target } else { format!("{target}#{id}") })
}

/// The values of attributes of a page's tags. In a text every `<` is a reference, so what looks like a tag is one.
fn attributes(html: &str, names: &[&str]) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        // A script is no markup.
        if rest.starts_with("script") {
            let end = rest.find("</script").unwrap_or(rest.len());
            let tag = rest.find('>').unwrap_or(rest.len());
            tag_attributes(&rest[..tag], names, &mut values);
            rest = &rest[end..];
            continue;
        }
        let Some(end) = rest.find('>') else { break };
        if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            tag_attributes(&rest[..end], names, &mut values);
        }
        rest = &rest[end + 1..];
    }
    values
}

fn tag_attributes(tag: &str, names: &[&str], values: &mut Vec<String>) {
    for name in names {
        let Some((_, rest)) = tag.split_once(&format!(" {name}=\"")) else { continue };
        let value = rest.split('"').next().unwrap_or_default();
        values.push(
            value
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_from_their_page() {
        let of = |page: &str, url: &str| resolved(page, url);
        assert_eq!(of("a/b.html", "../api/x.html#y").as_deref(), Some("api/x.html#y"));
        assert_eq!(of("b.html", "#y").as_deref(), Some("b.html#y"));
        assert_eq!(of("b.html", "https://x.y"), None);
    }

    #[test]
    fn attributes_are_those_of_tags() {
        let html = "<a class=\"x\" href=\"a&amp;b\">&lt;a href=\"no\"></a><script src=\"s.js\">\"<a href='n'>\"</script><h2 id=\"i\">";
        assert_eq!(attributes(html, &["href", "src", "id"]), ["a&b", "s.js", "i"]);
    }
}
