//! A length for each name.

use super::axis::Axis;
use super::picture::float;
use super::{Anchor, COLORS, GRAY, INK, PALE, Picture};

/// Bars from left to right, for figures to be compared: a name for each line, and one or more bars to it.
///
/// ```
/// use exp::{nb_00::format_time, plot::Bars};
///
/// let bars = Bars::new("one product", &["here", "Python"]).log().format(format_time)
///     .bar("three loops", &[Some(50e-6), Some(0.8)])
///     .bar("library", &[Some(7e-6), None]);
/// bars.evcxr_display();
/// ```
#[derive(Clone, Debug)]
pub struct Bars {
    title: String,
    kinds: Vec<String>,
    axis: Axis,
    lines: Vec<(String, Vec<Option<f64>>)>,
}

impl Bars {
    /// No bar yet. Each line will have as many as there are kinds, one colour for each; a single kind needs no name.
    pub fn new(title: &str, kinds: &[&str]) -> Self {
        let kinds = kinds.iter().map(ToString::to_string).collect();
        Self { title: title.to_owned(), kinds, axis: Axis::default(), lines: Vec::new() }
    }

    /// Each step to the right is a factor. The shortest bar then says nothing by its length, only against the others.
    #[must_use]
    pub fn log(mut self) -> Self {
        self.axis.log = true;
        self
    }

    /// How numbers are written.
    #[must_use]
    pub fn format(mut self, format: fn(f64) -> String) -> Self {
        self.axis.format = Some(format);
        self
    }

    /// A line: its name, and a number for each kind that has one.
    #[must_use]
    pub fn bar(mut self, name: &str, values: &[Option<f64>]) -> Self {
        self.lines.push((name.to_owned(), values.to_vec()));
        self
    }

    /// What the kernel calls to show a value.
    pub fn evcxr_display(&self) {
        Picture::from(self.clone()).evcxr_display();
    }
}

const SMALL: f32 = 12.0;
const THICK: f32 = 14.0;
const GAP: f32 = 10.0;

impl From<Bars> for Picture {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the height of a picture")]
    fn from(bars: Bars) -> Self {
        let Bars { title, kinds, axis, lines } = &bars;
        let width = 700;
        let each = |values: &[Option<f64>]| THICK * values.iter().fold(0.0, |n, _| n + 1.0) + GAP;
        let top = 48.0;
        let bottom = top + lines.iter().map(|(_, values)| each(values)).sum::<f32>();
        let names = lines.iter().map(|(name, _)| Self::text_width(name, SMALL)).fold(0.0, f32::max);
        let (left, right) = (names + 20.0, float(width) - 80.0);
        let numbers = || lines.iter().flat_map(|(_, values)| values.iter().copied().flatten());
        let floor = (!axis.log).then_some(0.0);
        let ends = axis.ends(numbers(), floor, 0.06);
        let mut picture = Self::blank(width, (bottom + 30.0) as u32);
        picture = picture.text((12.0, 16.0), Anchor::Left, 14.0, INK, title);
        let mut key = left;
        for (kind, color) in kinds.iter().zip(COLORS).filter(|(kind, _)| !kind.is_empty()) {
            picture = picture.rect((key, 30.0), (10.0, 10.0), color).text(
                (key + 15.0, 35.0),
                Anchor::Left,
                SMALL,
                INK,
                kind,
            );
            key += Self::text_width(kind, SMALL) + 36.0;
        }
        for (value, text) in axis.marks(ends, 6) {
            let x = left + ends.part(value) * (right - left);
            picture = picture.line(&[(x, top), (x, bottom)], PALE, 1.0);
            picture = picture.text((x, bottom + 12.0), Anchor::Center, SMALL, GRAY, &text);
        }
        let write = |value: f64| axis.format.map_or_else(|| format!("{value:.2}"), |format| format(value));
        let mut y = top + GAP / 2.0;
        for (name, values) in lines {
            let middle = y + (each(values) - GAP) / 2.0;
            picture = picture.text((left - 8.0, middle), Anchor::Right, SMALL, INK, name);
            for (value, color) in values.iter().zip(COLORS) {
                if let Some(value) = value.filter(|&v| axis.takes(v)) {
                    let end = left + ends.part(value) * (right - left);
                    picture = picture.rect((left, y + 1.0), (end - left, THICK - 2.0), color);
                    picture =
                        picture.text((end + 6.0, y + THICK / 2.0), Anchor::Left, SMALL, INK, &write(value));
                }
                y += THICK;
            }
            y += GAP;
        }
        picture
    }
}
