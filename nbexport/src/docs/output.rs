//! What a code cell put out → HTML that is safe to show: an output is somebody's HTML.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{escape, prose, safe};
use crate::notebook::{joined, media};

/// How outputs are shown, and where their pictures go.
pub(super) struct Outputs<'a> {
    /// Whether HTML is shown as it is.
    pub(super) trust: bool,
    /// How large a picture may be, in bytes.
    pub(super) largest_picture: usize,
    /// The folder of the notebook's pictures, below the folder of pages.
    pub(super) folder: &'a str,
    /// The way from the page to the folder of pages.
    pub(super) up: &'a str,
    /// What a picture is called for those who do not see it.
    pub(super) alt: &'a str,
    /// How the cell is called in the names of its pictures.
    pub(super) cell: usize,
    /// The pictures: their places below the folder of pages, and what they hold.
    pub(super) files: &'a mut Vec<(String, Vec<u8>)>,
}

impl Outputs<'_> {
    /// The outputs of a cell, one below the other; empty when there are none.
    pub(super) fn html(&mut self, outputs: &[Value]) -> String {
        let mut html = String::new();
        for output in outputs {
            let part = match output.get("output_type").and_then(Value::as_str) {
                Some("stream") => {
                    let class = if output["name"] == "stderr" { "nb-text nb-stderr" } else { "nb-text" };
                    text(&shown(output.get("text")), class)
                }
                Some("error") => error(output),
                Some("execute_result" | "display_data") => match output.get("data") {
                    Some(Value::Object(data)) => self.bundle(data),
                    _ => String::new(),
                },
                _ => String::new(),
            };
            // A blank line between two, so that each is a block of HTML of its own, and may itself hold blank lines.
            html.push_str(&part);
            html.push('\n');
        }
        if html.trim().is_empty() {
            String::new()
        } else {
            format!("<div class=\"nb-output\">\n\n{html}</div>\n")
        }
    }

    /// The richest form of a value that a page without scripts can show.
    fn bundle(&mut self, data: &Map<String, Value>) -> String {
        let of = |mime: &str| data.get(mime).map(|value| shown(Some(value)));
        match media::picture(data) {
            Some(Ok(picture)) => return self.picture(picture.bytes, picture.extension),
            Some(Err(mime)) => return note(&format!("a picture that is no {mime}")),
            None => {}
        }
        if let Some(html) = of("text/html") {
            let html = if self.trust { html } else { safe::sanitized(&html) };
            return format!("<div class=\"nb-html\">\n{}\n</div>\n", safe::without_blank_lines(&html));
        }
        if let Some(markdown) = of("text/markdown") {
            return format!("<div class=\"nb-html\">\n{}\n</div>\n", prose::to_html(&markdown));
        }
        if let Some(latex) = of("text/latex") {
            return format!("<div class=\"nb-html\">{}</div>\n", prose::latex(latex.trim()));
        }
        match of("text/plain").or_else(|| of("application/json")) {
            Some(plain) => text(&plain, "nb-text nb-result"),
            None => note(&format!(
                "an output of the type {}",
                data.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
            )),
        }
    }

    /// A picture as a file of its own: as an image, what is in an SVG cannot run.
    fn picture(&mut self, bytes: Vec<u8>, extension: &str) -> String {
        if bytes.len() > self.largest_picture {
            let (size, most) = (bytes.len(), self.largest_picture);
            return note(&format!("a picture of {size} bytes; `largest-picture` is {most}"));
        }
        let number = self.files.len() + 1;
        let path = format!("{}/cell-{}-{number}.{extension}", self.folder, self.cell);
        self.files.push((path.clone(), bytes));
        format!(
            "<img class=\"nb-picture\" loading=\"lazy\" src=\"{}{}\" alt=\"{}\">\n",
            self.up,
            escape(&path),
            escape(self.alt)
        )
    }
}

/// Text as it is, its ANSI colours as HTML.
fn text(text: &str, class: &str) -> String {
    let text = text.trim_end_matches('\n');
    let html = ansi_to_html::convert(text).unwrap_or_else(|_| escape(text));
    format!("<pre class=\"{class}\" tabindex=\"0\">{html}</pre>\n")
}

fn error(output: &Value) -> String {
    let lines: Vec<&str> = output
        .get("traceback")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let said = if lines.is_empty() {
        format!("{}: {}", shown(output.get("ename")), shown(output.get("evalue")))
    } else {
        lines.join("\n")
    };
    text(&said, "nb-text nb-error")
}

/// What stands in place of an output that is not shown.
fn note(what: &str) -> String {
    let mut html = String::new();
    let _ = writeln!(html, "<p class=\"nb-note\">Not shown: {}</p>", escape(what));
    html
}

/// The text of a value; JSON that is none is shown as it is written.
pub(super) fn shown(value: Option<&Value>) -> String {
    let is_text = |value: &Value| match value {
        Value::Array(lines) => lines.iter().all(Value::is_string),
        other => other.is_string() || other.is_null(),
    };
    match value {
        None => String::new(),
        Some(text) if is_text(text) => joined(text),
        Some(other) => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn site_of(outputs: &[Value]) -> (String, Vec<(String, Vec<u8>)>) {
        let mut files = Vec::new();
        let mut show = Outputs {
            trust: false,
            largest_picture: 100,
            folder: "images/01_x",
            up: "",
            alt: "the \"digit\"",
            cell: 4,
            files: &mut files,
        };
        let html = show.html(outputs);
        (html, files)
    }

    fn data(mime: &str, value: &Value) -> Value {
        json!({"output_type": "execute_result", "data": {mime: value, "text/plain": ["plain"]}, "metadata": {}})
    }

    #[test]
    fn somebodys_html_runs_nothing() {
        let html = "<table onclick=\"x()\"><tr><td>1</td></tr></table><script>alert(1)</script>\n\n<img src=x onerror=y()>\
                    <a href=\"javascript:z()\">a</a><iframe src=\"https://e.x\"></iframe><style>p{}</style>";
        let (html, _) = site_of(&[data("text/html", &json!([html]))]);
        assert!(html.contains("<td>1</td>"), "{html}");
        for bad in ["onclick", "script", "onerror", "iframe", "<style"] {
            assert!(!html.contains(bad), "{bad}: {html}");
        }
        // A blank line would end the block.
        let (_, block) = html.split_once("<div class=\"nb-html\">\n").unwrap();
        assert!(!block.split("\n</div>").next().unwrap().contains("\n\n"), "{html}");
    }

    #[test]
    fn a_picture_becomes_a_file_and_has_an_alternative() {
        let (html, files) = site_of(&[data("image/png", &json!("iVBO\nRw==\n"))]);
        assert!(html.contains("src=\"images/01_x/cell-4-1.png\" alt=\"the &quot;digit&quot;\""), "{html}");
        assert_eq!(files, [("images/01_x/cell-4-1.png".to_owned(), vec![0x89, 0x50, 0x4e, 0x47])]);
        let (html, files) = site_of(&[data("image/svg+xml", &json!(format!("<svg>{}", "x".repeat(101))))]);
        assert!(html.contains("Not shown") && html.contains("largest-picture") && files.is_empty(), "{html}");
    }

    #[test]
    fn text_keeps_its_colours_and_is_no_markup() {
        let stream = json!({"output_type": "stream", "name": "stdout", "text": ["\u{1b}[31mred\u{1b}[0m\n", "\n", "<b>\n"]});
        let (html, _) = site_of(&[stream]);
        assert!(
            html.contains(">red</span>") && html.contains("&lt;b&gt;") && html.contains("\n\n"),
            "{html}"
        );
        let error = json!({"output_type": "error", "ename": "E", "evalue": "v", "traceback": []});
        assert!(site_of(&[error]).0.contains("nb-error\" tabindex=\"0\">E: v"));
        assert_eq!(site_of(&[]).0, "");
    }
}
