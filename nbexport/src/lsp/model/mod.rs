//! What rust-analyzer is to see of the project's notebooks: for each the program of its cells, and for those that are
//! open the modules that they would be exported to.

mod saved;
mod seen;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use self::seen::Seen;
use super::overlay::{Cells, Overlay};
use super::scratch::Scratch;
use super::{body, uri};
use crate::diagnostic::Diagnostic;
use crate::export;
use crate::files;
use crate::notebook::Notebook;
use crate::notebook::parsed::ParsedNotebook;
use crate::project::Project;

/// Overlays by the path of their file.
pub(super) type Overlays = HashMap<PathBuf, Arc<Overlay>>;

/// A `:dep` line: its cell, the crate's name, and what is said if cargo refuses it.
pub(super) type DepLine = (usize, String, Diagnostic);

/// The project as rust-analyzer is to see it.
pub(super) struct Model {
    pub(super) project: Project,
    pub(super) scratch: Scratch,
    crate_name: String,
    /// Of the open notebooks.
    pub(super) open: BTreeMap<PathBuf, Seen>,
    /// Of the others, as far as somebody asked for them.
    closed: HashMap<PathBuf, Vec<Arc<Overlay>>>,
    /// Whether cargo cannot load the project's crate.
    is_crate_refused: bool,
    /// The notebooks that have a package in the workspace, by name.
    members: Vec<String>,
    /// The `:dep` lines of all notebooks that cargo was shown.
    dep_lines: BTreeMap<PathBuf, Vec<DepLine>>,
    /// The crates that cargo refuses a notebook.
    refused: HashMap<PathBuf, HashSet<String>>,
    /// Cells that have been read, by their text.
    read: HashMap<Arc<str>, Arc<body::Cell>>,
}

impl Model {
    pub(super) fn new(project: Project) -> Self {
        let crate_name = export::crate_name(&project).unwrap_or_default();
        let scratch = Scratch::of(&project);
        let (open, closed, read) = (BTreeMap::new(), HashMap::new(), HashMap::new());
        let (members, dep_lines, refused) = (Vec::new(), BTreeMap::new(), HashMap::new());
        Self {
            project,
            scratch,
            crate_name,
            open,
            closed,
            is_crate_refused: false,
            members,
            dep_lines,
            refused,
            read,
        }
    }

    /// The overlays of all open notebooks.
    pub(super) fn overlays_of_open(&self) -> Overlays {
        let all = self.open.values().flat_map(|seen| &seen.overlays);
        all.filter_map(|overlay| Some((uri::path(&overlay.uri)?, Arc::clone(overlay)))).collect()
    }

    /// The overlays of the notebook that a file is made of, if it is made of one; those of a closed one as it was saved.
    pub(super) fn overlays_of_file(&mut self, file: &Path) -> Vec<Arc<Overlay>> {
        let has = |overlays: &[Arc<Overlay>]| {
            overlays.iter().any(|overlay| uri::path(&overlay.uri).as_deref() == Some(file))
        };
        let open = self.open.values().map(|seen| &seen.overlays).find(|overlays| has(overlays));
        if let Some(overlays) = open.or_else(|| self.closed.values().find(|overlays| has(overlays))) {
            return overlays.clone();
        }
        let is_ours = file.starts_with(&self.scratch.root)
            || file.starts_with(&self.project.krate)
                && files::read_text(file).is_ok_and(|text| export::module::generated_from(&text).is_some());
        if !is_ours {
            return Vec::new();
        }
        for path in self.project.notebook_paths().unwrap_or_default() {
            if self.open.contains_key(&path) {
                continue;
            }
            let name = self.project.name_of(&path);
            let Ok(notebook) = Notebook::read(&path, &name) else { continue };
            let notebook = Arc::new(notebook);
            let (parsed, _) = ParsedNotebook::new(&notebook);
            let cells = Arc::new(Cells::Closed { uri: uri::of(&path), notebook: Arc::clone(&notebook) });
            let (mut overlays, _) = self.overlays(&parsed, &path, &cells, &mut Vec::new());
            // rust-analyzer reads them from the disk: what was changed there by others has no places.
            overlays.retain(|overlay| {
                let there = uri::path(&overlay.uri).and_then(|path| files::read_text(&path).ok());
                there.is_some_and(|text| text == overlay.text)
            });
            self.closed.insert(path, overlays);
        }
        proc_macro2::extra::invalidate_current_thread_spans();
        self.closed.values().find(|overlays| has(overlays)).cloned().unwrap_or_default()
    }

    /// Forgets what was seen of closed notebooks: a file was written.
    pub(super) fn forget_closed(&mut self) {
        self.closed.clear();
    }

    /// The overlays in which a place of a document lies, the one where its cell belongs first, with the place in each.
    pub(super) fn locate(
        &self,
        document: &str,
        notebook: &Path,
        position: gen_lsp_types::Position,
    ) -> Vec<(Arc<Overlay>, gen_lsp_types::Position)> {
        let Some(seen) = self.open.get(notebook) else { return Vec::new() };
        let Some((cell, position)) = seen.cell_at(document, position) else { return Vec::new() };
        let mut found: Vec<_> = seen
            .overlays
            .iter()
            .filter_map(|overlay| Some((Arc::clone(overlay), overlay.of_cell(cell, position)?)))
            .collect();
        found.sort_by_key(|(overlay, position)| {
            !overlay.line(position.line).is_some_and(super::overlay::Line::is_home)
        });
        found
    }
}
