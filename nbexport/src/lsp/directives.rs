//! Completion and help for the lines above a cell's Rust: directives and evcxr's commands.

use serde_json::{Value, json};

use gen_lsp_types::Position;

use super::text;
use crate::notebook::directive::known::{self, KNOWN, Known};
use crate::notebook::header;

/// A place in a cell above its Rust.
pub(super) enum Above<'a> {
    /// In a directive: its line's number, what stands before the name in UTF-16 units, and the name.
    Directive(u32, u32, &'a str),
    /// In a command or a comment.
    Other,
}

/// Whether a place of a cell is in one of the lines that are not rust-analyzer's.
pub(super) fn above(cell: &str, position: Position) -> Option<Above<'_>> {
    let (number, line) =
        header::lines(cell).enumerate().find(|(number, _)| text::count(*number) == position.line)?;
    if line.is_command() {
        return Some(Above::Other);
    }
    let body = line.text.trim_start().strip_prefix("//|")?;
    let body = body.trim_start();
    let start = line.text.len() - body.len();
    let end = body.find(|c: char| c == ':' || c.is_whitespace()).unwrap_or(body.len());
    Some(Above::Directive(text::count(number), text::length(&line.text[..start]), &body[..end]))
}

/// The names that may stand there.
pub(super) fn complete(above: &Above<'_>, position: Position, first_line: u32) -> Value {
    let Above::Directive(line, start, name) = above else { return json!([]) };
    if position.character > start + text::length(name) {
        return json!([]);
    }
    let range = json!({
        "start": {"line": line + first_line, "character": (*start).min(position.character)},
        "end": {"line": line + first_line, "character": start + text::length(name)},
    });
    let items = KNOWN.iter().map(|known| {
        let form = known.form();
        let new = if form.starts_with(": ") && !form.contains('…') {
            format!("{}{form}", known.name)
        } else {
            known.name.to_owned()
        };
        // A place right behind the bar has no space yet.
        let new = if position.character < *start || *start <= 3 { format!(" {new}") } else { new };
        json!({
            "label": known.name, "kind": 14, "detail": usage(known), "filterText": new,
            "documentation": {"kind": "markdown", "value": known.about},
            "textEdit": {"range": range, "newText": new},
        })
    });
    items.collect()
}

/// What a directive does.
pub(super) fn hover(above: &Above<'_>, first_line: u32) -> Value {
    let Above::Directive(line, start, name) = above else { return Value::Null };
    let Some(known) = known::find(name) else { return Value::Null };
    let line = line + first_line;
    json!({
        "contents": {"kind": "markdown", "value": format!("```\n{}\n```\n{}", usage(known), known.about)},
        "range": {
            "start": {"line": line, "character": start},
            "end": {"line": line, "character": start + text::length(name)},
        },
    })
}

fn usage(known: &Known) -> String {
    let (name, form) = (known.name, known.form());
    let space = if form.is_empty() || form.starts_with(':') { "" } else { " " };
    format!("//| {name}{space}{form}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directive_has_its_help() {
        for known in KNOWN {
            let help = hover(&Above::Directive(0, 4, known.name), 0);
            let text = help["contents"]["value"].as_str().unwrap();
            assert!(text.starts_with(&format!("```\n//| {}", known.name)) && text.ends_with('.'), "{text}");
        }
    }

    #[test]
    fn a_place_in_a_directive_is_none_of_rusts() {
        let cell = "//| ex\n:dep a = \"1\"\nlet x = 1;\n//| export";
        let Some(Above::Directive(0, 4, "ex")) = above(cell, Position::new(0, 6)) else {
            panic!("a directive")
        };
        assert!(matches!(above(cell, Position::new(1, 2)), Some(Above::Other)));
        assert!(above(cell, Position::new(2, 2)).is_none() && above(cell, Position::new(3, 6)).is_none());
        let items = complete(&above(cell, Position::new(0, 6)).unwrap(), Position::new(0, 6), 10);
        let export = items.as_array().unwrap().iter().find(|item| item["label"] == "export").unwrap();
        assert_eq!(export["textEdit"]["newText"], "export");
        assert_eq!(export["textEdit"]["range"]["start"], json!({"line": 10, "character": 4}));
    }
}
