//! What is asked of a kernel on a server before a notebook's first cell: where it runs, and whether what the notebook
//! names is there. Nothing is assumed: the server has its own files.

use super::Server;
use crate::diagnostic::{Diagnostic, Result};
use crate::export::manifest;
use crate::run::kernel::{Kernel, KernelOptions};
use crate::run::plan::Plan;
use crate::run::verdict::Expect;

/// Makes a new kernel ready for a notebook, and sees that it can be.
///
/// # Errors
/// A folder that a `:dep` line names by its path is not there.
pub(in crate::run::kernel) fn prepare(
    kernel: &mut Kernel,
    server: &Server,
    plan: &Plan<'_>,
    options: &KernelOptions,
) -> Result<()> {
    let runs = plan.cells().filter(|(_, expect)| !matches!(expect, Expect::Skip(_)));
    let folders: Vec<_> = runs
        .flat_map(|(cell, _)| {
            let folders = manifest::relative_folders(cell, &options.cwd);
            folders.into_iter().map(move |it| (cell.source(), it))
        })
        .collect();
    let quoted = folders.iter().map(|(_, (path, _))| format!(" '{}'", path.replace('\'', "'\\''")));
    // One line for the shell: evcxr runs what follows `!` by it, without a compiler.
    let asked = format!(
        "!pwd; for it in{}; do test -e \"$it/Cargo.toml\" && echo yes || echo no; done",
        quoted.collect::<String>()
    );
    let told = kernel.ask(&asked)?;
    let mut lines = told.as_deref().unwrap_or_default().lines();
    if let Some(folder) = lines.next() {
        tell_folder(server, &options.cwd.to_string_lossy(), folder);
        let missing: Vec<_> =
            folders.iter().zip(lines).filter(|(_, there)| *there == "no").map(|(it, _)| it).collect();
        if let Some((source, (path, span))) = missing.first() {
            let missing = missing[1..].iter().fold(
                Diagnostic::error(format!("the server has no crate at `{path}`")).at(
                    source,
                    span.clone(),
                    "",
                ),
                |all, (source, (_, span))| all.and_at(source, span.clone(), "nor this one"),
            );
            return Err(missing
                .note(format!("the kernel runs in `{folder}` on the server at `{}`", server.rest.url))
                .help("bring the crate there, or name it by a version or `git`; `--server-dir DIR` says where the project lies below the server's root"));
        }
    }
    if !options.env.is_empty() {
        let lines = options.env.iter().map(|(key, value)| {
            format!(":build_env {}={}\n", key.to_string_lossy(), value.to_string_lossy())
        });
        if kernel.ask(&lines.collect::<String>())?.is_none() {
            server.warn(
                Diagnostic::warning("the kernel on the server does not take the project's profile")
                    .help("set it in the server's kernelspec: `nbexport kernel install`, run there"),
            );
        }
    }
    let program = kernel.ask(":last_compile_dir")?;
    if let (Some(folder), Some(session)) = (program, kernel.session()) {
        session.keep_program_in(folder.trim_end());
    }
    Ok(())
}

/// Warns of a kernel that does not run in the notebook's folder.
fn tell_folder(server: &Server, wanted: &str, is: &str) {
    let is_there = wanted.is_empty() || std::path::Path::new(is).ends_with(wanted);
    if !is_there {
        server.warn(
            Diagnostic::warning(format!("the server has no folder `{wanted}`, so cells run in its `{is}`"))
                .note("there they look for files that they name by relative paths")
                .help("`--server-dir DIR` says where the project lies below the server's root"),
        );
    }
}
