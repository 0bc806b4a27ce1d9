//! What lies between a client and a server: it can cut the connections that go through it, and keep new ones from being
//! made, or be as a server that begins late to listen to its kernels. All else goes on.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A proxy, for as long as this process lives.
pub(super) struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_cut: bool,
    /// For so long nothing that a kernel publishes comes through a new connection.
    deaf: Duration,
    /// And only through the first one.
    deaf_once: bool,
    /// Both ends of each, the client's first.
    sockets: Vec<(TcpStream, TcpStream)>,
}

impl Proxy {
    pub(super) fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let (address, state) = (url.trim_start_matches("http://").to_owned(), Arc::clone(&proxy.state));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (address, state) = (address.clone(), Arc::clone(&state));
                std::thread::spawn(move || pass(client, &address, &state));
            }
        });
        proxy
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Cuts all connections to kernels, and lets no new one through.
    pub(super) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_cut = true;
        for (client, server) in state.sockets.drain(..) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }

    /// Of what kernels publish, nothing comes through a new connection for its first `time`.
    pub(super) fn deaf_for(self, time: Duration) -> Self {
        self.state.lock().unwrap().deaf = time;
        self
    }

    /// Of what the first kernel publishes, nothing ever comes.
    pub(super) fn deaf_to_the_first(self) -> Self {
        self.state.lock().unwrap().deaf_once = true;
        self.deaf_for(Duration::from_hours(1))
    }

    /// Lets new ones through again.
    pub(super) fn mend(&self) {
        self.state.lock().unwrap().is_cut = false;
    }

    /// Sends clients what is no message: a whole frame of text.
    pub(super) fn garble(&self) {
        for (client, _) in &mut self.state.lock().unwrap().sockets {
            client.write_all(b"\x81\x02{}").unwrap();
        }
    }
}

fn pass(mut client: TcpStream, address: &str, state: &Mutex<State>) {
    let mut head = vec![0; 64 << 10];
    let Ok(read) = client.read(&mut head) else { return };
    let mut server = TcpStream::connect(address).unwrap();
    let (from_client, from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let mut deaf = Duration::ZERO;
    if String::from_utf8_lossy(&head[..read]).contains("/channels") {
        let mut state = state.lock().unwrap();
        if state.is_cut {
            return;
        }
        deaf = state.deaf;
        if state.deaf_once {
            state.deaf = Duration::ZERO;
        }
        state.sockets.push((client.try_clone().unwrap(), server.try_clone().unwrap()));
    }
    let _ = server.write_all(&head[..read]);
    std::thread::spawn(move || pump(from_client, server));
    if deaf.is_zero() {
        pump(from_server, client);
    } else {
        let _ = pump_deaf(from_server, client, Instant::now() + deaf);
    }
}

/// Passes on what a server sends by a WebSocket: its answer, then frames, of which those of the iopub channel are left
/// out until this time.
fn pump_deaf(from: TcpStream, mut to: TcpStream, end: Instant) -> std::io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while line != b"\r\n" {
        line.clear();
        from.read_until(b'\n', &mut line)?;
        to.write_all(&line)?;
    }
    loop {
        let mut head = vec![0; 2];
        from.read_exact(&mut head)?;
        let more = match head[1] {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        head.resize(2 + more, 0);
        from.read_exact(&mut head[2..])?;
        let length = if more == 0 { &head[1..] } else { &head[2..] };
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let mut frame = vec![0; length];
        from.read_exact(&mut frame)?;
        let is_published = frame.windows(5).take(200).any(|bytes| bytes == b"iopub");
        if Instant::now() > end || !is_published {
            to.write_all(&head)?;
            to.write_all(&frame)?;
        }
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}
