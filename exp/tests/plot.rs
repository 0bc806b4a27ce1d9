//! Pictures as a notebook gets them: PNG files that decode, with what should be seen at its place.

use exp::plot::{Anchor, Bars, COLORS, Chart, Color, Grid, INK, PAPER, Picture};
use ndarray::array;

/// The pixels of a picture, decoded from its file.
struct Seen {
    width: u32,
    height: u32,
    channels: usize,
    bytes: Vec<u8>,
}

fn decode(picture: &Picture) -> Seen {
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture.png())).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    Seen { width: info.width, height: info.height, channels: info.color_type.samples(), bytes }
}

impl Seen {
    fn at(&self, x: usize, y: usize) -> Color {
        let from = (y * self.width as usize + x) * self.channels;
        let pixel = &self.bytes[from..][..self.channels];
        if let [gray] = *pixel { Color(gray, gray, gray) } else { Color(pixel[0], pixel[1], pixel[2]) }
    }

    fn count(&self, color: Color) -> usize {
        let all = (0..self.height as usize).flat_map(|y| (0..self.width as usize).map(move |x| (x, y)));
        all.filter(|&(x, y)| self.at(x, y) == color).count()
    }
}

#[test]
fn a_digit_is_gray_and_its_ink_is_where_the_numbers_are() {
    let seen = decode(&Grid::ink(&array![[0.0_f32, 1.0], [0.5, 0.0]]).cell(10).into());
    assert_eq!((seen.width, seen.height, seen.channels), (34, 34, 1));
    assert_eq!(seen.at(12, 12), PAPER);
    assert_eq!(seen.at(22, 12), Color(0, 0, 0));
    assert_eq!(seen.at(12, 22), Color(128, 128, 128));
}

#[test]
fn signs_have_colours_and_zero_is_paper() {
    let seen = decode(&Grid::signed(&array![[-2.0, 0.0, 2.0]]).cell(10).into());
    assert_eq!([seen.at(12, 12), seen.at(22, 12), seen.at(32, 12)], [COLORS[1], PAPER, COLORS[0]]);
}

#[test]
fn the_labels_of_both_axes_of_a_grid_lie_apart() {
    let grid = || Grid::ink(&ndarray::Array2::<f32>::zeros((10, 40))).cell(3);
    let rows_only: Seen = decode(&grid().axes("", "output").into());
    let both: Seen = decode(&grid().axes("batch", "output").into());
    assert_eq!((both.width, both.height), (rows_only.width, rows_only.height + 14));
    // Above the squares nothing has changed; below them there is text.
    let dark = |seen: &Seen, rows: std::ops::Range<usize>| {
        let all = rows.flat_map(|y| (0..seen.width as usize).map(move |x| (x, y)));
        all.filter(|&(x, y)| seen.at(x, y) != PAPER).count()
    };
    assert_eq!(dark(&both, 0..20), dark(&rows_only, 0..20));
    let bottom = both.height as usize - 15;
    assert!(dark(&both, bottom..bottom + 15) > 20);
}

#[test]
fn a_curve_that_ends_in_nan_is_not_drawn_on() {
    let ends = |last: f64| decode(&Chart::new("").line("", [1.0, 1.0, 1.0, last, last, last, last]).into());
    let (whole, broken) = (ends(1.0), ends(f64::NAN));
    // The last mark on the horizontal axis is the same; the curve reaches it in one picture only.
    assert!(whole.count(COLORS[0]) > 2 * broken.count(COLORS[0]));
}

#[test]
fn a_dashed_curve_lets_the_one_below_be_seen() {
    let points = [(0.0, 0.0), (1.0, 1.0)];
    let seen = decode(&Chart::new("").curve("below", points).dashed("above", points).into());
    assert!(seen.count(COLORS[0]) > 100 && seen.count(COLORS[1]) > 100);
}

#[test]
fn odd_numbers_make_a_picture_too() {
    let none: [f64; 0] = [];
    for values in
        [&none[..], &[1.0], &[f64::NAN, f64::NAN], &[0.0, 0.0], &[f64::INFINITY, -1.0, 1e300, 1e-300]]
    {
        for chart in [Chart::new("odd"), Chart::new("odd").log_y()] {
            let chart = chart.line("a line", values).histogram(values, (0.0, 1.0), 4);
            assert_eq!(decode(&chart.into()).width, 640);
        }
    }
    decode(&Bars::new("none", &["", ""]).bar("nothing", &[None, Some(f64::NAN)]).into());
}

#[test]
fn the_same_picture_is_the_same_file() {
    let draw = || Picture::blank(60, 20).text((30.0, 10.0), Anchor::Center, 12.0, INK, "√x ≤ 10⁻³").png();
    assert_eq!(draw(), draw());
}

#[test]
fn pictures_stand_in_rows_as_wide_as_their_widest() {
    let tiles = [Picture::blank(10, 5), Picture::blank(20, 5), Picture::blank(30, 8)];
    let all = Picture::tiled(2, tiles);
    assert_eq!((all.width(), all.height()), (50, 13));
}
