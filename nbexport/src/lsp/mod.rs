//! `nbexport lsp`: a language server that has rust-analyzer look into the cells of notebooks.
//!
//! rust-analyzer knows no notebooks, so it is started as a child and sees files. Each notebook is a package of a
//! workspace (`scratch`) below the target folder, with its `:dep` lines as dependencies. Its program is flat (`body`): the
//! items of all cells at the level of a module, the statements in one function. That is what the kernel makes of a
//! notebook, and what rust-analyzer is good at. Exported cells are in that program, too, as in the kernel; besides, they
//! are in the crate's module, as it would be exported now (`model`), and that is where an exported cell is looked at.
//!
//! A file as rust-analyzer sees it is an `overlay`: a text, and for each line the cell that it is of. A cell's
//! lines keep their columns, or are moved by a number that is the same for a whole line, so places need no reading to be
//! put from one into the other. On each keystroke the overlays of the notebook are made anew, and the lines that differ
//! are sent. What a cell leaves open (`split`) while one types is closed behind it, so that other cells stay as they are.
//!
//! `server` goes between both: it hears of documents in two ways (`books`), turns what is asked (`requests`) into
//! questions about overlays (`waiting`), and what is answered (`answers`) into places of cells. Where a name of a cell was found in
//! one overlay, references and rename go on to the others that the cell is in. What is wrong with a cell comes from
//! rust-analyzer, from nbexport's own checks (`findings`), and after a save from cargo (`checks`).
//!
//! Only open notebooks are shown to rust-analyzer; of the others it finds the programs on the disk, as they were saved.
//! Nothing else is ever written.

mod analyzer;
mod answers;
mod body;
mod books;
mod capabilities;
mod checks;
mod completion;
mod directives;
mod findings;
pub mod install;
mod model;
mod overlay;
mod requests;
mod scratch;
mod server;
mod split;
mod text;
mod tokens;
mod told;
mod uri;
mod waiting;

use std::path::PathBuf;

use lsp_server::Connection;

use self::server::Server;
use crate::diagnostic::{Diagnostic, Result};

/// How to serve.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The program of rust-analyzer; the one on PATH where none is named.
    pub rust_analyzer: Option<PathBuf>,
}

/// Serves a client on stdin and stdout until it leaves.
///
/// # Errors
/// The client does not speak the protocol.
pub fn serve(options: &Options) -> Result<()> {
    let (connection, threads) = Connection::stdio();
    let served = Server::run(&connection, options);
    drop(connection);
    let ended = threads.join().map_err(|error| Diagnostic::error(format!("the client is gone: {error}")));
    served.and(ended)
}
