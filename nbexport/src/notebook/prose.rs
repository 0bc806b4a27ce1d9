//! What markdown cells say of their notebook: its title, its summary, and which of them go to the crate.

use super::{Cell, CellKind, Notebook};

/// The first line of a markdown cell that goes to the crate; readers of the notebook do not see a comment.
const EXPORT: &str = "<!-- export -->";

/// The title of a text, and what it says in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heading<'a> {
    /// The line (from 0) of the first `# title`, and the title.
    pub(crate) title: (usize, &'a str),
    /// The lines (from 0) of the quote below it, without `>`; without a quote, those of the first paragraph.
    pub(crate) summary: Vec<(usize, &'a str)>,
    /// Whether the summary is a quote.
    pub(crate) is_quote: bool,
}

impl<'a> Heading<'a> {
    /// The heading of a notebook, with the cell that has it: the first markdown cell.
    pub(crate) fn of(notebook: &'a Notebook) -> Option<(&'a Cell, Self)> {
        let cell = notebook.cells.iter().find(|cell| cell.kind == CellKind::Markdown)?;
        Some((cell, Self::in_text(cell.text())?))
    }

    /// The heading of a text.
    pub(crate) fn in_text(text: &'a str) -> Option<Self> {
        let mut lines = text.lines().enumerate();
        let title = lines.find_map(|(at, line)| Some((at, line.strip_prefix("# ")?.trim())))?;
        let below: Vec<_> = lines.skip_while(|(_, line)| line.trim().is_empty()).collect();
        let quote = below.iter().map_while(|(at, line)| Some((*at, line.strip_prefix('>')?.trim())));
        let quote: Vec<_> = quote.collect();
        let is_quote = !quote.is_empty();
        let summary = if is_quote { quote } else { paragraph(&below) };
        Some(Self { title, summary, is_quote })
    }
}

/// The lines up to a blank one, if they are plain text rather than a list, a table, a picture, code, HTML.
fn paragraph<'a>(lines: &[(usize, &'a str)]) -> Vec<(usize, &'a str)> {
    let (_, first) = lines.first().copied().unwrap_or_default();
    let is_text = first.starts_with(|c: char| c.is_alphabetic() || "`*_\"'([“".contains(c))
        && !["* ", "```", "[^", "***", "___"].iter().any(|other| first.starts_with(other));
    let whole = lines.iter().take_while(|(_, line)| !line.trim().is_empty());
    if is_text { whole.map(|(at, line)| (*at, line.trim())).collect() } else { Vec::new() }
}

impl Cell {
    /// Whether it is a markdown cell that goes to the crate, as docs of the module.
    pub(crate) fn is_exported_text(&self) -> bool {
        let first = self.text().lines().next().unwrap_or_default();
        self.kind == CellKind::Markdown && is_export(first)
    }
}

fn is_export(line: &str) -> bool {
    line.split_whitespace().flat_map(str::chars).eq(EXPORT.split_whitespace().flat_map(str::chars))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading(text: &str) -> (String, String, bool) {
        let heading = Heading::in_text(text).unwrap();
        let summary: Vec<&str> = heading.summary.iter().map(|(_, line)| *line).collect();
        (heading.title.1.to_owned(), summary.join("|"), heading.is_quote)
    }

    #[test]
    fn the_summary_is_the_quote_below_the_title_or_the_first_paragraph() {
        let is = |title: &str, summary: &str, quote: bool| (title.to_owned(), summary.to_owned(), quote);
        assert_eq!(
            heading("x\n# The `A` [b](c)\n\n> One\n> two\n\nmore"),
            is("The `A` [b](c)", "One|two", true)
        );
        assert_eq!(heading("# A\nOne\ntwo\n\nmore"), is("A", "One|two", false));
        for other in
            ["* a list", "- one", "![a](b.png)", "| a |", "```\nx", "<b>x</b>", "## Next", "    x", ""]
        {
            assert_eq!(heading(&format!("# A\n\n{other}")), is("A", "", false), "{other}");
        }
        assert_eq!(Heading::in_text("## A"), None);
    }

    #[test]
    fn a_comment_on_the_first_line_exports_a_text() {
        assert!(is_export("<!-- export -->") && is_export("<!--export-->  "));
        assert!(!is_export("<!-- exported -->") && !is_export("export"));
    }
}
