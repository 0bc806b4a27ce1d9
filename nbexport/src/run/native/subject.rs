//! A notebook under test: what is known of its cells before it runs, and the package that is made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::Item;

use super::program::{self, Program, Use};
use super::workspace::{Package, package_name};
use crate::diagnostic::{Diagnostic, Result};
use crate::export::manifest::{self, Dependency};
use crate::notebook::cell::{Code, Shape};
use crate::notebook::scope;
use crate::run::plan::Plan;
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
    pub(super) dependencies: BTreeMap<String, Dependency>,
    /// What `:env` lines set for the program.
    pub(super) env: Vec<(String, String)>,
    /// What `:build_env` lines set for the build.
    pub(super) build_env: Vec<(String, String)>,
    pub(super) offline: bool,
    opt_level: Option<String>,
    /// What was passed over.
    pub(super) notes: Vec<String>,
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
        if let Some(diagnostic) =
            wrong.into_iter().chain(contradictions.into_iter().map(|(_, wrong)| wrong)).next()
        {
            return Err(diagnostic);
        }
        let mut subject = Self {
            package: package_name(&parsed.notebook.name),
            verdicts: vec![None; parsed.cells.len()],
            path,
            plan,
            program: Program::default(),
            failing: BTreeMap::new(),
            dependencies,
            env: Vec::new(),
            build_env: Vec::new(),
            offline: false,
            opt_level: None,
            notes: Vec::new(),
        };
        subject.commands();
        subject.first_verdicts()?;
        Ok(subject)
    }

    /// Takes the lines that the kernel takes for itself.
    fn commands(&mut self) {
        for cell in &self.plan.parsed.cells {
            let Ok(code) = cell.code() else { continue };
            for (line, _) in &code.commands {
                let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
                let rest = rest.trim();
                match (name, rest.split_once('=')) {
                    (":dep" | ":efmt", _) => {}
                    (":env", Some((key, value))) => self.env.push((key.trim().into(), value.trim().into())),
                    (":build_env", Some((key, value))) => {
                        self.build_env.push((key.trim().into(), value.trim().into()));
                    }
                    (":opt", _) if matches!(rest, "0" | "1" | "2" | "3" | "s" | "z" | "") => {
                        let level = if rest.is_empty() { "2" } else { rest };
                        self.opt_level = Some(
                            level.parse::<u8>().map_or_else(|_| format!("{level:?}"), |it| it.to_string()),
                        );
                    }
                    (":offline", _) => self.offline = rest != "0",
                    _ => self
                        .notes
                        .push(format!("{}: `{line}` has no meaning natively", cell.cell.source.name)),
                }
            }
        }
    }

    fn first_verdicts(&mut self) -> Result<()> {
        for (index, (cell, expect)) in self.plan.cells().enumerate() {
            let verdict = match (expect, cell.code()) {
                (Expect::Skip(why), _) => Verdict::Skipped(why),
                (Expect::CompileError, Err(_)) => Verdict::Passed,
                (_, Err(diagnostic)) => not_compiled(diagnostic.clone()),
                (expect, Ok(code)) => {
                    if expect != Expect::CompileError
                        && let Some(span) = reaches_out(code)
                    {
                        return Err(needs_kernel(code, span, "this path leads to other cells").note(
                            "natively, cells are blocks of one function, and no path leads into a block",
                        ));
                    }
                    match (expect, code.shape()) {
                        (Expect::Success | Expect::Compiles, Shape::Empty) => Verdict::Passed,
                        _ => continue,
                    }
                }
            };
            self.verdicts[index] = Some(verdict);
        }
        Ok(())
    }

    /// Writes the programs anew: with the cells that have no verdict yet.
    pub(super) fn write(&mut self) {
        let mut cells = Vec::new();
        self.failing.clear();
        for (index, expect) in
            self.plan.expects.iter().enumerate().filter(|(index, _)| self.verdicts[*index].is_none())
        {
            match expect {
                Expect::CompileError => {
                    let with_it: Vec<_> = cells.iter().copied().chain([(index, Use::Run)]).collect();
                    self.failing.insert(index, program::program(&self.plan.parsed, &with_it));
                }
                Expect::Success | Expect::Skip(_) => cells.push((index, Use::Run)),
                Expect::Panic => cells.push((index, Use::ShouldPanic)),
                Expect::Compiles => cells.push((index, Use::Compile)),
            }
        }
        self.program = program::program(&self.plan.parsed, &cells);
    }

    /// The name of the program that ends in a cell which is not to compile.
    pub(super) fn failing_name(&self, index: usize) -> String {
        format!("{}_cell_{}", self.package, self.plan.parsed.cells[index].cell.number)
    }

    /// The package as it is to be generated.
    pub(super) fn package(&self) -> Package {
        let mut programs = vec![("main.rs".to_owned(), self.program.text.clone())];
        let failing = self.failing.iter();
        programs.extend(
            failing.map(|(index, it)| (format!("bin/{}.rs", self.failing_name(*index)), it.text.clone())),
        );
        Package {
            name: self.package.clone(),
            dependencies: self.dependencies.clone(),
            is_async: self.program.is_async || self.failing.values().any(|program| program.is_async),
            opt_level: self.opt_level.clone(),
            usual_level: self.level_by_size(),
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

    /// The place among the code cells of the cell with a number.
    pub(super) fn index_of(&self, number: usize) -> Option<usize> {
        self.plan.parsed.cells.iter().position(|cell| cell.cell.number == number)
    }
}

/// A cell that does not compile.
pub(super) fn not_compiled(diagnostic: Diagnostic) -> Verdict {
    let (kind, printed) = (FailureKind::NotCompiled, String::new());
    Verdict::Failed(Box::new(Failure { kind, diagnostic, printed }))
}

/// What is said of a notebook that means something else natively than in the kernel.
pub(super) fn needs_kernel(code: &Code, span: std::ops::Range<usize>, why: &str) -> Diagnostic {
    Diagnostic::error("this notebook needs `--kernel`: as one program it would mean something else")
        .at(code.source(), span, why)
        .help("run it in the kernel (`nbexport test --kernel`), or write the cell so that it needs no such path")
}

/// A path of the cell that leads out of it to the level of the crate: `crate::x`, `self::x`, or more `super`s than
/// there are modules around it.
fn reaches_out(code: &Code) -> Option<std::ops::Range<usize>> {
    code.stmts
        .iter()
        .find_map(|stmt| match stmt {
            syn::Stmt::Item(item) => in_item(item),
            other => path_out(other.to_token_stream(), 0),
        })
        .map(|span| {
            let range = span.byte_range();
            range.start..range.end.max(range.start + 1).min(code.text.len())
        })
}

fn in_item(item: &Item) -> Option<proc_macro2::Span> {
    let is_cfg_test = |attributes: &[syn::Attribute]| {
        attributes.iter().any(|it| {
            it.path().is_ident("cfg")
                && it.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
        })
    };
    if let Item::Mod(module) = item
        && is_cfg_test(&module.attrs)
    {
        return None;
    }
    path_out(item.to_token_stream(), 0)
}

/// Walks tokens, since macros hold paths too. `depth` counts the modules around.
fn path_out(tokens: TokenStream, depth: usize) -> Option<proc_macro2::Span> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is_colon = |at: usize| {
        let colon =
            |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
        colon(at) && colon(at + 1)
    };
    let mut supers = 0;
    let mut module = false;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(ident) if ident == "crate" && is_colon(at + 1) => return Some(ident.span()),
            TokenTree::Ident(ident) if ident == "self" && is_colon(at + 1) && depth == 0 && supers == 0 => {
                return Some(ident.span());
            }
            TokenTree::Ident(ident) if ident == "super" && is_colon(at + 1) => {
                supers += 1;
                if supers > depth.saturating_sub(1) {
                    return Some(ident.span());
                }
            }
            TokenTree::Ident(ident) if ident == "mod" => module = true,
            TokenTree::Group(group) => {
                let is_body = module && group.delimiter() == proc_macro2::Delimiter::Brace;
                if let Some(span) = path_out(group.stream(), depth + usize::from(is_body)) {
                    return Some(span);
                }
                module &= !is_body;
                supers = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() != ':' => supers = 0,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn out(text: &str) -> Option<String> {
        let source = crate::diagnostic::Source { name: "x".into(), cell_id: None, text: text.into() };
        let code = Code::parse(&Arc::new(source)).unwrap();
        reaches_out(&code).map(|span| text[span].to_owned())
    }

    #[test]
    fn paths_that_leave_the_cell_are_seen() {
        assert_eq!(out("mod m { pub fn f() { super::g() } }").as_deref(), Some("super"));
        assert_eq!(out("use crate::x;").as_deref(), Some("crate"));
        assert_eq!(out("macro_rules! m { () => { $crate::f() } }").as_deref(), Some("crate"));
        assert_eq!(out("assert_eq!(crate::f(), 1);").as_deref(), Some("crate"));
        assert_eq!(out("mod a { fn f() {} mod b { use super::f; } }"), None);
        assert_eq!(out("mod a { mod b { use super::super::f; } }").as_deref(), Some("super"));
        assert_eq!(out("use geo::{self, area};\npub(crate) fn f(self_: u8) {}"), None);
        assert_eq!(out("impl A { fn f(&self) -> Self { self.g() } }"), None);
        assert_eq!(out("#[cfg(test)]\nmod tests { use super::*; }"), None);
    }
}
