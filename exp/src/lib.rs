//! Deep learning from the foundations, in Rust.

pub mod mnist;

// nbexport: begin modules (nbexport keeps these lines)
// A cell that says `use exp::…` means the same in a notebook and in this crate.
extern crate self as exp;
#[rustfmt::skip]
pub mod nb_00;
#[rustfmt::skip]
pub mod nb_01;
// nbexport: end modules
