//! Where the links and pictures of a page lead.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use serde_json::{Map, Value};

use super::output::shown;
use super::page::{Fragment, Making, Page, relative};
use super::prose::{Place, Places};
use super::safe::is_remote;
use super::unescaped;
use crate::diagnostic::{Diagnostic, Source};
use crate::project;

/// Where a text stands, which its links count from.
pub(super) struct Where<'a, 'b> {
    pub(super) making: &'a Making<'b>,
    pub(super) page: &'a mut Page,
    pub(super) folder: &'a Path,
    pub(super) module: &'a str,
    pub(super) source: &'a Arc<Source>,
    pub(super) attachments: Map<String, Value>,
    pub(super) file: &'a str,
}

impl Where<'_, '_> {
    fn wrong(&mut self, message: String, span: Range<usize>, help: &str) -> Place {
        let diagnostic = Diagnostic::error(message).at(self.source, span, "").help(help);
        self.page.wrong.push(diagnostic);
        Place::Nowhere
    }

    /// A file of the project, which a link or a picture names.
    fn local(&self, url: &str) -> PathBuf {
        let plain = url.split(['#', '?']).next().unwrap_or_default();
        project::normalize(&self.folder.join(unescaped(plain)))
    }

    /// A copy of a file of the project, beside the pages.
    fn copy(&mut self, path: &Path, url: &str, span: Range<usize>) -> Place {
        // Not even by a link may a page show what is not the project's.
        let root = self.making.project.root.canonicalize();
        let inside = |path: &Path| {
            path.canonicalize().is_ok_and(|real| root.as_ref().is_ok_and(|root| real.starts_with(root)))
        };
        if !path.starts_with(&self.making.project.root) || !inside(path) {
            return self.wrong(
                format!("`{url}` lies outside of the project"),
                span,
                "copy it into the project",
            );
        }
        match crate::files::read(path) {
            Ok(bytes) => {
                let name = self.making.project.name_of(path);
                let mut to =
                    format!("files/{}", name.split('/').map(super::slug).collect::<Vec<_>>().join("/"));
                // mdBook takes a name with `.md` for that of a page.
                if let Some(name) = to.strip_suffix(".md") {
                    to = format!("{name}.txt");
                }
                let address = relative(self.file, &to);
                if !self.page.files.iter().any(|(there, _)| *there == to) {
                    self.page.files.push((to, bytes));
                }
                Place::Url(address)
            }
            Err(error) => self.wrong(format!("`{url}` cannot be read: {error}"), span, "mend the link"),
        }
    }
}

impl Places for Where<'_, '_> {
    fn link(&mut self, url: &str, span: Range<usize>) -> Place {
        if url.is_empty() || is_remote(url) || url.starts_with("mailto:") {
            return Place::AsWritten;
        }
        if let Some(id) = url.strip_prefix('#') {
            let id = anchor(id);
            let (page, source) = (self.file.to_owned(), Arc::clone(self.source));
            self.page.fragments.push(Fragment { page, id: id.clone(), source, span });
            return Place::Url(format!("#{id}"));
        }
        if url.contains(':') {
            return self.wrong(
                format!("`{url}` is no address that a page may have"),
                span,
                "write `https://…`, or a path",
            );
        }
        let path = self.local(url);
        if let Some(page) = self.making.chapters.file(&path) {
            let address = relative(self.file, page);
            let Some((_, id)) = url.split_once('#') else { return Place::Url(address) };
            let id = anchor(id);
            let source = Arc::clone(self.source);
            self.page.fragments.push(Fragment { page: page.to_owned(), id: id.clone(), source, span });
            return Place::Url(format!("{address}#{id}"));
        }
        self.page.named.push(path.clone());
        let below = path.strip_prefix(&self.making.project.root).ok().map(project::show);
        match (&self.making.settings.repository, below) {
            (Some(repository), Some(below)) if path.exists() => {
                let kind = if path.is_dir() { "tree" } else { "blob" };
                Place::Url(format!("{repository}/{kind}/HEAD/{below}"))
            }
            _ if path.is_dir() => Place::Nowhere,
            _ if path.exists() => self.copy(&path, url, span),
            _ => self.wrong(format!("the link leads nowhere: there is no `{url}`"), span, "mend the link"),
        }
    }

    fn image(&mut self, url: &str, span: Range<usize>) -> Place {
        if let Some(name) = url.strip_prefix("attachment:") {
            let name = unescaped(name);
            let data = self
                .attachments
                .get(&name)
                .and_then(Value::as_object)
                .and_then(|bundle| bundle.iter().next());
            let Some((mime, data)) = data else {
                return self.wrong(
                    format!("the cell has no attachment `{name}`"),
                    span,
                    "paste the picture again",
                );
            };
            let extension =
                mime.strip_prefix("image/").map_or("bin", |kind| kind.split('+').next().unwrap_or("bin"));
            let text: String = shown(Some(data)).split_whitespace().collect();
            let bytes = if extension == "svg" && text.starts_with('<') {
                Ok(shown(Some(data)).into_bytes())
            } else {
                base64::engine::general_purpose::STANDARD.decode(text)
            };
            let Ok(bytes) = bytes else {
                return self.wrong(
                    format!("the attachment `{name}` is no base64"),
                    span,
                    "paste the picture again",
                );
            };
            let folder = self.file.trim_end_matches(".md");
            let to = format!(
                "images/{folder}/attachment-{}-{}.{extension}",
                self.page.files.len() + 1,
                super::slug(&name)
            );
            self.page.files.push((to.clone(), bytes));
            return Place::Url(relative(self.file, &to));
        }
        if is_remote(url) || url.starts_with("data:") {
            // To fetch a picture tells another machine who reads; the site works without one.
            return if self.making.trust || url.starts_with("data:image/") {
                Place::AsWritten
            } else {
                Place::Nowhere
            };
        }
        let path = self.local(url);
        if path.is_file() {
            self.page.named.push(path.clone());
            return self.copy(&path, url, span);
        }
        self.wrong(format!("there is no picture `{url}`"), span, "mend the link, or add the file")
    }

    fn code(&mut self, code: &str) -> Option<String> {
        self.making.names.code(code, self.module).map(|url| relative(self.file, &url))
    }

    fn bad_formula(&mut self, why: String, span: Range<usize>) {
        let diagnostic = Diagnostic::warning(format!("the formula is shown as it is written: {why}"))
            .at(self.source, span, "")
            .help("write it in LaTeX as KaTeX knows it");
        self.page.wrong.push(diagnostic);
    }
}

/// A heading's place as mdBook calls it; Jupyter keeps capitals and has `-` for blanks.
fn anchor(fragment: &str) -> String {
    let text = unescaped(fragment);
    text.chars()
        .filter_map(|c| match c {
            c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_lowercase().next().unwrap_or(c)),
            c if c.is_whitespace() => Some('-'),
            _ => None,
        })
        .collect()
}
