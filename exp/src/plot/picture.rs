//! The canvas: rectangles, lines, arrows and text, several pictures side by side, and their PNG.

use base64::{Engine, prelude::BASE64_STANDARD};
use tiny_skia::{
    FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, PixmapPaint, Rect, Stroke, StrokeDash,
    Transform,
};

use super::{PAPER, text};

/// Red, green and blue, each from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    /// The colour between this one (`part` = 0) and another (`part` = 1).
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between two bytes lies a byte"
    )]
    pub fn mix(self, other: Self, part: f64) -> Self {
        let part = part.clamp(0.0, 1.0);
        let mix = |from: u8, to: u8| (f64::from(from) * (1.0 - part) + f64::from(to) * part).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

/// Which point of a text is put where one says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The middle of its left end.
    Left,
    /// Its centre.
    Center,
    /// The middle of its right end.
    Right,
}

/// A canvas in pixels, from its top left corner. What is drawn later covers what was there.
///
/// ```
/// use exp::plot::{Anchor, COLORS, INK, Picture};
///
/// let flow = Picture::blank(200, 60)
///     .frame((10.0, 20.0), (60.0, 30.0), INK, 1.5)
///     .text((40.0, 35.0), Anchor::Center, 13.0, INK, "lin")
///     .arrow(&[(74.0, 35.0), (120.0, 35.0)], COLORS[0], 2.0);
/// assert_eq!((flow.width(), flow.height()), (200, 60));
/// ```
#[derive(Clone, Debug)]
pub struct Picture {
    pixels: Pixmap,
}

impl Picture {
    /// Nothing but paper.
    pub fn blank(width: u32, height: u32) -> Self {
        let mut pixels = Pixmap::new(width.max(1), height.max(1)).expect("a picture of some pixels");
        pixels.fill(tiny_skia::Color::from_rgba8(PAPER.0, PAPER.1, PAPER.2, 255));
        Self { pixels }
    }

    /// Pictures in rows of `columns`, each in the middle of a field as large as the largest of its row or column.
    pub fn tiled(columns: usize, pictures: impl IntoIterator<Item = impl Into<Self>>) -> Self {
        let pictures: Vec<Self> = pictures.into_iter().map(Into::into).collect();
        let columns = columns.clamp(1, pictures.len().max(1));
        let largest = |of: &dyn Fn(&Self) -> u32, line: &dyn Fn(usize) -> usize, lines: usize| -> Vec<u32> {
            let one =
                |i| pictures.iter().enumerate().filter(|(at, _)| line(*at) == i).map(|(_, p)| of(p)).max();
            (0..lines).map(|i| one(i).unwrap_or(0)).collect()
        };
        let widths = largest(&Self::width, &|at| at % columns, columns);
        let heights = largest(&Self::height, &|at| at / columns, pictures.len().div_ceil(columns));
        let mut all = Self::blank(widths.iter().sum(), heights.iter().sum());
        for (at, picture) in pictures.iter().enumerate() {
            let (row, column) = (at / columns, at % columns);
            let x = widths[..column].iter().sum::<u32>() + (widths[column] - picture.width()) / 2;
            let y = heights[..row].iter().sum::<u32>() + (heights[row] - picture.height()) / 2;
            let at = Transform::from_translate(float(x), float(y));
            all.pixels.draw_pixmap(0, 0, picture.pixels.as_ref(), &PixmapPaint::default(), at, None);
        }
        all
    }

    /// Its width in pixels.
    pub fn width(&self) -> u32 {
        self.pixels.width()
    }

    /// Its height in pixels.
    pub fn height(&self) -> u32 {
        self.pixels.height()
    }

    /// Fills a rectangle, given its top left corner and its width and height.
    #[must_use]
    pub fn rect(mut self, (x, y): (f32, f32), (width, height): (f32, f32), color: Color) -> Self {
        if let Some(rect) = Rect::from_xywh(x, y, width, height) {
            self.pixels.fill_rect(rect, &paint(color), Transform::identity(), None);
        }
        self
    }

    /// The outline of a rectangle.
    #[must_use]
    pub fn frame(self, (x, y): (f32, f32), (w, h): (f32, f32), color: Color, thick: f32) -> Self {
        self.line(&[(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y), (x + w, y)], color, thick)
    }

    /// A line through these points.
    #[must_use]
    pub fn line(self, points: &[(f32, f32)], color: Color, thick: f32) -> Self {
        self.stroke(points, color, thick, None)
    }

    /// A dashed line, through which a line below can be seen.
    #[must_use]
    pub fn dashed(self, points: &[(f32, f32)], color: Color, thick: f32) -> Self {
        self.stroke(points, color, thick, StrokeDash::new(vec![7.0, 6.0], 0.0))
    }

    /// A line with a head at its last point.
    #[must_use]
    pub fn arrow(self, points: &[(f32, f32)], color: Color, thick: f32) -> Self {
        let [.., (x0, y0), (x, y)] = *points else { return self };
        let length = (x - x0).hypot(y - y0).max(f32::EPSILON);
        let (dx, dy) = ((x - x0) / length, (y - y0) / length);
        let (long, half) = (4.0 + 2.0 * thick, 2.0 + 1.2 * thick);
        let (foot_x, foot_y) = (x - dx * long, y - dy * long);
        let mut shaft = points.to_vec();
        shaft.pop();
        shaft.push((foot_x, foot_y));
        let head =
            [(x, y), (foot_x - dy * half, foot_y + dx * half), (foot_x + dy * half, foot_y - dx * half)];
        self.line(&shaft, color, thick).polygon(&head, color)
    }

    /// Fills what lies between these corners.
    #[must_use]
    pub fn polygon(mut self, corners: &[(f32, f32)], color: Color) -> Self {
        if let Some(path) = path(corners) {
            self.fill(&path, color);
        }
        self
    }

    /// A filled circle.
    #[must_use]
    pub fn dot(mut self, (x, y): (f32, f32), radius: f32, color: Color) -> Self {
        if let Some(path) = PathBuilder::from_circle(x, y, radius) {
            self.fill(&path, color);
        }
        self
    }

    /// Text of one line, `size` pixels high, in the middle of whose height `y` lies.
    #[must_use]
    pub fn text(mut self, (x, y): (f32, f32), anchor: Anchor, size: f32, color: Color, text: &str) -> Self {
        let before = match anchor {
            Anchor::Left => 0.0,
            Anchor::Center => text::width(text, size) / 2.0,
            Anchor::Right => text::width(text, size),
        };
        if let Some(path) = text::outline(text, size, (x - before, y + size * text::CAPITAL / 2.0)) {
            self.fill(&path, color);
        }
        self
    }

    /// How wide a text of this size is.
    pub fn text_width(text: &str, size: f32) -> f32 {
        text::width(text, size)
    }

    /// The picture as a PNG file: gray when nothing in it has a colour.
    pub fn png(&self) -> Vec<u8> {
        let pixels = self.pixels.data().chunks_exact(4);
        let gray = pixels.clone().all(|p| p[0] == p[1] && p[1] == p[2]);
        let bytes: Vec<u8> = pixels.flat_map(|p| if gray { &p[..1] } else { &p[..3] }).copied().collect();
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width(), self.height());
        encoder.set_color(if gray { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        encoder.set_compression(png::Compression::High);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&bytes));
        written.expect("a file in memory can be written");
        file
    }

    /// What the kernel calls to show a value: prints the picture for Jupyter.
    pub fn evcxr_display(&self) {
        let text = BASE64_STANDARD.encode(self.png());
        println!("EVCXR_BEGIN_CONTENT image/png\n{text}\nEVCXR_END_CONTENT");
    }

    fn fill(&mut self, path: &Path, color: Color) {
        self.pixels.fill_path(path, &paint(color), FillRule::Winding, Transform::identity(), None);
    }

    fn stroke(mut self, points: &[(f32, f32)], color: Color, width: f32, dash: Option<StrokeDash>) -> Self {
        let stroke =
            Stroke { width, dash, line_join: LineJoin::Round, line_cap: LineCap::Butt, ..Stroke::default() };
        if let Some(path) = path(points) {
            self.pixels.stroke_path(&path, &paint(color), &stroke, Transform::identity(), None);
        }
        self
    }
}

fn path(points: &[(f32, f32)]) -> Option<Path> {
    let (&(x, y), rest) = points.split_first()?;
    let mut path = PathBuilder::new();
    path.move_to(x, y);
    for &(x, y) in rest {
        path.line_to(x, y);
    }
    path.finish()
}

fn paint(Color(red, green, blue): Color) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, 255);
    paint
}

#[expect(clippy::cast_precision_loss, reason = "pictures are far smaller than 2²⁴ pixels")]
pub(super) fn float(pixels: u32) -> f32 {
    pixels as f32
}
