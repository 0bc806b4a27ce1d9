//! What each command takes that does not run notebooks.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Format, InCrate};

/// What `cargo` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct CargoArgs {
    /// A command of cargo with its arguments: check, clippy, test, build, run, bench, …
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub args: Vec<String>,
    /// Which crate
    #[command(flatten)]
    pub in_crate: InCrate,
}

/// What `watch` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct WatchArgs {
    /// Notebooks, or folders of them; all notebooks of the project when none is named
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// A command to run after each export that changed something
    #[arg(long, value_name = "COMMAND")]
    pub exec: Option<String>,
    /// The same as --exec 'cargo test --quiet'
    #[arg(long, conflicts_with = "exec")]
    pub test: bool,
    /// Which crate
    #[command(flatten)]
    pub in_crate: InCrate,
}

/// What `new` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct NewArgs {
    /// The folder to make; its last part names the crate
    pub name: PathBuf,
}

/// What `completions` takes.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
    /// For `cargo-nbexport`, which is what `cargo nbexport` runs
    #[arg(long)]
    pub cargo: bool,
}

/// What `man` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct ManArgs {
    /// Where the pages go
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// What `fmt` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct FmtArgs {
    /// Notebooks, or folders of them; all notebooks of the project when none is named
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Write nothing; show a diff for each cell, and exit with 1 when one is not formatted
    #[arg(long)]
    pub check: bool,
}

/// What `migrate` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct MigrateArgs {
    /// Notebooks, or folders of them; all notebooks of the project when none is named
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Write nothing; show a diff for each cell, and exit with 1 when there is one
    #[arg(long)]
    pub check: bool,
}

/// What `clean` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct CleanArgs {
    /// Notebooks, or folders of them, or `-` for stdin to stdout; all of the project when none is named
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Write nothing, and exit with 1 when a notebook is not clean
    #[arg(long)]
    pub check: bool,
    /// Drop the outputs, too
    #[arg(long)]
    pub outputs: bool,
}

/// What `sync` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct SyncArgs {
    /// Notebooks, or folders of them; all notebooks of the project when none is named
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Where both sides were edited, keep the notebook's text
    #[arg(long)]
    pub ours: bool,
    /// Where both sides were edited, take the module's text
    #[arg(long, conflicts_with = "ours")]
    pub theirs: bool,
    /// Which crate
    #[command(flatten)]
    pub in_crate: InCrate,
}

/// What `export` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExportArgs {
    /// Notebooks, or folders of them; all notebooks of the project when none is named
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Write nothing; show a diff, and exit with 1 when the crate is stale
    #[arg(long)]
    pub check: bool,
    /// Overwrite modules that were edited by hand since the last export
    #[arg(long)]
    pub force: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
    /// Which crate
    #[command(flatten)]
    pub in_crate: InCrate,
}

/// What `diff` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct DiffArgs {
    /// Two versions of a notebook, or one notebook to compare with git's HEAD; all that differ from it when none is named
    #[arg(value_name = "NOTEBOOK")]
    pub paths: Vec<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
    /// Take the arguments that git gives an external diff
    #[arg(long, hide = true)]
    pub git_driver: bool,
    /// Print a notebook as text, for git to compare
    #[arg(long, hide = true, conflicts_with = "git_driver")]
    pub textconv: bool,
}

/// What `merge` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct MergeArgs {
    /// The version that both sides come from
    pub base: PathBuf,
    /// Our version
    pub ours: PathBuf,
    /// Their version
    pub theirs: PathBuf,
    /// Where the merged notebook goes; stdout when not given
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What messages call the notebook
    #[arg(long, hide = true)]
    pub path: Option<PathBuf>,
    /// The length of a conflict marker
    #[arg(long, hide = true, default_value_t = 7)]
    pub marker_size: usize,
    /// What stands beside `<<<<<<<`
    #[arg(long, hide = true, default_value = "ours")]
    pub ours_label: String,
    /// What stands beside `>>>>>>>`
    #[arg(long, hide = true, default_value = "theirs")]
    pub theirs_label: String,
}

/// What `kernel` takes.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct KernelArgs {
    /// What to do
    #[command(subcommand)]
    pub command: KernelCommand,
}

/// What `kernel` does.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum KernelCommand {
    /// Install the kernel "Rust (nbexport)" for this user
    Install,
    /// Take it out
    Uninstall,
}

/// What `lsp` takes.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct LspArgs {
    /// What else to do than to serve
    #[command(subcommand)]
    pub command: Option<LspCommand>,
    /// The program of rust-analyzer; the one on PATH when none is named
    #[arg(long, value_name = "PATH")]
    pub rust_analyzer: Option<PathBuf>,
    /// Serve on stdin and stdout, which is the only way: editors may say so
    #[arg(long, hide = true)]
    pub stdio: bool,
}

/// What `lsp` does besides.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum LspCommand {
    /// Tell `JupyterLab` of the server, and show the settings for Neovim and Helix
    Install,
}

/// What `hooks` takes.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct HooksArgs {
    /// What to do
    #[command(subcommand)]
    pub command: HooksCommand,
}

/// What `hooks` does.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum HooksCommand {
    /// Install the diff and merge drivers, the clean filter and a check before each commit; once more, after modules of
    /// other names than `nb_*` came
    Install,
    /// Take out what `install` put in
    Uninstall,
    /// Check the staged notebooks, as the hook does
    Check,
}

/// What `readme` takes.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct ReadmeArgs {
    /// Write nothing; show a diff, and exit with 1 when README.md is stale
    #[arg(long)]
    pub check: bool,
    /// Overwrite a README.md that is not nbexport's, or was edited since
    #[arg(long)]
    pub force: bool,
}

/// What `student` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct StudentArgs {
    /// Notebooks, or folders of them; all notebooks of the project when none is named
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The folder of the copies
    #[arg(short = 'd', long = "dir", value_name = "DIR")]
    pub folder: PathBuf,
}

/// What `docs` takes.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct DocsArgs {
    /// The folder of the site
    #[arg(short = 'd', long = "dir", value_name = "DIR", default_value = "target/site")]
    pub folder: PathBuf,
    /// Open the site in a browser
    #[arg(long)]
    pub open: bool,
    /// Serve the site on this machine, and make it anew when a notebook is saved
    #[arg(long)]
    pub serve: bool,
    /// The port to serve it on; 0 takes one that is free
    #[arg(long, value_name = "N", default_value_t = 3000, requires = "serve")]
    pub port: u16,
    /// Leave out the crate's documentation
    #[arg(long)]
    pub no_api: bool,
    /// Show HTML of outputs and texts as it is: for notebooks of your own
    #[arg(long)]
    pub trust: bool,
}
