//! What can be wrong with the content of a file, in words that tell what to do about it.

use std::error::Error;
use std::fmt;
use std::io;

/// What was wrong with the content of a file, and what to do about it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// Reading failed for a reason outside the file: a disk error, a folder instead of a file.
    Read(io::Error),
    /// No bytes at all.
    Empty,
    /// A web page was saved in the file's place.
    Html,
    /// A pickle, but not compressed.
    NotCompressed,
    /// Anything else that is not gzip.
    NotGzip {
        /// The first bytes, escaped.
        begins: String,
    },
    /// The gzip stream ends early.
    CutOff {
        /// How many bytes were decoded until then.
        decoded: u64,
    },
    /// The gzip stream does not decode, or its checksum does not match.
    Damaged {
        /// What the decoder says.
        reason: String,
    },
    /// The gzip stream decodes to more than any MNIST has.
    TooLarge {
        /// As many bytes are read at most.
        limit: u64,
    },
    /// A pickle of a protocol that is not read.
    Protocol {
        /// The pickle's protocol.
        protocol: u8,
    },
    /// The compressed content is no pickle, or a broken one.
    NotPickle {
        /// What was wrong.
        reason: String,
    },
    /// A pickle of something else.
    Foreign {
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    },
    /// Arrays of another shape, or images and labels that do not go together.
    Shape(String),
    /// Arrays of numbers that are not read.
    Dtype(String),
    /// A pixel or label out of range.
    Range(String),
    /// A sound file of the right format, with another content than the course's.
    OtherContent {
        /// The checksum of what came.
        found: String,
        /// The checksum of what should have come.
        expected: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "reading it failed: {error}"),
            Self::Empty => write!(f, "the file is empty; get it again"),
            Self::Html => write!(
                f,
                "this is an HTML page, not a gzipped pickle: the address leads to a page about the file (or to a \
                 login page); save the raw file instead"
            ),
            Self::NotCompressed => {
                write!(f, "this is a pickle that is not compressed; compress it with `gzip`")
            }
            Self::NotGzip { begins } => write!(
                f,
                "this is not a gzip file (it begins with {begins}); expected mnist.pkl.gz, a gzipped pickle"
            ),
            Self::CutOff { decoded } => write!(
                f,
                "the file is cut off: its gzip stream ends after {decoded} decoded bytes; get it again"
            ),
            Self::Damaged { reason } => {
                write!(f, "the file is damaged: its gzip stream does not decode ({reason}); get it again")
            }
            Self::TooLarge { limit } => write!(
                f,
                "the gzip file decodes to more than {limit} bytes, and MNIST has less; get the course's file"
            ),
            Self::Protocol { protocol } => write!(
                f,
                "the pickle has protocol {protocol}, and only protocols 2 to 4 are read; convert it with `python3 -c \
                 \"import gzip, pickle; d = pickle.load(gzip.open('mnist.pkl.gz')); pickle.dump(d, \
                 gzip.open('mnist4.pkl.gz', 'wb'), 4)\"`"
            ),
            Self::NotPickle { reason } => {
                write!(f, "the gzip file holds no pickle that can be read: {reason}")
            }
            Self::Foreign { found, expected } => write!(
                f,
                "the pickle holds {found} where {expected} was expected; the whole must be ((x_train, y_train), \
                 (x_valid, y_valid), (x_test, y_test)), tuples of numpy arrays"
            ),
            Self::Shape(said) | Self::Dtype(said) | Self::Range(said) => f.write_str(said),
            Self::OtherContent { found, expected } => write!(
                f,
                "it has other images or labels (sha256 of the content {found}, expected {expected})"
            ),
        }
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            _ => None,
        }
    }
}
