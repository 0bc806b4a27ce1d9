//! What the commands that run notebooks take.

use std::path::PathBuf;

use clap::Args;
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
