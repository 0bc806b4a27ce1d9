//! What nbexport says when something is wrong: one [`Diagnostic`] type and its one renderer.
//!
//! A diagnostic is rendered as rustc renders its own, and its place is always written
//! `notebooks/02_x.ipynb:cell 14:3:9`: cell counted from 1 over all cells of the notebook, as a reader counts them,
//! then line and column within the cell.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::{Deserialize, Serialize};

/// How bad it is: an error stops the export of its notebook, a warning does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Worth knowing; nothing is held back.
    Warning,
    /// The notebook is not exported.
    Error,
}

/// A text that spans point into: a cell's source, or a whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// How the place is called before line and column: `notebooks/02_x.ipynb:cell 14`, or a file's path.
    pub name: String,
    /// The cell's id, where the text is a cell's.
    pub cell_id: Option<String>,
    /// The text that byte ranges count in.
    pub text: String,
}

/// A byte range in a [`Source`], with a few words on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The text pointed into.
    pub source: Arc<Source>,
    /// Bytes of [`Source::text`].
    pub span: Range<usize>,
    /// What is shown beside the underline; may be empty.
    pub text: String,
}

/// What may end with a [`Diagnostic`].
pub type Result<T, E = Diagnostic> = std::result::Result<T, E>;

/// One thing that is wrong, where it is, and the way out. As small as a pointer, so that a [`Result`] costs nothing
/// where all is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic(Box<Details>);

/// What a [`Diagnostic`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Error or warning.
    pub severity: Severity,
    /// One lower-case sentence.
    pub message: String,
    /// Where; empty when the trouble has no line (a file that cannot be read).
    pub primary: Option<Label>,
    /// Other places that belong to it: the first definition, the other notebook.
    pub secondary: Vec<Label>,
    /// Facts that explain it.
    pub notes: Vec<String>,
    /// The way out.
    pub help: Option<String>,
    /// The whole of it as another program (rustc) rendered it, with ANSI codes; shown in place of our own rendering.
    pub rendered: Option<String>,
    /// Whether it is something that was found, as a test that fails is, and not work that could not be done.
    pub is_finding: bool,
}

impl Deref for Diagnostic {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl DerefMut for Diagnostic {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

impl Diagnostic {
    /// An error without a place.
    pub fn error(message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            severity: Severity::Error,
            message: message.into(),
            primary: None,
            secondary: Vec::new(),
            notes: Vec::new(),
            help: None,
            rendered: None,
            is_finding: false,
        }))
    }

    /// A warning without a place.
    pub fn warning(message: impl Into<String>) -> Self {
        let mut warning = Self::error(message);
        warning.severity = Severity::Warning;
        warning
    }

    /// Puts it at `span` of `source`, with `text` beside the underline.
    #[must_use]
    pub fn at(mut self, source: &Arc<Source>, span: Range<usize>, text: impl Into<String>) -> Self {
        self.primary = Some(Label { source: Arc::clone(source), span, text: text.into() });
        self
    }

    /// Names another place that belongs to it.
    #[must_use]
    pub(crate) fn and_at(
        mut self,
        source: &Arc<Source>,
        span: Range<usize>,
        text: impl Into<String>,
    ) -> Self {
        self.secondary.push(Label { source: Arc::clone(source), span, text: text.into() });
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Shows it as rustc rendered it.
    #[must_use]
    pub fn as_rendered(mut self, rendered: impl Into<String>) -> Self {
        self.rendered = Some(rendered.into());
        self
    }

    /// Says that it was found, where an error else means that nbexport could not do its work.
    #[must_use]
    pub fn as_finding(mut self) -> Self {
        self.is_finding = true;
        self
    }

    /// Whether it stops the export.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The place as `notebook:cell N:line:column`, lines and columns counted from 1.
    pub fn location(&self) -> Option<String> {
        self.primary.as_ref().map(|label| {
            let (line, column) = line_column(&label.source.text, label.span.start);
            format!("{}:{line}:{column}", label.source.name)
        })
    }

    /// The text a person reads, colored with ANSI codes when `color` is set.
    pub fn render(&self, color: bool) -> String {
        if let Some(rendered) = &self.rendered {
            return if color { rendered.clone() } else { anstream::adapter::strip_str(rendered).to_string() };
        }
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(visible(&self.message)));
        for (place, kind) in self
            .primary
            .iter()
            .map(|label| (label, AnnotationKind::Primary))
            .chain(self.secondary.iter().map(|label| (label, AnnotationKind::Context)))
        {
            let name = visible(&place.source.name);
            group = if place.source.text.is_empty() {
                group.element(Origin::path(name))
            } else {
                let label = (!place.text.is_empty()).then(|| visible(&place.text));
                group.element(
                    Snippet::source(as_wide(&place.source.text))
                        .path(name)
                        .annotation(kind.span(printable(&place.source.text, &place.span)).label(label)),
                )
            };
        }
        if let Some(id) = self.primary.as_ref().and_then(|label| label.source.cell_id.as_deref()) {
            group = group.element(Level::NOTE.message(format!("this is the cell with id `{}`", visible(id))));
        }
        for note in &self.notes {
            group = group.element(Level::NOTE.message(visible(note)));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(visible(help)));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        format!("{}\n", renderer.decor_style(DecorStyle::Ascii).render(&[group]))
    }
}

/// What a person reads, without colours.
impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Diagnostic {}

/// A text of unknown origin with its control characters shown, as rustc shows them: none of them reaches the terminal as a
/// command, and none turns the direction of what is read. Line ends and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        shown.push(match c {
            '\r' if characters.peek() == Some(&'\n') => c,
            // Unicode has a picture for each of them.
            '\0'..'\u{20}' if is_hidden(c) => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            c if is_hidden(c) => '\u{fffd}',
            c => c,
        });
    }
    Cow::Owned(shown)
}

/// Whether a character is none that a person sees, and may be a command to a terminal. Line ends and tabs are not meant.
pub fn is_hidden(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with the control characters that a renderer, rustc's or ours, lets pass replaced by one of as many bytes, so that
/// spans hold.
pub(crate) fn as_wide(text: &str) -> Cow<'_, str> {
    let is_bad = |c: char| matches!(c, '\u{80}'..='\u{9f}');
    if text.contains(is_bad) { text.replace(is_bad, "·").into() } else { text.into() }
}

/// Line and column of a byte offset, both from 1; the column counts characters, as rustc's does.
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

/// Keeps a span within the text, so that a wrong span spoils a picture and never panics.
fn printable(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.floor_char_boundary(span.end.clamp(start, text.len()));
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_names_notebook_cell_line_and_column() {
        let source = Arc::new(Source {
            name: "notebooks/02_x.ipynb:cell 14".into(),
            cell_id: Some("relu".into()),
            text: "fn é() {}\nlet x = 1;".into(),
        });
        let diagnostic = Diagnostic::error("a statement cannot be exported")
            .at(&source, 11..21, "this is a statement")
            .help("move it to a cell of its own");
        assert_eq!(diagnostic.location().as_deref(), Some("notebooks/02_x.ipynb:cell 14:2:1"));
        let text = diagnostic.render(false);
        assert!(text.contains("--> notebooks/02_x.ipynb:cell 14:2:1"), "{text}");
        assert!(text.contains("id `relu`") && text.contains("^^^^^^^^^^ this is a statement"), "{text}");
    }

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        assert_eq!(visible("a\tb\r\nc\n"), "a\tb\r\nc\n");
        assert_eq!(visible("\u{1b}[31m\r\u{7f}\u{9b}\u{202e}"), "␛[31m␍␡\u{fffd}\u{fffd}");
        let source = Arc::new(Source {
            name: "\u{1b}".into(),
            cell_id: Some("\u{1b}".into()),
            text: "\u{9b}x\u{1b}".into(),
        });
        let text = Diagnostic::error("\u{1b}")
            .at(&source, 2..3, "\u{1b}")
            .note("\u{9b}")
            .help("\u{1b}")
            .render(false);
        assert!(!text.contains(['\u{1b}', '\u{9b}']), "{text:?}");
    }

    #[test]
    fn a_span_beyond_the_text_is_shown_at_its_end() {
        let source = Arc::new(Source { name: "x".into(), cell_id: None, text: "é".into() });
        assert!(Diagnostic::error("e").at(&source, 1..9, "").render(false).contains("error: e"));
    }
}
