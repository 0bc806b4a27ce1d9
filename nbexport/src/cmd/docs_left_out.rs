//! `nbexport docs`, in an nbexport that was built without it.

use nbexport::diagnostic::{Diagnostic, Result};

use super::Status;
use crate::cli::{DocsArgs, Global};

/// Says how to get it.
pub(crate) fn run(_: &DocsArgs, _: &Global) -> Result<Status> {
    Err(Diagnostic::error("this nbexport was built without `docs`, which takes a minute more to compile")
        .help("`cargo install --locked nbexport --features docs`, or `cargo run -p nbexport --features docs -- docs`"))
}
