//! What is wrong with cells, from three sides: rust-analyzer while one types, cargo after a save, nbexport always.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use gen_lsp_types::{Position, Range};
use serde_json::{Value, json};

use super::answers::range_of;
use super::model::{DepLine, Seen};
use super::overlay::{Overlay, Place};
use super::{text, uri};
use crate::diagnostic::{Diagnostic, Severity};

/// What rust-analyzer guesses at: methods and fields, of which it misses some that the compiler finds.
const GUESSES: [&str; 3] = ["E0599", "E0609", "E0610"];

/// Something that is wrong with a cell, as a client shows it.
#[derive(Clone, Debug)]
struct Finding {
    cell: usize,
    /// Where in the cell.
    range: Range,
    shown: Value,
}

/// What is known to be wrong.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Whether rust-analyzer has loaded everything: before, it takes what it does not know yet for an error.
    pub(super) is_loaded: bool,
    /// What rust-analyzer says of an overlay.
    analyzer: HashMap<PathBuf, Vec<Finding>>,
    /// Guesses of rust-analyzer about cells that compile: the text of the cell, and what was said.
    refuted: HashSet<(String, String)>,
    /// What cargo says of a notebook, by its name, each with the text of its cell.
    cargo: HashMap<String, Vec<(Finding, String)>>,
    /// What the workspace's own Cargo.toml is refused for, by the notebook's path.
    manifest: HashMap<PathBuf, Vec<Finding>>,
}

impl Findings {
    /// Takes what rust-analyzer says of an overlay.
    pub(super) fn of_analyzer(&mut self, overlay: &Overlay, seen: &Seen, diagnostics: &[Value]) {
        let Some(path) = uri::path(&overlay.uri) else { return };
        let findings = diagnostics.iter().filter_map(|diagnostic| finding(overlay, seen, diagnostic));
        let findings: Vec<Finding> = findings.collect();
        if self.is_loaded {
            let proven = findings.iter().filter(|it| seen.proven.contains(&it.cell) && it.is_guess());
            self.refuted
                .extend(proven.filter_map(|it| Some((seen.texts.get(it.cell)?.clone(), it.message()))));
        }
        self.analyzer.insert(path, findings);
    }

    /// Takes what cargo says of all notebooks: compiler's messages with places in cells.
    pub(super) fn of_cargo(&mut self, messages: &[Value], texts: impl Fn(&str, usize) -> Option<String>) {
        self.cargo.clear();
        for message in messages {
            let spans = message["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
            let Some(span) = spans.iter().find(|span| span["is_primary"] == true) else { continue };
            let (Some(notebook), Some(cell)) = (span["notebook"].as_str(), span["cell"].as_u64()) else {
                continue;
            };
            let cell = usize::try_from(cell).unwrap_or(1) - 1;
            let Some(text) = texts(notebook, cell) else { continue };
            let byte =
                |key: &str| span[key].as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or_default();
            let range = Range::new(
                text::position(&text, byte("byte_start").min(text.len())),
                text::position(&text, byte("byte_end").min(text.len())),
            );
            let label = span["label"].as_str().map(|label| format!("\n{label}")).unwrap_or_default();
            let children = message["children"].as_array().map(Vec::as_slice).unwrap_or_default();
            let help = children.iter().filter_map(|child| child["message"].as_str());
            let help = help.fold(String::new(), |all, help| all + "\n" + help);
            let severity = if message["level"] == "error" { 1 } else { 2 };
            let shown = json!({
                "severity": severity, "source": "cargo", "code": message["code"]["code"],
                "message": format!("{}{label}{help}", message["message"].as_str().unwrap_or_default()),
            });
            let all = self.cargo.entry(notebook.to_owned()).or_default();
            all.push((Finding { cell, range, shown }, text));
        }
    }

    /// Takes what cargo refuses of a notebook's `:dep` lines.
    pub(super) fn of_manifest(&mut self, notebook: &Path, found: &[DepLine]) {
        let findings = found.iter().map(|(cell, _, diagnostic)| own(*cell, diagnostic));
        self.manifest.entry(notebook.to_owned()).or_default().extend(findings);
    }

    /// rust-analyzer begins anew.
    pub(super) fn begin(&mut self) {
        self.is_loaded = false;
        self.analyzer.clear();
    }

    /// A notebook was saved: cargo is asked anew.
    pub(super) fn saved(&mut self, notebook: &Path) {
        self.manifest.remove(notebook);
    }

    /// All that is wrong with a notebook, document by document; those of which nothing is wrong are there, too.
    pub(super) fn of_notebook(
        &self,
        path: &Path,
        name: &str,
        seen: &Seen,
        cell_text: impl Fn(usize) -> Option<String>,
    ) -> BTreeMap<String, Vec<Value>> {
        let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (uri, _) in seen.places.iter().filter(|(uri, _)| !uri.is_empty()) {
            all.entry(uri.clone()).or_default();
        }
        let files = seen.overlays.iter().filter_map(|overlay| uri::path(&overlay.uri));
        let analyzer = files.filter(|_| self.is_loaded).filter_map(|path| self.analyzer.get(&path));
        let is_refuted = |finding: &Finding| {
            finding.is_guess()
                && cell_text(finding.cell)
                    .is_some_and(|text| self.refuted.contains(&(text, finding.message())))
        };
        let analyzer = analyzer.flatten().filter(|finding| !is_refuted(finding)).cloned();
        let own = seen.own.iter().map(|(cell, diagnostic)| own(*cell, diagnostic));
        let manifest = self.manifest.get(path).into_iter().flatten().cloned();
        // cargo saw what was saved: of a cell that was changed since, it says nothing.
        let cargo = self.cargo.get(name).into_iter().flatten();
        let cargo = cargo
            .filter(|(finding, text)| cell_text(finding.cell).as_ref() == Some(text))
            .map(|(finding, _)| finding.clone());
        for finding in analyzer.chain(own).chain(manifest).chain(cargo) {
            let Some((uri, first)) = seen.places.get(finding.cell) else { continue };
            let moved = |place: Position| Position::new(place.line + first, place.character);
            let mut shown = finding.shown;
            shown["range"] = json!(Range::new(moved(finding.range.start), moved(finding.range.end)));
            let Some(list) = all.get_mut(uri) else { continue };
            // cargo says again what rust-analyzer has said.
            let is_known = |known: &Value| known["range"] == shown["range"] && known["code"] == shown["code"];
            if shown["source"] != "cargo" || shown["code"].is_null() || !list.iter().any(is_known) {
                list.push(shown);
            }
        }
        all
    }
}

impl Finding {
    fn is_guess(&self) -> bool {
        self.shown["code"].as_str().is_some_and(|code| GUESSES.contains(&code))
    }

    fn message(&self) -> String {
        self.shown["message"].as_str().unwrap_or_default().to_owned()
    }
}

/// What nbexport says.
fn own(cell: usize, diagnostic: &Diagnostic) -> Finding {
    let range = diagnostic.primary.as_ref().map_or_else(Range::default, |label| {
        let text = &label.source.text;
        Range::new(text::position(text, label.span.start), text::position(text, label.span.end))
    });
    let mut message = diagnostic.message.clone();
    if let Some(label) = diagnostic.primary.as_ref().filter(|label| !label.text.is_empty()) {
        message = format!("{message}: {}", label.text);
    }
    for note in &diagnostic.notes {
        message = format!("{message}\nnote: {note}");
    }
    if let Some(help) = &diagnostic.help {
        message = format!("{message}\nhelp: {help}");
    }
    let severity = if diagnostic.severity == Severity::Error { 1 } else { 2 };
    Finding { cell, range, shown: json!({"severity": severity, "source": "nbexport", "message": message}) }
}

/// What rust-analyzer says, if it is about a cell that belongs to the overlay.
fn finding(overlay: &Overlay, seen: &Seen, diagnostic: &Value) -> Option<Finding> {
    let range = range_of(&diagnostic["range"])?;
    let (cell, start) = overlay.in_cell(range.start).or_else(|| before(overlay, range.start))?;
    let is_home = |line: u32| overlay.line(line).is_none_or(super::overlay::Line::is_home);
    if seen.quiet.contains(&cell) || !is_home(range.start.line) {
        return None;
    }
    let end = overlay
        .in_cell(range.end)
        .filter(|(other, end)| *other == cell && (end.line, end.character) >= (start.line, start.character));
    let end = end.map_or(Position::new(start.line, start.character + 1), |(_, end)| end);
    let mut shown = diagnostic.clone();
    let object = shown.as_object_mut()?;
    object.remove("data");
    if let Some(Value::Array(related)) = object.get_mut("relatedInformation") {
        related.retain_mut(|one| {
            let place = one["location"]["uri"].as_str().filter(|uri| *uri == overlay.uri).and_then(|_| {
                let (Place { uri, .. }, range) =
                    overlay.range_to_client(range_of(&one["location"]["range"])?)?;
                Some(json!({"uri": uri, "range": range}))
            });
            place.map(|place| one["location"] = place).is_some()
        });
    }
    Some(Finding { cell, range: Range::new(start, end), shown })
}

/// The end of the cell above a line of ours: what is wrong there is what is missing at its end.
fn before(overlay: &Overlay, position: Position) -> Option<(usize, Position)> {
    let line = (position.line.saturating_sub(3)..=position.line).rev().find_map(|line| overlay.line(line))?;
    Some((line.cell, Position::new(line.row, line.to.saturating_sub(1).max(line.from))))
}
