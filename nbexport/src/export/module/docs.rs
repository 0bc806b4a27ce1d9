//! Markdown cells ⇄ the `//!` docs of a module.
//!
//! The notebook's summary opens each of its modules, so that rustdoc's table of modules reads well. A cell that begins
//! with `<!-- export -->` follows it in the notebook's own module, in the order of the notebook: docs of a module stand
//! above its first item. A text is no program: code in it that says no language, which rustdoc would compile and run, is
//! marked as `text`.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::markdown::{CodeBlock, code_blocks};
use crate::notebook::name::is_unprintable;
use crate::notebook::prose::Heading;
use crate::notebook::{Cell, Notebook};

/// What stands before each line of docs.
const DOC: &str = "//!";

/// The docs that a markdown cell comes to.
#[derive(Clone, Debug)]
pub(crate) struct Docs<'a> {
    pub(crate) cell: &'a Cell,
    lines: Vec<Line>,
}

/// One line of docs.
#[derive(Clone, Debug)]
struct Line {
    text: String,
    /// The line of the cell (from 0) that it is; `None` for one that nbexport adds.
    from: Option<usize>,
    dress: Dress,
}

/// What a cell's line has around the text that goes to the docs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dress {
    /// Nothing.
    Plain,
    /// `# `; a title that is a file's name is code in the docs.
    Title,
    /// `> `.
    Quote,
}

impl Docs<'_> {
    /// The lines as the module has them, each with the line of the cell (from 1) it came from and how far it was moved.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (String, Option<(usize, isize)>)> + '_ {
        self.lines.iter().map(|line| {
            let text = format!("{DOC} {}", line.text);
            let shift = if line.dress == Dress::Plain { 4 } else { 2 };
            let text = if line.text.trim().is_empty() { DOC.to_owned() } else { text };
            (text, line.from.map(|from| (from + 1, shift)))
        })
    }

    /// The docs as the text of a region.
    fn region(&self) -> String {
        self.lines().map(|(line, _)| line).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

/// The docs that open each file of a notebook: its summary, or its title where it has none.
pub(crate) fn heading(notebook: &Notebook) -> Option<Docs<'_>> {
    let (cell, heading) = Heading::of(notebook)?;
    let lines = if heading.summary.is_empty() {
        vec![title(&heading)]
    } else {
        let dress = if heading.is_quote { Dress::Quote } else { Dress::Plain };
        heading.summary.iter().map(|(at, text)| line(text, *at, dress)).collect()
    };
    Some(Docs { cell, lines })
}

/// The docs of the notebook's own module: what opens each, and the texts that are exported.
pub(crate) fn all(notebook: &Notebook) -> Vec<Docs<'_>> {
    let mut all: Vec<Docs<'_>> = heading(notebook).into_iter().collect();
    for cell in notebook.cells.iter().filter(|cell| cell.is_exported_text()) {
        if let Some(heading) = all.first_mut().filter(|heading| heading.cell.number == cell.number) {
            heading.lines.extend(below(cell));
        } else {
            // A blank line, so that two cells are two paragraphs.
            let separate = (!all.is_empty()).then(blank);
            let lines = separate.into_iter().chain(exported(cell, 1)).collect();
            all.push(Docs { cell, lines });
        }
    }
    all
}

/// What stands below the summary in a cell that is exported and has the notebook's title.
fn below(cell: &Cell) -> Vec<Line> {
    let Some(heading) = Heading::in_text(cell.text()) else { return Vec::new() };
    let last = heading.summary.last().map_or(heading.title.0, |(at, _)| *at);
    let lines = exported(cell, last + 1);
    let separate = (!lines.is_empty()).then(blank);
    separate.into_iter().chain(lines).collect()
}

fn blank() -> Line {
    added(String::new())
}

fn added(text: String) -> Line {
    Line { text, from: None, dress: Dress::Plain }
}

fn line(text: &str, from: usize, dress: Dress) -> Line {
    let text = text.replace(|c| c != '\t' && is_unprintable(c), " ");
    Line { text, from: Some(from), dress }
}

fn title(heading: &Heading<'_>) -> Line {
    let (at, title) = heading.title;
    // A notebook's title is often its file's name, which rustdoc wants marked as code.
    let is_name = title.contains('_') && !title.contains(['`', ' ']);
    let text = if is_name { format!("`{title}`") } else { title.to_owned() };
    line(&text, at, Dress::Title)
}

/// The lines of a cell from one on, so that no code in them is compiled unless it says that it is Rust.
fn exported(cell: &Cell, from: usize) -> Vec<Line> {
    let rows: Vec<&str> = cell.text().lines().collect();
    let is_blank = |row: &&&str| row.trim().is_empty();
    let from = from + rows.get(from..).unwrap_or_default().iter().take_while(is_blank).count();
    let end = rows.len() - rows.iter().rev().take_while(is_blank).count();
    let numbered = rows.iter().enumerate().take(end).skip(from);
    let mut lines: Vec<Line> = numbered.map(|(at, row)| line(row, at, Dress::Plain)).collect();
    let text = lines.iter().map(|line| &*line.text).collect::<Vec<_>>().join("\n");
    // From the end, so that the lines before keep their places.
    for block in code_blocks(&text).into_iter().rev() {
        match block {
            CodeBlock::Fenced { line, fence, is_unnamed, is_open } => {
                if is_open {
                    lines.push(added(lines[line].text[fence.clone()].to_owned()));
                }
                if is_unnamed {
                    lines[line].text.insert_str(fence.end, "text");
                }
            }
            CodeBlock::Indented(block) => {
                let longest =
                    lines[block.clone()].iter().map(|line| backticks(&line.text)).max().unwrap_or(0);
                let fence = "`".repeat(3.max(longest + 1));
                lines.insert(block.end, added(fence.clone()));
                lines.insert(block.start, added(format!("{fence}text")));
            }
        }
    }
    lines
}

/// How many backticks stand in a row.
fn backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// The text that a markdown cell has to have for its region, which read like `our`, to read like `their`. Lines that were
/// not edited keep what the cell has.
pub(crate) fn edited(notebook: &Notebook, cell: &Cell, our: &str, their: &str) -> Option<String> {
    let is_it = |docs: &Docs<'_>| docs.cell.number == cell.number && docs.region() == our.trim_end();
    let docs = heading(notebook).into_iter().chain(all(notebook)).find(is_it)?;
    let theirs: Vec<&str> = their
        .lines()
        .map(|row| {
            let row = row.trim_start().strip_prefix(DOC)?;
            Some(row.strip_prefix(' ').unwrap_or(row))
        })
        .collect::<Option<_>>()?;
    let ours: Vec<&str> =
        docs.lines.iter().map(|line| if line.text.trim().is_empty() { "" } else { &line.text }).collect();
    let mut rows: Vec<Vec<String>> = cell.text().lines().map(|row| vec![row.to_owned()]).collect();
    for op in capture_diff_slices(Algorithm::Myers, &ours, &theirs) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let (old, mut new) = (op.old_range(), theirs[op.new_range()].iter());
        for line in &docs.lines[old.clone()] {
            let Some(from) = line.from else { continue };
            rows[from] = new.next().map(|text| dressed(text, line.dress)).into_iter().collect();
        }
        // What is more than there was goes below the last line that there was.
        let before = docs.lines[..old.end].iter().rev().find_map(|line| Some((line.from?, line.dress)));
        let rest = new.map(|text| dressed(text, before.map_or(Dress::Plain, |(_, dress)| dress)));
        if let Some((from, _)) = before {
            rows[from].extend(rest);
        } else {
            let first = docs.lines.iter().find_map(|line| line.from)?;
            let rest: Vec<String> = rest.collect();
            rows[first].splice(0..0, rest);
        }
    }
    let trailing = if cell.text().ends_with('\n') { "\n" } else { "" };
    Some(rows.concat().join("\n") + trailing)
}

fn dressed(text: &str, dress: Dress) -> String {
    match dress {
        Dress::Plain => text.to_owned(),
        Dress::Title => format!("# {}", text.trim().trim_matches('`')),
        Dress::Quote => format!("> {}", text.trim()).trim_end().to_owned(),
    }
}
