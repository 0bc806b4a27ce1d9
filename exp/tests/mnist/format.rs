//! Which files are read, and in which words all others are refused.

use std::fs;

use exp::mnist::{self, Config, Source};
use flate2::read::GzDecoder;
use tempfile::TempDir;

use crate::server::{Reply, Server};
use crate::{bytes, config, fixture, gzip, same_rows};

/// The message for a file of this content.
#[track_caller]
fn refused(content: &[u8]) -> String {
    mnist::from_reader(content).expect_err("it is no good file").to_string()
}

fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    std::io::copy(&mut GzDecoder::new(packed), &mut content).unwrap();
    content
}

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
            "x_train has shape (2, 28, 28), and (n, 784) was expected: a row of 28 × 28 pixels per image"
                .to_owned(),
        ),
        ("one_hot", "y_train has shape (2, 10), and (n,) was expected: one digit per image".to_owned()),
        ("more_labels", "x_train has 2 images, and y_train has 4 labels; they must be as many".to_owned()),
        ("uint8_images", format!("x_train has dtype u1, {pixels}")),
        ("int32_images", format!("x_train has dtype i4, {pixels}")),
        ("int32_images_in_train_only", format!("x_train has dtype i4, {pixels}")),
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
            "y_train has dtype f8, and int64, int32 or uint8 is read; save it with `.astype('int64')`"
                .to_owned(),
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

/// A pickle of protocol 2 with these instructions.
fn pickle(instructions: &[u8]) -> Vec<u8> {
    gzip(&[b"\x80\x02", instructions, b"."].concat())
}

const NOT_PICKLE: &str = "the reader: the gzip file holds no pickle that can be read: ";

#[test]
fn nested_tuples_are_a_tuple_and_no_stack_overflow() {
    let nested = pickle(&[&b")"[..], &b"\x85".repeat(20_000)].concat());
    assert!(
        refused(&nested).starts_with("the reader: the pickle holds a tuple of 1 where a tuple of 3 parts")
    );
}

#[test]
fn a_pickle_of_very_many_instructions_is_left() {
    let said = format!(
        "{NOT_PICKLE}it takes more than 100000 instructions; save numpy arrays, not lists of numbers or other objects"
    );
    for bomb in [&b"("[..], b"N", b"(t", b"Nq\x00", b"]"] {
        assert_eq!(refused(&pickle(&bomb.repeat(3_000_000))), said);
    }
}

#[test]
fn integers_of_many_digits_are_not_computed() {
    let mut digits = b"L".to_vec();
    digits.extend(b"7".repeat(3_000_000));
    assert_eq!(
        refused(&pickle(&[&digits[..], b"L\n"].concat())),
        format!("{NOT_PICKLE}its instruction 0x4c is none that numpy arrays need")
    );
    assert_eq!(
        refused(&pickle(b"\x8a\x09\0\0\0\0\0\0\0\0\x01")),
        format!("{NOT_PICKLE}it has an integer of more than 64 bits")
    );
}

#[test]
fn a_length_that_a_file_only_promises_takes_no_memory() {
    for promise in
        [&b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"[..], b"B\xff\xff\xff\xff", b"\x8d\0\0\0\0\xff\0\0\0"]
    {
        assert_eq!(refused(&pickle(promise)), format!("{NOT_PICKLE}it ends in the middle; get it again"));
    }
    assert_eq!(
        refused(&pickle(b"T\xff\xff\xff\xff")),
        format!("{NOT_PICKLE}a string in it has less than no bytes")
    );
}

#[test]
fn a_few_kilobytes_that_decode_to_gigabytes_are_left() {
    // One gzip stream of 16 MiB of zeros, again and again: gzip's own way to join files.
    let zeros = gzip(&vec![0; 1 << 24]);
    let head = gzip(b"\x80\x02B\xff\xff\xff\xff");
    let bomb = [head, zeros.repeat(200)].concat();
    assert_eq!(
        refused(&bomb),
        "the reader: the gzip file decodes to more than 1073741824 bytes, and MNIST has less; get the course's file"
    );
}
