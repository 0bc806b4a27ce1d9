//! Round after round of builds: what the compiler names is taken out, and what is left is built again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::build::{self, Build};
use super::subject::Subject;
use super::workspace::Workspace;
use super::{Entry, broken, errors};
use crate::diagnostic::Result;
use crate::export;
use crate::places::Places;
use crate::project::Project;
use crate::run::Progress;

/// How often a notebook is built. One phase of the compiler hides the errors of the next, and a cell that is left out those
/// of the cells that need it.
const ROUNDS: usize = 8;

/// For each notebook its program, or why there is none. Where cells that do not compile left nothing to run, there is
/// none either, and nothing more to say.
pub(super) type Ready = BTreeMap<usize, Result<Option<PathBuf>>>;

/// Builds until every wanted notebook has a program of the cells that compile, a number of times at most.
pub(super) fn build_all(
    project: &Project,
    workspace: &Workspace,
    subjects: &mut BTreeMap<usize, Subject<'_>>,
    entries: &[Entry],
    places: &mut Places,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Ready> {
    let mut ready = Ready::new();
    let crate_name = export::crate_name(project)?;
    let mut pending: Vec<usize> = subjects.keys().copied().filter(|index| entries[*index].wanted).collect();
    for round in 0..ROUNDS {
        if pending.is_empty() {
            break;
        }
        let mut built = build_some(project, workspace, subjects, &pending, progress)?;
        let broken =
            built.values().find_map(|build| broken::first_broken(build, &crate_name, entries, places));
        if let Some(first) = broken.filter(|_| round == 0) {
            let locked_in: Vec<usize> = pending.iter().copied().filter(|index| *index <= first).collect();
            if !locked_in.is_empty() {
                let warning = broken::use_copy(project, workspace, subjects, entries, first)?;
                progress(Progress::Warning(&warning));
                built.extend(build_some(project, workspace, subjects, &locked_in, progress)?);
            }
        }
        for index in std::mem::take(&mut pending) {
            let Some(subject) = subjects.get_mut(&index) else { continue };
            let file = format!("{}/src/main.rs", subject.package);
            places.add(&file, subject.plan.parsed.notebook, subject.program.map.clone());
            for (before, program) in &subject.before {
                let file = format!("{}/src/bin/{}.rs", subject.package, subject.name_before(*before));
                places.add(&file, subject.plan.parsed.notebook, program.map.clone());
            }
            match errors::deal(subject, &built[&index], places) {
                Ok(Some(executable)) => {
                    ready.insert(index, Ok(Some(executable)));
                }
                Ok(None) => {
                    subject.write();
                    pending.push(index);
                }
                Err(diagnostic) => {
                    ready.insert(index, Err(diagnostic));
                }
            }
        }
    }
    // Cells that still do not compile have been named; what is left of the notebook does not run.
    ready.extend(pending.into_iter().map(|index| (index, Ok(None))));
    Ok(ready)
}

/// Builds the pending notebooks, all at once; one by one if a `:dep` of one keeps cargo from building any.
fn build_some(
    project: &Project,
    workspace: &Workspace,
    subjects: &BTreeMap<usize, Subject<'_>>,
    pending: &[usize],
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<BTreeMap<usize, Build>> {
    let build = |members: &[usize], wanted: &[usize]| {
        let packages: Vec<_> = members.iter().map(|index| subjects[index].package()).collect();
        workspace.write(project, &packages)?;
        let wanted = || wanted.iter().map(|index| &subjects[index]);
        let names: Vec<&str> = wanted().map(|subject| subject.package.as_str()).collect();
        let env: Vec<_> = wanted().flat_map(|subject| subject.settings.build_env.clone()).collect();
        let how = build::How {
            command: "build",
            env: &env,
            offline: wanted().any(|subject| subject.settings.offline),
            arguments: &[],
        };
        build::build(workspace, &names, &how, &|line| progress(Progress::Building(line)))
    };
    let all: Vec<usize> = subjects.keys().copied().collect();
    let together = build(&all, pending)?;
    if together.began || all.len() == 1 {
        return Ok(pending.iter().map(|index| (*index, together.clone())).collect());
    }
    pending.iter().map(|index| Ok((*index, build(&[*index], &[*index])?))).collect()
}
