//! JSON as it is written: the members of an object, the values of an array, where they stand in the text.
//!
//! Decoding a value and encoding it again changes what nobody touched: `1e-05` becomes `0.00001`, a digit of a float
//! or of a big integer goes, `\u003c` is written out. So a change of an object replaces, takes out or adds members,
//! and leaves each other byte as it is.

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::notebook::Notebook;

/// A key of an object, with the text of its value.
pub(crate) type Entry = (String, String);

/// A key, with the value that it gets; `None` takes it out.
pub(crate) type Change = (String, Option<String>);

/// Values nested deeper than this are taken as text.
pub(crate) const MAX_DEPTH: usize = 100;

/// A JSON object as text.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    text: &'a str,
    members: Vec<Member<'a>>,
}

#[derive(Debug)]
struct Member<'a> {
    key: String,
    /// The key with its quotes, the colon, the value.
    text: &'a str,
    value: &'a str,
    /// What stands between the member before, or the brace, and this one.
    before: &'a str,
}

impl<'a> Object<'a> {
    /// Finds the members; `None` when the text is no object.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let values: Members<'a> = serde_json::from_str(text).ok()?;
        let mut at = text.find('{')? + 1;
        let mut members = Vec::with_capacity(values.0.len());
        for (key, value) in values.0 {
            let start = at + text[at..].find('"')?;
            let end = offset(text, value) + value.len();
            members.push(Member { key, text: &text[start..end], value, before: &text[at..start] });
            at = end;
        }
        Some(Self { text, members })
    }

    /// The text of a value.
    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        self.members.iter().find(|member| member.key == key).map(|member| member.value)
    }

    /// The keys, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.key.as_str())
    }

    /// The text with these members replaced, taken out, or added: where they belong in alphabetical order if it has one,
    /// else at the end. `notebook` and `depth` say how an object is laid out that has no members yet.
    pub(crate) fn with(&self, changes: &[Change], notebook: &Notebook, depth: usize) -> String {
        let change_of = |key: &str| changes.iter().find(|(own, _)| own == key);
        let added = changes.iter().filter(|(key, _)| self.get(key).is_none());
        let added = added.filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
        let (Some(first), Some(last)) = (self.members.first(), self.members.last()) else {
            let added: Vec<Entry> = added.collect();
            return if added.is_empty() { self.text.to_owned() } else { notebook.object(&added, depth) };
        };
        let separator = match self.members.get(1) {
            Some(_) => last.before.to_owned(),
            None => format!(",{}", first.before),
        };
        let mut parts: Vec<(&str, &str, String)> = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            let before = if index == 0 { separator.as_str() } else { member.before };
            match change_of(&member.key) {
                None => parts.push((&member.key, before, member.text.to_owned())),
                Some((_, Some(value))) => {
                    parts.push((&member.key, before, format!("{}{value}", member.head())));
                }
                Some((_, None)) => {}
            }
        }
        let sorted = self.keys().is_sorted();
        let colon = &first.head()[first.head().rfind('"').map_or(0, |quote| quote + 1)..];
        let added: Vec<(String, String)> =
            added.map(|(key, value)| (format!("{}{colon}{value}", Value::from(key.as_str())), key)).collect();
        for (text, key) in &added {
            let at =
                parts.iter().position(|(other, ..)| sorted && *other > key.as_str()).unwrap_or(parts.len());
            parts.insert(at, (key, &separator, text.clone()));
        }
        // Whichever member now comes first stands where the first one stood.
        let Some(head) = parts.first_mut() else { return "{}".to_owned() };
        head.1 = first.before;
        let (start, end) =
            (offset(self.text, first.before), offset(self.text, last.value) + last.value.len());
        let members: String = parts.iter().flat_map(|(_, before, text)| [*before, text.as_str()]).collect();
        format!("{}{members}{}", &self.text[..start], &self.text[end..])
    }
}

impl Member<'_> {
    /// The key, the colon and what stands around it.
    fn head(&self) -> &str {
        &self.text[..self.text.len() - self.value.len()]
    }
}

/// Where a piece of a text begins.
fn offset(text: &str, piece: &str) -> usize {
    piece.as_ptr().addr() - text.as_ptr().addr()
}

/// The texts of an array's values; `None` when the text is no array.
pub(crate) fn elements(text: &str) -> Option<Vec<&str>> {
    let values: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(values.into_iter().map(RawValue::get).collect())
}

/// An array's text with other values, laid out as it is; `notebook` and `depth` say how, where it has none.
pub(crate) fn array_with(text: &str, values: &[String], notebook: &Notebook, depth: usize) -> String {
    let old = elements(text).unwrap_or_default();
    let (Some(first), Some(last), false) = (old.first(), old.last(), values.is_empty()) else {
        return notebook.array(values, depth);
    };
    let (start, end) = (offset(text, first), offset(text, last) + last.len());
    let lead = &text[text.find('[').map_or(0, |at| at + 1)..start];
    let separator = format!(",{lead}");
    let mut array = text[..start].to_owned();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            let own = old.get(index).map(|value| {
                let before = old[index - 1];
                &text[offset(text, before) + before.len()..offset(text, value)]
            });
            array.push_str(own.unwrap_or(&separator));
        }
        array.push_str(value);
    }
    array + &text[end..]
}

/// Whether two texts are the same value: layout, escapes and the order of keys do not count, digits of numbers do.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    same_within(one, other, MAX_DEPTH)
}

fn same_within(one: &str, other: &str, depth: usize) -> bool {
    if one == other || depth == 0 {
        return one == other;
    }
    if let (Some(one), Some(other)) = (Object::parse(one), Object::parse(other)) {
        return one.members.len() == other.members.len()
            && one.members.iter().all(|member| {
                other.get(&member.key).is_some_and(|value| same_within(member.value, value, depth - 1))
            });
    }
    if let (Some(one), Some(other)) = (elements(one), elements(other)) {
        return one.len() == other.len()
            && one.iter().zip(other).all(|(one, other)| same_within(one, other, depth - 1));
    }
    let text = |json: &str| serde_json::from_str::<String>(json).ok();
    text(one).is_some_and(|one| text(other) == Some(one))
}

struct Members<'a>(Vec<(String, &'a str)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut all = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    all.push((key, value.get()));
                }
                Ok(Members(all))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, changes: &[(&str, Option<&str>)]) -> String {
        let file = "{\n \"cells\": [],\n \"nbformat\": 4\n}".to_owned();
        let notebook = Notebook::parse("x.ipynb", file).unwrap();
        let changes: Vec<Change> =
            changes.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect();
        Object::parse(text).unwrap().with(&changes, &notebook, 1)
    }

    #[test]
    fn a_change_of_one_member_leaves_the_bytes_of_the_others() {
        let text = "{ \"a\" : 1e-05,\n\t\"b\": \"\\u003c\", \"c\":{\"d\": 117.63331139400017} }";
        for (key, without) in [
            ("a", "{ \"b\": \"\\u003c\", \"c\":{\"d\": 117.63331139400017} }"),
            ("b", "{ \"a\" : 1e-05, \"c\":{\"d\": 117.63331139400017} }"),
            ("c", "{ \"a\" : 1e-05,\n\t\"b\": \"\\u003c\" }"),
        ] {
            assert_eq!(changed(text, &[(key, None)]), without);
        }
        assert_eq!(changed(text, &[("b", Some("2"))]), text.replace("\"\\u003c\"", "2"));
        assert_eq!(changed(text, &[("e", Some("2"))]), text.replace("} }", "}, \"e\" : 2 }"));
        assert_eq!(changed(text, &[("a", None), ("b", None), ("c", None)]), "{}");
        assert_eq!(
            changed(text, &[("a", None), ("b", None), ("c", None), ("e", Some("2"))]),
            "{ \"e\" : 2 }"
        );
    }

    #[test]
    fn what_has_no_layout_gets_that_of_the_file() {
        assert_eq!(changed("{}", &[("a", Some("1"))]), "{\n  \"a\": 1\n }");
        assert_eq!(changed("{ }", &[("a", None)]), "{ }");
        assert_eq!(changed("{\n  \"a\": 1\n }", &[("b", Some("2"))]), "{\n  \"a\": 1,\n  \"b\": 2\n }");
    }

    #[test]
    fn values_are_compared_as_values_and_numbers_as_text() {
        assert!(is_same("{\"a\": [\"\\u003c\"], \"b\": 1}", "{\"b\":1,\"a\":[\"<\"]}"));
        assert!(!is_same("117.63331139400017", "117.63331139400016"));
        assert!(!is_same("12345678901234567890123", "12345678901234567890124"));
        assert!(!is_same("{\"a\": 1}", "{\"b\": 1}") && !is_same("[1]", "[1, 1]") && !is_same("\"1\"", "1"));
        let deep = |inner: u8| format!("{}{inner}{}", "[".repeat(1_000), "]".repeat(1_000));
        assert!(is_same(&deep(1), &deep(1)) && !is_same(&deep(1), &deep(2)));
    }
}
