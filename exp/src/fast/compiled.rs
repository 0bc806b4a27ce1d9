//! What is compiled once for each type of numbers, and not anew in each crate that has a convolution.

use fearless_simd::{Level, Simd, dispatch};

use super::Windows;

/// What [`Windows`] does, for one type of numbers and every kind of vector unit.
///
/// Generic functions are compiled in each crate that calls them, and these take seconds: every notebook with a convolution
/// would wait for them. As methods of a type they are compiled once, here.
#[doc(hidden)]
pub trait Compiled: Sized {
    fn times(windows: &Windows<'_, Self>, w: &[Self], base: &[Self], out: &mut [Self]);
    fn add_back(windows: &mut Windows<'_, Self>, grad: &[Self], wt: &[Self]);
    fn add_outer(windows: &Windows<'_, Self>, grad: &[Self], sums: &mut [Self]);
}

macro_rules! compiled {
    ($($float:ty),+) => {$(
        impl Compiled for $float {
            fn times(windows: &Windows<'_, Self>, w: &[Self], base: &[Self], out: &mut [Self]) {
                dispatch!(Level::new(), simd => simd.vectorize(
                    #[inline(always)]
                    || windows.times_on(simd, w, base, out)
                ));
            }

            fn add_back(windows: &mut Windows<'_, Self>, grad: &[Self], wt: &[Self]) {
                dispatch!(Level::new(), simd => simd.vectorize(
                    #[inline(always)]
                    || windows.add_back_on(simd, grad, wt)
                ));
            }

            fn add_outer(windows: &Windows<'_, Self>, grad: &[Self], sums: &mut [Self]) {
                dispatch!(Level::new(), simd => simd.vectorize(
                    #[inline(always)]
                    || windows.add_outer_on(simd, grad, sums)
                ));
            }
        }
    )+};
}

compiled!(f32, f64);
