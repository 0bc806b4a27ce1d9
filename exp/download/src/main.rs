//! `mnist-download URL PART` fills the file PART with what URL has, and goes on from what PART has already.
//!
//! It is a program of its own so that nobody compiles TLS to load MNIST from a file: `exp::mnist` builds and runs it
//! when a download is needed, and checks what came. Progress goes to standard error. The last line of standard output
//! tells how it went: `done`, or a word for what went wrong and the reason (`offline no answer from …`).

use std::env;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ureq::http::{Response, header};
use ureq::{Agent, Body};

/// How often an interrupted transfer is taken up again.
const TRIES: usize = 3;

/// Why PART is not whole. Each is a word of the last line.
enum Failure {
    /// No server could be reached.
    Offline(String),
    /// The server answers with this HTTP status.
    Status(u16),
    /// The address is none, or the connection to its server is not as it must be.
    Request(String),
    /// The transfer ended early, several times.
    Interrupted(String),
    /// PART cannot be written.
    Part(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Part(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offline(reason) => write!(f, "offline {reason}"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Request(reason) => write!(f, "request {reason}"),
            Self::Interrupted(reason) => write!(f, "interrupted {reason}"),
            Self::Part(error) => write!(f, "part {error}"),
        }
    }
}

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    let (Some(url), Some(path), None) = (args.next(), args.next(), args.next()) else {
        eprintln!("usage: mnist-download URL PART");
        return ExitCode::from(2);
    };
    let download = Download { url: url.to_string_lossy().into_owned(), path: path.into() };
    match download.fill(&agent()) {
        Ok(()) => {
            println!("done");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("{}", failure.to_string().replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

/// An agent that gives up soon where there is no network, and where a transfer stalls.
fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("exp/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(Duration::from_secs(4)))
        .timeout_connect(Some(Duration::from_secs(4)))
        .timeout_recv_response(Some(Duration::from_secs(20)))
        .timeout_per_read(Some(Duration::from_secs(20)))
        .build()
        .into()
}

/// A download under way.
struct Download {
    url: String,
    path: PathBuf,
}

impl Download {
    /// Fills the file, going on from what it has.
    fn fill(&self, agent: &Agent) -> Result<(), Failure> {
        let mut file = File::options().create(true).write(true).truncate(false).open(&self.path)?;
        for tried in 1.. {
            let mut response = match self.request(agent, &mut file) {
                Ok(response) => response,
                // The network was there a moment ago, so this is no machine without one.
                Err(Failure::Offline(reason)) if tried > 1 => return Err(Failure::Interrupted(reason)),
                Err(failure) => {
                    if file.metadata().is_ok_and(|part| part.len() == 0) {
                        // Nothing came, so there is nothing to go on from; that it stays would do no harm.
                        let _ = fs::remove_file(&self.path);
                    }
                    return Err(failure);
                }
            };
            match self.copy(&mut response, &mut file)? {
                None => break,
                Some(reason) if tried == TRIES => return Err(Failure::Interrupted(reason)),
                Some(_) => {}
            }
        }
        // Before it is moved into place, so that not even a power failure leaves a file there that is not whole.
        file.sync_all()?;
        Ok(())
    }

    /// Asks for what is missing, and leaves the file positioned where the answer belongs.
    fn request(&self, agent: &Agent, file: &mut File) -> Result<Response<Body>, Failure> {
        let mut have = file.seek(SeekFrom::End(0))?;
        loop {
            let mut request = agent.get(&self.url);
            if have > 0 {
                request = request.header(header::RANGE, format!("bytes={have}-"));
            }
            let response = request.call().map_err(|error| self.no_answer(&error))?;
            match response.status().as_u16() {
                206 if have > 0 && starts_at(&response) == Some(have) => return Ok(response),
                200 => {
                    restart(file)?;
                    return Ok(response);
                }
                // Not the range that was asked for, or none (416): the part belongs to something else.
                206 | 416 if have > 0 => {
                    restart(file)?;
                    have = 0;
                }
                status => return Err(Failure::Status(status)),
            }
        }
    }

    /// Copies the answer to the file. Returns why it ended early, if it did.
    fn copy(&self, response: &mut Response<Body>, file: &mut File) -> Result<Option<String>, Failure> {
        let have = file.stream_position()?;
        let missing = response.body().content_length();
        let bar = self.progress(have, missing);
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        let mut copied = 0;
        let ended = loop {
            match body.read(&mut buffer) {
                Ok(0) if missing.is_some_and(|missing| copied < missing) => {
                    break Some("the connection was closed".to_owned());
                }
                Ok(0) => break None,
                Ok(n) => {
                    file.write_all(&buffer[..n])?;
                    copied += n as u64;
                    bar.inc(n as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error.to_string()),
            }
        };
        bar.finish_and_clear();
        Ok(ended)
    }

    /// A bar on a terminal; one line elsewhere, since a file or a notebook would show every step of a bar.
    fn progress(&self, have: u64, missing: Option<u64>) -> ProgressBar {
        let total = missing.map(|missing| have + missing);
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        if bar.is_hidden() {
            let size = total.map_or(String::new(), |total| format!(" ({:.1} MB)", megabytes(total)));
            let from = if have > 0 { format!(", from {:.1} MB on", megabytes(have)) } else { String::new() };
            eprintln!("MNIST: downloading {}{size}{from}", self.url);
            return bar;
        }
        let template = match total {
            Some(_) => "MNIST {bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            None => "MNIST {spinner} {bytes} {bytes_per_sec}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well-formed"));
        bar.set_position(have);
        bar.reset_eta();
        bar
    }

    /// Tells a machine without network, where the caller goes on without a download, from all other failures.
    fn no_answer(&self, error: &ureq::Error) -> Failure {
        use ureq::Error as E;
        match error {
            E::HostNotFound
            | E::ConnectionFailed
            | E::Io(_)
            | E::Timeout(_)
            | E::ConnectProxyFailed(_)
            | E::BodyStalled => Failure::Offline(format!("no answer from {}: {error}", self.url)),
            error => Failure::Request(error.to_string()),
        }
    }
}

fn restart(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()
}

/// Where the range of an answer begins: `content-range: bytes 100-199/200`.
fn starts_at(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
