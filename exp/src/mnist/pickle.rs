//! Decodes the course's file: a gzipped pickle of `((x, y), (x, y), (x, y))`, whose leaves are numpy arrays.
//!
//! serde-pickle knows nothing of numpy. It is told to keep what an object is restored from in place of the object, so
//! an array arrives as the tuple that numpy's `__setstate__` takes: `(version, shape, dtype, is_fortran, bytes)`.
//! A dtype arrives the same way, without its name; the size of an element then follows from shape and length.
//! An array decodes in two steps (bytes, then numbers), and each buffer of bytes is freed before the next one is
//! turned into numbers.

use std::fmt;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use ndarray::{Array1, Array2, ShapeBuilder};
use serde_pickle::{DeOptions, Deserializer, Value};

use super::Split;

/// Pixels of an image: 28 rows of 28.
pub(super) const PIXELS: usize = 784;

/// The names of the three parts, in the order of the file.
pub(super) const PARTS: [&str; 3] = ["train", "valid", "test"];

/// What was wrong with the content of a file, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Reading failed for a reason outside the file: a disk error, a folder instead of a file.
    #[error("reading it failed: {0}")]
    Read(#[source] io::Error),
    /// No bytes at all.
    #[error("the file is empty; get it again")]
    Empty,
    /// A web page was saved in the file's place.
    #[error(
        "this is an HTML page, not a gzipped pickle: the address leads to a page about the file (or to a \
         login page); save the raw file instead"
    )]
    Html,
    /// A pickle, but not compressed.
    #[error("this is a pickle that is not compressed; compress it with `gzip`")]
    NotCompressed,
    /// Anything else that is not gzip.
    #[error("this is not a gzip file (it begins with {begins}); expected mnist.pkl.gz, a gzipped pickle")]
    NotGzip {
        /// The first bytes, escaped.
        begins: String,
    },
    /// The gzip stream ends early.
    #[error("the file is cut off: its gzip stream ends after {decoded} decoded bytes; get it again")]
    CutOff {
        /// How many bytes were decoded until then.
        decoded: u64,
    },
    /// The gzip stream does not decode, or its checksum does not match.
    #[error("the file is damaged: its gzip stream does not decode ({reason}); get it again")]
    Damaged {
        /// What the decoder says.
        reason: String,
    },
    /// A pickle of a protocol that is not read.
    #[error(
        "the pickle has protocol {protocol}, and only protocols 2 to 4 are read; convert it with `python3 -c \
         \"import gzip, pickle; d = pickle.load(gzip.open('mnist.pkl.gz')); pickle.dump(d, \
         gzip.open('mnist4.pkl.gz', 'wb'), 4)\"`"
    )]
    Protocol {
        /// The pickle's protocol.
        protocol: u8,
    },
    /// The compressed content is no pickle, or a broken one.
    #[error("the gzip file holds no pickle that can be read: {reason}")]
    NotPickle {
        /// What was wrong.
        reason: String,
    },
    /// A pickle of something else.
    #[error(
        "the pickle holds {found} where {expected} was expected; the whole must be ((x_train, y_train), \
         (x_valid, y_valid), (x_test, y_test)), tuples of numpy arrays"
    )]
    Foreign {
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    },
    /// Arrays of another shape, or images and labels that do not go together.
    #[error("{0}")]
    Shape(String),
    /// Arrays of numbers that are not read.
    #[error("{0}")]
    Dtype(String),
    /// A pixel or label out of range.
    #[error("{0}")]
    Range(String),
    /// A sound file of the right format, with another content than the course's.
    #[error("it has other images or labels (sha256 of the content {found}, expected {expected})")]
    OtherContent {
        /// The checksum of what came.
        found: String,
        /// The checksum of what should have come.
        expected: String,
    },
}

/// Reads the three parts, train, valid and test.
pub(super) fn read(reader: impl Read) -> Result<[Split; 3], Problem> {
    let mut gzip = Gzip::new(reader)?;
    let tree = match parse(&mut gzip) {
        Ok(tree) => tree,
        // A damaged stream often decodes to nonsense long before its checksum is reached. The user needs to hear of
        // the damage, not of the nonsense.
        Err(problem) => return Err(gzip.failure().unwrap_or(problem)),
    };
    split(tree)
}

/// A gzip stream that remembers how it failed, since serde-pickle reports some read errors as errors of the pickle.
struct Gzip<R: Read> {
    inner: MultiGzDecoder<io::Chain<io::Cursor<Vec<u8>>, R>>,
    decoded: u64,
    failed: Option<io::Error>,
}

impl<R: Read> Gzip<R> {
    fn new(mut reader: R) -> Result<Self, Problem> {
        let mut head = Vec::new();
        reader.by_ref().take(256).read_to_end(&mut head).map_err(Problem::Read)?;
        if head.is_empty() {
            return Err(Problem::Empty);
        }
        if !head.starts_with(&[0x1f, 0x8b]) {
            return Err(not_gzip(&head));
        }
        let inner = MultiGzDecoder::new(io::Cursor::new(head).chain(reader));
        Ok(Self { inner, decoded: 0, failed: None })
    }

    /// Reads on to the end, and says how the stream failed, if it did.
    fn failure(mut self) -> Option<Problem> {
        if self.failed.is_none() {
            let _ = io::copy(&mut self, &mut io::sink());
        }
        let error = self.failed.take()?;
        Some(match error.kind() {
            io::ErrorKind::UnexpectedEof => Problem::CutOff { decoded: self.decoded },
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                Problem::Damaged { reason: error.to_string() }
            }
            _ => Problem::Read(error),
        })
    }
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buf) {
            Ok(n) => {
                self.decoded += n as u64;
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let echo = io::Error::new(error.kind(), error.to_string());
                self.failed.get_or_insert(error);
                Err(echo)
            }
        }
    }
}

fn not_gzip(head: &[u8]) -> Problem {
    let text = String::from_utf8_lossy(head).trim_start().to_ascii_lowercase();
    if text.starts_with("<!doctype") || text.starts_with("<html") {
        Problem::Html
    } else if head[0] == 0x80 && head.get(1).is_some_and(|protocol| *protocol <= 5) {
        Problem::NotCompressed
    } else {
        let begin = &head[..head.len().min(24)];
        Problem::NotGzip { begins: format!("\"{}\"", begin.escape_ascii()) }
    }
}

fn parse<R: Read>(gzip: &mut Gzip<R>) -> Result<Value, Problem> {
    let mut head = Vec::new();
    gzip.take(2).read_to_end(&mut head).map_err(Problem::Read)?;
    match head[..] {
        [0x80, 2..=4] => {}
        [0x80, protocol] => return Err(Problem::Protocol { protocol }),
        _ => {
            let reason = format!(
                "it begins with \"{}\", not with the mark of pickle protocols 2 to 4",
                head.escape_ascii()
            );
            return Err(Problem::NotPickle { reason });
        }
    }
    let options = DeOptions::new().keep_restore_state().replace_unresolved_globals();
    let mut pickle = Deserializer::new(io::Cursor::new(head).chain(gzip), options);
    let tree = pickle.deserialize_value().map_err(not_pickle)?;
    // The end has to be reached for gzip to compare its checksum.
    pickle.end().map_err(not_pickle)?;
    Ok(tree)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_pickle(error: serde_pickle::Error) -> Problem {
    use serde_pickle::{Error, ErrorCode};
    let code = match &error {
        Error::Io(error) => {
            return Problem::NotPickle { reason: error.to_string() };
        }
        Error::Eval(code, _) | Error::Syntax(code) => code,
    };
    let reason = match code {
        ErrorCode::EOFWhileParsing => "it ends in the middle; get it again".to_owned(),
        ErrorCode::TrailingBytes => "there is more after its end".to_owned(),
        // What was found may be a whole array: never show it.
        ErrorCode::InvalidStackTop(what, _) => {
            format!("an instruction that needs a {what} finds something else")
        }
        ErrorCode::InvalidLiteral(_) => "a number or string in it is malformed".to_owned(),
        _ => error.to_string(),
    };
    Problem::NotPickle { reason }
}

fn split(tree: Value) -> Result<[Split; 3], Problem> {
    let parts: [Value; 3] = tuple(tree, "a tuple of 3 parts")?;
    let (mut xs, mut ys) = (Vec::with_capacity(3), Vec::with_capacity(3));
    for (part, name) in parts.into_iter().zip(PARTS) {
        let [x, y] = tuple(part, &format!("the pair (x_{name}, y_{name})"))?;
        let (x, y) = (Raw::new(x, format!("x_{name}"))?, Raw::new(y, format!("y_{name}"))?);
        check_shapes(&x, &y)?;
        xs.push(x);
        ys.push(y);
    }
    share_dtype(&mut xs);
    share_dtype(&mut ys);
    let mut splits = xs.into_iter().zip(ys).map(|(x, y)| Ok(Split { x: images(x)?, y: labels(&y)? }));
    let mut next = || splits.next().expect("three parts were read");
    Ok([next()?, next()?, next()?])
}

/// Lets arrays that share a dtype tell each other what they know of it.
///
/// A pickle writes a dtype out once, and then its byte order is known. Where it is referred to later, its name is.
fn share_dtype(arrays: &mut [Raw]) {
    for i in 0..arrays.len() {
        let alike = |other: &&Raw| other.size == arrays[i].size;
        let dtype = arrays.iter().filter(alike).find_map(|other| other.dtype.clone());
        let order = arrays[..i].iter().rev().filter(alike).find_map(|earlier| earlier.order);
        arrays[i].dtype = arrays[i].dtype.take().or(dtype);
        arrays[i].order = arrays[i].order.or(order);
    }
}

/// Takes a tuple of exactly `N` values apart.
fn tuple<const N: usize>(value: Value, expected: &str) -> Result<[Value; N], Problem> {
    let foreign = |found| Problem::Foreign { found, expected: expected.to_owned() };
    match value {
        Value::Tuple(values) => {
            let len = values.len();
            values.try_into().map_err(|_| foreign(format!("a tuple of {len}")))
        }
        other => Err(foreign(describe(&other))),
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::None => "None or an object that is not a numpy array".to_owned(),
        Value::Bool(_) => "a bool".to_owned(),
        Value::I64(_) | Value::Int(_) => "an int".to_owned(),
        Value::F64(_) => "a float".to_owned(),
        Value::Bytes(_) => "bytes".to_owned(),
        Value::String(_) => "a string".to_owned(),
        Value::List(list) => format!("a list of {}", list.len()),
        Value::Tuple(tuple) => format!("a tuple of {}", tuple.len()),
        Value::Set(_) | Value::FrozenSet(_) => "a set".to_owned(),
        Value::Dict(dict) => format!("a dict of {}", dict.len()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

/// An array as numpy wrote it.
struct Raw {
    /// What the course calls it, for messages: `x_train`.
    name: String,
    shape: Vec<usize>,
    /// Kind and size of an element as numpy spells it, `f4`; known only where a dtype is used again.
    dtype: Option<String>,
    order: Option<Order>,
    fortran: bool,
    bytes: Vec<u8>,
    /// Bytes of an element.
    size: usize,
}

impl Raw {
    fn new(value: Value, name: String) -> Result<Self, Problem> {
        let foreign = |found| Problem::Foreign { found, expected: format!("the numpy array {name}") };
        let [_, shape, dtype, fortran, data] = match value {
            Value::Tuple(state) if state.len() == 5 => {
                <[Value; 5]>::try_from(state).expect("its length was just looked at")
            }
            // What stands for an array that the pickle holds a second time: only the first one carries its data.
            Value::Tuple(ref args) if matches!(args[..], [Value::None, Value::Tuple(_), Value::Bytes(_)]) => {
                return Err(foreign("a reference to an earlier array (save copies)".to_owned()));
            }
            other => return Err(foreign(describe(&other))),
        };
        let (Value::Tuple(shape), Value::Bool(fortran)) = (shape, fortran) else {
            return Err(foreign("a tuple of 5".to_owned()));
        };
        let Value::Bytes(bytes) = data else {
            return Err(foreign("an array of Python objects".to_owned()));
        };
        let shape: Option<Vec<usize>> = shape.iter().map(dimension).collect();
        let shape = shape.ok_or_else(|| foreign("an array of impossible shape".to_owned()))?;
        let (dtype, order) = dtype_facts(&dtype);
        let len = shape.iter().try_fold(1_usize, |len, n| len.checked_mul(*n));
        let size = match len {
            Some(0) => {
                return Err(Problem::Shape(format!("{name} is empty: its shape is {}", Dims(&shape))));
            }
            Some(len) if bytes.len().is_multiple_of(len) => bytes.len() / len,
            _ => {
                return Err(Problem::Shape(format!(
                    "{name} has {} bytes, which does not fit its shape {}",
                    bytes.len(),
                    Dims(&shape)
                )));
            }
        };
        Ok(Self { name, shape, dtype, order, fortran, bytes, size })
    }

    /// The error for elements of a type that is not read.
    fn unreadable(&self, wanted: &str, help: &str) -> Problem {
        let found = match &self.dtype {
            Some(dtype) => format!("dtype {dtype}"),
            None => format!("elements of {} bytes", self.size),
        };
        Problem::Dtype(format!("{} has {found}, and {wanted} is read; {help}", self.name))
    }

    /// Whether the elements can be of this kind; true also where the kind is not known.
    fn may_be(&self, kinds: &[char]) -> bool {
        self.dtype.as_ref().is_none_or(|dtype| dtype.starts_with(kinds))
    }
}

fn dimension(value: &Value) -> Option<usize> {
    match value {
        Value::I64(n) => usize::try_from(*n).ok(),
        _ => None,
    }
}

/// What a dtype says of itself: the state it is restored from names the byte order, and a reference back to it names
/// the arguments it was made from, `('f4', 0, 1)`.
fn dtype_facts(dtype: &Value) -> (Option<String>, Option<Order>) {
    let Value::Tuple(facts) = dtype else {
        return (None, None);
    };
    match &facts[..] {
        [Value::I64(_), order, ..] => {
            let order = match text(order).as_deref() {
                Some(">") => Some(Order::Big),
                Some("<" | "|" | "=") => Some(Order::Little),
                _ => None,
            };
            (None, order)
        }
        [name, ..] => (text(name), None),
        [] => (None, None),
    }
}

/// A string; Python 2 wrote it as bytes.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bytes(bytes) => String::from_utf8(bytes.clone()).ok(),
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
    let data = match (raw.size, raw.order.unwrap_or(Order::Little)) {
        _ if !raw.may_be(&['f']) => None,
        (4, Order::Little) => Some(pixels(&raw.bytes, f32::from_le_bytes)),
        (4, Order::Big) => Some(pixels(&raw.bytes, f32::from_be_bytes)),
        (8, Order::Little) => Some(pixels(&raw.bytes, |bytes| narrow(f64::from_le_bytes(bytes)))),
        (8, Order::Big) => Some(pixels(&raw.bytes, |bytes| narrow(f64::from_be_bytes(bytes)))),
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
    if brightest < f32::to_bits(1.0 / 1024.0) {
        return Err(Problem::Range(format!(
            "{name} has no pixel brighter than {:e}: its numbers are no floating-point pixels from 0 to 1",
            f32::from_bits(brightest)
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
    let little = raw.order != Some(Order::Big);
    let digits: Vec<i64> = match raw.size {
        _ if !raw.may_be(&['i', 'u']) => Vec::new(),
        1 => raw.bytes.iter().map(|byte| i64::from(*byte)).collect(),
        4 if little => integers(&raw.bytes, |b| i32::from_le_bytes(b).into()),
        4 => integers(&raw.bytes, |b| i32::from_be_bytes(b).into()),
        8 if little => integers(&raw.bytes, i64::from_le_bytes),
        8 => integers(&raw.bytes, i64::from_be_bytes),
        _ => Vec::new(),
    };
    if digits.is_empty() {
        return Err(raw.unreadable("int64, int32 or uint8", "save it with `.astype('int64')`"));
    }
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
