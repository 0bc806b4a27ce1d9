//! The `//|` lines at the top of a code cell → [`Directive`]s with their spans.
//!
//! The spelling follows nbdev and Quarto, and rustdoc for how a cell runs: `//| name args`, `//|name` and
//! `//| name: args` mean the same. Directives stand before the cell's first line of Rust; blank lines, comments and
//! `:dep` lines may stand between them.

pub(crate) mod known;

use std::ops::Range;

use self::known::{Args, KNOWN};
use crate::diagnostic::{Diagnostic, Result};
use crate::notebook::name::{check_flag, check_name};
use crate::notebook::{Cell, header};

/// One directive and where it stands in its cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directive {
    /// What it asks for.
    pub(crate) kind: Kind,
    /// Bytes of the cell's text: the whole `//| …` line without its line end.
    pub(crate) span: Range<usize>,
}

/// What a directive asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `export [MODULE]`, `exporti [MODULE]` and `exports [MODULE]`.
    Export {
        /// The module named, or the notebook's own.
        module: Option<String>,
        /// Which of the three.
        visibility: Visibility,
    },
    /// `default_exp MODULE`.
    DefaultExp(String),
    /// `test [NAME] [ignore]`.
    Test {
        /// The name of the `#[test]` function.
        name: Option<String>,
        /// Whether it carries `#[ignore]`.
        ignore: bool,
    },
    /// `setup`.
    Setup,
    /// `bench NAME`.
    Bench(String),
    /// `bin NAME`.
    Bin(String),
    /// `should_panic`.
    ShouldPanic,
    /// `compile_fail`.
    CompileFail,
    /// `no_run`.
    NoRun,
    /// `ignore`.
    Ignore,
    /// `hide`.
    Hide,
    /// `echo: BOOL`.
    Echo(bool),
    /// `output: BOOL`.
    Output(bool),
    /// `code-fold`, `code-fold: BOOL`.
    CodeFold(bool),
    /// `eval: BOOL`.
    Eval(bool),
    /// `volatile`.
    Volatile,
    /// `solution`.
    Solution,
    /// `flags: WORD…`.
    Flags(Vec<String>),
}

/// How an exported cell shows in the crate's docs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// `export`: part of the public API.
    Public,
    /// `exporti`: `#[doc(hidden)]`.
    Internal,
    /// `exports`: public, and its source shown in the docs site.
    Shown,
}

/// All directives of one cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives(pub(crate) Vec<Directive>);

impl Directives {
    /// The first directive that `pick` accepts, with what it made of it.
    pub(crate) fn find<'a, T>(&'a self, pick: impl Fn(&'a Kind) -> Option<T>) -> Option<(T, &'a Directive)> {
        self.0.iter().find_map(|directive| pick(&directive.kind).map(|picked| (picked, directive)))
    }

    /// Whether a directive of exactly this kind is there.
    pub(crate) fn has(&self, kind: &Kind) -> bool {
        self.0.iter().any(|directive| directive.kind == *kind)
    }

    /// The flags without which the cell does not run.
    pub(crate) fn flags<'a>(&'a self) -> &'a [String] {
        let flags = |kind: &'a Kind| match kind {
            Kind::Flags(flags) => Some(flags.as_slice()),
            _ => None,
        };
        self.find(flags).map_or(&[], |(flags, _)| flags)
    }

    /// Whether the cell is not to be run.
    pub(crate) fn is_eval_false(&self) -> bool {
        self.has(&Kind::Eval(false))
    }
}

/// Reads the directives of a cell; what is wrong with them comes back beside those that are right.
pub(crate) fn parse(cell: &Cell) -> (Directives, Vec<Diagnostic>) {
    let mut directives = Vec::new();
    let mut wrong = Vec::new();
    for line in header::lines(cell.text()) {
        let Some(body) = line.text.trim_start().strip_prefix("//|") else {
            continue;
        };
        let indent = line.text.len() - line.text.trim_start().len();
        let span = line.start + indent..line.start + line.text.trim_end().len();
        match directive(body, cell, &span) {
            Ok(kind) => {
                let directive = Directive { kind, span };
                match clash(&directives, &directive, cell) {
                    Some(diagnostic) => wrong.push(diagnostic),
                    None => directives.push(directive),
                }
            }
            Err(diagnostic) => wrong.push(diagnostic),
        }
    }
    (Directives(directives), wrong)
}

fn directive(body: &str, cell: &Cell, span: &Range<usize>) -> Result<Kind> {
    let body = body.trim();
    let end = body.find(|c: char| c == ':' || c.is_whitespace()).unwrap_or(body.len());
    let name = &body[..end];
    let args: Vec<&str> = body[end..].trim_start().trim_start_matches(':').split_whitespace().collect();
    let wrong = |message: String| Diagnostic::error(message).at(&cell.source, span.clone(), "");
    let Some(known) = known::find(name) else {
        let nearest = KNOWN
            .iter()
            .map(|known| (strsim::jaro_winkler(known.name, &name.to_lowercase()), known.name))
            .filter(|(likeness, _)| *likeness > 0.7)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let all = KNOWN.iter().map(|known| known.name).collect::<Vec<_>>().join(", ");
        return Err(wrong(format!("unknown directive `{name}`")).help(match nearest {
            Some((_, known)) => format!("did you mean `{known}`? write `//| {known}`"),
            None => format!("a comment is `//`, without the bar; the directives are {all}"),
        }));
    };
    let usage = |form: &str| {
        let message = if args.is_empty() {
            format!("`{name}` needs to be told more")
        } else {
            format!("`{name}` does not take `{}`", args.join(" "))
        };
        wrong(message).help(format!("write `//| {name}{form}`"))
    };
    match (known.args, args.as_slice()) {
        (Args::None, []) => Ok(plain(name)),
        (Args::None, _) => Err(usage("")),
        (Args::OptionalModule, []) => Ok(export(name, None)),
        (Args::OptionalModule, [module]) => {
            check_name(module, "module").map_err(|(why, help)| wrong(why).help(help))?;
            Ok(export(name, Some((*module).to_owned())))
        }
        (Args::OptionalModule, _) => Err(usage(" MODULE` or `//| export")),
        (Args::Module, [module]) => {
            check_name(module, "module").map_err(|(why, help)| wrong(why).help(help))?;
            Ok(Kind::DefaultExp((*module).to_owned()))
        }
        (Args::Module, _) => Err(usage(" MODULE")),
        (Args::Name, [named]) => {
            let what = if name == "bench" { "benchmark" } else { "binary" };
            check_name(named, what).map_err(|(why, help)| wrong(why).help(help))?;
            let named = (*named).to_owned();
            Ok(if name == "bench" { Kind::Bench(named) } else { Kind::Bin(named) })
        }
        (Args::Name, _) => Err(usage(" NAME")),
        (Args::Test, args) => {
            let (named, ignore) = match args {
                [] => (None, false),
                ["ignore"] => (None, true),
                [named] => (Some(*named), false),
                [named, "ignore"] => (Some(*named), true),
                _ => return Err(usage(" [NAME] [ignore]")),
            };
            if let Some(named) = named {
                check_name(named, "test").map_err(|(why, help)| wrong(why).help(help))?;
            }
            Ok(Kind::Test { name: named.map(str::to_owned), ignore })
        }
        (Args::Words, []) => Err(usage(": slow")),
        (Args::Words, words) => {
            let words = words.iter().flat_map(|words| words.split(',')).filter(|word| !word.is_empty());
            let words: Vec<String> = words.map(str::to_owned).collect();
            match words.iter().find_map(|word| check_flag(word).err()) {
                Some(why) => Err(wrong(why).help("write `//| flags: slow`, say")),
                None => Ok(Kind::Flags(words)),
            }
        }
        (Args::Bool { .. }, ["true"]) => Ok(switch(name, true)),
        (Args::Bool { .. }, ["false"]) => Ok(switch(name, false)),
        (Args::Bool { default: Some(default) }, []) => Ok(switch(name, default)),
        (Args::Bool { .. }, _) => Err(usage(": true` or `false")),
    }
}

fn plain(name: &str) -> Kind {
    match name {
        "setup" => Kind::Setup,
        "should_panic" => Kind::ShouldPanic,
        "compile_fail" => Kind::CompileFail,
        "no_run" => Kind::NoRun,
        "ignore" => Kind::Ignore,
        "hide" => Kind::Hide,
        "volatile" => Kind::Volatile,
        "solution" => Kind::Solution,
        _ => unreachable!("`{name}` is in KNOWN without arguments"),
    }
}

fn export(name: &str, module: Option<String>) -> Kind {
    let visibility = match name {
        "exporti" => Visibility::Internal,
        "exports" => Visibility::Shown,
        _ => Visibility::Public,
    };
    Kind::Export { module, visibility }
}

fn switch(name: &str, on: bool) -> Kind {
    match name {
        "echo" => Kind::Echo(on),
        "output" => Kind::Output(on),
        "code-fold" => Kind::CodeFold(on),
        "eval" => Kind::Eval(on),
        _ => unreachable!("`{name}` is in KNOWN with a bool"),
    }
}

/// Directives that contradict one another in one cell.
fn clash(before: &[Directive], new: &Directive, cell: &Cell) -> Option<Diagnostic> {
    let role = |kind: &Kind| match kind {
        Kind::Export { .. } => Some("export"),
        Kind::Test { .. } => Some("test"),
        Kind::Setup => Some("setup"),
        Kind::Bench(_) => Some("bench"),
        Kind::Bin(_) => Some("bin"),
        _ => None,
    };
    let same = |other: &&Directive| std::mem::discriminant(&other.kind) == std::mem::discriminant(&new.kind);
    if let Some(first) = before.iter().find(same) {
        return Some(
            Diagnostic::error("the same directive twice in one cell")
                .at(&cell.source, new.span.clone(), "given again")
                .and_at(&cell.source, first.span.clone(), "first given here")
                .help("keep one of the two"),
        );
    }
    let mine = role(&new.kind)?;
    let (theirs, first) = before.iter().find_map(|other| Some((role(&other.kind)?, other)))?;
    Some(
        Diagnostic::error(format!("a cell is either `{theirs}` or `{mine}`, not both"))
            .at(&cell.source, new.span.clone(), "")
            .and_at(&cell.source, first.span.clone(), "the other one")
            .help(
                "split the cell in two: an exported cell holds items, a test cell what is asserted of them",
            ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::Notebook;

    fn parse_text(text: &str) -> (Vec<Kind>, Vec<String>) {
        let json = serde_json::json!({
            "cells": [{"cell_type": "code", "source": text}], "nbformat": 4, "nbformat_minor": 5
        });
        let notebook = Notebook::parse("x.ipynb", json.to_string()).unwrap();
        let (directives, wrong) = parse(&notebook.cells[0]);
        let said = |diagnostic: &Diagnostic| {
            format!("{}; {}", diagnostic.message, diagnostic.help.clone().unwrap_or_default())
        };
        (directives.0.into_iter().map(|directive| directive.kind).collect(), wrong.iter().map(said).collect())
    }

    #[test]
    fn three_spellings_mean_the_same() {
        let eval = vec![Kind::Eval(false)];
        for text in
            ["//| eval false", "//|eval: false", "//| eval: false\nlet x = 1;", "  //|  eval :  false"]
        {
            assert_eq!(parse_text(text), (eval.clone(), vec![]), "{text}");
        }
    }

    #[test]
    fn every_directive_of_the_table_is_known() {
        let lines = "//| export core\n:dep a = \"1\"\n\n// a comment\n//| should_panic\n//| no_run\n//| hide\n\
                     //| echo: false\n//| output: false\n//| code-fold\n//| default_exp core\n//| ignore\n//| compile_fail";
        let (kinds, wrong) = parse_text(lines);
        assert_eq!((kinds.len(), wrong), (10, vec![]));
        for line in [
            "//| exporti",
            "//| exports m",
            "//| test",
            "//| test a ignore",
            "//| setup",
            "//| bench b",
            "//| bin b",
        ] {
            assert_eq!(parse_text(line).1, Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn a_directive_below_code_is_a_comment() {
        assert_eq!(parse_text("let x = 1;\n//| export"), (vec![], vec![]));
    }

    #[test]
    fn what_is_wrong_is_said_with_a_way_out() {
        let said = |text: &str| parse_text(text).1.concat();
        assert_eq!(
            said("//| exprot"),
            "unknown directive `exprot`; did you mean `export`? write `//| export`"
        );
        assert!(
            said("//| default_exp ../../evil").contains("is a path"),
            "{}",
            said("//| default_exp ../../evil")
        );
        assert!(said("//| export fn").contains("`fn` is a Rust keyword"), "{}", said("//| export fn"));
        assert!(said("//| test 1st").contains("`_1st` say"), "{}", said("//| test 1st"));
        assert!(said("//| export\n//| test a").contains("either `export` or `test`"));
        assert!(said("//| eval maybe").contains("does not take `maybe`"));
    }
}
