//! `[workspace.metadata.nbexport.docs]`: how the site is called, and what is left out of it.

use toml_edit::Value;

use crate::diagnostic::{Diagnostic, Result};
use crate::project::Project;

/// What a project says about its site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The site's title; the crate's name where none is given.
    pub title: Option<String>,
    /// The address of the repository, for links to its files.
    pub repository: Option<String>,
    /// Notebooks that get no page: names below the notebooks folder, with or without `.ipynb`.
    pub exclude: Vec<String>,
    /// How large a picture may be, in bytes.
    pub largest_picture: usize,
    /// How solutions of exercises are shown.
    pub solutions: Solutions,
}

/// How solutions of exercises are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solutions {
    /// Folded, below the exercise.
    Folded,
    /// Not at all.
    Hidden,
    /// Like other code.
    Shown,
}

impl Settings {
    /// Reads them; what is not said has its default.
    ///
    /// # Errors
    /// A key that does not exist, or a value of another kind.
    pub fn of(project: &Project) -> Result<Self> {
        let mut settings = Self {
            title: None,
            repository: None,
            exclude: Vec::new(),
            largest_picture: 5 << 20,
            solutions: Solutions::Folded,
        };
        for (key, item) in &project.docs {
            let wrong = |form: &str| {
                Diagnostic::error(format!("`{key}` below `metadata.nbexport.docs` is not what it should be"))
                    .help(format!("write `{key} = {form}`"))
            };
            let value = item.as_value();
            let text =
                |form: &str| value.and_then(Value::as_str).map(str::to_owned).ok_or_else(|| wrong(form));
            match key {
                "title" => settings.title = Some(text("\"My crate\"")?),
                "repository" => {
                    let url = text("\"https://github.com/me/mine\"")?;
                    if !url.starts_with("https://") && !url.starts_with("http://") {
                        return Err(wrong("\"https://github.com/me/mine\""));
                    }
                    settings.repository = Some(url.trim_end_matches('/').to_owned());
                }
                "exclude" => {
                    let list = value.and_then(Value::as_array);
                    let names =
                        list.map(|list| list.iter().map(|name| name.as_str().map(str::to_owned)).collect());
                    settings.exclude = names.flatten().ok_or_else(|| wrong("[\"99_scratch\"]"))?;
                }
                "largest-picture" => {
                    let bytes =
                        value.and_then(Value::as_integer).and_then(|bytes| usize::try_from(bytes).ok());
                    settings.largest_picture = bytes.ok_or_else(|| wrong("5_000_000"))?;
                }
                "solutions" => {
                    settings.solutions = match value.and_then(Value::as_str) {
                        Some("folded") => Solutions::Folded,
                        Some("hidden") => Solutions::Hidden,
                        Some("shown") => Solutions::Shown,
                        _ => return Err(wrong("\"folded\"`, `\"hidden\"` or `\"shown\"")),
                    }
                }
                _ => {
                    let message = format!("there is no setting `{key}` below `metadata.nbexport.docs`");
                    let help = "these are: title, repository, exclude, largest-picture, solutions";
                    return Err(Diagnostic::error(message).help(help));
                }
            }
        }
        Ok(settings)
    }
}
