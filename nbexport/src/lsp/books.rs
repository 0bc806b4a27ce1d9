//! The notebooks that a client has open, in both ways in which clients speak of them: as a notebook whose cells are
//! documents, or as one document of joined cells.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use gen_lsp_types::{
    NotebookCell, NotebookCellKind, NotebookDocumentCellChanges, TextDocumentContentChangeEvent,
    TextDocumentItem,
};
use serde_json::{Value, json};

use super::{text, uri};
use crate::diagnostic::Result;
use crate::notebook::Notebook;

/// An open notebook.
#[derive(Debug)]
pub(super) struct Book {
    /// Its file.
    pub(super) path: PathBuf,
    /// What the client calls it.
    pub(super) uri: String,
    /// Its cells, in order.
    cells: Vec<BookCell>,
    /// Whether it is one document of joined cells.
    is_joined: bool,
    /// The file as it was read last: cells that the client gives without ids and tags have theirs.
    saved: Option<Notebook>,
}

#[derive(Clone, Debug)]
struct BookCell {
    uri: String,
    is_code: bool,
    metadata: Value,
}

/// All that a client has open.
#[derive(Debug, Default)]
pub(super) struct Books {
    books: Vec<Book>,
    /// The texts of all documents that are open.
    documents: HashMap<String, String>,
}

/// A notebook as the client has it.
pub(super) struct Current {
    pub(super) notebook: Notebook,
    /// For each of its cells the document it is in, and the line in it on which it begins.
    pub(super) places: Vec<(String, u32)>,
}

impl Books {
    pub(super) fn open(
        &mut self,
        notebook: &str,
        cells: Vec<NotebookCell>,
        documents: Vec<TextDocumentItem>,
    ) -> Option<PathBuf> {
        let path = uri::path(notebook)?;
        self.close(notebook);
        self.take(documents);
        let cells = cells.into_iter().map(BookCell::new).collect();
        let saved = read(&path);
        self.books.push(Book {
            path: path.clone(),
            uri: notebook.to_owned(),
            cells,
            is_joined: false,
            saved,
        });
        Some(path)
    }

    /// Opens a document that is none of a notebook's cells; gives the notebook's path if it is one of joined cells.
    pub(super) fn open_document(&mut self, document: TextDocumentItem) -> Option<PathBuf> {
        let name = document.uri.0.clone();
        let path = joined_notebook(&name);
        self.take(vec![document]);
        let path = path?;
        self.close_book(&name);
        let saved = read(&path);
        self.books.push(Book { path: path.clone(), uri: name, cells: Vec::new(), is_joined: true, saved });
        Some(path)
    }

    fn take(&mut self, documents: Vec<TextDocumentItem>) {
        self.documents.extend(documents.into_iter().map(|document| (document.uri.0, document.text)));
    }

    /// Makes the changes of a document's text; one that is not open is none of ours.
    pub(super) fn change(&mut self, document: &str, changes: Vec<TextDocumentContentChangeEvent>) {
        if let Some(text) = self.documents.get_mut(document) {
            text::apply(text, changes);
        }
    }

    /// Makes the changes of a notebook: cells that come, go and move, then their texts.
    pub(super) fn change_cells(&mut self, notebook: &str, changes: NotebookDocumentCellChanges) {
        let Some(book) = self.books.iter_mut().find(|book| book.uri == notebook) else { return };
        if let Some(structure) = changes.structure {
            let count = book.cells.len();
            let start = (structure.array.start as usize).min(count);
            let end = start.saturating_add(structure.array.delete_count as usize).min(count);
            let new = structure.array.cells.into_iter().flatten().map(BookCell::new);
            book.cells.splice(start..end, new);
            for document in structure.did_close.into_iter().flatten() {
                // A cell that moved is closed in one place and stays in another.
                if book.cells.iter().all(|cell| cell.uri != document.uri.0) {
                    self.documents.remove(&document.uri.0);
                }
            }
            self.take(structure.did_open.unwrap_or_default());
        }
        let Some(book) = self.books.iter_mut().find(|book| book.uri == notebook) else { return };
        for cell in changes.data.into_iter().flatten() {
            if let Some(known) = book.cells.iter_mut().find(|known| known.uri == cell.document.0) {
                *known = BookCell::new(cell);
            }
        }
        for change in changes.text_content.into_iter().flatten() {
            self.change(&change.document.text_document_identifier.uri.0, change.changes);
        }
    }

    /// Closes a notebook and the documents of its cells; tells which documents those were.
    pub(super) fn close(&mut self, notebook: &str) -> Vec<String> {
        let closed = self.close_book(notebook);
        for document in &closed {
            self.documents.remove(document);
        }
        closed
    }

    fn close_book(&mut self, notebook: &str) -> Vec<String> {
        let Some(at) = self.books.iter().position(|book| book.uri == notebook) else { return Vec::new() };
        let book = self.books.remove(at);
        if book.is_joined { vec![book.uri] } else { book.cells.into_iter().map(|cell| cell.uri).collect() }
    }

    /// Closes a document; what was not open stays closed.
    pub(super) fn close_document(&mut self, document: &str) {
        self.close_book(document);
        self.documents.remove(document);
    }

    /// The file of a notebook was written.
    pub(super) fn saved(&mut self, notebook: &str) -> Option<PathBuf> {
        let book = self.books.iter_mut().find(|book| book.uri == notebook)?;
        book.saved = read(&book.path);
        Some(book.path.clone())
    }

    /// The file of an open notebook, as it was read last.
    pub(super) fn file(&self, path: &Path) -> Option<&Notebook> {
        self.books.iter().find(|book| book.path == path)?.saved.as_ref()
    }

    /// The text of an open document.
    pub(super) fn text(&self, document: &str) -> Option<&str> {
        self.documents.get(document).map(String::as_str)
    }

    /// The notebook that a document belongs to: its path.
    pub(super) fn notebook_of(&self, document: &str) -> Option<&Path> {
        let has = |book: &&Book| {
            if book.is_joined {
                book.uri == document
            } else {
                book.cells.iter().any(|cell| cell.uri == document)
            }
        };
        self.books.iter().find(has).map(|book| book.path.as_path())
    }

    /// The paths of all notebooks that are open.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.books.iter().map(|book| book.path.as_path())
    }

    /// The notebook of a path as the client has it.
    pub(super) fn current(&self, path: &Path, name: &str) -> Option<Result<Current>> {
        let book = self.books.iter().find(|book| book.path == path)?;
        let (cells, places) = if book.is_joined { self.joined(book) } else { self.apart(book) };
        let metadata = book.saved.as_ref().map(|saved| saved.metadata.clone()).unwrap_or_default();
        let json = json!({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5});
        Some(Notebook::parse(name, json.to_string()).map(|notebook| Current { notebook, places }))
    }

    fn apart(&self, book: &Book) -> (Vec<Value>, Vec<(String, u32)>) {
        let mut taken = Taken::of(book.saved.as_ref());
        let cell = |cell: &BookCell| {
            let text = self.text(&cell.uri).unwrap_or_default();
            let kind = if cell.is_code { "code" } else { "markdown" };
            (json_cell(kind, text, &cell.metadata, taken.find(text)), (cell.uri.clone(), 0))
        };
        book.cells.iter().map(cell).unzip()
    }

    /// Joined cells, put into their places among those of the file: texts that are not code are only there.
    fn joined(&self, book: &Book) -> (Vec<Value>, Vec<(String, u32)>) {
        let joined = self.text(&book.uri).unwrap_or_default();
        let known: Vec<&str> = book
            .saved
            .iter()
            .flat_map(|it| &it.cells)
            .filter(|it| it.is_code())
            .map(crate::notebook::Cell::text)
            .collect();
        let parts = parts(joined, &known);
        let mut taken = Taken::of(book.saved.as_ref());
        let code: Vec<_> = parts
            .into_iter()
            .map(|(line, text)| {
                (json_cell("code", &text, &Value::Null, taken.find(&text)), (book.uri.clone(), line))
            })
            .collect();
        let saved = book.saved.as_ref().map(|saved| saved.cells.as_slice()).unwrap_or_default();
        if saved.iter().filter(|cell| cell.is_code()).count() != code.len() {
            return code.into_iter().unzip();
        }
        let mut code = code.into_iter();
        let all = saved.iter().filter_map(|cell| {
            if cell.is_code() {
                let (mut value, place) = code.next()?;
                value["id"] = json!(cell.id);
                value["metadata"] = json!({"tags": cell.tags});
                Some((value, place))
            } else {
                Some((
                    json!({"cell_type": "markdown", "id": cell.id, "metadata": {}, "source": cell.text()}),
                    (String::new(), 0),
                ))
            }
        });
        all.unzip()
    }
}

impl BookCell {
    fn new(cell: NotebookCell) -> Self {
        let metadata = serde_json::to_value(cell.metadata).unwrap_or_default();
        Self { uri: cell.document.0, is_code: cell.kind == NotebookCellKind::Code, metadata }
    }
}

/// Which cells of the file have been found again.
struct Taken<'a> {
    saved: Vec<Option<&'a crate::notebook::Cell>>,
}

impl<'a> Taken<'a> {
    fn of(saved: Option<&'a Notebook>) -> Self {
        Self { saved: saved.iter().flat_map(|saved| &saved.cells).map(Some).collect() }
    }

    fn find(&mut self, text: &str) -> Option<&'a crate::notebook::Cell> {
        let same = |cell: &&mut Option<&crate::notebook::Cell>| {
            cell.is_some_and(|cell| same_text(cell.text(), text))
        };
        self.saved.iter_mut().find(same)?.take()
    }
}

fn same_text(a: &str, b: &str) -> bool {
    a == b || a.lines().eq(b.lines())
}

fn json_cell(kind: &str, text: &str, metadata: &Value, saved: Option<&crate::notebook::Cell>) -> Value {
    // VS Code keeps the file's metadata one level deeper, and the id with them.
    let given = |key: &str| {
        let inner = metadata.get("metadata").and_then(|inner| inner.get(key));
        metadata.get(key).or(inner).cloned()
    };
    let tags = given("tags").or_else(|| Some(json!(saved?.tags))).unwrap_or_else(|| json!([]));
    let mut cell = json!({"cell_type": kind, "metadata": {"tags": tags}, "source": text});
    if let Some(id) = given("id").or_else(|| Some(json!(saved?.id))) {
        cell["id"] = id;
    }
    cell
}

fn read(path: &Path) -> Option<Notebook> {
    Notebook::read(path, &path.to_string_lossy()).ok()
}

/// The notebook whose joined cells a document is. jupyterlab-lsp puts it below a folder of its own, where no file is.
fn joined_notebook(document: &str) -> Option<PathBuf> {
    let path = uri::path(document)?;
    if path.extension().is_none_or(|extension| extension != "ipynb") {
        return None;
    }
    Some(path.components().filter(|part| part.as_os_str() != ".virtual_documents").collect())
}

/// The cells of a joined document, each with its first line. Two blank lines stand between them; those within a cell
/// are told by the cells as they are known.
fn parts(joined: &str, known: &[&str]) -> Vec<(u32, String)> {
    let mut parts: Vec<(u32, String)> = Vec::new();
    let mut line = 0;
    let mut lines: Vec<&str> = joined.lines().collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    while line < lines.len() {
        if lines[line].trim().is_empty() {
            line += 1;
            continue;
        }
        let is_here = |cell: &&&str| {
            let count = cell.lines().count();
            count > 0 && cell.lines().eq(lines[line..].iter().take(count).copied())
        };
        let longest = known.iter().filter(is_here).map(|cell| cell.lines().count()).max();
        let ends = |at: usize| {
            at >= lines.len() || lines[at].is_empty() && lines.get(at + 1).is_some_and(|next| next.is_empty())
        };
        let end = longest.filter(|count| ends(line + count)).map_or_else(
            || (line..lines.len()).find(|at| ends(*at)).unwrap_or(lines.len()),
            |count| line + count,
        );
        parts.push((text::count(line), lines[line..end].join("\n")));
        line = end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_cells_are_taken_apart() {
        let joined = "use a;\n\n\nfn f() {}\n\nfn g() {}\n\n\nlet x = 1;\n\n\nlet y = 2;\n\n\n";
        let apart = |known: &[&str]| parts(joined, known);
        let cells = [(0, "use a;"), (3, "fn f() {}\n\nfn g() {}"), (8, "let x = 1;"), (11, "let y = 2;")];
        let cells: Vec<_> = cells.map(|(line, text)| (line, text.to_owned())).into();
        assert_eq!(apart(&[]), cells);
        // A cell that holds two blank lines is one, if it is known.
        assert_eq!(
            apart(&["let x = 1;\n\n\nlet y = 2;"])[2..],
            [(8, "let x = 1;\n\n\nlet y = 2;".to_owned())]
        );
    }

    #[test]
    fn a_virtual_document_is_that_of_its_notebook() {
        let path = |uri| joined_notebook(uri);
        assert_eq!(path("file:///p/.virtual_documents/n/a.ipynb"), Some(PathBuf::from("/p/n/a.ipynb")));
        assert_eq!(path("file:///p/src/lib.rs"), None);
    }
}
