//! What can go wrong on the way to MNIST: with which file or address, and what to do.

use std::error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use super::Problem;

/// What went wrong, with which file, and what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file that the caller named cannot be opened.
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
        /// The way out.
        help: &'static str,
    },
    /// The content of a file is not what it should be.
    Content {
        /// The file, or "the reader".
        file: String,
        /// What was wrong with it.
        problem: Problem,
    },
    /// The content of a download is not what it should be, twice in a row.
    Download {
        /// The address.
        url: String,
        /// What was wrong with it.
        problem: Problem,
    },
    /// The program that downloads cannot be built or run.
    Program {
        /// The address.
        url: String,
        /// What failed. Cargo's own words are on standard error.
        reason: String,
    },
    /// The server has no such file, or does not give it.
    Status {
        /// The address.
        url: String,
        /// What the server answered, 404 and the like.
        status: u16,
    },
    /// The address is none, or the connection to its server is not as it must be.
    Request {
        /// The address.
        url: String,
        /// The HTTP client's reason.
        reason: String,
    },
    /// The transfer ended early, several times.
    Interrupted {
        /// The address.
        url: String,
        /// What has arrived.
        part: PathBuf,
        /// Why the last transfer ended.
        reason: String,
    },
    /// The cache folder cannot be written or read.
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WAY_OUT: &str = "set MNIST_URL to a mirror or MNIST_PATH to a copy of mnist.pkl.gz";
        match self {
            Self::Open { path, source, help } => {
                write!(f, "cannot open {}: {source}; {help}", path.display())
            }
            Self::Content { file, problem } => write!(f, "{file}: {problem}"),
            Self::Download { url, problem } => write!(
                f,
                "what {url} sends is not the MNIST of the course: {problem}; if it keeps being so, {WAY_OUT}"
            ),
            Self::Program { url, reason } => write!(
                f,
                "cannot build or run the program that downloads {url}: {reason}; set MNIST_PATH to a copy of \
                 mnist.pkl.gz"
            ),
            Self::Status { url, status } => write!(f, "{url} answers with HTTP status {status}; {WAY_OUT}"),
            Self::Request { url, reason } => write!(f, "cannot download {url}: {reason}; {WAY_OUT}"),
            Self::Interrupted { url, part, reason } => write!(
                f,
                "the download of {url} was interrupted: {reason}; run it again, and it goes on from {}",
                part.display()
            ),
            Self::Cache { path, source } => write!(
                f,
                "cannot use the cache, {}: {source}; make it accessible, or set MNIST_PATH to a copy of mnist.pkl.gz",
                path.display()
            ),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Open { source, .. } | Self::Cache { source, .. } => Some(source),
            _ => None,
        }
    }
}
