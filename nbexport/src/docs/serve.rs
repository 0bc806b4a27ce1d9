//! The site on this machine, for its author: pages as files, and a number that changes with each build.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tiny_http::{Header, Method, Request, Response};

use crate::diagnostic::{Diagnostic, Result};
use crate::files;

/// A server that only this machine can reach. It goes with the process.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    version: Arc<AtomicU64>,
}

impl Server {
    /// Serves the folder of a site; port 0 takes one that is free.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start(folder: &Path, port: u16) -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| {
            Diagnostic::error(format!("cannot serve the site on port {port}: {error}"))
                .help("name another port: `--port N`; 0 takes one that is free")
        };
        let server = tiny_http::Server::http((Ipv4Addr::LOCALHOST, port)).map_err(|error| failed(&error))?;
        let address = server.server_addr().to_ip().ok_or_else(|| failed(&"it has no address"))?;
        let version = Arc::new(AtomicU64::new(1));
        let site = Arc::new(Site { folder: folder.to_owned(), address, version: Arc::clone(&version) });
        let answer = move || {
            for request in server.incoming_requests() {
                let site = Arc::clone(&site);
                // Each by itself: a browser that takes its time with one answer may be waiting for another.
                std::thread::spawn(move || {
                    // Who asked may be gone by now.
                    let _ = site.respond(request);
                });
            }
        };
        std::thread::Builder::new().name("serve".into()).spawn(answer).map_err(|error| failed(&error))?;
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

/// What is served.
struct Site {
    folder: PathBuf,
    address: SocketAddr,
    version: Arc<AtomicU64>,
}

impl Site {
    fn respond(&self, request: Request) -> std::io::Result<()> {
        // A page of elsewhere may send its reader's browser here under a name of its own; it gets nothing.
        let is_ours = request.headers().iter().filter(|header| header.field.equiv("Host")).all(|header| {
            let host = header.value.as_str();
            host == self.address.to_string() || host == format!("localhost:{}", self.address.port())
        });
        if !is_ours || !matches!(request.method(), Method::Get | Method::Head) {
            return request.respond(Response::from_string("not here").with_status_code(403));
        }
        let path = request.url().split(['?', '#']).next().unwrap_or("/").to_owned();
        if path == "/.nbexport-version" {
            return request.respond(Response::from_string(self.version.load(Ordering::Relaxed).to_string()));
        }
        let Some((file, bytes)) = find(&self.folder, &path) else {
            return request.respond(Response::from_string("there is no such page").with_status_code(404));
        };
        let kind = kind(&file);
        let header =
            Header::from_bytes("Content-Type", kind).map_err(|()| std::io::Error::other("a header"))?;
        request.respond(Response::from_data(bytes).with_header(header))
    }
}

/// The file of an address, never one outside of the folder.
fn find(folder: &Path, path: &str) -> Option<(PathBuf, Vec<u8>)> {
    let mut decoded = Vec::new();
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let hex: String = bytes.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&hex, 16).ok()?
            }
            byte => byte,
        });
    }
    let path = String::from_utf8(decoded).ok()?;
    let path = Path::new(path.trim_start_matches('/'));
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
