//! Kernels of a server, in an nbexport that was built without them.

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::run::kernel::Host;

use crate::cli::ServerArgs;

/// Says how to get them.
pub(super) fn named(args: &ServerArgs, _: &str) -> Result<Option<Host>> {
    if args.server.is_none() {
        return Ok(None);
    }
    Err(Diagnostic::error("this nbexport was built without `server`, and so has no kernels but this machine's")
        .help("`cargo install --locked nbexport --features server`, or `cargo run -p nbexport --features server -- …`"))
}
