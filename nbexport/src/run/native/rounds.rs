//! Round after round of builds: what the compiler names is taken out, and what is left is built again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::build::{self, Build, Built};
use super::program::Line;
use super::subject::{Subject, needs_kernel, not_compiled};
use super::workspace::Workspace;
use super::{Entry, broken, judge};
use crate::diagnostic::{Diagnostic, Result};
use crate::export;
use crate::places::Places;
use crate::project::Project;
use crate::run::Progress;
use crate::run::verdict::Verdict;

/// For each notebook its program, or why there is none. Where cells that do not compile left nothing to run, there is
/// none either, and nothing more to say.
pub(super) type Ready = BTreeMap<usize, Result<Option<PathBuf>>>;

/// Builds until every wanted notebook has a program of the cells that compile: at most three times more after the
/// first.
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
    for round in 0..4 {
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
            match take_errors(subject, &built[&index], places, round) {
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
        let env: Vec<_> = wanted().flat_map(|subject| subject.build_env.clone()).collect();
        let how = build::How {
            command: "build",
            env: &env,
            offline: wanted().any(|subject| subject.offline),
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

/// Deals the errors of a build out to cells. With none the program comes back; `None` asks for another build.
fn take_errors(
    subject: &mut Subject<'_>,
    build: &Build,
    places: &Places,
    round: usize,
) -> Result<Option<PathBuf>> {
    let nothing = Built::default();
    let package = build.packages.get(&subject.package).unwrap_or(&nothing);
    let main = package
        .messages
        .iter()
        .filter(|(target, message)| *target == subject.package && build::is_error(message));
    let mut by_cell: BTreeMap<usize, Vec<Diagnostic>> = BTreeMap::new();
    let mut unplaced = Vec::new();
    let mut unresolved = BTreeMap::new();
    for (_, message) in main {
        match judge::culprit(message, &subject.program, places, &subject.package) {
            Some((Line::Probe(number), _)) => {
                let index = subject.index_of(number).unwrap_or_default();
                let code =
                    subject.plan.parsed.cells[index].code().as_ref().expect("a cell of the program parses");
                let glob =
                    crate::notebook::scope::imports(code).into_iter().find(|import| import.name.is_none());
                let span = glob.map_or(0..0, |glob| glob.span);
                let said = message["message"].as_str().unwrap_or_default();
                let name = said.split('`').nth(1).unwrap_or("a name");
                let why = format!("this would hide the variable `{name}` of an earlier cell");
                return Err(needs_kernel(code, span, &why));
            }
            Some((line @ (Line::Cell(number) | Line::Show(number) | Line::For(number)), diagnostic)) => {
                let index = subject.index_of(number).unwrap_or_default();
                let code = subject.plan.parsed.cells[index].code().as_ref().ok();
                let closing = code.and_then(|code| Some((code, code.closing()?)));
                let diagnostic =
                    match closing.filter(|_| matches!(line, Line::Show(_)) && diagnostic.primary.is_none()) {
                        Some((code, span)) => judge::unshown(message).at(code.source(), span, ""),
                        None => diagnostic,
                    };
                *unresolved.entry(number).or_insert(true) &= judge::is_unresolved(message);
                by_cell.entry(number).or_default().push(diagnostic);
            }
            Some((Line::Frame, _)) | None => unplaced.push(message),
        }
    }
    if let Some(executable) = package.executables.get(&subject.package).filter(|_| by_cell.is_empty()) {
        judge::expected_failures(subject, package);
        return Ok(Some(executable.clone()));
    }
    if by_cell.is_empty() {
        return Err(judge::no_program(build, &unplaced, places));
    }
    let missing = subject.missing_names();
    for (number, diagnostics) in by_cell {
        let Some(index) = subject.index_of(number) else { continue };
        let text = subject.plan.parsed.cells[index].cell.text();
        let depends = round > 0
            && unresolved[&number]
            && text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| missing.contains(word));
        // What it needs was in a cell that does not compile: that is where the fault is.
        let verdict = if depends { Verdict::NotReached } else { not_compiled(judge::joined(diagnostics)) };
        subject.verdicts[index] = Some(verdict);
    }
    Ok(None)
}
