//! Letters as outlines, from the one font that is part of the crate.

use std::sync::LazyLock;

use tiny_skia::{Path, PathBuilder, Transform};
use ttf_parser::{Face, OutlineBuilder};

/// `DejaVu` Sans, cut down to Latin and Greek letters, digits above and below the line, arrows and a few signs.
static FONT: LazyLock<Face<'static>> = LazyLock::new(|| {
    Face::parse(include_bytes!("../../data/DejaVuSans-subset.ttf"), 0).expect("the crate's font is a font")
});

/// The height of a capital letter, as a part of the size of the text.
pub(super) const CAPITAL: f32 = 0.73;

/// How wide this text is at this size.
pub(super) fn width(text: &str, size: f32) -> f32 {
    let advance = |letter| FONT.glyph_hor_advance(FONT.glyph_index(letter).unwrap_or_default());
    let units: f32 = text.chars().filter_map(advance).map(f32::from).sum();
    units * size / f32::from(FONT.units_per_em())
}

/// The outline of this text, which starts at `x` and stands on the line `y`; `None` when there is nothing to see.
pub(super) fn outline(text: &str, size: f32, (x, y): (f32, f32)) -> Option<Path> {
    let scale = size / f32::from(FONT.units_per_em());
    let mut pen = Pen { path: PathBuilder::new(), at: 0.0 };
    for letter in text.chars() {
        // A letter that the font lacks shows as its empty box, as in any other program.
        let glyph = FONT.glyph_index(letter).unwrap_or_default();
        FONT.outline_glyph(glyph, &mut pen);
        pen.at += FONT.glyph_hor_advance(glyph).map_or(0.0, f32::from);
    }
    pen.path.finish()?.transform(Transform::from_row(scale, 0.0, 0.0, -scale, x, y))
}

/// Draws letter after letter, in the font's own units.
struct Pen {
    path: PathBuilder,
    at: f32,
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.at + x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.at + x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.at + x1, y1, self.at + x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.path.cubic_to(self.at + x1, y1, self.at + x2, y2, self.at + x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
