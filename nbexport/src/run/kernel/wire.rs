//! The Jupyter protocol's sockets, and the parts of its messages that are looked at.

use std::time::Duration;

use jupyter_protocol::connection_info::Transport;
use jupyter_protocol::{ConnectionInfo, JupyterMessage, KernelInfoRequest};
use jupyter_zmq_client::{self as zmq, ClientIoPubConnection, ClientShellConnection, Connection, RawMessage};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::timeout;
use zeromq::SocketRecv;

use super::Error;
use super::sink::Sink;

/// A line that is longer is not kept, not even its ends.
const LONGEST_LINE: usize = 16 << 20;

/// The parts of a Jupyter message that are looked at. Contents stay as they are: mime bundles must come out unchanged.
pub(super) struct Message {
    pub(super) kind: String,
    pub(super) parent: String,
    pub(super) date: String,
    pub(super) content: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    msg_type: String,
    msg_id: String,
    date: String,
}

/// A number nobody guesses.
pub(super) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// Ports that are free now, and a key.
pub(super) fn connection_info(kernel: &str) -> std::io::Result<ConnectionInfo> {
    // All five at once, so that they differ.
    let listeners: Vec<_> =
        (0..5).map(|_| std::net::TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<_>>()?;
    let port = |index: usize| std::io::Result::Ok(listeners[index].local_addr()?.port());
    Ok(ConnectionInfo {
        ip: "127.0.0.1".to_owned(),
        transport: Transport::TCP,
        shell_port: port(0)?,
        iopub_port: port(1)?,
        stdin_port: port(2)?,
        control_port: port(3)?,
        hb_port: port(4)?,
        key: format!("{:016x}{:016x}", random(), random()),
        signature_scheme: "hmac-sha256".to_owned(),
        kernel_name: Some(kernel.to_owned()),
    })
}

/// Connects, and returns when the kernel both answers and is heard.
pub(super) async fn connect(
    info: &ConnectionInfo,
) -> Result<(ClientShellConnection, ClientIoPubConnection), Error> {
    let protocol = |error: zmq::RuntimeError| Error::Protocol(error.to_string());
    let session = format!("{:016x}", random());
    let identity = zmq::peer_identity_for_session(&session).map_err(protocol)?;
    let mut iopub = zmq::create_client_iopub_connection(info, "", &session).await.map_err(protocol)?;
    let mut shell = zmq::create_client_shell_connection_with_identity(info, &session, identity)
        .await
        .map_err(protocol)?;
    loop {
        let request: JupyterMessage = KernelInfoRequest {}.into();
        let id = request.header.msg_id.clone();
        shell.send(request).await.map_err(protocol)?;
        while read(&mut shell).await?.parent != id {}
        // The subscription may reach the kernel after it answered: then nothing is heard, and it is asked again.
        let heard = async {
            while read(&mut iopub).await?.parent != id {}
            Ok::<(), Error>(())
        };
        if let Ok(heard) = timeout(Duration::from_millis(500), heard).await {
            heard?;
            return Ok((shell, iopub));
        }
    }
}

/// Takes messages in until `done`.
pub(super) async fn collect(
    shell: &mut ClientShellConnection,
    iopub: &mut ClientIoPubConnection,
    sink: &mut Sink,
    done: impl Fn(&Sink) -> bool,
) -> Result<(), Error> {
    while !done(sink) {
        tokio::select! {
            message = read(shell) => sink.answer(&message?),
            message = read(iopub) => sink.publish(message?),
        }
    }
    Ok(())
}

async fn read<S: SocketRecv>(connection: &mut Connection<S>) -> Result<Message, Error> {
    let message = connection.socket.recv().await.map_err(|error| Error::Protocol(error.to_string()))?;
    let raw = RawMessage::from_multipart(message, &connection.mac)
        .map_err(|error| Error::Protocol(error.to_string()))?;
    let json = |error: serde_json::Error| Error::Protocol(error.to_string());
    let header: Header = serde_json::from_slice(&raw.jparts[0]).map_err(json)?;
    let parent: Header = serde_json::from_slice(&raw.jparts[1]).map_err(json)?;
    let (kind, date, parent) = (header.msg_type, header.date, parent.msg_id);
    let bytes = &raw.jparts[3];
    if kind == "stream" && bytes.len() > LONGEST_LINE {
        // Its text would be taken apart and copied, only to be cut.
        let name = if bytes.starts_with(b"{\"name\":\"stderr\"") { "stderr" } else { "stdout" };
        let note = format!("[nbexport left out a line of {} bytes]\n", bytes.len());
        let content =
            [("name", name.into()), ("text", note.into())].map(|(key, value)| (key.to_owned(), value));
        return Ok(Message { kind, parent, date, content: content.into_iter().collect() });
    }
    let content = serde_json::from_slice(bytes).map_err(json)?;
    Ok(Message { kind, parent, date, content })
}
