//! Deep learning from the foundations, in Rust.

pub mod mnist;

// nbexport: begin modules (nbexport keeps these lines)
#[allow(unused_extern_crates, reason = "for cells that say `use exp::…`, here as in a notebook")]
extern crate self as exp;
#[rustfmt::skip]
pub mod nb_00;
#[rustfmt::skip]
pub mod nb_01;
#[rustfmt::skip]
pub mod nb_02;
#[rustfmt::skip]
pub mod nb_02a;
#[rustfmt::skip]
pub mod nb_02b;
// nbexport: end modules
