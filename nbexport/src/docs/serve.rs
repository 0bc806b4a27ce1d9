//! The site on this machine, for its author: pages as files, and a number that changes with each build.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::diagnostic::{Diagnostic, Result};
use crate::files;

/// A server that only this machine can reach. It goes with the process.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    version: Arc<AtomicU64>,
}

/// What is served.
struct Site {
    folder: PathBuf,
    address: SocketAddr,
    version: Arc<AtomicU64>,
}

impl Server {
    /// Serves the folder of a site; port 0 takes one that is free.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start(folder: &Path, port: u16) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Diagnostic::error(format!("cannot serve the site on port {port}: {error}"))
                .help("name another port: `--port N`; 0 takes one that is free")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let version = Arc::new(AtomicU64::new(1));
        let site = Site { folder: folder.to_owned(), address, version: Arc::clone(&version) };
        let pages = Router::new().fallback(respond).with_state(Arc::new(site));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let serve = move || {
            runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener)?, pages).await })
        };
        std::thread::Builder::new().name("serve".into()).spawn(serve).map_err(failed)?;
        Ok(Self { address, version })
    }

    /// The address of the first page.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Has open pages load again.
    pub fn reload(&self) {
        self.version.fetch_add(1, Ordering::Relaxed);
    }
}

async fn respond(State(site): State<Arc<Site>>, request: Request) -> Response {
    // A page of elsewhere may send its reader's browser here under a name of its own; it gets nothing.
    let is_ours = request.headers().get_all(header::HOST).iter().all(|host| {
        *host == site.address.to_string() || *host == format!("localhost:{}", site.address.port())
    });
    if !is_ours || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::FORBIDDEN, "not here").into_response();
    }
    let path = request.uri().path();
    if path == "/.nbexport-version" {
        return site.version.load(Ordering::Relaxed).to_string().into_response();
    }
    match find(&site.folder, path) {
        Some((file, bytes)) => ([(header::CONTENT_TYPE, kind(&file))], bytes).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such page").into_response(),
    }
}

/// The file of an address, never one outside of the folder.
fn find(folder: &Path, path: &str) -> Option<(PathBuf, Vec<u8>)> {
    let path = super::unescaped(path.trim_start_matches('/'));
    let path = Path::new(&path);
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let mut file = folder.join(path);
    if file.is_dir() {
        file.push("index.html");
    }
    let bytes = files::read(&file).ok()?;
    Some((file, bytes))
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
