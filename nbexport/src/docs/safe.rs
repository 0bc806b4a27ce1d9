//! Somebody's HTML → HTML in which nothing runs and nothing is fetched from elsewhere.

use std::borrow::Cow;

/// HTML in which nothing runs and nothing is fetched from elsewhere.
pub(super) fn sanitized(html: &str) -> String {
    let mathml = [
        "math",
        "mrow",
        "mi",
        "mn",
        "mo",
        "ms",
        "mtext",
        "mspace",
        "mfrac",
        "msqrt",
        "mroot",
        "msub",
        "msup",
        "msubsup",
        "munder",
        "mover",
        "munderover",
        "mtable",
        "mtr",
        "mtd",
        "mpadded",
        "mphantom",
        "menclose",
        "mstyle",
        "semantics",
    ];
    let mut builder = ammonia::Builder::default();
    builder
        .add_tags(["figure", "figcaption", "section", "input"])
        .add_tags(mathml)
        .add_generic_attributes(["class", "id", "title", "lang", "dir", "align", "style", "open", "display"])
        .add_tag_attributes("input", ["type", "checked", "disabled"])
        .add_tag_attributes("td", ["colspan", "rowspan"])
        .add_tag_attributes("th", ["colspan", "rowspan", "scope"])
        .add_tag_attributes("img", ["width", "height", "loading"])
        .filter_style_properties(
            [
                "color",
                "background-color",
                "text-align",
                "font-weight",
                "font-style",
                "width",
                "height",
                "max-width",
                "image-rendering",
                "display",
                "gap",
                "margin",
                "padding",
                "border",
                "border-collapse",
            ]
            .into(),
        )
        .add_url_schemes(["data"])
        .link_rel(Some("noopener noreferrer"))
        .attribute_filter(|element, attribute, value| {
            let is_data =
                value.trim_start().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
            let is_picture = is_data && value.trim_start()[5..].to_ascii_lowercase().starts_with("image/");
            match (element, attribute) {
                ("img", "src") if is_picture || !(is_data || is_remote(value)) => Some(Cow::Borrowed(value)),
                (_, "src" | "srcset" | "poster") => None,
                (_, "href") if is_data => None,
                _ => Some(Cow::Borrowed(value)),
            }
        });
    builder.clean(html).to_string()
}

/// Whether showing it would ask another machine.
pub(super) fn is_remote(url: &str) -> bool {
    url.starts_with("//") || url.contains("://")
}

/// Tags that people write among markdown; without attributes they are what they look like.
const PLAIN: &[&str] = &[
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "center",
    "cite",
    "code",
    "del",
    "details",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "hr",
    "i",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "var",
];

/// One tag of a text.
pub(super) fn harmless_tag(tag: &str) -> String {
    let name: String = tag
        .trim_start_matches(['<', '/'])
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_lowercase();
    let bare =
        tag.trim_start_matches(['<', '/']).get(name.len()..).unwrap_or_default().trim_end_matches(['/', '>']);
    if PLAIN.contains(&name.as_str())
        && (bare.trim().is_empty() || name == "details" && bare.trim() == "open")
    {
        return tag.to_owned();
    }
    // The end that is added to what begins here comes later in the text.
    let safe = sanitized(tag);
    safe.strip_suffix(&format!("</{name}>")).unwrap_or(&safe).to_owned()
}

/// A block of HTML. One that holds only such tags and text may begin what ends in another block.
pub(super) fn harmless_block(html: &str) -> String {
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let Some(end) = rest[start..].find('>') else { return close(&sanitized(html)) };
        let tag = &rest[start..=start + end];
        if harmless_tag(tag) != tag {
            return close(&sanitized(html));
        }
        rest = &rest[start + end + 1..];
    }
    html.to_owned()
}

fn close(html: &str) -> String {
    format!("{}\n", without_blank_lines(html).trim_end())
}

/// A blank line would end a block of HTML.
pub(super) fn without_blank_lines(html: &str) -> String {
    let mut whole = String::with_capacity(html.len());
    let mut in_pre = false;
    for line in html.lines() {
        if !line.trim().is_empty() {
            whole.push_str(line);
            whole.push('\n');
        } else if in_pre {
            whole.push_str("&#10;");
        }
        in_pre = match (line.rfind("<pre"), line.rfind("</pre")) {
            (Some(open), close) => close.is_none_or(|close| close < open),
            (None, Some(_)) => false,
            (None, None) => in_pre,
        };
    }
    whole.trim_end().to_owned()
}
