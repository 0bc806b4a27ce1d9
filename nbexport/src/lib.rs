//! nbexport: the marked cells of Jupyter notebooks → the modules and tests of a Rust crate.
//!
//! Data flows one way:
//!
//! 1. [`project`] finds the crate and its notebooks;
//! 2. [`notebook`] reads a `.ipynb` without losing a byte of it;
//! 3. [`parsed`] reads its code cells: the `//|` lines ([`directive`]) and the Rust ([`cell`], [`scope`]);
//! 4. [`check`] says what is wrong with them, as a [`diagnostic`] at notebook, cell, line and column;
//! 5. [`module`] makes generated files of them, with a [`map`] from every line back to its cell;
//! 6. [`manifest`] and [`krate`] bring Cargo.toml, `lib.rs` and the module files in step.
//!
//! Two [`engine`]s run notebooks, [`native`] as programs and [`kernel`] in the kernel, with a [`verdict`] on each cell;
//! [`process`] leaves nothing running. [`cargo`] shows what cargo says of the crate at the [`places`] in cells it is about.
//!
//! Back the other way, [`sync`] brings edits of a module into its cells. The rest works on notebooks alone: [`fmt`] and
//! [`clean`]; [`diff`] and [`merge`], which [`hooks`] hands to git; [`migrate`] for notebooks that were marked for other
//! tools; [`scaffold`] makes a project to begin with.
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
pub mod cell;
pub mod check;
pub mod clean;
pub mod diagnostic;
pub mod diff;
pub mod directive;
pub mod engine;
pub mod export;
pub mod fmt;
pub mod git;
pub mod hooks;
pub mod kernel;
pub mod krate;
pub mod manifest;
pub mod map;
mod matching;
pub mod merge;
pub mod migrate;
pub mod module;
pub mod native;
pub mod notebook;
pub mod parsed;
pub mod places;
pub mod process;
pub mod project;
pub mod scaffold;
pub mod scope;
pub mod sync;
mod values;
pub mod verdict;
