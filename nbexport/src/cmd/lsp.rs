//! `nbexport lsp`.

use nbexport::diagnostic::Result;
use nbexport::lsp::{self, Options, install};
use nbexport::project;

use super::Status;
use crate::cli::{Global, LspArgs, LspCommand};
use crate::printer::Printer;

/// Serves an editor, or tells editors of the server.
pub(crate) fn run(args: &LspArgs, global: &Global) -> Result<Status> {
    match args.command {
        None => lsp::serve(&Options { rust_analyzer: args.rust_analyzer.clone() })?,
        Some(LspCommand::Install) => {
            let printer = Printer::new(global);
            let written = install::jupyterlab()?;
            printer.info(&format!("JupyterLab with jupyterlab-lsp → {}", project::show(&written)));
            for (editor, file, settings) in install::snippets() {
                printer.passed_on(&format!("\n{editor}: add to {file}\n\n{}", settings.trim_end()));
            }
            printer.passed_on("\nVS Code: the extension in editors/vscode");
        }
    }
    Ok(Status::Success)
}
