//! Curves, points and bars over two axes.

use super::Picture;
use super::axis::Axis;

/// A number that can be drawn.
pub trait Number: Copy {
    /// As an `f64`.
    fn to_f64(self) -> f64;
}

impl Number for f64 {
    fn to_f64(self) -> f64 {
        self
    }
}

impl Number for f32 {
    fn to_f64(self) -> f64 {
        self.into()
    }
}

impl<T: Number> Number for &T {
    fn to_f64(self) -> f64 {
        (*self).to_f64()
    }
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Line,
    Dashed,
    Dots,
    Bars,
}

/// Numbers with one name and one colour.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// Curves, points and bars over two axes. Each curve takes the next of `COLORS`, and its name stands at its right end.
///
/// A number that has no place (`NaN`, an infinity, zero on a logarithmic axis) is not drawn: the curve ends, and it
/// says in what. What lies outside of a range that was asked for is left out.
///
/// ```
/// use exp::plot::Chart;
///
/// let chart = Chart::new("two runs").x("layer").y("std").log_y().y_range(1e-9, 1.0)
///     .line("relu", (1..=20).map(|layer| 0.5_f64.powi(layer)))
///     .dashed("tanh", (1..=20).map(|layer| (f64::from(layer), 1.0 / f64::from(layer))));
/// chart.evcxr_display();
/// ```
#[derive(Clone, Debug)]
pub struct Chart {
    pub(super) title: String,
    pub(super) size: (u32, u32),
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
}

impl Chart {
    /// An empty chart, 640 × 320.
    pub fn new(title: &str) -> Self {
        let (x, y) = (Axis::default(), Axis::default());
        Self { title: title.to_owned(), size: (640, 320), x, y, series: Vec::new() }
    }

    /// Of another size.
    #[must_use]
    pub fn size(self, width: u32, height: u32) -> Self {
        Self { size: (width, height), ..self }
    }

    /// What the horizontal axis counts.
    #[must_use]
    pub fn x(mut self, label: &str) -> Self {
        label.clone_into(&mut self.x.label);
        self
    }

    /// What the vertical axis counts.
    #[must_use]
    pub fn y(mut self, label: &str) -> Self {
        label.clone_into(&mut self.y.label);
        self
    }

    /// Each step to the right is a factor.
    #[must_use]
    pub fn log_x(mut self) -> Self {
        self.x.log = true;
        self
    }

    /// Each step upwards is a factor.
    #[must_use]
    pub fn log_y(mut self) -> Self {
        self.y.log = true;
        self
    }

    /// From where to where the horizontal axis goes; else as far as the numbers do.
    #[must_use]
    pub fn x_range(mut self, low: impl Number, high: impl Number) -> Self {
        self.x.range = Some((low.to_f64(), high.to_f64()));
        self
    }

    /// From where to where the vertical axis goes; else as far as the numbers do.
    #[must_use]
    pub fn y_range(mut self, low: impl Number, high: impl Number) -> Self {
        self.y.range = Some((low.to_f64(), high.to_f64()));
        self
    }

    /// How the numbers of the horizontal axis are written, such as [`format_time`](crate::nb_00::format_time).
    #[must_use]
    pub fn x_format(mut self, format: fn(f64) -> String) -> Self {
        self.x.format = Some(format);
        self
    }

    /// How the numbers of the vertical axis are written.
    #[must_use]
    pub fn y_format(mut self, format: fn(f64) -> String) -> Self {
        self.y.format = Some(format);
        self
    }

    /// A curve over 1, 2, 3, …
    #[must_use]
    pub fn line(self, name: &str, values: impl IntoIterator<Item = impl Number>) -> Self {
        let points = (1..).map(f64::from).zip(values);
        self.curve(name, points)
    }

    /// A curve through points.
    #[must_use]
    pub fn curve(self, name: &str, points: impl IntoIterator<Item = (impl Number, impl Number)>) -> Self {
        self.series(Kind::Line, name, points)
    }

    /// A dashed curve through points, below which another can be seen.
    #[must_use]
    pub fn dashed(self, name: &str, points: impl IntoIterator<Item = (impl Number, impl Number)>) -> Self {
        self.series(Kind::Dashed, name, points)
    }

    /// Points by themselves. The name stands beside the last.
    #[must_use]
    pub fn dots(self, name: &str, points: impl IntoIterator<Item = (impl Number, impl Number)>) -> Self {
        self.series(Kind::Dots, name, points)
    }

    /// Bars from zero, in the middle of whose foot `x` lies: the shares of bins, say.
    #[must_use]
    pub fn bars(self, points: impl IntoIterator<Item = (impl Number, impl Number)>) -> Self {
        self.series(Kind::Bars, "", points)
    }

    /// What share of the values lies in each of so many bins between two ends, as bars. The values outside count too,
    /// but have no bar.
    #[must_use]
    pub fn histogram(
        self,
        values: impl IntoIterator<Item = impl Number>,
        (low, high): (f64, f64),
        bins: u16,
    ) -> Self {
        let (mut counts, mut all) = (vec![0_u32; bins.into()], 0_u32);
        let wide = (high - low) / f64::from(bins);
        for value in values {
            let at = ((value.to_f64() - low) / wide).floor();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to the number of bins"
            )]
            if (0.0..f64::from(bins)).contains(&at) {
                counts[at as usize] += 1;
            }
            all += 1;
        }
        let middle = |i: u32| low + (f64::from(i) + 0.5) * wide;
        self.bars((0..).zip(counts).map(|(i, count)| (middle(i), f64::from(count) / f64::from(all.max(1)))))
    }

    /// What the kernel calls to show a value.
    pub fn evcxr_display(&self) {
        Picture::from(self.clone()).evcxr_display();
    }

    fn series(
        mut self,
        kind: Kind,
        name: &str,
        points: impl IntoIterator<Item = (impl Number, impl Number)>,
    ) -> Self {
        let points = points.into_iter().map(|(x, y)| (x.to_f64(), y.to_f64())).collect();
        self.series.push(Series { kind, name: name.to_owned(), points });
        self
    }
}
