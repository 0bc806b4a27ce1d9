//! The windows of a convolution, read where they lie: no patch is copied.

use super::tile::{Lanes, Tile, add_products, zeros};
use fearless_simd::{Simd, SimdFloat, prelude::*};

/// The narrowest vectors have so many numbers, or half as many.
const FILLED: usize = 8;

/// How a window moves over pictures, and how large these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Height, width and channels of a picture.
    pub picture: (usize, usize, usize),
    /// The side of the window.
    pub size: usize,
    /// From one place to the next.
    pub stride: usize,
    /// The width of the frame of zeros around a picture.
    pub pad: usize,
}

impl Frame {
    /// The numbers of a line of the framed picture.
    fn line(&self) -> usize {
        (self.picture.1 + 2 * self.pad) * self.picture.2
    }

    /// The numbers of a framed picture.
    fn framed(&self) -> usize {
        (self.picture.0 + 2 * self.pad) * self.line()
    }

    /// The numbers of a line of the window.
    fn seen(&self) -> usize {
        self.size * self.picture.2
    }

    /// Where the windows begin in so many framed pictures.
    pub fn starts(&self, pictures: usize) -> Vec<usize> {
        let Self { picture: (h, w, c), size, stride, pad } = *self;
        let places = |len: usize| (0..(len + 2 * pad + 1).saturating_sub(size)).step_by(stride);
        let lines = (0..pictures).flat_map(|i| places(h).map(move |y| i * self.framed() + y * self.line()));
        lines.flat_map(|start| places(w).map(move |x| start + x * c)).collect()
    }

    /// The weights (a row for each number of a window, `n` wide) with rows and columns exchanged, for
    /// [`Windows::add_back`]. Each line of the window is filled up with zeros to whole vectors.
    pub fn transposed<F: Lanes>(&self, w: &[F], n: usize) -> Vec<F> {
        let (seen, filled) = (self.seen(), self.filled());
        let mut wt = vec![F::zero(); n * self.size * filled];
        for (dy, rows) in w.chunks_exact((seen * n).max(1)).enumerate() {
            for (x, row) in rows.chunks_exact(n).enumerate() {
                let column = wt[dy * filled + x..].iter_mut().step_by(self.size * filled);
                column.zip(row).for_each(|(to, &w)| *to = w);
            }
        }
        wt
    }

    /// The numbers of a line of the window, filled up to whole vectors.
    fn filled(&self) -> usize {
        self.seen().next_multiple_of(FILLED)
    }

    /// How many pictures, framed, take about 64 KiB: they stay in the cache, and however many there are, no more memory
    /// is needed.
    pub fn pictures_per_tile<F>(&self) -> usize {
        (64 * 1024 / size_of::<F>() / self.framed().max(1)).max(1)
    }
}

/// Some pictures, each in its frame of zeros, and where their windows begin.
///
/// A line of a window is a slice of a line of the framed picture. So a patch need not be copied out to be multiplied.
#[derive(Clone, Debug)]
pub struct Windows<'a, F> {
    frame: Frame,
    all_starts: &'a [usize],
    pixels: Vec<F>,
    /// How many of the starts lie in the pictures at hand.
    places: usize,
}

impl<'a, F: Lanes> Windows<'a, F> {
    /// No pictures as yet. `starts` are those of [`Frame::starts`], for as many pictures as there will be at once.
    pub fn new(frame: Frame, starts: &'a [usize]) -> Self {
        Self { frame, all_starts: starts, pixels: Vec::new(), places: 0 }
    }

    /// Makes room for so many pictures, in frames of zeros.
    fn resize(&mut self, pictures: usize) {
        let framed = self.frame.framed();
        // With room at the end for the zeros behind the last line.
        self.pixels.resize(pictures * framed + FILLED, F::zero());
        self.places = self.all_starts.partition_point(|&start| start < pictures * framed);
    }

    fn starts(&self) -> &'a [usize] {
        &self.all_starts[..self.places]
    }

    /// The lines of the pictures within their frames.
    fn lines(&mut self) -> impl Iterator<Item = &mut [F]> {
        let Frame { picture: (h, w, c), pad, .. } = self.frame;
        let line = self.frame.line();
        let pictures = self.pixels.chunks_exact_mut(self.frame.framed());
        pictures
            .flat_map(move |picture| picture.chunks_exact_mut(line).skip(pad).take(h))
            .map(move |line| &mut line[pad * c..][..w * c])
    }

    /// Puts these pictures into the frames.
    pub fn fill(&mut self, pictures: &[F]) {
        let (h, w, c) = self.frame.picture;
        self.resize(pictures.len() / (h * w * c));
        for (line, from) in self.lines().zip(pictures.chunks_exact(w * c)) {
            line.copy_from_slice(from);
        }
    }

    /// Pictures of zeros, with so many numbers in all.
    pub fn clear(&mut self, numbers: usize) {
        let (h, w, c) = self.frame.picture;
        self.resize(numbers / (h * w * c));
        self.pixels.fill(F::zero());
    }

    /// Takes the pictures out of their frames.
    pub fn take(&mut self, pictures: &mut [F]) {
        let (_, w, c) = self.frame.picture;
        for (line, to) in self.lines().zip(pictures.chunks_exact_mut(w * c)) {
            to.copy_from_slice(line);
        }
    }

    /// `out = base + patches · w`: a row of `out`, as long as `base`, for each window.
    pub fn times(&self, w: &[F], base: &[F], out: &mut [F]) {
        F::times(self, w, base, out);
    }

    /// `patches += grad · wt`, added to the pixels that the patches see; `wt` comes from [`Frame::transposed`].
    pub fn add_back(&mut self, grad: &[F], wt: &[F]) {
        F::add_back(self, grad, wt);
    }

    /// `sums += patchesᵀ · grad`.
    pub fn add_outer(&self, grad: &[F], sums: &mut [F]) {
        F::add_outer(self, grad, sums);
    }

    #[inline(always)]
    pub(super) fn times_on<S: Simd>(&self, simd: S, w: &[F], base: &[F], out: &mut [F]) {
        let n = base.len();
        let (mut starts, mut outs) = (self.starts().chunks_exact(8), out.chunks_exact_mut(8 * n));
        for (starts, out) in (&mut starts).zip(&mut outs) {
            self.outputs::<S, 8>(simd, starts, (w, base), out);
        }
        let outs = outs.into_remainder().chunks_exact_mut(n);
        for (starts, out) in starts.remainder().chunks_exact(1).zip(outs) {
            self.outputs::<S, 1>(simd, starts, (w, base), out);
        }
    }

    /// The rows of `out` for `R` windows.
    #[inline(always)]
    fn outputs<S: Simd, const R: usize>(
        &self,
        simd: S,
        starts: &[usize],
        (w, base): (&[F], &[F]),
        out: &mut [F],
    ) {
        let (n, mut j) = (base.len(), 0);
        while j + 2 * F::Wide::<S>::LEN <= n {
            store(simd, self.sums::<S, F::Wide<S>, R, 2>(simd, starts, (w, n, j)), base, (out, j));
            j += 2 * F::Wide::<S>::LEN;
        }
        while j + F::Wide::<S>::LEN <= n {
            store(simd, self.sums::<S, F::Wide<S>, R, 1>(simd, starts, (w, n, j)), base, (out, j));
            j += F::Wide::<S>::LEN;
        }
        while j + F::Narrow::<S>::LEN <= n {
            store(simd, self.sums::<S, F::Narrow<S>, R, 1>(simd, starts, (w, n, j)), base, (out, j));
            j += F::Narrow::<S>::LEN;
        }
        let (line, seen) = (self.frame.line(), self.frame.seen());
        for j in j..n {
            for (out, start) in out.chunks_exact_mut(n).zip(starts) {
                let mut sum = base[j];
                for (dy, w) in w.chunks_exact(seen * n).enumerate() {
                    let pixels = &self.pixels[start + dy * line..][..seen];
                    for (&pixel, w) in pixels.iter().zip(w.chunks_exact(n)) {
                        sum += pixel * w[j];
                    }
                }
                out[j] = sum;
            }
        }
    }

    /// Columns `j..` of `R` windows times `w`.
    #[inline(always)]
    fn sums<S: Simd, V: SimdFloat<S, Element = F>, const R: usize, const N: usize>(
        &self,
        simd: S,
        starts: &[usize],
        (w, n, j): (&[F], usize, usize),
    ) -> Tile<V, R, N> {
        let (line, seen) = (self.frame.line(), self.frame.seen());
        let mut sums = zeros::<S, V, R, N>(simd);
        for (dy, w) in w.chunks_exact(seen * n).enumerate() {
            let mut rows = [&self.pixels[..0]; R];
            for (row, start) in rows.iter_mut().zip(starts) {
                *row = &self.pixels[start + dy * line..][..seen];
            }
            sums = multiply(simd, sums, rows, (&w[j..], n));
        }
        sums
    }

    #[inline(always)]
    pub(super) fn add_back_on<S: Simd>(&mut self, simd: S, grad: &[F], wt: &[F]) {
        let n = grad.len() / self.starts().len().max(1);
        let (mut starts, mut grads) = (self.starts().chunks_exact(8), grad.chunks_exact(8 * n));
        for (starts, grad) in (&mut starts).zip(&mut grads) {
            back::<S, F, 8>(simd, self.frame, (starts, grad), (wt, n), &mut self.pixels);
        }
        for (starts, grad) in starts.remainder().chunks_exact(1).zip(grads.remainder().chunks_exact(n)) {
            back::<S, F, 1>(simd, self.frame, (starts, grad), (wt, n), &mut self.pixels);
        }
    }

    #[inline(always)]
    pub(super) fn add_outer_on<S: Simd>(&self, simd: S, grad: &[F], sums: &mut [F]) {
        let (n, seen, line) = (grad.len() / self.starts().len().max(1), self.frame.seen(), self.frame.line());
        let taps: Vec<usize> =
            (0..self.frame.size).flat_map(|dy| (0..seen).map(move |x| dy * line + x)).collect();
        let (mut taps, mut sums) = (taps.chunks_exact(8), sums.chunks_exact_mut(8 * n));
        for (taps, sums) in (&mut taps).zip(&mut sums) {
            self.outer::<S, 8>(simd, taps, (grad, n), sums);
        }
        for (taps, sums) in taps.remainder().chunks_exact(1).zip(sums.into_remainder().chunks_exact_mut(n)) {
            self.outer::<S, 1>(simd, taps, (grad, n), sums);
        }
    }

    /// For `R` pixels of the window, what they add to their rows of `sums`.
    #[inline(always)]
    fn outer<S: Simd, const R: usize>(
        &self,
        simd: S,
        taps: &[usize],
        (grad, n): (&[F], usize),
        sums: &mut [F],
    ) {
        let mut j = 0;
        while j + 2 * F::Wide::<S>::LEN <= n {
            add(simd, self.outer_sums::<S, F::Wide<S>, R, 2>(simd, taps, (grad, n, j)), (sums, n, j));
            j += 2 * F::Wide::<S>::LEN;
        }
        while j + F::Wide::<S>::LEN <= n {
            add(simd, self.outer_sums::<S, F::Wide<S>, R, 1>(simd, taps, (grad, n, j)), (sums, n, j));
            j += F::Wide::<S>::LEN;
        }
        while j + F::Narrow::<S>::LEN <= n {
            add(simd, self.outer_sums::<S, F::Narrow<S>, R, 1>(simd, taps, (grad, n, j)), (sums, n, j));
            j += F::Narrow::<S>::LEN;
        }
        for j in j..n {
            for (tap, sums) in taps.iter().zip(sums.chunks_exact_mut(n)) {
                for (start, grad) in self.starts().iter().zip(grad.chunks_exact(n)) {
                    sums[j] += self.pixels[start + tap] * grad[j];
                }
            }
        }
    }

    #[inline(always)]
    fn outer_sums<S: Simd, V: SimdFloat<S, Element = F>, const R: usize, const N: usize>(
        &self,
        simd: S,
        taps: &[usize],
        (grad, n, j): (&[F], usize, usize),
    ) -> Tile<V, R, N> {
        let (mut sums, mut at) = (zeros::<S, V, R, N>(simd), [0; R]);
        at.copy_from_slice(taps);
        let reach = at[R - 1] + 1;
        for (start, grad) in self.starts().iter().zip(grad.chunks_exact(n)) {
            let window = &self.pixels[*start..][..reach];
            sums = add_products(simd, sums, at.map(|tap| window[tap]), &grad[j..]);
        }
        sums
    }
}

/// `sums + rows · b`, where the rows of `b` are `n` apart.
#[inline(always)]
fn multiply<S: Simd, V: SimdFloat<S, Element: Lanes>, const R: usize, const N: usize>(
    simd: S,
    mut sums: Tile<V, R, N>,
    rows: [&[V::Element]; R],
    (b, n): (&[V::Element], usize),
) -> Tile<V, R, N> {
    let steps = rows[0].len();
    let rows = rows.map(|row| &row[..steps]);
    for p in 0..steps {
        sums = add_products(simd, sums, rows.map(|row| row[p]), &b[p * n..]);
    }
    sums
}

/// What `R` rows of a gradient add to the pixels of their windows.
#[inline(always)]
fn back<S: Simd, F: Lanes, const R: usize>(
    simd: S,
    frame: Frame,
    (starts, grad): (&[usize], &[F]),
    (wt, n): (&[F], usize),
    pixels: &mut [F],
) {
    let (line, filled) = (frame.line(), frame.filled());
    let all = filled * frame.size;
    let mut rows = [&grad[..0]; R];
    rows.iter_mut().zip(grad.chunks_exact(n)).for_each(|(row, grad)| *row = grad);
    for dy in 0..frame.size {
        let (wt, mut j) = (&wt[dy * filled..], 0);
        while j + 2 * F::Wide::<S>::LEN <= filled {
            let sums = multiply(simd, zeros::<S, F::Wide<S>, R, 2>(simd), rows, (&wt[j..], all));
            add_at(simd, sums, pixels, (starts, dy * line + j));
            j += 2 * F::Wide::<S>::LEN;
        }
        while j + F::Wide::<S>::LEN <= filled {
            let sums = multiply(simd, zeros::<S, F::Wide<S>, R, 1>(simd), rows, (&wt[j..], all));
            add_at(simd, sums, pixels, (starts, dy * line + j));
            j += F::Wide::<S>::LEN;
        }
        while j < filled {
            let sums = multiply(simd, zeros::<S, F::Narrow<S>, R, 1>(simd), rows, (&wt[j..], all));
            add_at(simd, sums, pixels, (starts, dy * line + j));
            j += F::Narrow::<S>::LEN;
        }
    }
}

/// Adds each row of a tile to the pixels behind its start.
#[inline(always)]
fn add_at<S: Simd, V: SimdFloat<S>, const R: usize, const N: usize>(
    simd: S,
    sums: Tile<V, R, N>,
    pixels: &mut [V::Element],
    (starts, skip): (&[usize], usize),
) {
    for (sums, start) in sums.iter().zip(starts) {
        for (&sum, to) in sums.iter().zip(pixels[start + skip..][..N * V::LEN].chunks_exact_mut(V::LEN)) {
            (V::from_slice(simd, to) + sum).store_slice(to);
        }
    }
}

/// Adds a tile to columns `j..` of rows of `n`.
#[inline(always)]
fn add<S: Simd, V: SimdFloat<S>, const R: usize, const N: usize>(
    simd: S,
    sums: Tile<V, R, N>,
    (out, n, j): (&mut [V::Element], usize, usize),
) {
    for (sums, out) in sums.iter().zip(out.chunks_exact_mut(n)) {
        for (&sum, to) in sums.iter().zip(out[j..][..N * V::LEN].chunks_exact_mut(V::LEN)) {
            (V::from_slice(simd, to) + sum).store_slice(to);
        }
    }
}

/// Stores `base` and a tile as columns `j..` of the rows of `out`.
#[inline(always)]
fn store<S: Simd, V: SimdFloat<S>, const R: usize, const N: usize>(
    simd: S,
    sums: Tile<V, R, N>,
    base: &[V::Element],
    (out, j): (&mut [V::Element], usize),
) {
    for (sums, out) in sums.iter().zip(out.chunks_exact_mut(base.len())) {
        let (out, base) = (&mut out[j..][..N * V::LEN], &base[j..][..N * V::LEN]);
        let parts = out.chunks_exact_mut(V::LEN).zip(base.chunks_exact(V::LEN));
        for (&sum, (out, base)) in sums.iter().zip(parts) {
            (V::from_slice(simd, base) + sum).store_slice(out);
        }
    }
}
