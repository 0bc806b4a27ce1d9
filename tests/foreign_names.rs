//! A test that uses what only another cell has works in the notebook and not in the crate. nbexport says so itself,
//! and only when it is certain.

use insta::assert_snapshot;

use crate::support::Case;

fn said(text: &str) -> String {
    Case::of(text).refuses(1)
}

#[test]
fn a_variable_of_another_cell() {
    let text = "
        --- explore
        let (rows, columns) = (3, 4);
        --- its_test
        //| test shape
        let size = rows * 2;
        assert_eq!(size, 6);
    ";
    assert_snapshot!(said(text), @"
    error: this test uses `rows`, a variable of another cell
     --> notebooks/00_demo.ipynb:cell 2:2:12
      |
    2 | let size = rows * 2;
      |            ^^^^ not there under `cargo test`
      |
     ::: notebooks/00_demo.ipynb:cell 1:1:6
      |
    1 | let (rows, columns) = (3, 4);
      |      ---- declared in cell 1
      |
      = note: this is the cell with id `its_test`
      = help: declare `rows` in the test itself, or begin cell 1 with `//| setup`: later tests then start with its statements
    ");
}

#[test]
fn a_variable_in_the_arguments_of_an_assertion() {
    let text = "
        --- explore
        let input = vec![1, 2];
        let message = \"as it was\";
        --- its_test
        //| test sum
        assert_eq!(input.iter().sum::<i32>(), 3, \"{message}\");
    ";
    assert_snapshot!(said(text), @r#"
    error: this test uses `input`, a variable of another cell
     --> notebooks/00_demo.ipynb:cell 2:2:12
      |
    2 | assert_eq!(input.iter().sum::<i32>(), 3, "{message}");
      |            ^^^^^ not there under `cargo test`
      |
     ::: notebooks/00_demo.ipynb:cell 1:1:5
      |
    1 | let input = vec![1, 2];
      |     ----- declared in cell 1
      |
      = note: this is the cell with id `its_test`
      = help: declare `input` in the test itself, or begin cell 1 with `//| setup`: later tests then start with its statements

    error: this test uses `message`, a variable of another cell
     --> notebooks/00_demo.ipynb:cell 2:2:42
      |
    2 | assert_eq!(input.iter().sum::<i32>(), 3, "{message}");
      |                                          ^^^^^^^^^^^ not there under `cargo test`
      |
     ::: notebooks/00_demo.ipynb:cell 1:2:5
      |
    2 | let message = "as it was";
      |     ------- declared in cell 1
      |
      = note: this is the cell with id `its_test`
      = help: declare `message` in the test itself, or begin cell 1 with `//| setup`: later tests then start with its statements
    "#);
}

#[test]
fn a_variable_of_another_test() {
    let text = "
        --- first
        //| test one
        let shared = 1;
        assert_eq!(shared, 1);
        --- second
        //| test two
        assert_eq!(shared + 1, 2);
    ";
    assert_snapshot!(said(text), @"
    error: this test uses `shared`, a variable of another cell
     --> notebooks/00_demo.ipynb:cell 2:2:12
      |
    2 | assert_eq!(shared + 1, 2);
      |            ^^^^^^ not there under `cargo test`
      |
     ::: notebooks/00_demo.ipynb:cell 1:2:5
      |
    2 | let shared = 1;
      |     ------ declared in cell 1
      |
      = note: this is the cell with id `second`
      = help: declare `shared` in the test itself, or begin cell 1 with `//| setup`: later tests then start with its statements
    ");
}

#[test]
fn a_setup_that_comes_too_late_or_uses_a_foreign_variable() {
    let text = "
        --- early
        //| test early
        assert_eq!(n, 1);
        --- explore
        let base = 0;
        --- late
        //| setup
        let n = base + 1;
    ";
    assert_snapshot!(said(text), @"
    error: this test uses `n`, a variable of another cell
     --> notebooks/00_demo.ipynb:cell 1:2:12
      |
    2 | assert_eq!(n, 1);
      |            ^ not there under `cargo test`
      |
     ::: notebooks/00_demo.ipynb:cell 3:2:5
      |
    2 | let n = base + 1;
      |     - declared in cell 3
      |
      = note: this is the cell with id `early`
      = help: move the setup cell above the test, so that `n` is there

    error: this setup uses `base`, a variable of another cell
     --> notebooks/00_demo.ipynb:cell 3:2:9
      |
    2 | let n = base + 1;
      |         ^^^^ not there under `cargo test`
      |
     ::: notebooks/00_demo.ipynb:cell 2:1:5
      |
    1 | let base = 0;
      |     ---- declared in cell 2
      |
      = note: this is the cell with id `late`
      = help: declare `base` in the setup itself, or begin cell 2 with `//| setup`: later tests then start with its statements
    ");
}

#[test]
fn an_item_that_is_not_exported() {
    let text = "
        --- explore
        fn double(x: i32) -> i32 { 2 * x }
        struct Point;
        impl Point { fn new() -> Self { Self } }
        --- its_test
        //| test doubles
        assert_eq!(double(1), 2);
        let _ = Point::new();
    ";
    assert_snapshot!(said(text), @"
    error: this test uses `double`, which is not exported
     --> notebooks/00_demo.ipynb:cell 2:2:12
      |
    2 | assert_eq!(double(1), 2);
      |            ^^^^^^ not there under `cargo test`
      |
     ::: notebooks/00_demo.ipynb:cell 1:1:4
      |
    1 | fn double(x: i32) -> i32 { 2 * x }
      |    ------ defined in cell 1
      |
      = note: this is the cell with id `its_test`
      = help: begin cell 1 with `//| export`, or define `double` in the test

    error: this test uses `Point`, which is not exported
     --> notebooks/00_demo.ipynb:cell 2:3:9
      |
    3 | let _ = Point::new();
      |         ^^^^^ not there under `cargo test`
      |
     ::: notebooks/00_demo.ipynb:cell 1:2:8
      |
    2 | struct Point;
      |        ----- defined in cell 1
      |
      = note: this is the cell with id `its_test`
      = help: begin cell 1 with `//| export`, or define `Point` in the test
    ");
}

/// Exports a notebook whose plain cell declares the names that each test seems to take from it.
fn is_fine(test: &str) {
    is_fine_with("pub fn exported() {}", test);
}

fn is_fine_with(exported: &str, test: &str) {
    let cells = format!(
        "--- plain\n\
         let (x, y, n, name, value, key, width, items, f, e) = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10);\n\
         let size_of = 3; let drop = 4;\n\
         fn helper() {{}}\n\
         struct Point;\n\
         --- exported\n//| export\n{exported}\n\
         --- its_test\n//| test fine\n{test}\n"
    );
    let run = Case::of(&cells).run("");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{test}\n{run}");
}

#[test]
fn no_alarm_for_names_that_the_test_binds() {
    for test in [
        "let x = 1; assert_eq!(x, 1);",
        "let (x, [y, ..]) = (1, [2, 3]); assert_eq!(x + y, 3, \"{x} {y:?}\");",
        "let Some(n) = Some(1) else { panic!() }; assert_eq!(n, 1);",
        "struct P { x: i32, y: i32 }\nlet P { x, y: n } = P { x: 1, y: 2 }; assert_eq!(x + n, 3);",
        "for (n, name) in [(1, 2)] { assert!(n < name); }",
        "if let Some(x) = Some(1) && let Some(y) = Some(x) { assert_eq!(x, y); }",
        "let mut stack = vec![1]; while let Some(n) = stack.pop() { assert_eq!(n, 1); }",
        "match Some(3) { Some(n) if n > 2 => assert!(n == 3), _ => unreachable!() }",
        "match (1, 2) { (x, y) | (y, x) => assert!(x != y) }",
        "match 5 { n @ 1..=9 => assert_eq!(n, 5), _ => {} }",
        "let f = |x: i32, (y, _): (i32, i32)| x + y; assert_eq!(f(1, (2, 3)), 3);",
        "let f = move |n| { let value = n + 1; value }; assert_eq!(f(1), 2);",
        "const N: usize = 1; static name: &str = \"a\"; assert_eq!(name.len(), N);",
        "fn helper() -> i32 { 1 }\nassert_eq!(helper(), 1);",
        "assert_eq!(later(), 1);\nfn later() -> i32 { 1 }",
        "struct Point { x: i32 }\nimpl Point { fn new() -> Self { let x = 1; Self { x } } }\nassert_eq!(Point::new().x, 1);",
        "use std::mem::size_of as value; assert_eq!(value::<u8>(), 1);",
        "use std::fmt::{self, Write as _}; let mut x = String::new(); write!(x, \"a\").unwrap();",
        "let total: i32 = { let n = 1; let key = 2; n + key }; assert_eq!(total, 3);",
        "let name = std::thread::spawn(|| { let e = 1; e }).join().unwrap(); assert_eq!(name, 1);",
        "let out = 'outer: loop { let n = 1; break 'outer n; }; assert_eq!(out, 1);",
        "let (Ok(n) | Err(n)) = Ok::<i32, i32>(1); assert_eq!(n, 1);",
        "let v = unsafe { let n = 1; n }; assert_eq!(v, 1);",
    ] {
        is_fine(test);
    }
}

#[test]
fn no_alarm_for_names_that_are_always_there() {
    for test in [
        "assert_eq!(size_of::<u8>(), 1);",
        "drop(vec![1]);",
        "assert!(Some(1) > None); let _: Result<(), ()> = Ok(()); let _: Result<(), ()> = Err(());",
        "let _ = String::from(\"a\"); let _ = <Vec<u8>>::new(); let _ = u8::MAX;",
    ] {
        is_fine(test);
    }
}

#[test]
fn no_alarm_for_strings_that_are_no_format_strings() {
    for test in [
        r#"assert_eq!("{name}".len(), 6);"#,
        r#"assert_eq!("{name}", ["{", "name", "}"].concat());"#,
        r#"assert_ne!(String::new(), "{x}");"#,
        r#"assert!(vec!["{x}"][0] == "{x}");"#,
        r#"println!("{}", "{x}");"#,
        r#"println!("{{x}} {0} {value} {:>1$}", 1, 2, value = 3);"#,
        r#"let _ = format!("{:?}", "{name}");"#,
        r#"let mut out = String::new(); std::fmt::Write::write_fmt(&mut out, format_args!("{}", 1)).unwrap();"#,
        r##"assert_eq!(r#"{"key": 1}"#.len(), 10);"##,
        r##"println!("{}", r#"{key}"#);"##,
    ] {
        is_fine(test);
    }
}

#[test]
fn no_alarm_for_macros_that_nobody_knows() {
    for test in [
        "macro_rules! bind { ($name:ident) => { let $name = 1; } }\nbind!(x); assert_eq!(x, 1);",
        "macro_rules! twice { ($e:expr) => { $e * 2 } }\nlet n = 1; assert_eq!(twice!(n), 2);",
        "assert!(matches!(Some(1), Some(n) if n > 0));",
    ] {
        is_fine(test);
    }
}

#[test]
fn no_alarm_for_what_globs_and_macros_of_the_module_may_bring() {
    is_fine_with("pub use std::mem::*;", "assert_eq!(size_of::<u8>(), 1); let _ = helper;");
    is_fine_with("pub mod shapes { pub struct Point; }\npub use shapes::*;", "let _ = Point;");
    is_fine_with("", "use std::f32::consts::*; let _ = PI;");
    is_fine_with("macro_rules! make { ($n:ident) => { pub fn $n() {} } }\nmake!(helper);", "helper();");
    is_fine_with("thread_local! { pub static x: u8 = const { 1 }; }", "x.with(|it| assert_eq!(*it, 1));");
}

#[test]
fn no_alarm_for_exported_items_of_the_same_name_as_a_variable() {
    is_fine_with("pub fn f(v: i32) -> i32 { v }", "assert_eq!(f(1), 1);");
    is_fine_with(
        "pub const WIDTH: usize = 2; pub static items: [u8; 2] = [0; 2];",
        "assert_eq!(items.len(), WIDTH);",
    );
    is_fine_with(
        "use std::cmp::max as value; pub fn top() -> i32 { value(1, 2) }",
        "assert_eq!(value(1, 2), top());",
    );
}
