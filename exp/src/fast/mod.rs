//! Fast insides of layers: sums of products, kept in the registers of the vector unit.
//!
//! Notebook 05 explains what is here and times it against the ways that are easier to read; the layers are there. All of
//! it is safe Rust, compiled once for each kind of vector unit; which one there is, is asked when the program runs.
//!
//! | type | what it does |
//! |---|---|
//! | [`Windows`] | what a convolution computes, read from the pictures as they lie in memory |
//! | [`Lanes`] | what it is computed in: `f32` and `f64`, with vectors of each |

pub mod channels;
mod compiled;
mod tile;
mod windows;

pub use tile::Lanes;
pub use windows::{Frame, Windows};
