//! evcxr's commands (`:dep`, `:opt`, …), each with what it means in the kernel, natively and in the exported crate.
//!
//! The list is evcxr's own, of version 0.22. In the kernel evcxr itself carries them out. In the crate a `:dep` becomes
//! an entry of Cargo.toml, and every other command a comment.

/// What a command means to a native program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Natively {
    /// It is carried out: see [`Command`] for which it is.
    Meant,
    /// Nothing, and nothing of a notebook's meaning depends on it: it shows something, or is about how the kernel
    /// builds.
    Nothing,
    /// A program cannot have its meaning, for this reason.
    NeedsKernel(&'static str),
}

/// One of evcxr's commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// Its name with the colon.
    pub name: &'static str,
    /// What it means natively.
    pub natively: Natively,
}

const fn meant(name: &'static str) -> Command {
    Command { name, natively: Natively::Meant }
}

const fn nothing(name: &'static str) -> Command {
    Command { name, natively: Natively::Nothing }
}

const fn kernel(name: &'static str, why: &'static str) -> Command {
    Command { name, natively: Natively::NeedsKernel(why) }
}

/// Every command of evcxr.
const KNOWN: &[Command] = &[
    // A crate that the program depends on.
    meant(":dep"),
    // Sees that it is `KEY=VALUE`. evcxr's cells do not see the variable before a `:restart` either.
    meant(":env"),
    // An environment variable of the build.
    meant(":build_env"),
    // The level at which the notebook's own code is optimized.
    meant(":opt"),
    // Whether errors returned by `?` must have `Display` or `Debug`.
    meant(":efmt"),
    // Whether cargo may use the network.
    meant(":offline"),
    // Fails where there is no sccache, as in the kernel; the program itself has no use for it.
    meant(":sccache"),
    // Fails for a size that is no number.
    meant(":cache"),
    // Fails for a variable that there is not.
    meant(":type"),
    meant(":t"),
    kernel(":clear", "it forgets all that earlier cells declared"),
    kernel(":restart", "it forgets all variables of earlier cells"),
    kernel(":quit", "it ends the kernel"),
    kernel(":toolchain", "it has later cells compiled by another compiler"),
    kernel(":codegen_backend", "it has later cells compiled in another way"),
    kernel(":time_passes", "it takes a nightly compiler"),
    kernel(":fmt", "it changes what a value must have to be shown"),
    kernel(":load_config", "it runs what the user's configuration of evcxr says"),
    kernel(":explain", "it fails unless a cell before it did not compile"),
    kernel(":last_error_json", "it is an error of its own"),
    nothing(":allow_static_linking"),
    nothing(":clear_cache"),
    nothing(":doc"),
    nothing(":help"),
    nothing(":internal_debug"),
    nothing(":last_compile_dir"),
    nothing(":linker"),
    nothing(":preserve_vars_on_panic"),
    nothing(":show_deps"),
    nothing(":timing"),
    nothing(":types"),
    nothing(":vars"),
    nothing(":version"),
];

/// A line that is a command → its name and what follows it, as evcxr takes it apart.
pub(crate) fn split(line: &str) -> (&str, &str) {
    let line = line.trim_matches(' ');
    let (name, arguments) = line.split_once(' ').unwrap_or((line, ""));
    (name, arguments.trim())
}

/// The command of a line.
///
/// # Errors
/// There is no such command: the known one that is nearest to it, if one is near.
pub(crate) fn of(line: &str) -> Result<Command, Option<&'static str>> {
    let (name, _) = split(line);
    if let Some(known) = KNOWN.iter().find(|known| known.name == name) {
        return Ok(*known);
    }
    // `:opt2`: what is missing is the space.
    let prefix = |known: &&Command| known.name.len() > 2 && name.starts_with(known.name);
    let alike =
        |known: &Command| strsim::normalized_damerau_levenshtein(&known.name[1..], &name.to_lowercase()[1..]);
    let nearest =
        KNOWN.iter().filter(|known| alike(known) > 0.5).max_by(|a, b| alike(a).total_cmp(&alike(b)));
    let longest = KNOWN.iter().filter(prefix).max_by_key(|known| known.name.len());
    Err(longest.or(nearest).map(|known| known.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_has_a_nearest_name() {
        assert_eq!(of(":dep serde").unwrap().name, ":dep");
        assert_eq!(of("  :vars").unwrap().natively, Natively::Nothing);
        assert_eq!(of(":dpe serde"), Err(Some(":dep")));
        assert_eq!(of(":opt2"), Err(Some(":opt")));
        assert_eq!(of(":dep\tserde"), Err(Some(":dep")));
        assert_eq!(of(":Dep serde"), Err(Some(":dep")));
        assert_eq!(of(":zzz"), Err(None));
        assert_eq!(of(":"), Err(None));
    }
}
