//! HTTP servers on this machine that send prepared replies, good and bad.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server sends to one request.
pub(crate) enum Reply {
    /// All of it, whatever range was asked for.
    Whole(Vec<u8>),
    /// The range that was asked for.
    Range(Vec<u8>),
    /// A range that was not asked for: the last ten bytes.
    WrongRange(Vec<u8>),
    /// That many bytes of what was asked for, under the length of all that is missing.
    CutOff(Vec<u8>, usize),
    /// That many bytes, with no length told.
    CutOffUnseen(Vec<u8>, usize),
    /// Go elsewhere, to the same server.
    Redirect,
    Status(u16),
}

/// An HTTP server on this machine that sends prepared replies, one to each request, and is gone after the last.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Server {
    pub(crate) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mnist.pkl.gz", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for reply in replies {
                // Who connects only to see whether the server is there asks for nothing.
                let (stream, from) = loop {
                    let (stream, _) = listener.accept().unwrap();
                    if let Some(Request(from)) = request(&stream) {
                        break (stream, from);
                    }
                };
                seen.lock().unwrap().push(from);
                // A client that has read enough hangs up; that is its right.
                let _ = reply.send(stream, from);
            }
        });
        Self { url, requests }
    }

    /// From which byte on each request asked, if it asked for a range.
    pub(crate) fn requests(&self) -> Vec<Option<usize>> {
        self.requests.lock().unwrap().clone()
    }
}

/// A request: from which byte on it asks, if it asks for a range.
struct Request(Option<usize>);

/// Reads a request, if there is one.
fn request(stream: &TcpStream) -> Option<Request> {
    let mut from = None;
    for line in BufReader::new(stream).lines() {
        let line = line.ok()?.to_ascii_lowercase();
        if line.is_empty() {
            return Some(Request(from));
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = Some(range.trim_end_matches('-').parse().unwrap());
        }
    }
    None
}

impl Reply {
    fn send(self, mut stream: TcpStream, from: Option<usize>) -> std::io::Result<()> {
        let part = |all: &[u8], from: usize| {
            let total = all.len();
            format!(
                "206 Partial Content\r\ncontent-range: bytes {from}-{}/{total}\r\ncontent-length: {}",
                total - 1,
                total - from
            )
        };
        let whole = |all: &[u8]| format!("200 OK\r\ncontent-length: {}", all.len());
        let (head, body) = match self {
            Self::Whole(all) => (whole(&all), all),
            Self::Range(all) => match from {
                Some(from) if from < all.len() => (part(&all, from), all[from..].to_vec()),
                Some(_) => ("416 Range Not Satisfiable\r\ncontent-length: 0".to_owned(), Vec::new()),
                None => (whole(&all), all),
            },
            Self::WrongRange(all) => {
                let from = all.len() - 10;
                (part(&all, from), all[from..].to_vec())
            }
            Self::CutOff(all, n) => {
                let begin = from.unwrap_or(0);
                let head = if begin > 0 { part(&all, begin) } else { whole(&all) };
                (head, all[begin..begin + n].to_vec())
            }
            Self::CutOffUnseen(all, n) => ("200 OK".to_owned(), all[..n].to_vec()),
            Self::Redirect => ("302 Found\r\nlocation: /raw\r\ncontent-length: 0".to_owned(), Vec::new()),
            Self::Status(status) => (format!("{status} Whatever\r\ncontent-length: 4"), b"oops".to_vec()),
        };
        stream.write_all(format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n").as_bytes())?;
        stream.write_all(&body)
    }
}

/// The address of a server that is not there.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/mnist.pkl.gz", listener.local_addr().unwrap())
}
