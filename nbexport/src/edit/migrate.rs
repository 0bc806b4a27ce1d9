//! The comments by which older notebooks were marked → `//|` lines.
//!
//! fast.ai's notebooks and nbdev's first version wrote `#export`, `# export` and `#default_exp core`, the notebooks in
//! Swift `//export` and `// export`; nbdev's second version writes `#| export`. A `#` line is no Rust, so it is a
//! directive or a mistake. A `//` line may be prose, and becomes a directive only where it cannot be: the word stands
//! alone (`// export`), or what follows it is no word of English (`// export nb_02`).

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source};
use crate::notebook::{Cell, Notebook};
use crate::notebook::{directive, header, name};

/// Result of migrating one notebook.
#[derive(Clone, Debug, Default)]
pub struct Migrated {
    /// The notebook's new text; `None` where nothing changes.
    pub text: Option<String>,
    /// The cells that change: number, old and new text.
    pub cells: Vec<(usize, String, String)>,
    /// What was left alone, and why.
    pub diagnostics: Vec<Diagnostic>,
}

/// Turns the old comments at the top of a notebook's code cells into directives; all else keeps its bytes.
pub fn migrate(notebook: &Notebook) -> Migrated {
    let mut migrated = Migrated::default();
    let mut edits = Vec::new();
    for cell in notebook.cells.iter().filter(|cell| cell.is_code()) {
        let text = cell_text(cell, &mut migrated.diagnostics);
        if text == cell.text() {
            continue;
        }
        // Two directives that contradict one another (`// export` below `//| test`) are for a person to decide.
        if let Some(why) = contradiction(cell, &text) {
            migrated.diagnostics.push(
                Diagnostic::warning(format!("left alone: {}", why.message))
                    .at(&cell.source, 0..cell.text().lines().next().map_or(0, str::len), "")
                    .help("write the `//|` lines of this cell by hand"),
            );
            continue;
        }
        edits.push(notebook.set_source(cell, &text));
        migrated.cells.push((cell.number, cell.text().to_owned(), text));
    }
    migrated.text = (!edits.is_empty()).then(|| notebook.edited(edits));
    migrated
}

fn contradiction(cell: &Cell, text: &str) -> Option<Diagnostic> {
    let source = Source { text: text.to_owned(), ..Source::clone(&cell.source) };
    let changed = Cell { source: Arc::new(source), ..cell.clone() };
    let ((_, before), (_, after)) = (directive::parse(cell), directive::parse(&changed));
    if after.len() > before.len() { after.into_iter().next() } else { None }
}

fn cell_text(cell: &Cell, left: &mut Vec<Diagnostic>) -> String {
    let mut text = String::with_capacity(cell.text().len());
    let mut at_top = true;
    for line in cell.text().split_inclusive('\n') {
        let bare = line.trim_end();
        let old = if at_top { old(bare) } else { Old::None };
        at_top &= !matches!(old, Old::None) || header::lines(line).next().is_some();
        match old {
            Old::Directive(new) => {
                text.push_str(&new);
                text.push_str(&line[bare.len()..]);
                continue;
            }
            Old::Unsure(why, help) => {
                let start = text_offset(cell.text(), line);
                left.push(
                    Diagnostic::warning(format!("left alone: {why}"))
                        .at(&cell.source, start..start + bare.len(), "")
                        .help(help),
                );
            }
            Old::None => {}
        }
        text.push_str(line);
    }
    text
}

/// Where a line, borrowed from a text, stands in it.
fn text_offset(text: &str, line: &str) -> usize {
    line.as_ptr().addr() - text.as_ptr().addr()
}

/// What an old comment stands for.
enum Old {
    Directive(String),
    Unsure(String, String),
    None,
}

fn old(line: &str) -> Old {
    let line = line.trim_start();
    let (rest, is_rust) = match (line.strip_prefix("//"), line.strip_prefix('#')) {
        // `//|` is as it should be, `///` and `//!` are docs, `#[…]` and `#![…]` attributes.
        (Some(rest), _) if !rest.starts_with(['|', '/', '!']) => (rest, true),
        (None, Some(rest)) if !rest.starts_with(['[', '!', '#']) => (rest, false),
        _ => return Old::None,
    };
    let rest = rest.trim_start();
    let (rest, is_certain) = match rest.strip_prefix('|') {
        Some(rest) => (rest, true),
        None => (rest, !is_rust),
    };
    let mut words = rest.split(|c: char| c.is_whitespace() || c == ':').filter(|word| !word.is_empty());
    let Some(name) = words.next() else { return Old::None };
    let name = if is_rust { name.to_owned() } else { name.to_lowercase() };
    let arguments: Vec<&str> = words.collect();
    let Some(new) = translated(&name.replace('-', "_"), &arguments) else { return Old::None };
    // Prose: `// test that the shapes agree`, `// export everything`.
    let could_be_prose = |word: &&str| !word.contains('_') && !word.contains(|c: char| c.is_ascii_digit());
    if !is_certain && (arguments.len() > 1 || arguments.iter().any(could_be_prose)) && name != "default_exp" {
        // A sentence is not worth a word; one that reads like a directive is.
        return match arguments.as_slice() {
            [argument] => Old::Unsure(
                format!("`{line}` may be a directive, or a comment"),
                format!("write `//| {name} {argument}` if it is one"),
            ),
            _ => Old::None,
        };
    }
    match new {
        Ok(new) => Old::Directive(format!("//| {new}")),
        Err(why) => Old::Unsure(format!("`{line}` {why}"), "write the `//|` line by hand".to_owned()),
    }
}

/// A directive as nbexport spells it; why it has none; `None` for what no older tool knew.
fn translated(name: &str, arguments: &[&str]) -> Option<Result<String, String>> {
    let with = |what: &str| match arguments {
        [] => Ok(name.to_owned()),
        [argument] => match name::check_name(argument, what) {
            Ok(()) => Ok(format!("{name} {argument}")),
            Err((why, _)) => Err(format!("names what nbexport cannot: {why}")),
        },
        _ => Err("has more words than nbexport knows".to_owned()),
    };
    let alone = |new: &str| {
        if arguments.is_empty() {
            Ok(new.to_owned())
        } else {
            Err("has more words than nbexport knows".to_owned())
        }
    };
    let switch = |on: &str| match arguments {
        ["true" | "false"] => Ok(format!("{}: {}", name.replace('_', "-"), arguments[0])),
        ["show"] if name == "code_fold" => Ok("code-fold: false".to_owned()),
        _ => Err(format!("is not followed by {on}")),
    };
    Some(match name {
        "default_exp" if arguments.is_empty() => Err("names no module".to_owned()),
        "export" | "exporti" | "exports" | "default_exp" => with("module"),
        "test" => with("test"),
        "hide" => alone("hide"),
        "hide_input" => alone("echo: false"),
        "hide_output" => alone("output: false"),
        "collapse" | "collapse_input" | "collapse_hide" => alone("code-fold: true"),
        "collapse_show" => alone("code-fold: false"),
        "include" if arguments == ["false"] => Ok("hide".to_owned()),
        "eval" | "echo" | "output" | "code_fold" if !arguments.is_empty() => switch("true or false"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> String {
        match old(line) {
            Old::Directive(new) => new,
            Old::Unsure(..) => "unsure".to_owned(),
            Old::None => "left".to_owned(),
        }
    }

    #[test]
    fn the_spellings_of_older_tools_are_known() {
        for line in
            ["// export", "//export", "#export", "# export", "#| export", "#|export", "# | export", "#Export"]
        {
            assert_eq!(said(line), "//| export", "{line}");
        }
        assert_eq!(said("#exporti"), "//| exporti");
        assert_eq!(said("#export layers"), "//| export layers");
        assert_eq!(said("//default_exp layers"), "//| default_exp layers");
        assert_eq!(said("// export nb_02"), "//| export nb_02");
        assert_eq!(said("// test"), "//| test");
        assert_eq!(said("// hide_input"), "//| echo: false");
        assert_eq!(said("#collapse-hide"), "//| code-fold: true");
        assert_eq!(said("#| eval: false"), "//| eval: false");
        assert_eq!(said("#| include: false"), "//| hide");
    }

    #[test]
    fn prose_and_rust_are_left_alone() {
        for line in [
            "//| export",
            "/// export",
            "//! test",
            "#[test]",
            "#![allow(unused)]",
            "// test that the shapes agree",
            "// Export the layers.",
            "// hide this from the docs",
            "// setup",
            "// eval",
            "# A heading",
            "//",
        ] {
            assert_eq!(said(line), "left", "{line}");
        }
        for line in
            ["// export everything", "// test matmul", "#default_exp vision.data", "#export -s layers"]
        {
            assert_eq!(said(line), "unsure", "{line}");
        }
    }
}
