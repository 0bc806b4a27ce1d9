//! The one place that prints: results to stdout, what is wrong to stderr, colors where they are wanted.

use std::io::{IsTerminal, Write};

use nbexport::diagnostic::Diagnostic;
use serde_json::{Value, json};
use similar::TextDiff;

use crate::cli::{Color, Global};

/// How much to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Volume {
    Quiet,
    Usual,
    Verbose,
}

/// Prints as the command line asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    volume: Volume,
    color_out: bool,
    color_err: bool,
}

impl Printer {
    /// Decides once what is colored.
    pub(crate) fn new(global: &Global) -> Self {
        let wanted = |terminal: bool| match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self {
            volume: match (global.quiet, global.verbose) {
                (true, _) => Volume::Quiet,
                (false, true) => Volume::Verbose,
                (false, false) => Volume::Usual,
            },
            color_out: wanted(std::io::stdout().is_terminal()),
            color_err: wanted(std::io::stderr().is_terminal()),
        }
    }

    /// Whether errors are colored.
    pub(crate) fn colors_errors(self) -> bool {
        self.color_err
    }

    /// Whether only what is wrong is said.
    pub(crate) fn is_quiet(self) -> bool {
        self.volume == Volume::Quiet
    }

    /// What was asked for with `-v`.
    pub(crate) fn note(self, line: &str) {
        if self.volume == Volume::Verbose {
            let _ = writeln!(std::io::stderr(), "note: {line}");
        }
    }

    /// Text as it is, to stderr.
    pub(crate) fn raw_error(self, text: &str) {
        let text = if self.color_err { text.into() } else { anstream::adapter::strip_str(text).to_string() };
        let _ = write!(std::io::stderr(), "{text}");
    }

    /// A line of a result; `-q` drops it.
    pub(crate) fn info(self, line: &str) {
        if self.volume != Volume::Quiet {
            // A reader that went away (`| head`) is no trouble of ours.
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    }

    /// A unified diff.
    pub(crate) fn diff(self, diff: &str) {
        let mut out = std::io::stdout().lock();
        for line in diff.lines() {
            let color = match line.as_bytes().first() {
                Some(b'+') => "\u{1b}[32m",
                Some(b'-') => "\u{1b}[31m",
                Some(b'@') => "\u{1b}[36m",
                _ => "",
            };
            let _ = if self.color_out && !color.is_empty() {
                writeln!(out, "{color}{line}\u{1b}[0m")
            } else {
                writeln!(out, "{line}")
            };
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
        let _ = writeln!(std::io::stderr(), "{}", diagnostic.render(self.color_err));
    }

    /// Several things that are wrong.
    pub(crate) fn diagnostics(self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            self.error(diagnostic);
        }
    }

    /// Text for a program, as it is.
    pub(crate) fn text(text: &str) {
        let _ = write!(std::io::stdout(), "{text}");
    }

    /// A line for a program.
    pub(crate) fn json_line(value: &Value) {
        let _ = writeln!(std::io::stdout(), "{value}");
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
