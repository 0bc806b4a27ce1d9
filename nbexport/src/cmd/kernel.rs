//! What needs a Jupyter kernel: notebooks that run in one, and `nbexport kernel`, a kernelspec with the project's
//! profile, for JupyterLab and VS Code.

use std::path::{Path, PathBuf};

use nbexport::diagnostic::Result;
use nbexport::project::{self, Project};
use nbexport::run::{Options, Outcome, Progress, kernel};

use super::{Status, server};
use crate::cli::{Global, KernelCommand, ServerArgs};
use crate::printer::Printer;

/// Installs or takes out.
pub(crate) fn run(command: KernelCommand, global: &Global) -> Result<Status> {
    let printer = Printer::new(global);
    match command {
        KernelCommand::Install => {
            // Outside of a project there is none whose profile could be meant.
            let project = Project::discover(Path::new("."), global.krate.as_deref()).ok();
            let profile = project.map(|project| project.profile).unwrap_or_default();
            let installed = kernel::install(&profile)?;
            printer.info(&format!("kernel \"Rust (nbexport)\" → {}", project::show(&installed.folder)));
            for (key, value) in &installed.env {
                printer.info(&format!("  {key}={value}"));
            }
            if let Some(folder) = installed.configured {
                let folder = project::show(&folder);
                printer.info(&format!("  evcxr's configuration in {folder} holds; `:cache 2048` there keeps compiled dependencies"));
            }
        }
        KernelCommand::Uninstall => match kernel::uninstall()? {
            Some(folder) => printer.info(&format!("removed {}", project::show(&folder))),
            None => printer.info("nothing to do"),
        },
    }
    Ok(Status::Success)
}

/// Runs notebooks in the kernel `name`, or in the first one for Rust when the name is empty: on the server that is named,
/// or else here.
pub(super) fn test(
    project: &Project,
    notebooks: &[PathBuf],
    (name, server): (&str, &ServerArgs),
    options: &Options,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Vec<(String, Outcome)>> {
    let here = || {
        kernel::find((!name.is_empty()).then_some(name))
            .map_err(|none| none.note("`nbexport test` and `nbexport run --native` need no kernel"))
    };
    let host = match server::named(server, name)? {
        Some(host) => host,
        None => here()?.into(),
    };
    kernel::test(project, notebooks, &host, options, progress)
}
