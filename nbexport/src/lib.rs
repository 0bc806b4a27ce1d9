//! nbexport: the marked cells of Jupyter notebooks → the modules and tests of a Rust crate.
//!
//! Data flows one way:
//!
//! 1. [`project`] finds the crate and its notebooks;
//! 2. [`notebook`] reads a `.ipynb` without losing a byte of it, then its code cells: their `//|` lines and their Rust;
//! 3. [`export`] checks them, says what is wrong as a [`diagnostic`] at notebook, cell, line and column, and makes
//!    modules of them, with a map from every line back to its cell; Cargo.toml and `lib.rs` follow;
//! 4. [`files`] writes: the one door to the disk.
//!
//! [`run`] has the two engines, native programs and the kernel, with a verdict on each cell. [`cargo`] shows what cargo
//! says of the crate at the cells it is about. [`edit`] changes cells: it brings edits of a module back ([`edit::sync`]),
//! formats, cleans and migrates. `docs` makes a site of them, [`readme`] the README, [`student`] copies without
//! solutions. [`git`] shows and merges notebooks cell by cell; [`scaffold`] makes a project to begin
//! with.
//!
//! [`export`] is the whole way. The pieces are useful by themselves:
//!
//! ```
//! use nbexport::notebook::Notebook;
//!
//! let text = r#"{"cells": [{"cell_type": "code", "id": "double", "metadata": {}, "outputs": [],
//!     "execution_count": null, "source": ["//| export\n", "pub fn double(x: i32) -> i32 { 2 * x }"]}],
//!     "metadata": {}, "nbformat": 4, "nbformat_minor": 5}"#;
//! let notebook = Notebook::parse("notebooks/00_demo.ipynb", text.into()).unwrap();
//! let (modules, wrong) = nbexport::export::modules(&notebook, "exp");
//! assert!(wrong.is_empty());
//! assert_eq!(modules[0].path, "src/nb_00.rs");
//! assert!(modules[0].text.contains("pub fn double(x: i32) -> i32 { 2 * x }"));
//! // Line 5 of the module is line 2 of cell 1.
//! assert_eq!(modules[0].map.locate(5, 1), Some((1, 2, 1)));
//! ```

pub mod cargo;
pub mod diagnostic;
#[cfg(feature = "docs")]
pub mod docs;
pub mod edit;
pub mod export;
pub mod files;
pub mod git;
#[cfg(feature = "lsp")]
pub mod lsp;
mod markdown;
pub mod notebook;
pub mod parallel;
mod places;
pub mod project;
mod reading;
pub mod readme;
pub mod run;
pub mod scaffold;
pub mod student;
