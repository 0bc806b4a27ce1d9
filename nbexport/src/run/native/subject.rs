//! A notebook under test: what is known of its cells before it runs, and the package that is made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::build::Built;
use super::commands::Settings;
use super::program::{self, Program, Purpose, Use};
use super::reach::within_reach;
use super::redefine::{self, NeedsKernel};
use super::workspace::{Package, package_name};
use super::{keep, later};
use crate::diagnostic::{Diagnostic, Result, Source};
use crate::export::manifest::{self, Dependency};
use crate::notebook::cell::{self, Code, Shape};
use crate::notebook::header::{self, LineKind};
use crate::notebook::scope;
use crate::run::plan::{Plan, reads_stdin};
use crate::run::verdict::{Expect, Failure, FailureKind, Verdict};

/// A notebook on its way.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) path: PathBuf,
    pub(super) plan: Plan<'a>,
    /// The name of its package.
    pub(super) package: String,
    /// The verdicts that are known without running.
    pub(super) verdicts: Vec<Option<Verdict>>,
    /// The main program.
    pub(super) program: Program,
    /// For each cell that is not to compile the program that ends in it.
    pub(super) failing: BTreeMap<usize, Program>,
    /// For each cell that may act on earlier ones the program of the cells before it.
    pub(super) before: BTreeMap<usize, Program>,
    pub(super) dependencies: BTreeMap<String, Dependency>,
    /// What commands set.
    pub(super) settings: Settings,
    /// What the rounds so far have told of variables.
    pub(super) answers: keep::Answers,
}

impl<'a> Subject<'a> {
    /// Reads what the cells ask for.
    ///
    /// # Errors
    /// The notebook cannot be one program.
    pub(super) fn new(path: PathBuf, plan: Plan<'a>) -> Result<Self> {
        let parsed = &plan.parsed;
        let folder = path.parent().map(PathBuf::from).unwrap_or_default();
        let (found, wrong) = manifest::of_notebook(parsed, &folder);
        let (dependencies, contradictions) = manifest::unite(found.into_iter().map(|one| (0, one)));
        if let Some((_, diagnostic)) = contradictions.into_iter().next() {
            return Err(diagnostic);
        }
        let mut subject = Self {
            package: package_name(&parsed.notebook.name),
            verdicts: vec![None; parsed.cells.len()],
            path,
            plan,
            program: Program::default(),
            failing: BTreeMap::new(),
            before: BTreeMap::new(),
            dependencies,
            settings: Settings::default(),
            answers: keep::Answers::new(),
        };
        subject.first_verdicts(&wrong)?;
        subject.hidden_names()?;
        Ok(subject)
    }

    /// `wrong` is what is said of `:dep` lines: such a one fails its cell, as in the kernel.
    fn first_verdicts(&mut self, wrong: &[Diagnostic]) -> Result<()> {
        let mut so_far = SoFar::default();
        for (index, (cell, expect)) in self.plan.cells().enumerate() {
            let verdict = match (expect, cell.code()) {
                (Expect::Skip(why), _) => Some(Verdict::Skipped(why)),
                // A comment for a documentation of nothing is nothing but a comment.
                (Expect::Success, Err(_)) if is_comment(cell.cell.text()) => Some(Verdict::Passed),
                (Expect::CompileError, Err(_)) => Some(Verdict::Passed),
                (_, Err(diagnostic)) => Some(not_compiled(diagnostic.clone())),
                (expect, Ok(code)) => {
                    let carried = self.settings.take(code, &so_far.variables)?;
                    let runs = matches!(expect, Expect::Success | Expect::Panic);
                    let is_here = |it: &&Diagnostic| {
                        it.primary.as_ref().is_some_and(|place| place.source.name == code.source().name)
                    };
                    let unmet = || wrong.iter().find(is_here).cloned();
                    let refused =
                        carried.err().or_else(unmet).or_else(|| refused(code, &so_far.hidden_types));
                    match (expect, refused) {
                        (Expect::CompileError, Some(_)) => Some(Verdict::Passed),
                        (Expect::CompileError, None) => None,
                        (_, Some(diagnostic)) => Some(not_compiled(diagnostic)),
                        (expect, None) => {
                            within_reach(code, &self.plan)?;
                            attributes(code)?;
                            so_far.take(code);
                            let does_something = code.shape() != Shape::Empty
                                || code.commands.iter().any(|(line, _)| line.starts_with('!'));
                            let passes =
                                matches!(expect, Expect::Success | Expect::Compiles) && !does_something;
                            match cell::reads_stdin(&code.stmts).filter(|_| runs) {
                                Some(call) => Some(failed(
                                    FailureKind::Stopped,
                                    reads_stdin(code.source(), code.span(&call)),
                                )),
                                None => passes.then_some(Verdict::Passed),
                            }
                        }
                    }
                }
            };
            self.verdicts[index] = verdict;
        }
        Ok(())
    }

    /// Whether a name means another thing in the kernel.
    fn hidden_names(&self) -> Result<()> {
        let cells: Vec<usize> = self.main_cells().map(|(index, _)| index).collect();
        let parsed = &self.plan.parsed;
        let found = redefine::needs_kernel(parsed, &cells)
            .or_else(|| later::look(parsed, &cells).needs_kernel)
            .or_else(|| later::kept_static(parsed, &cells));
        let Some(NeedsKernel { cell, name, other, why }) = found else { return Ok(()) };
        let Ok(code) = self.plan.parsed.cells[cell].code() else { return Ok(()) };
        let quoted = format!("`{name}`");
        let why = if why.contains(&quoted) { why } else { format!("{quoted}: {why}") };
        let mut diagnostic = needs_kernel(code, place_of(code, &name), &why);
        if let Some((other, label)) = other
            && let Ok(code) = self.plan.parsed.cells[other].code()
        {
            diagnostic = diagnostic.and_at(code.source(), mention_of(code, &name), label);
        }
        Err(diagnostic)
    }

    /// The cells of the main program, with what becomes of each.
    pub(super) fn main_cells(&self) -> impl Iterator<Item = (usize, Use)> {
        let open = self.plan.expects.iter().enumerate().filter(|(index, _)| self.verdicts[*index].is_none());
        open.filter_map(|(index, expect)| match expect {
            Expect::CompileError => None,
            Expect::Success | Expect::Skip(_) => Some((index, Use::Run)),
            Expect::Panic => Some((index, Use::ShouldPanic)),
            Expect::Compiles => Some((index, Use::Compile)),
        })
    }

    /// Writes the programs anew: with the cells that have no verdict yet.
    pub(super) fn write(&mut self) {
        let main: Vec<_> = self.main_cells().collect();
        let program = |cells: &[(usize, Use)], purpose| {
            let by_debug = self.settings.returns_by_debug();
            program::program(&self.plan.parsed, cells, &self.answers, by_debug, purpose)
        };
        let failing =
            self.plan.expects.iter().enumerate().filter(|(index, expect)| {
                **expect == Expect::CompileError && self.verdicts[*index].is_none()
            });
        let failing = failing.map(|(index, _)| {
            let before = main.iter().copied().take_while(|(earlier, _)| *earlier < index);
            (index, program(&before.chain([(index, Use::Run)]).collect::<Vec<_>>(), Purpose::Run))
        });
        let indices: Vec<usize> = main.iter().map(|(index, _)| *index).collect();
        let before = later::look(&self.plan.parsed, &indices).cut_before.into_iter().map(|cut| {
            let earlier = main.iter().copied().take_while(|(index, _)| *index < cut);
            (cut, program(&earlier.collect::<Vec<_>>(), Purpose::Read))
        });
        (self.failing, self.before, self.program) =
            (failing.collect(), before.collect(), program(&main, Purpose::Run));
    }

    /// The name of the program that ends in a cell which is not to compile.
    pub(super) fn failing_name(&self, index: usize) -> String {
        format!("{}_cell_{}", self.package, self.plan.parsed.cells[index].cell.number)
    }

    /// Whether all programs were built that are to be. Of those that are not to compile nobody hears before the end.
    pub(super) fn is_complete(&self, built: &Built) -> bool {
        let before = self.before.keys().map(|index| self.name_before(*index));
        self.failing.is_empty()
            && before.chain([self.package.clone()]).all(|name| built.executables.contains_key(&name))
    }

    /// The name of the program of the cells before one.
    pub(super) fn name_before(&self, index: usize) -> String {
        format!("{}_before_{}", self.package, self.plan.parsed.cells[index].cell.number)
    }

    /// The package as it is to be generated.
    pub(super) fn package(&self) -> Package {
        let mut programs = vec![("main.rs".to_owned(), self.program.text.clone())];
        let failing = self.failing.iter().map(|(index, it)| (self.failing_name(*index), it));
        let before = self.before.iter().map(|(index, it)| (self.name_before(*index), it));
        programs.extend(failing.chain(before).map(|(name, it)| (format!("bin/{name}.rs"), it.text.clone())));
        Package {
            name: self.package.clone(),
            dependencies: self.dependencies.clone(),
            is_async: self.program.is_async || self.failing.values().any(|program| program.is_async),
            opt_level: self.settings.opt_level.clone(),
            usual_level: self.level_by_size(),
            env: self.settings.build_env.clone(),
            programs,
        }
    }

    /// One function of hundreds of blocks takes rustc very long to optimize; it is not worth the wait.
    fn level_by_size(&self) -> &'static str {
        match self.program.lines.len() {
            0..=1500 => "2",
            1501..=3000 => "1",
            _ => "0",
        }
    }

    /// The names that cells left out by their verdict would have declared.
    pub(super) fn missing_names(&self) -> BTreeSet<String> {
        let failed = self
            .verdicts
            .iter()
            .enumerate()
            .filter(|(_, verdict)| matches!(verdict, Some(Verdict::Failed(_) | Verdict::NotReached)));
        let codes = failed.filter_map(|(index, _)| self.plan.parsed.cells[index].code().as_ref().ok());
        codes
            .flat_map(|code| {
                let items = scope::declared(code).into_iter().map(|item| item.name);
                let imports = scope::imports(code).into_iter().filter_map(|import| import.name);
                let variables = scope::variables(code).into_iter().map(|(name, _)| name);
                items.chain(imports).chain(variables).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Says that a variable is of a type which another cell defines again: it was defined in the second of `cells`, and is
    /// in the first.
    pub(super) fn outlived(
        &self,
        index: usize,
        variable: &str,
        cells: [usize; 2],
        changed: &str,
        reason: &str,
    ) -> Diagnostic {
        let source = |index: usize| self.plan.parsed.cells[index].source();
        let code = self.plan.parsed.cells[index].code().as_ref().ok();
        let span = code.map_or(0..0, |code| mention_of(code, variable));
        outlived(source(index), span, variable, cells.map(source), changed, reason)
    }

    /// The place among the code cells of the cell with a number.
    pub(super) fn index_of(&self, number: usize) -> Option<usize> {
        self.plan.parsed.cells.iter().position(|cell| cell.cell.number == number)
    }
}

/// A cell that does not compile.
pub(super) fn not_compiled(diagnostic: Diagnostic) -> Verdict {
    failed(FailureKind::NotCompiled, diagnostic)
}

fn failed(kind: FailureKind, diagnostic: Diagnostic) -> Verdict {
    Verdict::Failed(Box::new(Failure { kind, diagnostic, printed: String::new() }))
}

/// Whether a text is nothing but comments and blank lines.
fn is_comment(text: &str) -> bool {
    let is_comment = |line: &header::Line<'_>| matches!(line.kind, LineKind::Blank | LineKind::Comment);
    header::lines(text).filter(is_comment).count() == text.lines().count()
}

/// What earlier cells declare, as far as a later one is refused for it.
#[derive(Default)]
struct SoFar {
    variables: Vec<String>,
    /// Functions that hide what type they return: `-> impl …`.
    hidden_types: BTreeSet<String>,
}

impl SoFar {
    fn take(&mut self, code: &Code) {
        self.variables.extend(scope::variables(code).into_iter().map(|(name, _)| name));
        keep::take_hidden_types(code, &mut self.hidden_types);
    }
}

/// What is said of a notebook that means something else natively than in the kernel.
pub(super) fn needs_kernel(code: &Code, span: std::ops::Range<usize>, why: &str) -> Diagnostic {
    needs_kernel_at(code.source(), span, why)
}

pub(super) fn needs_kernel_at(source: &Arc<Source>, span: std::ops::Range<usize>, why: &str) -> Diagnostic {
    Diagnostic::error("this notebook needs `--kernel`: as one program it would mean something else")
        .at(source, span, why)
        .help("run it in the kernel: `nbexport test --kernel`")
}

/// What the kernel does not take as it stands.
fn refused(code: &Code, hidden_types: &BTreeSet<String>) -> Option<Diagnostic> {
    let source = code.source();
    if let Some((span, what)) = header::mistaken(&source.text) {
        let diagnostic = Diagnostic::error(what).at(source, span, "");
        return Some(diagnostic.help("put parentheses around it, or another line of Rust above it"));
    }
    let of_the_language = |item: &&syn::Item| matches!(item, syn::Item::ExternCrate(item) if item.ident != "self" && manifest::is_of_the_language(&item.ident));
    if let Some(item) = code.items().find(of_the_language) {
        let diagnostic = Diagnostic::error("evcxr looks for this crate on crates.io, where there is none")
            .at(source, code.span(item), "");
        return Some(diagnostic.help("take the line out: a `use` of what comes with Rust needs none"));
    }
    if let Some((local, name)) = keep::of_hidden_type(code, hidden_types) {
        let message = format!(
            "the type of the variable `{name}` is hidden behind `impl`, and the kernel cannot keep it"
        );
        let diagnostic = Diagnostic::error(message).at(source, code.span(local), "");
        return Some(diagnostic.help("collect it, box it, or put braces around the lines that need it"));
    }
    let (local, name) = keep::closure(code)?;
    Some(
        Diagnostic::error(format!("the variable `{name}` is a closure, and the kernel cannot keep it"))
            .at(source, code.span(local), "")
            .help(format!("write a function, or box it: `let {name}: Box<dyn Fn(…) -> …> = Box::new(…);`")),
    )
}

/// Where a cell declares a name, or mentions it first.
pub(super) fn place_of(code: &Code, name: &str) -> std::ops::Range<usize> {
    let declared = scope::declared(code).into_iter().map(|item| (item.name, item.span));
    let imported = scope::imports(code).into_iter().filter_map(|import| Some((import.name?, import.span)));
    let mut all = declared.chain(imported).chain(scope::variables(code));
    let found = all.find(|(other, _)| other == name).map(|(_, span)| span);
    found.unwrap_or_else(|| header::first_code(&code.source().text))
}

/// Where a cell mentions a name first.
fn mention_of(code: &Code, name: &str) -> std::ops::Range<usize> {
    let text = &code.source().text;
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let found = text
        .match_indices(name)
        .find(|(at, _)| !text[..*at].ends_with(is_part) && !text[at + name.len()..].starts_with(is_part));
    found.map_or_else(|| header::first_code(text), |(at, _)| at..at + name.len())
}

/// A variable whose type another cell defines again.
pub(super) fn outlived(
    source: &Arc<Source>,
    span: std::ops::Range<usize>,
    variable: &str,
    [again, before]: [&Arc<Source>; 2],
    changed: &str,
    reason: &str,
) -> Diagnostic {
    let place = |source: &Arc<Source>, name: &str| match Code::parse(source) {
        Ok(code) => place_of(&code, name),
        Err(_) => header::first_code(&source.text),
    };
    let why = if changed == reason {
        format!("`{changed}` is defined again here")
    } else {
        format!("`{reason}` is defined again here, which `{changed}` depends on")
    };
    needs_kernel_at(source, span, &format!("`{variable}` is a `{changed}` of before"))
        .and_at(again, place(again, reason), &why)
        .and_at(before, place(before, changed), format!("`{changed}` as it was"))
        .note("in the kernel the variable is lost then, or is of the new type")
}

/// Whether the attributes that a cell gives to the whole crate can be those of a program. In the kernel they hold from
/// that cell on, and not for what the kernel itself writes.
fn attributes(code: &Code) -> Result<()> {
    for span in &code.inner_attributes {
        let text = &code.source().text[span.clone()];
        let name: String = text
            .chars()
            .skip_while(|c| !c.is_alphanumeric())
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if !KEPT_ATTRIBUTES.contains(&name.as_str()) && !IDLE_ATTRIBUTES.contains(&name.as_str()) {
            let why = format!("`{name}` would be about the whole program, all other cells included");
            return Err(needs_kernel(code, span.clone(), &why));
        }
    }
    Ok(())
}

/// Attributes of a crate that mean the same to a whole program, or make nothing fail.
const KEPT_ATTRIBUTES: &[&str] = &["allow", "feature", "recursion_limit", "type_length_limit"];

/// Attributes of a crate that a program is without, since they do not act on a verdict: warnings, and how a program
/// begins, which no cell does.
pub(super) const IDLE_ATTRIBUTES: &[&str] = &["warn", "expect", "no_main", "doc"];
