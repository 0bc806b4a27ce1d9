//! `cargo nbexport …`: cargo looks for a program of this name, which hands everything on to the `nbexport` beside it.

use std::env;
use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = env::args_os().skip(1).collect();
    // As cargo calls it, the first one is the command's own name.
    if arguments.first().is_some_and(|first| first == "nbexport") {
        arguments.remove(0);
    }
    let name = format!("nbexport{}", env::consts::EXE_SUFFIX);
    let beside = env::current_exe().ok().map(|own| own.with_file_name(&name)).filter(|path| path.is_file());
    let program = beside.map_or_else(|| OsString::from(&name), OsString::from);
    match become_it(Command::new(&program).args(arguments)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: cannot run `{}`: {error}", program.display());
            ExitCode::from(2)
        }
    }
}

/// Replaces this process, so that a signal reaches the other one.
#[cfg(unix)]
fn become_it(command: &mut Command) -> io::Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec())
}

#[cfg(not(unix))]
fn become_it(command: &mut Command) -> io::Result<ExitCode> {
    let code = command.status()?.code().unwrap_or(2);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(2)))
}
