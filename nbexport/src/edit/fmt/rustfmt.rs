//! rustfmt as a process: given many cells at once, held to limits of time and memory, gone when nbexport is.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use super::Piece;
use crate::diagnostic::{Diagnostic, Result};
use crate::notebook::tokens::lines_within_literals;
use crate::run::process::Group;

/// So much text goes to one process.
const BATCH: usize = 256 << 10;
/// Of nested code rustfmt takes 14 GB and more; of a batch of ordinary cells, a tenth of this.
#[cfg(target_os = "linux")]
const MEMORY: u64 = 3 << 30;
/// A process that waits uses no processor time, so there is an end by the clock, too.
const PATIENCE: Duration = Duration::from_mins(2);

/// What became of one cell.
pub(super) enum Answer {
    Formatted(String),
    /// rustfmt takes it for a mistake.
    Refused,
    /// rustfmt did not end in time, or took too much memory.
    Spent,
}

/// What became of a process.
enum Ended {
    Well(Vec<String>),
    Refusing,
    Spent,
}

/// The user's rustfmt, with the project's configuration one level wider.
pub(super) struct Rustfmt<'a> {
    root: &'a Path,
    /// The line below each cell; a text that holds it by chance would be cut there.
    marker: String,
    indent: String,
    config: String,
}

impl<'a> Rustfmt<'a> {
    pub(super) fn new(root: &'a Path) -> Result<Self> {
        // rustfmt reads the configuration for a file, which need not be there.
        let output = Command::new("rustfmt")
            .args(["--print-config", "current"])
            .arg(root.join("nbexport.rs"))
            .current_dir(root)
            .output()
            .map_err(|error| missing(&error))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Diagnostic::error(format!("rustfmt does not read its configuration: {why}")));
        }
        let value =
            |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_prefix("= "));
        let spaces: usize = value("tab_spaces").and_then(|it| it.parse().ok()).unwrap_or(4);
        let width: usize = value("max_width").and_then(|it| it.parse().ok()).unwrap_or(100);
        // Cells end their lines as notebooks do, whatever a checkout on Windows makes of other files.
        let mut config = vec![format!("max_width={}", width + spaces), "newline_style=Unix".to_owned()];
        // These follow the line width where nothing sets them, so they are said.
        config.extend(
            [
                "fn_call_width",
                "attr_fn_like_width",
                "struct_lit_width",
                "struct_variant_width",
                "array_width",
                "chain_width",
                "single_line_if_else_max_width",
                "single_line_let_else_max_width",
            ]
            .iter()
            .filter_map(|key| Some(format!("{key}={}", value(key)?))),
        );
        let indent = if value("hard_tabs") == Some("true") { "\t".to_owned() } else { " ".repeat(spaces) };
        let mut random = [0; 16];
        getrandom::fill(&mut random).expect("the system has random numbers");
        let marker = format!("// end of cell {:032x}", u128::from_ne_bytes(random));
        Ok(Self { root, marker, indent, config: config.join(",") })
    }

    /// Formats all pieces. Where the lot of them fails, halves are tried, so that one bad cell does not keep the others
    /// from being formatted.
    pub(super) fn format_all(&self, pieces: &[&Piece]) -> Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(pieces.len());
        let mut rest = pieces;
        while !rest.is_empty() {
            let mut size = 0;
            let fit = rest.iter().take_while(|piece| {
                size += piece.text.len();
                size <= BATCH
            });
            let (batch, more) = rest.split_at(fit.count().max(1));
            answers.extend(self.format_batch(batch)?);
            rest = more;
        }
        Ok(answers)
    }

    fn format_batch(&self, pieces: &[&Piece]) -> Result<Vec<Answer>> {
        match self.run(pieces)? {
            Ended::Well(bodies) => Ok(bodies.into_iter().map(Answer::Formatted).collect()),
            Ended::Refusing if pieces.len() == 1 => Ok(vec![Answer::Refused]),
            Ended::Spent if pieces.len() == 1 => Ok(vec![Answer::Spent]),
            Ended::Refusing | Ended::Spent => {
                let (left, right) = pieces.split_at(pieces.len() / 2);
                let mut all = self.format_batch(left)?;
                all.extend(self.format_batch(right)?);
                Ok(all)
            }
        }
    }

    fn run(&self, pieces: &[&Piece]) -> Result<Ended> {
        let mut input = String::new();
        for (index, piece) in pieces.iter().enumerate() {
            let opening =
                if piece.is_items { format!("mod cell_{index} {{") } else { format!("fn cell_{index}() {{") };
            let _ = writeln!(input, "{opening}\n{}\n}}\n{} {index}", piece.text.trim_end(), self.marker);
        }
        let mut command = Command::new("rustfmt");
        command
            .args(["--edition", "2024", "--quiet", "--config", &self.config])
            // For stdin, rustfmt takes its configuration from the working directory.
            .current_dir(self.root);
        let (status, output) = limited(&mut command, &input).map_err(|error| missing(&error))?;
        let Some(status) = status.filter(|status| status.code().is_some()) else { return Ok(Ended::Spent) };
        if !status.success() {
            return Ok(Ended::Refusing);
        }
        let text = String::from_utf8_lossy(&output).into_owned();
        Ok(self.take_apart(&text, pieces.len()).map_or(Ended::Refusing, Ended::Well))
    }

    /// The bodies of the formatted file, without their frames and indentation.
    fn take_apart(&self, text: &str, count: usize) -> Option<Vec<String>> {
        let literals: HashSet<usize> = lines_within_literals(text).into_iter().collect();
        let lines: Vec<&str> = text.lines().collect();
        let mut bodies = Vec::with_capacity(count);
        let mut at = 0;
        for index in 0..count {
            let marker = format!("{} {index}", self.marker);
            let end = at + lines[at..].iter().position(|line| *line == marker)?;
            // Inside the frame; rustfmt may write an empty one on a single line.
            let inside = at + 1..end.checked_sub(1)?.max(at + 1);
            let body: Vec<&str> = inside
                .map(|row| {
                    let line = lines[row];
                    if literals.contains(&row) {
                        line
                    } else {
                        line.strip_prefix(&self.indent).unwrap_or(line)
                    }
                })
                .collect();
            bodies.push(body.join("\n").trim_matches('\n').to_owned());
            at = end + 1;
            while lines.get(at).is_some_and(|line| line.trim().is_empty()) {
                at += 1;
            }
        }
        Some(bodies)
    }
}

/// Runs a process on this input; gives its status, or none where it did not end, and what it printed.
fn limited(command: &mut Command, input: &str) -> io::Result<(Option<ExitStatus>, Vec<u8>)> {
    let start = Instant::now();
    let mut group = Group::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()))?;
    // It reads all of its input before it works, so the limits hold from the beginning.
    limit(group.id(), 3 + input.len() as u64 / (64 << 10));
    let stdin = group.take_input();
    let (stdout, _) = group.take_output();
    thread::scope(|scope| {
        // One that ends early does not read it all.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        let (sender, receiver) = channel();
        scope.spawn(move || {
            let mut output = Vec::new();
            let read = stdout.map(|mut stdout| stdout.read_to_end(&mut output));
            let _ = sender.send(read.map(|_| output));
        });
        let output = receiver.recv_timeout(PATIENCE).ok().flatten();
        while output.is_some() && !group.has_ended() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        let is_ended = group.has_ended();
        // A killed process closes its pipes, and both threads end.
        let status = group.kill()?;
        Ok((is_ended.then_some(status), output.unwrap_or_default()))
    })
}

/// Seconds of the processor, not of the clock: a busy machine makes no cell a bad one.
#[cfg(target_os = "linux")]
fn limit(process: u32, seconds: u64) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    for (resource, most) in [(Resource::Cpu, seconds), (Resource::As, MEMORY), (Resource::Core, 0)] {
        // Without one, it still ends by the clock.
        let _ = prlimit(pid, resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
}

#[cfg(not(target_os = "linux"))]
fn limit(_: u32, _: u64) {}

fn missing(error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot run rustfmt: {error}"))
        .help("install it: `rustup component add rustfmt`")
}
