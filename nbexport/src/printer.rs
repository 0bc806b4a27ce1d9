//! The one place that prints: results to stdout, what is wrong to stderr, colors where they are wanted.
//!
//! What comes from a file is shown by [`visible`], so that no cell can send the terminal a command. What could not be
//! written is kept for the end: a result that nobody got is no success.

mod annotation;

use std::fmt::{Arguments, Write as _};
use std::io::{self, ErrorKind, Write};
use std::sync::Mutex;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use nbexport::diagnostic::{Diagnostic, Result, is_hidden, visible};
use serde_json::{Value, json};
use similar::TextDiff;

use crate::cli::{Color, Global};

/// What kept stdout from being written.
static UNWRITTEN: Mutex<Option<io::Error>> = Mutex::new(None);

/// How much to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Volume {
    Quiet,
    #[default]
    Usual,
    Verbose,
}

/// Prints as the command line asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Printer {
    volume: Volume,
    annotates: bool,
}

#[expect(clippy::unused_self, reason = "who has a printer has decided what is colored")]
impl Printer {
    /// Decides once what is colored.
    pub(crate) fn new(global: &Global) -> Self {
        match global.color {
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
            Color::Auto => ColorChoice::Auto,
        }
        .write_global();
        Self {
            volume: match (global.quiet, global.verbose) {
                (true, _) => Volume::Quiet,
                (false, true) => Volume::Verbose,
                (false, false) => Volume::Usual,
            },
            annotates: global.annotates,
        }
    }

    /// Whether errors are colored.
    pub(crate) fn colors_errors(self) -> bool {
        AutoStream::choice(&io::stderr()) != ColorChoice::Never
    }

    /// Whether only what is wrong is said.
    pub(crate) fn is_quiet(self) -> bool {
        self.volume == Volume::Quiet
    }

    /// What was asked for with `-v`.
    pub(crate) fn note(self, line: &str) {
        if self.volume == Volume::Verbose {
            let _ = writeln!(anstream::stderr(), "note: {}", visible(line));
        }
    }

    /// A line of a result; `-q` drops it. The name of a file does not make two of it.
    pub(crate) fn info(self, line: &str) {
        self.passed_on(&visible(line).replace('\n', "␊"));
    }

    /// A line of another program's output, as it is; `-q` drops it.
    pub(crate) fn passed_on(self, line: &str) {
        if self.volume != Volume::Quiet {
            print(format_args!("{line}\n"));
        }
    }

    /// What another program wrote to stderr, as it is.
    pub(crate) fn passed_on_error(self, text: &str) {
        let _ = write!(anstream::stderr(), "{text}");
    }

    /// A unified diff.
    pub(crate) fn diff(self, diff: &str) {
        for line in diff.lines() {
            let style = match line.as_bytes().first() {
                Some(b'+') => AnsiColor::Green.on_default(),
                Some(b'-') => AnsiColor::Red.on_default(),
                Some(b'@') => AnsiColor::Cyan.on_default(),
                _ => Style::new(),
            };
            print(format_args!("{style}{}{style:#}\n", visible(line)));
        }
    }

    /// What changes in one cell.
    pub(crate) fn cell_diff(self, notebook: &str, number: usize, old: &str, new: &str) {
        let name = format!("{notebook}:cell {number}");
        let diff = TextDiff::from_lines(old, new);
        self.diff(&diff.unified_diff().missing_newline_hint(false).header(&name, &name).to_string());
    }

    /// What is wrong.
    pub(crate) fn error(self, diagnostic: &Diagnostic) {
        let _ = writeln!(anstream::stderr(), "{}", diagnostic.render(true));
        if self.annotates {
            print(format_args!("{}\n", visible(&annotation::annotation(diagnostic))));
        }
    }

    /// Several things that are wrong.
    pub(crate) fn diagnostics(self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            self.error(diagnostic);
        }
    }

    /// A text to read.
    pub(crate) fn text(text: &str) {
        print(format_args!("{}", visible(text)));
    }

    /// What clap was asked to tell: help, or the version.
    pub(crate) fn clap(told: &clap::Error) {
        print(format_args!("{}", told.render().ansi()));
    }

    /// Bytes for a program, as they are.
    pub(crate) fn bytes(bytes: &[u8]) {
        keep_error(io::stdout().write_all(bytes));
    }

    /// A line for a program. What [`visible`] would not send to a terminal is escaped, which JSON takes for the same.
    pub(crate) fn json_line(value: &Value) {
        let mut line = String::new();
        for c in value.to_string().chars() {
            if is_hidden(c) {
                let _ = write!(line, "\\u{:04x}", u32::from(c));
            } else {
                line.push(c);
            }
        }
        Self::bytes(format!("{line}\n").as_bytes());
    }

    /// To be called once all is printed.
    ///
    /// # Errors
    /// Something of it could not be written.
    pub(crate) fn finish() -> Result<()> {
        keep_error(io::stdout().flush());
        match UNWRITTEN.lock().ok().and_then(|mut error| error.take()) {
            Some(error) => Err(Diagnostic::error(format!("cannot write to stdout: {error}"))
                .help("what was to be printed is not complete")),
            None => Ok(()),
        }
    }

    /// A diagnostic for a program.
    pub(crate) fn json(diagnostic: &Diagnostic) -> Value {
        json!({
            "severity": if diagnostic.is_error() { "error" } else { "warning" },
            "message": diagnostic.message,
            "location": diagnostic.location(),
            "cell_id": diagnostic.primary.as_ref().and_then(|label| label.source.cell_id.clone()),
            "notes": diagnostic.notes,
            "help": diagnostic.help,
            "rendered": diagnostic.render(false),
        })
    }
}

fn print(text: Arguments<'_>) {
    keep_error(anstream::stdout().write_fmt(text));
}

fn keep_error(written: io::Result<()>) {
    // A reader that went away (`| head`) is no trouble of ours.
    if let Err(error) =
        written.or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
        && let Ok(mut unwritten) = UNWRITTEN.lock()
    {
        unwritten.get_or_insert(error);
    }
}
