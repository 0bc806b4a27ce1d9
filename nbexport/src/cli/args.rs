//! What each command takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use nbexport::run::partition::Partition;

use super::{Format, InCrate, Shown};

/// What `test` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct TestArgs {
    /// How notebooks are run
    #[command(flatten)]
    pub how: HowToRun,
    /// Only notebooks whose name holds this; `NAME:CELL` runs them up to a cell, given by its number or id
    #[arg(long, value_name = "NAME[:CELL]")]
    pub filter: Option<String>,
    /// Run one share of the notebooks: `slice:1/4`, evenly by the times of the last run, or `hash:1/4`, by name
    #[arg(long, value_name = "PARTITION", conflicts_with = "both")]
    pub partition: Option<Partition>,
    /// How long the notebooks took, to share them evenly; a run of all of them writes it. Without it, what the last run of
    /// all took on this machine counts
    #[arg(long, value_name = "FILE")]
    pub timings_file: Option<PathBuf>,
    /// Run nothing: build the programs and put them into a file, with the notebooks and the files that git knows
    #[arg(long, value_name = "FILE.tar.zst", conflicts_with_all = ["kernel", "server", "both", "junit", "partition", "from_archive"])]
    pub archive: Option<PathBuf>,
    /// Put a file or folder into the archive, too, that git does not know: data
    #[arg(long, value_name = "PATH", requires = "archive")]
    pub archive_include: Vec<PathBuf>,
    /// Run the notebooks of such a file, on any machine of the same kind: it needs no cargo
    #[arg(long, value_name = "FILE.tar.zst", conflicts_with_all = ["kernel", "server", "both", "paths", "krate"])]
    pub from_archive: Option<PathBuf>,
    /// Run notebooks, too, of which nothing has changed since all their cells passed
    #[arg(long)]
    pub fresh: bool,
    /// Run in a Jupyter kernel: in the one of this name, or in the first one for Rust
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub kernel: Option<String>,
    /// Which server
    #[command(flatten)]
    pub server: ServerArgs,
    /// Run natively and in the kernel, and show the cells of which the two say different things
    #[arg(long, conflicts_with_all = ["kernel", "server", "junit"])]
    pub both: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
    /// Write the result to a file, as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Which crate
    #[command(flatten)]
    pub in_crate: InCrate,
}

/// The server that kernels run on.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServerArgs {
    /// Run in kernels of the Jupyter Server or Kernel Gateway at this address; `JUPYTER_TOKEN` holds its token
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// A file that holds the server's token, in place of `JUPYTER_TOKEN`
    #[arg(long, value_name = "FILE", requires = "server")]
    pub token_file: Option<PathBuf>,
    /// Where the project lies below the server's own root
    #[arg(long, value_name = "DIR", requires = "server")]
    pub server_dir: Option<String>,
}

/// How notebooks are run.
#[derive(Args, Clone, Debug)]
pub(crate) struct HowToRun {
    /// Notebooks, or folders of them; all notebooks of the project when none is named
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How many notebooks run side by side; by default one for each processor, but one alone in the kernel, and where
    /// outputs are written: there are times among them
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// How long one cell may take; 0 for as long as it likes
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    pub timeout: u64,
    /// Run the cells with these flags (`//| flags: slow`), too
    #[arg(long, value_name = "WORD", value_delimiter = ',', value_parser = flag)]
    pub flags: Vec<String>,
    /// Go on after a failure: with the other notebooks, and in the kernel with the notebook's other cells
    #[arg(long)]
    pub no_fail_fast: bool,
}

fn flag(word: &str) -> Result<String, String> {
    nbexport::notebook::check_flag(word).map(|()| word.to_owned())
}

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

/// What `run` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunArgs {
    /// Run in a Jupyter kernel, which is the default: in the one of this name, or in the first one for Rust
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "", conflicts_with = "native")]
    pub kernel: Option<String>,
    /// Which server
    #[command(flatten)]
    pub server: ServerArgs,
    /// Run natively: much faster, with the outputs that the kernel would have given
    #[arg(long, conflicts_with = "server")]
    pub native: bool,
    /// Write nothing; show where the outputs in the notebooks are not what their cells put out, and exit with 1
    #[arg(long, conflicts_with = "timings")]
    pub check: bool,
    /// Write down when each cell ran, too, where JupyterLab keeps it: in `metadata.execution`
    #[arg(long)]
    pub timings: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Shown,
    /// How notebooks are run
    #[command(flatten)]
    pub how: HowToRun,
}

/// What `prepare` takes.
#[derive(Args, Clone, Debug)]
pub(crate) struct PrepareArgs {
    /// Write nothing; show what would change, and exit with 1 when something would
    #[arg(long)]
    pub check: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Shown,
    /// How notebooks are run
    #[command(flatten)]
    pub how: HowToRun,
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
