//! A server's REST interface: requests that end in a time, and diagnostics for all that can go wrong with them.

use std::net::IpAddr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Method, Request, StatusCode, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::token::Token;
use crate::diagnostic::{Diagnostic, Result};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// More is no answer to what is asked here.
const LONGEST_ANSWER: u64 = 8 << 20;

/// A server's address, and what its requests need.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    agent: ureq::Agent,
    /// Without a slash at its end, and without anything secret.
    pub(super) url: String,
    pub(super) token: Token,
    /// What a server that wants no token takes instead, to see that the request comes from no foreign page.
    xsrf: String,
}

/// Why there is no answer of the kind that was asked for.
pub(super) enum Failed {
    /// The server answered with another status, and these words.
    Status(StatusCode, String),
    /// Anything else.
    Otherwise(Diagnostic),
}

impl Rest {
    /// # Errors
    /// The address is none of a server, or holds what should not be seen.
    pub(super) fn new(url: &str, token: Token) -> Result<Self> {
        let url = address(url)?;
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A redirect is told: the WebSocket would not follow it, and the token is for this address alone.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("nbexport/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT));
        if url.starts_with("https:") {
            config = config.tls_config(TlsConfig::builder().root_certs(system_roots()).build());
        }
        Ok(Self { agent: config.build().into(), url, token, xsrf: crate::run::kernel::wire::random() })
    }

    /// Whether who listens on the way could read the token.
    pub(super) fn is_readable_by_others(&self) -> bool {
        let uri: Option<Uri> = self.url.parse().ok();
        let is_here = |host: &str| {
            let host = host.trim_matches(['[', ']']);
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|host| host.is_loopback())
        };
        let host = uri.as_ref().filter(|uri| uri.scheme_str() == Some("http")).and_then(Uri::host);
        self.token.header().is_some() && host.is_some_and(|host| !is_here(host))
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str, limit: Duration) -> Result<T> {
        let answer = self.call(&Method::GET, path, None, limit);
        let text = answer.map_err(|failed| self.explain(path, failed))?;
        serde_json::from_str(&text).map_err(|error| self.garbled(path, &error.to_string()))
    }

    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, body: &Value, limit: Duration) -> Result<T> {
        let answer = self.call(&Method::POST, path, Some(body), limit);
        let text = answer.map_err(|failed| self.explain(path, failed))?;
        serde_json::from_str(&text).map_err(|error| self.garbled(path, &error.to_string()))
    }

    /// Sends a request and reads the answer to it, all in the time given.
    pub(super) fn call(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        limit: Duration,
    ) -> Result<String, Failed> {
        let unreachable = |error: &ureq::Error| Failed::Otherwise(self.unreachable(error, limit));
        let uri = format!("{}{path}", self.url);
        let mut request = Request::builder().method(method).uri(&uri).header("Accept", "application/json");
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        let sent = match body {
            Some(body) => {
                let request = request.header("Content-Type", "application/json").body(body.to_string());
                request.map_err(ureq::Error::from).and_then(|request| {
                    let request = self.agent.configure_request(request).timeout_global(Some(limit)).build();
                    self.agent.run(request)
                })
            }
            None => request.body(()).map_err(ureq::Error::from).and_then(|request| {
                let request = self.agent.configure_request(request).timeout_global(Some(limit)).build();
                self.agent.run(request)
            }),
        };
        let mut answer = sent.map_err(|error| unreachable(&error))?;
        let status = answer.status();
        let location = answer.headers().get("Location").and_then(|it| it.to_str().ok()).map(str::to_owned);
        let text = answer
            .body_mut()
            .with_config()
            .limit(LONGEST_ANSWER)
            .lossy_utf8(true)
            .read_to_string()
            .map_err(|error| unreachable(&error))?;
        match (status.is_success(), location) {
            (true, _) => Ok(text),
            (false, Some(location)) if status.is_redirection() => Err(Failed::Status(status, location)),
            (false, _) => Err(Failed::Status(status, text)),
        }
    }

    /// What shows who asks.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        match self.token.header() {
            Some(header) => vec![("Authorization", header)],
            None => vec![("Cookie", format!("_xsrf={}", self.xsrf)), ("X-XSRFToken", self.xsrf.clone())],
        }
    }

    /// What went wrong, and what can be done about it.
    pub(super) fn explain(&self, path: &str, failed: Failed) -> Diagnostic {
        let (status, said) = match failed {
            Failed::Otherwise(diagnostic) => return diagnostic,
            Failed::Status(status, said) => (status, said),
        };
        let url = &self.url;
        let diagnostic = match status.as_u16() {
            300..=399 => {
                return Diagnostic::error(format!(
                    "the server at `{url}` sends those who ask elsewhere: `{}`",
                    self.token.hide(&said)
                ))
                .help("name the address that it sends to, as far as the server's own part of it goes");
            }
            401 | 403 if self.token.header().is_none() => {
                Diagnostic::error(format!("the server at `{url}` wants a token ({status})"))
                    .help("set JUPYTER_TOKEN, or name a file that holds it by `--token-file`; `jupyter server list` shows it")
            }
            401 | 403 => {
                let source = self.token.source();
                Diagnostic::error(format!("the server at `{url}` refuses this ({status})"))
                    .help(format!("see that the token of {source} is this server's: `jupyter server list` shows it"))
            }
            404 | 405 => Diagnostic::error(format!("there is no Jupyter server at `{url}`: it has no `{path}` ({status})"))
                .help("name the server's own address, without what follows in a browser's (`/lab`, `/tree`)"),
            500..=599 => Diagnostic::error(format!("the server at `{url}` failed at `{path}` ({status})"))
                .help("its log says why"),
            _ => Diagnostic::error(format!("the server at `{url}` answered `{path}` with {status}"))
                .help("see that it is a Jupyter server or a Kernel Gateway, of this decade"),
        };
        match self.words(&said) {
            Some(words) => diagnostic.note(format!("it says: {words}")),
            None => diagnostic,
        }
    }

    /// What the server says in its own words, if it says it as Jupyter's do: pages are for people.
    fn words(&self, said: &str) -> Option<String> {
        let said: Value = serde_json::from_str(said).ok()?;
        let words = ["message", "reason"].iter().filter_map(|key| said[*key].as_str());
        words.map(|words| self.token.hide(words)).find(|words| !words.is_empty())
    }

    pub(super) fn garbled(&self, path: &str, error: &str) -> Diagnostic {
        let message = format!("what `{}` answers to `{path}` is not what a Jupyter server answers", self.url);
        Diagnostic::error(message).note(self.token.hide(error)).help(
            "see that the address is the server's own, and not that of a page before it (a login, a proxy)",
        )
    }

    fn unreachable(&self, error: &ureq::Error, limit: Duration) -> Diagnostic {
        let url = &self.url;
        match error {
            ureq::Error::Timeout(_) => {
                let seconds = limit.as_secs();
                Diagnostic::error(format!("the server at `{url}` gave no whole answer within {seconds} s"))
                    .help("see that it is well, and that what lies between lets all of it through")
            }
            ureq::Error::BodyExceedsLimit(_) => {
                self.garbled("/api", "the answer has more than 8 MB, and was not read on")
            }
            error => {
                let said = self.token.hide(&error.to_string());
                let diagnostic = Diagnostic::error(format!("cannot reach the server at `{url}`: {said}"));
                if said.contains("ertificate") || said.contains("UnknownIssuer") {
                    diagnostic
                        .help("set SSL_CERT_FILE to a file with the certificate of who signed the server's")
                } else {
                    diagnostic.help(
                        "see that it runs there: `jupyter server list` shows the addresses of those that do",
                    )
                }
            }
        }
    }
}

/// The certificates that this system trusts, or those of `SSL_CERT_FILE`.
fn system_roots() -> RootCerts {
    let found = rustls_native_certs::load_native_certs();
    found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect::<Vec<_>>().into()
}

/// An address as it is used and shown: no slash at its end, no part that names a page.
fn address(url: &str) -> Result<String> {
    let example = "write it as `http://localhost:8888` or `https://example.org/user/ada`";
    // It may hold a token, so it is not shown.
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    if url.contains(['?', '#']) || authority.contains('@') {
        return Err(Diagnostic::error("the server's address holds more than an address")
            .note("what stands on a command line can be read by everybody on this machine")
            .help("leave out what follows `?`, and set JUPYTER_TOKEN, or name a file that holds the token by `--token-file`"));
    }
    let wrong =
        |why: &str| Err(Diagnostic::error(format!("`{url}` is no address of a server: {why}")).help(example));
    let uri: Uri = match url.trim().parse() {
        Ok(uri) => uri,
        Err(error) => return wrong(&format!("{error}")),
    };
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return wrong("it begins with neither `http://` nor `https://`");
    };
    let mut path = uri.path().trim_end_matches('/');
    for page in ["/lab", "/tree", "/api"] {
        path = path.strip_suffix(page).unwrap_or(path);
    }
    Ok(format!("{scheme}://{authority}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_a_browser_shows_it() {
        for (given, taken) in [
            ("http://localhost:8888/", "http://localhost:8888"),
            ("http://localhost:8888/lab", "http://localhost:8888"),
            ("https://example.org/user/ada/tree/", "https://example.org/user/ada"),
            ("http://[::1]:1/api", "http://[::1]:1"),
            ("https://example.org/user/ada@example.org/lab", "https://example.org/user/ada@example.org"),
        ] {
            assert_eq!(address(given).unwrap(), taken);
        }
        for given in ["localhost:8888", "ftp://x", "http://", "http:// x", "/lab", ""] {
            assert!(address(given).unwrap_err().help.is_some(), "{given}");
        }
        let error = address("http://localhost:8888/lab?token=s3cr3t").unwrap_err().render(false);
        assert!(error.contains("JUPYTER_TOKEN") && !error.contains("s3cr3t"), "{error}");
    }

    #[test]
    fn only_a_token_that_leaves_this_machine_unencrypted_is_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "s").unwrap();
        let readable =
            |url: &str| Rest::new(url, Token::find(Some(&file)).unwrap()).unwrap().is_readable_by_others();
        assert!(readable("http://example.org:8888") && readable("http://127.example.org"));
        for url in ["http://localhost:8888", "http://127.0.0.1", "http://[::1]:8888", "https://example.org"] {
            assert!(!readable(url), "{url}");
        }
    }

    /// A server that begins its answer by `head`, and then says `drop` again and again, this long between.
    fn dripping(head: &'static str, drop: &'static str, pause: Duration) -> Rest {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(drop.as_bytes()).is_ok() {
                std::thread::sleep(pause);
            }
        });
        Rest::new(&url, Token::default()).unwrap()
    }

    #[test]
    fn an_answer_that_does_not_end_is_not_waited_for() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let slow = dripping(head, "1\r\n \r\n", Duration::from_millis(50));
        let error = slow.get::<Value>("/api", Duration::from_secs(1)).unwrap_err();
        assert!(error.message.contains("no whole answer within 1 s"), "{error}");
        let silent = dripping("HTTP/1.1 200", "", Duration::from_millis(50));
        let error = silent.get::<Value>("/api", Duration::from_secs(1)).unwrap_err();
        assert!(error.message.contains("no whole answer within 1 s"), "{error}");
        let kilobyte: String = format!("400\r\n{}\r\n", " ".repeat(0x400));
        let endless = dripping(head, kilobyte.leak(), Duration::ZERO);
        let error = endless.get::<Value>("/api", Duration::from_mins(1)).unwrap_err();
        assert!(error.notes[0].contains("more than 8 MB"), "{error}");
    }
}
