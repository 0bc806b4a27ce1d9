//! A region of a module → the texts that its cell may need to have for it.

use crate::export::module;
use crate::notebook::tokens::lines_within_literals;
use crate::notebook::{Cell, CellKind, Notebook};

/// The texts a cell may need to have for its region to read like `their`; the caller tries them in turn.
pub(super) fn candidates(notebook: &Notebook, cell: &Cell, our: &str, their: &str) -> Vec<String> {
    if cell.kind == CellKind::Markdown {
        return module::edited_docs(notebook, cell, our, their).into_iter().collect();
    }
    let body = test_body(their).unwrap_or_else(|| their.to_owned());
    let without_hidden: Vec<&str> = body.lines().filter(|line| *line != "#[doc(hidden)]").collect();
    let mut found = Vec::new();
    for text in [body.clone(), without_hidden.join("\n")] {
        let text = uncomment_commands(&text, cell.text());
        // The export closes a last expression by a `;` of its own.
        if let Some(open) = without_last_semicolon(&text) {
            found.push(open);
        }
        found.push(text);
    }
    // A cell that ended in a line break keeps it.
    let trailing: String = cell.text().chars().rev().take_while(|c| *c == '\n').collect();
    let mut all: Vec<String> = found.iter().map(|text| format!("{text}{trailing}")).collect();
    // The one whose `;` stands as in the old text comes first: it keeps what the person wrote.
    let closed = test_body(our).is_none() || cell.text().trim_end().ends_with(';');
    if closed {
        all.reverse();
    }
    all.dedup();
    all
}

/// The lines of the cell inside the frame of a test or of `fn main`, with the indentation taken off.
fn test_body(region: &str) -> Option<String> {
    let rows: Vec<&str> = region.lines().collect();
    let start = rows.iter().position(|row| {
        let row = row.trim_start().trim_start_matches("async ");
        row.starts_with("fn ") && row.ends_with('{')
    })?;
    let framed = rows[..start].iter().all(|row| row.trim_start().starts_with("#["));
    if !framed || !matches!(rows.last()?.trim(), "}" | "}; let _ = test(); }" | "}; let _ = test().await; }")
    {
        return None;
    }
    let indent = rows[start].len() - rows[start].trim_start().len() + 4;
    let mut inside: Vec<&str> = rows[start + 1..rows.len() - 1].to_vec();
    if rows[start].contains("-> Result<") && inside.last().is_some_and(|row| row.trim() == "Ok(())") {
        inside.pop();
    }
    if let Some(end) = inside.iter().position(|row| row.trim() == module::SETUP_END) {
        inside.drain(..=end);
    }
    let text = inside.join("\n");
    let within_literals = lines_within_literals(&text);
    let dedented = text.lines().enumerate().map(|(index, row)| {
        let spaces = row.len() - row.trim_start_matches(' ').len();
        if within_literals.contains(&index) { row } else { &row[spaces.min(indent)..] }
    });
    Some(dedented.collect::<Vec<_>>().join("\n"))
}

/// `// :dep …` among the first lines of a cell was a command, unless the cell itself has it as a comment.
fn uncomment_commands(text: &str, cell: &str) -> String {
    let mut in_header = true;
    let rows = text.lines().map(|row| {
        in_header &= row.trim().is_empty() || row.trim_start().starts_with("//");
        let command = row.strip_prefix("// ").filter(|rest| rest.starts_with(':') || rest.starts_with('!'));
        match command {
            Some(command) if in_header && !cell.lines().any(|line| line == row) => command,
            _ => row,
        }
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn without_last_semicolon(text: &str) -> Option<String> {
    let at = text.rfind(';')?;
    let rest = &text[at + 1..];
    let only_comments = rest.lines().all(|row| row.trim().is_empty() || row.trim_start().starts_with("//"));
    only_comments.then(|| format!("{}{rest}", &text[..at]))
}
