//! A matrix as squares.

use ndarray::{Array2, ArrayRef2};

use super::chart::Number;
use super::picture::float;
use super::{Anchor, COLORS, Color, GRAY, INK, PAPER, Picture};

/// A matrix as squares, a colour for each number: an image, a filter, weights, a table of counts.
///
/// ```
/// use exp::plot::Grid;
/// use ndarray::array;
///
/// let filter = array![[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]];
/// Grid::signed(&filter).cell(24).numbers(|v| format!("{v:.0}")).title("an edge").evcxr_display();
/// ```
#[derive(Clone, Debug)]
pub struct Grid {
    values: Array2<f64>,
    colors: Array2<Color>,
    texts: Option<Array2<String>>,
    cell: u32,
    title: String,
    axes: (String, String),
    names: (Vec<String>, Vec<String>),
    outlines: Vec<(usize, usize, usize, usize)>,
}

impl Grid {
    /// As ink on paper: 0 is white, 1 and more is black. For pictures of digits.
    pub fn ink<N: Number>(values: &ArrayRef2<N>) -> Self {
        Self::colored(values, |v| PAPER.mix(Color(0, 0, 0), v))
    }

    /// Darker for larger: the smallest number is white, the largest is blue.
    pub fn heat<N: Number>(values: &ArrayRef2<N>) -> Self {
        let ends = |(low, high): (f64, f64), v: &N| (low.min(v.to_f64()), high.max(v.to_f64()));
        let (low, high) = values.iter().fold((f64::MAX, f64::MIN), ends);
        Self::colored(values, |v| PAPER.mix(COLORS[0], (v - low) / (high - low).max(f64::MIN_POSITIVE)))
    }

    /// Numbers with a sign: zero is white, blue is positive, orange negative, the darker the farther from zero.
    pub fn signed<N: Number>(values: &ArrayRef2<N>) -> Self {
        let largest = values.iter().fold(f64::MIN_POSITIVE, |largest, v| largest.max(v.to_f64().abs()));
        Self::signed_up_to(values, largest)
    }

    /// [`Grid::signed`] with the darkest colours for numbers as far from zero as `largest`, so that several can be
    /// compared.
    pub fn signed_up_to<N: Number>(values: &ArrayRef2<N>, largest: impl Number) -> Self {
        let largest = largest.to_f64();
        let color = |v: f64| PAPER.mix(if v < 0.0 { COLORS[1] } else { COLORS[0] }, v.abs() / largest);
        Self::colored(values, color)
    }

    /// With a colour of your own for each number. A `NaN` should not look like one.
    pub fn colored<N: Number>(values: &ArrayRef2<N>, color: impl Fn(f64) -> Color) -> Self {
        let values = values.mapv(N::to_f64);
        let colors = values.map(|&v| color(v));
        let (title, axes, names) = <_>::default();
        Self { values, colors, texts: None, cell: 4, title, axes, names, outlines: Vec::new() }
    }

    /// How many pixels wide and high a square is; 4 if nothing is said.
    #[must_use]
    pub fn cell(self, pixels: u32) -> Self {
        Self { cell: pixels.max(1), ..self }
    }

    /// What stands above it.
    #[must_use]
    pub fn title(self, title: &str) -> Self {
        Self { title: title.to_owned(), ..self }
    }

    /// What its columns and its rows count.
    #[must_use]
    pub fn axes(self, columns: &str, rows: &str) -> Self {
        Self { axes: (columns.to_owned(), rows.to_owned()), ..self }
    }

    /// Writes each number into its square.
    #[must_use]
    pub fn numbers(self, text: impl Fn(f64) -> String) -> Self {
        let texts = self.values.map(|&v| text(v));
        Self { texts: Some(texts), ..self }
    }

    /// The names of the columns, above them, and of the rows, to their left.
    #[must_use]
    pub fn names(self, columns: &[impl ToString], rows: &[impl ToString]) -> Self {
        let texts = |names: &[_]| names.iter().map(ToString::to_string).collect();
        Self { names: (texts(columns), rows.iter().map(ToString::to_string).collect()), ..self }
    }

    /// A frame around some squares: first row, first column, how many rows and columns.
    #[must_use]
    pub fn outline(mut self, row: usize, column: usize, rows: usize, columns: usize) -> Self {
        self.outlines.push((row, column, rows, columns));
        self
    }

    /// What the kernel calls to show a value.
    pub fn evcxr_display(&self) {
        Picture::from(self.clone()).evcxr_display();
    }
}

/// Size of names and titles, and the white around a grid.
const SMALL: f32 = 12.0;
const MARGIN: f32 = 7.0;

#[expect(clippy::cast_precision_loss, reason = "a picture has few rows and columns")]
fn count(n: usize) -> f32 {
    n as f32
}

impl From<Grid> for Picture {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the size of a picture")]
    fn from(grid: Grid) -> Self {
        let Grid { colors, texts, cell, title, axes, names, outlines, .. } = &grid;
        let ((rows, columns), cell) = (colors.dim(), float(*cell));
        let widest = names.1.iter().map(|name| Self::text_width(name, SMALL)).fold(0.0, f32::max);
        let some = |there: bool, space: f32| if there { space } else { 0.0 };
        let row_names = some(!names.1.is_empty(), widest + 8.0);
        let label = |text: &str| some(!text.is_empty(), 16.0);
        let left = MARGIN + row_names;
        let top = MARGIN
            + label(title)
            + label(&axes.0).max(label(&axes.1))
            + label(names.0.first().map_or("", |n| n));
        let (wide, high) = (count(columns) * cell, count(rows) * cell);
        // Beside the names of rows there is room for the label of the columns; without them it goes below.
        let below = names.1.is_empty() && !axes.0.is_empty() && !axes.1.is_empty();
        let labels = [title, &axes.1].map(|label| Self::text_width(label, SMALL));
        let heading = labels[0].max(labels[1]).max(row_names + Self::text_width(&axes.0, SMALL));
        let width = (left + wide + MARGIN).max(heading + 2.0 * MARGIN);
        let height = top + high + some(below, 14.0) + MARGIN;
        let mut picture = Self::blank(width.ceil() as u32, height.ceil() as u32);
        picture = picture.text((MARGIN, MARGIN + 5.0), Anchor::Left, SMALL, INK, title);
        let axis = MARGIN + label(title) + 5.0;
        let (at, anchor) = if below {
            ((left + wide, top + high + 11.0), Anchor::Right)
        } else {
            ((left, axis), Anchor::Left)
        };
        picture = picture.text(at, anchor, SMALL, GRAY, &axes.0);
        picture = picture.text((MARGIN, axis), Anchor::Left, SMALL, GRAY, &axes.1);
        for ((i, j), &color) in colors.indexed_iter() {
            let corner = (left + count(j) * cell, top + count(i) * cell);
            picture = picture.rect(corner, (cell, cell), color);
            if let Some(texts) = texts {
                let ink = if u32::from(color.0) + u32::from(color.1) + u32::from(color.2) < 360 {
                    PAPER
                } else {
                    INK
                };
                let middle = (corner.0 + cell / 2.0, corner.1 + cell / 2.0);
                let size = SMALL.min(cell * 0.5);
                picture = picture.text(middle, Anchor::Center, size, ink, &texts[[i, j]]);
            }
        }
        picture = picture.frame((left, top), (wide, high), GRAY, 1.0);
        for &(row, column, rows, columns) in outlines {
            let corner = (left + count(column) * cell, top + count(row) * cell);
            picture = picture.frame(corner, (count(columns) * cell, count(rows) * cell), COLORS[1], 2.0);
        }
        for (j, name) in names.0.iter().enumerate() {
            let at = (left + (count(j) + 0.5) * cell, top - 8.0);
            picture = picture.text(at, Anchor::Center, SMALL, INK, name);
        }
        for (i, name) in names.1.iter().enumerate() {
            let at = (left - 6.0, top + (count(i) + 0.5) * cell);
            picture = picture.text(at, Anchor::Right, SMALL, INK, name);
        }
        picture
    }
}
