//! The `pub mod` lines that nbexport keeps in the crate's `lib.rs`, between two comments; the rest is the user's.

use crate::diagnostic::{Diagnostic, Result};

const BEGIN: &str = "// nbexport: begin modules";
const END: &str = "// nbexport: end modules";

/// `lib.rs` with these modules declared between nbexport's two comments; the rest of it stays as it is.
///
/// # Errors
/// One of the two comments is there without the other.
pub(crate) fn declare(lib: &str, name: &str, modules: &[String], self_name: Option<&str>) -> Result<String> {
    let mut block = format!("{BEGIN} (nbexport keeps these lines)\n");
    if let Some(self_name) = self_name {
        let elsewhere = outside(lib).any(|line| line.trim_start().starts_with("extern crate self"));
        if !elsewhere {
            block.push_str("#[allow(unused_extern_crates, reason = \"for cells that say `use ");
            block.push_str(self_name);
            block.push_str("::…`, here as in a notebook\")]\n");
            block.push_str("extern crate self as ");
            block.push_str(self_name);
            block.push_str(";\n");
        }
    }
    for module in modules {
        block.push_str("#[rustfmt::skip]\npub mod ");
        block.push_str(module);
        block.push_str(";\n");
    }
    block.push_str(END);
    block.push('\n');
    match (lib.find(BEGIN), lib.find(END)) {
        (Some(begin), Some(end)) if begin < end => {
            let after = lib[end..].find('\n').map_or("", |newline| &lib[end + newline + 1..]);
            Ok(format!("{}{block}{after}", &lib[..begin]))
        }
        (None, None) if modules.is_empty() => Ok(lib.to_owned()),
        (None, None) => {
            let gap = if lib.trim().is_empty() { "" } else { "\n" };
            let newline = if lib.is_empty() || lib.ends_with('\n') { "" } else { "\n" };
            Ok(format!("{lib}{newline}{gap}{block}"))
        }
        _ => Err(Diagnostic::error(format!(
            "`{name}` has one of nbexport's two marker comments without the other"
        ))
        .note(format!("they are `{BEGIN} …` and `{END}`, in this order"))
        .help("restore the missing one, or delete the one that is there: both are then written again")),
    }
}

/// The modules that `lib.rs` declares between nbexport's comments.
pub(crate) fn declared_modules(lib: &str) -> Vec<String> {
    let block =
        lib.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map_or("", |(block, _)| block);
    block
        .lines()
        .filter_map(|line| Some(line.trim().strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned()))
        .collect()
}

/// The lines of `lib.rs` that are not nbexport's.
pub(crate) fn outside(lib: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    lib.lines().filter(move |line| {
        let was_inside = inside;
        if line.starts_with(BEGIN) {
            inside = true;
        } else if line.starts_with(END) {
            inside = false;
        }
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
