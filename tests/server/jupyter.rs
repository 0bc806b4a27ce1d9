//! A real Jupyter Server and a real Kernel Gateway, one of each for all tests of a run.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::kernel::has_kernel;
use crate::support::{Case, Run};

/// What the servers let one in by, and nobody is to see.
pub(super) const TOKEN: &str = "a-s3cr3t";

/// A server that is not ours, until this process ends.
pub(super) struct Jupyter {
    port: u16,
    pub(super) token_file: PathBuf,
    _process: Child,
}

impl Jupyter {
    /// Starts one. It ends with this process, whose end closes the pipe that it is watched by.
    fn start(python: &Path, what: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("jupyter-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        let token_file = folder.join("token");
        std::fs::write(&token_file, TOKEN).unwrap();
        let watched = r#""$@" & server=$!; read -r _; kill "$server"; wait; rm -rf "$FOLDER""#;
        let process = Command::new("sh")
            .args(["-c", watched, "sh"])
            .arg(python)
            .args(what)
            .arg(format!("--port={port}"))
            .env("JUPYTER_TOKEN", TOKEN)
            .env("KG_AUTH_TOKEN", TOKEN)
            .env("FOLDER", &folder)
            .env("JUPYTER_RUNTIME_DIR", folder.join("runtime"))
            .env("JUPYTER_CONFIG_DIR", folder.join("config"))
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let jupyter = Self { port, token_file, _process: process };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(start.elapsed() < Duration::from_mins(3), "{what:?} does not start: {log}");
            std::thread::sleep(Duration::from_millis(100));
        }
        jupyter
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The kernels that run there, as the server lists them.
    pub(super) fn kernels(&self) -> String {
        let request = ureq::get(format!("{}/api/kernels", self.url()));
        let mut answer = request.header("Authorization", format!("token {TOKEN}")).call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    }

    /// The binary on a project that lies below the server's root, by way of this address.
    pub(super) fn command(&self, case: &Case, arguments: &str, url: &str) -> Command {
        let folder = case.path("").file_name().unwrap().to_str().unwrap().to_owned();
        let mut command = case.command(&format!("{arguments} --server {url} --server-dir {folder}"));
        command.arg("--token-file").arg(&self.token_file).env_remove("JUPYTER_TOKEN");
        command
    }

    /// Runs the binary, which leaves no kernel there and shows no token.
    pub(super) fn run(&self, case: &Case, arguments: &str) -> Run {
        self.told(case, self.command(case, arguments, &self.url()))
    }

    pub(super) fn told(&self, case: &Case, mut command: Command) -> Run {
        let run = case.told(&command.output().unwrap());
        assert!(!run.to_string().contains(TOKEN), "{run}");
        assert_eq!(self.kernels(), "[]", "{run}");
        run
    }
}

/// A server that no other test uses meanwhile.
type Taken = Option<MutexGuard<'static, Jupyter>>;

fn take(jupyter: &'static OnceLock<Option<Mutex<Jupyter>>>, what: &[&str]) -> Taken {
    let jupyter = jupyter.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let python = target.join("jupyter/bin/python");
        if python.exists() && has_kernel() {
            return Some(Mutex::new(Jupyter::start(&python, what)));
        }
        assert!(std::env::var_os("NBEXPORT_REQUIRE_SERVER").is_none(), "there is no {}", python.display());
        eprintln!("skipped, since there is no {} or no kernel", python.display());
        None
    });
    jupyter.as_ref().map(|jupyter| jupyter.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A server passes on a thousand outputs a second and no more, unless it is told to pass on all: a cell that prints more
/// has no verdict there, however fast the machine.
const NO_LIMIT: &str = "--ZMQChannelsWebsocketConnection.limit_rate=False";

fn take_server(jupyter: &'static OnceLock<Option<Mutex<Jupyter>>>, setting: &[&str]) -> Taken {
    let root = format!("--ServerApp.root_dir={}", std::env::temp_dir().display());
    take(jupyter, &[&["-m", "jupyter_server", "--allow-root", "--no-browser", &root], setting].concat())
}

/// A Jupyter Server to oneself, if there is one.
pub(super) fn server() -> Taken {
    static SERVER: OnceLock<Option<Mutex<Jupyter>>> = OnceLock::new();
    take_server(&SERVER, &[NO_LIMIT])
}

/// One that passes on as much as it does when nothing else is said.
pub(super) fn server_that_limits() -> Taken {
    static SERVER: OnceLock<Option<Mutex<Jupyter>>> = OnceLock::new();
    take_server(&SERVER, &[])
}

/// A Kernel Gateway to oneself, if there is one.
pub(super) fn gateway() -> Taken {
    static GATEWAY: OnceLock<Option<Mutex<Jupyter>>> = OnceLock::new();
    let list = "--JupyterWebsocketPersonality.list_kernels=True";
    take(&GATEWAY, &["-m", "kernel_gateway", list, NO_LIMIT])
}
