//! What a notebook's program runs on: it tells the runner where it is, and what stopped it.
//!
//! The runner listens on a socket of its own, so that nothing a cell prints can be taken for a report. It gives the first
//! that calls a word that is new in every run, and believes only what begins with it; a process that a cell forked has the
//! word, too, and is silent. Every report carries how much has been written to the program's output so far: that is how
//! the output is dealt out to cells.

mod kept;

use std::any::Any;
use std::backtrace::Backtrace;
use std::convert::Infallible;
use std::fmt::{Debug, Display, Write as _};
use std::fs::File;
use std::future::Future;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
#[cfg(windows)]
use std::net::TcpStream as Line;
#[cfg(unix)]
use std::os::fd::AsFd as _;
#[cfg(unix)]
use std::os::unix::net::UnixStream as Line;
#[cfg(windows)]
use std::os::windows::io::AsHandle as _;
use std::panic::{AssertUnwindSafe, Location, PanicHookInfo, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::Poll;
use std::thread::ThreadId;
use std::time::Instant;

pub use kept::*;

/// Where reports go. Without a runner (the program was started by hand) there is none.
struct Reports {
    socket: Option<Mutex<Line>>,
    /// Standard output and standard error.
    output: [Option<File>; 2],
    start: Instant,
    notebook: ThreadId,
    /// The runner's word.
    word: String,
    process: u32,
}

static REPORTS: OnceLock<Reports> = OnceLock::new();
static CELL: AtomicUsize = AtomicUsize::new(0);
static LAST_PANIC: Mutex<Option<Panic>> = Mutex::new(None);

/// A panic of the notebook's thread, as the hook saw it.
struct Panic {
    message: String,
    place: String,
    /// The part of stderr that tells of it.
    told: (u64, u64),
    backtrace: Backtrace,
}

fn report(kind: &str, text: &str) {
    let Some(reports) = REPORTS.get() else { return };
    let Some(socket) = reports.socket.as_ref().filter(|_| reports.process == std::process::id()) else {
        return;
    };
    let (cell, nanos) = (CELL.load(Ordering::Relaxed), reports.start.elapsed().as_nanos());
    let line = format!("{} {kind} {cell} {} {nanos} {}\n{text}", reports.word, written(), text.len());
    let mut socket = socket.lock().unwrap_or_else(PoisonError::into_inner);
    // A runner that is gone has nobody to tell.
    let _ = socket.write_all(line.as_bytes());
}

#[cfg(unix)]
fn call(address: &std::ffi::OsStr) -> Option<Line> {
    Line::connect(address).ok()
}

/// The address of a port, and the key that is to be said there.
#[cfg(windows)]
fn call(address: &std::ffi::OsStr) -> Option<Line> {
    let (address, key) = address.to_str()?.split_once(' ')?;
    let mut line = Line::connect(address).ok()?;
    line.write_all(key.as_bytes()).ok()?;
    Some(line)
}

/// The runner says nothing, so what comes from it is the end of its line. It usually kills this process first, but was
/// itself killed without a warning: a cell without end would then run for ever.
fn end_with_runner(mut socket: Line) {
    let _ = socket.read(&mut [0]);
    std::process::exit(101);
}

/// How many bytes stdout and stderr got so far; each goes to a file.
struct Written(u64, u64);

impl Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{}", self.0, self.1)
    }
}

fn written() -> Written {
    let length = |file: &Option<File>| {
        file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |metadata| metadata.len())
    };
    REPORTS
        .get()
        .map_or(Written(0, 0), |reports| Written(length(&reports.output[0]), length(&reports.output[1])))
}

/// A cell begins. The C ABI does not unwind, which spares every cell a way out with all variables dropped.
pub extern "C" fn begin(cell: usize) {
    CELL.store(cell, Ordering::Relaxed);
    report("begin", "");
}

/// A cell reached its end.
pub extern "C" fn end() {
    let _ = std::io::stdout().flush();
    report("end", "");
}

/// All cells reached their end. As in the kernel, what they hold is not dropped.
pub fn finished() -> ! {
    let _ = std::io::stdout().flush();
    report("finished", "");
    std::process::exit(0)
}

/// A cell reached its end, and the next begins.
pub extern "C" fn next(cell: usize) {
    end();
    begin(cell);
}

/// Runs a line that begins with `!`, as the kernel does, before the Rust of its cell.
pub fn shell(line: &str) {
    let output = std::process::Command::new("sh").arg("-c").arg(line).output();
    let (text, failure) = match output {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            (text, (!output.status.success()).then(|| output.status.to_string()))
        }
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let _ = std::io::stdout().write_all(&text);
    if let Some(failure) = failure {
        let _ = std::io::stdout().flush();
        report("shell", &failure);
        std::process::exit(101);
    }
}

/// What a notebook's `?` turns errors into after `:efmt {:?}`: an error must have `Debug`.
pub struct Error(Failed);

/// The same as long as nothing is said: as in the kernel, an error must have `Display`.
pub struct DisplayedError(Failed);

struct Failed {
    text: String,
    place: String,
}

impl Failed {
    #[track_caller]
    fn new(text: String) -> Self {
        let caller = Location::caller();
        Self { text, place: place(caller) }
    }
}

impl<E: Debug> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Self {
        Self(Failed::new(format!("{error:?}")))
    }
}

impl<E: Display> From<E> for DisplayedError {
    #[track_caller]
    fn from(error: E) -> Self {
        Self(Failed::new(format!("{error}")))
    }
}

/// An error of a notebook.
pub trait Failure {
    #[doc(hidden)]
    fn say(&self) -> String;
}

impl Failure for Error {
    fn say(&self) -> String {
        format!("{}\n{}", self.0.place, self.0.text)
    }
}

impl Failure for DisplayedError {
    fn say(&self) -> String {
        format!("{}\n{}", self.0.place, self.0.text)
    }
}

/// Shows a closing expression that has no `evcxr_display` of its own: a method of the type itself is found first.
pub trait Show {
    #[doc(hidden)]
    fn evcxr_display(&self);
}

impl<T: Debug + ?Sized> Show for &T {
    fn evcxr_display(&self) {
        show(self);
    }
}

fn show(value: &dyn Debug) {
    report("value", &format!("{value:?}"));
}

fn place(location: &Location<'_>) -> String {
    format!("{}:{}:{}", location.file(), location.line(), location.column())
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is no text".to_owned())
}

fn remember(info: &PanicHookInfo<'_>, told: (u64, u64), backtrace: Backtrace) {
    if REPORTS.get().is_some_and(|reports| reports.notebook == std::thread::current().id()) {
        let panic = Panic {
            message: message(info.payload()),
            place: info.location().map(place).unwrap_or_default(),
            told,
            backtrace,
        };
        *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
    }
}

fn report_panic(payload: &(dyn Any + Send)) {
    let message = message(payload);
    let last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
    // A cell may have put a hook of its own in the place of ours, and what is left there is of another panic.
    let Some(panic) = last.filter(|panic| panic.message == message) else {
        return report("panic", &format!("\n0 0\n\n{message}"));
    };
    let mut frames = String::new();
    // Only where the panic itself has no place in a cell does the runner need to know who called.
    let _ = write!(frames, "{}", panic.backtrace);
    let frames: Vec<_> = frames.lines().filter_map(|line| line.trim().strip_prefix("at ")).collect();
    let (from, to) = panic.told;
    report("panic", &format!("{}\n{from} {to}\n{}\n{message}", panic.place, frames.join("\t")));
}

/// Runs a notebook.
pub fn main<E: Failure + 'static>(notebook: fn() -> Result<Infallible, E>) {
    run(Box::new(move || {
        let Err(error) = notebook();
        error.say()
    }));
}

/// What a program does beside its cells. It is compiled once, and not with each notebook.
fn run(notebook: Box<dyn FnOnce() -> String + Send>) {
    // Blocks within blocks make a deep frame, and a recursion that the kernel survives should fit here, too.
    let thread = std::thread::Builder::new().name("main".to_owned()).stack_size(256 << 20);
    let run = thread.spawn(move || {
        let socket = std::env::var_os("NBEXPORT_REPORTS").and_then(|address| call(&address));
        let mut word = String::new();
        if let Some(Ok(socket)) = socket.as_ref().map(Line::try_clone) {
            let _ = BufReader::new(socket).read_line(&mut word);
        }
        if let Some(Ok(socket)) = socket.as_ref().map(Line::try_clone) {
            std::thread::spawn(move || end_with_runner(socket));
        }
        #[cfg(unix)]
        let output =
            [std::io::stdout().as_fd().try_clone_to_owned(), std::io::stderr().as_fd().try_clone_to_owned()];
        #[cfg(windows)]
        let output = [
            std::io::stdout().as_handle().try_clone_to_owned(),
            std::io::stderr().as_handle().try_clone_to_owned(),
        ];
        let output = output.map(|output| output.ok().map(File::from));
        let _ = REPORTS.set(Reports {
            socket: socket.map(Mutex::new),
            output,
            start: Instant::now(),
            notebook: std::thread::current().id(),
            word: word.trim_end().to_owned(),
            process: std::process::id(),
        });
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let before = written().1;
            usual(info);
            remember(info, (before, written().1), Backtrace::force_capture());
        }));
        let ended = catch_unwind(AssertUnwindSafe(notebook));
        let _ = std::io::stdout().flush();
        match ended {
            Ok(error) => report("error", &error),
            Err(payload) => report_panic(&*payload),
        }
        101
    });
    let code = run.ok().and_then(|thread| thread.join().ok()).unwrap_or(101);
    std::process::exit(code);
}

/// A cell that is to panic, or to return an error.
pub fn should_panic<E: Failure>(cell: impl FnOnce() -> Result<(), E>) {
    match catch_unwind(AssertUnwindSafe(cell)) {
        Ok(Ok(())) => report("unexpected", ""),
        // As the kernel tells of it, and goes on.
        Ok(Err(error)) => eprintln!("{}", error.say().split_once('\n').map_or("", |(_, text)| text)),
        Err(_) => {}
    }
}

/// The same for a cell that awaits.
pub async fn should_panic_async<E: Failure>(cell: impl Future<Output = Result<(), E>>) {
    let mut cell = std::pin::pin!(cell);
    let ended = std::future::poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| cell.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => {
                if let Err(error) = &result {
                    eprintln!("{}", error.say().split_once('\n').map_or("", |(_, text)| text));
                }
                Poll::Ready(result.is_ok())
            }
            Err(_) => Poll::Ready(false),
        }
    });
    if ended.await {
        report("unexpected", "");
    }
}
