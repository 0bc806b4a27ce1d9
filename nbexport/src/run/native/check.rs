//! The cells that are not exported, for `cargo check` and `cargo clippy`: the compiler reads them as a program.

use serde_json::Value;

use super::program::Line;
use super::subject::Subject;
use super::workspace::Workspace;
use super::{build, crate_places, primary, read};
use crate::diagnostic::{Diagnostic, Result};
use crate::notebook::parsed::Role;
use crate::project::Project;
use crate::run::Select;
use crate::run::plan::Plan;
use crate::run::verdict::Verdict;

/// What there is to say of a cell.
#[derive(Clone, Debug)]
pub enum Finding {
    /// What the compiler says, put into cells.
    Message(Value),
    /// What nbexport says: the cell does not even parse.
    Diagnostic(Diagnostic),
}

/// Has the compiler (or, with `clippy`, clippy, given these arguments) look at all notebooks of the project.
pub fn check(
    project: &Project,
    clippy: bool,
    arguments: &[String],
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Vec<Finding>> {
    let workspace = Workspace::of(project)?;
    let select = Select::default();
    let entries = read(project, &project.notebook_paths()?, &select);
    let mut places = crate_places(project, &entries);
    let mut findings = Vec::new();
    let mut subjects = Vec::new();
    for entry in &entries {
        let subject = match &entry.notebook {
            Ok(notebook) => {
                Plan::new(notebook, &select).and_then(|plan| Subject::new(entry.path.clone(), plan))
            }
            Err(diagnostic) => Err(diagnostic.clone()),
        };
        match subject {
            Ok(mut subject) => {
                subject.write();
                let file = format!("{}/src/main.rs", subject.package);
                places.add(&file, subject.plan.parsed.notebook, subject.program.map.clone());
                findings.extend(unparsable(&subject));
                subjects.push(subject);
            }
            Err(diagnostic) => findings.push(Finding::Diagnostic(diagnostic)),
        }
    }
    let packages: Vec<_> = subjects.iter().map(Subject::package).collect();
    workspace.write(project, &packages)?;
    let names: Vec<&str> = subjects.iter().map(|subject| subject.package.as_str()).collect();
    let how =
        build::How { command: if clippy { "clippy" } else { "check" }, env: &[], offline: false, arguments };
    let built = build::build(&workspace, &names, &how, progress, &mut |_, _| ())?;
    if !built.began {
        return Err(super::judge::no_program(&built, &[], &places));
    }
    for subject in &subjects {
        let messages = built.packages.get(&subject.package).into_iter().flat_map(|built| &built.messages);
        for (target, message) in messages {
            if *target == subject.package && concerns_a_cell(message, subject) {
                let mut message = message.clone();
                places.rewrite_message(&mut message);
                findings.push(Finding::Message(message));
            }
        }
    }
    Ok(findings)
}

/// The cells that do not parse, and are in no program.
fn unparsable(subject: &Subject<'_>) -> Vec<Finding> {
    let failures = subject.verdicts.iter().filter_map(|verdict| match verdict {
        Some(Verdict::Failed(failure)) => Some(failure),
        _ => None,
    });
    failures.map(|failure| Finding::Diagnostic(failure.diagnostic.clone())).collect()
}

/// Whether a message is about what a person wrote; warnings on exported cells are the crate's own.
fn concerns_a_cell(message: &Value, subject: &Subject<'_>) -> bool {
    let spans = || std::iter::successors(primary(message), |span| span.get("expansion")?.get("span"));
    let line = spans().find_map(|span| {
        let line = usize::try_from(span["line_start"].as_u64()?).ok()?;
        let here = span["file_name"].as_str()?.starts_with(subject.package.as_str());
        subject.program.lines.get(line - 1).copied().filter(|_| here)
    });
    let cell = match line {
        Some(Line::Cell(number)) => subject.index_of(number),
        Some(Line::Show(number)) if build::is_error(message) => subject.index_of(number),
        _ => None,
    };
    cell.is_some_and(|index| {
        build::is_error(message)
            || !matches!(subject.plan.parsed.cells[index].role(), Role::Export(..) | Role::Bin(_))
    })
}
