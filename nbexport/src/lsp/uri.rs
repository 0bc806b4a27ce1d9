//! Paths ⇄ the addresses by which clients call documents.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stays as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The address of a file.
pub(super) fn of(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("file://{slash}{}", utf8_percent_encode(&path, ESCAPED))
}

/// The file that an address names, whatever its scheme: a cell's is that of its notebook.
pub(super) fn path(uri: &str) -> Option<PathBuf> {
    let (_, rest) = uri.split_once(':')?;
    let rest = rest.split(['#', '?']).next()?;
    // An authority is passed over: a client on another machine names its own there.
    let path = match rest.strip_prefix("//") {
        Some(rest) => &rest[rest.find('/')?..],
        None => rest,
    };
    let path = percent_decode_str(path).decode_utf8().ok()?.into_owned();
    let bytes = path.as_bytes();
    let has_drive = bytes.len() > 2 && bytes[0] == b'/' && bytes[1].is_ascii_alphabetic() && bytes[2] == b':';
    let path = if has_drive { &path[1..] } else { &path };
    Some(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_to_its_address_and_back() {
        for (name, uri) in [("/a b/é.ipynb", "file:///a%20b/%C3%A9.ipynb"), ("/x/a.rs", "file:///x/a.rs")] {
            assert_eq!(of(Path::new(name)), uri);
            assert_eq!(path(uri), Some(PathBuf::from(name)));
        }
        assert_eq!(path("vscode-notebook-cell:/x/a.ipynb#W0sZmlsZQ=="), Some(PathBuf::from("/x/a.ipynb")));
        assert_eq!(path("file:///c%3A/a.ipynb"), Some(PathBuf::from("c:/a.ipynb")));
        assert_eq!(path("untitled"), None);
    }
}
