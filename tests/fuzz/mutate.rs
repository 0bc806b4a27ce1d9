//! A notebook → one that somebody, or some program, did wrong.

use proptest::prelude::RngExt as _;
use proptest::test_runner::TestRng;
use serde_json::{Value, json};

use crate::support::pretty;

/// What does not belong into a cell, or belongs elsewhere.
#[rustfmt::skip]
const FRAGMENTS: &[&str] = &[
    "{", "}", "(", ")", "[", "\"", "'", "/*", "*/", "r#\"", "\"#", "b'\\", "#", "$", "`", "\\", "?", "?;\n",
    ".await", "<", ">", "//| export\n", "//| export é\n", "//| exporti other\n", "//| test\n",
    "//| test a b c\n", "//| setup\n", "//| bench b\n", "//| bin x\n", "//| default_exp ../../evil\n",
    "//| flags: slow\n", "//| eval: false\n", "//| compile_fail\n", ":dep x = \"1\"\n", ":dep x = {}\n",
    ":dep a.b = \"1\"\n", ":dep x = { workspace = true }\n", ":dep exp = { path = \"../exp\" }\n",
    ":dep x = \"not a version\"\n", ":cache 1\n", "!ls\n", "<<<<<<< a\n", "=======\n", ">>>>>>> b\n",
    "// end of cell 1\n", "// nbexport: begin modules\n", "// nbexport: end modules\n",
    "// %% 00_fuzzed.ipynb abc 12345678\n", "#[cfg(test)]\nmod tests {\n", "\u{1b}[31m", "\u{1b}]0;x\u{7}",
    "\u{9b}31m", "\r", "\r\n", "\u{2028}", "\u{85}", "\0", "\u{feff}", "\u{202e}", "é", "fn f() {}\n",
    "pub fn f<T: Into<String>>(x: T) -> String { x.into() }\n", "pub fn /* a */ f /* b */ () {}\n",
    "#![feature(x)]\n", "#[test]\nfn t() {}\n", "macro_rules! m { () => {} }\n", "let x = 1;\n", "return;\n",
    "//! doc\n", "/// doc\n", "\"a\n b  \n\"", "r#\"\n// %% x\n\"#", "use exp::nb_00::*;\n", "use super::*;\n",
    "gen", "extern crate alloc;\n", "impl X for Y {}\n", "# Title\n\n> summary\n", "println!(\"{}\", 1)",
    "assert!(a);", "#export\n", "// test\n", "    ", "\t", "\n\n\n", "1e-05", "0x", "1_", "'a", "'\\u{1f600}'",
];

/// What nests, with what it nests in.
#[rustfmt::skip]
const NESTS: &[[&str; 3]] = &[
    ["(", "1", ")"], ["{", "1", "}"], ["Vec<", "u8", ">"], ["Box<dyn Fn(", "u8", ")>"], ["[", "1", "]"],
    ["&", "x", ""], ["!", "x", ""], ["if x {", "", "}"], ["|| ", "1", ""], ["mod m {", "", "}"],
    ["x.", "y", ""], ["1 + ", "1", ""], ["/*", "", "*/"], ["9", "", ""],
];

pub(super) fn pick<T: Clone>(rng: &mut TestRng, all: &[T]) -> T {
    all[rng.random_range(0..all.len())].clone()
}

/// A line that is like no other.
pub(super) fn token_line(rng: &mut TestRng) -> String {
    let token = format!("x{}x", rng.random_range(1_000_000..9_999_999_u32));
    match rng.random_range(0..5) {
        0 => format!("let {token} = 1;"),
        1 => format!("pub fn {token}() {{}}"),
        2 => format!("pub const T: &str = \"{token}\";"),
        _ => format!("// {token}"),
    }
}

/// One to three things go wrong, in the bytes, in the JSON or in the Rust of cells.
pub(super) fn mutated(rng: &mut TestRng, notebook: &[u8]) -> Vec<u8> {
    let mut bytes = notebook.to_vec();
    for _ in 0..rng.random_range(1..4) {
        bytes = match rng.random_range(0..10) {
            0 => in_bytes(rng, bytes),
            1..=3 => in_json(rng, &bytes).unwrap_or(bytes),
            _ => in_rust(rng, &bytes).unwrap_or(bytes),
        };
    }
    bytes
}

fn in_bytes(rng: &mut TestRng, mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.is_empty() {
        return b"{".to_vec();
    }
    let at = rng.random_range(0..bytes.len());
    let to = (at + rng.random_range(1..40)).min(bytes.len());
    match rng.random_range(0..6) {
        0 => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..to)),
        3 => {
            let again = bytes[at..to].to_vec();
            bytes.splice(at..at, again);
        }
        4 => bytes[at] = pick(rng, b"\"{}[],:\\\0\xff\xe9\n\r \x1b"),
        _ => drop(bytes.splice(..0, *b"\xef\xbb\xbf")),
    }
    bytes
}

fn odd(rng: &mut TestRng) -> Value {
    match rng.random_range(0..14) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e300),
        4 => json!([]),
        5 => json!({}),
        6 => json!("\u{1b}[31mred"),
        7 => json!("a\nb"),
        8 => json!(""),
        9 => json!("../../evil"),
        10 => json!("x".repeat(5_000)),
        11 => json!({"a": {"b": [1, 2.5, "c"]}}),
        12 => (0..rng.random_range(50..200)).fold(json!(1), |inner, _| json!([inner])),
        _ => json!(["a\n", 1]),
    }
}

fn in_json(rng: &mut TestRng, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut notebook: Value = serde_json::from_slice(bytes).ok()?;
    match rng.random_range(0..8) {
        0 => {
            let keys = ["cells", "metadata", "nbformat", "nbformat_minor", "new"];
            notebook[pick(rng, &keys)] = odd(rng);
        }
        1 => notebook["nbformat_minor"] = json!(rng.random_range(0..7)),
        kind => {
            let cells = notebook["cells"].as_array_mut().filter(|cells| !cells.is_empty())?;
            let (from, to) = (rng.random_range(0..cells.len()), rng.random_range(0..cells.len()));
            match kind {
                2 => drop(cells.remove(from)),
                3 => cells.insert(to, cells[from].clone()),
                4 => cells.swap(from, to),
                5 => {
                    let keys = [
                        "cell_type",
                        "execution_count",
                        "id",
                        "metadata",
                        "outputs",
                        "source",
                        "attachments",
                    ];
                    cells[from].as_object_mut()?.shift_remove(pick(rng, &keys));
                }
                _ => {
                    let keys = [
                        "cell_type",
                        "id",
                        "metadata",
                        "outputs",
                        "source",
                        "attachments",
                        "execution_count",
                    ];
                    let cell = cells[from].as_object_mut()?;
                    cell.insert(pick(rng, &keys).to_owned(), odd(rng));
                }
            }
        }
    }
    Some(pretty(&notebook).into_bytes())
}

fn in_rust(rng: &mut TestRng, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut notebook: Value = serde_json::from_slice(bytes).ok()?;
    let cells = notebook["cells"].as_array_mut().filter(|cells| !cells.is_empty())?;
    let at = rng.random_range(0..cells.len());
    let source = text(&cells[at]["source"])?;
    let places: Vec<usize> = source.char_indices().map(|(at, _)| at).chain([source.len()]).collect();
    let starts: Vec<usize> = source.match_indices('\n').map(|(at, _)| at + 1).chain([0]).collect();
    let fragment = pick(rng, FRAGMENTS);
    let mut source = source.clone();
    match rng.random_range(0..10) {
        0 => {
            let [open, inner, close] = pick(rng, NESTS);
            let depth = pick(rng, &[5, 60, 200, 700, 3_000, 20_000]);
            let nest = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
            source.insert_str(pick(rng, &places), &nest);
        }
        1 => {
            let (from, to) = (pick(rng, &places), pick(rng, &places));
            source.replace_range(from.min(to)..from.max(to), "");
        }
        2..=4 => {
            let line = token_line(rng) + "\n";
            source.insert_str(pick(rng, &starts), &line);
        }
        5..=7 => source.insert_str(pick(rng, &starts), fragment),
        _ => source.insert_str(pick(rng, &places), fragment),
    }
    cells[at]["source"] = source.split_inclusive('\n').map(Value::from).collect();
    Some(pretty(&notebook).into_bytes())
}

/// The text of a source, in either form.
pub(super) fn text(source: &Value) -> Option<String> {
    match source {
        Value::String(text) => Some(text.clone()),
        Value::Array(rows) => rows.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
