//! Kernels of a Jupyter Server or a Kernel Gateway, by their REST and WebSocket interfaces.
//!
//! The crate of the same family as the one for `ZeroMQ`, jupyter-websocket-client 3, is not used: it puts the token into
//! addresses, panics on a message whose first bytes are wrong, and takes contents apart and together again, which must
//! come through as they are.

mod ask;
mod rest;
mod session;
mod socket;
mod token;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

pub(super) use self::ask::prepare;
pub(super) use self::session::Session;
pub use self::token::Token;

use self::rest::Rest;
use crate::diagnostic::{Diagnostic, Result};

/// How long the server may take to say what it is.
const GREETING: Duration = Duration::from_secs(20);

/// A server that answered, and the kernel of it that is started for each notebook.
#[derive(Debug)]
pub struct Server {
    rest: Rest,
    kernel: String,
    folder: String,
    warnings: Mutex<Warnings>,
}

/// What should be known of the server.
#[derive(Debug, Default)]
struct Warnings {
    all: Vec<Diagnostic>,
    /// How many of them were told.
    told: usize,
}

#[derive(Deserialize)]
struct Kernelspecs {
    kernelspecs: BTreeMap<String, Kernelspec>,
}

#[derive(Deserialize)]
struct Kernelspec {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    language: String,
}

impl Server {
    /// Asks the server at `url` for its kernels, and takes the one of this name, or the first one for Rust. `folder` is
    /// where the project lies, below the server's own root.
    ///
    /// # Errors
    /// There is no such server, or it does not let one in, or it has no such kernel.
    pub fn connect(url: &str, token: Token, kernel: Option<&str>, folder: &str) -> Result<Arc<Self>> {
        let rest = Rest::new(url, token)?;
        let Kernelspecs { kernelspecs } = rest.get("/api/kernelspecs", GREETING)?;
        let kernel = choose(&rest, &kernelspecs, kernel)?;
        let warning = rest.is_readable_by_others().then(|| {
            Diagnostic::warning(format!("the token goes to `{}` unencrypted, readable on its way", rest.url))
                .help("use the server's `https` address, or a tunnel: `ssh -L 8888:localhost:8888 HOST`")
        });
        let folder = folder.trim_matches('/').to_owned();
        let warnings = Warnings { all: warning.into_iter().collect(), told: 0 };
        Ok(Arc::new(Self { rest, kernel, folder, warnings: Mutex::new(warnings) }))
    }

    /// The folder of the server where a notebook lies, by its name below the project's root.
    pub(super) fn folder_of(&self, name: &str) -> String {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{}/{folder}", self.folder).trim_matches('/').to_owned()
    }

    /// Adds to what should be known, once.
    pub(super) fn warn(&self, warning: Diagnostic) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.all.contains(&warning) {
            warnings.all.push(warning);
        }
    }

    /// What should be known, and was not told yet.
    pub(super) fn warnings(&self) -> Vec<Diagnostic> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let new = warnings.all[warnings.told..].to_vec();
        warnings.told = warnings.all.len();
        new
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`", self.rest.url)
    }
}

fn choose(rest: &Rest, specs: &BTreeMap<String, Kernelspec>, wanted: Option<&str>) -> Result<String> {
    let found = specs.iter().find(|(name, it)| match wanted {
        Some(wanted) => name.eq_ignore_ascii_case(wanted),
        None => it.spec.language.eq_ignore_ascii_case("rust"),
    });
    if let Some((name, _)) = found {
        return Ok(name.clone());
    }
    let what = wanted.map_or_else(|| "no kernel for Rust".to_owned(), |name| format!("no kernel `{name}`"));
    let names: Vec<_> = specs.keys().map(String::as_str).collect();
    let has =
        if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
    Err(Diagnostic::error(format!("the server at `{}` has {what}", rest.url)).note(has).help(
        "install evcxr's where the server runs: `cargo install --locked evcxr_jupyter && evcxr_jupyter --install`",
    ))
}
