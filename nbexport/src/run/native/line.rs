//! The line that a program reports by, from the runner's end: a socket in a folder that only this user may enter; where
//! there is none (Windows), a port of this machine, where a caller has to give a key.

#[cfg(windows)]
pub(super) use self::port::{Address, Listener};
#[cfg(unix)]
pub(super) use self::socket::{Address, Listener};

#[cfg(unix)]
mod socket {
    use std::ffi::OsStr;
    use std::io::{self, Write as _};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::{Path, PathBuf};

    /// Waits for a program.
    pub(in super::super) struct Listener {
        listener: UnixListener,
        address: Address,
    }

    /// Where to call.
    #[derive(Clone)]
    pub(in super::super) struct Address(PathBuf);

    impl Listener {
        /// A line for one program; its socket is in this folder.
        pub(in super::super) fn new(folder: &Path) -> io::Result<Self> {
            let address = Address(folder.join("reports"));
            Ok(Self { listener: UnixListener::bind(&address.0)?, address })
        }

        pub(in super::super) fn address(&self) -> Address {
            self.address.clone()
        }

        /// The end of the first who calls, once it is told this word.
        pub(in super::super) fn first_call(&self, word: &str) -> Option<impl io::Read + use<>> {
            let (mut line, _) = self.listener.accept().ok()?;
            writeln!(line, "{word}").ok()?;
            Some(line)
        }
    }

    impl Address {
        /// As the program is told it.
        pub(in super::super) fn for_program(&self) -> &OsStr {
            self.0.as_os_str()
        }

        /// Calls, and says nothing.
        pub(in super::super) fn call(&self) {
            drop(UnixStream::connect(&self.0));
        }
    }
}

#[cfg(windows)]
mod port {
    use std::io::{self, Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::path::Path;
    use std::time::Duration;

    /// Waits for a program.
    pub(in super::super) struct Listener {
        listener: TcpListener,
        address: Address,
    }

    /// Where to call, and the key: `127.0.0.1:4567 0123…`.
    #[derive(Clone)]
    pub(in super::super) struct Address(String);

    impl Listener {
        /// A line for one program.
        pub(in super::super) fn new(_: &Path) -> io::Result<Self> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let mut key = [0; 16];
            getrandom::fill(&mut key).map_err(io::Error::other)?;
            let address = Address(format!("{} {:032x}", listener.local_addr()?, u128::from_ne_bytes(key)));
            Ok(Self { listener, address })
        }

        pub(in super::super) fn address(&self) -> Address {
            self.address.clone()
        }

        /// The end of the first who calls with the key, once it is told this word.
        pub(in super::super) fn first_call(&self, word: &str) -> Option<impl io::Read + use<>> {
            let (_, key) = self.address.0.split_once(' ')?;
            loop {
                let (mut line, _) = self.listener.accept().ok()?;
                // Any program of this machine may call, and say nothing.
                line.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
                let mut said = vec![0; key.len()];
                if line.read_exact(&mut said).is_ok() && said == key.as_bytes() {
                    line.set_read_timeout(None).ok()?;
                    writeln!(line, "{word}").ok()?;
                    return Some(line);
                }
            }
        }
    }

    impl Address {
        /// As the program is told it.
        pub(in super::super) fn for_program(&self) -> &str {
            &self.0
        }

        /// Calls, and says no more than the key.
        pub(in super::super) fn call(&self) {
            if let Some((address, key)) = self.0.split_once(' ')
                && let Ok(mut line) = TcpStream::connect(address)
            {
                let _ = line.write_all(key.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_call_without_a_word_is_heard_and_ends() {
        let folder = tempfile::tempdir().unwrap();
        let listener = Listener::new(folder.path()).unwrap();
        let address = listener.address();
        let caller = std::thread::spawn(move || address.call());
        let mut line = listener.first_call("word");
        caller.join().unwrap();
        let mut said = Vec::new();
        // Where the caller is gone before it could be told the word, there is no line at all.
        assert!(line.as_mut().is_none_or(|line| line.read_to_end(&mut said).is_ok() || said.is_empty()));
        assert_eq!(said, b"");
    }

    #[cfg(windows)]
    #[test]
    fn a_caller_without_the_key_is_passed_over() {
        use std::io::Write as _;

        let listener = Listener::new(std::path::Path::new("")).unwrap();
        let address = listener.address();
        let (port, _) = address.for_program().split_once(' ').unwrap();
        let mut stranger = std::net::TcpStream::connect(port).unwrap();
        stranger.write_all(&[b'0'; 32]).unwrap();
        let other = address.clone();
        let caller = std::thread::spawn(move || other.call());
        let _line = listener.first_call("word");
        caller.join().unwrap();
        let mut told = String::new();
        let _ = stranger.read_to_string(&mut told);
        assert_eq!(told, "");
    }
}
