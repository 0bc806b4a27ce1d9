//! The token that a server knows its user by: where it comes from, and that nobody sees it.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Result};
use crate::reading;

/// The environment variable that Jupyter's own programs take it from.
const VARIABLE: &str = "JUPYTER_TOKEN";

/// A token. It never shows: neither in messages nor in a program's list of arguments.
#[derive(Clone, Default)]
pub struct Token {
    secret: Option<String>,
    from: Option<PathBuf>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Token {
    /// The token of a file, or the one of `JUPYTER_TOKEN`; without either, none.
    ///
    /// # Errors
    /// The file cannot be read, or holds what cannot be a token.
    pub fn find(file: Option<&Path>) -> Result<Self> {
        let (secret, from) = match file {
            Some(file) => {
                let cannot = |error| {
                    Diagnostic::error(format!("cannot read the token of `{}`: {error}", file.display()))
                        .help("`--token-file FILE` names a file with nothing in it but the token")
                };
                (Some(reading::read_text(file).map_err(cannot)?), Some(file.to_owned()))
            }
            None => (std::env::var(VARIABLE).ok(), None),
        };
        let secret = secret.map(|secret| secret.trim().to_owned()).filter(|secret| !secret.is_empty());
        let token = Self { secret, from };
        let is_one = |secret: &String| secret.bytes().all(|byte| byte.is_ascii_graphic());
        if !token.secret.as_ref().is_none_or(is_one) {
            return Err(Diagnostic::error(format!("what {} holds is no token", token.source()))
                .help("a token is one word of ASCII characters: `jupyter server list` shows a server's"));
        }
        Ok(token)
    }

    /// The `Authorization` header; without a token, none.
    pub(super) fn header(&self) -> Option<String> {
        self.secret.as_ref().map(|secret| format!("token {secret}"))
    }

    /// Where it comes from.
    pub(super) fn source(&self) -> String {
        self.from.as_ref().map_or_else(|| VARIABLE.to_owned(), |file| format!("`{}`", file.display()))
    }

    /// What a server said, fit to be shown: short, and without the token.
    pub(super) fn hide(&self, said: &str) -> String {
        const LONGEST: usize = 300;
        let said = match &self.secret {
            Some(secret) => said.replace(secret.as_str(), "[token]"),
            None => said.to_owned(),
        };
        let said = said.trim();
        let cut = said.floor_char_boundary(LONGEST);
        if cut < said.len() { format!("{}…", &said[..cut]) } else { said.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_shows() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "s3cr3t\n").unwrap();
        let token = Token::find(Some(&file)).unwrap();
        assert_eq!(token.header().as_deref(), Some("token s3cr3t"));
        assert!(!format!("{token:?}").contains("s3cr3t"));
        assert_eq!(token.hide(" no: ?token=s3cr3t&s3cr3t "), "no: ?token=[token]&[token]");
        std::fs::write(&file, "two words s3cr3t").unwrap();
        let error = Token::find(Some(&file)).unwrap_err().render(false);
        assert!(error.contains("is no token") && !error.contains("s3cr3t"), "{error}");
    }
}
