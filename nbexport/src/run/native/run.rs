//! A built program is run, and what it reports is kept for each cell.

use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant, SystemTime};

use super::line::{Address, Listener};
use super::streams::{Streams, Written};
use crate::run::process::Group;

/// How a program is run.
#[derive(Clone, Debug)]
pub(super) struct How<'a> {
    /// Where: the notebook's folder.
    pub(super) folder: &'a Path,
    /// How long a cell may take.
    pub(super) timeout: Option<Duration>,
}

/// What came of a run.
#[derive(Debug)]
pub(super) struct Ran {
    /// The cells that began, in order.
    pub(super) cells: Vec<CellRun>,
    /// How the last of them ended the program, if one did.
    pub(super) end: End,
}

/// One cell that began.
#[derive(Clone, Debug, Default)]
pub(super) struct CellRun {
    /// Its number.
    pub(super) number: usize,
    /// Whether it reached its end.
    pub(super) ended: bool,
    /// Whether it was to panic, and did not.
    pub(super) unexpected: bool,
    /// How long it took.
    pub(super) time: Duration,
    /// What it printed to stdout.
    pub(super) stdout: String,
    /// What it printed to stderr, its panic included.
    pub(super) stderr: String,
    /// Which part of stderr tells of its panic.
    panic: Option<Range<usize>>,
    /// Its value, if it has one that shows by `Debug`.
    pub(super) value: Option<String>,
    /// When it began and ended.
    pub(super) between: Option<(SystemTime, SystemTime)>,
}

impl CellRun {
    /// What it printed, without what tells of its panic.
    pub(super) fn printed(&self) -> String {
        let mut errors = self.stderr.clone();
        if let Some(panic) = self.panic.clone().filter(|panic| errors.get(panic.clone()).is_some()) {
            errors.replace_range(panic, "");
        }
        self.stdout.clone() + &errors
    }
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All its cells reached their end.
    Finished,
    /// A panic that nothing caught.
    Panicked {
        /// Its text.
        message: String,
        /// Where, as `file:line:column`.
        place: String,
        /// Who called, innermost first.
        frames: Vec<String>,
    },
    /// A `?` returned an error.
    Failed {
        /// Its text.
        message: String,
        /// Where the `?` stands.
        place: String,
    },
    /// A `!` line failed, as told.
    Shell(String),
    /// A variable of this name holds a closure, and the kernel would not have compiled its cell.
    Closure(String),
    /// The type of a variable of this name cannot be written, and the kernel would not have compiled its cell.
    Unknown(String),
    /// A variable is of a type that a later cell defines again; its name, and about the type.
    Outlived(String, String),
    /// The process ended without a word.
    Ended(String),
    /// A cell took too long.
    TimedOut,
    /// It printed too much.
    Flooded,
}

/// One report of a program.
struct Report {
    kind: String,
    cell: usize,
    written: Written,
    at: Duration,
    text: String,
}

/// Runs a program to its end.
pub(super) fn run(program: &Path, how: &How<'_>, progress: &dyn Fn(usize)) -> std::io::Result<Ran> {
    let scratch = tempfile::Builder::new().prefix("nbexport-").tempdir()?;
    let listener = Listener::new(scratch.path())?;
    let streams = Streams::below(scratch.path());
    let [stdout, stderr] = streams.open()?;
    let mut command = Command::new(program);
    command
        .current_dir(how.folder)
        .env("NBEXPORT_REPORTS", listener.address().for_program())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr);
    let group = Group::spawn(&mut command)?;
    let (sender, receiver) = channel();
    let address = listener.address();
    let mut word = [0; 16];
    getrandom::fill(&mut word).map_err(std::io::Error::other)?;
    let word = format!("{:032x}", u128::from_ne_bytes(word));
    std::thread::spawn(move || listen(&listener, &word, &sender));
    let mut cells: Vec<(CellRun, Written, Option<Written>, Duration)> = Vec::new();
    let mut cut = None;
    let end =
        watch(&receiver, &group, (&streams, &address), how.timeout, |report| match report.kind.as_str() {
            "begin" => {
                progress(report.cell);
                let now = SystemTime::now();
                let cell = CellRun { number: report.cell, between: Some((now, now)), ..CellRun::default() };
                cells.push((cell, report.written, None, report.at));
            }
            "unexpected" => {
                if let Some((cell, ..)) = cells.last_mut() {
                    cell.unexpected = true;
                }
            }
            "value" => {
                if let Some((cell, ..)) = cells.last_mut() {
                    cell.value = Some(report.text.clone());
                }
            }
            "end" => {
                if let Some((cell, _, to, began)) = cells.last_mut() {
                    (cell.ended, *to) = (true, Some(report.written));
                    cell.between = cell.between.map(|(began, _)| (began, SystemTime::now()));
                    cell.time = report.at.saturating_sub(*began);
                }
            }
            "panic" => cut = told(&report.text),
            _ => {}
        });
    let (end, took) = end;
    // What it reports by is closed a moment before its exit status is known.
    let closed = Instant::now();
    while end.is_none() && !group.has_ended() && closed.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(2));
    }
    let status = group.kill()?;
    let end = end.unwrap_or_else(|| End::Ended(how_it_ended(status)));
    if let Some((cell, ..)) = cells.last_mut().filter(|(cell, ..)| !cell.ended) {
        cell.time = took;
    }
    let all = streams.written();
    let cells = cells.into_iter().map(|(cell, from, to, _)| {
        let [stdout, stderr] = streams.between(from, to.unwrap_or(all));
        let panic = cut.filter(|_| to.is_none()).and_then(|(start, end)| {
            let place = |at: u64| usize::try_from(at.checked_sub(from.err)?).ok();
            Some(place(start)?..place(end)?)
        });
        CellRun { stdout, stderr, panic, ..cell }
    });
    Ok(Ran { cells: cells.collect(), end })
}

/// Hands on reports until the program is done, or has to be. Also says how long the last cell took.
fn watch(
    receiver: &Receiver<Report>,
    group: &Group,
    (streams, address): (&Streams, &Address),
    timeout: Option<Duration>,
    mut each: impl FnMut(&Report),
) -> (Option<End>, Duration) {
    let mut began = Instant::now();
    let mut ended: Option<Instant> = None;
    loop {
        let wait = Duration::from_millis(100);
        match receiver.recv_timeout(wait) {
            Ok(report) => {
                each(&report);
                match report.kind.as_str() {
                    "begin" => began = Instant::now(),
                    "finished" => return (Some(End::Finished), began.elapsed()),
                    "panic" => return (Some(panicked(&report.text)), began.elapsed()),
                    "shell" => return (Some(End::Shell(report.text)), began.elapsed()),
                    "closure" => return (Some(End::Closure(report.text)), began.elapsed()),
                    "unknown" => return (Some(End::Unknown(report.text)), began.elapsed()),
                    "outlived" => {
                        let (name, about) = report.text.split_once('\n').unwrap_or((&report.text, ""));
                        return (Some(End::Outlived(name.to_owned(), about.to_owned())), began.elapsed());
                    }
                    "error" => {
                        let (place, message) = report.text.split_once('\n').unwrap_or(("", &report.text));
                        let end = End::Failed { message: message.to_owned(), place: place.to_owned() };
                        return (Some(end), began.elapsed());
                    }
                    _ => {}
                }
            }
            // The program ended, or closed what it reports by.
            Err(RecvTimeoutError::Disconnected) => return (None, began.elapsed()),
            Err(RecvTimeoutError::Timeout) => {
                if timeout.is_some_and(|timeout| began.elapsed() > timeout) {
                    return (Some(End::TimedOut), began.elapsed());
                }
                if streams.is_flooded() {
                    return (Some(End::Flooded), began.elapsed());
                }
                // It ended, and what it said may still be on the way; behind that comes our own silent call, for the
                // case that it never called. What it left running may hold the line, though not for ever.
                if group.has_ended() {
                    match ended {
                        None => address.call(),
                        Some(since) if since.elapsed() < Duration::from_secs(5) => {}
                        Some(_) => return (None, began.elapsed()),
                    }
                    ended = ended.or_else(|| Some(Instant::now()));
                }
            }
        }
    }
}

/// Takes the reports of a program until it closes its end. The first that calls is the program, whose cells have not
/// begun, and only it is told the word that reports begin with.
fn listen(listener: &Listener, word: &str, sender: &Sender<Report>) {
    let Some(line) = listener.first_call(word) else { return };
    let mut reader = BufReader::new(line);
    while let Some(report) = read(&mut reader, word) {
        if sender.send(report).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead, word: &str) -> Option<Report> {
    let mut line = Vec::new();
    let report = loop {
        line.clear();
        reader.read_until(b'\n', &mut line).ok().filter(|length| *length > 0)?;
        let text = String::from_utf8_lossy(&line);
        // What a cell itself wrote there is passed over.
        if let Some((_, report)) = text.split_once(word) {
            break report.to_owned();
        }
    };
    let mut words = report.split_whitespace();
    let kind = words.next()?.to_owned();
    let cell = words.next()?.parse().ok()?;
    let written = Written::parse(words.next()?)?;
    let at = Duration::from_nanos(words.next()?.parse().ok()?);
    let mut text = vec![0; words.next()?.parse().ok()?];
    reader.read_exact(&mut text).ok()?;
    Some(Report { kind, cell, written, at, text: String::from_utf8_lossy(&text).into_owned() })
}

/// `place`, what was printed about it, frames, message: a line each, the message to the end.
fn panicked(text: &str) -> End {
    let mut parts = text.splitn(4, '\n');
    let place = parts.next().unwrap_or_default().to_owned();
    let frames = parts.nth(1).unwrap_or_default().split('\t').map(str::to_owned).collect();
    End::Panicked { message: parts.next().unwrap_or_default().to_owned(), place, frames }
}

fn told(text: &str) -> Option<(u64, u64)> {
    let (from, to) = text.lines().nth(1)?.split_once(' ')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

#[cfg(unix)]
fn how_it_ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(6)) => "signal 6: abort".to_owned(),
        (None, Some(9)) => "signal 9: killed, for lack of memory perhaps".to_owned(),
        (None, Some(11)) => "signal 11: a bad access to memory, or the stack overflowed".to_owned(),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "it is not known how".to_owned(),
    }
}

/// There a crash is an exit status: the number of an exception.
#[cfg(windows)]
fn how_it_ended(status: ExitStatus) -> String {
    let code = status.code().map(i32::cast_unsigned).unwrap_or_default();
    match code {
        0xc000_0005 => "exception 0xc0000005: a bad access to memory".to_owned(),
        0xc000_00fd => "exception 0xc00000fd: the stack overflowed".to_owned(),
        0xc000_0409 => "exception 0xc0000409: abort".to_owned(),
        0xc000_0000.. => format!("exception {code:#x}"),
        code => format!("exit status {code}"),
    }
}
