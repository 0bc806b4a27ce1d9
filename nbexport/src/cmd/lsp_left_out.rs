//! `nbexport lsp`, in an nbexport that was built without it.

use nbexport::diagnostic::{Diagnostic, Result};

use super::Status;
use crate::cli::{Global, LspArgs};

/// Says how to get it.
pub(crate) fn run(_: &LspArgs, _: &Global) -> Result<Status> {
    Err(Diagnostic::error("this nbexport was built without `lsp`")
        .help("`cargo install --locked nbexport`, whose default features have it"))
}
