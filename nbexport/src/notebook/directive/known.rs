//! Every directive there is: the one table that parsing, suggestions and the help in editors read.

/// A directive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(super) args: Args,
    /// What it does, in a sentence.
    #[cfg_attr(not(feature = "lsp"), expect(dead_code, reason = "for editors"))]
    pub(crate) about: &'static str,
}

/// What may follow a directive's name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Args {
    None,
    OptionalModule,
    Module,
    Name,
    Test,
    Words,
    Bool { default: Option<bool> },
}

#[cfg(feature = "lsp")]
impl Known {
    /// What may follow its name, as help shows it: a switch as it is when it says something.
    pub(crate) fn form(&self) -> &'static str {
        match self.args {
            Args::None => "",
            Args::OptionalModule => "[MODULE]",
            Args::Module => "MODULE",
            Args::Name => "NAME",
            Args::Test => "[NAME] [ignore]",
            Args::Words => ": WORD…",
            Args::Bool { default: None | Some(false) } => ": false",
            Args::Bool { default: Some(true) } => ": true",
        }
    }
}

const fn known(name: &'static str, args: Args, about: &'static str) -> Known {
    Known { name, args, about }
}

/// The table.
pub(crate) const KNOWN: &[Known] = &[
    known("export", Args::OptionalModule, "The cell's items go to the notebook's module, or to `MODULE`."),
    known(
        "exporti",
        Args::OptionalModule,
        "As `export`, for what is no part of the public API: `#[doc(hidden)]`.",
    ),
    known("exports", Args::OptionalModule, "As `export`, and the site shows the source."),
    known("default_exp", Args::Module, "The module that this notebook is exported to."),
    known(
        "test",
        Args::Test,
        "The cell runs in the notebook, and becomes `#[test] fn NAME()` of the module.",
    ),
    known("setup", Args::None, "Statements that every later test of the notebook begins with."),
    known("bench", Args::Name, "The cell runs in the notebook, and becomes a benchmark of the crate."),
    known("bin", Args::Name, "The cell becomes a part of `src/bin/NAME.rs`."),
    known("should_panic", Args::None, "The cell is to panic, or to end with an error."),
    known("compile_fail", Args::None, "The cell is not to compile."),
    known("no_run", Args::None, "The cell is compiled, and does not run."),
    known("ignore", Args::None, "The cell is left out."),
    known("hide", Args::None, "The site leaves the cell out."),
    known(
        "solution",
        Args::None,
        "A solution: students get no such cell, and the site folds it or leaves it out.",
    ),
    known("echo", Args::Bool { default: None }, "Whether the site shows the cell's source."),
    known("output", Args::Bool { default: None }, "Whether the site shows the cell's output."),
    known("code-fold", Args::Bool { default: Some(true) }, "Whether the site folds the cell's source."),
    known("eval", Args::Bool { default: None }, "Whether the cell runs."),
    known("flags", Args::Words, "The cell runs only with `nbexport test --flags WORD`."),
    known("volatile", Args::None, "The cell's outputs may differ from run to run."),
];

/// The directive of this name.
pub(crate) fn find(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}
