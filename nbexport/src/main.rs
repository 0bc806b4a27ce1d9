//! The `nbexport` binary: parses the command line, calls the command, turns what came of it into an exit status.

mod cli;
mod cmd;
mod printer;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use serde_json::json;

use crate::cli::{Cli, Command, Format};
use crate::cmd::Status;
use crate::printer::Printer;

/// To read a cell is to make a tree of many small pieces and to drop it: an export takes a fifth less by this allocator than
/// by the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    nbexport::parallel::on_large_stack(run)
}

fn run() -> ExitCode {
    let mut cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help, or the version: results as others are.
        Err(told) if !told.use_stderr() => {
            Printer::clap(&told);
            return finished(0, Printer::default());
        }
        Err(wrong) => wrong.exit(),
    };
    cli.global.krate = cli.krate();
    cli.global.annotates = cli.annotates();
    // Options for every command may stand before it; those of `export` would be passed over there in silence.
    if cli.command.is_some()
        && (cli.export.check
            || cli.export.force
            || cli.export.in_crate.krate.is_some()
            || cli.export.format != Format::Text)
    {
        let message = "the options of `export` stand before another command: put them behind it";
        Cli::command().error(ErrorKind::ArgumentConflict, message).exit();
    }
    let status = match &cli.command {
        None => cmd::export::run(&cli.export, &cli.global),
        Some(Command::Export(args)) => cmd::export::run(args, &cli.global),
        Some(Command::Test(args)) => cmd::test::run(args, &cli.global),
        Some(Command::Cargo(args)) => cmd::cargo::run(args, &cli.global),
        Some(Command::Sync(args)) => cmd::sync::run(args, &cli.global),
        Some(Command::Diff(args)) => cmd::diff::run(args, &cli.global),
        Some(Command::Merge(args)) => cmd::merge::run(args, &cli.global),
        Some(Command::Hooks(args)) => cmd::hooks::run(args.command, &cli.global),
        Some(Command::Kernel(args)) => cmd::kernel::run(args.command, &cli.global),
        Some(Command::Clean(args)) => cmd::clean::run(args, &cli.global),
        Some(Command::Fmt(args)) => cmd::fmt::run(args, &cli.global),
        Some(Command::Migrate(args)) => cmd::migrate::run(args, &cli.global),
        Some(Command::Watch(args)) => cmd::watch::run(args, &cli.global),
        Some(Command::Lsp(args)) => cmd::lsp::run(args, &cli.global),
        Some(Command::Docs(args)) => cmd::docs::run(args, &cli.global),
        Some(Command::Readme(args)) => cmd::readme::run(*args, &cli.global),
        Some(Command::Student(args)) => cmd::student::run(args, &cli.global),
        Some(Command::New(args)) => cmd::new::new(args, &cli.global),
        Some(Command::Init) => cmd::new::init(&cli.global),
        Some(Command::Completions(args)) => Ok(cmd::completions::completions(*args)),
        Some(Command::Man(args)) => cmd::completions::man(args),
        Some(Command::Prepare(args)) => Ok(cmd::prepare::run(args, &cli.global)),
        Some(Command::Run(args)) => cmd::run::run(args, &cli.global),
    };
    let code = match status {
        Ok(Status::Success) => 0,
        Ok(Status::Found) => 1,
        Ok(Status::Failed) => 2,
        Ok(Status::Ended(code)) => code,
        Err(diagnostic) => {
            if format(&cli) == Format::Json {
                Printer::json_line(&json!({ "diagnostics": [Printer::json(&diagnostic)] }));
            } else {
                Printer::new(&cli.global).error(&diagnostic);
            }
            if diagnostic.is_finding { 1 } else { 2 }
        }
    };
    finished(code, Printer::new(&cli.global))
}

/// The exit status, if all that was printed has been written.
fn finished(code: u8, printer: Printer) -> ExitCode {
    match Printer::finish() {
        Ok(()) => ExitCode::from(code),
        Err(diagnostic) => {
            printer.error(&diagnostic);
            ExitCode::from(2)
        }
    }
}

/// How the command was asked to print: for a program, that its project cannot be loaded is a result, too.
fn format(cli: &Cli) -> Format {
    match &cli.command {
        None => cli.export.format,
        Some(Command::Export(args)) => args.format,
        Some(Command::Test(args)) => args.format,
        Some(Command::Diff(args)) => args.format,
        Some(_) => Format::Text,
    }
}
