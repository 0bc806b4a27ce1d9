//! evcxr's commands as a native run takes them: see [`crate::notebook::command`] for what each means.

use std::env::consts::EXE_SUFFIX;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Result, Source};
use crate::notebook::cell::Code;
use crate::notebook::command::{self, Natively};
use crate::notebook::header::first_code;
use crate::notebook::scope;

/// What commands set for the run of a notebook.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// What `:build_env` lines set for the build.
    pub(super) build_env: Vec<(String, String)>,
    /// Whether the network is not to be used.
    pub(super) offline: bool,
    /// The level that `:opt` asks for.
    pub(super) opt_level: Option<String>,
    /// Whether errors returned by `?` must have `Debug`; `Display` otherwise, as in the kernel.
    errors_by_debug: bool,
    /// Which of both the cells with a `?` so far were compiled with, and the first of them.
    returned: Option<(bool, Arc<Source>)>,
    /// The `:efmt` that is in force, and its cell.
    format_of: Option<(Arc<Source>, Range<usize>)>,
    /// What was passed over.
    pub(super) notes: Vec<String>,
}

/// What a cell's commands come to.
pub(super) type Carried = std::result::Result<(), Diagnostic>;

impl Settings {
    /// Takes the commands of a cell. The inner result is of the cell alone: a command that fails keeps it from running.
    ///
    /// # Errors
    /// A program cannot have the meaning of a command.
    pub(super) fn take(&mut self, code: &Code, declared: &[String]) -> Result<Carried> {
        for (line, span) in code.commands.iter().filter(|(line, _)| line.starts_with(':')) {
            let (name, arguments) = command::split(line);
            let Ok(command) = command::of(line) else { continue };
            match command.natively {
                Natively::NeedsKernel(why) => {
                    return Err(super::subject::needs_kernel(
                        code,
                        span.clone(),
                        &format!("`{name}`: {why}"),
                    ));
                }
                Natively::Nothing => {
                    self.notes.push(format!("{}: `{line}` has no meaning natively", code.source().name));
                }
                Natively::Meant => {
                    if let Err((what, help)) = self.carry_out(code, name, arguments, span, declared) {
                        let diagnostic = Diagnostic::error(what).at(code.source(), span.clone(), "");
                        return Ok(Err(diagnostic.help(help)));
                    }
                }
            }
        }
        self.returns(code)?;
        Ok(Ok(()))
    }

    fn carry_out(
        &mut self,
        code: &Code,
        name: &str,
        arguments: &str,
        span: &Range<usize>,
        declared: &[String],
    ) -> std::result::Result<(), (String, String)> {
        let fails = |what: String, help: &str| Err((what, help.to_owned()));
        match name {
            ":env" | ":build_env" => {
                let Some((key, value)) = arguments.split_once('=') else {
                    return fails(
                        format!("`{name}` sets a variable to a value"),
                        &format!("write `{name} NAME=VALUE`"),
                    );
                };
                // What `:env` sets, evcxr's own process has, and cells only after a `:restart`.
                if name == ":build_env" {
                    self.build_env.push((key.to_owned(), value.to_owned()));
                }
            }
            ":opt" if matches!(arguments, "0" | "1" | "2" | "3" | "s" | "z" | "") => {
                let level = match (arguments, self.opt_level.as_deref()) {
                    ("", None | Some("2")) => "0",
                    ("", Some(_)) => "2",
                    (level, _) => level,
                };
                let text =
                    level.parse::<u8>().map_or_else(|_| format!("{level:?}"), |level| level.to_string());
                self.opt_level = Some(text);
            }
            ":opt" => {
                return fails(
                    format!("there is no level `{arguments}`"),
                    "the levels are 0, 1, 2, 3, s and z",
                );
            }
            ":efmt" if arguments.is_empty() => {}
            ":efmt" if matches!(arguments, "{}" | "{:?}" | "{:#?}") => {
                self.errors_by_debug = arguments != "{}";
                self.format_of = Some((Arc::clone(code.source()), span.clone()));
            }
            ":efmt" => {
                return fails(
                    format!("errors cannot be shown by `{arguments}`"),
                    "write `{}`, `{:?}` or `{:#?}`",
                );
            }
            ":offline" => self.offline = arguments == "1",
            ":sccache" if arguments != "0" && !is_on_path("sccache") => {
                return fails(
                    "`:sccache` needs the program `sccache`, which is not on PATH".to_owned(),
                    "`cargo install sccache`, or take the line out: `:cache 500` keeps what was compiled without it",
                );
            }
            ":cache" if !arguments.is_empty() && arguments.parse::<u64>().is_err() => {
                return fails(format!("`{arguments}` is no number of MiB"), "write `:cache 500`");
            }
            ":type" | ":t" if !declared.iter().any(|variable| variable == arguments) => {
                return fails(
                    format!("no earlier cell declares a variable `{arguments}`"),
                    "evcxr carries out commands before the Rust of their cell",
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the errors that the notebook's `?` return must have `Debug`, and not `Display`.
    pub(super) fn returns_by_debug(&self) -> bool {
        self.returned.as_ref().is_some_and(|(by_debug, _)| *by_debug)
    }

    /// The whole program has one way to take errors; a notebook that changes it between two `?` has two.
    fn returns(&mut self, code: &Code) -> Result<()> {
        if !scope::uses_question_mark_and_await(code).0 {
            return Ok(());
        }
        match (&self.returned, &self.format_of) {
            (Some((by_debug, first)), Some((source, span))) if *by_debug != self.errors_by_debug => {
                let why = "`:efmt`: from here on, errors of a `?` show otherwise";
                let diagnostic = super::subject::needs_kernel_at(source, span.clone(), why);
                Err(diagnostic.and_at(first, first_code(&first.text), "than those of this cell"))
            }
            _ => {
                self.returned.get_or_insert_with(|| (self.errors_by_debug, Arc::clone(code.source())));
                Ok(())
            }
        }
    }
}

fn is_on_path(program: &str) -> bool {
    let file = format!("{program}{EXE_SUFFIX}");
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(&file).is_file()))
}
