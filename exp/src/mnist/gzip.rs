//! The outer layer of the course's file: gzip, with a word for each way in which it can be broken.

use std::io::{self, BufReader, Read};

use flate2::read::MultiGzDecoder;

use super::{Problem, Split, arrays, pickle};

/// As many bytes are decoded at most: twice what all 70,000 rows take as float64, which is the most that is read. A
/// few kilobytes of gzip can stand for gigabytes of zeros.
const LIMIT: u64 = 1 << 30;

/// Reads the three parts, train, valid and test.
pub(super) fn read(reader: impl Read) -> Result<[Split; 3], Problem> {
    let mut gzip = Gzip::new(reader)?;
    let values = match pickle::parse(BufReader::new(&mut gzip)) {
        Ok(values) => values,
        // A damaged stream often decodes to nonsense long before its checksum is reached. The user needs to hear of
        // the damage, not of the nonsense.
        Err(problem) => return Err(gzip.failure().unwrap_or(problem)),
    };
    arrays::split(values)
}

/// A gzip stream that remembers how it failed.
struct Gzip<R: Read> {
    inner: MultiGzDecoder<io::Chain<io::Cursor<Vec<u8>>, R>>,
    decoded: u64,
    failed: Option<Problem>,
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
        self.failed
    }

    fn problem(&self, error: &io::Error) -> Problem {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Problem::CutOff { decoded: self.decoded },
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                Problem::Damaged { reason: error.to_string() }
            }
            kind => Problem::Read(io::Error::new(kind, error.to_string())),
        }
    }
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.decoded > LIMIT {
            self.failed.get_or_insert(Problem::TooLarge { limit: LIMIT });
            return Err(io::Error::other("too large"));
        }
        match self.inner.read(buf) {
            Ok(n) => {
                self.decoded += n as u64;
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let problem = self.problem(&error);
                self.failed.get_or_insert(problem);
                Err(error)
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
