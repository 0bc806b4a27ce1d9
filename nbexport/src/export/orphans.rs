//! Generated files that no notebook makes any more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::load::Loaded;
use crate::diagnostic::Diagnostic;
use crate::export::generated::generated_files;
use crate::export::module;
use crate::project::Project;

/// Generated files whose notebook is gone, or exports to them no more. They are kept: they may be all that is left.
pub(super) fn orphans(project: &Project, loaded: &[Loaded]) -> Vec<Diagnostic> {
    let known: BTreeSet<PathBuf> = loaded
        .iter()
        .flat_map(|it| it.outcome.modules.iter().map(|module| project.krate.join(&module.path)))
        .collect();
    let mut found = Vec::new();
    for (path, text) in generated_files(project, |path| !known.contains(path)) {
        let Some(notebook) = module::generated_from(&text) else {
            continue;
        };
        let source = loaded.iter().find(|it| it.outcome.notebook == notebook && it.path.is_file());
        // What is wrong with it is said already, and what it would export is not known.
        if source.is_some_and(|it| it.outcome.is_bad()) {
            continue;
        }
        let name = project.name_of(&path);
        let declared = match path.parent().and_then(Path::file_name).and_then(|name| name.to_str()) {
            Some("benches") => "; its `[[bench]]` entry then goes too",
            Some("bin") => "",
            _ => "; its `pub mod` line then goes too",
        };
        let (why, when) = match source {
            Some(_) => ("which exports nothing to it any more", "its cells went elsewhere or are gone"),
            None => ("which is gone", "the notebook was renamed or removed"),
        };
        found.push(
            Diagnostic::warning(format!("`{name}` was exported from `{notebook}`, {why}"))
                .help(format!("delete `{name}` if {when}{declared}"))
                .as_finding(),
        );
    }
    found
}
