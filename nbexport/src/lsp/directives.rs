//! Completion and help for the lines above a cell's Rust: directives and evcxr's commands.

use serde_json::{Value, json};

use gen_lsp_types::Position;

use super::text;
use crate::notebook::{directive, header};

/// What is known of a directive's name.
fn help(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "export" => ("[MODULE]", "The cell's items go to the notebook's module, or to `MODULE`."),
        "exporti" => ("[MODULE]", "As `export`, for what is no part of the public API: `#[doc(hidden)]`."),
        "exports" => ("[MODULE]", "As `export`, and the site shows the source."),
        "default_exp" => ("MODULE", "The module that this notebook is exported to."),
        "test" => (
            "[NAME] [ignore]",
            "The cell runs in the notebook, and becomes `#[test] fn NAME()` of the module.",
        ),
        "setup" => ("", "Statements that every later test of the notebook begins with."),
        "bench" => ("NAME", "The cell runs in the notebook, and becomes a benchmark of the crate."),
        "bin" => ("NAME", "The cell becomes a part of `src/bin/NAME.rs`."),
        "should_panic" => ("", "The cell is to panic, or to end with an error."),
        "compile_fail" => ("", "The cell is not to compile."),
        "no_run" => ("", "The cell is compiled, and does not run."),
        "ignore" => ("", "The cell is left out."),
        "hide" => ("", "The site leaves the cell out."),
        "echo" => (": false", "Whether the site shows the cell's source."),
        "output" => (": false", "Whether the site shows the cell's output."),
        "code-fold" => (": true", "Whether the site folds the cell's source."),
        "eval" => (": false", "Whether the cell runs."),
        "flags" => (": WORD…", "The cell runs only with `nbexport test --flags WORD`."),
        "volatile" => ("", "The cell's outputs may differ from run to run."),
        "solution" => ("", "A solution: students get no such cell, and the site folds it or leaves it out."),
        _ => return None,
    })
}

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
    let items = directive::names().filter_map(|name| {
        let (form, about) = help(name)?;
        let new = if form.starts_with(": ") && !form.contains('…') {
            format!("{name}{form}")
        } else {
            name.to_owned()
        };
        // A place right behind the bar has no space yet.
        let new = if position.character < *start || *start <= 3 { format!(" {new}") } else { new };
        Some(json!({
            "label": name, "kind": 14, "detail": usage(name, form), "filterText": new,
            "documentation": {"kind": "markdown", "value": about},
            "textEdit": {"range": range, "newText": new},
        }))
    });
    items.collect()
}

/// What a directive does.
pub(super) fn hover(above: &Above<'_>, first_line: u32) -> Value {
    let Above::Directive(line, start, name) = above else { return Value::Null };
    let Some((form, about)) = help(name) else { return Value::Null };
    let line = line + first_line;
    json!({
        "contents": {"kind": "markdown", "value": format!("```\n{}\n```\n{about}", usage(name, form))},
        "range": {
            "start": {"line": line, "character": start},
            "end": {"line": line, "character": start + text::length(name)},
        },
    })
}

fn usage(name: &str, form: &str) -> String {
    let space = if form.is_empty() || form.starts_with(':') { "" } else { " " };
    format!("//| {name}{space}{form}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directive_has_its_help() {
        let without: Vec<_> = directive::names().filter(|name| help(name).is_none()).collect();
        assert_eq!(without, Vec::<&str>::new());
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
