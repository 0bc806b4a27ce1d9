//! A markdown cell → markdown that mdBook can be given: its links lead to pages, its formulas are `MathML`, its HTML is
//! harmless. What is not changed keeps its text.

use std::fmt::Write as _;
use std::ops::Range;

use math_core::{LatexToMathML, MathDisplay};
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

use super::escape;
use super::safe::{harmless_block, harmless_tag, sanitized, without_blank_lines};
use crate::markdown;

/// Where a link of a cell leads.
pub(super) enum Place {
    /// To this address, seen from the page.
    Url(String),
    /// Nowhere; the text stays without it. What is wrong is told by whoever was asked.
    Nowhere,
    /// Where it says.
    AsWritten,
}

/// What knows the places.
pub(super) trait Places {
    /// Where a link leads.
    fn link(&mut self, url: &str, span: Range<usize>) -> Place;
    /// Where a picture lies.
    fn image(&mut self, url: &str, span: Range<usize>) -> Place;
    /// The page of what stands between backticks.
    fn code(&mut self, code: &str) -> Option<String>;
    /// A formula that cannot be read.
    fn bad_formula(&mut self, why: String, span: Range<usize>);
}

/// GitHub's markdown, which is Jupyter's, and formulas.
fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
}

/// The cell for mdBook. `trust` keeps raw HTML as it is.
pub(super) fn markdown(text: &str, trust: bool, places: &mut dyn Places) -> String {
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    // Within a link there is no link, and within a heading a link would take the place of the heading's own.
    let mut within = 0_usize;
    let mut events = Parser::new_ext(text, options()).into_offset_iter().peekable();
    while let Some((event, range)) = events.next() {
        match event {
            Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                within += 1;
                let place = places.link(&dest_url, range.clone());
                readdress(text, range, link_type, &dest_url, place, &mut changes);
            }
            Event::Start(Tag::Image { link_type, dest_url, .. }) => {
                within += 1;
                let place = places.image(&dest_url, range.clone());
                readdress(text, range, link_type, &dest_url, place, &mut changes);
            }
            Event::Start(Tag::Heading { .. }) => within += 1,
            Event::End(TagEnd::Link | TagEnd::Image | TagEnd::Heading(_)) => {
                within = within.saturating_sub(1);
            }
            Event::Code(code) if within == 0 => {
                if let Some(url) = places.code(&code) {
                    changes.push((range.clone(), format!("[{}]({url})", &text[range])));
                }
            }
            Event::InlineMath(latex) => formula(&latex, MathDisplay::Inline, range, places, &mut changes),
            Event::DisplayMath(latex) => formula(&latex, MathDisplay::Block, range, places, &mut changes),
            Event::InlineHtml(html) if !trust => {
                let safe = harmless_tag(&html);
                if safe != *html {
                    changes.push((range, safe));
                }
            }
            Event::Start(Tag::HtmlBlock) if !trust => {
                while events.next_if(|(event, _)| !matches!(event, Event::End(TagEnd::HtmlBlock))).is_some() {
                }
                let html = &text[range.clone()];
                let safe = harmless_block(html);
                if safe != html {
                    changes.push((range, safe));
                }
            }
            _ => {}
        }
    }
    markdown::replaced(text, changes)
}

/// Writes another address into a link.
fn readdress(
    text: &str,
    range: Range<usize>,
    kind: LinkType,
    url: &str,
    place: Place,
    changes: &mut Vec<(Range<usize>, String)>,
) {
    let new = match place {
        Place::AsWritten => return,
        Place::Url(new) => new,
        Place::Nowhere => String::new(),
    };
    if let Some(at) = markdown::address(text, &range, kind, url) {
        let change = (at, new.replace(' ', "%20"));
        // Several links may have one definition.
        if !changes.contains(&change) {
            changes.push(change);
        }
    }
}

fn formula(
    latex: &str,
    display: MathDisplay,
    range: Range<usize>,
    places: &mut dyn Places,
    changes: &mut Vec<(Range<usize>, String)>,
) {
    match mathml(latex, display) {
        Ok(mathml) => changes.push((range, mathml)),
        Err(why) => {
            places.bad_formula(why, range.clone());
            changes.push((
                range,
                format!("<code class=\"nb-latex nohighlight\">{}</code>", inert(&escape(latex))),
            ));
        }
    }
}

/// A formula as `MathML` in which markdown finds nothing to do.
fn mathml(latex: &str, display: MathDisplay) -> Result<String, String> {
    let convert = LatexToMathML::default();
    let made = convert.convert_with_local_state(latex.trim(), display).map_err(|error| error.to_string())?;
    Ok(inert(&made.mathml))
}

/// Text between tags, with what markdown might take for its own as references, and on one line.
fn inert(html: &str) -> String {
    let mut inert = String::with_capacity(html.len());
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            '\n' => {
                inert.push(' ');
                continue;
            }
            '*' | '_' | '`' | '[' | ']' | '(' | ')' | '\\' | '|' | '~' | '$' | '!' | '{' | '}' if !in_tag => {
                let _ = write!(inert, "&#{};", u32::from(c));
                continue;
            }
            _ => {}
        }
        inert.push(c);
    }
    inert
}

/// A value in LaTeX, as outputs have it, with or without its dollars.
pub(super) fn latex(text: &str) -> String {
    let inner = text.trim_matches('$').trim();
    mathml(inner, MathDisplay::Block)
        .unwrap_or_else(|_| format!("<pre class=\"nb-text\">{}</pre>", escape(text)))
}

/// Markdown as harmless HTML: outputs may be markdown, too.
pub(super) fn to_html(markdown: &str) -> String {
    let mut html = String::new();
    let events = Parser::new_ext(markdown, options()).map(|event| match event {
        Event::InlineMath(latex) => Event::InlineHtml(math(&latex, MathDisplay::Inline).into()),
        Event::DisplayMath(latex) => Event::InlineHtml(math(&latex, MathDisplay::Block).into()),
        // What nbexport itself adds must pass below.
        other => other,
    });
    pulldown_cmark::html::push_html(&mut html, events);
    without_blank_lines(&sanitized(&html))
}

fn math(latex: &str, display: MathDisplay) -> String {
    mathml(latex, display).unwrap_or_else(|_| format!("<code>{}</code>", escape(latex)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Known(Vec<String>);

    impl Places for Known {
        fn link(&mut self, url: &str, _: Range<usize>) -> Place {
            match url.strip_suffix(".ipynb") {
                Some(name) => Place::Url(format!("{name}.md")),
                None => Place::AsWritten,
            }
        }

        fn image(&mut self, url: &str, _: Range<usize>) -> Place {
            url.strip_prefix("attachment:")
                .map_or(Place::AsWritten, |name| Place::Url(format!("images/{name}")))
        }

        fn code(&mut self, code: &str) -> Option<String> {
            (code == "matmul").then(|| "api/matmul.html".to_owned())
        }

        fn bad_formula(&mut self, why: String, _: Range<usize>) {
            self.0.push(why);
        }
    }

    fn shown(text: &str) -> String {
        markdown(text, false, &mut Known::default())
    }

    #[test]
    fn links_lead_to_pages_and_names_to_their_docs() {
        assert_eq!(
            shown("see [two](02_x.ipynb \"t\") and `matmul`"),
            "see [two](02_x.md \"t\") and [`matmul`](api/matmul.html)"
        );
        assert_eq!(shown("# The `matmul`\n[`matmul`](a.ipynb)"), "# The `matmul`\n[`matmul`](a.md)");
        assert_eq!(
            shown("[two][t] [again][t]\n\n[t]: 02_x.ipynb\n"),
            "[two][t] [again][t]\n\n[t]: 02_x.md\n"
        );
        assert_eq!(shown("![a](attachment:a.png)"), "![a](images/a.png)");
    }

    #[test]
    fn what_is_not_changed_keeps_its_text() {
        let text = "*  a\n*  b\n\n| x | y |\n|:-|-:|\n| 1 | 2 |\n\n```rust\nlet x = \"$5\";\n```\n\nIt costs $5. <br>\n\n<details>\n\n*in*\n\n</details>\n";
        assert_eq!(shown(text), text);
    }

    #[test]
    fn formulas_are_mathml_that_markdown_leaves_alone() {
        let html = shown("so $x_i * y_i$ is\n\n$$\\sum_{i} a_i$$\n");
        assert!(html.contains("<math>") && html.contains("<math display=\"block\">"), "{html}");
        assert!(!html.contains('$') && !html.contains('*'), "{html}");
        let mut known = Known::default();
        let html = markdown("$\\nosuch{1}$", false, &mut known);
        assert!(html.contains("nb-latex") && known.0.len() == 1, "{html} {:?}", known.0);
    }

    #[test]
    fn html_of_a_text_runs_nothing() {
        for text in [
            "a <img src=x onerror=alert(1)> b",
            "<script>alert(1)</script>\n",
            "<div onclick=\"a()\">\nx\n</div>\n",
            "<a href=\"javascript:a()\">x</a>",
            "<svg onload=a()>",
        ] {
            let safe = shown(text);
            for bad in ["onerror", "<script", "onclick", "javascript", "onload"] {
                assert!(!safe.contains(bad), "{text} → {safe}");
            }
        }
        assert_eq!(shown("H<sub>2</sub>O"), "H<sub>2</sub>O");
    }
}
