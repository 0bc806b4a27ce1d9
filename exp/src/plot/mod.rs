//! Pictures for the notebooks: charts, bars, images of arrays, and drawings of boxes and arrows.
//!
//! Every picture is shown as `image/png` and nothing else: a notebook that JupyterLab does not trust (any fresh clone)
//! shows PNG, but neither SVG nor HTML. The same picture is the same bytes on every machine: the font is part of the
//! crate, and nothing depends on time or place.
//!
//! | type | what it shows |
//! |---|---|
//! | [`Chart`] | curves and points over two axes, linear or logarithmic; shares of bins |
//! | [`Bars`] | a length for each name, for times and other figures to be compared |
//! | [`Grid`] | a matrix as squares: a digit, a filter with its signs, a table of counts with its numbers |
//! | [`Picture`] | the canvas that all of them turn into, for what none of them draws; and several side by side |
//!
//! Each has the method `evcxr_display`, so as the last line of a cell it is what the cell shows:
//!
//! ```
//! use exp::plot::{Chart, Grid, Picture};
//!
//! let digit = exp::mnist::sample().train.x.row(0).to_owned().into_shape_with_order((28, 28))?;
//! let chart = Chart::new("a decay").x("step").y("size").log_y().line("halved", (0..20).map(|i| 0.5_f64.powi(i)));
//! let both = Picture::tiled(2, [Picture::from(Grid::ink(&digit).title("a five")), chart.into()]);
//! assert_eq!(both.png()[1..4], *b"PNG");
//! both.evcxr_display();
//! # Ok::<(), ndarray::ShapeError>(())
//! ```

mod axis;
mod bars;
mod chart;
mod field;
mod grid;
mod picture;
mod text;

pub use bars::Bars;
pub use chart::{Chart, Number};
pub use grid::Grid;
pub use picture::{Anchor, Color, Picture};

/// Colours that can be told apart by everyone (Okabe and Ito), in the order in which curves take them.
pub const COLORS: [Color; 7] = [
    Color(0, 114, 178),
    Color(213, 94, 0),
    Color(0, 158, 115),
    Color(204, 121, 167),
    Color(86, 180, 233),
    Color(230, 159, 0),
    Color(90, 90, 90),
];
/// What is written.
pub const INK: Color = Color(38, 38, 38);
/// Axes, frames and what stands back.
pub const GRAY: Color = Color(140, 140, 140);
/// Lines that help the eye, and stay behind everything.
pub const PALE: Color = Color(226, 226, 226);
/// The paper.
pub const PAPER: Color = Color(255, 255, 255);
