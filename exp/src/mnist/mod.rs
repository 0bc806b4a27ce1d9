//! Brings the MNIST database of handwritten digits into memory.
//!
//! [`load`] is what a notebook calls. It looks in this order, and takes the first that is there:
//!
//! 1. the file that the environment variable `MNIST_PATH` names;
//! 2. the cache folder of this user (`~/.cache/nbexport` on Linux, `~/Library/Caches/nbexport` on macOS,
//!    `%LOCALAPPDATA%\nbexport` on Windows);
//! 3. the course's own address, [`URL`], or the mirror that `MNIST_URL` names; the file is checked, and kept in the
//!    cache folder;
//! 4. without network, a sample that is part of this crate: the first 2,000, 500 and 500 rows of the three parts.
//!    A line on standard error says so, and so does [`Mnist::source`].
//!
//! Documentation examples and tests use [`sample`], which touches neither network nor disk:
//!
//! ```
//! let mnist = exp::mnist::sample();
//! assert_eq!(mnist.train.x.dim(), (2_000, 784));
//! assert_eq!(mnist.train.y.to_vec()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
//! ```
//!
//! The images are the MNIST database of handwritten digits (Y. `LeCun`, C. Cortes, C. J. C. Burges; CC BY-SA 3.0).

mod pickle;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2};

pub use pickle::Problem;

/// Where the course gets its file.
pub const URL: &str =
    "https://github.com/mnielsen/neural-networks-and-deep-learning/raw/master/data/mnist.pkl.gz";

/// One part of the database: images and the digits they show.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// Images, `n × 784`: a row holds the 28 rows of 28 pixels of an image, from 0 (paper) to 1 (ink). The
    /// course's file has multiples of 1/256 below 1.
    pub x: Array2<f32>,
    /// Digits, `n`: 0 to 9.
    pub y: Array1<usize>,
}

/// The three parts, and where they came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Mnist {
    /// To learn from: 50,000 rows (2,000 in the sample).
    pub train: Split,
    /// To choose by while learning: 10,000 rows (500 in the sample).
    pub valid: Split,
    /// To judge by at the end: 10,000 rows (500 in the sample).
    pub test: Split,
    /// Where the rows came from; its `Display` is a line to show.
    pub source: Source,
}

/// Where the rows came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A file that the caller named.
    File(PathBuf),
    /// A reader that the caller passed.
    Reader,
    /// The file that an earlier call left in the cache folder.
    Cache(PathBuf),
    /// Downloaded just now.
    Download {
        /// From there.
        url: String,
        /// Kept here.
        cache: PathBuf,
    },
    /// The sample that is part of this crate.
    Sample {
        /// Why it is the sample.
        why: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Reader => write!(f, "a reader"),
            Self::Cache(path) => write!(f, "the cache, {}", path.display()),
            Self::Download { url, cache } => write!(f, "{url}, kept in {}", cache.display()),
            Self::Sample { why } => {
                write!(f, "the embedded sample of 2,000 / 500 / 500 rows ({why})")
            }
        }
    }
}

/// What went wrong, with which file, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that the caller named cannot be opened.
    #[error("cannot open {path}: {source}; {help}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
        /// The way out.
        help: &'static str,
    },
    /// The content is not what it should be.
    #[error("{file}: {problem}")]
    Content {
        /// The file, or "the reader".
        file: String,
        /// What was wrong with it.
        #[source]
        problem: Problem,
    },
}

/// Loads MNIST from the first place that has it; the [module](self) tells which places.
///
/// A place that has it, but damaged, is never passed over in silence: a bad `MNIST_PATH` is an error.
///
/// In this crate's own unit tests this is [`sample`], so that they need neither network nor environment.
pub fn load() -> Result<Mnist, Error> {
    if cfg!(test) {
        return Ok(sample_because("this crate's own tests use no other"));
    }
    match std::env::var_os("MNIST_PATH") {
        Some(path) if !path.is_empty() => from_file(Path::new(&path), "MNIST_PATH names it"),
        _ => Ok(sample_because("MNIST_PATH is not set")),
    }
}

/// The sample that is part of this crate: the first 2,000, 500 and 500 rows of the three parts.
pub fn sample() -> Mnist {
    sample_because("it was asked for")
}

fn sample_because(why: impl Into<String>) -> Mnist {
    const SAMPLE: &[u8] = include_bytes!("../../data/mnist_sample.pkl.gz");
    let parts = pickle::read(SAMPLE).expect("the sample is committed with the crate, and tests read it");
    Mnist::new(parts, Source::Sample { why: why.into() })
}

/// Reads a file of the course's format: a gzipped pickle of
/// `((x_train, y_train), (x_valid, y_valid), (x_test, y_test))`, as Python 2 or 3 wrote it with any numpy, in
/// protocols 2 to 4. Images are float32 or float64, labels int64, int32 or uint8.
pub fn from_path(path: impl AsRef<Path>) -> Result<Mnist, Error> {
    from_file(path.as_ref(), "check the path")
}

/// Reads the course's format, as [`from_path`] does, from anything that can be read.
pub fn from_reader(reader: impl Read) -> Result<Mnist, Error> {
    let parts = pickle::read(reader).map_err(|problem| Error::Content {
        file: "the reader".to_owned(),
        problem,
    })?;
    Ok(Mnist::new(parts, Source::Reader))
}

fn from_file(path: &Path, help: &'static str) -> Result<Mnist, Error> {
    let file = File::open(path).map_err(|source| Error::Open {
        path: path.to_owned(),
        source,
        help,
    })?;
    let parts = pickle::read(file).map_err(|problem| Error::Content {
        file: path.display().to_string(),
        problem,
    })?;
    Ok(Mnist::new(parts, Source::File(path.to_owned())))
}

impl Mnist {
    fn new([train, valid, test]: [Split; 3], source: Source) -> Self {
        Self {
            train,
            valid,
            test,
            source,
        }
    }
}
