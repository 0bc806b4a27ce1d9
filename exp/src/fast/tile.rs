//! A tile: so many sums of products that they fill the registers, and no more.

use fearless_simd::{Simd, SimdFloat, SimdFloatElement, f32x8, f64x4};
use ndarray::NdFloat;

use super::compiled::Compiled;

/// Numbers that come in vectors.
pub trait Lanes: NdFloat + SimdFloatElement + Compiled {
    /// The widest vector of the machine.
    type Wide<S: Simd>: SimdFloat<S, Element = Self>;
    /// A vector of 32 bytes, for what does not fill a wide one.
    type Narrow<S: Simd>: SimdFloat<S, Element = Self>;
}

impl Lanes for f32 {
    type Wide<S: Simd> = S::f32s;
    type Narrow<S: Simd> = f32x8<S>;
}

impl Lanes for f64 {
    type Wide<S: Simd> = S::f64s;
    type Narrow<S: Simd> = f64x4<S>;
}

/// `N` vectors for each of `R` rows.
pub(super) type Tile<V, const R: usize, const N: usize> = [[V; N]; R];

/// A tile of zeros.
#[inline(always)]
pub(super) fn zeros<S: Simd, V: SimdFloat<S, Element: Lanes>, const R: usize, const N: usize>(
    simd: S,
) -> Tile<V, R, N> {
    [[V::splat(simd, zero()); N]; R]
}

fn zero<F: NdFloat>() -> F {
    F::zero()
}

/// Adds to each row of the tile the vectors at the beginning of `b`, times its factor.
#[inline(always)]
pub(super) fn add_products<S: Simd, V: SimdFloat<S>, const R: usize, const N: usize>(
    simd: S,
    mut sums: Tile<V, R, N>,
    factors: [V::Element; R],
    b: &[V::Element],
) -> Tile<V, R, N> {
    let mut vectors = [V::splat(simd, factors[0]); N];
    for (vector, from) in vectors.iter_mut().zip(b[..N * V::LEN].chunks_exact(V::LEN)) {
        *vector = V::from_slice(simd, from);
    }
    for (sums, factor) in sums.iter_mut().zip(factors) {
        let factor = V::splat(simd, factor);
        for (sum, &vector) in sums.iter_mut().zip(&vectors) {
            *sum = factor.mul_add(vector, *sum);
        }
    }
    sums
}
