//! A server that says one thing to everybody.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

/// Starts one on a port of its own; its address.
pub(super) fn fake(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}
