//! Gets the file over HTTP into the cache folder: resumed where it was interrupted, checked, and moved into place in
//! one step, so that a file in the cache is always whole.
//!
//! Bytes go to `mnist.pkl.gz.part` first. A call that is interrupted leaves it there, and the next one asks the server
//! for the rest only. What cannot be told beforehand (another file under the same address, a server that sends the
//! wrong range, a page that asks to log in) is found by the check at the end; then the part is deleted and the
//! download is done once more from nothing.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ureq::http::{Response, header};
use ureq::{Agent, Body};

use super::{Config, Error, Mnist, Problem, Source, pickle, say};

/// How often an interrupted transfer is taken up again within one call.
const TRIES: usize = 3;

/// Why there is no download.
pub(super) enum Failure {
    /// No server could be reached, for this reason. The caller has something else to offer.
    Offline(String),
    /// A server was reached and the file was not got all the same, or it could not be kept.
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Downloads the file of `config` to `target`.
///
/// `lookup` tells whether another process has put it there in the meantime: downloads of several processes take
/// turns.
pub(super) fn download(
    config: &Config,
    target: &Path,
    lookup: impl FnOnce() -> Option<Mnist>,
) -> Result<Mnist, Failure> {
    let cannot_write = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Cache { path, source }
    };
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(cannot_write(folder))?;
    let lock_path = with_suffix(target, ".lock");
    let lock = File::create(&lock_path).map_err(cannot_write(&lock_path))?;
    if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
        say("MNIST: another process is downloading it; waiting");
        // On a file system without locks two downloads may disturb each other; the check at the end finds that.
        let _ = lock.lock();
    }
    if let Some(mnist) = lookup() {
        return Ok(mnist);
    }

    let part = Part { url: &config.url, path: with_suffix(target, ".part") };
    let agent = agent();
    let mut again = true;
    loop {
        part.fill(&agent)?;
        match check(config, &part.path) {
            Ok(parts) => {
                fs::rename(&part.path, target).map_err(cannot_write(target))?;
                let source = Source::Download { url: config.url.clone(), cache: target.to_owned() };
                return Ok(Mnist::new(parts, source));
            }
            Err(error) => {
                fs::remove_file(&part.path).map_err(cannot_write(&part.path))?;
                if !again {
                    return Err(error.into());
                }
                say(format_args!("{error}\nMNIST: downloading it once more from the beginning"));
                again = false;
            }
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
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

/// Decodes a complete download and compares its content.
fn check(config: &Config, path: &Path) -> Result<[super::Split; 3], Error> {
    let problem = |problem| Error::Download { url: config.url.clone(), problem };
    let file = File::open(path).map_err(|error| problem(Problem::Read(error)))?;
    let parts = pickle::read(file).map_err(problem)?;
    let found = super::content_sha256(parts.each_ref());
    if found == config.sha256 {
        Ok(parts)
    } else {
        Err(problem(Problem::OtherContent { found, expected: config.sha256.clone() }))
    }
}

/// A download under way.
struct Part<'a> {
    url: &'a str,
    path: PathBuf,
}

impl Part<'_> {
    /// Fills the file, going on from what it has.
    fn fill(&self, agent: &Agent) -> Result<(), Failure> {
        let mut file = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&self.path)
            .map_err(|error| self.cannot_write(error))?;
        for tried in 1.. {
            let mut response = match self.request(agent, &mut file) {
                Ok(response) => response,
                // The network was there a moment ago, so this is no machine without one.
                Err(Failure::Offline(reason)) if tried > 1 => return Err(self.interrupted(reason).into()),
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
                Some(reason) if tried == TRIES => return Err(self.interrupted(reason).into()),
                Some(_) => {}
            }
        }
        // Before the rename, so that not even a power failure leaves a file in the cache that is not whole.
        file.sync_all().map_err(|error| self.cannot_write(error))?;
        Ok(())
    }

    /// Asks for what is missing, and leaves the file positioned where the answer belongs.
    fn request(&self, agent: &Agent, file: &mut File) -> Result<Response<Body>, Failure> {
        let mut have = file.seek(SeekFrom::End(0)).map_err(|error| self.cannot_write(error))?;
        loop {
            let mut request = agent.get(self.url);
            if have > 0 {
                request = request.header(header::RANGE, format!("bytes={have}-"));
            }
            let response = request.call().map_err(|error| self.no_answer(error))?;
            match response.status().as_u16() {
                206 if have > 0 && starts_at(&response) == Some(have) => return Ok(response),
                200 => {
                    self.restart(file)?;
                    return Ok(response);
                }
                // Not the range that was asked for, or none (416): the part belongs to something else.
                206 | 416 if have > 0 => {
                    self.restart(file)?;
                    have = 0;
                }
                status => {
                    return Err(Error::Status { url: self.url.to_owned(), status }.into());
                }
            }
        }
    }

    fn restart(&self, file: &mut File) -> Result<(), Error> {
        file.set_len(0).and_then(|()| file.rewind()).map_err(|error| self.cannot_write(error))
    }

    /// Copies the answer to the file. Returns why it ended early, if it did.
    fn copy(&self, response: &mut Response<Body>, file: &mut File) -> Result<Option<String>, Error> {
        let have = file.stream_position().map_err(|error| self.cannot_write(error))?;
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
                    file.write_all(&buffer[..n]).map_err(|error| self.cannot_write(error))?;
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
            say(format_args!("MNIST: downloading {}{size}{from}", self.url));
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
    fn no_answer(&self, error: ureq::Error) -> Failure {
        use ureq::Error as E;
        match error {
            E::HostNotFound
            | E::ConnectionFailed
            | E::Io(_)
            | E::Timeout(_)
            | E::ConnectProxyFailed(_)
            | E::BodyStalled => Failure::Offline(format!("no answer from {}: {error}", self.url)),
            error => Failure::Error(Error::Request { url: self.url.to_owned(), source: Box::new(error) }),
        }
    }

    fn interrupted(&self, reason: String) -> Error {
        Error::Interrupted { url: self.url.to_owned(), part: self.path.clone(), reason }
    }

    fn cannot_write(&self, source: io::Error) -> Error {
        Error::Cache { path: self.path.clone(), source }
    }
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
