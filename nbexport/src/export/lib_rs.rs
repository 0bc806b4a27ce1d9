//! The `pub mod` lines that nbexport keeps in the crate's `lib.rs`, between two comments; the rest is the user's.

use crate::diagnostic::{Diagnostic, Result};

const BEGIN: &str = "// nbexport: begin modules";
const END: &str = "// nbexport: end modules";

/// `lib.rs` with these modules declared between nbexport's two comments; the rest of it stays as it is.
///
/// # Errors
/// One of the two comments is there without the other or twice, or lines of somebody else stand between them.
pub(crate) fn declare(lib: &str, name: &str, modules: &[String], self_name: Option<&str>) -> Result<String> {
    let mut block = format!("{BEGIN} (nbexport keeps these lines)\n");
    let old = Block::find(lib, name)?;
    if let Some(self_name) = self_name {
        let elsewhere = outside(lib).any(|line| line.trim_start().starts_with("extern crate self"));
        if !elsewhere {
            block.push_str(UNUSED);
            block.push_str(self_name);
            block.push_str("::…`, here as in a notebook\")]\n");
            block.push_str("extern crate self as ");
            block.push_str(self_name);
            block.push_str(";\n");
        }
    }
    for module in modules {
        block.push_str(SKIP);
        block.push_str("\npub mod ");
        block.push_str(module);
        block.push_str(";\n");
    }
    block.push_str(END);
    block.push('\n');
    match old {
        Some(Block { before, after, .. }) => Ok(format!("{before}{block}{after}")),
        None if modules.is_empty() => Ok(lib.to_owned()),
        None => {
            let gap = if lib.trim().is_empty() { "" } else { "\n" };
            let newline = if lib.is_empty() || lib.ends_with('\n') { "" } else { "\n" };
            Ok(format!("{lib}{newline}{gap}{block}"))
        }
    }
}

const SKIP: &str = "#[rustfmt::skip]";
const UNUSED: &str = "#[allow(unused_extern_crates, reason = \"for cells that say `use ";

/// A `lib.rs`, cut at nbexport's lines.
struct Block<'a> {
    before: &'a str,
    after: &'a str,
}

impl<'a> Block<'a> {
    /// Finds nbexport's lines; `None` when there are none.
    fn find(lib: &'a str, name: &str) -> Result<Option<Self>> {
        let mut markers = Vec::new();
        let mut at = 0;
        for (index, line) in lib.split_inclusive('\n').enumerate() {
            if let Some(begins) = marker(line) {
                markers.push((index, at, at + line.len(), begins));
            }
            at += line.len();
        }
        let numbers = |of: bool| -> Vec<String> {
            markers.iter().filter(|it| it.3 == of).map(|it| (it.0 + 1).to_string()).collect()
        };
        match markers.as_slice() {
            [] => Ok(None),
            [begin, end] if begin.3 && !end.3 => {
                for (line, text) in lib.lines().enumerate().take(end.0).skip(begin.0 + 1) {
                    if !is_own(text) {
                        return Err(foreign(name, line + 1, text));
                    }
                }
                Ok(Some(Self { before: &lib[..begin.1], after: &lib[end.2..] }))
            }
            [_] | [(.., false), (.., true)] => Err(Diagnostic::error(format!(
                "`{name}` has one of nbexport's two marker comments without the other"
            ))
            .note(format!("they are `{BEGIN} …` and `{END}`, in this order"))
            .help("restore the missing one, or delete the one that is there: both are then written again")),
            _ => Err(Diagnostic::error(format!("`{name}` has nbexport's marker comments more than once"))
                .note(format!(
                    "`{BEGIN} …` stands on line {}, `{END}` on line {}",
                    numbers(true).join(", "),
                    numbers(false).join(", ")
                ))
                .help("a merge may leave that: keep one block and run nbexport, which brings it up to date")),
        }
    }
}

/// Whether a line is one of the two comments, and then whether it is the first. It is the whole line: in other comments and
/// docs the words may stand.
fn marker(line: &str) -> Option<bool> {
    let line = line.trim_end();
    let is = |marker: &str| {
        line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
    };
    if is(BEGIN) {
        return Some(true);
    }
    is(END).then_some(false)
}

/// Whether nbexport wrote a line between the comments, or git when it merged them.
fn is_own(line: &str) -> bool {
    let line = line.trim();
    let git = ["<<<<<<< ", "||||||| ", ">>>>>>> "];
    line.is_empty()
        || line == SKIP
        || line == "======="
        || git.iter().any(|marker| line.starts_with(marker))
        || line.starts_with(UNUSED)
        || module_of(line).is_some()
        || line.strip_prefix("extern crate self as ").and_then(name_of).is_some()
}

fn module_of(line: &str) -> Option<&str> {
    line.trim().strip_prefix("pub mod ").and_then(name_of)
}

/// The name before a closing `;`.
fn name_of(rest: &str) -> Option<&str> {
    let name = rest.strip_suffix(';')?;
    name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '#').then_some(name)
}

fn foreign(name: &str, line: usize, text: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "line {line} of `{name}` stands between nbexport's marker comments and is not its own"
    ))
    .note(format!("the line is `{}`; what stands there is written anew by each export", text.trim()))
    .help(format!("move it above `{BEGIN} …` or below `{END}`"))
}

/// The modules that `lib.rs` declares between nbexport's comments.
pub(crate) fn declared_modules(lib: &str) -> Vec<String> {
    let inside = lib.lines().skip_while(|line| marker(line) != Some(true)).skip(1);
    inside
        .take_while(|line| marker(line).is_none())
        .filter_map(|line| module_of(line).map(str::to_owned))
        .collect()
}

/// The lines of `lib.rs` that are not nbexport's.
pub(crate) fn outside(lib: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    lib.lines().filter(move |line| {
        let was_inside = inside;
        inside = marker(line).unwrap_or(inside);
        !inside && !was_inside
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_lib_rs_is_left_alone() {
        let lib = "//! Docs.\n\nmod mine;\n";
        let declared = declare(lib, "lib.rs", &["nb_00".into(), "nb_01".into()], Some("exp")).unwrap();
        assert!(declared.starts_with("//! Docs.\n\nmod mine;\n\n// nbexport: begin modules"), "{declared}");
        assert_eq!(declared_modules(&declared), ["nb_00", "nb_01"]);
        let more = format!("{declared}\npub use nb_00::x;\n");
        let again = declare(&more, "lib.rs", &["nb_00".into()], Some("exp")).unwrap();
        assert_eq!(declared_modules(&again), ["nb_00"]);
        assert_eq!(outside(&again).collect::<Vec<_>>(), outside(&more).collect::<Vec<_>>());
        assert_eq!(
            declare(&declared, "lib.rs", &["nb_00".into(), "nb_01".into()], Some("exp")).unwrap(),
            declared
        );
    }

    #[test]
    fn half_a_block_is_refused() {
        assert!(declare("// nbexport: begin modules\n", "lib.rs", &[], None).is_err());
    }
}
