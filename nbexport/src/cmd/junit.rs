//! What came of the notebooks as JUnit XML for a CI server: a suite for each notebook, a case for each cell.

use std::path::Path;

use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::files::{Lock, Original};
use nbexport::project::show;
use nbexport::run::Outcome;
use nbexport::run::verdict::{CellReport, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// Sees before the first notebook runs that the file can be replaced: a report takes the place of a report, and not of a
/// notebook, to which `--junit` may refer by a slip.
pub(super) fn may_replace(file: &Path) -> Result<()> {
    if file.is_symlink() {
        return Err(Diagnostic::error(format!("`{}` is a link, so no report is written to it", show(file)))
            .help("name the file that it leads to, or remove the link"));
    }
    let is_notebook = file.extension().is_some_and(|extension| extension == "ipynb");
    let there = Original::read(file, show(file))?.text.unwrap_or_default();
    if !is_notebook && (there.trim().is_empty() || there.starts_with("<?xml")) {
        return Ok(());
    }
    Err(Diagnostic::error(format!("`{}` is no JUnit report, so it is not replaced by one", show(file)))
        .help("name a file for the report before the notebooks: `--junit target/junit.xml`"))
}

/// Writes the file. `broken` says of the crate that it does not compile.
pub(super) fn write(file: &Path, outcomes: &[(String, Outcome)], broken: Option<&Diagnostic>) -> Result<()> {
    let unwritten = |error: &dyn std::fmt::Display| {
        Diagnostic::error(format!("cannot write `{}`: {error}", file.display()))
    };
    let mut report = Report::new("nbexport");
    report.add_test_suites(outcomes.iter().map(|(name, outcome)| suite(name, outcome)));
    if let Some(broken) = broken {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(xml(&broken.message)).set_description(xml(&broken.render(false)));
        let mut suite = TestSuite::new("the crate");
        suite.add_test_case(TestCase::new("cargo check --tests", status));
        report.add_test_suite(suite);
    }
    let text = report.to_string().map_err(|error| unwritten(&error))?;
    let lock = Lock::beside(file);
    let change = Original::read(file, show(file))?.as_named(text)?;
    lock.commit(change.as_slice())
}

fn suite(name: &str, outcome: &Outcome) -> TestSuite {
    let mut suite = TestSuite::new(xml(name));
    let mut not_run = |why: &str| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(xml(why));
        let mut case = TestCase::new("the notebook", status);
        case.set_classname(xml(name));
        suite.add_test_case(case);
    };
    match outcome {
        Outcome::Ran(report) => {
            suite.set_time(report.time);
            suite.add_test_cases(report.cells.iter().map(|cell| case(name, cell)));
        }
        Outcome::Unable(diagnostic) => not_run(&diagnostic.message),
        Outcome::NotBegun => not_run("not begun, since another notebook failed"),
    }
    suite
}

fn case(notebook: &str, cell: &CellReport) -> TestCase {
    let skipped = |why: &str| {
        let mut status = TestCaseStatus::skipped();
        status.set_message(why);
        status
    };
    let (status, printed) = match &cell.verdict {
        Verdict::Passed => (TestCaseStatus::success(), None),
        Verdict::Skipped(why) => (skipped(why), None),
        Verdict::NotReached => (skipped("not reached"), None),
        Verdict::Failed(failure) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(xml(&failure.diagnostic.message));
            status.set_description(xml(&failure.diagnostic.render(false)));
            (status, Some(&failure.printed))
        }
    };
    let id = cell.source.cell_id.as_deref().unwrap_or_default();
    let mut case = TestCase::new(xml(&format!("cell {} ({id})", cell.number)), status);
    case.set_classname(xml(notebook)).set_time(cell.time);
    if let Some(printed) = printed {
        case.set_system_out(xml(printed));
    }
    case
}

/// The text without the characters that XML has no way to write.
fn xml(text: &str) -> String {
    let is_bad =
        |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.replace(is_bad, "\u{fffd}")
}
