//! What `load` makes of the environment. It is read once per process, so each case is a process of its own: this very
//! program, told to run `load_twice` alone.

use std::env;
use std::path::PathBuf;

use exp::mnist;
use tempfile::TempDir;

use crate::server::{Reply, Server, nobody};
use crate::{bytes, fixture};

#[test]
#[ignore = "the tests below run it, with an environment of their own"]
fn load_twice() {
    if env::var_os("MNIST_TEST_CHILD").is_some() {
        for _ in 0..2 {
            match mnist::load() {
                Ok(mnist) => println!("loaded: {} rows from {}", mnist.train.y.len(), mnist.source),
                Err(error) => println!("refused: {error}"),
            }
        }
    }
}

#[cfg(unix)]
fn cargo_home() -> PathBuf {
    let default = || env::home_dir().expect("a home folder").join(".cargo");
    env::var_os("CARGO_HOME").map_or_else(default, PathBuf::from)
}

/// What `load_twice` prints, and what it says on standard error.
#[cfg(unix)]
fn load_in(folder: &TempDir, variables: &[(&str, &str)]) -> (Vec<String>, String) {
    let out = std::process::Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "environment::load_twice", "--nocapture"])
        .env_remove("MNIST_PATH")
        .env_remove("MNIST_URL")
        // The cache folder follows from these on Linux and on macOS.
        .env("HOME", folder.path())
        // Cargo, which builds the program that downloads, keeps its own folder.
        .env("CARGO_HOME", cargo_home())
        .env("XDG_CACHE_HOME", folder.path())
        .env("MNIST_TEST_CHILD", "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said = |line: &&str| line.starts_with("loaded: ") || line.starts_with("refused: ");
    let stdout = String::from_utf8(out.stdout).unwrap();
    let lines =
        stdout.lines().map(|line| line.trim_start_matches("test environment::load_twice ... ")).filter(said);
    (lines.map(str::to_owned).collect(), String::from_utf8(out.stderr).unwrap())
}

#[cfg(unix)]
#[test]
fn mnist_path_names_the_file() {
    let folder = TempDir::new().unwrap();
    let path = fixture("numpy1_protocol3").display().to_string();
    let (lines, stderr) = load_in(&folder, &[("MNIST_PATH", &path), ("MNIST_URL", &nobody())]);
    assert_eq!(lines, [format!("loaded: 10 rows from the file {path}"), lines[0].clone()]);
    assert_eq!(stderr, "");

    let path = folder.path().join("typo.pkl.gz").display().to_string();
    let (lines, _) = load_in(&folder, &[("MNIST_PATH", &path)]);
    assert!(lines[0].starts_with(&format!("refused: cannot open {path}: ")), "{lines:?}");
}

#[cfg(unix)]
#[test]
fn without_network_the_sample_is_announced_once() {
    let folder = TempDir::new().unwrap();
    let url = nobody();
    let (lines, stderr) = load_in(&folder, &[("MNIST_PATH", ""), ("MNIST_URL", &url)]);
    let begin =
        format!("loaded: 2000 rows from the embedded sample of 2,000 / 500 / 500 rows (no answer from {url}");
    assert!(lines.len() == 2 && lines.iter().all(|line| line.starts_with(&begin)), "{lines:?}");
    assert_eq!(stderr.matches("MNIST: this is the embedded sample").count(), 1, "{stderr}");
    assert!(stderr.contains("; for all 70,000 rows set MNIST_PATH to a copy of mnist.pkl.gz"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn mnist_url_names_the_mirror_whose_content_is_checked() {
    let folder = TempDir::new().unwrap();
    let server =
        Server::start(vec![Reply::Whole(bytes("numpy2_protocol4")), Reply::Whole(bytes("numpy2_protocol4"))]);
    let (lines, stderr) = load_in(&folder, &[("MNIST_URL", &server.url)]);
    // A few rows are not the course's 70,000, whatever server they come from.
    let begin = format!("refused: what {} sends is not the MNIST of the course: it has other", server.url);
    assert!(lines[0].starts_with(&begin), "{lines:?}");
    assert!(stderr.contains("MNIST: downloading it once more from the beginning"), "{stderr}");
    assert!(lines[1].contains("no answer from"), "the server is gone: {lines:?}");
}
