//! What needs a Jupyter kernel, in an nbexport that was built without the feature `kernel`.

use std::path::PathBuf;

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::project::Project;
use nbexport::run::{Options, Outcome, Progress};

use super::Status;
use crate::cli::{Global, KernelCommand, ServerArgs};

/// What there is without a kernel.
const NATIVELY: &str = "`nbexport test` and `nbexport run --native` need no kernel";

/// Says how to get it.
pub(crate) fn run(_: KernelCommand, _: &Global) -> Result<Status> {
    Err(left_out())
}

/// Says how to get it, and what there is without.
pub(super) fn test(
    _: &Project,
    _: &[PathBuf],
    _: (&str, &ServerArgs),
    _: &Options,
    _: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Vec<(String, Outcome)>> {
    Err(left_out().note(NATIVELY))
}

fn left_out() -> Diagnostic {
    Diagnostic::error(
        "this nbexport was built without `kernel`, and so does not speak with Jupyter's kernels",
    )
    .help("`cargo install --path nbexport`, without `--no-default-features`, has it")
}
