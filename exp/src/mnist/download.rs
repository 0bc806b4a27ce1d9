//! Gets the file over HTTP into the cache folder: resumed where it was interrupted, checked, and moved into place in
//! one step, so that a file in the cache is always whole.
//!
//! The transfer is the work of a program of its own, `mnist-download` in the folder `download` of this crate, which is
//! built when it is first needed: few who load MNIST need TLS, and compiling it takes longer than all the rest.
//!
//! Bytes go to `mnist.pkl.gz.part` first. A call that is interrupted leaves it there, and the next one asks the server
//! for the rest only. What cannot be told beforehand (another file under the same address, a server that sends the
//! wrong range, a page that asks to log in) is found by the check at the end; then the part is deleted and the
//! download is done once more from nothing.

use std::env;
use std::fs::{self, File};
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{Config, Error, Mnist, Problem, Source, gzip, say};

/// The package of the program that makes the transfer.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/download/Cargo.toml");

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

    let part = with_suffix(target, ".part");
    let mut again = true;
    loop {
        fill(&config.url, &part)?;
        match check(config, &part) {
            Ok(parts) => {
                fs::rename(&part, target).map_err(cannot_write(target))?;
                let source = Source::Download { url: config.url.clone(), cache: target.to_owned() };
                return Ok(Mnist::new(parts, source));
            }
            Err(error) => {
                fs::remove_file(&part).map_err(cannot_write(&part))?;
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

/// Decodes a complete download and compares its content.
fn check(config: &Config, path: &Path) -> Result<[super::Split; 3], Error> {
    let problem = |problem| Error::Download { url: config.url.clone(), problem };
    let file = File::open(path).map_err(|error| problem(Problem::Read(error)))?;
    let parts = gzip::read(file).map_err(problem)?;
    let found = super::content_sha256(parts.each_ref());
    if found == config.sha256 {
        Ok(parts)
    } else {
        Err(problem(Problem::OtherContent { found, expected: config.sha256.clone() }))
    }
}

/// Lets the program fill the file with what the address has, going on from what the file has.
fn fill(url: &str, part: &Path) -> Result<(), Failure> {
    // Without a network nothing has to be built to say so.
    if let Some(reason) = unreachable(url) {
        return Err(Failure::Offline(format!("no answer from {url}: {reason}")));
    }
    say("MNIST: not in the cache; getting ready to download it (the first time, its program is built)");
    let no_program = |reason: String| Error::Program { url: url.to_owned(), reason };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .args(["run", "--quiet", "--manifest-path", PROGRAM, "--", url])
        .arg(part)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| no_program(format!("{}: {error}", cargo.display())))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    let (word, reason) = last.split_once(' ').unwrap_or((last, ""));
    let url = url.to_owned();
    Err(match (word, reason.parse()) {
        ("done", _) => return Ok(()),
        ("offline", _) => Failure::Offline(reason.to_owned()),
        ("status", Ok(status)) => Error::Status { url, status }.into(),
        ("request", _) => Error::Request { url, reason: reason.to_owned() }.into(),
        ("interrupted", _) => {
            Error::Interrupted { url, part: part.to_owned(), reason: reason.to_owned() }.into()
        }
        ("part", _) => Error::Cache { path: part.to_owned(), source: io::Error::other(reason) }.into(),
        _ => no_program(format!("`cargo run --manifest-path {PROGRAM}` ended with {}", output.status)).into(),
    })
}

/// Why no connection to the server of this address comes about, when that is certain: a proxy may reach what this
/// machine does not, and of what is no address the program can say more.
fn unreachable(url: &str) -> Option<String> {
    const PATIENCE: Duration = Duration::from_secs(4);
    let proxies = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    if proxies.iter().any(|proxy| env::var_os(proxy).is_some()) {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    let port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let host = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?.to_owned();
    if host.is_empty() {
        return None;
    }
    let with_port = if host.ends_with(']') || !host.contains(':') { format!("{host}:{port}") } else { host };
    // A name service that never answers must not hold the caller; such a thread ends with the process.
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let connected = with_port.to_socket_addrs().and_then(|addresses| {
            let mut last = io::Error::from(io::ErrorKind::NotFound);
            for address in addresses {
                match TcpStream::connect_timeout(&address, PATIENCE) {
                    Ok(_) => return Ok(()),
                    Err(error) => last = error,
                }
            }
            Err(last)
        });
        let _ = send.send(connected);
    });
    match receive.recv_timeout(2 * PATIENCE) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("the network does not answer".to_owned()),
    }
}
