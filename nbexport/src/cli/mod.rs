//! The command line: types and help texts, nothing else. Here are the commands, and what is the same for all of them.

mod args;
mod running;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::args::*;
pub(crate) use self::running::*;

/// nbdev for Rust: the marked cells of your notebooks become the modules and tests of a crate.
#[derive(Debug, Parser)]
#[command(
    name = "nbexport",
    version,
    after_help = "Without a command, `nbexport [PATH]…` exports. Exit status: 0 all well, 1 it found something \
                  (a stale module, a wrong cell), 2 it could not do its work."
)]
pub(crate) struct Cli {
    /// What to do; to export is the default.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The arguments of `export`.
    #[command(flatten)]
    pub export: ExportArgs,
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
}

/// What holds for every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// When to color the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Say only what is wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// The crate that the command names, if it is one that has to do with a crate.
    #[arg(skip)]
    pub krate: Option<PathBuf>,
    /// Whether what is wrong is told to GitHub, too.
    #[arg(skip)]
    pub annotates: bool,
}

/// What the commands take that have to do with the crate.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct InCrate {
    /// The crate to export to, in place of the one that Cargo.toml configures
    #[arg(long = "crate", value_name = "DIR")]
    pub krate: Option<PathBuf>,
}

impl Cli {
    /// Whether what is wrong is told to GitHub, too.
    pub(crate) fn annotates(&self) -> bool {
        match &self.command {
            None => self.export.format == Format::Github,
            Some(Command::Export(args)) => args.format == Format::Github,
            Some(Command::Test(args)) => args.format == Format::Github,
            Some(Command::Run(args)) => args.format == Shown::Github,
            Some(Command::Prepare(args)) => args.format == Shown::Github,
            Some(_) => false,
        }
    }

    /// What is written behind `--crate`.
    pub(crate) fn krate(&self) -> Option<PathBuf> {
        let args = match &self.command {
            None => &self.export.in_crate,
            Some(Command::Export(args)) => &args.in_crate,
            Some(Command::Test(args)) => &args.in_crate,
            Some(Command::Cargo(args)) => &args.in_crate,
            Some(Command::Sync(args)) => &args.in_crate,
            Some(Command::Watch(args)) => &args.in_crate,
            Some(_) => return None,
        };
        args.krate.clone()
    }
}

/// When to color.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person.
    #[default]
    Text,
    /// For a program: one JSON object a line.
    Json,
    /// For a person, and for GitHub to show beside the lines of a notebook.
    Github,
}

/// How to print what has no form for a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    /// For a person.
    #[default]
    Text,
    /// For a person, and for GitHub to show beside the lines of a notebook.
    Github,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the marked cells of notebooks to the crate (the default)
    #[command(after_help = "Example: nbexport notebooks/02_fully_connected.ipynb")]
    Export(ExportArgs),
    /// Run notebooks from top to bottom, and tell of each cell whether it did what it should
    #[command(after_help = "Example: nbexport test notebooks/02_fully_connected.ipynb")]
    Test(TestArgs),
    /// Run cargo on the crate, and show what it says at the cells
    #[command(
        after_help = "Example: nbexport cargo clippy\n`nbexport cargo clippy --help` shows cargo's own help.",
        disable_help_flag = true
    )]
    Cargo(CargoArgs),
    /// Bring edits of the crate's modules back into the cells they came from
    #[command(after_help = "Example: nbexport sync notebooks/02_fully_connected.ipynb")]
    Sync(SyncArgs),
    /// Show how two versions of a notebook differ, cell by cell
    #[command(after_help = "Example: nbexport diff notebooks/02_fully_connected.ipynb")]
    Diff(DiffArgs),
    /// Merge two versions of a notebook that come from a third, cell by cell
    #[command(
        after_help = "Example: nbexport merge base.ipynb ours.ipynb theirs.ipynb --out merged.ipynb\nExit status: 0 merged, 1 a person has to decide something, 2 it could not do its work."
    )]
    Merge(MergeArgs),
    /// Let git show, merge and check notebooks by nbexport
    #[command(after_help = "Example: nbexport hooks install")]
    Hooks(HooksArgs),
    /// Drop what changes from run to run: execution counts, volatile metadata
    #[command(
        after_help = "Example: nbexport clean --check notebooks\nAs a git filter: nbexport clean - < in > out"
    )]
    Clean(CleanArgs),
    /// Format the cells with rustfmt
    #[command(after_help = "Example: nbexport fmt --check")]
    Fmt(FmtArgs),
    /// Run notebooks in the evcxr kernel, or natively, and write what comes out into them
    #[command(
        after_help = "Example: nbexport run --native notebooks/02_fully_connected.ipynb\nAs a test of the outputs: nbexport run --check --native"
    )]
    Run(RunArgs),
    /// All that a notebook needs before a commit: fmt, export, outputs, test, clean
    #[command(after_help = "Example: nbexport prepare\nFor CI: nbexport prepare --check")]
    Prepare(PrepareArgs),
    /// A Jupyter kernel for this project's notebooks: cells compiled as its profile says, dependencies kept
    #[command(after_help = "Example: nbexport kernel install")]
    Kernel(KernelArgs),
    /// Export on every save
    #[command(after_help = "Example: nbexport watch --exec 'cargo check'")]
    Watch(WatchArgs),
    /// Serve an editor: rust-analyzer inside the cells
    #[command(after_help = "Example: nbexport lsp install")]
    Lsp(LspArgs),
    /// Make a site of the notebooks, with the crate's documentation beside them
    #[command(after_help = "Example: nbexport docs --serve")]
    Docs(DocsArgs),
    /// Write README.md from `index.ipynb`: its texts, code and outputs
    #[command(after_help = "Example: nbexport readme\nFor CI: nbexport readme --check")]
    Readme(ReadmeArgs),
    /// Write copies of notebooks for students: without solutions and outputs
    #[command(after_help = "Example: nbexport student -d student")]
    Student(StudentArgs),
    /// Make a project that works at once: a notebook, its crate, tests, CI
    #[command(after_help = "Example: nbexport new demo && cd demo && cargo test")]
    New(NewArgs),
    /// Set up the cargo package in this folder, touching nothing that is there
    #[command(after_help = "Example: cd my-crate && nbexport init")]
    Init,
    /// Turn the comments of older notebooks (`#export`, `// test`) into directives
    #[command(after_help = "Example: nbexport migrate --check notebooks/02_old.ipynb")]
    Migrate(MigrateArgs),
    /// Print the completions of a shell
    #[command(
        after_help = "Example: nbexport completions bash > ~/.local/share/bash-completion/completions/nbexport"
    )]
    Completions(CompletionsArgs),
    /// Write the man pages to a folder
    #[command(after_help = "Example: nbexport man ~/.local/share/man/man1")]
    Man(ManArgs),
}
