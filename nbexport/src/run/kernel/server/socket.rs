//! The WebSocket of a kernel: messages in Jupyter's two wire forms, and a connection that is known to be alive.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use jupyter_protocol::JupyterMessage;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::{ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message as Frame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use ureq::http::StatusCode;

use super::rest::{Failed, Rest};
use crate::run::kernel::message::Message;

/// The parts of a message as the kernel sent them; without it, one JSON text for each message.
const BINARY: &str = "v1.kernel.websocket.jupyter.org";
/// How often a silent server is asked whether it is there.
const PING: Duration = Duration::from_secs(15);
/// How long it may be silent all the same.
const SILENCE: Duration = Duration::from_secs(45);
/// More is no message.
const LONGEST_MESSAGE: usize = 256 << 20;

/// A connection to a kernel by way of its server.
pub(super) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    binary: bool,
    /// When anything was heard.
    heard: Instant,
    /// When it is asked next.
    ping: Instant,
}

/// How a connection ended.
pub(super) enum Broken {
    /// In this way; another one may be made.
    Cut(String),
    /// What came is no message of Jupyter's.
    Garbled,
}

impl From<String> for Broken {
    fn from(how: String) -> Self {
        Self::Cut(how)
    }
}

impl Socket {
    /// Connects to the kernel `id`. The server keeps for the same `session` what the kernel says while there is no
    /// connection.
    pub(super) async fn connect(
        rest: &Rest,
        id: &str,
        session: &str,
        limit: Duration,
    ) -> Result<Self, Failed> {
        let connected = timeout(limit, async {
            match open(rest, id, session, true).await {
                // An older server takes no other form than JSON.
                Err(Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(
                    SubProtocolError::NoSubProtocol,
                ))) => Ok((open(rest, id, session, false).await?, false)),
                opened => Ok((opened?, true)),
            }
        });
        let (stream, binary) = match connected.await {
            Ok(Ok(connected)) => connected,
            Ok(Err(Error::Http(answer))) => {
                let body = answer.body().as_ref().map(|body| String::from_utf8_lossy(body).into_owned());
                return Err(Failed::Status(answer.status(), body.unwrap_or_default()));
            }
            Ok(Err(error)) => return Err(Failed::Otherwise(rest.garbled("/channels", &error.to_string()))),
            Err(_) => return Err(Failed::Status(StatusCode::GATEWAY_TIMEOUT, String::new())),
        };
        let now = Instant::now();
        Ok(Self { stream, binary, heard: now, ping: now + PING })
    }

    /// Sends a request by the shell channel.
    pub(super) async fn send(&mut self, request: &JupyterMessage) -> Result<(), String> {
        let frame = encode(request, self.binary).map_err(|error| error.to_string())?;
        // A peer that takes nothing is gone, too.
        match timeout(SILENCE, self.stream.send(frame)).await {
            Ok(sent) => sent.map_err(|error| error.to_string()),
            Err(_) => Err("it takes nothing more".to_owned()),
        }
    }

    /// The next message, with its channel.
    pub(super) async fn next(&mut self) -> Result<(String, Message), Broken> {
        loop {
            let frame = tokio::select! {
                frame = self.stream.next() => frame,
                () = sleep_until(self.ping.into()) => {
                    if self.heard.elapsed() > SILENCE {
                        return Err(format!("nothing was heard for {} s", SILENCE.as_secs()).into());
                    }
                    self.ping = Instant::now() + PING;
                    self.stream.send(Frame::Ping(Bytes::new())).await.map_err(|error| error.to_string())?;
                    continue;
                }
            };
            let frame =
                frame.ok_or_else(|| "it was closed".to_owned())?.map_err(|error| error.to_string())?;
            self.heard = Instant::now();
            self.ping = self.heard + PING;
            let read = match &frame {
                Frame::Binary(bytes) if self.binary => decode(bytes),
                Frame::Text(text) => read_text(text.as_str()),
                Frame::Close(_) => return Err("the server closed it".to_owned().into()),
                _ => continue,
            };
            return read.ok_or(Broken::Garbled);
        }
    }
}

async fn open(
    rest: &Rest,
    id: &str,
    session: &str,
    binary: bool,
) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, Error> {
    // `http` → `ws`, `https` → `wss`.
    let url = format!("ws{}/api/kernels/{id}/channels?session_id={session}", &rest.url["http".len()..]);
    let mut request = url.into_client_request()?;
    for (name, value) in rest.headers() {
        let mut value = HeaderValue::try_from(value)?;
        value.set_sensitive(true);
        request.headers_mut().insert(HeaderName::try_from(name)?, value);
    }
    if binary {
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(BINARY));
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE));
    connect_async_with_config(request, Some(config), true).await.map(|(stream, _)| stream)
}

/// A request for the shell channel, as the server takes it.
fn encode(request: &JupyterMessage, binary: bool) -> serde_json::Result<Frame> {
    let parent = request
        .parent_header
        .as_ref()
        .map_or_else(|| Ok(Value::Object(serde_json::Map::new())), serde_json::to_value)?;
    if !binary {
        let text = serde_json::json!({
            "channel": "shell", "header": request.header, "parent_header": parent,
            "metadata": request.metadata, "content": request.content, "buffers": [],
        });
        return Ok(Frame::text(text.to_string()));
    }
    let parts = [
        b"shell".to_vec(),
        serde_json::to_vec(&request.header)?,
        serde_json::to_vec(&parent)?,
        serde_json::to_vec(&request.metadata)?,
        serde_json::to_vec(&request.content)?,
    ];
    // How many offsets, the offsets of all parts and of the end, the parts.
    let mut at = 8 * (parts.len() as u64 + 2);
    let mut bytes = (parts.len() as u64 + 1).to_le_bytes().to_vec();
    bytes.extend(at.to_le_bytes());
    for part in &parts {
        at += part.len() as u64;
        bytes.extend(at.to_le_bytes());
    }
    bytes.extend(parts.concat());
    Ok(Frame::binary(bytes))
}

/// Takes a binary message apart, if it is one.
fn decode(bytes: &[u8]) -> Option<(String, Message)> {
    let number = |index: usize| -> Option<usize> {
        let at = index.checked_mul(8)?;
        let bytes = bytes.get(at..at.checked_add(8)?)?;
        usize::try_from(u64::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    // As many offsets as it says, the last one that of the end.
    let count = number(0).filter(|count| *count >= 6)?;
    let part = |index: usize| bytes.get(number(index + 1).filter(|_| index + 1 < count)?..number(index + 2)?);
    let channel = String::from_utf8_lossy(part(0)?).into_owned();
    Some((channel, Message::of(part(1)?, part(2)?, part(4)?).ok()?))
}

#[derive(Deserialize)]
struct Text<'a> {
    #[serde(default)]
    channel: String,
    #[serde(borrow)]
    header: &'a RawValue,
    #[serde(borrow)]
    parent_header: &'a RawValue,
    #[serde(borrow)]
    content: &'a RawValue,
}

fn read_text(text: &str) -> Option<(String, Message)> {
    let text: Text<'_> = serde_json::from_str(text).ok()?;
    let bytes = |part: &'_ RawValue| part.get().as_bytes().to_vec();
    let message = Message::of(&bytes(text.header), &bytes(text.parent_header), &bytes(text.content)).ok()?;
    Some((text.channel, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::ExecuteRequest;

    #[test]
    fn a_message_comes_back_from_both_wire_forms() {
        let request: JupyterMessage = ExecuteRequest::new("let a = \"é\";".into()).into();
        for binary in [true, false] {
            let frame = encode(&request, binary).unwrap();
            let read = if binary { decode(&frame.into_data()) } else { read_text(frame.to_text().unwrap()) };
            let (channel, message) = read.unwrap();
            assert_eq!((channel.as_str(), message.kind.as_str()), ("shell", "execute_request"));
            assert_eq!(message.content["code"], "let a = \"é\";");
        }
    }

    #[test]
    fn garbage_is_told_from_a_message_whatever_it_says_of_its_length() {
        let request: JupyterMessage = ExecuteRequest::new("1".into()).into();
        let good = encode(&request, true).unwrap().into_data().to_vec();
        for at in 0..56 {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut bytes = good.clone();
                bytes[at] = byte;
                let _ = decode(&bytes);
            }
        }
        for length in 0..good.len() {
            assert!(decode(&good[..length]).is_none(), "{length}");
        }
        assert!(decode(&[0xff; 64]).is_none());
        for text in ["", "[]", "{}", "{\"header\": 1, \"parent_header\": {}, \"content\": {}}"] {
            assert!(read_text(text).is_none(), "{text}");
        }
    }
}
