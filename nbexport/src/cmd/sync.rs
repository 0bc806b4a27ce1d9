//! `nbexport sync`.

use nbexport::diagnostic::Result;
use nbexport::edit::sync::{self, Side, Synced};

use super::{Context, Status, tell_to_reload};
use crate::cli::{Global, SyncArgs};

/// Syncs, and prints a line for each cell that changed.
pub(crate) fn run(args: &SyncArgs, global: &Global) -> Result<Status> {
    let context = Context::new(&args.paths, global)?;
    let prefer = match (args.ours, args.theirs) {
        (true, _) => Some(Side::Ours),
        (_, true) => Some(Side::Theirs),
        _ => None,
    };
    let (mut status, mut wrote) = (Status::Success, false);
    for synced in sync::sync(&context.project, &context.notebooks_or_all()?, prefer) {
        let synced = match synced {
            Ok(synced) => synced,
            Err(diagnostic) => {
                status = status.max(context.tell(&diagnostic));
                continue;
            }
        };
        context.printer.diagnostics(&synced.diagnostics);
        print(&synced, &context);
        if synced.is_bad() {
            status = status.max(Status::Found);
        } else {
            wrote |= !synced.cells.is_empty() || !synced.new_cells.is_empty();
        }
    }
    if context.notebooks.is_none() {
        for orphaned in sync::orphaned(&context.project, &context.notebooks_or_all()?) {
            context.printer.error(&orphaned);
            status = status.max(Status::Found);
        }
    }
    if wrote {
        tell_to_reload(context.printer);
    }
    Ok(status)
}

fn print(synced: &Synced, context: &Context) {
    let name = &synced.notebook;
    if synced.is_bad() {
        return context.printer.info(&format!("{name}: nothing written"));
    }
    for (number, id) in &synced.cells {
        context.printer.info(&format!("{name}:cell {number} ({id}): updated from the module"));
    }
    for id in &synced.new_cells {
        context.printer.info(&format!("{name}: new cell {id}"));
    }
    for id in &synced.kept {
        context.printer.info(&format!("{name}: kept cell {id}; the module was written anew"));
    }
    if !synced.is_written() {
        context.printer.info(&format!("{name}: nothing to sync"));
    }
}
