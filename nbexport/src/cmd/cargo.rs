//! `nbexport cargo …`: cargo's own words, about cells.

use std::path::Path;
use std::process::{Command, ExitStatus};

use clap::CommandFactory;
use nbexport::cargo::{self, Said};
use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::project::Project;

use super::Status;
use crate::cli::{CargoArgs, Cli, Global};
use crate::printer::Printer;

/// Runs cargo; ends as it ends.
pub(crate) fn run(args: &CargoArgs, global: &Global) -> Result<Status> {
    let printer = Printer::new(global);
    let is_help = |arg: &String| arg == "--help" || arg == "-h";
    if args.args.first().is_some_and(is_help) {
        return Ok(own_help());
    }
    let own: Vec<&String> = args.args.iter().take_while(|arg| *arg != "--").collect();
    if own.iter().any(|arg| is_help(arg)) {
        return cargos_help(&args.args);
    }
    let project = Project::discover(Path::new("."), global.krate.as_deref())?;
    let code = cargo::run(&project, &args.args, printer.colors_errors(), &|said| match said {
        Said::Out(line) => printer.passed_on(&line),
        Said::Error(text) => printer.passed_on_error(&text),
        Said::Json(value) => Printer::json_line(&value),
        Said::Diagnostic(diagnostic) => printer.error(&diagnostic),
    })?;
    let command = own.iter().find(|arg| !arg.starts_with(['-', '+']));
    Ok(match code {
        0 => Status::Success,
        // That is for the program to say which ran.
        code if command.is_some_and(|it| *it == "run" || *it == "r") => {
            Status::Ended(code.try_into().unwrap_or(101))
        }
        // What cargo was not able to begin is no finding.
        1 => Status::Failed,
        _ => Status::Found,
    })
}

/// What this command does, which needs no project.
fn own_help() -> Status {
    let mut cli = Cli::command().disable_help_subcommand(true);
    cli.build();
    if let Some(command) = cli.find_subcommand_mut("cargo") {
        Printer::text(&format!("{}\n", command.render_long_help()));
    }
    Status::Success
}

/// What a command of cargo does, which needs no project either.
fn cargos_help(args: &[String]) -> Result<Status> {
    let status = Command::new("cargo").args(args).status();
    let status = status.map_err(|error| Diagnostic::error(format!("cannot run cargo: {error}")))?;
    Ok(if ExitStatus::success(&status) { Status::Success } else { Status::Failed })
}
