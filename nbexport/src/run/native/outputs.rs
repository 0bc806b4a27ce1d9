//! What a cell of a program printed and was → the outputs that the kernel would have given it.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::run::{CellRun, End};
use crate::places::Places;
use crate::run::outputs::{Output, Ran, of_streams};
use crate::run::verdict::{Expect, Failure, FailureKind, Verdict};

/// What matters of a cell's [`Expect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum Kind {
    /// It is left out.
    Skipped,
    /// It is not to compile: what the kernel's compiler says of it is not known here.
    NotToCompile,
    /// Anything else.
    Usual,
}

impl Kind {
    pub(super) fn of(expect: &Expect) -> Self {
        match expect {
            Expect::Skip(_) => Self::Skipped,
            Expect::CompileError => Self::NotToCompile,
            _ => Self::Usual,
        }
    }
}

/// Makes the outputs of a notebook's cells, one after the other.
pub(super) struct Outputs<'a> {
    places: &'a Places,
    /// The number that evcxr gave the cell before.
    count: u64,
}

impl<'a> Outputs<'a> {
    /// evcxr counts from 2.
    pub(super) fn new(places: &'a Places) -> Self {
        Self { places, count: 1 }
    }

    /// The outputs of the next cell; `None` when what the notebook has is to stay.
    pub(super) fn cell(
        &mut self,
        kind: Kind,
        verdict: &Verdict,
        run: Option<&CellRun>,
        end: Option<&End>,
    ) -> Option<Ran> {
        if kind == Kind::Skipped || *verdict == Verdict::NotReached {
            return None;
        }
        self.count += 1;
        if kind == Kind::NotToCompile {
            return None;
        }
        let mut outputs = match run {
            Some(run) => {
                let mut stderr = self.readable(&run.stderr);
                if let (false, Some(End::Failed { message, .. })) = (run.ended, end) {
                    stderr.push_str(message);
                    stderr.push('\n');
                }
                of_streams(&run.stdout, &stderr, run.value.as_deref(), self.count)
            }
            None => Vec::new(),
        };
        outputs.extend(error(verdict));
        let times = run.and_then(|run| run.between).map(times).unwrap_or_default();
        Some(Ran { outputs, execution_count: Some(self.count), times })
    }

    /// Text of stderr as a reader of the notebook wants it: places in cells, and neither the number of a thread, which is
    /// another one each time, nor the trace of a panic through the program that the notebook is.
    fn readable(&self, stderr: &str) -> String {
        let mut text = String::new();
        let mut in_trace = false;
        for line in self.places.rewrite(stderr).split_inclusive('\n') {
            in_trace = match line.trim_end() {
                "stack backtrace:" => true,
                line if in_trace => line.starts_with(' ') || line.starts_with("note: "),
                line => line.starts_with("note: run with `RUST_BACKTRACE"),
            };
            if !in_trace {
                text.push_str(&without_thread(line));
            }
        }
        text
    }
}

/// `thread 'main' (123) panicked at …` without the number.
fn without_thread(line: &str) -> String {
    let number = line.strip_prefix("thread '").and_then(|rest| {
        let (name, rest) = rest.split_once("' (")?;
        let (_, rest) = rest.split_once(") ")?;
        rest.starts_with("panicked at ").then_some((name, rest))
    });
    number.map_or_else(|| line.to_owned(), |(name, rest)| format!("thread '{name}' {rest}"))
}

/// The error that the kernel tells of: a cell that does not compile, or that took the process with it.
fn error(verdict: &Verdict) -> Option<Output> {
    let Verdict::Failed(failure) = verdict else { return None };
    let Failure { kind, diagnostic, .. } = &**failure;
    let value = diagnostic.message.clone();
    let traceback = match kind {
        FailureKind::NotCompiled => diagnostic.render(false).lines().map(str::to_owned).collect(),
        FailureKind::ProcessEnded | FailureKind::TimedOut => vec![value.clone()],
        FailureKind::Stopped | FailureKind::Unexpected | FailureKind::Unknown => return None,
    };
    Some(Output::Error { name: "Error".to_owned(), value, traceback })
}

/// What JupyterLab keeps of a cell's times.
fn times((began, ended): (SystemTime, SystemTime)) -> Vec<(&'static str, String)> {
    let date = |time: SystemTime| DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Micros, true);
    let [began, ended] = [began, ended].map(date);
    vec![
        ("iopub.status.busy", began.clone()),
        ("iopub.execute_input", began),
        ("shell.execute_reply", ended.clone()),
        ("iopub.status.idle", ended),
    ]
}
