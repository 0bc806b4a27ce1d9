//! `nbexport docs`: what a reader of the site sees, and what a hostile notebook cannot make them see.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::running::Running;
use crate::support::{self, Case, Run};
use serde_json::{Value, json};

/// Makes the site without the crate's documentation, which takes cargo.
pub(crate) fn site(case: &Case) -> Run {
    case.run("docs --no-api -d site")
}

/// A notebook of these cells, each given as nbformat has it.
pub(crate) fn notebook(cells: &[Value]) -> String {
    let cells: Vec<Value> = cells
        .iter()
        .enumerate()
        .map(|(index, cell)| {
            let mut cell = cell.clone();
            cell["id"] = json!(format!("c{index}"));
            cell["metadata"] = json!({});
            cell
        })
        .collect();
    json!({"cells": cells, "metadata": {"kernelspec": {"display_name": "Rust", "language": "rust", "name": "rust"}},
           "nbformat": 4, "nbformat_minor": 5})
    .to_string()
}

pub(crate) fn markdown(text: &str) -> Value {
    json!({"cell_type": "markdown", "source": text})
}

pub(crate) fn code(text: &str, outputs: &[Value]) -> Value {
    json!({"cell_type": "code", "execution_count": 1, "source": text, "outputs": outputs})
}

pub(crate) fn result(mime: &str, value: &str) -> Value {
    json!({"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {mime: value}})
}

#[test]
fn a_page_reads_like_its_notebook_and_its_directives_are_obeyed() {
    let case = Case::new().file(
        "notebooks/01_demo.ipynb",
        &notebook(&[
            markdown("# 01_demo\n\nThe first, with $x_i^2$ and [the other](02_more.ipynb#A-part)."),
            code("//| export\npub fn double(x: i32) -> i32 { 2 * x }", &[]),
            code("//| test\nassert_eq!(double(2), 4);", &[]),
            code("//| hide\nlet hidden = 1;", &[result("text/plain", "hidden result")]),
            code("//| echo: false\nlet unseen = 1;", &[result("text/plain", "seen result")]),
            code("//| output: false\nlet shown = 1;", &[result("text/plain", "unseen result")]),
            code("//| code-fold\nlet folded = 1;", &[]),
            code("table()", &[result("text/html", "<table><tr><td>cell</td></tr></table>")]),
            code(
                "red()",
                &[json!({"output_type": "stream", "name": "stdout", "text": "\u{1b}[31mred\u{1b}[0m\n"})],
            ),
            code("picture()", &[result("image/png", "iVBORw==")]),
        ]),
    );
    let case = case.file("notebooks/02_more.ipynb", &notebook(&[markdown("# More\n\n## A part\n\nText.")]));
    let run = site(&case);
    assert_eq!(run.code, Some(0), "{run}");
    let page = case.read("site/01_demo.html");
    for seen in [
        "<math>",
        "href=\"02_more.html#a-part\"",
        "exported to <code>nb_01</code>",
        "<span class=\"nb-mark\">test</span>",
        "seen result",
        "<summary>Code</summary>",
        "<td>cell</td>",
        ">red</span>",
        "src=\"images/01_demo/cell-10-1.png\" alt=\"01_demo: the picture of cell 10\"",
    ] {
        assert!(page.contains(seen), "{seen} is not in\n{page}");
    }
    for unseen in ["let hidden", "hidden result", "unseen", "//|", "src=\"http", "href=\"http"] {
        assert!(!page.contains(unseen), "{unseen} is in\n{page}");
    }
    assert!(case.has("site/images/01_demo/cell-10-1.png"));
    let list = case.read("site/llms.txt");
    assert!(list.contains("- [01_demo](llms/01_demo.md)"), "{list}");
    assert!(case.read("site/llms/01_demo.md").contains("```rust\n//| export\npub fn double"), "plain");

    // Made again, nothing is written; a notebook that is gone takes its page with it.
    let again = site(&case);
    assert!(again.stdout.contains("2 pages, 0 files written"), "{again}");
    std::fs::remove_file(case.path("notebooks/02_more.ipynb")).unwrap();
    let run = site(&case);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(!case.has("site/02_more.html") && case.has("site/01_demo.html"), "{run}");
    assert!(run.stderr.contains("notebooks/01_demo.ipynb:cell 1:3:29"), "{run}");
}

#[test]
fn names_lead_to_rustdoc_and_its_modules_back_to_the_notebook() {
    let case = Case::new().file(
        "notebooks/01_demo.ipynb",
        &notebook(&[
            markdown("# A demo\n\nWhat `double` does, and `Pair::sum`; `nothing` is no name."),
            code("//| export\n/// Doubles.\npub fn double(x: i32) -> i32 { 2 * x }", &[]),
            code(
                "//| export\n/// Two.\npub struct Pair(pub i32, pub i32);\nimpl Pair {\n    /// Their sum.\n    \
                 pub fn sum(&self) -> i32 { self.0 + self.1 }\n}",
                &[],
            ),
            code("//| export\n/// The most.\npub const MOST: i32 = 3;", &[]),
            code("double(Pair(1, 2).sum())", &[]),
        ]),
    );
    assert_eq!(case.run("").code, Some(0));
    let run = case.run("docs -d site");
    assert_eq!(run.code, Some(0), "{run}");
    let page = case.read("site/01_demo.html");
    for link in [
        "<a href=\"api/exp/nb_01/fn.double.html\"><code>double</code></a>",
        "href=\"api/exp/nb_01/struct.Pair.html#method.sum\"",
        "exported to <a href=\"api/exp/nb_01/index.html\"><code>nb_01</code></a>",
        "<a href=\"api/exp/nb_01/fn.double.html\">docs</a>",
        "<a href=\"api/exp/nb_01/constant.MOST.html\">docs</a>",
        "<a href=\"api/src/exp/nb_01.rs.html#",
    ] {
        assert!(page.contains(link), "{link} is not in\n{page}");
    }
    assert!(!page.contains("<code>nothing</code></a>"), "{page}");
    assert!(case.has("site/api/exp/nb_01/fn.double.html"));
    let module = case.read("site/api/exp/nb_01/index.html");
    let back = "<a href=\"../../../01_demo.html\">A demo</a>";
    assert_eq!(module.matches(back).count(), 1, "{module}");
}

#[test]
fn a_link_that_leads_nowhere_is_told_at_its_place() {
    let case = Case::new().file(
        "notebooks/01_demo.ipynb",
        &notebook(&[
            markdown("# One\n\nsee [this](02_none.ipynb) and ![that](none.png)"),
            markdown("and [there](#Nowhere), [here](#one)"),
        ]),
    );
    let run = site(&case);
    assert_eq!(run.code, Some(1), "{run}");
    for place in ["cell 1:3:5", "cell 1:3:31", "cell 2:1:5"] {
        assert!(run.stderr.contains(&format!("notebooks/01_demo.ipynb:{place}")), "{place}: {run}");
    }
    assert_eq!(run.stderr.matches("error").count(), 3, "{run}");
    assert!(case.has("site/01_demo.html"));
}

#[test]
fn a_hostile_notebook_runs_nothing_and_leaves_the_site() {
    let script = "<script>document.title = 'owned'</script>";
    let secret = Case::nothing().file("secret.txt", "hidden words");
    let up = format!("../../../../../../../../../..{}", secret.path("secret.txt").display());
    let case = Case::new().file(
        "notebooks/01_<img src=x onerror=alert(1)>](x.ipynb",
        &notebook(&[
            markdown(&format!(
                "# T {script} ](y)\n\n<img src=x onerror=alert(1)>\n\n{script}\n\n[a](javascript:alert(1))"
            )),
            markdown(&format!("[s]({up}) ![s]({up}) ![t](https://tracker.example/x.png)")),
            code("1", &[result("text/html", &format!("{script}<b onclick=alert(1)>bold</b>"))]),
            code("2", &[result("image/svg+xml", "<svg onload=\"alert(1)\"><script>alert(1)</script></svg>")]),
            code("3", &[result("text/markdown", script)]),
            code(&format!("// {script}\n4"), &[result("text/plain", script)]),
        ]),
    );
    // The file is a notebook whatever it is called.
    std::fs::rename(
        case.path("notebooks/01_<img src=x onerror=alert(1)>](x.ipynb"),
        case.path("notebooks/01_<img onerror=1>](x).ipynb"),
    )
    .unwrap();
    let run = site(&case);
    let all = case.files("site");
    let pages: Vec<_> =
        all.iter().filter(|(name, _)| name.starts_with("site/01_") && name.contains(".html")).collect();
    assert_eq!(pages.len(), 1, "{run} {:?}", all.keys());
    let page = String::from_utf8_lossy(pages[0].1);
    for bad in [
        "<script>document",
        "<script>alert",
        "<img src=x",
        " onclick",
        " onload",
        "javascript:alert",
        "tracker.example",
    ] {
        assert!(!page.contains(bad), "{bad} is in\n{page}");
    }
    assert!(page.contains("bold</b>") && page.contains("&lt;script&gt;"), "{page}");
    assert!(!all.values().any(|bytes| bytes.windows(12).any(|part| part == b"hidden words")), "{run}");
    assert!(run.stderr.contains("outside of the project"), "{run}");
}

#[test]
fn html_of_ones_own_is_shown_as_it_is_where_that_is_asked_for() {
    let script = "<script>draw('plot')</script>";
    let case = Case::new().file("notebooks/00_first.ipynb", &notebook(&[markdown("# First")])).file(
        "notebooks/01_demo.ipynb",
        &notebook(&[
            markdown(&format!("# Demo\n\n<div id=\"plot\" onclick=\"more()\">a plot</div>\n\n{script}")),
            code("shown()", &[result("text/html", &format!("<canvas></canvas>{script}"))]),
        ]),
    );
    let run = case.run("docs --no-api -d site --trust");
    assert_eq!(run.code, Some(0), "{run}");
    let page = case.read("site/01_demo.html");
    assert_eq!(page.matches("draw('plot')").count(), 2, "{page}");
    assert!(page.contains("onclick=\"more()\"") && page.contains("<canvas>"), "{page}");
    // It is asked for each time anew, also where nothing else has changed.
    assert_eq!(site(&case).code, Some(0));
    let page = case.read("site/01_demo.html");
    assert!(!page.contains("draw('plot')") && !page.contains("onclick") && page.contains("a plot"), "{page}");
}

#[test]
fn a_folder_of_somebody_elses_is_left_alone() {
    let case = Case::of("--- a markdown\n# One");
    case.write("mine/index.html", "mine");
    let run = case.run("docs --no-api -d mine");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(
        run.stderr.contains("holds files that are not nbexport's") && run.stderr.contains("-d DIR"),
        "{run}"
    );
    assert_eq!(case.read("mine/index.html"), "mine");
    assert_eq!(case.run("docs --no-api -d notebooks").code, Some(2));
    assert_eq!(case.run("docs --no-api -d .").code, Some(2));
}

#[test]
fn a_notebook_that_cannot_be_read_is_named_and_all_others_become_pages() {
    let case = Case::of("--- a markdown\n# One").file("notebooks/01_bad.ipynb", "{");
    let run = site(&case);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("01_bad.ipynb") && case.has("site/00_demo.html"), "{run}");
}

#[test]
fn settings_are_read_and_a_wrong_one_is_told() {
    let case = Case::of("--- a markdown\n# One").notebook("99_scratch", "--- a markdown\n# Scratch");
    case.replace(
        "Cargo.toml",
        "[workspace.metadata.nbexport]\n",
        "[workspace.metadata.nbexport]\ndocs = { title = \"The <b>book\", exclude = [\"99_scratch\"] }\n",
    );
    let run = site(&case);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(!case.has("site/99_scratch.html"));
    assert!(
        case.read("site/00_demo.html").contains("The &lt;b&gt;book"),
        "{}",
        case.read("site/00_demo.html")
    );
    case.replace("Cargo.toml", "title =", "titel =");
    let run = site(&case);
    assert!(run.code == Some(2) && run.stderr.contains("there is no setting `titel`"), "{run}");
}

#[test]
fn solutions_are_folded_or_left_out_as_the_settings_say() {
    let case = Case::new().file(
        "notebooks/01_demo.ipynb",
        &notebook(&[
            markdown("<!-- export -->\n# A demo\n\nText."),
            code("fn f() -> i32 {\n    // solution\n    secret()\n    // end solution\n}", &[]),
            code("//| solution\nwhole_secret()", &[result("text/plain", "its value")]),
        ]),
    );
    let text =
        |case: &Case| case.read("site/01_demo.html").replace("</span>", "").replace("<span", "\n<span");
    let run = site(&case);
    assert_eq!(run.code, Some(0), "{run}");
    let page = text(&case);
    assert_eq!(page.matches("<summary>Solution</summary>").count(), 2, "{page}");
    assert!(page.contains("your solution") && page.contains("todo"), "{page}");
    let (shown, folded) = page.split_once("<summary>Solution</summary>").unwrap();
    assert!(
        !shown.contains("secret") && folded.contains("whole_secret") && folded.contains("its value"),
        "{page}"
    );
    assert!(!page.contains("export --"), "{page}");

    case.replace(
        "Cargo.toml",
        "[workspace.metadata.nbexport]\n",
        "[workspace.metadata.nbexport]\ndocs = { solutions = \"hidden\" }\n",
    );
    let run = site(&case);
    assert_eq!(run.code, Some(0), "{run}");
    for (name, bytes) in case.files("site") {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("secret") && !text.contains("its value"), "{name}");
    }
    case.replace("Cargo.toml", "hidden", "shown");
    site(&case);
    assert!(!text(&case).contains("<summary>") && text(&case).contains("whole_secret"), "{}", text(&case));

    // Where a solution ends nobody knows: better none of the cell than a part of the solution.
    case.replace("Cargo.toml", "shown", "folded");
    case.replace("notebooks/01_demo.ipynb", "    // end solution\\n", "");
    let run = site(&case);
    assert!(run.code == Some(1) && run.stderr.contains("cell 2:2:5"), "{run}");
    let page = text(&case).replace("whole_secret", "");
    assert!(!page.contains("secret"), "{page}");
}

#[test]
fn a_summary_of_the_projects_own_gives_the_order() {
    let case = Case::of("--- a markdown\n# One").notebook("01_two", "--- a markdown\n# Two");
    case.write(
        "docs/SUMMARY.md",
        "# Summary\n\n- [Second](../notebooks/01_two.ipynb)\n- [Words](words.md)\n",
    );
    case.write("docs/words.md", "# Words\n");
    let run = site(&case);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(
        case.has("site/words.html") && case.has("site/01_two.html") && !case.has("site/00_demo.html"),
        "{run}"
    );
}

/// Opens a page in a real browser, and waits until it sends what it saw to `listener`; with what the browser complained
/// about.
fn browse(url: &str, size: &str, listener: &TcpListener) -> Option<(Value, String)> {
    let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    });
    let Some(browser) = browser else {
        assert!(std::env::var_os("NBEXPORT_REQUIRE_BROWSER").is_none(), "there is no chromium");
        eprintln!("skipped, since there is no chromium");
        return None;
    };
    let profile = tempfile::tempdir().unwrap();
    let said = profile.path().join("said");
    let mut browser = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--remote-debugging-port=0",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args([format!("--window-size={size}"), url.to_owned()])
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    listener.set_nonblocking(true).unwrap();
    let start = Instant::now();
    let mut seen = None;
    while seen.is_none() && start.elapsed() < Duration::from_mins(5) {
        std::thread::sleep(Duration::from_millis(50));
        seen = listener.accept().ok().map(|(stream, _)| body(stream));
    }
    browser.kill().unwrap();
    browser.wait().unwrap();
    let said = String::from_utf8_lossy(&std::fs::read(said).unwrap()).into_owned();
    let seen = seen.unwrap_or_else(|| panic!("the page never said what it saw\n{said}"));
    let said = said.lines().filter(|line| line.contains("CONSOLE")).collect::<Vec<_>>().join("\n");
    Some((serde_json::from_str(&seen).unwrap(), said))
}

/// What a request holds.
fn body(stream: TcpStream) -> String {
    stream.set_nonblocking(false).unwrap();
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    for line in reader.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty()) {
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

/// A page that opens the site's pages in a frame, does what a reader does, and writes down what it saw.
const READER: &str = include_str!("fixtures/site_reader.html");

#[test]
fn in_a_browser_search_names_and_pictures_work_and_no_request_leaves_the_machine() {
    let picture =
        "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAADklEQVR42mP4DwUMlDEA98A/wTjP0EgAAAAASUVORK5CYII=";
    let case = Case::new().file(
        "notebooks/01_demo.ipynb",
        &notebook(&[
            markdown("# A demo\n\nKaiming's rule: $\\sqrt{2/n}$, and `double`."),
            code("//| export\n/// Doubles.\npub fn double(x: i32) -> i32 { 2 * x }", &[]),
            code("double(2)", &[result("text/plain", "4")]),
            code("table()", &[result("text/html", "<table><tr><td>some cell</td></tr></table><script>document.title = 'owned'</script>")]),
            code("picture()", &[result("image/png", picture)]),
            code("drawing()", &[result("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40' onload=\"parent.document.title='owned'\"><rect width='40' height='40'/></svg>")]),
        ]),
    );
    assert_eq!(case.run("").code, Some(0));
    let server = Running::of(&mut case.command("docs -d site --serve --port 0"));
    let said = server.says("serving ");
    let url = said.lines().next_back().unwrap().trim_start_matches("serving ");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    for (width, size) in [("1200", "1300,900"), ("380", "480,900")] {
        case.write("site/reader.html", READER.replace("WIDTH", width).replace("PORT", &port));
        let Some((seen, said)) = browse(&format!("{url}reader.html"), size, &listener) else { break };
        assert_eq!(seen["error"], json!(null), "{seen}\n{said}");
        for theme in ["light", "navy"] {
            let seen = &seen[theme];
            for part in ["table", "formula", "text", "picture"] {
                assert_eq!(seen[part], json!(true), "{part} in {theme}, {width} wide: {seen}");
            }
            assert_eq!(seen["wider"], json!(false), "{width}: {seen}");
            assert_eq!(seen["elsewhere"], json!([]), "{seen}");
            assert!(!seen["title"].as_str().unwrap().contains("owned"), "{seen}");
        }
        assert!(seen["found"].as_str().unwrap().contains("A demo"), "{seen}\n{said}");
        assert_eq!(seen["landed"], json!("/api/exp/nb_01/fn.double.html"), "{seen}");
        assert_eq!(seen["back"], json!("/01_demo.html"), "{seen}");
        assert!(!said.contains("ERROR") && !said.contains("Uncaught"), "{said}");
    }
}

/// To read the notebooks is an event for who watches them: a site that is made for each would be made for ever, and its
/// open pages load again with each.
#[test]
fn while_it_is_served_the_site_is_made_once_for_a_save() {
    let case = Case::of("--- a markdown\n# One");
    let server = Running::of(&mut case.command("docs --no-api -d site --serve --port 0"));
    let mut said = server.says("serving ");
    case.write("notebooks/00_demo.ipynb", support::notebook("--- a markdown\n# Two"));
    said += &server.says("site: 1 page,");
    std::thread::sleep(Duration::from_secs(1));
    case.write("notebooks/01_more.ipynb", support::notebook("--- a markdown\n# More"));
    said += &server.says("site: 2 pages,");
    assert_eq!(said.matches("site: 1 page,").count(), 2, "{said}");
    assert!(case.read("site/00_demo.html").contains("Two"));
}

/// The site that `NBEXPORT_SITE` names, of this project's notebooks: `.ci/run` makes it. That its links lead somewhere is
/// looked at by `nbexport docs` itself.
#[test]
fn every_public_item_of_the_crate_is_linked_from_a_page_and_each_module_leads_to_its_notebook() {
    let Some(site) = std::env::var_os("NBEXPORT_SITE").map(std::path::PathBuf::from) else {
        eprintln!("skipped, since NBEXPORT_SITE names no site");
        return;
    };
    let entries = |folder: &std::path::Path| {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.collect::<Vec<_>>()
    };
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let pages = entries(&site).into_iter().filter(|path| path.extension().is_some_and(|it| it == "html"));
    let pages: String = pages.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let modules = entries(&site.join("api/exp")).into_iter().filter(|path| name(path).starts_with("nb_"));
    let mut missing = Vec::new();
    let mut items = 0;
    for module in modules {
        let back = std::fs::read_to_string(module.join("index.html")).unwrap();
        assert_eq!(back.matches("nb-notebook").count(), 1, "links to the notebook of {}", name(&module));
        for item in
            entries(&module).iter().map(|path| name(path)).filter(|item| item.matches('.').count() == 2)
        {
            let link = format!("\"api/exp/{}/{item}\"", name(&module));
            items += 1;
            if !pages.contains(&link) {
                missing.push(link);
            }
        }
    }
    assert!(items > 50 && missing.is_empty(), "{items} items, of which no page has {missing:#?}");
}
