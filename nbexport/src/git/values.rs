//! JSON objects by key: their values as text, so that they keep their bytes, and three versions merged into one.

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// A key of a JSON object, with the text of its value.
pub(crate) type Entry = (String, String);

/// The text of one key's value.
pub(crate) fn get<'a>(entries: &'a [Entry], key: &str) -> Option<&'a str> {
    entries.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
}

/// The keys of our version, then those that only the others have.
pub(crate) fn keys(versions: &[Vec<Entry>; 3]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for (key, _) in [1, 2].into_iter().flat_map(|version| &versions[version]) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

/// The keys of a JSON object in order, each with the text of its value.
pub(crate) fn entries(json: &str) -> Vec<Entry> {
    struct Entries(Vec<Entry>);
    impl<'de> Deserialize<'de> for Entries {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Object;
            impl<'de> Visitor<'de> for Object {
                type Value = Entries;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                    let mut all = Vec::new();
                    while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                        all.push((key, value.get().to_owned()));
                    }
                    Ok(Entries(all))
                }
            }
            deserializer.deserialize_map(Object)
        }
    }
    serde_json::from_str::<Entries>(json).map_or_else(|_| Vec::new(), |entries| entries.0)
}

/// Metadata that a program wrote: where it differs, no person is asked.
pub(crate) fn is_bookkeeping(path: &str) -> bool {
    let mut keys = path.split('.');
    match (keys.next(), keys.next()) {
        (Some("metadata"), Some(key)) => {
            ["kernelspec", "language_info"].contains(&key) || crate::edit::clean::is_volatile(key)
        }
        (Some("outputs" | "execution_count" | "cell_type" | "nbformat"), _) => true,
        _ => false,
    }
}

/// Three-way, key by key; a list of strings (tags) as a set. What clashes stays ours and is noted with theirs.
pub(crate) fn merge_values(
    base: Option<&Value>,
    ours: Option<&Value>,
    theirs: Option<&Value>,
    path: &str,
    clashes: &mut Vec<(String, Value)>,
) -> Option<Value> {
    if ours == theirs || theirs == base {
        return ours.cloned();
    }
    if ours == base {
        return theirs.cloned();
    }
    match (ours, theirs) {
        (Some(Value::Object(ours)), Some(Value::Object(theirs))) => {
            let of_base = |key: &String| base.and_then(|base| base.get(key));
            let all = ours.keys().chain(theirs.keys().filter(|key| !ours.contains_key(*key)));
            let merged = all.filter_map(|key| {
                let path = format!("{path}.{key}");
                let value = merge_values(of_base(key), ours.get(key), theirs.get(key), &path, clashes)?;
                Some((key.clone(), value))
            });
            Some(Value::Object(merged.collect()))
        }
        (Some(Value::Array(ours)), Some(Value::Array(theirs)))
            if ours.iter().chain(theirs).all(Value::is_string) =>
        {
            let base = base.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let kept = ours.iter().filter(|it| theirs.contains(it) || !base.contains(it));
            let added = theirs.iter().filter(|it| !ours.contains(it) && !base.contains(it));
            Some(kept.chain(added).cloned().collect())
        }
        (ours, Some(theirs)) => {
            clashes.push((path.to_owned(), theirs.clone()));
            Some(ours.unwrap_or(theirs).clone())
        }
        (ours, None) => ours.cloned(),
    }
}
