//! Rows of channels: sums over them and maps of them, with something that belongs to each channel.
//!
//! Eight channels are too short a line for a vector unit. So what belongs to the channels is written down many times
//! over, and as many rows are worked on as one.

use super::tile::Lanes;
use fearless_simd::{Level, Simd as _, dispatch};
use ndarray::{Array1, parallel::prelude::*};

/// About how many numbers are worked on as one line.
const LINE: usize = 256;

/// How many such lines are a block: a thread's work. It does not depend on the machine, so neither do sums.
const BLOCK: usize = 64;

/// As many copies as make a line.
fn line<F: Lanes>(per: &Array1<F>) -> Vec<F> {
    let copies = LINE.div_ceil(per.len().max(1));
    (0..copies).flat_map(|_| per.iter().copied()).collect()
}

/// `term(a, b, per)` summed over all rows, for each of `channels`.
pub fn sums<F: Lanes, const P: usize>(
    channels: usize,
    (a, b): (&[F], &[F]),
    per: [&Array1<F>; P],
    term: impl Fn(F, F, [F; P]) -> F + Sync,
) -> Array1<F> {
    let (per, width) = (per.map(line), line(&Array1::<F>::zeros(channels)).len().max(1));
    let blocks: Vec<_> = a.chunks(width * BLOCK).zip(b.chunks(width * BLOCK)).collect();
    let sums = blocks.into_par_iter().map(|(a, b)| {
        let mut sums = vec![F::zero(); width];
        dispatch!(Level::new(), simd => simd.vectorize(#[inline(always)] || {
            for (a, b) in a.chunks(width).zip(b.chunks(width)) {
                add_terms(&mut sums, (a, b), &per, &term);
            }
        }));
        sums
    });
    let mut all = Array1::zeros(channels);
    for sums in sums.collect::<Vec<_>>() {
        for row in sums.chunks_exact(channels.max(1)) {
            all.iter_mut().zip(row).for_each(|(all, &sum)| *all += sum);
        }
    }
    all
}

#[inline(always)]
fn add_terms<F: Lanes, const P: usize>(
    sums: &mut [F],
    (a, b): (&[F], &[F]),
    per: &[Vec<F>; P],
    term: &impl Fn(F, F, [F; P]) -> F,
) {
    let n = a.len();
    let (sums, b, per) = (&mut sums[..n], &b[..n], per.each_ref().map(|per| &per[..n]));
    for i in 0..n {
        sums[i] += term(a[i], b[i], per.map(|per| per[i]));
    }
}

/// `f(a, b, per)` of all numbers in rows of `channels`.
pub fn map<F: Lanes, const P: usize>(
    (a, b): (&[F], &[F]),
    per: [&Array1<F>; P],
    f: impl Fn(F, F, [F; P]) -> F + Sync,
) -> Vec<F> {
    let per = per.map(line);
    let width = per.first().map_or(LINE, |per| per.len().max(1));
    let mut out = vec![F::zero(); a.len()];
    let pairs = a.chunks(width * BLOCK).zip(b.chunks(width * BLOCK));
    let blocks: Vec<_> = pairs.zip(out.chunks_mut(width * BLOCK)).collect();
    blocks.into_par_iter().for_each(|((a, b), out)| {
        dispatch!(Level::new(), simd => simd.vectorize(#[inline(always)] || {
            for ((a, b), out) in a.chunks(width).zip(b.chunks(width)).zip(out.chunks_mut(width)) {
                put(out, (a, b), &per, &f);
            }
        }));
    });
    out
}

#[inline(always)]
fn put<F: Lanes, const P: usize>(
    out: &mut [F],
    (a, b): (&[F], &[F]),
    per: &[Vec<F>; P],
    f: &impl Fn(F, F, [F; P]) -> F,
) {
    let n = out.len();
    let (a, b, per) = (&a[..n], &b[..n], per.each_ref().map(|per| &per[..n]));
    for i in 0..n {
        out[i] = f(a[i], b[i], per.map(|per| per[i]));
    }
}
