//! What the kernel said about a failed cell → a diagnostic at the cell's own line.
//!
//! Only for the reader: no verdict depends on a word of it.

use std::ops::Range;
use std::sync::Arc;

use anstream::adapter::strip_str;

use super::Instrumented;
use crate::diagnostic::{Diagnostic, Source};
use crate::notebook::header::first_code;
use crate::run::outputs::Output;

/// What a cell printed, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Printed {
    /// The last panic: its place in the generated program, and its message.
    panic: Option<(String, String)>,
    /// What stands on stderr after the last panic, or all of it.
    last_words: String,
    /// Stdout and stderr without panics.
    pub(super) rest: String,
}

impl Printed {
    pub(super) fn of(outputs: &[Output]) -> Self {
        let mut printed = Self::default();
        for output in outputs {
            match output {
                Output::Stream { name: "stderr", text } => printed.stderr(text),
                Output::Stream { text, .. } => printed.rest.push_str(text),
                _ => {}
            }
        }
        printed
    }

    fn stderr(&mut self, text: &str) {
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let place = line.split_once("' (").or_else(|| line.split_once("' ")).and_then(|(_, rest)| {
                let (_, place) = rest.split_once("panicked at ")?;
                line.starts_with("thread '").then(|| place.trim_end_matches(':').to_owned())
            });
            if let Some(place) = place {
                let mut message = Vec::new();
                while let Some(line) =
                    lines.next_if(|line| !is_about_backtrace(line) && !line.starts_with("thread '"))
                {
                    message.push(line);
                }
                while lines.next_if(|line| is_about_backtrace(line)).is_some() {}
                self.panic = Some((place, message.join("\n").trim_end().to_owned()));
                self.last_words.clear();
                // Each panic begins with an empty line.
                if self.rest.ends_with("\n\n") || self.rest == "\n" {
                    self.rest.pop();
                }
            } else {
                for text in [&mut self.last_words, &mut self.rest] {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
}

/// Whether a line belongs to a backtrace: `  3: core::panicking::panic_fmt`, `at /rustc/…`, and what frames them.
fn is_about_backtrace(line: &str) -> bool {
    let frame = || {
        line.trim_start()
            .split_once(": ")
            .is_some_and(|(n, _)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    line == "stack backtrace:"
        || line.starts_with("note: Some details are omitted")
        || line.starts_with("note: run with `RUST_BACKTRACE")
        || (line.starts_with("             at ") || line.starts_with("  ") && frame())
}

/// A cell, and what the kernel got of it.
pub(super) struct Sent {
    pub(super) source: Arc<Source>,
    pub(super) cell: Instrumented,
}

/// A cell that panicked, or whose `?` failed. `cells` are those sent so far, this one last.
pub(super) fn stopped(printed: &Printed, program: Option<&str>, cells: &[Sent]) -> Diagnostic {
    let Sent { source, .. } = cells.last().expect("the cell that stopped was sent");
    let last_words = printed.last_words.trim();
    match &printed.panic {
        // evcxr prints the error of a `?` and nothing else, after all that the cell printed.
        Some(_) | None if !last_words.is_empty() => {
            let error = last_words.lines().last().unwrap_or_default();
            Diagnostic::error(format!("an error was returned: {error}")).at(
                source,
                question(&source.text),
                "",
            )
        }
        Some((place, message)) => {
            let found = program.and_then(|program| locate(place, program, cells));
            let (at, span) = found.unwrap_or_else(|| (source, first_code(&source.text)));
            let diagnostic = Diagnostic::error(format!("the cell panicked: {message}"));
            if Arc::ptr_eq(at, source) {
                diagnostic.at(source, span, "")
            } else {
                let here = first_code(&source.text);
                diagnostic.at(at, span, "the panic").and_at(source, here, "called by this cell")
            }
        }
        None => Diagnostic::error("the cell stopped before its end, and said nothing")
            .at(source, first_code(&source.text), "")
            .note(
                "a panic whose message is suppressed, a `return`, or a `?` on an error that prints nothing",
            ),
    }
}

/// What the compiler said, of which the kernel passes on the message and a picture.
pub(super) fn compiler(outputs: &[Output], source: &Arc<Source>) -> Diagnostic {
    let mut errors = outputs.iter().filter_map(|output| match output {
        Output::Error { value, traceback, .. } => Some((value, traceback)),
        _ => None,
    });
    let Some((message, picture)) = errors.next() else {
        return Diagnostic::error("the cell does not compile").at(source, first_code(&source.text), "");
    };
    let span = pictured(picture, &source.text);
    let picture: Vec<String> = picture.iter().map(|line| strip_str(line).to_string()).collect();
    let code = picture.first().and_then(|line| line.strip_prefix('[')?.split_once(']').map(|(code, _)| code));
    let message = strip_str(message).to_string();
    let title = code.map_or_else(|| message.clone(), |code| format!("[{code}] {message}"));
    let mut diagnostic = Diagnostic::error(title).at(source, span, "");
    // In the picture, what is said about a place stands at the end of a line drawn from it.
    for line in &picture {
        if let Some((_, said)) = line.split_once('╰').or_else(|| line.split_once("Note: ")) {
            let said = said.trim_start_matches(['─', '┴', ' ']).trim().trim_start_matches("error: ");
            if !said.is_empty() && said != message {
                diagnostic = diagnostic.note(said);
            }
        }
    }
    // evcxr keeps items in a hash map, so a function stands above the macro that it calls in every second session.
    if let Some(name) = message.strip_prefix("cannot find macro `").and_then(|rest| rest.split('`').next())
        && diagnostic.notes.iter().any(|note| note.contains("it appears later"))
    {
        diagnostic = diagnostic.help(format!(
            "evcxr keeps functions and macros in no fixed order: put `#[macro_export]` on the macro and call \
             `crate::{name}!`, or define it inside the function"
        ));
    }
    errors
        .fold(diagnostic, |diagnostic, (message, _)| diagnostic.note(format!("and: {}", strip_str(message))))
}

/// The text that the compiler's error is about. The kernel underlines it in the first of its colours.
fn pictured(picture: &[String], text: &str) -> Range<usize> {
    const FIRST: &str = "\u{1b}[38;5;54m";
    let found = picture.windows(2).find_map(|lines| {
        let code = strip_str(&lines[0]).to_string();
        let (number, shown) = code.split_once('│')?;
        let number: usize = number.trim().parse().ok()?;
        let line_start = text.split_inclusive('\n').take(number.checked_sub(1)?).map(str::len).sum::<usize>();
        let line = text[line_start..].lines().next()?;
        // Only a line that is shown as it is has columns to count.
        let from = lines[1]
            .find(FIRST)
            .filter(|_| shown.strip_prefix(' ').is_some_and(|shown| shown.trim_end() == line.trim_end()));
        let Some(from) = from else {
            return Some(line_start..line_start + line.len());
        };
        let (_, before) = lines[1][..from].split_once('│')?;
        let column = strip_str(before).to_string().chars().count().checked_sub(1)?;
        // Up to where another colour or blank begins.
        let len = lines[1][from..]
            .split("\u{1b}[0m")
            .map_while(|part| part.strip_prefix(FIRST))
            .map(|part| part.chars().count());
        let offset = |column: usize| line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        Some(line_start + offset(column)..line_start + offset(column + len.sum::<usize>()))
    });
    found.unwrap_or_else(|| first_code(text))
}

/// Where in the cells a place of the generated program (`src/lib.rs:98:1`) comes from.
fn locate<'a>(place: &str, program: &str, cells: &'a [Sent]) -> Option<(&'a Arc<Source>, Range<usize>)> {
    let mut parts = place.strip_prefix("src/lib.rs:")?.splitn(2, ':');
    let number: usize = parts.next()?.parse().ok()?;
    let column: usize = parts.next()?.parse().ok()?;
    let generated = program.lines().nth(number.checked_sub(1)?)?;
    let code = generated.trim();
    // The last cell with this line: a later definition hides an earlier one. The same line twice: nobody knows which.
    let (sent, start) = cells.iter().rev().find_map(|sent| {
        let mut places = sent.cell.code.match_indices(code).map(|(at, _)| at);
        let first = places.next()?;
        places.next().is_none().then_some((sent, first))
    })?;
    let indent = generated.len() - generated.trim_start().len();
    let within = code.char_indices().nth((column - 1).checked_sub(indent)?).map_or(code.len(), |(at, _)| at);
    let at = start + within;
    // What was put before a closing expression is not the cell's: the text up to it is.
    let inserted = &sent.cell.inserted;
    let at = if at >= inserted.start { at.saturating_sub(inserted.len()).max(inserted.start) } else { at };
    let rest = sent.source.text.get(at..)?;
    let line = rest.lines().next()?.trim_end();
    (!line.is_empty()).then(|| (&sent.source, at..at + line.len()))
}

/// The last `?` of a cell's code, or its first line.
fn question(text: &str) -> Range<usize> {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let mut with_question =
        lines.iter().filter(|line| line.contains('?') && !line.trim_start().starts_with("//"));
    match (with_question.next(), with_question.next()) {
        // Only when there is no doubt about the line.
        (Some(line), None) => {
            let start = line.as_ptr().addr() - text.as_ptr().addr();
            start + line.len() - line.trim_start().len()..start + line.trim_end().len()
        }
        _ => first_code(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(name: &'static str, text: &str) -> Output {
        Output::Stream { name, text: text.to_owned() }
    }

    const PANIC: &str = "before\n\nthread '<unnamed>' (30994) panicked at src/lib.rs:3:5:\nassertion `left == right` failed\n  \
                         left: 1\n right: 2\nstack backtrace:\n   0: __rustc::rust_begin_unwind\n             at \
                         /rustc/5/panicking.rs:689:5\n   1: core::panicking::panic_fmt\nnote: Some details are omitted, run with \
                         `RUST_BACKTRACE=full` for a verbose backtrace.\n";

    fn cells(texts: &[&str]) -> Vec<Sent> {
        let source = |(index, text): (usize, &&str)| {
            let name = format!("x.ipynb:cell {}", index + 1);
            let source = Arc::new(Source { name, cell_id: None, text: (*text).to_owned() });
            Sent { source, cell: super::super::instrument(text, "M", super::super::Use::Run).unwrap() }
        };
        texts.iter().enumerate().map(source).collect()
    }

    #[test]
    fn a_panic_is_taken_out_of_what_was_printed() {
        let printed = Printed::of(&[stream("stdout", "out\n"), stream("stderr", PANIC)]);
        let (place, message) = printed.panic.unwrap();
        assert_eq!(place, "src/lib.rs:3:5");
        assert_eq!(message, "assertion `left == right` failed\n  left: 1\n right: 2");
        assert_eq!(printed.rest, "out\nbefore\n");
        assert_eq!(printed.last_words, "");
    }

    #[test]
    fn a_panic_is_shown_where_it_happened() {
        let cells = cells(&["fn f(x: i32) {\n    assert_eq!(x, 2);\n}", "// é\nf(1)"]);
        let printed = Printed::of(&[stream("stderr", PANIC)]);
        let said =
            stopped(&printed, Some("#![allow(x)]\nfn f(x: i32) {\n    assert_eq!(x, 2);\n}\n"), &cells);
        assert_eq!(said.location().unwrap(), "x.ipynb:cell 1:2:5");
        assert_eq!(said.secondary[0].source.name, "x.ipynb:cell 2");
        let closing =
            stopped(&printed, Some(&format!("\n\n{}", cells[1].cell.code.lines().nth(1).unwrap())), &cells);
        assert_eq!(closing.location().unwrap(), "x.ipynb:cell 2:2:1");
    }

    #[test]
    fn an_error_after_a_caught_panic_is_the_error() {
        let printed = Printed::of(&[stream("stderr", &format!("{PANIC}no such file\n"))]);
        let said = stopped(&printed, None, &cells(&["//| test\nlet a = 1;\nopen()?;"]));
        assert_eq!(said.message, "an error was returned: no such file");
        assert_eq!(said.location().unwrap(), "x.ipynb:cell 1:3:1");
    }

    #[test]
    fn a_macro_that_the_kernel_put_below_its_user_comes_with_a_way_out() {
        let error = |later: &str| Output::Error {
            name: "Error".into(),
            value: "cannot find macro `number` in this scope".into(),
            traceback: vec![
                "Error: cannot find macro `number` in this scope".to_owned(),
                format!("   │ Note: {later}"),
            ],
        };
        let source = &cells(&["fn get() -> i32 { number!() }"])[0].source;
        let said =
            compiler(&[error("note: a macro with the same name exists, but it appears later")], source);
        assert!(said.help.as_ref().is_some_and(|help| help.contains("`crate::number!`")));
        assert_eq!(compiler(&[error("have you added the `#[macro_use]`?")], source).help, None);
    }

    #[test]
    fn the_compilers_picture_gives_the_place() {
        let first = |text: &str| {
            text.chars()
                .map(|c| ["\u{1b}[38;5;54m", &c.to_string(), "\u{1b}[0m"].concat())
                .collect::<Vec<_>>()
                .concat()
        };
        let traceback = [
            "\u{1b}[31m[E0308] Error:\u{1b}[0m mismatched types".to_owned(),
            "   ╭─[ command_18:1:1 ]".to_owned(),
            "   │".to_owned(),
            format!(" \u{1b}[38;5;246m2 │\u{1b}[0m let a: i32 = {};", first("\"x\"")),
            format!(
                " \u{1b}[38;5;240m  │\u{1b}[0m        \u{1b}[38;5;100m─\u{1b}[0m\u{1b}[38;5;100m┬\u{1b}[0m─   {}  ",
                first("─┬─")
            ),
            "   │         ╰───────── expected due to this".to_owned(),
            "   │               ╰─── error: expected `i32`, found `&str`".to_owned(),
        ];
        let error = Output::Error {
            name: "Error".into(),
            value: "mismatched types".into(),
            traceback: traceback.to_vec(),
        };
        let said = compiler(&[error], &cells(&["let b = 1;\nlet a: i32 = \"x\";"])[0].source);
        assert_eq!(said.message, "[E0308] mismatched types");
        assert_eq!(said.location().unwrap(), "x.ipynb:cell 1:2:14");
        assert_eq!(said.primary.as_ref().unwrap().span.len(), 3);
        assert!(said.notes.iter().any(|note| note.contains("found `&str`")), "{:?}", said.notes);
    }
}
