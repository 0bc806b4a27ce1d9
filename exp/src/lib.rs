//! Deep learning from the foundations, in Rust: from a matrix product in three loops to a network that learns.
//!
//! Every module `nb_…` is exported from the notebook of its number, where each step is explained, measured and tested
//! as it is made; [`mnist`] loads the data they work on. [`Model`] is the network of [`nb_02`] made fast in [`nb_03a`] and [`nb_03b`]:
//! the same layers and numbers, computed in blocks that stay in the cache, on all cores. Models remember on the way
//! forward what they need on the way back:
//!
//! ```
//! use exp::Model;
//! use exp::nb_02::{Module, Mse, kaiming_normal, mean_std, normalize, seeded, targets};
//! use ndarray::{Array1, s};
//!
//! // 64 digits of the sample that is part of this crate, normalized: mean 0, standard deviation 1.
//! let data = exp::mnist::sample().train;
//! let (mean, std) = mean_std(&data.x);
//! let x = normalize(&data.x.slice(s![..64, ..]), mean, std).into_shared();
//! let y = targets::<f32>(&data.y.slice(s![..64]));
//!
//! // 784 pixels → 50 hidden units → 1 output.
//! let mut rng = seeded(42);
//! let (w1, w2) = (kaiming_normal(784, 50, &mut rng), kaiming_normal(50, 1, &mut rng));
//! let mut model = Model::new(w1, Array1::zeros(50), w2, Array1::zeros(1));
//! let mut mse = Mse::default();
//!
//! let before = mse.forward(&model.forward(&x), &y);
//! model.backward_params(&mse.backward());
//!
//! // A small step against the gradients makes the loss smaller.
//! for lin in [&mut model.lin1, &mut model.lin2] {
//!     lin.w.scaled_add(-1e-3, &lin.grad_w);
//!     lin.b.scaled_add(-1e-3, &lin.grad_b);
//! }
//! assert!(mse.forward(&model.forward(&x), &y) < before);
//! ```

#![deny(unsafe_code)]

pub mod fast;
pub mod mnist;
pub mod plot;

pub use nb_03b::Model;

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
#[rustfmt::skip]
pub mod nb_03;
#[rustfmt::skip]
pub mod nb_03a;
#[rustfmt::skip]
pub mod nb_03b;
#[rustfmt::skip]
pub mod nb_04;
#[rustfmt::skip]
pub mod nb_05;
#[rustfmt::skip]
pub mod nb_06;
#[rustfmt::skip]
pub mod nb_07;
// nbexport: end modules
