//! cargo run on the crate, its words about generated files turned into words about cells.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{self, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Result};
use crate::export::generated::must_be_readable;
use crate::places::Places;
use crate::project::Project;
use crate::run::native::{self, Finding};
use crate::run::process::Group;

/// What there is to print.
#[derive(Clone, Debug)]
pub enum Said {
    /// A line of what cargo, a test or the program wrote to stdout.
    Out(String),
    /// A line of stderr, or a message that rustc rendered; with ANSI codes.
    Error(String),
    /// A message for a program.
    Json(Value),
    /// What nbexport itself has to say of a cell.
    Diagnostic(Diagnostic),
}

/// How a command line of cargo is to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    toolchain: Option<String>,
    command: String,
    /// Without `--message-format`.
    arguments: Vec<String>,
    /// What stands behind `--`.
    trailing: Option<Vec<String>>,
    /// Whether the messages are for a program.
    json: bool,
}

/// The commands that only compile: none asks the person at the terminal.
const ONLY_COMPILING: &[&str] = &["b", "build", "c", "check", "clippy", "rustc"];

/// The commands that compile, and then run what may ask.
const RUNNING: &[&str] = &["bench", "r", "run", "t", "test"];

impl Line {
    fn parse(args: &[String]) -> Result<Self> {
        let mut line = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--" => {
                    line.trailing = Some(args.cloned().collect());
                    break;
                }
                toolchain if toolchain.starts_with('+') && line.command.is_empty() => {
                    line.toolchain = Some(toolchain.to_owned());
                }
                "--message-format" => {
                    line.json = args.next().is_some_and(|format| format.starts_with("json"));
                }
                format if format.starts_with("--message-format=") => line.json = format.contains("=json"),
                command if line.command.is_empty() && !command.starts_with('-') => {
                    command.clone_into(&mut line.command);
                }
                _ => line.arguments.push(arg.clone()),
            }
        }
        let fixes = line.arguments.iter().any(|argument| argument == "--fix") || line.command == "fix";
        if fixes {
            return Err(Diagnostic::error(
                "cargo's fixes would go to generated modules, and the next export would undo them",
            )
            .help("make the changes in the cells that `nbexport cargo clippy` names, then run `nbexport`"));
        }
        if line.command == "fmt" {
            return Err(Diagnostic::error("generated modules are not formatted, their cells are")
                .help("format the cells, then run `nbexport`"));
        }
        Ok(line)
    }

    /// Whether it takes `--message-format`.
    fn compiles(&self) -> bool {
        self.only_compiles() || RUNNING.contains(&self.command.as_str())
    }

    fn only_compiles(&self) -> bool {
        ONLY_COMPILING.contains(&self.command.as_str())
    }

    /// Whether unexported cells are looked at, too: by `true` for clippy.
    fn looks_at_cells(&self) -> Option<bool> {
        let narrowed = |argument: &String| {
            ["-p", "--package", "--lib", "--bin", "--example", "--help", "-h"].contains(&argument.as_str())
        };
        if self.arguments.iter().any(narrowed) {
            return None;
        }
        match self.command.as_str() {
            "check" | "c" => Some(false),
            "clippy" => Some(true),
            _ => None,
        }
    }
}

/// Runs cargo in the crate and says what it says. The exit status comes back.
pub fn run(project: &Project, args: &[String], color: bool, say: &(dyn Fn(Said) + Sync)) -> Result<i32> {
    let line = Line::parse(args)?;
    must_be_readable(project)?;
    let places = native::places(project);
    let mut shown = BTreeSet::new();
    let mut status = run_cargo(project, &line, color, &places, &mut shown, say)?;
    if let Some(clippy) = line.looks_at_cells() {
        let trailing = line.trailing.as_deref().unwrap_or_default();
        for finding in native::check(project, clippy, trailing, &|_| ())? {
            let is_error = match finding {
                Finding::Message(message) => {
                    let is_error = message["level"].as_str().is_some_and(|level| level.starts_with("error"));
                    tell(&message, &json!({ "reason": "compiler-message" }), &line, &mut shown, say);
                    is_error
                }
                Finding::Diagnostic(diagnostic) => {
                    let is_error = diagnostic.is_error();
                    say(Said::Diagnostic(diagnostic));
                    is_error
                }
            };
            if is_error && status == 0 {
                status = 101;
            }
        }
    }
    Ok(status)
}

/// Runs a command of the shell in the project's root and says what it says, about cells. The exit status comes back.
pub fn run_shell(project: &Project, command: &str, color: bool, say: &(dyn Fn(Said) + Sync)) -> Result<i32> {
    let places = native::places(project);
    let failed = |error: std::io::Error| Diagnostic::error(format!("cannot run `{command}`: {error}"));
    let shell = if cfg!(windows) { ["cmd", "/C"] } else { ["sh", "-c"] };
    let mut child = Command::new(shell[0])
        .args([shell[1], command])
        .current_dir(&project.root)
        .env("CARGO_TERM_COLOR", if color { "always" } else { "never" })
        .env("CARGO_TERM_PROGRESS_WHEN", "never")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // A message of rustc is several lines, and its gutter as wide as its numbers.
            let mut message = String::new();
            each_line(stderr, |text| {
                let plain = anstream::adapter::strip_str(text).to_string();
                let begins = plain.starts_with("error") || plain.starts_with("warning");
                if begins || !message.is_empty() {
                    message += text;
                    message.push('\n');
                    if plain.is_empty() {
                        say(Said::Error(places.rewrite_rendered(&std::mem::take(&mut message))));
                    }
                } else {
                    say(Said::Error(places.rewrite(text) + "\n"));
                }
            });
            if !message.is_empty() {
                say(Said::Error(places.rewrite_rendered(&message)));
            }
        });
        each_line(stdout, |text| say(Said::Out(places.rewrite(text))));
    });
    Ok(child.wait().map_err(failed)?.code().unwrap_or(101))
}

fn run_cargo(
    project: &Project,
    line: &Line,
    color: bool,
    places: &Places,
    shown: &mut BTreeSet<String>,
    say: &(dyn Fn(Said) + Sync),
) -> Result<i32> {
    let mut command = Command::new(if line.toolchain.is_some() { "cargo".into() } else { native::cargo() });
    command.args(&line.toolchain).args((!line.command.is_empty()).then_some(&line.command));
    if line.compiles() {
        command.arg("--message-format=json-diagnostic-rendered-ansi");
    }
    command.args(&line.arguments);
    if let Some(trailing) = &line.trailing {
        command.arg("--").args(trailing);
    }
    command
        .current_dir(&project.krate)
        .env("CARGO_TERM_COLOR", if color { "always" } else { "never" })
        .env("CARGO_TERM_PROGRESS_WHEN", "never")
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let failed = |error: std::io::Error| Diagnostic::error(format!("cannot run cargo: {error}"));
    let mut child = Child::spawn(&mut command, line).map_err(failed)?;
    let (stdout, stderr) = child.take_output();
    std::thread::scope(|scope| {
        scope.spawn(|| each_line(stderr, |text| say(Said::Error(places.rewrite(text) + "\n"))));
        each_line(stdout, |text| {
            let event =
                text.starts_with("{\"reason\":").then(|| serde_json::from_str::<Value>(text).ok()).flatten();
            match event {
                None => say(Said::Out(places.rewrite(text))),
                Some(mut event) if event["message"].is_object() => {
                    let mut message = event["message"].take();
                    places.rewrite_message(&mut message);
                    tell(&message, &event, line, shown, say);
                }
                Some(event) if line.json => say(Said::Json(event)),
                Some(_) => {}
            }
        });
    });
    Ok(child.wait().map_err(failed)?.code().unwrap_or(101))
}

/// A cargo that runs.
enum Child {
    /// With all the compilers it starts, which end when this process does.
    Group(Group),
    /// In our own process group: what `cargo run` starts may ask the person at the terminal.
    AtTerminal(process::Child),
}

impl Child {
    fn spawn(command: &mut Command, line: &Line) -> std::io::Result<Self> {
        Ok(if line.only_compiles() {
            Self::Group(Group::spawn(command.stdin(Stdio::null()))?)
        } else {
            Self::AtTerminal(command.spawn()?)
        })
    }

    fn take_output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        match self {
            Self::Group(group) => group.take_output(),
            Self::AtTerminal(child) => (child.stdout.take(), child.stderr.take()),
        }
    }

    /// Waits for its end, which is near: its output has ended.
    fn wait(self) -> std::io::Result<ExitStatus> {
        match self {
            Self::Group(group) => {
                while !group.has_ended() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                group.kill()
            }
            Self::AtTerminal(mut child) => child.wait(),
        }
    }
}

/// Says a message that has been put into cells: for a person once, since cargo builds a library and its tests.
fn tell(
    message: &Value,
    event: &Value,
    line: &Line,
    shown: &mut BTreeSet<String>,
    say: &(dyn Fn(Said) + Sync),
) {
    let rendered = message["rendered"].as_str().unwrap_or_default();
    if line.json {
        let mut event = event.clone();
        event["message"] = message.clone();
        let plain = anstream::adapter::strip_str(rendered).to_string();
        event["message"]["rendered"] = json!(plain);
        say(Said::Json(event));
    } else if shown.insert(identity(message)) && !rendered.is_empty() {
        say(Said::Error(format!("{}\n", rendered.trim_end_matches('\n')) + "\n"));
    }
}

/// What makes two messages one: the same is said of the same place. What is drawn around it differs between a test in
/// the crate and its cell in a program. A message without a place is its text.
fn identity(message: &Value) -> String {
    let spans = message["spans"].as_array().into_iter().flatten();
    match spans.into_iter().find(|span| span["is_primary"] == true) {
        Some(span) => {
            let place = ["file_name", "line_start", "column_start"].map(|key| span[key].to_string());
            format!("{} {} {}", message["level"], message["message"], place.join(":"))
        }
        None => message["rendered"].as_str().unwrap_or_default().to_owned(),
    }
}

fn each_line(from: Option<impl Read>, mut each: impl FnMut(&str)) {
    let Some(from) = from else { return };
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        each(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Line> {
        Line::parse(&text.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_command_line_is_taken_apart() {
        let it = line("+nightly clippy --message-format json --tests -- -D warnings").unwrap();
        assert_eq!(
            (it.toolchain.as_deref(), it.command.as_str(), it.json),
            (Some("+nightly"), "clippy", true)
        );
        assert_eq!(it.arguments, ["--tests"]);
        assert_eq!(it.trailing.as_deref().unwrap(), ["-D", "warnings"]);
        assert_eq!(it.looks_at_cells(), Some(true));
        assert_eq!(line("test -p exp").unwrap().looks_at_cells(), None);
    }

    #[test]
    fn fixes_are_refused() {
        assert!(line("clippy --fix").is_err() && line("fix").is_err());
        assert!(line("run -- --fix").is_ok());
    }
}
