//! The Jupyter protocol's sockets: a request goes out, messages come in.

use std::time::Duration;

use jupyter_protocol::connection_info::Transport;
use jupyter_protocol::{ConnectionInfo, JupyterMessage, KernelInfoRequest};
use jupyter_zmq_client::{self as zmq, ClientIoPubConnection, ClientShellConnection, Connection, RawMessage};
use tokio::time::timeout;
use zeromq::SocketRecv;

use super::message::{Message, no_message};
use super::transport::Incoming;
use crate::diagnostic::Result;

/// How long the kernel's state may take to be heard before it is asked for again.
const HEARD: Duration = Duration::from_millis(500);

/// A connection to a kernel that answers.
pub(super) struct Wire {
    shell: ClientShellConnection,
    iopub: ClientIoPubConnection,
}

impl Wire {
    /// Connects, and returns when the kernel both answers and is heard.
    pub(super) async fn connect(info: &ConnectionInfo) -> Result<Self> {
        let session = random();
        let identity = zmq::peer_identity_for_session(&session).map_err(no_message)?;
        let iopub = zmq::create_client_iopub_connection(info, "", &session).await.map_err(no_message)?;
        let shell = zmq::create_client_shell_connection_with_identity(info, &session, identity)
            .await
            .map_err(no_message)?;
        let mut wire = Self { shell, iopub };
        loop {
            let id = wire.send(KernelInfoRequest {}.into()).await?;
            while read(&mut wire.shell).await?.parent != id {}
            // The subscription may reach the kernel after it answered: then nothing is heard, and it is asked again.
            let heard = async {
                while read(&mut wire.iopub).await?.parent != id {}
                Ok(())
            };
            if let Ok(heard) = timeout(HEARD, heard).await {
                return heard.map(|()| wire);
            }
        }
    }

    /// The next message, whichever way it comes.
    pub(super) async fn next(&mut self) -> Result<Incoming> {
        tokio::select! {
            message = read(&mut self.shell) => message.map(Incoming::Reply),
            message = read(&mut self.iopub) => message.map(Incoming::Published),
        }
    }

    /// Sends a request, whose id comes back.
    pub(super) async fn send(&mut self, request: JupyterMessage) -> Result<String> {
        let id = request.header.msg_id.clone();
        self.shell.send(request).await.map_err(no_message)?;
        Ok(id)
    }
}

async fn read<S: SocketRecv>(connection: &mut Connection<S>) -> Result<Message> {
    let message = connection.socket.recv().await.map_err(no_message)?;
    let raw = RawMessage::from_multipart(message, &connection.mac).map_err(no_message)?;
    Message::of(&raw.jparts[0], &raw.jparts[1], &raw.jparts[3]).map_err(no_message)
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
        key: random(),
        signature_scheme: "hmac-sha256".to_owned(),
        kernel_name: Some(kernel.to_owned()),
    })
}

/// 32 hexadecimal digits that nobody guesses: a key, a session, a mark.
///
/// # Panics
/// On a system that has no source of random numbers.
pub(super) fn random() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    format!("{:032x}", u128::from_ne_bytes(bytes))
}
