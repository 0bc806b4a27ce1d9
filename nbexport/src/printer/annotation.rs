//! What is wrong as GitHub shows it, beside the lines of a pull request: `::error file=…,line=…,col=…,title=…::…`.

use std::path::{Path, PathBuf};

use nbexport::diagnostic::{Diagnostic, line_column};
use nbexport::notebook::Notebook;
use nbexport::project::{relative, show};

/// The command for GitHub's runner, on one line.
pub(super) fn annotation(diagnostic: &Diagnostic) -> String {
    let kind = if diagnostic.is_error() { "error" } else { "warning" };
    let mut properties = Vec::new();
    let mut add = |name: &str, value: &str| properties.push(format!("{name}={}", escaped(value, true)));
    if let Some(label) = &diagnostic.primary {
        let (line, column) = line_column(&label.source.text, label.span.start);
        let place = match label.source.name.rsplit_once(":cell ") {
            Some((notebook, number)) => place_in_notebook(notebook, number, line),
            None => Some((label.source.name.clone(), line, Some(column))),
        };
        if let Some((file, line, column)) = place {
            add("file", &file);
            add("line", &line.to_string());
            if let Some(column) = column {
                add("col", &column.to_string());
            }
        }
    }
    let mut title = diagnostic.message.lines().next().unwrap_or_default().to_owned();
    if let Some(location) = diagnostic.location() {
        title = format!("{location}: {title}");
    }
    add("title", &title);
    let properties = properties.join(",");
    format!("::{kind} {properties}::{}", escaped(diagnostic.render(false).trim_end(), false))
}

/// The notebook as it is called in the repository, and the line of its file that a line of a cell is on. There a column would
/// count the quotes and backslashes of JSON.
fn place_in_notebook(notebook: &str, number: &str, line: usize) -> Option<(String, usize, Option<usize>)> {
    let here = std::env::current_dir().ok()?;
    let path = here.ancestors().map(|folder| folder.join(notebook)).find(|path| path.is_file())?;
    let file =
        show(&path.strip_prefix(repository(&here)).map_or_else(|_| relative(&path, &here), Path::to_owned));
    let Ok(read) = Notebook::read(&path, notebook) else { return Some((file, 1, None)) };
    let number: usize = number.parse().ok()?;
    let cell = read.cells.iter().find(|cell| cell.number == number)?;
    let source = read.set_source(cell, "").range;
    let (first, _) = line_column(read.text(), source.start);
    // A list with a line of the cell on each of its own, as Jupyter writes it.
    let text = &read.text()[source];
    let has_lines = text.trim_start_matches('[').starts_with(['\n', '\r']) && text.starts_with('[');
    Some((file, if has_lines { first + line } else { first }, None))
}

/// What GitHub counts paths from.
fn repository(here: &Path) -> PathBuf {
    std::env::var_os("GITHUB_WORKSPACE").map_or_else(|| here.to_owned(), PathBuf::from)
}

/// As GitHub's runner takes it apart.
fn escaped(text: &str, in_property: bool) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if in_property { text.replace(':', "%3A").replace(',', "%2C") } else { text }
}
