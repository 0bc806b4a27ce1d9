//! A notebook as the text of a README: markdown that needs nothing but itself and some pictures.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::FILES;
use crate::diagnostic::{Diagnostic, Result};
use crate::markdown;
use crate::notebook::directive::Kind;
use crate::notebook::parsed::{ParsedCell, ParsedNotebook};
use crate::notebook::{Cell, CellKind, Notebook, header, joined, media, short_digest, solution};
use crate::project::{self, Project};

/// The text, and what stands beside it.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) text: String,
    /// The pictures by their names.
    pub(super) pictures: BTreeMap<String, Vec<u8>>,
    pub(super) wrong: Vec<Diagnostic>,
}

/// The page of a notebook.
pub(super) fn page(project: &Project, notebook: &Notebook) -> Result<Page> {
    let mut page = Page::default();
    let (parsed, _) = ParsedNotebook::new(notebook);
    let mut code = parsed.cells.iter();
    for cell in &notebook.cells {
        match cell.kind {
            CellKind::Markdown => page.prose(project, notebook, cell),
            CellKind::Code => {
                if let Some(cell) = code.next() {
                    page.code(notebook, cell)?;
                }
            }
            CellKind::Other => {}
        }
    }
    page.text = format!("{}\n", page.text.trim_end());
    Ok(page)
}

/// A short hash of a picture, for its name.
pub(super) fn hash(bytes: &[u8]) -> String {
    short_digest(&Sha256::digest(bytes))
}

impl Page {
    /// A text of the notebook, its links as they lead from the project's root.
    fn prose(&mut self, project: &Project, notebook: &Notebook, cell: &Cell) {
        let attachments = notebook.attachments(cell);
        let mut text = cell.text();
        if cell.is_exported_text() {
            text = text.split_once('\n').map_or("", |(_, rest)| rest);
        }
        let text = markdown::readdressed(text, |url| {
            if let Some(name) = url.strip_prefix("attachment:") {
                let name = name.replace("%20", " ");
                let bundle = attachments.get(&name).and_then(Value::as_object);
                if let Some(Ok(picture)) = bundle.and_then(media::picture) {
                    return Some(self.picture(cell, picture));
                }
                self.wrong(cell, &format!("the cell has no picture `{name}`"), "paste it again");
                return None;
            }
            let is_elsewhere = url.contains(':') || url.starts_with(['#', '/']) || url.is_empty();
            let (path, place) = url.split_at(url.find(['#', '?']).unwrap_or(url.len()));
            if is_elsewhere {
                return None;
            }
            let path = project::normalize(&project.notebooks.join(path.replace("%20", " ")));
            if !path.exists() {
                self.wrong(cell, &format!("the link leads nowhere: there is no `{url}`"), "mend the link");
            }
            let below = project::show(&project::relative(&path, &project.root));
            Some(format!("{below}{place}"))
        });
        let _ = write!(self.text, "{}\n\n", text.trim());
    }

    fn wrong(&mut self, cell: &Cell, message: &str, help: &str) {
        let first = 0..cell.text().lines().next().map_or(0, str::len);
        self.wrong.push(Diagnostic::warning(message).at(&Arc::clone(&cell.source), first, "").help(help));
    }

    /// A code cell, as its directives say.
    fn code(&mut self, notebook: &Notebook, parsed: &ParsedCell<'_>) -> Result<()> {
        let (cell, directives) = (parsed.cell, &parsed.directives);
        let exercise = solution::exercise(cell, directives, parsed.role())?;
        if directives.has(&Kind::Hide) || exercise.as_ref().is_some_and(|exercise| exercise.is_whole) {
            return Ok(());
        }
        let text = exercise.as_ref().map_or(cell.text(), |exercise| &exercise.text);
        let code = header::without_directives(text);
        if !directives.has(&Kind::Echo(false)) && !code.trim().is_empty() {
            let block = fenced(code.trim_end(), "rust");
            let _ = if directives.has(&Kind::CodeFold(true)) {
                write!(self.text, "<details><summary>Code</summary>\n\n{block}</details>\n\n")
            } else {
                write!(self.text, "{block}")
            };
        }
        if !directives.has(&Kind::Output(false)) {
            for output in notebook.outputs(cell) {
                self.output(cell, &output);
            }
        }
        Ok(())
    }

    fn output(&mut self, cell: &Cell, output: &Value) {
        let text_of = |key: &str| output.get(key).map(joined).unwrap_or_default();
        match output.get("output_type").and_then(Value::as_str) {
            Some("stream") => self.plain(&text_of("text")),
            Some("error") => self.plain(&format!("{}: {}", text_of("ename"), text_of("evalue"))),
            _ => {
                if let Some(Value::Object(data)) = output.get("data") {
                    self.value(cell, data);
                }
            }
        }
    }

    /// The form of a value that a README shows best.
    fn value(&mut self, cell: &Cell, data: &Map<String, Value>) {
        let of = |mime: &str| data.get(mime).map(joined).filter(|text| !text.trim().is_empty());
        if let Some(Ok(picture)) = media::picture(data) {
            let said = of("text/plain").filter(|said| said.len() < 200);
            let said = said.unwrap_or_else(|| format!("picture of cell {}", cell.number));
            let alt: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
            let file = self.picture(cell, picture);
            let _ = write!(self.text, "![{}]({file})\n\n", alt.replace(['[', ']', '\\'], ""));
        } else if let Some(markdown) = of("text/markdown").or_else(|| of("text/latex")) {
            let _ = write!(self.text, "{}\n\n", markdown.trim());
        } else if let Some(plain) = of("text/plain").or_else(|| of("text/html").map(|html| rows(&html))) {
            self.plain(&plain);
        } else {
            let kinds = data.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            self.wrong(
                cell,
                &format!("README.md cannot show an output of the type {kinds}"),
                "have the cell print a text or a picture, or begin it with `//| output: false`",
            );
        }
    }

    /// Text as it is, without colours.
    fn plain(&mut self, text: &str) {
        let text = anstream::adapter::strip_str(text).to_string();
        if !text.trim().is_empty() {
            self.text.push_str(&fenced(text.trim_end(), "text"));
        }
    }

    /// Takes a picture in; its address comes back.
    fn picture(&mut self, cell: &Cell, picture: media::Picture) -> String {
        let id: String = cell.id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let name = format!("{id}-{}.{}", hash(&picture.bytes), picture.extension);
        let address = format!("{FILES}/{name}");
        debug_assert!(Path::new(&name).components().count() == 1);
        self.pictures.insert(name, picture.bytes);
        address
    }
}

/// A block of code, whatever stands in it.
fn fenced(text: &str, language: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}{language}\n{text}\n{fence}\n\n")
}

/// The text of a table in HTML, a line for each of its rows.
fn rows(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<') {
        let (tag, after) = piece.split_once('>').unwrap_or(("", piece));
        match tag.split_whitespace().next().unwrap_or_default().to_lowercase().as_str() {
            "/td" | "/th" => text.push_str("  "),
            "/tr" | "/p" | "/div" | "br" | "br/" | "/li" | "/h1" | "/h2" | "/h3" => text.push('\n'),
            _ => {}
        }
        text.push_str(after.trim_matches(['\n', ' ']));
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}
