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

mod arrays;
mod download;
mod error;
mod gzip;
mod pickle;
mod problem;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Once;

use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};
use ndarray::{Array1, Array2};

pub use error::Error;
pub use problem::Problem;

/// Where the course gets its file.
pub const URL: &str =
    "https://github.com/mnielsen/neural-networks-and-deep-learning/raw/master/data/mnist.pkl.gz";

/// The [checksum of the content](Mnist::sha256) of the course's file, all 70,000 rows.
///
/// A checksum of the file itself would refuse a mirror that has the same content, compressed or pickled by another
/// program.
pub const SHA256: &str = "6d2875f7c2ec6688ee62028277ef875b28fb6cfacbcda20499a5d8618d33016e";

/// Pixels of an image: 28 rows of 28.
const PIXELS: usize = 784;

/// The file's name, in the cache as everywhere.
const FILE: &str = "mnist.pkl.gz";

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

/// Where [`Config::load`] looks, and what it expects to get from the network.
///
/// [`load`] uses [`Config::from_env`]. A program that knows better sets the fields:
///
/// ```no_run
/// use exp::mnist::Config;
/// let config = Config { url: "http://mirror.example/mnist.pkl.gz".to_owned(), ..Config::from_env() };
/// let mnist = config.load()?;
/// # Ok::<(), exp::mnist::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// A local file; where it is set, nothing else is looked at.
    pub path: Option<PathBuf>,
    /// The address of the file.
    pub url: String,
    /// The folder that keeps a download; `None`: nothing is downloaded, for want of a place to keep it.
    pub cache: Option<PathBuf>,
    /// What [`Mnist::sha256`] must give for a download.
    pub sha256: String,
}

impl Config {
    /// The variables `MNIST_PATH` and `MNIST_URL` (an empty one counts as not set), the cache folder of this user, and
    /// the course's checksum.
    pub fn from_env() -> Self {
        let var = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let cache = choose_native_strategy().ok().map(|strategy| strategy.cache_dir().join("nbexport"));
        Self {
            path: var("MNIST_PATH").map(PathBuf::from),
            url: var("MNIST_URL").map_or_else(|| URL.to_owned(), |url| url.to_string_lossy().into_owned()),
            cache,
            sha256: SHA256.to_owned(),
        }
    }

    /// Loads MNIST from the first place that has it; the [module](self) tells which places.
    ///
    /// A place that has it, but damaged, is never passed over in silence: a bad file at `path` is an error, and so is a
    /// server that sends something else. A damaged file in the cache is downloaded anew.
    pub fn load(&self) -> Result<Mnist, Error> {
        if let Some(path) = &self.path {
            return from_file(path, "MNIST_PATH names it, and nothing else is tried while it is set");
        }
        let Some(cache) = &self.cache else {
            return Ok(fallback("no home folder is known, so there is no cache folder for a download"));
        };
        let target = cache.join(FILE);
        if let Some(mnist) = from_cache(&target)? {
            return Ok(mnist);
        }
        let meanwhile = || {
            let parts = gzip::read(File::open(&target).ok()?).ok()?;
            Some(Mnist::new(parts, Source::Cache(target.clone())))
        };
        match download::download(self, &target, meanwhile) {
            Ok(mnist) => Ok(mnist),
            Err(download::Failure::Offline(why)) => Ok(fallback(why)),
            Err(download::Failure::Error(error)) => Err(error),
        }
    }
}

/// Loads MNIST from the first place that has it, with the [configuration of the environment](Config::from_env).
///
/// In this crate's own unit tests this is [`sample`], so that they need neither network nor environment.
pub fn load() -> Result<Mnist, Error> {
    if cfg!(test) {
        return Ok(sample_because("this crate's own tests use no other"));
    }
    Config::from_env().load()
}

/// The sample that is part of this crate: the first 2,000, 500 and 500 rows of the three parts.
pub fn sample() -> Mnist {
    sample_because("it was asked for")
}

fn sample_because(why: impl Into<String>) -> Mnist {
    const SAMPLE: &[u8] = include_bytes!("../../data/mnist_sample.pkl.gz");
    let parts = gzip::read(SAMPLE).expect("the sample is committed with the crate, and tests read it");
    Mnist::new(parts, Source::Sample { why: why.into() })
}

/// The sample where all of MNIST was asked for, which is said.
fn fallback(why: impl Into<String>) -> Mnist {
    static SAID: Once = Once::new();
    let mnist = sample_because(why);
    SAID.call_once(|| {
        say(format_args!(
            "MNIST: this is {}; for all 70,000 rows set MNIST_PATH to a copy of {FILE}",
            mnist.source
        ));
    });
    mnist
}

/// Reads a file of the course's format: a gzipped pickle of
/// `((x_train, y_train), (x_valid, y_valid), (x_test, y_test))`, as Python 2 or 3 wrote it with any numpy, in
/// protocols 2 to 4. Images are float32 or float64, labels int64, int32 or uint8.
pub fn from_path(path: impl AsRef<Path>) -> Result<Mnist, Error> {
    from_file(path.as_ref(), "check the path")
}

/// Reads the course's format, as [`from_path`] does, from anything that can be read.
pub fn from_reader(reader: impl Read) -> Result<Mnist, Error> {
    let parts =
        gzip::read(reader).map_err(|problem| Error::Content { file: "the reader".to_owned(), problem })?;
    Ok(Mnist::new(parts, Source::Reader))
}

fn from_file(path: &Path, help: &'static str) -> Result<Mnist, Error> {
    let file = File::open(path).map_err(|source| Error::Open { path: path.to_owned(), source, help })?;
    let parts =
        gzip::read(file).map_err(|problem| Error::Content { file: path.display().to_string(), problem })?;
    Ok(Mnist::new(parts, Source::File(path.to_owned())))
}

/// The file that an earlier download left, if there is a sound one.
///
/// Its content was compared when it came; gzip's own checksum tells what happened to it since.
fn from_cache(path: &Path) -> Result<Option<Mnist>, Error> {
    let cannot_read = |source| Error::Cache { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot_read(error)),
    };
    match gzip::read(file) {
        Ok(parts) => Ok(Some(Mnist::new(parts, Source::Cache(path.to_owned())))),
        Err(Problem::Read(error)) => Err(cannot_read(error)),
        Err(problem) => {
            say(format_args!("MNIST: the cached file is not used: {}: {problem}", path.display()));
            Ok(None)
        }
    }
}

/// A line on standard error.
fn say(line: impl fmt::Display) {
    eprintln!("{line}");
}

impl Mnist {
    fn new([train, valid, test]: [Split; 3], source: Source) -> Self {
        Self { train, valid, test, source }
    }

    /// The SHA-256 of the content, in hexadecimal: for train, valid and test in turn, the pixels row by row as
    /// little-endian f32, then the labels as a byte each.
    ///
    /// It identifies the database whatever Python, numpy or gzip wrote the file. [`SHA256`] is that of the course's.
    pub fn sha256(&self) -> String {
        content_sha256([&self.train, &self.valid, &self.test])
    }
}

fn content_sha256(parts: [&Split; 3]) -> String {
    let mut hash = hmac_sha256::Hash::new();
    let mut buffer = Vec::with_capacity(4 * PIXELS);
    for part in parts {
        for row in part.x.rows() {
            buffer.clear();
            buffer.extend(row.iter().flat_map(|pixel| pixel.to_le_bytes()));
            hash.update(&buffer);
        }
        for digit in &part.y {
            hash.update([u8::try_from(*digit).unwrap_or(u8::MAX)]);
        }
    }
    hash.finalize().iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_tests_load_the_sample() {
        let mnist = load().unwrap();
        assert_eq!(mnist.train.x.dim(), (2_000, PIXELS));
        assert_eq!(mnist.source, Source::Sample { why: "this crate's own tests use no other".to_owned() });
    }
}
