//! `nbexport readme`: README.md from `index.ipynb`, and nothing that a person typed is overwritten.

use crate::support::{Case, pretty};
use serde_json::{Value, json};

const INDEX: &str = "notebooks/index.ipynb";
const PICTURE: &str = "iVBORw0KGgo=";

fn cell(kind: &str, id: &str, source: &str, outputs: &[Value]) -> Value {
    let mut cell = json!({"cell_type": kind, "id": id, "metadata": {}, "source": source});
    if kind == "code" {
        cell["execution_count"] = Value::Null;
        cell["outputs"] = json!(outputs);
    }
    cell
}

fn result(data: &Value) -> Value {
    json!({"output_type": "execute_result", "execution_count": null, "metadata": {}, "data": data})
}

fn index(cells: &[Value]) -> String {
    pretty(&json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
}

fn demo() -> Case {
    let links = "See [one](00_demo.ipynb#Part \"t\"), [this](<../docs/a b.md>), <https://x.y> and ![it](attachment:a.png).";
    let mut attached = cell("markdown", "head", &format!("# The tool\n\n{links}"), &[]);
    attached["attachments"] = json!({"a.png": {"image/png": PICTURE}});
    let stream = json!({"output_type": "stream", "name": "stdout", "text": "\u{1b}[31mred\u{1b}[0m ```\n"});
    let plot = result(&json!({"image/png": PICTURE, "text/plain": "a [plot]"}));
    let table = "<table><tr><th>a</th><th>b</th></tr>\n<tr><td>1 &lt; 2</td><td>3</td></tr></table>";
    let unseen = result(&json!({"text/plain": "unseen"}));
    Case::of("--- a markdown\n# One").file("docs/a b.md", "x").file(
        INDEX,
        &index(&[
            attached,
            cell("code", "say", "//| eval: false\nsay()", &[stream]),
            cell("code", "hidden", "//| hide\nhidden()", std::slice::from_ref(&unseen)),
            cell("code", "plot", "//| echo: false\nplot()", &[plot]),
            cell("code", "table", "table()", &[result(&json!({"text/html": table}))]),
            cell("code", "half", "//| output: false\nhalf()", &[unseen]),
            cell("code", "answer", "//| solution\nanswer()", &[]),
        ]),
    )
}

/// The pictures of the README.
fn pictures(case: &Case) -> Vec<String> {
    case.files("README_files").into_keys().collect()
}

#[test]
fn texts_code_and_outputs_become_a_readme_and_pictures_files() {
    let case = demo();
    let run = case.run("readme");
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (Some(0), "README.md: written\n", ""), "{run}");
    let readme = case.read("README.md");
    let (first, text) = readme.split_once('\n').unwrap();
    assert!(first.starts_with("<!-- Written by nbexport from notebooks/index.ipynb "), "{first}");
    let pictures = pictures(&case);
    let [head, plot] = &*pictures else { panic!("{pictures:?}") };
    assert_eq!(case.files("README_files")[head], [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n']);
    assert_eq!(
        text,
        format!(
            "# The tool\n\nSee [one](notebooks/00_demo.ipynb#Part \"t\"), [this](<docs/a%20b.md>), <https://x.y> and \
             ![it]({head}).\n\n```rust\nsay()\n```\n\n````text\nred ```\n````\n\n![a plot]({plot})\n\n```rust\ntable()\n\
             ```\n\n```text\na  b\n1 < 2  3\n```\n\n```rust\nhalf()\n```\n"
        )
    );
    let run = case.run("readme --check");
    assert_eq!((run.code, &*run.stdout), (Some(0), "README.md: unchanged\n"), "{run}");
}

#[test]
fn check_shows_what_is_stale_and_old_pictures_go() {
    let case = demo();
    assert_eq!(case.run("readme --check").code, Some(1));
    assert!(!case.has("README.md") && !case.has("README_files"));
    case.run("readme");
    case.write("README_files/mine.png", "mine");
    std::fs::remove_file(case.path(&pictures(&case)[0])).unwrap();
    let run = case.run("readme --check");
    assert!(run.code == Some(1) && run.stdout.contains(".png: missing"), "{run}");
    case.replace(INDEX, "The tool", "A tool");
    case.replace(INDEX, " and ![it](attachment:a.png)", "");
    let run = case.run("readme --check");
    assert!(run.code == Some(1) && run.stdout.contains("+# A tool"), "{run}");
    assert!(run.stderr.contains("`nbexport readme`"), "{run}");
    assert_eq!(case.run("readme").code, Some(0));
    let left = pictures(&case);
    assert!(left.len() == 2 && left.contains(&"README_files/mine.png".to_owned()), "{left:?}");
    assert!(left.iter().any(|name| name.contains("plot")), "{left:?}");
}

#[test]
fn what_a_person_wrote_is_not_overwritten() {
    let case = demo();
    case.write("README.md", "# Mine\n");
    let run = case.run("readme");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("`README.md` is not nbexport's") && run.stderr.contains("--force"), "{run}");
    assert!(case.read("README.md") == "# Mine\n" && !case.has("README_files"));

    assert_eq!(case.run("readme --force").code, Some(0));
    let written = case.read("README.md");
    case.replace("README.md", "# The tool", "# The tool, by hand");
    case.replace(INDEX, "The tool", "A tool");
    let run = case.run("readme");
    assert!(run.code == Some(1) && run.stderr.contains("was edited since"), "{run}");
    assert!(case.read("README.md").contains("by hand"));

    // Somebody's checkout has other line ends; that is no edit.
    case.write("README.md", written.replace('\n', "\r\n"));
    assert_eq!(case.run("readme").code, Some(0));
    assert!(case.read("README.md").contains("# A tool"));
}

#[test]
fn without_the_notebook_the_way_out_is_told() {
    let case = Case::of("--- a markdown\n# One");
    let run = case.run("readme");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("no `notebooks/index.ipynb`"), "{run}");
}

#[test]
fn what_a_readme_cannot_show_is_named_at_its_cell() {
    let widget = result(&json!({"application/x-widget": "1"}));
    let case = Case::new().file(
        INDEX,
        &index(&[cell("markdown", "a", "[gone](none.md)", &[]), cell("code", "b", "widget()", &[widget])]),
    );
    let run = case.run("readme");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("index.ipynb:cell 1:1:1") && run.stderr.contains("no `none.md`"), "{run}");
    assert!(
        run.stderr.contains("index.ipynb:cell 2:1:1") && run.stderr.contains("application/x-widget"),
        "{run}"
    );
}

#[cfg(unix)]
#[test]
fn no_picture_leaves_the_project_by_a_link() {
    let case = demo();
    let elsewhere = Case::nothing();
    std::os::unix::fs::symlink(elsewhere.path(""), case.path("README_files")).unwrap();
    let run = case.run("readme");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(elsewhere.files(".").is_empty() && !case.has("README.md"), "{run}");
}
