//! Makes images and digits of the numpy arrays in a decoded pickle: their layout, their types and their numbers are
//! checked. The bytes of each array are freed before those of the next are turned into numbers.

use std::fmt;
use std::mem;

use ndarray::{Array1, Array2, ShapeBuilder};

use super::pickle::{Id, Value, Values};
use super::{PIXELS, Problem, Split};

/// The names of the three parts, in the order of the file.
const PARTS: [&str; 3] = ["train", "valid", "test"];

/// Reads the three parts, train, valid and test.
pub(super) fn split(mut values: Values) -> Result<[Split; 3], Problem> {
    let parts: [Id; 3] = tuple(&values, values.whole, "a tuple of 3 parts")?;
    let mut pairs = Vec::with_capacity(3);
    for (part, name) in parts.into_iter().zip(PARTS) {
        let [x, y] = tuple(&values, part, &format!("the pair (x_{name}, y_{name})"))?;
        let x = Raw::new(&mut values, x, format!("x_{name}"))?;
        let y = Raw::new(&mut values, y, format!("y_{name}"))?;
        check_shapes(&x, &y)?;
        pairs.push((x, y));
    }
    let mut splits = pairs.into_iter().map(|(x, y)| Ok(Split { x: images(x)?, y: labels(&y)? }));
    let mut next = || splits.next().expect("three parts were read");
    Ok([next()?, next()?, next()?])
}

/// Takes a tuple of exactly `N` values apart.
fn tuple<const N: usize>(values: &Values, id: Id, expected: &str) -> Result<[Id; N], Problem> {
    match &values.all[id] {
        Value::Tuple(items) if items.len() == N => Ok(std::array::from_fn(|i| items[i])),
        other => Err(Problem::Foreign { found: describe(other), expected: expected.to_owned() }),
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::None => "None".to_owned(),
        Value::Bool(_) => "a bool".to_owned(),
        Value::Int(_) => "an int".to_owned(),
        Value::Float => "a float".to_owned(),
        Value::Bytes(_) => "bytes".to_owned(),
        Value::Text(_) => "a string".to_owned(),
        Value::List(len) => format!("a list of {len}"),
        Value::Tuple(items) => format!("a tuple of {}", items.len()),
        Value::Dict(len) => format!("a dict of {len}"),
        Value::Global(name) => format!("the name {name}"),
        Value::Dtype { name, .. } => format!("the dtype {name}"),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(class) => format!("an object of {class}, which is not a numpy array,"),
        Value::Taken => "a reference to an earlier array (save copies)".to_owned(),
    }
}

/// An array whose bytes are not yet numbers.
struct Raw {
    /// What it is called in messages.
    name: String,
    shape: Vec<usize>,
    /// numpy's name for the type, `f4`, `i8`, …
    dtype: String,
    order: Order,
    /// Whether columns lie together, not rows.
    fortran: bool,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Little,
    Big,
}

impl Raw {
    fn new(values: &mut Values, id: Id, name: String) -> Result<Self, Problem> {
        let foreign =
            |found: String| Err(Problem::Foreign { found, expected: format!("the numpy array {name}") });
        let (shape, dtype, fortran, data) = match &values.all[id] {
            Value::Array(Some(state)) => match state[..] {
                [_, shape, dtype, fortran, data] => (shape, dtype, fortran, data),
                _ => return foreign("an array without shape and bytes".to_owned()),
            },
            Value::Array(None) => return foreign("an array without shape and bytes".to_owned()),
            other => return foreign(describe(other)),
        };
        let shape = match &values.all[shape] {
            Value::Tuple(dims) => dims.iter().map(|dim| dimension(&values.all[*dim])).collect(),
            _ => None,
        };
        let fortran = matches!(values.all[fortran], Value::Bool(true) | Value::Int(1));
        let (Some(shape), Value::Dtype { name: dtype, order }) = (shape, &values.all[dtype]) else {
            return foreign("an array without a shape or a type".to_owned());
        };
        let shape: Vec<usize> = shape;
        let order = match order.as_deref() {
            Some(">") => Order::Big,
            Some("<" | "|") => Order::Little,
            _ => {
                return Err(Problem::Dtype(format!(
                    "{name} has dtype {dtype} in no byte order that is known"
                )));
            }
        };
        let dtype = dtype.clone();
        values.all[id] = Value::Taken;
        let bytes = match &mut values.all[data] {
            Value::Bytes(bytes) => mem::take(bytes),
            Value::List(_) => return foreign("an array of Python objects".to_owned()),
            other => return foreign(format!("an array of {}", describe(other))),
        };
        let raw = Self { name, shape, dtype, order, fortran, bytes };
        raw.check_size()?;
        Ok(raw)
    }

    /// Whether there are as many bytes as shape and type say.
    fn check_size(&self) -> Result<(), Problem> {
        let Self { name, shape, dtype, bytes, .. } = self;
        let len = shape.iter().try_fold(1_usize, |len, n| len.checked_mul(*n));
        if len == Some(0) {
            return Err(Problem::Shape(format!("{name} is empty: its shape is {}", Dims(shape))));
        }
        // Of a type without a size in its name, like `O`, no bytes are read.
        let size = dtype.get(1..).and_then(|size| size.parse::<usize>().ok()).unwrap_or(0);
        if size > 0 && len.and_then(|len| len.checked_mul(size)) != Some(bytes.len()) {
            return Err(Problem::Shape(format!(
                "{name} has {} bytes, which does not fit its shape {} of {dtype}",
                bytes.len(),
                Dims(shape)
            )));
        }
        Ok(())
    }

    /// The error for elements of a type that is not read.
    fn unreadable(&self, wanted: &str, help: &str) -> Problem {
        Problem::Dtype(format!("{} has dtype {}, and {wanted} is read; {help}", self.name, self.dtype))
    }
}

fn dimension(value: &Value) -> Option<usize> {
    match value {
        Value::Int(n) => usize::try_from(*n).ok(),
        _ => None,
    }
}

/// A shape as Python prints it.
struct Dims<'a>(&'a [usize]);

impl fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [n] => write!(f, "({n},)"),
            dims => {
                let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
                write!(f, "({})", dims.join(", "))
            }
        }
    }
}

fn check_shapes(x: &Raw, y: &Raw) -> Result<(), Problem> {
    if x.shape.len() != 2 || x.shape[1] != PIXELS {
        return Err(Problem::Shape(format!(
            "{} has shape {}, and (n, {PIXELS}) was expected: a row of 28 × 28 pixels per image",
            x.name,
            Dims(&x.shape)
        )));
    }
    if y.shape.len() != 1 {
        return Err(Problem::Shape(format!(
            "{} has shape {}, and (n,) was expected: one digit per image",
            y.name,
            Dims(&y.shape)
        )));
    }
    if x.shape[0] != y.shape[0] {
        return Err(Problem::Shape(format!(
            "{} has {} images, and {} has {} labels; they must be as many",
            x.name, x.shape[0], y.name, y.shape[0]
        )));
    }
    Ok(())
}

/// Turns bytes into pixels, `n × 784`.
fn images(raw: Raw) -> Result<Array2<f32>, Problem> {
    let data = match (raw.dtype.as_str(), raw.order) {
        ("f4", Order::Little) => Some(pixels(&raw.bytes, f32::from_le_bytes)),
        ("f4", Order::Big) => Some(pixels(&raw.bytes, f32::from_be_bytes)),
        ("f8", Order::Little) => Some(pixels(&raw.bytes, |bytes| narrow(f64::from_le_bytes(bytes)))),
        ("f8", Order::Big) => Some(pixels(&raw.bytes, |bytes| narrow(f64::from_be_bytes(bytes)))),
        _ => None,
    };
    let Some((data, brightest)) = data else {
        return Err(raw.unreadable("float32 or float64", "save it with `.astype('float32') / 256`"));
    };
    let Raw { name, shape, fortran, bytes, .. } = raw;
    drop(bytes);
    if brightest > 1_f32.to_bits() {
        let worst = data.iter().find(|v| !(0.0..=1.0).contains(*v)).copied().unwrap_or(f32::NAN);
        return Err(Problem::Range(format!(
            "{name} has a pixel of {worst}, and pixels lie from 0 to 1; divide by 256 before saving"
        )));
    }
    let (rows, columns) = (shape[0], shape[1]);
    let shape = (rows, columns).set_f(fortran);
    let x = Array2::from_shape_vec(shape, data).expect("size was computed from shape and length");
    // Whoever takes rows as slices relies on rows being contiguous.
    Ok(if fortran { x.as_standard_layout().into_owned() } else { x })
}

#[expect(clippy::cast_possible_truncation, reason = "multiples of 1/256 are exact in f32 too")]
fn narrow(pixel: f64) -> f32 {
    pixel as f32
}

/// The numbers, and the bits of the largest: as unsigned integers, the bits of floats from 0 to 1 are ordered as the
/// floats are, and those of every other float (negative, infinite, NaN) are larger. So one integer maximum,
/// which the compiler vectorizes, finds whatever is out of range. Block by block, so that a block is still in cache.
fn pixels<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> (Vec<f32>, u32) {
    let (elements, _) = bytes.as_chunks::<N>();
    let mut data = Vec::with_capacity(elements.len());
    let mut largest = 0;
    for block in elements.chunks(4096) {
        let from = data.len();
        data.extend(block.iter().map(|element| number(*element)));
        largest = data[from..].iter().fold(largest, |largest, v: &f32| largest.max(v.to_bits()));
    }
    (data, largest)
}

/// Turns bytes into digits, one per image.
fn labels(raw: &Raw) -> Result<Array1<usize>, Problem> {
    let little = raw.order == Order::Little;
    let digits: Vec<i64> = match raw.dtype.as_str() {
        "u1" => raw.bytes.iter().map(|byte| i64::from(*byte)).collect(),
        "i4" if little => integers(&raw.bytes, |b| i32::from_le_bytes(b).into()),
        "i4" => integers(&raw.bytes, |b| i32::from_be_bytes(b).into()),
        "i8" if little => integers(&raw.bytes, i64::from_le_bytes),
        "i8" => integers(&raw.bytes, i64::from_be_bytes),
        _ => return Err(raw.unreadable("int64, int32 or uint8", "save it with `.astype('int64')`")),
    };
    digits
        .iter()
        .enumerate()
        .map(|(row, digit)| {
            usize::try_from(*digit).ok().filter(|digit| *digit < 10).ok_or_else(|| {
                Problem::Range(format!(
                    "{} has the label {digit} in row {row}, and labels are the digits 0 to 9, as integers",
                    raw.name
                ))
            })
        })
        .collect()
}

fn integers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> i64) -> Vec<i64> {
    bytes.as_chunks::<N>().0.iter().map(|element| number(*element)).collect()
}
