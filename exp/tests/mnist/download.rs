//! How the file comes from a server, and what is said when it does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use exp::mnist::{self, Config, Error, Mnist, Source};
use tempfile::TempDir;

use crate::server::{Reply, Server, nobody};
use crate::{bytes, config, fixture, same_rows};

fn target(folder: &TempDir) -> PathBuf {
    folder.path().join("cache/mnist.pkl.gz")
}

fn part(folder: &TempDir) -> PathBuf {
    folder.path().join("cache/mnist.pkl.gz.part")
}

/// A folder where an earlier call got this far.
fn begun(bytes: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("cache")).unwrap();
    fs::write(part(&folder), bytes).unwrap();
    folder
}

/// The download came, is whole, and left nothing half done.
#[track_caller]
fn downloaded(mnist: &Mnist, server: &Server, folder: &TempDir) {
    assert_eq!(mnist.source, Source::Download { url: server.url.clone(), cache: target(folder) });
    assert!(same_rows(mnist, &mnist::from_path(fixture("python2_protocol2")).unwrap()));
    assert!(same_rows(mnist, &mnist::from_path(target(folder)).unwrap()));
    assert!(!part(folder).exists());
}

#[test]
fn a_download_is_kept_and_used_again() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(vec![Reply::Whole(bytes("python2_protocol2"))]);
    let config = config(&server.url, &folder);
    downloaded(&config.load().unwrap(), &server, &folder);
    let again = config.load().unwrap();
    assert_eq!(again.source, Source::Cache(target(&folder)));
    assert_eq!(again.source.to_string(), format!("the cache, {}", target(&folder).display()));
    assert_eq!(server.requests(), [None]);
}

#[test]
fn a_mirror_may_have_other_bytes_of_the_same_content() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(vec![Reply::Whole(bytes("float64_int32"))]);
    downloaded(&config(&server.url, &folder).load().unwrap(), &server, &folder);
}

#[test]
fn a_download_goes_on_where_an_earlier_call_was_interrupted() {
    let good = bytes("python2_protocol2");
    let folder = begun(&good[..1500]);
    let server = Server::start(vec![Reply::Range(good)]);
    downloaded(&config(&server.url, &folder).load().unwrap(), &server, &folder);
    assert_eq!(server.requests(), [Some(1500)]);
}

#[test]
fn a_redirect_keeps_the_range() {
    let good = bytes("python2_protocol2");
    let folder = begun(&good[..1500]);
    let server = Server::start(vec![Reply::Redirect, Reply::Range(good)]);
    downloaded(&config(&server.url, &folder).load().unwrap(), &server, &folder);
    assert_eq!(server.requests(), [Some(1500), Some(1500)]);
}

#[test]
fn a_transfer_that_breaks_is_taken_up_again_at_once() {
    let good = bytes("python2_protocol2");
    let folder = TempDir::new().unwrap();
    let server = Server::start(vec![
        Reply::CutOff(good.clone(), 1000),
        Reply::CutOff(good.clone(), 500),
        Reply::Range(good),
    ]);
    downloaded(&config(&server.url, &folder).load().unwrap(), &server, &folder);
    assert_eq!(server.requests(), [None, Some(1000), Some(1500)]);
}

#[test]
fn a_transfer_that_keeps_breaking_is_an_error_and_what_came_is_kept() {
    let good = bytes("python2_protocol2");
    let folder = TempDir::new().unwrap();
    let mut replies: Vec<Reply> = (0..3).map(|_| Reply::CutOff(good.clone(), 700)).collect();
    replies.push(Reply::Range(good.clone()));
    let server = Server::start(replies);
    let config = config(&server.url, &folder);
    let error = config.load().unwrap_err();
    assert!(matches!(error, Error::Interrupted { .. }), "{error}");
    let said = error.to_string();
    assert!(said.starts_with(&format!("the download of {} was interrupted: ", server.url)), "{said}");
    let way_out = format!("; run it again, and it goes on from {}", part(&folder).display());
    assert!(said.ends_with(&way_out), "{said}");
    assert_eq!(fs::read(part(&folder)).unwrap(), good[..2100]);

    downloaded(&config.load().unwrap(), &server, &folder);
    assert_eq!(server.requests(), [None, Some(700), Some(1400), Some(2100)]);
}

#[test]
fn a_network_that_goes_away_meanwhile_is_an_error_and_no_fall_back() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(vec![Reply::CutOff(bytes("python2_protocol2"), 700)]);
    let error = config(&server.url, &folder).load().unwrap_err();
    assert!(matches!(error, Error::Interrupted { .. }), "{error}");
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let good = bytes("python2_protocol2");
    let folder = begun(&good[..1500]);
    let server = Server::start(vec![Reply::Whole(good)]);
    downloaded(&config(&server.url, &folder).load().unwrap(), &server, &folder);
    assert_eq!(server.requests(), [Some(1500)]);
}

#[test]
fn a_range_that_does_not_fit_is_not_used() {
    let good = bytes("python2_protocol2");
    for reply in [Reply::WrongRange(good.clone()), Reply::Status(416)] {
        let folder = begun(&good[..1500]);
        let server = Server::start(vec![reply, Reply::Range(good.clone())]);
        downloaded(&config(&server.url, &folder).load().unwrap(), &server, &folder);
        assert_eq!(server.requests(), [Some(1500), None]);
    }
}

#[test]
fn the_beginning_of_another_file_is_found_out_and_dropped() {
    let good = bytes("python2_protocol2");
    let folder = begun(&bytes("numpy1_protocol2")[..1500]);
    let server = Server::start(vec![Reply::Range(good.clone()), Reply::Range(good)]);
    downloaded(&config(&server.url, &folder).load().unwrap(), &server, &folder);
    assert_eq!(server.requests(), [Some(1500), None]);
}

#[test]
fn a_file_that_comes_damaged_is_got_once_more() {
    let good = bytes("python2_protocol2");
    let folder = TempDir::new().unwrap();
    let server = Server::start(vec![Reply::CutOffUnseen(good.clone(), 2000), Reply::Whole(good)]);
    downloaded(&config(&server.url, &folder).load().unwrap(), &server, &folder);
    assert_eq!(server.requests(), [None, None]);
}

#[test]
fn what_is_not_the_course_s_file_is_an_error_and_is_not_kept() {
    let page = b"<html>sign in first</html>".to_vec();
    for (content, said) in [
        (bytes("uint8_images"), "x_train has dtype u1"),
        (page, "this is an HTML page"),
        (fs::read(sample()).unwrap(), "it has other images or labels (sha256 of the content d7853ed2"),
    ] {
        let folder = TempDir::new().unwrap();
        let server = Server::start(vec![Reply::Whole(content.clone()), Reply::Whole(content)]);
        let error = config(&server.url, &folder).load().unwrap_err().to_string();
        let begin = format!("what {} sends is not the MNIST of the course: {said}", server.url);
        assert!(error.starts_with(&begin), "{error}");
        assert!(
            error.ends_with("set MNIST_URL to a mirror or MNIST_PATH to a copy of mnist.pkl.gz"),
            "{error}"
        );
        assert_eq!(server.requests(), [None, None], "tried twice");
        assert!(!part(&folder).exists() && !target(&folder).exists());
    }
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist_sample.pkl.gz")
}

#[test]
fn a_server_that_does_not_have_it_is_an_error() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(vec![Reply::Status(404)]);
    assert_eq!(
        config(&server.url, &folder).load().unwrap_err().to_string(),
        format!(
            "{} answers with HTTP status 404; set MNIST_URL to a mirror or MNIST_PATH to a copy of mnist.pkl.gz",
            server.url
        )
    );
}

#[test]
fn an_address_that_is_none_is_an_error() {
    let folder = TempDir::new().unwrap();
    for url in ["mnist.pkl.gz", "ftp://127.0.0.1/mnist.pkl.gz", "http://"] {
        let said = config(url, &folder).load().unwrap_err().to_string();
        assert!(said.starts_with(&format!("cannot download {url}: ")), "{said}");
    }
}

#[test]
fn without_network_the_sample_comes_soon_and_says_why() {
    let folder = TempDir::new().unwrap();
    let url = nobody();
    let mnist = config(&url, &folder).load().unwrap();
    assert!(same_rows(&mnist, &mnist::sample()));
    let said = mnist.source.to_string();
    let begin = format!("the embedded sample of 2,000 / 500 / 500 rows (no answer from {url}: ");
    assert!(said.starts_with(&begin), "{said}");
    assert!(!part(&folder).exists() && !target(&folder).exists(), "nothing is left behind");
}

#[test]
fn without_a_cache_folder_nothing_is_downloaded() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(vec![Reply::Whole(bytes("python2_protocol2"))]);
    let mnist = Config { cache: None, ..config(&server.url, &folder) }.load().unwrap();
    assert!(mnist.source.to_string().contains("there is no cache folder"), "{}", mnist.source);
    assert!(server.requests().is_empty());
}

#[test]
fn a_cache_that_cannot_be_written_is_an_error() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("cache"), "a file in the folder's place").unwrap();
    let error = config(&nobody(), &folder).load().unwrap_err();
    assert!(matches!(error, Error::Cache { .. }), "{error}");
    let said = error.to_string();
    assert!(
        said.contains(&format!("cannot use the cache, {}", folder.path().join("cache").display())),
        "{said}"
    );
    assert!(said.ends_with("make it accessible, or set MNIST_PATH to a copy of mnist.pkl.gz"), "{said}");
}

#[test]
fn a_damaged_file_in_the_cache_is_got_anew() {
    let good = bytes("python2_protocol2");
    let folder = begun(b"");
    fs::remove_file(part(&folder)).unwrap();
    fs::write(target(&folder), &good[..3000]).unwrap();
    let offline = config(&nobody(), &folder).load().unwrap();
    assert!(matches!(offline.source, Source::Sample { .. }), "{}", offline.source);
    let server = Server::start(vec![Reply::Whole(good)]);
    downloaded(&config(&server.url, &folder).load().unwrap(), &server, &folder);
}

#[test]
fn two_downloads_at_once_ask_the_server_once() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(vec![Reply::Whole(bytes("python2_protocol2"))]);
    let config = config(&server.url, &folder);
    let sources: Vec<Source> = thread::scope(|scope| {
        let both: Vec<_> = (0..2).map(|_| scope.spawn(|| config.load().unwrap().source)).collect();
        both.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let downloads = sources.iter().filter(|source| matches!(source, Source::Download { .. })).count();
    let cached = sources.iter().filter(|source| matches!(source, Source::Cache(_))).count();
    assert_eq!((downloads, cached), (1, 1));
}

#[test]
fn the_environment_s_configuration_is_the_course_s() {
    let config = Config::from_env();
    assert_eq!(config.sha256, mnist::SHA256);
    // CI may have a copy at hand.
    if std::env::var_os("MNIST_URL").is_none() {
        assert_eq!(config.url, mnist::URL);
    }
    if let Some(cache) = config.cache {
        assert!(cache.ends_with("nbexport"), "{}", cache.display());
    }
}
