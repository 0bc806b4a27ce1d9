//! What a program wrote to stdout and stderr → the outputs that evcxr's kernel makes of it.

use serde_json::{Map, Value};

use super::Output;

/// Makes outputs of what a cell wrote, and of the value that it ended in, shown by `Debug`.
pub(in crate::run) fn of_streams(stdout: &str, stderr: &str, value: Option<&str>, count: u64) -> Vec<Output> {
    let (text, mut data) = rich(stdout);
    if let Some(value) = value {
        data.insert("text/plain".to_owned(), Value::from(content(value.split('\n'))));
    }
    let streams = [("stdout", text), ("stderr", stderr.replace("\r\n", "\n"))];
    let streams = streams.into_iter().filter(|(_, text)| !text.is_empty());
    let streams = streams.map(|(name, text)| Output::Stream { name, text });
    let result = (!data.is_empty()).then(|| Output::Result { count, data, metadata: Map::new() });
    streams.chain(result).collect()
}

/// Parts plain text and what stands between `EVCXR_BEGIN_CONTENT <mime>` and `EVCXR_END_CONTENT`. As in the kernel,
/// a cell has one result, with the last content of each type.
fn rich(stdout: &str) -> (String, Map<String, Value>) {
    let (mut text, mut data) = (String::new(), Map::new());
    let mut lines = stdout.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let mime =
            line.split_once("EVCXR_BEGIN_CONTENT ").and_then(|(_, mime)| mime.split_whitespace().next());
        let Some(mime) = mime else {
            // The kernel reads lines, whichever way they end.
            text.push_str(line.strip_suffix("\r\n").unwrap_or(line));
            if line.ends_with("\r\n") {
                text.push('\n');
            }
            continue;
        };
        let inside = lines
            .by_ref()
            .map(|line| line.trim_end_matches('\n'))
            .take_while(|line| *line != "EVCXR_END_CONTENT");
        let content = content(inside);
        let json = if mime.contains("json") { serde_json::from_str(&content).ok() } else { None };
        let value = json.unwrap_or(Value::String(content));
        data.insert(mime.to_owned(), value);
    }
    (text, data)
}

/// Lines → one text; evcxr loses empty lines at its beginning.
fn content<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut content = String::new();
    for line in lines {
        if !content.is_empty() {
            content.push('\n');
        }
        content.push_str(line.strip_suffix('\r').unwrap_or(line));
    }
    content
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outputs(stdout: &str, stderr: &str, value: Option<&str>) -> Vec<Value> {
        of_streams(stdout, stderr, value, 2).iter().map(Output::to_nbformat).collect()
    }

    #[test]
    fn streams_come_first_and_empty_ones_not_at_all() {
        assert_eq!(outputs("", "", None), Vec::<Value>::new());
        let all = outputs("a\r\nb", "e\n", Some("\n5\n"));
        assert_eq!(all[0]["text"], json!(["a\n", "b"]));
        assert_eq!(all[1]["text"], json!(["e\n"]));
        assert_eq!(all[2]["data"], json!({"text/plain": ["5\n"]}));
    }

    #[test]
    fn rich_content_is_one_result() {
        let printed = "x\nEVCXR_BEGIN_CONTENT text/html\n<b>\n\n</b>\nEVCXR_END_CONTENT\ny\n\
                       EVCXR_BEGIN_CONTENT application/json\n{\"a\": 1}\nEVCXR_END_CONTENT\n";
        let all = outputs(printed, "", None);
        assert_eq!(all[0]["text"], json!(["x\n", "y\n"]));
        assert_eq!(
            all[1]["data"],
            json!({"application/json": {"a": 1}, "text/html": ["<b>\n", "\n", "</b>"]})
        );
    }
}
