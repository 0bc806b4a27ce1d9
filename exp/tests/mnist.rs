//! The MNIST loader, as a user of the crate sees it: which files it reads, what it says of all others, and how it gets
//! the file from a server. The servers are on this machine; no test needs a network.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use exp::mnist::{self, Config, Error, Mnist, Source};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{name}.pkl.gz"))
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

/// The message for a file of this content.
#[track_caller]
fn refused(content: &[u8]) -> String {
    mnist::from_reader(content).expect_err("it is no good file").to_string()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(content).unwrap();
    packed.finish().unwrap()
}

fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    std::io::copy(&mut GzDecoder::new(packed), &mut content).unwrap();
    content
}

fn same_rows(a: &Mnist, b: &Mnist) -> bool {
    (&a.train, &a.valid, &a.test) == (&b.train, &b.valid, &b.test)
}

// What is read.

#[test]
fn the_sample_is_the_first_rows_of_each_part() {
    let mnist = mnist::sample();
    assert_eq!(mnist.train.x.dim(), (2_000, 784));
    assert_eq!(mnist.valid.x.dim(), (500, 784));
    assert_eq!(mnist.test.x.dim(), (500, 784));
    assert_eq!(mnist.train.y.to_vec()[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    assert_eq!((mnist.valid.y[0], mnist.test.y[0]), (3, 7));
    assert!(mnist.train.x.iter().all(|pixel| (0.0..1.0).contains(pixel)));
    assert_eq!(mnist.sha256(), "d7853ed2efebff2227356e3cdd6041bf555e8e25e0919161c93e97e948d50727");
    assert_eq!(mnist.source.to_string(), "the embedded sample of 2,000 / 500 / 500 rows (it was asked for)");
}

#[test]
fn every_python_and_numpy_gives_the_same_rows() {
    let expected = mnist::from_path(fixture("python2_protocol2")).unwrap();
    assert_eq!(expected.train.y.to_vec(), [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    let sample = mnist::sample();
    assert_eq!(expected.train.x, sample.train.x.slice(ndarray::s![..10, ..]));
    assert_eq!(expected.test.x, sample.test.x.slice(ndarray::s![..3, ..]));
    for name in [
        "numpy1_protocol2",
        "numpy1_protocol3",
        "numpy1_protocol4",
        "numpy2_protocol2",
        "numpy2_protocol3",
        "numpy2_protocol4",
        "float64_int32",
        "uint8_labels",
        "big_endian",
        "big_endian_float64_int32",
        "fortran",
    ] {
        let mnist = mnist::from_path(fixture(name)).unwrap_or_else(|error| panic!("{error}"));
        assert!(same_rows(&mnist, &expected), "{name}");
        assert!(mnist.train.x.is_standard_layout(), "{name}: a row is a slice");
        assert_eq!(mnist.source, Source::File(fixture(name)));
    }
}

#[test]
fn a_reader_gives_what_a_file_gives() {
    let mnist = mnist::from_reader(&bytes("numpy2_protocol4")[..]).unwrap();
    assert!(same_rows(&mnist, &mnist::from_path(fixture("numpy2_protocol4")).unwrap()));
    assert_eq!(mnist.source.to_string(), "a reader");
}

// What is refused, and in which words.

#[test]
fn protocol_5_is_refused_with_the_way_to_convert_it() {
    for name in ["numpy1_protocol5", "numpy2_protocol5"] {
        let path = fixture(name);
        assert_eq!(
            mnist::from_path(&path).unwrap_err().to_string(),
            format!(
                "{}: the pickle has protocol 5, and only protocols 2 to 4 are read; convert it with `python3 -c \
                 \"import gzip, pickle; d = pickle.load(gzip.open('mnist.pkl.gz')); pickle.dump(d, \
                 gzip.open('mnist4.pkl.gz', 'wb'), 4)\"`",
                path.display()
            )
        );
    }
}

#[test]
fn a_pickle_of_something_else_is_named() {
    let whole = "; the whole must be ((x_train, y_train), (x_valid, y_valid), (x_test, y_test)), tuples of numpy arrays";
    for (name, found) in [
        ("a_dict", "a dict of 3 where a tuple of 3 parts was expected"),
        ("a_list", "a list of 3 where a tuple of 3 parts was expected"),
        ("a_list_of_parts", "a list of 3 where a tuple of 3 parts was expected"),
        ("two_parts", "a tuple of 2 where a tuple of 3 parts was expected"),
        ("a_part_of_three", "a tuple of 3 where the pair (x_train, y_train) was expected"),
        ("no_array", "a list of 2 where the numpy array x_train was expected"),
        ("objects", "an array of Python objects where the numpy array y_train was expected"),
        (
            "same_array_twice",
            "a reference to an earlier array (save copies) where the numpy array x_test was expected",
        ),
    ] {
        let path = fixture(name);
        assert_eq!(
            mnist::from_path(&path).unwrap_err().to_string(),
            format!("{}: the pickle holds {found}{whole}", path.display())
        );
    }
}

#[test]
fn arrays_of_other_shapes_types_or_ranges_are_named() {
    let pixels = "and float32 or float64 is read; save it with `.astype('float32') / 256`";
    let digits = "and labels are the digits 0 to 9, as integers";
    for (name, said) in [
        ("empty", "x_train is empty: its shape is (0, 784)".to_owned()),
        (
            "rows_28_28",
            "x_train has shape (2, 28, 28), and (n, 784) was expected: a row of 28 × 28 pixels per image".to_owned(),
        ),
        ("one_hot", "y_train has shape (2, 10), and (n,) was expected: one digit per image".to_owned()),
        ("more_labels", "x_train has 2 images, and y_train has 4 labels; they must be as many".to_owned()),
        ("uint8_images", format!("x_train has dtype u1, {pixels}")),
        ("int32_images", format!("x_train has dtype i4, {pixels}")),
        (
            "int32_images_in_train_only",
            "x_train has no pixel brighter than 3.57e-43: its numbers are no floating-point pixels from 0 to 1"
                .to_owned(),
        ),
        (
            "pixels_to_255",
            "x_train has a pixel of 3, and pixels lie from 0 to 1; divide by 256 before saving".to_owned(),
        ),
        (
            "nan",
            "x_train has a pixel of NaN, and pixels lie from 0 to 1; divide by 256 before saving".to_owned(),
        ),
        ("label_10", format!("y_train has the label 11 in row 0, {digits}")),
        ("negative_label", format!("y_train has the label -1 in row 1, {digits}")),
        (
            "float_labels",
            "y_train has dtype f8, and int64, int32 or uint8 is read; save it with `.astype('int64')`".to_owned(),
        ),
    ] {
        let path = fixture(name);
        let error = mnist::from_path(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("{}: {said}", path.display()));
    }
}

#[test]
fn what_is_no_gzip_file_is_told_by_its_first_bytes() {
    assert_eq!(refused(b""), "the reader: the file is empty; get it again");
    assert_eq!(
        refused(b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>"),
        "the reader: this is an HTML page, not a gzipped pickle: the address leads to a page about the file (or to a \
         login page); save the raw file instead"
    );
    assert_eq!(
        refused(&gunzip(&bytes("numpy2_protocol4"))),
        "the reader: this is a pickle that is not compressed; compress it with `gzip`"
    );
    assert_eq!(
        refused(b"PK\x03\x04 a zip archive, which is not read"),
        "the reader: this is not a gzip file (it begins with \"PK\\x03\\x04 a zip archive, whic\"); expected \
         mnist.pkl.gz, a gzipped pickle"
    );
    assert_eq!(
        refused(&gzip(b"label,pixel0,pixel1\n")),
        "the reader: the gzip file holds no pickle that can be read: it begins with \"la\", not with the mark of \
         pickle protocols 2 to 4"
    );
    assert!(refused(&gzip(b"")).contains("it begins with \"\""));
}

#[test]
fn a_file_cut_off_anywhere_says_so() {
    let whole = bytes("numpy2_protocol4");
    for length in 2..whole.len() {
        let said = refused(&whole[..length]);
        assert!(
            said.starts_with("the reader: the file is cut off: its gzip stream ends after "),
            "{length}: {said}"
        );
    }
    let pickle = gunzip(&whole);
    assert_eq!(
        refused(&gzip(&pickle[..pickle.len() / 2])),
        "the reader: the gzip file holds no pickle that can be read: it ends in the middle; get it again"
    );
}

#[test]
fn a_damaged_file_never_gives_other_rows() {
    let whole = bytes("python2_protocol2");
    let expected = mnist::from_reader(&whole[..]).unwrap();
    let mut named = 0;
    // Ten bytes of header, which have no checksum, and whose time and system tell nothing of the content.
    for at in 10..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        match mnist::from_reader(&damaged[..]) {
            Ok(mnist) => assert!(same_rows(&mnist, &expected), "byte {at}"),
            Err(error) => {
                named += usize::from(error.to_string().contains("the file is damaged: its gzip stream"));
            }
        }
    }
    // A damage that looks like a missing end is called a cut-off file.
    assert!(named * 100 > whole.len() * 95, "{named} of {}", whole.len());
}

#[test]
fn a_broken_pickle_is_an_error_and_no_panic() {
    let pickle = gunzip(&bytes("python2_protocol2"));
    let instructions = (0..150).chain(pickle.len() - 60..pickle.len());
    for at in instructions {
        for flip in [0x01, 0x02, 0x10, 0x80, 0xff] {
            let mut broken = pickle.clone();
            broken[at] ^= flip;
            // Some flips change a name or a version that means nothing here, so not all are errors.
            if let Err(error) = mnist::from_reader(&gzip(&broken)[..]) {
                assert!(error.to_string().len() < 600, "{error}");
            }
        }
    }
    let mut more = pickle.clone();
    more.push(b'.');
    assert_eq!(
        refused(&gzip(&more)),
        "the reader: the gzip file holds no pickle that can be read: there is more after its end"
    );
}

#[test]
fn a_named_file_that_cannot_be_read_is_an_error_and_no_fall_back() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(vec![Reply::Whole(bytes("python2_protocol2"))]);
    let path = folder.path().join("nowhere.pkl.gz");
    let config = Config { path: Some(path.clone()), ..config(&server.url, &folder) };
    let said = config.load().unwrap_err().to_string();
    assert!(said.starts_with(&format!("cannot open {}: ", path.display())), "{said}");
    assert!(said.ends_with("; MNIST_PATH names it, and nothing else is tried while it is set"), "{said}");

    fs::write(&path, "not gzip").unwrap();
    let said = config.load().unwrap_err().to_string();
    assert!(said.starts_with(&format!("{}: this is not a gzip file", path.display())), "{said}");

    fs::write(&path, bytes("numpy2_protocol4")).unwrap();
    assert_eq!(config.load().unwrap().source, Source::File(path));

    let folder = Config { path: Some(folder.path().to_owned()), ..config };
    assert!(folder.load().is_err());
    assert!(server.requests().is_empty());
}

// What comes from a server.

/// What the server sends to one request.
enum Reply {
    /// All of it, whatever range was asked for.
    Whole(Vec<u8>),
    /// The range that was asked for.
    Range(Vec<u8>),
    /// A range that was not asked for: the last ten bytes.
    WrongRange(Vec<u8>),
    /// That many bytes of what was asked for, under the length of all that is missing.
    CutOff(Vec<u8>, usize),
    /// That many bytes, with no length told.
    CutOffUnseen(Vec<u8>, usize),
    /// Go elsewhere, to the same server.
    Redirect,
    Status(u16),
}

/// An HTTP server on this machine that sends prepared replies, one to each request, and is gone after the last.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Server {
    fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mnist.pkl.gz", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for reply in replies {
                let (stream, _) = listener.accept().unwrap();
                let from = request(&stream);
                seen.lock().unwrap().push(from);
                // A client that has read enough hangs up; that is its right.
                let _ = reply.send(stream, from);
            }
        });
        Self { url, requests }
    }

    /// From which byte on each request asked, if it asked for a range.
    fn requests(&self) -> Vec<Option<usize>> {
        self.requests.lock().unwrap().clone()
    }
}

/// Reads a request, and gives the start of the range that it asks for.
fn request(stream: &TcpStream) -> Option<usize> {
    let mut from = None;
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = Some(range.trim_end_matches('-').parse().unwrap());
        }
    }
    from
}

impl Reply {
    fn send(self, mut stream: TcpStream, from: Option<usize>) -> std::io::Result<()> {
        let part = |all: &[u8], from: usize| {
            let total = all.len();
            format!(
                "206 Partial Content\r\ncontent-range: bytes {from}-{}/{total}\r\ncontent-length: {}",
                total - 1,
                total - from
            )
        };
        let whole = |all: &[u8]| format!("200 OK\r\ncontent-length: {}", all.len());
        let (head, body) = match self {
            Self::Whole(all) => (whole(&all), all),
            Self::Range(all) => match from {
                Some(from) if from < all.len() => (part(&all, from), all[from..].to_vec()),
                Some(_) => ("416 Range Not Satisfiable\r\ncontent-length: 0".to_owned(), Vec::new()),
                None => (whole(&all), all),
            },
            Self::WrongRange(all) => {
                let from = all.len() - 10;
                (part(&all, from), all[from..].to_vec())
            }
            Self::CutOff(all, n) => {
                let begin = from.unwrap_or(0);
                let head = if begin > 0 { part(&all, begin) } else { whole(&all) };
                (head, all[begin..begin + n].to_vec())
            }
            Self::CutOffUnseen(all, n) => ("200 OK".to_owned(), all[..n].to_vec()),
            Self::Redirect => ("302 Found\r\nlocation: /raw\r\ncontent-length: 0".to_owned(), Vec::new()),
            Self::Status(status) => (format!("{status} Whatever\r\ncontent-length: 4"), b"oops".to_vec()),
        };
        stream.write_all(format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n").as_bytes())?;
        stream.write_all(&body)
    }
}

/// The address of a server that is not there.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/mnist.pkl.gz", listener.local_addr().unwrap())
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
    let start = Instant::now();
    let url = nobody();
    let mnist = config(&url, &folder).load().unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
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

// What `load` makes of the environment. It is read once per process, so each case is a process of its own: this very
// program, told to run `load_twice` alone.

#[test]
#[ignore = "the tests below run it, with an environment of their own"]
fn load_twice() {
    if std::env::var_os("MNIST_TEST_CHILD").is_some() {
        for _ in 0..2 {
            match mnist::load() {
                Ok(mnist) => println!("loaded: {} rows from {}", mnist.train.y.len(), mnist.source),
                Err(error) => println!("refused: {error}"),
            }
        }
    }
}

/// What `load_twice` prints, and what it says on standard error.
#[cfg(unix)]
fn load_in(folder: &TempDir, variables: &[(&str, &str)]) -> (Vec<String>, String) {
    let out = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "load_twice", "--nocapture"])
        .env_remove("MNIST_PATH")
        .env_remove("MNIST_URL")
        // The cache folder follows from these on Linux and on macOS.
        .env("HOME", folder.path())
        .env("XDG_CACHE_HOME", folder.path())
        .env("MNIST_TEST_CHILD", "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said = |line: &&str| line.starts_with("loaded: ") || line.starts_with("refused: ");
    let stdout = String::from_utf8(out.stdout).unwrap();
    let lines = stdout.lines().map(|line| line.trim_start_matches("test load_twice ... ")).filter(said);
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
