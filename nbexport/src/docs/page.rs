//! A notebook → a page of the site: prose as it is, code with its colours and links, outputs below.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::links::Where;
use super::names::Names;
use super::output::{Outputs, shown};
use super::prose;
use super::safe::is_remote;
use super::settings::{Settings, Solutions};
use super::{Chapters, escape, highlight};
use crate::diagnostic::{Diagnostic, Source};
use crate::export::module::{self, Module, Target};
use crate::notebook::directive::{Directives, Kind, Visibility};
use crate::notebook::parsed::{ParsedCell, ParsedNotebook};
use crate::notebook::solution;
use crate::notebook::{Cell, CellKind, Notebook, header};
use crate::project::Project;

/// What all pages are made with.
pub(super) struct Making<'a> {
    pub(super) project: &'a Project,
    pub(super) settings: &'a Settings,
    pub(super) names: &'a Names,
    pub(super) chapters: &'a Chapters,
    /// The crate's folder below the site's `api/`.
    pub(super) crate_name: &'a str,
    pub(super) trust: bool,
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The page in markdown, for mdBook.
    pub(super) markdown: String,
    /// The same for a reader of plain text.
    pub(super) plain: String,
    /// Files beside it: their places below the folder of pages, and what they hold.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// The files and folders of the project that it names, which it is not the same without.
    pub(super) named: Vec<PathBuf>,
    /// What is wrong with it.
    pub(super) wrong: Vec<Diagnostic>,
    /// Links to a place within a page, to be looked at when all pages are there.
    pub(super) fragments: Vec<Fragment>,
}

/// The notebook that a page is of.
struct Chapter<'a> {
    notebook: &'a Notebook,
    modules: &'a [Module],
    /// The name of its own module.
    own: &'a str,
    /// The page's file, below the folder of pages.
    file: &'a str,
}

/// A link to a place within a page of the site.
#[derive(Debug)]
pub(super) struct Fragment {
    /// The page's file, below the folder of pages.
    pub(super) page: String,
    /// The place.
    pub(super) id: String,
    /// Where it is written.
    pub(super) source: Arc<Source>,
    pub(super) span: Range<usize>,
}

impl Fragment {
    /// That there is no such place.
    pub(super) fn broken(&self) -> Diagnostic {
        Diagnostic::error(format!("the page has no heading `#{}`", self.id))
            .at(&self.source, self.span.clone(), "")
            .help("a heading's place is its text in small letters, `-` for each blank")
    }
}

impl Making<'_> {
    /// The page of a notebook.
    pub(super) fn notebook(&self, notebook: &Notebook, path: &Path, modules: &[Module]) -> Page {
        let mut page = Page::default();
        let file = self.chapters.file(path).unwrap_or_default().to_owned();
        let own =
            modules.first().map_or_else(|| module::module_name(notebook.file_name()), |it| it.name.clone());
        let folder = path.parent().unwrap_or(&self.project.root).to_owned();
        let mut heading = file.trim_end_matches(".md").to_owned();
        let chapter = Chapter { notebook, modules, own: &own, file: &file };
        let (parsed, _) = ParsedNotebook::new(notebook);
        let mut code = parsed.cells.iter();
        for cell in &notebook.cells {
            match cell.kind {
                CellKind::Markdown => {
                    if let Some(title) = cell.text().lines().find_map(|line| line.strip_prefix('#')) {
                        title.trim_start_matches('#').trim().clone_into(&mut heading);
                    }
                    let mut place = Where {
                        making: self,
                        page: &mut page,
                        folder: &folder,
                        module: &own,
                        source: &cell.source,
                        attachments: notebook.attachments(cell),
                        file: &file,
                    };
                    let text = prose::markdown(cell.text(), self.trust, &mut place);
                    page.markdown.push_str(text.trim_end());
                    page.markdown.push_str("\n\n");
                    let _ = write!(page.plain, "{}\n\n", cell.text().trim_end());
                }
                CellKind::Code => {
                    if let Some(cell) = code.next() {
                        self.code(&chapter, cell, &heading, &mut page);
                    }
                }
                CellKind::Other => {}
            }
        }
        page
    }

    /// The page of a text that is no notebook: the README.
    pub(super) fn text(&self, text: &str, path: &Path) -> Page {
        let mut page = Page::default();
        let name = self.project.name_of(path);
        let source = Arc::new(Source { name, cell_id: None, text: text.to_owned() });
        let mut place = Where {
            making: self,
            page: &mut page,
            folder: path.parent().unwrap_or(&self.project.root),
            module: "~",
            source: &source,
            attachments: Map::new(),
            file: "README.md",
        };
        let markdown = prose::markdown(text, self.trust, &mut place);
        page.markdown = markdown;
        text.clone_into(&mut page.plain);
        page
    }

    fn code(&self, chapter: &Chapter<'_>, parsed: &ParsedCell<'_>, heading: &str, page: &mut Page) {
        let &Chapter { notebook, own, file, .. } = chapter;
        let (cell, directives) = (parsed.cell, &parsed.directives);
        if directives.has(&Kind::Hide) {
            return;
        }
        let exercise = match solution::exercise(cell, directives, parsed.role()) {
            Ok(exercise) => exercise.filter(|_| self.settings.solutions != Solutions::Shown),
            // Where the solution ends nobody can tell: better none of the cell than a part of the solution.
            Err(diagnostic) => return page.wrong.push(diagnostic),
        };
        let is_solution = exercise.as_ref().is_some_and(|exercise| exercise.is_whole);
        if is_solution && self.settings.solutions == Solutions::Hidden {
            return;
        }
        let pre = |text: &str| {
            let link = |name: &str| self.names.code(name, own).map(|url| relative(file, &url));
            let code = highlight::cell(text, &link);
            format!("<pre class=\"nb-code\"><code class=\"nohighlight hljs\">{code}</code></pre>")
        };
        let outputs = notebook.outputs(cell);
        let mut html = String::new();
        let text = match &exercise {
            Some(exercise) if !is_solution => &exercise.text,
            _ => cell.text(),
        };
        if !directives.has(&Kind::Echo(false)) && !header::without_directives(text).trim().is_empty() {
            let mut shown = pre(text);
            if directives.has(&Kind::CodeFold(true)) {
                shown = folded("Code", &shown);
            }
            let marks = self.marks(chapter, cell, directives);
            let _ = write!(html, "{marks}{shown}\n\n");
            if exercise.is_some() && !is_solution && self.settings.solutions == Solutions::Folded {
                let _ = write!(html, "{}\n\n", folded("Solution", &pre(cell.text())));
            }
            let _ = write!(page.plain, "```rust\n{}\n```\n\n", text.trim_end());
        }
        if !directives.has(&Kind::Output(false)) {
            let folder = format!("images/{}", file.trim_end_matches(".md"));
            let alt = alt(&outputs, heading, cell.number);
            let mut show = Outputs {
                trust: self.trust,
                largest_picture: self.settings.largest_picture,
                folder: &folder,
                alt: &alt,
                cell: cell.number,
                up: &up(file),
                files: &mut page.files,
            };
            html.push_str(&show.html(&outputs));
            plain_outputs(&outputs, &mut page.plain);
        }
        if is_solution && !html.is_empty() {
            html = format!("{}\n", folded("Solution", html.trim_end()));
        }
        if !html.is_empty() {
            let _ = write!(
                page.markdown,
                "<div class=\"nb-cell\" id=\"cell-{}\">\n\n{html}\n</div>\n\n",
                cell.number
            );
        }
    }

    /// What a cell is, in place of its directives.
    fn marks(&self, chapter: &Chapter<'_>, cell: &Cell, directives: &Directives) -> String {
        let mut marks = Vec::new();
        for directive in &directives.0 {
            let mark = match &directive.kind {
                Kind::Export { module, visibility } => {
                    self.exported(chapter, cell, module.as_deref(), *visibility)
                }
                Kind::Test { ignore: false, .. } => "test".to_owned(),
                Kind::Test { ignore: true, .. } => "test, left out by default".to_owned(),
                Kind::Setup => "setup of the tests".to_owned(),
                Kind::Bench(name) => format!("benchmark <code>{}</code>", escape(name)),
                Kind::Bin(name) => format!("program <code>{}</code>", escape(name)),
                Kind::ShouldPanic => "panics".to_owned(),
                Kind::CompileFail => "does not compile".to_owned(),
                Kind::NoRun => "compiled, not run".to_owned(),
                Kind::Ignore | Kind::Eval(false) => "not run".to_owned(),
                Kind::Solution => "solution".to_owned(),
                Kind::Flags(flags) => escape(&flags.join(", ")),
                _ => continue,
            };
            marks.push(format!("<span class=\"nb-mark\">{mark}</span>"));
        }
        if marks.is_empty() {
            String::new()
        } else {
            format!("<div class=\"nb-marks\">{}</div>\n\n", marks.join(" "))
        }
    }

    /// The mark of an exported cell, with links to what rustdoc made of it.
    fn exported(
        &self,
        chapter: &Chapter<'_>,
        cell: &Cell,
        named: Option<&str>,
        visibility: Visibility,
    ) -> String {
        let &Chapter { modules, file, .. } = chapter;
        let own = modules.iter().filter(|module| module.target == Target::Library);
        let module = match named {
            Some(named) => own.clone().find(|module| module.name == named),
            None => own.clone().next(),
        };
        let Some(module) = module else { return "exported".to_owned() };
        let name = escape(&module.name);
        let docs = cell.text().lines().find_map(|line| self.names.url(defined(line)?, &module.name));
        let mut mark = match self.names.code(&module.name, "") {
            Some(url) => format!("exported to <a href=\"{}\"><code>{name}</code></a>", relative(file, &url)),
            None => return format!("exported to <code>{name}</code>"),
        };
        if visibility == Visibility::Internal {
            mark.push_str(", not part of the docs");
        } else if let Some(url) = docs {
            let _ = write!(mark, " · <a href=\"{}\">docs</a>", relative(file, &url));
        }
        let first =
            (1..=cell.text().lines().count()).find_map(|line| module.map.generated(cell.number, line));
        if let (Some(line), Some(path)) = (first, module.path.strip_prefix("src/")) {
            let url = format!("api/src/{}/{path}.html#{line}", self.crate_name);
            let _ = write!(mark, " · <a href=\"{}\">source</a>", relative(file, &url));
        }
        mark
    }
}

/// What a reader has to open.
fn folded(summary: &str, html: &str) -> String {
    format!("<details>\n<summary>{summary}</summary>\n\n{html}\n\n</details>")
}

/// The name that a line of Rust defines for others.
fn defined(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let rest = rest.trim_start_matches("const fn").trim_start_matches("unsafe ").trim_start_matches("async ");
    let rest = ["fn ", "struct ", "enum ", "trait ", "type ", "const ", "static ", "union "]
        .iter()
        .find_map(|word| rest.strip_prefix(word))
        .unwrap_or(rest);
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

/// What a picture is called: what the value says of itself, or where it stands.
fn alt(outputs: &[Value], heading: &str, cell: usize) -> String {
    let said = outputs.iter().find_map(|output| {
        let plain = shown(output.get("data")?.get("text/plain"));
        (!plain.trim().is_empty() && plain.len() < 200).then(|| plain.trim().to_owned())
    });
    said.unwrap_or_else(|| format!("{heading}: the picture of cell {cell}"))
}

fn plain_outputs(outputs: &[Value], plain: &mut String) {
    for output in outputs {
        let text = match output.get("output_type").and_then(Value::as_str) {
            Some("stream") => shown(output.get("text")),
            Some("error") => shown(output.get("evalue")),
            _ => shown(output.get("data").and_then(|data| data.get("text/plain"))),
        };
        let text = anstream::adapter::strip_str(&text).to_string();
        if !text.trim().is_empty() {
            let _ = write!(plain, "```text\n{}\n```\n\n", text.trim_end());
        }
    }
}

/// The way from a page to the folder of pages.
fn up(file: &str) -> String {
    "../".repeat(file.matches('/').count())
}

/// An address below the site, seen from a page.
pub(super) fn relative(file: &str, url: &str) -> String {
    if is_remote(url) { url.to_owned() } else { format!("{}{url}", up(file)) }
}
