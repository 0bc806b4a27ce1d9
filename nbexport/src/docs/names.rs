//! The crate's public names → their pages of rustdoc, as rustdoc itself laid them out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How rustdoc begins the names of its pages, by what they are about.
const KINDS: &[&str] =
    &["fn", "struct", "enum", "trait", "type", "constant", "static", "macro", "union", "traitalias"];

/// Where an item's page lies: the module, and its address below the site.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    module: String,
    url: String,
}

/// All names that have a page.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The folder that addresses count from.
    root: PathBuf,
    /// What stands before each address.
    folder: String,
    items: BTreeMap<String, Vec<Page>>,
    modules: BTreeMap<String, String>,
    crates: BTreeMap<String, String>,
}

impl Names {
    /// Reads them off what rustdoc wrote for a crate below `root`; `base` is the crate's folder there.
    pub(super) fn of(root: &Path, base: &str) -> std::io::Result<Self> {
        let mut names = Self { root: root.to_owned(), ..Self::default() };
        let mut folders = vec![(root.join(base), base.to_owned(), String::new())];
        while let Some((folder, base, module)) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                let Ok(file) = entry.file_name().into_string() else { continue };
                if entry.file_type()?.is_dir() {
                    let url = format!("{base}/{file}");
                    // A private module has a folder and no page.
                    if entry.path().join("index.html").is_file() {
                        names.modules.insert(file.clone(), format!("{url}/index.html"));
                    }
                    folders.push((entry.path(), url, file));
                } else if let Some((kind, name)) =
                    file.strip_suffix(".html").and_then(|name| name.split_once('.'))
                    && KINDS.contains(&kind)
                {
                    let page = Page { module: module.clone(), url: format!("{base}/{file}") };
                    names.items.entry(name.to_owned()).or_default().push(page);
                }
            }
        }
        for pages in names.items.values_mut() {
            pages.sort_by(|a, b| a.module.cmp(&b.module));
        }
        Ok(names)
    }

    /// The same, where what rustdoc wrote lies in a folder of the site.
    pub(super) fn below(mut self, folder: &str) -> Self {
        self.folder = format!("{folder}/");
        self
    }

    /// The crates that have pages elsewhere: name in the code and address.
    pub(super) fn with_crates(mut self, crates: impl IntoIterator<Item = (String, String)>) -> Self {
        self.crates.extend(crates);
        self
    }

    /// The page of what `name` means in the notebook of `module`: its own, or that of the last notebook before it.
    ///
    /// A name of notebooks that come later is theirs, unless no other has it.
    pub(super) fn url(&self, name: &str, module: &str) -> Option<String> {
        self.page(name, module).map(|page| format!("{}{}", self.folder, page.url))
    }

    fn page(&self, name: &str, module: &str) -> Option<&Page> {
        let pages = self.items.get(name)?;
        let before = pages.iter().rfind(|page| page.module.as_str() <= module);
        before.or_else(|| (pages.len() == 1).then(|| &pages[0]))
    }

    /// The page of what stands between backticks: `matmul`, `nb_01::matmul`, `Linear::forward`, `nb_01`, `ndarray`.
    pub(super) fn code(&self, code: &str, module: &str) -> Option<String> {
        let path = code.trim_end_matches("()").trim_end_matches('!');
        let parts: Vec<&str> = path.split("::").collect();
        let is_name = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !parts.iter().all(is_name) {
            return None;
        }
        match parts[..] {
            [name] => {
                let module_page = || self.modules.get(name).map(|url| format!("{}{url}", self.folder));
                self.url(name, module).or_else(module_page).or_else(|| self.crates.get(name).cloned())
            }
            [.., owner, name] if self.modules.contains_key(owner) => {
                let pages = self.items.get(name)?;
                pages
                    .iter()
                    .find(|page| page.module == owner)
                    .map(|page| format!("{}{}", self.folder, page.url))
            }
            [.., owner, method] => {
                let url = &self.page(owner, module)?.url;
                let page = std::fs::read_to_string(self.root.join(url)).ok()?;
                let ids = ["method", "tymethod", "variant", "structfield", "associatedconstant"]
                    .map(|kind| format!("{kind}.{method}"));
                let id = ids.into_iter().find(|id| page.contains(&format!("id=\"{id}\"")))?;
                Some(format!("{}{url}#{id}", self.folder))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_the_pages_that_rustdoc_wrote() {
        let dir = tempfile::tempdir().unwrap();
        for file in [
            "nb_01/fn.matmul.html",
            "nb_03/fn.matmul.html",
            "nb_02/struct.Linear.html",
            "nb_02/index.html",
            "nb_03/index.html",
        ] {
            let path = dir.path().join("exp").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "<section id=\"method.forward\">").unwrap();
        }
        let names = Names::of(dir.path(), "exp").unwrap().below("api");
        let url = |name: &str, module: &str| names.url(name, module);
        assert_eq!(url("matmul", "nb_02").as_deref(), Some("api/exp/nb_01/fn.matmul.html"));
        assert_eq!(url("matmul", "nb_04").as_deref(), Some("api/exp/nb_03/fn.matmul.html"));
        assert_eq!(url("matmul", "nb_00"), None);
        assert_eq!(url("Linear", "nb_00").as_deref(), Some("api/exp/nb_02/struct.Linear.html"));
        let code = |code: &str| names.code(code, "nb_02");
        assert_eq!(
            code("Linear::forward").as_deref(),
            Some("api/exp/nb_02/struct.Linear.html#method.forward")
        );
        assert_eq!(code("Linear::backward"), None);
        assert_eq!(code("nb_03::matmul").as_deref(), Some("api/exp/nb_03/fn.matmul.html"));
        assert_eq!(code("matmul()").as_deref(), Some("api/exp/nb_01/fn.matmul.html"));
        assert_eq!(code("nb_02").as_deref(), Some("api/exp/nb_02/index.html"));
        assert_eq!(code("a + matmul"), None);
    }
}
