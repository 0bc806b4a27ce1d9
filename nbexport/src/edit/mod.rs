//! Changes to cells: edits of a module brought back, rustfmt, a clean notebook, directives for older comments.

pub mod clean;
pub mod fmt;
pub mod migrate;
pub mod replaced;
pub mod sync;
