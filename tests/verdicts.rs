//! Small notebooks and the verdict that each of their cells deserves: the one table that both engines are held to.

use nbexport::run::verdict::{FailureKind, Verdict};
use serde_json::json;

/// What is right to say about a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// It passes.
    Pass,
    /// It is left out.
    Skip,
    /// It panics, or a `?` of it returns an error.
    Stops,
    /// It does not compile.
    NoCompile,
    /// Its process ends.
    Ends,
    /// It hangs.
    Hangs,
    /// It runs or compiles, and was expected not to.
    Unexpected,
    /// An earlier cell failed, and it depends on that one or the process is gone.
    NotReached,
}

use Right::{Ends, Hangs, NoCompile, NotReached, Pass, Skip, Stops, Unexpected};

/// What was said about a cell, in the words of the table.
pub(crate) fn right(verdict: &Verdict) -> Right {
    match verdict {
        Verdict::Passed => Right::Pass,
        Verdict::Skipped(_) => Right::Skip,
        Verdict::NotReached => Right::NotReached,
        Verdict::Failed(failure) => match failure.kind {
            FailureKind::Stopped => Right::Stops,
            FailureKind::NotCompiled => Right::NoCompile,
            FailureKind::ProcessEnded => Right::Ends,
            FailureKind::TimedOut => Right::Hangs,
            FailureKind::Unexpected => Right::Unexpected,
            FailureKind::Unknown => panic!("{}", failure.diagnostic.render(false)),
        },
    }
}

/// How often to run each case.
pub(crate) fn runs() -> usize {
    std::env::var("NBEXPORT_VERDICT_RUNS").map_or(1, |runs| runs.parse().unwrap())
}

/// One small notebook.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// What it is about.
    pub(crate) name: &'static str,
    /// Its cells: text (with the cell's tags after `#tag:` on a first line) and what is right to say.
    pub(crate) cells: &'static [(&'static str, Right)],
}

const fn case(name: &'static str, cells: &'static [(&'static str, Right)]) -> Case {
    Case { name, cells }
}

/// Prints a picture as rich content, as a plotting crate does.
macro_rules! plot {
    () => {
        "println!(\"EVCXR_BEGIN_CONTENT image/svg+xml\\n<svg/>\\nEVCXR_END_CONTENT\");"
    };
}

/// The table. Names in the cells differ from case to case, so that many cases can share one kernel.
pub(crate) const CASES: &[Case] = &[
    case("a passing assertion", &[("assert_eq!(1 + 1, 2);", Pass)]),
    case("a failing assertion", &[("assert_eq!(1 + 1, 3);", Stops)]),
    case("a failing assertion as a closing expression", &[("assert!(1 > 2)", Stops)]),
    case("unwrap of nothing", &[("let n_a: Option<i32> = None;", Pass), ("n_a.unwrap();", Stops)]),
    case("unwrap of nothing, shown", &[("let n_b: Option<i32> = None;\nn_b.unwrap()", Stops)]),
    case(
        "an index out of range",
        &[("let v_a: Vec<i32> = vec![1];\nlet i_a: usize = v_a.len();\nv_a[i_a];", Stops)],
    ),
    case("an overflow", &[("let n_c: u8 = \"255\".parse().unwrap();\nn_c + 1", Stops)]),
    case("a failing `?`", &[("fn bad_a() -> Result<i32, String> { Err(\"no\".into()) }\nbad_a()?;", Stops)]),
    case(
        "a failing `?` as a closing expression",
        &[("fn bad_b() -> Result<i32, String> { Err(\"no\".into()) }\nbad_b()?", Stops)],
    ),
    case(
        "a `?` that succeeds",
        &[("fn good_a() -> Result<i32, String> { Ok(4) }\nassert_eq!(good_a()?, 4);\ngood_a()?", Pass)],
    ),
    case(
        "a caught panic",
        &[(
            "let caught_a: bool = std::panic::catch_unwind(|| { panic!(\"caught\") }).is_err();\nassert!(caught_a);",
            Pass,
        )],
    ),
    case("a plot, then a panic", &[(concat!(plot!(), "\npanic!(\"after the plot\");"), Stops)]),
    case("a plot, then a panicking value", &[(concat!(plot!(), "\nNone::<i32>.unwrap()"), Stops)]),
    case("a plot, then a value", &[(concat!(plot!(), "\n1 + 1"), Pass)]),
    case("a plot as the last line", &[(plot!(), Pass)]),
    case(
        "a text that only looks like a panic",
        &[("eprintln!(\"thread 'main' panicked at src/lib.rs:1:1:\\nno\");", Pass)],
    ),
    case("a reserved word as a name", &[("let gen = 3;", NoCompile)]),
    case("a `let` without a name", &[("let = 3;", NoCompile)]),
    case("what is no Rust at all", &[("this is no Rust", NoCompile)]),
    case("a type error", &[("let n_d: i32 = \"x\";", NoCompile)]),
    case("a type error in a function", &[("fn bad_c() -> i32 { \"x\" }", NoCompile)]),
    case("a value without `Debug`", &[("struct Mute;\nMute", NoCompile)]),
    case(
        "`super::` within a module of the same cell",
        &[("fn base_a() -> i32 { 1 }\nmod m_a { pub fn up() -> i32 { super::base_a() } }\nm_a::up()", Pass)],
    ),
    case(
        "a panicking thread that is joined",
        &[(
            "let joined = std::thread::spawn(|| { panic!(\"in a thread\") }).join();\nassert!(joined.is_err());",
            NoCompile,
        )],
    ),
    case(
        "a panicking thread that is joined, its type given",
        &[("assert!(std::thread::spawn(|| { panic!(\"in a thread\") }).join().is_err());", Pass)],
    ),
    case(
        "a panicking thread whose join is unwrapped",
        &[("std::thread::spawn(|| { panic!(\"in a thread\") }).join().unwrap();", Stops)],
    ),
    case(
        "a panicking thread that is not joined",
        &[(
            "std::thread::spawn(|| { panic!(\"in a thread\") });\nstd::thread::sleep(std::time::Duration::from_millis(50));",
            Pass,
        )],
    ),
    case("an exit", &[("std::process::exit(0);", Ends)]),
    case("an exit as a closing expression", &[("std::process::exit(0)", Ends)]),
    case("an abort", &[("std::process::abort();", Ends)]),
    case("a segmentation fault", &[("unsafe { (8 as *mut u8).write_volatile(1) };", Ends)]),
    case(
        "more memory than there is",
        &[(
            "let n_i: usize = \"1152921504606846976\".parse().unwrap();\nVec::<u8>::with_capacity(n_i);",
            Ends,
        )],
    ),
    case(
        "a kill, as by the system that runs out of memory",
        &[(
            "std::process::Command::new(\"kill\").args([\"-9\", &std::process::id().to_string()]).status()?;\nstd::thread::sleep(std::time::Duration::from_secs(5));",
            Ends,
        )],
    ),
    case(
        "a loop without end",
        &[("println!(\"round\"); loop { std::thread::yield_now(); }", Hangs), ("1 + 1;", NotReached)],
    ),
    case(
        "a function defined again",
        &[
            ("fn again_a() -> i32 { 1 }", Pass),
            ("fn again_a() -> i32 { 2 }", Pass),
            ("assert_eq!(again_a(), 2);", Pass),
        ],
    ),
    case(
        "a struct defined again",
        &[
            ("#[derive(Debug)] struct AgainS { a: i32 }\nassert_eq!(AgainS { a: 1 }.a, 1);", Pass),
            ("#[derive(Debug)] struct AgainS { b: i32 }", Pass),
            ("assert_eq!(AgainS { b: 2 }.b, 2);", Pass),
        ],
    ),
    case(
        "a moved variable",
        &[
            ("let v_b: Vec<i32> = vec![1];\nlet w_b: Vec<i32> = v_b;", Pass),
            ("v_b.len()", NoCompile),
            ("assert_eq!(w_b, [1]);", Pass),
        ],
    ),
    case("a `let` whose type nobody knows", &[("let nobody = Default::default();", NoCompile)]),
    case("a `let` whose type a later cell tells", &[("let mut v_c = Vec::new();", NoCompile)]),
    case(
        "`evcxr_display`",
        &[("struct Shown;\nimpl Shown { fn evcxr_display(&self) { println!(\"shown\"); } }\nShown", Pass)],
    ),
    case(
        "an `evcxr_display` that panics",
        &[("struct Bad;\nimpl Bad { fn evcxr_display(&self) { panic!(\"while shown\"); } }\nBad", Stops)],
    ),
    case(
        "a `Debug` that panics",
        &[(
            "struct BadDebug;\nimpl std::fmt::Debug for BadDebug {\n    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { panic!(\"while shown\") }\n}\nBadDebug",
            Stops,
        )],
    ),
    case(
        "a unit value",
        &[("()", Pass), ("println!(\"x\")", Pass), ("for _ in 0..2 { assert!(true); }", Pass)],
    ),
    case("comments after the last expression", &[("1 + 1 // two\n/* yes,\n two */\n// indeed", Pass)]),
    case("comments after a last statement", &[("let n_e: i32 = 1; // one", Pass)]),
    case(
        "nothing but comments",
        &[("// nothing\n/* at all */", Pass), ("", Pass), ("  \n  // indented", Pass)],
    ),
    case("a failing cell with a comment below", &[("panic!(\"x\") // not the end\n// nor this", Stops)]),
    case("`#[test]` functions", &[("#[test]\nfn never_run() { panic!(\"ran\"); }", Pass)]),
    case(
        "`should_panic`",
        &[("//| should_panic\npanic!(\"as it should\");", Pass), ("//| should_panic\n1 + 1;", Unexpected)],
    ),
    case(
        "`should_panic` by an error",
        &[("//| should_panic\nErr::<(), String>(\"as it should\".into())?;", Pass)],
    ),
    case("`should_panic` that does not compile", &[("//| should_panic\nlet n_f: i32 = \"x\";", NoCompile)]),
    case(
        "`compile_fail`",
        &[("//| compile_fail\nlet n_g: i32 = \"x\";", Pass), ("//| compile_fail\n1 + 1;", Unexpected)],
    ),
    case("`compile_fail` by what is no Rust", &[("//| compile_fail\nlet = 3;", Pass)]),
    case(
        "`no_run`",
        &[("//| no_run\nstd::process::exit(1);", Pass), ("//| no_run\nlet n_h: i32 = \"x\";", NoCompile)],
    ),
    case("`ignore`", &[("//| ignore\nthis is no Rust", Skip)]),
    case("an ignored test", &[("//| test slow ignore\npanic!(\"ran\");", Skip)]),
    case("`eval: false`", &[("//| eval: false\npanic!(\"ran\");", Skip)]),
    case("the tag `raises-exception`", &[("#tag:raises-exception\npanic!(\"as it should\");", Pass)]),
    case("text without a line end before a panic", &[("print!(\"no end\"); panic!(\"x\");", Stops)]),
    // Last, since the kernel compiles tokio for them and is slower from there on.
    case("async", &[("async fn later() -> i32 { 7 }\nassert_eq!(later().await, 7);\nlater().await", Pass)]),
    case("async that panics", &[("std::future::ready(None::<i32>).await.unwrap();", Stops)]),
    case("async that fails", &[("std::future::ready(Err::<i32, String>(\"no\".into())).await?;", Stops)]),
];

/// A notebook of these cells.
pub(crate) fn notebook(cells: &[&str]) -> String {
    let cell = |(index, text): (usize, &&str)| {
        let (tags, text) = match text.strip_prefix("#tag:").and_then(|rest| rest.split_once('\n')) {
            Some((tag, text)) => (vec![tag], text),
            None => (Vec::new(), *text),
        };
        json!({
            "cell_type": "code", "execution_count": null, "id": format!("cell-{}", index + 1),
            "metadata": {"tags": tags}, "outputs": [],
            "source": text.split_inclusive('\n').collect::<Vec<_>>(),
        })
    };
    let cells: Vec<_> = cells.iter().enumerate().map(cell).collect();
    let metadata = json!({"kernelspec": {"display_name": "Rust", "language": "rust", "name": "rust"}});
    let notebook = json!({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5});
    serde_json::to_string_pretty(&notebook).unwrap() + "\n"
}

/// A row of the tables in `tests/verdicts/`: cells with what the kernel says of each, as seen in evcxr 0.22.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What it is about.
    pub(crate) name: String,
    /// Text and what is right to say.
    pub(crate) cells: Vec<(String, Right)>,
    /// Whether a native run says that it needs the kernel.
    pub(crate) needs_kernel: bool,
}

/// The rows of all tables. `=== name` begins one, `--- verdict` ends each of its cells.
pub(crate) fn rows() -> Vec<Row> {
    let tables = [
        include_str!("verdicts/redefinition.txt"),
        include_str!("verdicts/hiding.txt"),
        include_str!("verdicts/commands.txt"),
    ];
    let mut rows: Vec<Row> = Vec::new();
    let mut text = Vec::new();
    for line in tables.into_iter().flat_map(str::lines) {
        if let Some(name) = line.strip_prefix("=== ") {
            let (name, needs) = name.split_once(" | ").unwrap_or((name, ""));
            rows.push(Row {
                name: name.to_owned(),
                cells: Vec::new(),
                needs_kernel: needs == "needs --kernel",
            });
        } else if let Some(verdict) = line.strip_prefix("--- ") {
            let right = match verdict {
                "pass" => Pass,
                "skip" => Skip,
                "stops" => Stops,
                "does not compile" => NoCompile,
                "ends" => Ends,
                "hangs" => Hangs,
                "unexpected" => Unexpected,
                "not reached" => NotReached,
                other => panic!("`{other}` is no verdict"),
            };
            rows.last_mut().unwrap().cells.push((text.join("\n"), right));
            text.clear();
        } else {
            text.push(line);
        }
    }
    rows
}
