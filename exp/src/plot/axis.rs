//! An axis: from numbers to pixels, and where its marks stand.

/// How an axis counts, from where to where, and how it writes its numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) log: bool,
    pub(super) range: Option<(f64, f64)>,
    pub(super) format: Option<fn(f64) -> String>,
}

impl Axis {
    /// Whether a number has a place on this axis.
    pub(super) fn takes(&self, value: f64) -> bool {
        value.is_finite() && (!self.log || value > 0.0)
    }

    /// Where a number lies when the axis is a plain ruler.
    fn ruler(&self, value: f64) -> f64 {
        if self.log { value.log10() } else { value }
    }

    /// The two ends: those asked for, or those of the values and a little more. `floor` is a value that must be there.
    pub(super) fn ends(&self, values: impl Iterator<Item = f64>, floor: Option<f64>, margin: f64) -> Ends {
        let (low, high) = self.range.map_or_else(
            || {
                let kept = values.chain(floor).filter(|&v| self.takes(v)).map(|v| self.ruler(v));
                let (low, high) = kept.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
                let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
                let more = if high > low { (high - low) * margin } else { 0.5 };
                let kept_floor = floor.is_some_and(|floor| self.takes(floor) && self.ruler(floor) <= low);
                (if kept_floor { low } else { low - more }, high + more)
            },
            |(low, high)| (self.ruler(low), self.ruler(high)),
        );
        Ends { low, high, log: self.log }
    }

    /// The marks between two ends with what is written beside them.
    pub(super) fn marks(&self, ends: Ends, about: usize) -> Vec<(f64, String)> {
        let step = step((ends.high - ends.low) / f64::from(u32::try_from(about).unwrap_or(6)));
        // Between two powers of ten there is no round number at a half.
        let step = if self.log { step.max(1.0).round() } else { step };
        let first = (ends.low / step - 1e-9).ceil();
        let all =
            (0..100).map(|i| (first + f64::from(i)) * step).take_while(|&at| at <= ends.high + step * 1e-9);
        let plain = ends.low >= -3.0 && ends.high <= 5.0;
        all.map(|at| {
            let value = if self.log { 10_f64.powf(at) } else { at };
            let text = match self.format {
                Some(format) => format(value),
                None if self.log && plain => format!("{value:.*}", decimals(value)),
                None if self.log => format!("10{}", raised(at)),
                None => format!("{:.*}", decimals(step), if at.abs() < step * 1e-6 { 0.0 } else { at }),
            };
            (value, text)
        })
        .collect()
    }
}

/// The ends of an axis on its ruler.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    low: f64,
    high: f64,
    log: bool,
}

impl Ends {
    /// Where a number lies between the ends: 0 at the low one, 1 at the high one.
    #[expect(clippy::cast_possible_truncation, reason = "a picture has fewer pixels than an f32 has digits")]
    pub(super) fn part(self, value: f64) -> f32 {
        let at = if self.log { value.log10() } else { value };
        ((at - self.low) / (self.high - self.low)) as f32
    }

    /// Whether a number lies between the ends.
    pub(super) fn hold(self, value: f64) -> bool {
        (-1e-6..=1.0 + 1e-6).contains(&self.part(value))
    }
}

/// The round step (1, 2 or 5 times a power of ten) next above this one.
fn step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|&step| step >= least * 0.999).unwrap_or(least)
}

/// How many decimals a number of this size needs for its first digit to show.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few decimals")]
fn decimals(size: f64) -> usize {
    (-(size.log10() + 1e-9).floor()).max(0.0) as usize
}

/// A whole number in raised digits: `10⁻³`.
fn raised(power: f64) -> String {
    let raise = |digit| match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => digit.to_digit(10).and_then(|d| char::from_u32('⁰' as u32 + d)).unwrap_or(digit),
    };
    format!("{power:.0}").chars().map(raise).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis, about: usize) -> Vec<String> {
        axis.marks(axis.ends([].into_iter(), None, 0.0), about).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn marks_are_round_numbers_with_as_many_decimals_as_they_need() {
        let axis = |low, high, log| Axis { range: Some((low, high)), log, ..Axis::default() };
        assert_eq!(texts(&axis(0.0, 1.0, false), 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(&axis(-4.0, 4.0, false), 4), ["-4", "-2", "0", "2", "4"]);
        assert_eq!(texts(&axis(0.01, 100.0, true), 6), ["0.01", "0.1", "1", "10", "100"]);
        assert_eq!(texts(&axis(1e-40, 1e38, true), 4), ["10⁻⁴⁰", "10⁻²⁰", "10⁰", "10²⁰"]);
    }

    #[test]
    fn a_logarithmic_axis_has_no_place_for_zero_and_no_axis_for_nan() {
        let (log, plain) = (Axis { log: true, ..Axis::default() }, Axis::default());
        assert!(!log.takes(0.0) && plain.takes(0.0) && !plain.takes(f64::NAN) && !log.takes(f64::INFINITY));
        let ends = log.ends([0.1, 10.0, 0.0, f64::NAN].into_iter(), None, 0.0);
        assert!((ends.part(1.0) - 0.5).abs() < 1e-6 && ends.hold(0.1) && !ends.hold(0.09));
    }
}
