//! What clients need to know of the server: an entry for jupyterlab-lsp, and settings for a person to take over.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Result};
use crate::files;
use crate::project;

/// The entry's name.
const NAME: &str = "nbexport";

/// Writes the entry by which jupyterlab-lsp finds the server; gives the file it is in.
pub fn jupyterlab() -> Result<PathBuf> {
    let folder = configuration().ok_or_else(|| {
        Diagnostic::error(
            "no folder for Jupyter's configuration is known: neither `HOME` nor `JUPYTER_CONFIG_DIR` is set",
        )
        .help("set JUPYTER_CONFIG_DIR to what `jupyter --config-dir` prints")
    })?;
    let path = folder.join("jupyter_server_config.d").join("nbexport.json");
    let text = serde_json::to_string_pretty(&entry(&program())).unwrap_or_default() + "\n";
    let written = files::keep(&path, text.as_bytes());
    written.map_err(|error| {
        Diagnostic::error(format!("cannot write `{}`: {error}", project::show(&path))).help(
            "see that the folder may be written, or set JUPYTER_CONFIG_DIR to another that Jupyter reads",
        )
    })?;
    Ok(path)
}

/// The settings of an editor that a person takes over: its name, where they go, and what they are.
pub fn snippets() -> [(&'static str, &'static str, &'static str); 2] {
    [
        ("Neovim (0.11 or later)", "~/.config/nvim/init.lua", NEOVIM),
        ("Helix", "~/.config/helix/languages.toml", HELIX),
    ]
}

const NEOVIM: &str = r#"vim.lsp.config("nbexport", {
  cmd = { "nbexport", "lsp" },
  filetypes = { "rust" },
  root_markers = { "Cargo.toml" },
})
vim.lsp.enable("nbexport")
"#;

const HELIX: &str = r#"[language-server.nbexport]
command = "nbexport"
args = ["lsp"]

[[language]]
name = "rust"
language-servers = ["nbexport"]
"#;

fn entry(program: &Path) -> Value {
    let server = json!({
        "argv": [program, "lsp"],
        "display_name": "nbexport (rust-analyzer)",
        "languages": ["rust"],
        "mime_types": ["text/rust", "text/x-rust", "text/x-rustsrc"],
        "version": 2,
    });
    json!({"LanguageServerManager": {"language_servers": {NAME: server}}})
}

/// This very program: a server that Jupyter starts may have another PATH.
fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from(NAME))
}

/// The folder of the user's configuration of Jupyter.
fn configuration() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME").or_else(|| variable("USERPROFILE"));
    variable("JUPYTER_CONFIG_DIR").or_else(|| Some(home()?.join(".jupyter")))
}
