//! Round after round of builds: what the compiler names is taken out, and what is left is built again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::build::{self, Build};
use super::subject::Subject;
use super::workspace::Workspace;
use super::{Entry, broken, errors, features};
use crate::diagnostic::Result;
use crate::export;
use crate::places::Places;
use crate::project::Project;
use crate::run::Progress;

/// How often a notebook is built. One phase of the compiler hides the errors of the next, and a cell that is left out those
/// of the cells that need it.
const ROUNDS: usize = 10;

/// A notebook's program, or why there is none. Where cells that do not compile left nothing to run, there is none either,
/// and nothing more to say.
pub(super) type Program = Result<Option<PathBuf>>;

/// Builds until every wanted notebook has a program of the cells that compile, a number of times at most. `ready` hears of
/// each as soon as it has, while others are built.
pub(super) fn build_all(
    project: &Project,
    workspace: &Workspace,
    subjects: &mut BTreeMap<usize, Subject<'_>>,
    entries: &[Entry],
    places: &RwLock<Places>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
    ready: &mut dyn FnMut(usize, &Subject<'_>, Program),
) -> Result<()> {
    let crate_name = export::crate_name(project)?;
    let mut pending: Vec<usize> = subjects.keys().copied().filter(|index| entries[*index].wanted).collect();
    for round in 0..ROUNDS {
        if pending.is_empty() {
            return Ok(());
        }
        let mut through = BTreeSet::new();
        let mut early = |index: usize, subject: &mut Subject<'_>, build: &Build| {
            if let Some(program) = settle(subject, build, places) {
                through.insert(index);
                ready(index, subject, program);
            }
        };
        let mut built = build_some(project, workspace, subjects, &pending, progress, &mut early)?;
        pending.retain(|index| !through.contains(index));
        let broken =
            built.values().find_map(|build| broken::first_broken(build, &crate_name, entries, &read(places)));
        if let Some(first) = broken.filter(|_| round == 0) {
            let locked_in: Vec<usize> = pending.iter().copied().filter(|index| *index <= first).collect();
            if !locked_in.is_empty() {
                let warning = broken::use_copy(project, workspace, subjects, entries, first)?;
                progress(Progress::Warning(&warning));
                built.extend(build_some(
                    project,
                    workspace,
                    subjects,
                    &locked_in,
                    progress,
                    &mut |_, _, _| (),
                )?);
            }
        }
        pending.retain(|index| {
            let Some(subject) = subjects.get_mut(index) else { return false };
            let Some(program) = settle(subject, &built[index], places) else {
                subject.write();
                return true;
            };
            ready(*index, subject, program);
            false
        });
    }
    // Cells that still do not compile have been named; what is left of the notebook does not run.
    for index in pending {
        ready(index, &subjects[&index], Ok(None));
    }
    Ok(())
}

/// The places that are known by now.
pub(super) fn read(places: &RwLock<Places>) -> RwLockReadGuard<'_, Places> {
    places.read().unwrap_or_else(PoisonError::into_inner)
}

/// What a build comes to for a notebook; `None` asks for another.
fn settle(subject: &mut Subject<'_>, build: &Build, places: &RwLock<Places>) -> Option<Program> {
    let mut places = places.write().unwrap_or_else(PoisonError::into_inner);
    let file = format!("{}/src/main.rs", subject.package);
    places.add(&file, subject.plan.parsed.notebook, subject.program.map.clone());
    for (before, program) in &subject.before {
        let file = format!("{}/src/bin/{}.rs", subject.package, subject.name_before(*before));
        places.add(&file, subject.plan.parsed.notebook, program.map.clone());
    }
    errors::deal(subject, build, &places).transpose().map(|program| program.map(Some))
}

/// Builds the pending notebooks, all at once that do not lend each other features; one by one if a `:dep` of one keeps cargo from building any. `early` is given
/// those all of whose programs are there.
fn build_some(
    project: &Project,
    workspace: &Workspace,
    subjects: &mut BTreeMap<usize, Subject<'_>>,
    pending: &[usize],
    progress: &(dyn Fn(Progress<'_>) + Sync),
    early: &mut dyn FnMut(usize, &mut Subject<'_>, &Build),
) -> Result<BTreeMap<usize, Build>> {
    let all: Vec<usize> = subjects.keys().copied().collect();
    let packages: Vec<_> = all.iter().map(|index| subjects[index].package()).collect();
    workspace.write(project, &packages)?;
    let packages = all.iter().copied().zip(packages).filter(|(index, _)| pending.contains(index));
    let groups = features::groups(workspace, &packages.collect::<Vec<_>>());
    let mut build = |members: &[usize], wanted: &[usize]| {
        if members.len() < all.len() {
            let packages: Vec<_> = members.iter().map(|index| subjects[index].package()).collect();
            workspace.write(project, &packages)?;
        }
        let of_wanted = || wanted.iter().map(|index| &subjects[index]);
        let names: Vec<String> = of_wanted().map(|subject| subject.package.clone()).collect();
        let env: Vec<_> = of_wanted().flat_map(|subject| subject.settings.build_env.clone()).collect();
        let offline = of_wanted().any(|subject| subject.settings.offline);
        let how = build::How { command: "build", env: &env, offline, arguments: &[] };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut program = |build: &Build, package: &str| {
            let index = names.iter().position(|name| *name == package).map(|at| wanted[at]);
            if let Some((index, subject)) = index.and_then(|index| Some((index, subjects.get_mut(&index)?)))
                && subject.is_complete(&build.packages[package])
            {
                early(index, subject, build);
            }
        };
        build::build(workspace, &names, &how, &|line| progress(Progress::Building(line)), &mut program)
    };
    let mut all_built = BTreeMap::new();
    for group in groups {
        let together = build(&all, &group)?;
        if together.began || all.len() == 1 {
            all_built.extend(group.iter().map(|index| (*index, together.clone())));
            continue;
        }
        for index in group {
            all_built.insert(index, build(&[index], &[index])?);
        }
    }
    Ok(all_built)
}
