//! What a request brings in: messages → outputs, and whether the mark was among them.

use serde_json::{Map, Value};

use super::message::Message;
use super::{Status, instrument};
use crate::run::outputs::{Bounded, Output};

/// What a request brings in.
pub(super) struct Sink {
    pub(super) mark: String,
    mime: String,
    pub(super) stdout: Channel,
    pub(super) stderr: Channel,
    rich: Vec<Output>,
    /// The ids of the requests whose output is wanted; the last one's answer is waited for.
    requests: Vec<String>,
    pub(super) status: Option<Status>,
    pub(super) count: Option<u64>,
    pub(super) idle: bool,
    pub(super) reached_end: bool,
    /// Whether the cell's end came after the answer to it.
    pub(super) ended_late: bool,
    /// What a later request of our own shows.
    pub(super) shown: Option<String>,
    /// When what happened, in the words of Jupyter's own record of it.
    pub(super) times: Vec<(&'static str, String)>,
}

/// What came by stdout or stderr.
pub(super) struct Channel {
    text: Bounded,
    /// Whether the mark came: with it, all of what the cell printed.
    pub(super) marked: bool,
}

impl Sink {
    pub(super) fn new(limit: usize, mark: &str) -> Self {
        let channel = || Channel { text: Bounded::new(limit), marked: false };
        Self {
            mark: mark.to_owned(),
            mime: instrument::mime_of(mark),
            stdout: channel(),
            stderr: channel(),
            rich: Vec::new(),
            requests: Vec::new(),
            status: None,
            count: None,
            idle: false,
            reached_end: false,
            ended_late: false,
            shown: None,
            times: Vec::new(),
        }
    }

    /// From here on, the answer to `request` is waited for.
    pub(super) fn begin(&mut self, request: String) {
        self.requests.push(request);
        (self.status, self.count, self.idle) = (None, None, false);
    }

    /// Whether the kernel answered the last request and is through with it.
    pub(super) fn is_answered(&self) -> bool {
        self.status.is_some() && self.idle
    }

    /// Whether all that the cell printed is here.
    pub(super) fn has_all(&self) -> bool {
        self.stdout.marked && self.stderr.marked
    }

    pub(super) fn answer(&mut self, message: &Message) {
        // A reply to another request may still be under way: only our own counts.
        if message.kind == "execute_reply" && self.requests.last() == Some(&message.parent) {
            let ok = message.content.get("status").and_then(Value::as_str) == Some("ok");
            self.status = Some(if ok { Status::Ok } else { Status::Error });
            self.count = message.content.get("execution_count").and_then(Value::as_u64);
            self.record(self.requests.len() - 1, "shell.execute_reply", &message.date);
        }
    }

    pub(super) fn publish(&mut self, mut message: Message) {
        let Some(request) = self.requests.iter().position(|id| *id == message.parent) else {
            return;
        };
        if let Some(event) = event(&message) {
            self.record(request, event, &message.date);
        }
        let mut take = |key: &str| match message.content.remove(key) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        };
        match message.kind.as_str() {
            "status" if request + 1 == self.requests.len() => {
                self.idle |= message.content.get("execution_state").and_then(Value::as_str) == Some("idle");
            }
            "stream" => self.stream(&message.content),
            "execute_result" => {
                let (mut data, metadata) = (take("data"), take("metadata"));
                let marked = data.shift_remove(&self.mime).is_some();
                self.reached_end |= marked && request == 0;
                self.ended_late |= marked && request > 0;
                if request > 0 {
                    self.shown = data.get("text/plain").and_then(Value::as_str).map(str::to_owned);
                } else if !data.is_empty() {
                    self.rich.push(Output::Result { count: 0, data, metadata });
                }
            }
            // What else comes of a later request of our own is no output of the cell.
            _ if request > 0 => {}
            "display_data" => {
                self.rich.push(Output::Display { data: take("data"), metadata: take("metadata") });
            }
            "error" => {
                let text =
                    |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
                let traceback = message.content.get("traceback").and_then(Value::as_array);
                self.rich.push(Output::Error {
                    name: text(message.content.get("ename")),
                    value: text(message.content.get("evalue")),
                    traceback: traceback.into_iter().flatten().map(|line| text(Some(line))).collect(),
                });
            }
            _ => {}
        }
    }

    /// Of the cell's own request, which is the first.
    fn record(&mut self, request: usize, event: &'static str, date: &str) {
        if request == 0 {
            self.times.push((event, date.to_owned()));
        }
    }

    fn stream(&mut self, content: &Map<String, Value>) {
        let text = content.get("text").and_then(Value::as_str).unwrap_or_default();
        let is_stderr = content.get("name").and_then(Value::as_str) == Some("stderr");
        let Channel { text: buffer, marked } = if is_stderr { &mut self.stderr } else { &mut self.stdout };
        let before = text.strip_suffix('\n').and_then(|line| line.strip_suffix(&self.mark));
        match before {
            Some(before) if !self.mark.is_empty() && (before.is_empty() || before.ends_with('\n')) => {
                buffer.push(before);
                // The mark begins with a line end of its own, so that it stands alone after any text.
                buffer.pop_newline();
                *marked = true;
            }
            // evcxr's own word for a panic, which it overlooks after text without a line end.
            _ => match text.strip_suffix("EVCXR_PANIC_NOTIFICATION\n") {
                Some(before) => buffer.push(before),
                None => buffer.push(text),
            },
        }
    }

    /// Whether the kernel said what was wrong.
    pub(super) fn has_error(&self) -> bool {
        self.rich.iter().any(|output| matches!(output, Output::Error { .. }))
    }

    /// How the process that cells run in ended, if the kernel says that it did.
    pub(super) fn process_end(&self) -> Option<String> {
        self.rich.iter().rev().find_map(|output| match output {
            Output::Error { value, .. } => {
                let how = value.lines().last()?.strip_prefix("Subprocess terminated with status: ")?;
                Some(how.to_owned())
            }
            _ => None,
        })
    }

    /// The outputs in the one order that does not depend on the race between the streams.
    pub(super) fn finish(self, execution_count: Option<u64>) -> Vec<Output> {
        let streams = [("stdout", self.stdout.text), ("stderr", self.stderr.text)];
        let streams = streams.into_iter().map(|(name, text)| Output::Stream { name, text: text.finish() });
        let streams =
            streams.filter(|output| !matches!(output, Output::Stream { text, .. } if text.is_empty()));
        let rich = self.rich.into_iter().map(|mut output| {
            match &mut output {
                Output::Result { count, .. } => *count = execution_count.unwrap_or_default(),
                // The messages name the cell by its number.
                Output::Error { traceback, .. } => {
                    if let (Some(counted), Some(shown)) =
                        (self.count, execution_count.filter(|n| Some(*n) != self.count))
                    {
                        let (counted, shown) = (format!("command_{counted}:"), format!("command_{shown}:"));
                        for line in traceback {
                            *line = line.replace(&counted, &shown);
                        }
                    }
                }
                _ => {}
            }
            output
        });
        streams.chain(rich).collect()
    }
}

/// What JupyterLab calls an event whose time it keeps.
fn event(message: &Message) -> Option<&'static str> {
    let state = message.content.get("execution_state").and_then(Value::as_str);
    match (message.kind.as_str(), state) {
        ("execute_input", _) => Some("iopub.execute_input"),
        ("status", Some("busy")) => Some("iopub.status.busy"),
        ("status", Some("idle")) => Some("iopub.status.idle"),
        _ => None,
    }
}
