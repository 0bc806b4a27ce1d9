//! JSON laid out as a file lays out its own: its indentation, its line ends, its escapes.

use serde_json::Value;

use super::Notebook;

impl Notebook {
    /// A JSON value as this file lays out its own: indented alike, for a value `depth` levels deep.
    ///
    /// The value of a key of a cell is 3 levels deep: notebook, cells, cell.
    pub fn json(&self, value: &Value, depth: usize) -> String {
        let unit = self.indent();
        if unit.is_empty() {
            return self.escaped(value.to_string());
        }
        let text = pretty(value, unit);
        // A newline inside a JSON string is written `\n`, so every real one is layout.
        self.escaped(text.replace('\n', &format!("{}{}", self.newline(), unit.repeat(depth))))
    }

    /// Colab writes `<` as `\u003c`, and so on: a file that never has the character itself gets none.
    fn escaped(&self, mut json: String) -> String {
        for (character, escape) in [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")] {
            // In this order: most files have the character near their beginning.
            if json.contains(character) && !self.text.contains(character) && self.text.contains(escape) {
                json = json.replace(character, escape);
            }
        }
        json
    }

    /// A JSON object of keys and the texts of their values, laid out as this file's own at this depth.
    pub(crate) fn object(&self, entries: &[(String, String)], depth: usize) -> String {
        let entries: Vec<String> =
            entries.iter().map(|(key, value)| format!("{}: {value}", Value::from(key.as_str()))).collect();
        self.bracketed(['{', '}'], &entries, depth)
    }

    /// The same for a JSON array.
    pub(crate) fn array(&self, values: &[String], depth: usize) -> String {
        self.bracketed(['[', ']'], values, depth)
    }

    fn bracketed(&self, [open, close]: [char; 2], parts: &[String], depth: usize) -> String {
        let unit = self.indent();
        if unit.is_empty() || parts.is_empty() {
            return format!("{open}{}{close}", parts.join(", "));
        }
        let newline = self.newline();
        let (outer, inner) = (unit.repeat(depth), unit.repeat(depth + 1));
        let parts = parts.join(&format!(",{newline}{inner}"));
        format!("{open}{newline}{inner}{parts}{newline}{outer}{close}")
    }

    /// How the file's first line ends: all of them, in what a program wrote.
    fn newline(&self) -> &'static str {
        let first = self.text.find('\n').map_or("", |end| &self.text[..end]);
        if first.ends_with('\r') { "\r\n" } else { "\n" }
    }

    /// One level of the file's indentation; empty when the JSON stands on a single line.
    fn indent(&self) -> &str {
        let Some(newline) = self.text.find('\n') else {
            return "";
        };
        let line = &self.text[newline + 1..];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }
}

/// JSON over several lines, each level indented by `unit`.
pub(crate) fn pretty(value: &Value, unit: &str) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(unit.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    serde::Serialize::serialize(value, &mut serializer).expect("a JSON value is written to memory");
    String::from_utf8(bytes).expect("serde_json writes UTF-8")
}

/// The text of a value that nbformat writes as one string or as a list of lines; empty for any other.
pub(crate) fn joined(value: &Value) -> String {
    match value {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

/// A text as nbformat lists it: one string a line, each with its line end. Lines end where Python's `splitlines`
/// ends them.
pub(crate) fn lines(text: &str) -> Value {
    let ends = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(ends) {
        let width = if rest[at..].starts_with("\r\n") {
            2
        } else {
            rest[at..].chars().next().map_or(1, char::len_utf8)
        };
        let (line, after) = rest.split_at(at + width);
        lines.push(Value::from(line));
        rest = after;
    }
    if !rest.is_empty() {
        lines.push(Value::from(rest));
    }
    Value::Array(lines)
}
