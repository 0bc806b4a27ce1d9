//! `nbexport clean`.

use std::io::Read;
use std::path::Path;

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::edit::clean::{self, Options};
use nbexport::notebook::Notebook;
use nbexport::project::Project;

use super::{Context, Status};
use crate::cli::{CleanArgs, Global};
use crate::printer::Printer;

/// Cleans, and prints a line for each notebook that changed.
pub(crate) fn run(args: &CleanArgs, global: &Global) -> Result<Status> {
    if args.paths.iter().any(|path| path == Path::new("-")) {
        // Git starts a filter in the folder of the work tree.
        let keep_counts = Project::of_notebooks(&[]).is_ok_and(|project| project.keep_counts);
        return filter(Options { outputs: args.outputs, keep_counts });
    }
    let status = clean_all(args, global)?;
    if args.check && status == Status::Found {
        Printer::new(global).error(
            &Diagnostic::error("notebooks hold what changes from run to run")
                .help("run `nbexport clean`, and commit the result"),
        );
    }
    Ok(status)
}

/// The same without a word on what to do.
pub(super) fn clean_all(args: &CleanArgs, global: &Global) -> Result<Status> {
    let context = Context::of_notebooks(&args.paths, global)?;
    let options = Options { outputs: args.outputs, keep_counts: context.project.keep_counts };
    let lock = if args.check { None } else { Some(context.lock()?) };
    context.each_notebook(|path, notebook| {
        let name = &notebook.name;
        let Some(text) = clean::clean(&notebook, options) else { return Ok(Status::Success) };
        let Some(lock) = &lock else {
            context.printer.info(&format!("{name}: not clean"));
            return Ok(Status::Found);
        };
        context.write(lock, path, &notebook, text)?;
        context.printer.info(&format!("{name}: cleaned"));
        Ok(Status::Success)
    })
}

/// A git filter: a notebook on stdin, the clean one on stdout. What is no notebook (a merge left its markers in it)
/// passes unchanged, since a filter that fails would block `git diff`.
fn filter(options: Options) -> Result<Status> {
    let failed = |error: std::io::Error| Diagnostic::error(format!("cannot filter: {error}"));
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(failed)?;
    let cleaned = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| Notebook::parse("stdin", text.to_owned()).ok())
        .and_then(|notebook| clean::clean(&notebook, options));
    let text = cleaned.as_ref().map_or(bytes.as_slice(), String::as_bytes);
    Printer::bytes(text);
    Ok(Status::Success)
}
