//! Edits of a module → back into the cells they came from.
//!
//! Three-way by the hash in each marker, which is that of the text nbexport wrote: only the module differs from it,
//! and the cell gets the module's text; only the notebook does, and there is nothing to do; both do, and it is a
//! conflict. What a cell becomes is proved, not assumed: the text proposed for it is exported again, and must give
//! the module's region to the letter. Where that fails, nothing is written.

use std::fs;
use std::ops::Range;
use std::path::Path;

use serde_json::{Value, json};
use similar::TextDiff;

use crate::cell::lines_within_literals;
use crate::diagnostic::{Diagnostic, Source};
use crate::export;
use crate::git;
use crate::krate;
use crate::module::{self, Module, Region, Target};
use crate::notebook::{Cell, CellKind, Edit, Notebook, lines, short_hash};
use crate::project::Project;

/// Whose text wins where both sides were edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The notebook's.
    Ours,
    /// The module's.
    Theirs,
}

/// What came of one notebook.
#[derive(Clone, Debug, Default)]
pub struct Synced {
    /// The notebook's name.
    pub notebook: String,
    /// The cells that got the module's text, by number and id.
    pub cells: Vec<(usize, String)>,
    /// The ids of cells that were edited on both sides and kept the notebook's text.
    pub kept: Vec<String>,
    /// The ids of cells made of code that was new in the module.
    pub new_cells: Vec<String>,
    /// What stands in the way; with an error among it nothing was written.
    pub diagnostics: Vec<Diagnostic>,
}

/// Brings the edits of a notebook's modules into the notebook, and the modules then in step with it.
///
/// # Errors
/// The notebook cannot be read, or a file cannot be written.
pub fn sync(project: &Project, path: &Path, prefer: Option<Side>) -> Result<Synced, Box<Diagnostic>> {
    let _lock = krate::lock(project)?;
    let name = project.name_of(path);
    let notebook = Notebook::read(path, &name)?;
    let crate_name = export::crate_name(project)?;
    let (modules, wrong) = export::modules(&notebook, &crate_name);
    let mut synced = Synced { notebook: name.clone(), diagnostics: wrong, ..Synced::default() };
    if synced.is_bad() {
        return Ok(synced);
    }
    let mut edits = Vec::new();
    for module in &modules {
        let file = project.krate.join(&module.path);
        let Ok(on_disk) = fs::read_to_string(&file) else { continue };
        if module::generated_from(&on_disk).is_none() {
            continue;
        }
        if git::is_conflicted(&on_disk) {
            let file = project.name_of(&file);
            synced.diagnostics.push(
                Diagnostic::error(format!(
                    "`{file}` holds git's conflict markers, so nothing of it was brought back"
                ))
                .help("solve the conflict in the notebook, then run `nbexport`: the module is written anew"),
            );
            continue;
        }
        let side = Comparison {
            notebook: &notebook,
            module,
            file: project.name_of(&file),
            crate_name: &crate_name,
            prefer,
        };
        edits.extend(side.compare(&on_disk, &mut synced));
    }
    if synced.is_bad() || edits.is_empty() && synced.kept.is_empty() {
        return Ok(synced);
    }
    let text = notebook.edited(edits);
    let changed = Notebook::parse(&name, text.clone())?;
    let (after, wrong) = export::modules(&changed, &crate_name);
    synced.diagnostics.extend(wrong);
    if synced.is_bad() {
        return Ok(synced);
    }
    krate::save(path, &name, &text)?;
    // The notebook has all of it now, so the modules can be written anew: with new markers, in the notebook's order.
    for module in after {
        let file = project.krate.join(&module.path);
        krate::save(&file, &project.name_of(&file), &module.text)?;
    }
    Ok(synced)
}

impl Synced {
    /// Whether something stands in the way.
    pub fn is_bad(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// One module beside its notebook.
struct Comparison<'a> {
    notebook: &'a Notebook,
    module: &'a Module,
    /// The module file's name, for messages.
    file: String,
    crate_name: &'a str,
    prefer: Option<Side>,
}

impl Comparison<'_> {
    /// The edits that the notebook needs; what stands in the way goes to `synced`.
    fn compare(&self, on_disk: &str, synced: &mut Synced) -> Vec<Edit> {
        let ours = module::regions(&self.module.text);
        let mut theirs = module::regions(on_disk);
        let added = split_off_additions(&mut theirs);
        self.explain_order(&ours, &theirs, synced);

        let mut edits = Vec::new();
        for their in &theirs {
            let edited = short_hash(&their.text) != their.hash;
            let our = ours.iter().find(|our| our.id == their.id);
            let Some(our) = our.filter(|_| edited) else {
                if edited {
                    synced.diagnostics.push(self.unknown_cell(their));
                }
                continue;
            };
            if our.text == their.text {
                continue;
            }
            if our.hash != their.hash {
                match self.prefer {
                    Some(Side::Ours) => {
                        synced.kept.push(our.id.clone());
                        continue;
                    }
                    Some(Side::Theirs) => {}
                    None => {
                        synced.diagnostics.push(self.conflict(our, their));
                        continue;
                    }
                }
            }
            match self.edit(our, their) {
                Ok((cell, edit)) => {
                    synced.cells.push((cell.number, cell.id.clone()));
                    edits.push(edit);
                }
                Err(diagnostic) => synced.diagnostics.push(*diagnostic),
            }
        }
        for code in added {
            if self.module.target == Target::Bench {
                synced.diagnostics.push(self.added_to_benches());
                continue;
            }
            let (id, edit) = self.new_cell(&code);
            synced.new_cells.push(id);
            edits.push(edit);
        }
        edits
    }

    fn cell(&self, region: &Region) -> Option<&Cell> {
        self.notebook.cells.iter().find(|cell| module::marker_id(cell) == region.id)
    }

    /// The edit that gives a cell the text of its region, proved by exporting it again.
    fn edit(&self, our: &Region, their: &Region) -> Result<(&Cell, Edit), Box<Diagnostic>> {
        let Some(cell) = self.cell(our) else { return Err(Box::new(self.frame_edited(our, their))) };
        for candidate in candidates(cell, &our.text, &their.text) {
            let edit = self.notebook.set_source(cell, &candidate);
            let text = self.notebook.edited(vec![edit.clone()]);
            let Ok(changed) = Notebook::parse(&self.notebook.name, text) else { continue };
            let (modules, _) = export::modules_unchecked(&changed, self.crate_name);
            let region = modules
                .iter()
                .filter(|module| module.path == self.module.path)
                .flat_map(|module| module::regions(&module.text))
                .find(|region| region.id == module::marker_id(cell));
            if region.is_some_and(|region| region.text == their.text) {
                return Ok((cell, edit));
            }
        }
        Err(Box::new(self.frame_edited(our, their)))
    }

    /// A cell for code that is new at the end of the module, after the last cell that is exported to it.
    fn new_cell(&self, code: &str) -> (String, Edit) {
        let mut id = format!("cell-{}", short_hash(code));
        while self.notebook.cells.iter().any(|cell| cell.id == id) {
            id.push('b');
        }
        let default = export::default_module_name(self.notebook);
        let directive = if default == self.module.name {
            "//| export".to_owned()
        } else {
            format!("//| export {}", self.module.name)
        };
        let source = lines(&format!("{directive}\n{code}"));
        let mut cell = json!({
            "cell_type": "code", "execution_count": null, "id": id, "metadata": {}, "outputs": [], "source": source
        });
        if self.notebook.nbformat_minor < 5
            && let Value::Object(cell) = &mut cell
        {
            cell.remove("id");
        }
        let exported = module::regions(&self.module.text);
        let last = exported.iter().take_while(|region| region.id != "tests").last();
        let after = last.and_then(|region| self.cell(region)).or(self.notebook.cells.last());
        let at = after.map_or(0, |cell| cell.spans.cell.end);
        // The separator is the one between the file's own cells, so that the new one stands like its neighbours.
        let separator = match self.notebook.cells.as_slice() {
            [first, second, ..] => {
                self.notebook.text()[first.spans.cell.end..second.spans.cell.start].to_owned()
            }
            _ => ",\n  ".to_owned(),
        };
        (id, Edit { range: at..at, text: format!("{separator}{}", self.notebook.json(&cell, 2)) })
    }

    /// Regions moved, doubled or missing are explained; what they should mean is not guessed.
    fn explain_order(&self, ours: &[Region], theirs: &[Region], synced: &mut Synced) {
        for (index, region) in theirs.iter().enumerate() {
            if theirs[..index].iter().any(|other| other.id == region.id) {
                synced.diagnostics.push(
                    self.at(region, format!("`{}` has two regions of the cell `{}`", self.file, region.id))
                        .help(
                            "keep one marker of each cell; code for a new cell goes to the end of the file",
                        ),
                );
            }
        }
        let known = |region: &&Region| ours.iter().any(|our| our.id == region.id);
        let there: Vec<&str> = theirs.iter().filter(known).map(|region| region.id.as_str()).collect();
        let wanted: Vec<&str> =
            ours.iter().map(|our| our.id.as_str()).filter(|id| there.contains(id)).collect();
        if there.len() == wanted.len() && there != wanted {
            synced.diagnostics.push(
                Diagnostic::warning(format!(
                    "the regions of `{}` stand in another order than the cells",
                    self.file
                ))
                .note("the order of a module is that of its notebook, and is not brought back")
                .help("move the cells in the notebook, then export"),
            );
        }
    }

    fn at(&self, region: &Region, message: String) -> Diagnostic {
        let source = Source { name: self.file.clone(), cell_id: None, text: String::new() };
        let label = Diagnostic::error(message);
        match self.cell(region) {
            Some(cell) => label
                .at(&cell.source, first_line(cell), "")
                .note(format!("its region begins at {}:{}", source.name, region.line)),
            None => label.note(format!("it begins at {}:{}", source.name, region.line)),
        }
    }

    fn unknown_cell(&self, region: &Region) -> Diagnostic {
        self.at(region, format!("`{}` has an edited region `{}` that no cell of `{}` has", self.file, region.id, self.notebook.name))
            .note("its marker was renamed, or the cell was deleted from the notebook, or is exported no more")
            .help("move its code to the end of the file, below the last line, to make a cell of it; or delete the region")
    }

    fn added_to_benches(&self) -> Diagnostic {
        Diagnostic::error(format!(
            "`{}` has code of its own at its end, which was not brought back",
            self.file
        ))
        .note("a cell made of it would be exported to the module, not to its benchmarks")
        .help("write it into a cell that begins with `//| bench NAME`")
    }

    fn conflict(&self, our: &Region, their: &Region) -> Diagnostic {
        let diff = TextDiff::from_lines(&our.text, &their.text)
            .unified_diff()
            .header("the notebook's", "the module's")
            .missing_newline_hint(false)
            .to_string();
        self.at(their, format!("the cell `{}` was edited in the notebook and in the module", our.id))
            .note(format!("the two texts:\n{}", diff.trim_end()))
            .help("make them the same, or decide: `nbexport sync --ours` keeps the notebook's, `--theirs` the module's")
    }

    fn frame_edited(&self, our: &Region, their: &Region) -> Diagnostic {
        let diff = TextDiff::from_lines(&our.text, &their.text)
            .unified_diff()
            .header("as exported", "as edited")
            .missing_newline_hint(false)
            .to_string();
        self.at(their, format!("this edit of `{}` cannot be brought into the cell `{}`", self.file, our.id))
            .note(format!("the edit:\n{}", diff.trim_end()))
            .note("what nbexport writes around a cell (`#[test]`, the name of a test, the copy of a setup) comes from directives and other cells")
            .help("edit the cell or its directives in the notebook; `nbexport export --force` drops the edit of the module")
    }
}

fn first_line(cell: &Cell) -> Range<usize> {
    0..cell.text().lines().next().map_or(0, str::len)
}

/// Takes code that was added at the end of the module, or just before its tests, out of the region it seems to
/// belong to: it is no part of that cell, but a new one.
fn split_off_additions(regions: &mut [Region]) -> Vec<String> {
    let tests = regions.iter().position(|region| region.id == "tests");
    let mut ends: Vec<usize> = tests.and_then(|at| at.checked_sub(1)).into_iter().collect();
    ends.extend(regions.len().checked_sub(1));
    let mut added = Vec::new();
    for at in ends {
        let region = &mut regions[at];
        if short_hash(&region.text) == region.hash {
            continue;
        }
        let rows: Vec<&str> = region.text.lines().collect();
        let kept = (0..rows.len()).find(|kept| {
            short_hash(rows[..*kept].join("\n").trim_end()) == region.hash
                && (*kept == rows.len() || rows[*kept].trim().is_empty() || rows[*kept] == "}")
        });
        // Below tests, the brace that closes them parts the last test from what was added, edited or not.
        let closes_tests = |at: usize| rows[at] == "}" && at > 0 && rows[at - 1] == "    }";
        let brace =
            tests.filter(|tests| at > *tests).and_then(|_| (0..rows.len()).find(|at| closes_tests(*at)));
        let (kept, rest) = match (kept, brace) {
            (_, Some(brace)) => (brace, brace + 1),
            (Some(kept), None) => (kept, kept),
            (None, None) => continue,
        };
        let code = rows[rest..].join("\n").trim().to_owned();
        let text = rows[..kept].join("\n").trim_end().to_owned();
        if !code.is_empty() {
            added.push(code);
        }
        region.text = text;
    }
    added
}

/// The texts a cell may need to have for its region to read like `their`; the caller tries them in turn.
fn candidates(cell: &Cell, our: &str, their: &str) -> Vec<String> {
    if cell.kind == CellKind::Markdown {
        return docs_candidate(cell, their).into_iter().collect();
    }
    let body = test_body(their).unwrap_or_else(|| their.to_owned());
    let without_hidden: Vec<&str> = body.lines().filter(|line| *line != "#[doc(hidden)]").collect();
    let mut found = Vec::new();
    for text in [body.clone(), without_hidden.join("\n")] {
        let text = uncomment_commands(&text);
        // The export closes a last expression by a `;` of its own.
        if let Some(open) = without_last_semicolon(&text) {
            found.push(open);
        }
        found.push(text);
    }
    // A cell that ended in a line break keeps it.
    let trailing: String = cell.text().chars().rev().take_while(|c| *c == '\n').collect();
    let mut all: Vec<String> = found.iter().map(|text| format!("{text}{trailing}")).collect();
    // The one whose `;` stands as in the old text comes first: it keeps what the person wrote.
    let closed = test_body(our).is_none() || cell.text().trim_end().ends_with(';');
    if closed {
        all.reverse();
    }
    all.dedup();
    all
}

/// The lines of the cell inside the frame of a test or of `fn main`, with the indentation taken off.
fn test_body(region: &str) -> Option<String> {
    let rows: Vec<&str> = region.lines().collect();
    let start = rows.iter().position(|row| {
        let row = row.trim_start().trim_start_matches("async ");
        row.starts_with("fn ") && row.ends_with('{')
    })?;
    let framed = rows[..start].iter().all(|row| row.trim_start().starts_with("#["));
    if !framed || !matches!(rows.last()?.trim(), "}" | "}; let _ = test(); }" | "}; let _ = test().await; }")
    {
        return None;
    }
    let indent = rows[start].len() - rows[start].trim_start().len() + 4;
    let mut inside: Vec<&str> = rows[start + 1..rows.len() - 1].to_vec();
    if rows[start].contains("-> Result<") && inside.last().is_some_and(|row| row.trim() == "Ok(())") {
        inside.pop();
    }
    if let Some(end) = inside.iter().position(|row| row.trim() == module::SETUP_END) {
        inside.drain(..=end);
    }
    let text = inside.join("\n");
    let within_literals = lines_within_literals(&text);
    let dedented = text.lines().enumerate().map(|(index, row)| {
        let spaces = row.len() - row.trim_start_matches(' ').len();
        if within_literals.contains(&index) { row } else { &row[spaces.min(indent)..] }
    });
    Some(dedented.collect::<Vec<_>>().join("\n"))
}

/// `// :dep …` among the first lines of a cell was a command.
fn uncomment_commands(text: &str) -> String {
    let mut in_header = true;
    let rows = text.lines().map(|row| {
        in_header &= row.trim().is_empty() || row.trim_start().starts_with("//");
        let command = row.strip_prefix("// ").filter(|rest| rest.starts_with(':') || rest.starts_with('!'));
        match command {
            Some(command) if in_header => command,
            _ => row,
        }
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn without_last_semicolon(text: &str) -> Option<String> {
    let at = text.rfind(';')?;
    let rest = &text[at + 1..];
    let only_comments = rest.lines().all(|row| row.trim().is_empty() || row.trim_start().starts_with("//"));
    only_comments.then(|| format!("{}{rest}", &text[..at]))
}

/// Title and summary of the notebook, from the module's `//!` lines.
fn docs_candidate(cell: &Cell, their: &str) -> Option<String> {
    let mut docs = their
        .lines()
        .map(|row| row.strip_prefix("//!").map(str::trim))
        .collect::<Option<Vec<_>>>()?
        .into_iter();
    let title = docs.next()?.trim_matches('`');
    let summary: Vec<&str> = docs.filter(|row| !row.is_empty()).collect();
    let mut rows: Vec<String> = cell.text().lines().map(str::to_owned).collect();
    let at = rows.iter().position(|row| row.starts_with("# "))?;
    rows[at] = format!("# {title}");
    let quotes: Vec<usize> = rows
        .iter()
        .enumerate()
        .skip(at + 1)
        .filter(|(_, row)| row.starts_with('>'))
        .map(|(index, _)| index)
        .collect();
    if quotes.len() < summary.len() {
        return None;
    }
    for (index, row) in quotes.iter().zip(&summary) {
        rows[*index] = format!("> {row}");
    }
    Some(rows.join("\n"))
}
