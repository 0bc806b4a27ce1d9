//! The MNIST loader, as a user of the crate sees it: which files it reads, what it says of all others, and how it gets
//! the file from a server. The servers are on this machine; no test needs a network.

mod download;
mod environment;
mod format;
mod server;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use exp::mnist::{self, Config, Mnist};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{name}.pkl.gz"))
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(content).unwrap();
    packed.finish().unwrap()
}

fn same_rows(a: &Mnist, b: &Mnist) -> bool {
    (&a.train, &a.valid, &a.test) == (&b.train, &b.valid, &b.test)
}

/// Downloads go to `folder`, and must be the good fixture.
fn config(url: &str, folder: &TempDir) -> Config {
    let good = mnist::from_path(fixture("python2_protocol2")).unwrap();
    Config {
        path: None,
        url: url.to_owned(),
        cache: Some(folder.path().join("cache")),
        sha256: good.sha256(),
    }
}
