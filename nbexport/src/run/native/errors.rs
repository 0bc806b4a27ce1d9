//! The compiler's errors → verdicts on cells, or why there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use quote::ToTokens as _;
use serde_json::Value;
use syn::Stmt;

use super::build::{self, Build, Built};
use super::judge::{self, Culprit};
use super::program::Line;
use super::subject::{Subject, needs_kernel, not_compiled, place_of};
use super::{items, keep, redefine, words};
use crate::diagnostic::{Diagnostic, Result};
use crate::notebook::cell::Code;
use crate::notebook::header::first_code;
use crate::notebook::scope;
use crate::places::Places;
use crate::run::verdict::Verdict;

/// What the errors of one build say of the cells.
#[derive(Default)]
struct Dealt<'a> {
    /// By number.
    by_cell: BTreeMap<usize, Vec<Diagnostic>>,
    /// The cells all of whose errors are about names of cells that are left out.
    unresolved: BTreeMap<usize, bool>,
    answers: keep::Answers,
    /// What is said of cells whose variables are of no known type. Where a cell has another error, that is the reason.
    unknown: Vec<(usize, bool, Diagnostic)>,
    /// Errors that are about no cell.
    unplaced: Vec<&'a Value>,
}

/// Deals the errors of a build out to cells. With none the program comes back; `None` asks for another build.
pub(super) fn deal(subject: &mut Subject<'_>, build: &Build, places: &Places) -> Result<Option<PathBuf>> {
    let nothing = Built::default();
    let package = build.packages.get(&subject.package).unwrap_or(&nothing);
    let messages = package
        .messages
        .iter()
        .filter(|(target, message)| *target == subject.package && build::is_error(message));
    let mut dealt = Dealt::default();
    let missing = subject.missing_names();
    for (_, message) in messages {
        dealt.take(subject, message, places, &missing)?;
    }
    for (number, is_missing, diagnostic) in std::mem::take(&mut dealt.unknown) {
        if !dealt.by_cell.contains_key(&number) {
            dealt.note(number, is_missing, diagnostic);
        }
    }
    if !dealt.answers.is_empty() {
        // What else is said may follow from the question.
        subject.answers.extend(dealt.answers);
        return Ok(None);
    }
    if let Some(executable) = package.executables.get(&subject.package).filter(|_| dealt.by_cell.is_empty()) {
        let executable = executable.clone();
        if judge::earlier_failures(subject, package, places) {
            return Ok(None);
        }
        let complete = judge::expected_failures(subject, package, places);
        return Ok(complete.then_some(executable));
    }
    if dealt.by_cell.is_empty() {
        return Err(judge::no_program(build, &dealt.unplaced, places));
    }
    dealt.settle(subject);
    Ok(None)
}

impl<'a> Dealt<'a> {
    fn take(
        &mut self,
        subject: &Subject<'_>,
        message: &'a Value,
        places: &Places,
        missing: &BTreeSet<String>,
    ) -> Result<()> {
        let file = format!("{}/src/main.rs", subject.package);
        let Some(culprit) = judge::culprit(message, &subject.program, places, &file) else {
            match unlinked(subject, message) {
                Some((number, diagnostic)) => self.note(number, false, diagnostic),
                None => self.unplaced.push(message),
            }
            return Ok(());
        };
        if let Some((asked, answer)) = judge::answer(message, &culprit) {
            self.answers.insert(asked, answer);
            return Ok(());
        }
        let Culprit { line, diagnostic, asked } = culprit;
        let mut number = line.number().unwrap_or_default();
        let index = subject.index_of(number).unwrap_or_default();
        let code = subject.plan.parsed.cells[index].code().as_ref().expect("a cell of the program parses");
        if let Line::Probe(_) = line {
            return Err(hides(subject, index, code, message));
        }
        if let Some(diagnostic) = outlived(subject, index, code, message) {
            return Err(diagnostic);
        }
        if message["code"]["code"] == "E0080" && matches!(line, Line::Cell(_)) {
            number = user_of(subject, message, index).unwrap_or(Ok(number))?;
        }
        let diagnostic = match (line, asked) {
            (Line::Known(_) | Line::Borrows(_), Some((_, name))) => {
                let said =
                    judge::not_kept(message, &name, false).at(code.source(), place_of(code, &name), "");
                self.unknown.push((number, judge::is_missing(message, missing), said));
                return Ok(());
            }
            (_, Some((_, name))) => {
                judge::not_kept(message, &name, true).at(code.source(), place_of(code, &name), "")
            }
            (Line::Show(_), None) if diagnostic.primary.is_none() => match code.closing() {
                Some(span) => judge::unshown(message).at(code.source(), span, ""),
                None => diagnostic,
            },
            _ => diagnostic,
        };
        self.note(number, judge::is_missing(message, missing), diagnostic);
        Ok(())
    }

    fn note(&mut self, number: usize, is_missing: bool, diagnostic: Diagnostic) {
        *self.unresolved.entry(number).or_insert(true) &= is_missing;
        let said = self.by_cell.entry(number).or_default();
        // That a variable borrows comes to light in several ways.
        if said.iter().all(|it| it.message != diagnostic.message || it.primary != diagnostic.primary) {
            said.push(diagnostic);
        }
    }

    /// Gives verdicts. An error may be the consequence of one in an earlier cell: where a cell needs something of one that
    /// does not compile, another build without that one tells.
    fn settle(self, subject: &mut Subject<'_>) {
        let mut gone: BTreeSet<String> = BTreeSet::new();
        for (number, diagnostics) in self.by_cell {
            let Some(index) = subject.index_of(number) else { continue };
            let Ok(code) = subject.plan.parsed.cells[index].code() else { continue };
            if words(code).is_disjoint(&gone) || self.unresolved[&number] {
                gone.extend(provides(code));
                // What it needs was in a cell that does not compile: that is where the fault is.
                let missing = self.unresolved[&number];
                let verdict =
                    if missing { Verdict::NotReached } else { not_compiled(judge::joined(diagnostics)) };
                subject.verdicts[index] = Some(verdict);
            }
        }
    }
}

/// The names that a cell mentions, those of methods and fields included.
fn words(code: &Code) -> BTreeSet<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.text.split(|c| !is_part(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The names that a cell gives to later ones, those of methods included.
fn provides(code: &Code) -> BTreeSet<String> {
    let items = scope::declared(code).into_iter().map(|item| item.name);
    let imports = scope::imports(code).into_iter().filter_map(|import| import.name);
    let variables = scope::variables(code).into_iter().map(|(name, _)| name);
    let methods = code.items().filter_map(|item| match item {
        syn::Item::Impl(item) => Some(item.items.iter().filter_map(|item| match item {
            syn::ImplItem::Fn(method) => Some(method.sig.ident.to_string()),
            _ => None,
        })),
        _ => None,
    });
    items.chain(imports).chain(variables).chain(methods.flatten()).collect()
}

/// The cell for whose sake something generic of a cell (by place) was compiled, when only one can be it: the compiler
/// names no more than the nearest place.
fn user_of(subject: &Subject<'_>, message: &Value, index: usize) -> Option<Result<usize>> {
    let parsed = &subject.plan.parsed;
    let code = parsed.cells[index].code().as_ref().ok()?;
    let notes = message["children"].as_array()?.iter().filter_map(|note| note["spans"].as_array());
    let lines = notes.flatten().chain(message["spans"].as_array()?).filter_map(|span| {
        let line = usize::try_from(span["line_start"].as_u64()?).ok()?;
        let (cell, line, _) = subject.program.map.locate(line, 1)?;
        (cell == parsed.cells[index].cell.number).then_some(line)
    });
    let lines: BTreeSet<usize> = lines.collect();
    let row = |at: usize| code.text[..at].matches('\n').count() + 1;
    let holds = |item: &&syn::Item| {
        let span = code.span(*item);
        lines.iter().any(|line| (row(span.start)..=row(span.end)).contains(line))
    };
    let in_statement = code.stmts.iter().filter(|stmt| !matches!(stmt, Stmt::Item(_))).any(|stmt| {
        let span = code.span(stmt);
        lines.iter().any(|line| (row(span.start)..=row(span.end)).contains(line))
    });
    if in_statement {
        return None;
    }
    let name = items::item_name(code.items().filter(holds).last()?)?;
    let codes = subject
        .main_cells()
        .filter_map(|(other, _)| Some((other, parsed.cells[other].code().as_ref().ok()?)));
    let codes: Vec<_> = codes.filter(|(other, _)| *other >= index).collect();
    let mut names = BTreeSet::from([name.clone()]);
    for item in codes.iter().flat_map(|(_, code)| code.items()) {
        if !words::words(item.to_token_stream()).is_disjoint(&names) {
            names.extend(items::item_name(item));
        }
    }
    let names_it = |code: &&Code| {
        let mut statements = code.stmts.iter().filter(|stmt| !matches!(stmt, Stmt::Item(_)));
        statements.any(|stmt| !words::words(stmt.to_token_stream()).is_disjoint(&names))
    };
    let users: Vec<(usize, &Code)> = codes.into_iter().filter(|(_, code)| names_it(code)).collect();
    if let [(_, one), (_, another), ..] = users[..] {
        let why =
            format!("several cells use `{name}`, and the compiler does not tell for which of them it fails");
        let place = |code: &Code| first_code(&code.source().text);
        let diagnostic = needs_kernel(code, place_of(code, &name), &why)
            .and_at(one.source(), place(one), "used here")
            .and_at(another.source(), place(another), "and here");
        return Some(Err(diagnostic));
    }
    Some(Ok(parsed.cells[users.first()?.0].cell.number))
}

/// The cell that uses what the linker does not find, by number, and what is said there.
fn unlinked(subject: &Subject<'_>, message: &Value) -> Option<(usize, Diagnostic)> {
    let notes = message["children"].as_array()?.iter().filter_map(|note| note["message"].as_str());
    let said = notes.filter(|note| note.contains("undefined")).collect::<Vec<_>>().join("\n");
    let symbol =
        said.split_once("undefined symbol: ").map(|(_, rest)| rest.lines().next().unwrap_or_default().trim());
    let line = said.split("main.rs:").skip(1).find_map(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        subject.program.lines.get(digits.parse::<usize>().ok()?.checked_sub(1)?)?.number()
    })?;
    let code = subject.plan.parsed.cells[subject.index_of(line)?].code().as_ref().ok()?;
    let symbol = symbol.unwrap_or("a function");
    let diagnostic = Diagnostic::error(format!("the linker does not find `{symbol}`"))
        .at(code.source(), first_code(&code.source().text), "used by this cell")
        .help(
            "a function that is declared `extern` comes from a library: name it by `#[link(name = \"…\")]`",
        );
    Some((line, diagnostic))
}

/// What is said of a glob import that would hide a variable.
fn hides(subject: &Subject<'_>, index: usize, code: &Code, message: &Value) -> Diagnostic {
    let glob = scope::imports(code).into_iter().find(|import| import.name.is_none());
    let said = message["message"].as_str().unwrap_or_default();
    let name = said.split('`').nth(1).unwrap_or("a name");
    let why = format!("this would hide the variable `{name}` of an earlier cell");
    let diagnostic = needs_kernel(code, glob.map_or(0..0, |glob| glob.span), &why);
    let earlier =
        subject.plan.parsed.cells[..index].iter().rev().filter_map(|cell| cell.code().as_ref().ok());
    let declares = |code: &&Code| scope::variables(code).iter().any(|(variable, _)| variable == name);
    match earlier.into_iter().find(declares) {
        Some(code) => diagnostic.and_at(code.source(), place_of(code, name), "the variable"),
        None => diagnostic,
    }
}

/// An error about a type that was defined again, in a cell that uses a variable of before: in the kernel that variable is
/// lost, or of the new type.
fn outlived(subject: &Subject<'_>, index: usize, code: &Code, message: &Value) -> Option<Diagnostic> {
    let rendered = message["rendered"].as_str().unwrap_or_default();
    let parsed = &subject.plan.parsed;
    let cells: Vec<usize> =
        subject.main_cells().map(|(index, _)| index).take_while(|it| *it <= index).collect();
    let effects = redefine::effects(parsed, &cells);
    let changed =
        effects.iter().flat_map(|(at, effect)| effect.types.iter().map(move |(name, why)| (*at, name, why)));
    let mut named = changed.filter(|(_, name, _)| words::is_word_of(rendered, name));
    let (at, changed, (before, reason)) = named.next()?;
    let words: BTreeSet<String> =
        code.stmts.iter().flat_map(|stmt| words::words(stmt.to_token_stream())).collect();
    let old =
        cells.iter().filter(|cell| **cell < at).filter_map(|cell| parsed.cells[*cell].code().as_ref().ok());
    let variable = old.flat_map(scope::variables).map(|(name, _)| name).find(|name| words.contains(name))?;
    Some(subject.outlived(index, &variable, [at, *before], changed, reason))
}
