//! `nbexport completions` and `nbexport man`.

use clap::CommandFactory;
use nbexport::diagnostic::{Diagnostic, Result};

use super::Status;
use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::printer::Printer;

/// Prints a shell's completions.
pub(crate) fn completions(args: CompletionsArgs) -> Status {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "nbexport", &mut script);
    Printer::bytes(&script);
    Status::Success
}

/// Writes the man pages, one a command.
pub(crate) fn man(args: &ManArgs) -> Result<Status> {
    std::fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.folder))
        .map_err(|error| Diagnostic::error(format!("cannot write the man pages: {error}")))?;
    Ok(Status::Success)
}
