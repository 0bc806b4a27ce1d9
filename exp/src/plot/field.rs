//! How a chart becomes a picture: the field between its axes, and what is drawn into it.

use super::axis::Ends;
use super::chart::{Kind, Series};
use super::picture::float;
use super::{Anchor, COLORS, Chart, Color, GRAY, INK, PALE, Picture};

/// Size of the axes' numbers and of the names.
const SMALL: f32 = 12.0;

/// The rectangle between the axes, and how numbers lie in it.
struct Field {
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
    x: Ends,
    y: Ends,
}

impl Field {
    fn at(&self, (x, y): (f64, f64)) -> (f32, f32) {
        let (right, up) = (self.x.part(x), self.y.part(y));
        (self.left + right * (self.right - self.left), self.bottom - up * (self.bottom - self.top))
    }
}

impl From<Chart> for Picture {
    fn from(chart: Chart) -> Self {
        let Chart { title, size: (width, height), x, y, series } = &chart;
        let has_bars = series.iter().any(|s| s.kind == Kind::Bars);
        let points = || series.iter().flat_map(|s| &s.points);
        let x_ends = x.ends(points().map(|p| p.0), None, if has_bars { 0.03 } else { 0.0 });
        let y_ends = y.ends(points().map(|p| p.1), has_bars.then_some(0.0), 0.05);
        let (x_marks, y_marks) = (x.marks(x_ends, 6), y.marks(y_ends, 5));
        let widest = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|text| Self::text_width(text, SMALL)).fold(0.0, f32::max)
        };
        let names = widest(&mut series.iter().filter(|s| s.kind != Kind::Dots).map(|s| &s.name));
        let head = if title.is_empty() { 8.0 } else { 30.0 };
        let field = Field {
            left: 18.0 + widest(&mut y_marks.iter().map(|(_, text)| text)),
            right: float(*width) - 18.0 - names,
            top: head + if y.label.is_empty() { 6.0 } else { 20.0 },
            bottom: float(*height) - if x.label.is_empty() { 26.0 } else { 44.0 },
            x: x_ends,
            y: y_ends,
        };
        let mut picture = Self::blank(*width, *height)
            .text((field.left, 17.0), Anchor::Left, 14.0, INK, title)
            .text((8.0, head + 4.0), Anchor::Left, SMALL, GRAY, &y.label);
        picture = axes(picture, &field, &x_marks, &y_marks);
        let middle = (f32::midpoint(field.left, field.right), float(*height) - 12.0);
        picture = picture.text(middle, Anchor::Center, SMALL, GRAY, &x.label);
        let mut ends = Vec::new();
        for (series, color) in series.iter().zip(COLORS.into_iter().cycle()) {
            picture = match series.kind {
                Kind::Bars => bars(picture, &field, &series.points, color),
                Kind::Dots => dots(picture, &field, series, color),
                Kind::Line | Kind::Dashed => curve(picture, (&chart, &field), series, color, &mut ends),
            };
        }
        names_at_the_right(picture, &field, ends)
    }
}

fn axes(mut picture: Picture, field: &Field, x: &[(f64, String)], y: &[(f64, String)]) -> Picture {
    for (value, text) in y {
        let height = field.bottom - field.y.part(*value) * (field.bottom - field.top);
        picture = picture.line(&[(field.left, height), (field.right, height)], PALE, 1.0);
        picture = picture.text((field.left - 6.0, height), Anchor::Right, SMALL, INK, text);
    }
    for (value, text) in x {
        let at = field.left + field.x.part(*value) * (field.right - field.left);
        picture = picture.line(&[(at, field.bottom), (at, field.bottom + 4.0)], GRAY, 1.0);
        picture = picture.text((at, field.bottom + 13.0), Anchor::Center, SMALL, INK, text);
    }
    picture.line(&[(field.left, field.bottom), (field.right, field.bottom)], GRAY, 1.0)
}

fn bars(mut picture: Picture, field: &Field, points: &[(f64, f64)], color: Color) -> Picture {
    let apart = points.windows(2).map(|two| (two[1].0 - two[0].0).abs()).fold(f64::INFINITY, f64::min);
    let half = if apart.is_finite() { apart * 0.46 } else { 0.4 };
    for &(x, y) in points.iter().filter(|(_, y)| y.is_finite()) {
        let ((left, top), (right, foot)) = (field.at((x - half, y)), field.at((x + half, 0.0)));
        let (top, foot) = (top.min(foot).max(field.top), top.max(foot).min(field.bottom));
        picture = picture.rect((left, top), (right - left, foot - top), color);
    }
    picture
}

fn dots(mut picture: Picture, field: &Field, series: &Series, color: Color) -> Picture {
    let kept = series.points.iter().filter(|p| field.x.hold(p.0) && field.y.hold(p.1));
    let places: Vec<(f32, f32)> = kept.map(|&p| field.at(p)).collect();
    for &place in &places {
        picture = picture.dot(place, 4.0, color);
    }
    let Some(&(x, y)) = places.last() else { return picture };
    picture.text((x + 9.0, y - 9.0), Anchor::Left, SMALL, color, &series.name)
}

/// Draws the pieces of a curve between the numbers that have no place, and notes where its name belongs.
fn curve(
    mut picture: Picture,
    (chart, field): (&Chart, &Field),
    series: &Series,
    color: Color,
    ends: &mut Vec<(f32, String, Color)>,
) -> Picture {
    let placed =
        |&(x, y): &(f64, f64)| chart.x.takes(x) && chart.y.takes(y) && field.x.hold(x) && field.y.hold(y);
    let (mut last, mut broken) = (None, false);
    for run in series.points.chunk_by(|a, b| placed(a) == placed(b)) {
        if placed(&run[0]) {
            let pixels: Vec<(f32, f32)> = run.iter().map(|&p| field.at(p)).collect();
            picture = match (series.kind, pixels.len()) {
                (_, 1) => picture.dot(pixels[0], 2.0, color),
                (Kind::Dashed, _) => picture.dashed(&pixels, color, 2.0),
                _ => picture.line(&pixels, color, 2.0),
            };
            last = pixels.last().copied();
            broken = false;
        } else if let (Some((x, y)), Some(what)) = (last, nowhere(run[0].1)) {
            let text =
                if series.name.is_empty() { what.to_owned() } else { format!("{}: {what}", series.name) };
            picture = picture.dot((x, y), 4.0, color).text((x + 9.0, y), Anchor::Left, SMALL, color, &text);
            broken = true;
        }
    }
    if let Some((_, y)) = last.filter(|_| !broken) {
        ends.push((y, series.name.clone(), color));
    }
    picture
}

/// The word for a number that has no place on an axis, whatever the axis.
fn nowhere(value: f64) -> Option<&'static str> {
    match value {
        v if v.is_nan() => Some("NaN"),
        v if v.is_infinite() => Some(if v > 0.0 { "∞" } else { "-∞" }),
        0.0 => Some("0"),
        _ => None,
    }
}

/// Writes each curve's name where it ends; names that would meet are moved apart.
fn names_at_the_right(mut picture: Picture, field: &Field, mut ends: Vec<(f32, String, Color)>) -> Picture {
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let line = SMALL + 3.0;
    for i in 1..ends.len() {
        ends[i].0 = ends[i].0.max(ends[i - 1].0 + line);
    }
    let mut lowest = field.bottom;
    for (y, name, color) in ends.iter().rev() {
        let y = y.min(lowest);
        lowest = y - line;
        picture = picture.text((field.right + 8.0, y), Anchor::Left, SMALL, *color, name);
    }
    picture
}
