//! Many notebooks, each in a kernel of its own, some side by side.

use std::path::{Path, PathBuf};

use toml_edit::Table;

use super::install::notebook_env;
use super::notebook::{RunOptions, run};
use super::{Host, KernelOptions, builds_dir};
use crate::diagnostic::Result;
use crate::notebook::{Cell, Notebook, header};
use crate::project::Project;
use crate::run::outputs::finish;
use crate::run::plan::is_wanted;
use crate::run::verdict::NotebookReport;
use crate::run::{Options, Outcome, Progress, run_each};

/// Runs the notebooks `paths` of a project in kernels of their own. What came of each comes back in their order.
pub fn test(
    project: &Project,
    paths: &[PathBuf],
    host: &Host,
    options: &Options,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Vec<(String, Outcome)>> {
    let named = paths.iter().map(|path| (path.as_path(), project.name_of(path)));
    let wanted: Vec<_> =
        named.filter(|(path, name)| is_wanted(name, &Notebook::read(path, name), &options.select)).collect();
    let outcomes = run_each(
        0..wanted.len(),
        options,
        progress,
        |index| &wanted[index].1,
        |_, (path, name): &(&Path, String)| {
            let ran = run_one(path, name, host, (options, &project.profile), progress);
            let finished = ran.and_then(|(notebook, mut report)| {
                finish(project, path, &notebook, &mut report, options.keep)?;
                Ok(Outcome::Ran(report))
            });
            finished.unwrap_or_else(Outcome::Unable)
        },
        |queue| {
            for (index, it) in wanted.iter().enumerate() {
                queue.put(index, Ok(it));
            }
            Ok(())
        },
    )?;
    Ok(outcomes.into_iter().map(|(index, outcome)| (wanted[index].1.clone(), outcome)).collect())
}

fn run_one(
    path: &Path,
    name: &str,
    host: &Host,
    (options, profile): (&Options, &Table),
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<(Notebook, NotebookReport)> {
    let notebook = Notebook::read(path, name)?;
    let folder = match host {
        Host::Here(_) => path.parent().unwrap_or(Path::new(".")).to_owned(),
        #[cfg(feature = "server")]
        Host::Server(server) => server.folder_of(name).into(),
    };
    let mut kernel = KernelOptions::new(host.clone(), folder);
    kernel.builds = builds_dir();
    let has_opt = |cell: &Cell| {
        cell.is_code() && header::lines(cell.text()).any(|line| line.text.trim_start().starts_with(":opt"))
    };
    kernel.env = notebook_env(profile, notebook.cells.iter().any(has_opt));
    let options = RunOptions {
        kernel,
        timeout: options.timeout,
        keep_going: options.keep_going,
        select: options.select.clone(),
    };
    let began = |cell: &Cell| progress(Progress::Cell(name, cell.number));
    let ran = run(&notebook, &options, began);
    #[cfg(feature = "server")]
    if let Host::Server(server) = host {
        for warning in &server.warnings() {
            progress(Progress::Warning(warning));
        }
    }
    Ok((notebook, ran?))
}
