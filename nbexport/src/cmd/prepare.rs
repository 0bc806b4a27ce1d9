//! `nbexport prepare`: all that a notebook needs before a commit, in one run, and all that CI asks.

use std::path::PathBuf;

use nbexport::diagnostic::Result;
use nbexport::readme;
use nbexport::run::outputs::Keep;

use super::{Context, Status};
use crate::cli::{
    CleanArgs, ExportArgs, FmtArgs, Format, Global, InCrate, PrepareArgs, ReadmeArgs, RunArgs, ServerArgs,
};
use crate::printer::Printer;

/// Formats, exports, runs, cleans and writes the README that is a notebook's; with `--check`, tells of all that this would change.
pub(crate) fn run(args: &PrepareArgs, global: &Global) -> Status {
    let PrepareArgs { check, format, how } = args;
    let (check, paths) = (*check, how.paths.clone());
    let printer = Printer::new(global);
    let fmt = FmtArgs { paths: paths.clone(), check };
    let in_crate = InCrate::default();
    let export = ExportArgs { paths: paths.clone(), check, force: false, format: Format::Text, in_crate };
    let run = RunArgs {
        kernel: None,
        native: true,
        check,
        timings: false,
        server: ServerArgs::default(),
        format: *format,
        how: how.clone(),
    };
    let clean = CleanArgs { paths: paths.clone(), check, outputs: false };
    // Outputs that are right stay as they are, so that times in them do not change with every run.
    let keep = if check { Keep::Check } else { Keep::Changed };
    let readme = ReadmeArgs { check, force: false };
    let readme = || {
        if is_readme_due(&paths, global)? { super::readme::run(readme, global) } else { Ok(Status::Success) }
    };
    // Export comes before the run, for later notebooks use what earlier ones export.
    let steps: [(&str, &dyn Fn() -> Result<Status>); 5] = [
        ("fmt", &|| super::fmt::run(&fmt, global)),
        ("export", &|| super::export::run(&export, global)),
        ("run", &|| super::run::run_and(&run, global, keep)),
        ("clean", &|| super::clean::run(&clean, global)),
        ("readme", &readme),
    ];
    let mut status = Status::Success;
    let mut wrong = Vec::new();
    for (name, step) in steps {
        let done = step().unwrap_or_else(|diagnostic| {
            printer.error(&diagnostic);
            if diagnostic.is_finding { Status::Found } else { Status::Failed }
        });
        if done != Status::Success {
            wrong.push(name);
        }
        status = status.max(done);
        // What follows would build on what is wrong; a check tells of everything.
        if !check && done != Status::Success {
            break;
        }
    }
    printer.info(&match (wrong.is_empty(), check) {
        (true, true) => "all is prepared".to_owned(),
        (true, false) => "prepared: formatted, exported, run and clean".to_owned(),
        (false, true) => {
            format!("not prepared: {}; `nbexport prepare` does what can be done", wrong.join(", "))
        }
        (false, false) => {
            format!("not prepared: {} found something; mend it and run this again", wrong.join(", "))
        }
    });
    status
}

/// Whether README.md is made of a notebook of the project, and not of one that was not asked for.
fn is_readme_due(paths: &[PathBuf], global: &Global) -> Result<bool> {
    let context = Context::new(paths, global)?;
    let index = readme::index(&context.project);
    Ok(index.is_some_and(|index| context.notebooks.is_none_or(|notebooks| notebooks.contains(&index))))
}
