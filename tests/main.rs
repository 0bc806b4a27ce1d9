//! Everything that is seen from outside: the real binary on real files, and the notebook model on real notebooks.
//!
//! A test sets up a project in a temporary folder with [`support::Case`], runs the binary and holds what came of it
//! against snapshots that stand beside the input. `cargo insta review` shows and takes over what changed.

#[macro_use]
mod support;

mod annotations;
mod architecture;
mod archive;
mod bad_cells;
mod bad_files;
mod begin;
mod benches;
mod both;
mod cache;
mod cargo;
mod dependencies;
mod directives;
mod docs;
#[cfg(feature = "docs")]
mod docs_site;
#[cfg(feature = "docs")]
mod docs_site_again;
mod everyday;
mod export;
mod exported_texts;
mod files;
mod flags;
mod fmt;
mod foreign_names;
mod fuzz;
mod git;
mod git_paths;
mod hand_edits;
mod hostile;
mod installed;
mod interrupted;
#[cfg_attr(not(feature = "kernel"), path = "kernel_left_out.rs")]
mod kernel;
mod lib_rs;
mod lossless;
#[cfg(feature = "lsp")]
mod lsp;
mod markers;
mod merge;
mod migrate;
mod native;
mod outputs;
mod partition;
mod prepare;
mod printing;
mod profile;
mod properties;
mod random_merges;
mod readme;
#[cfg(unix)]
mod release;
mod running;
#[cfg(feature = "server")]
mod server;
mod student;
mod sync;
mod sync_many;
mod sync_without_ids;
#[cfg(feature = "kernel")]
mod table;
#[cfg(feature = "kernel")]
mod verdicts;
mod watch;
mod writing;
