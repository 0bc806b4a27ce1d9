//! Kernels of a server: what the command line says of it → the server, once it has answered.

use nbexport::diagnostic::Result;
use nbexport::run::kernel::{Host, Server, Token};

use crate::cli::ServerArgs;

/// The server that the command line names, if it names one. `kernel` is the name of its kernel; empty for any for Rust.
pub(super) fn named(args: &ServerArgs, kernel: &str) -> Result<Option<Host>> {
    let Some(url) = &args.server else { return Ok(None) };
    let token = Token::find(args.token_file.as_deref())?;
    let kernel = (!kernel.is_empty()).then_some(kernel);
    let folder = args.server_dir.as_deref().unwrap_or_default();
    Ok(Some(Host::Server(Server::connect(url, token, kernel, folder)?)))
}
