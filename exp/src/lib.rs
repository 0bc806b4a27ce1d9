//! Deep learning from the foundations, in Rust.

// So that `use exp::nb_00::*;` in a cell means the same in a notebook and inside this crate.
extern crate self as exp;

pub mod mnist;
