//! `nbexport completions` and `nbexport man`.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::files::{Change, Lock, Original};
use nbexport::project::show;

use super::Status;
use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::printer::Printer;

/// Prints a shell's completions.
pub(crate) fn completions(args: CompletionsArgs) -> Status {
    let mut script = Vec::new();
    if args.cargo {
        let mut cargo = Command::new("cargo-nbexport").subcommand(Cli::command());
        clap_complete::generate(args.shell, &mut cargo, "cargo-nbexport", &mut script);
    } else {
        clap_complete::generate(args.shell, &mut Cli::command(), "nbexport", &mut script);
    }
    Printer::bytes(&script);
    Status::Success
}

/// Writes the man pages, one a command.
pub(crate) fn man(args: &ManArgs) -> Result<Status> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let failed = |error: io::Error| Diagnostic::error(format!("cannot write the man pages: {error}"));
    std::fs::create_dir_all(&args.folder).map_err(failed)?;
    let mut changes = Vec::new();
    page_and_those_below(&command, &args.folder, &mut changes)?;
    Lock::beside(&args.folder.join("nbexport.1")).commit(&changes)?;
    Ok(Status::Success)
}

fn page_and_those_below(command: &Command, folder: &Path, changes: &mut Vec<Change>) -> Result<()> {
    for below in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        page_and_those_below(below, folder, changes)?;
    }
    let (man, mut page) = (Man::new(command.clone()), Vec::new());
    let path = folder.join(man.get_filename());
    let rendered = man.render(&mut page).and_then(|()| String::from_utf8(page).map_err(io::Error::other));
    let page = rendered.map_err(|error| Diagnostic::error(format!("cannot make the man pages: {error}")))?;
    let name = show(&path);
    changes.extend(Original::read(path, name)?.as_named(page)?);
    Ok(())
}
