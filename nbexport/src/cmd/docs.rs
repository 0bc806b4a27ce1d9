//! `nbexport docs`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::docs::{self, Options, Server};

use super::folder::Folder;
use super::{Context, Status, count};
use crate::cli::{DocsArgs, Global};

/// Makes the site, and shows it.
pub(crate) fn run(args: &DocsArgs, global: &Global) -> Result<Status> {
    let context = Context::new(&[], global)?;
    // What is not named from the working directory lies in the project.
    let folder = context.project.root.join(&args.folder);
    let options = Options { folder, trust: args.trust, api: !args.no_api, reload: args.serve };
    // From here on, so that no save falls between the first site and the next.
    let project = &context.project;
    let also = [project.root.join("docs"), project.krate.join("src")];
    let folder = args.serve.then(|| Folder::watch(project, &also)).transpose()?;
    let status = build(&context, &options)?;
    let first = options.folder.join("index.html");
    if let Some(folder) = folder {
        let server = Server::start(&options.folder, args.port)?;
        context.printer.info(&format!("serving {}", server.url()));
        if args.open {
            open(&server.url(), &context);
        }
        watch(&context, folder, &options, &server);
        return Ok(status);
    }
    if args.open {
        open(&first.to_string_lossy(), &context);
    }
    Ok(status)
}

fn build(context: &Context, options: &Options) -> Result<Status> {
    let start = Instant::now();
    let report = docs::build(&context.project, options)?;
    context.printer.diagnostics(&report.diagnostics);
    let (pages, seconds) = (count(report.pages, "page"), start.elapsed().as_secs_f64());
    let folder = context.project.name_of(&options.folder);
    let written = count(report.written, "file");
    context.printer.info(&format!("{folder}: {pages}, {written} written, in {seconds:.1} s"));
    let found = report.diagnostics.iter().any(Diagnostic::is_error);
    Ok(if found { Status::Found } else { Status::Success })
}

/// Makes the site anew on every save, until it is interrupted.
fn watch(context: &Context, mut folder: Folder, options: &Options, server: &Server) {
    while folder.next().is_some() {
        match build(context, options) {
            Ok(_) => server.reload(),
            // A broken save is told, and the next one may be whole.
            Err(diagnostic) => context.printer.error(&diagnostic),
        }
    }
}

/// Opens an address with what the system has for it.
fn open(address: &str, context: &Context) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let started =
        Command::new(program).arg(Path::new(address)).stdin(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Err(error) = started {
        let message = format!("cannot open a browser: {error}");
        context.printer.error(&Diagnostic::warning(message).help(format!("open `{address}` yourself")));
    }
}
