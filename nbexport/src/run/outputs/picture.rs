//! What a picture shows, without what its file says beside: when it was made, and by what.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};

/// Notebooks keep their pictures with padding; one without is a picture, too.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Something that is equal for equal pictures. `base64` is how notebooks keep them.
pub(super) fn content(base64: &str) -> String {
    let base64: String = base64.split_whitespace().collect();
    let Ok(bytes) = BASE64.decode(&base64) else { return base64 };
    let mut hash = Sha256::new();
    match png_chunks(&bytes) {
        // Only the chunks whose names begin with a capital say what is to be seen, and `tRNS` what is seen through.
        Some(chunks) => chunks
            .into_iter()
            .filter(|(name, _)| name[0].is_ascii_uppercase() || *name == *b"tRNS")
            .for_each(|(name, data)| {
                // However many pieces the pixels are cut into.
                if name != *b"IDAT" {
                    hash.update(name);
                }
                hash.update(data);
            }),
        None => hash.update(&bytes),
    }
    format!("{:x?}", hash.finalize())
}

/// The chunks of a PNG file, each with its name; `None` for another file.
fn png_chunks(bytes: &[u8]) -> Option<Vec<([u8; 4], &[u8])>> {
    let mut rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (name, after) = after.split_first_chunk::<4>()?;
        let (data, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        chunks.push((*name, data));
        rest = after.get(4..)?;
    }
    Some(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        for (text, bytes) in
            [("", &b""[..]), ("YQ==", b"a"), ("YWI=", b"ab"), ("YWJj", b"abc"), ("+/8=", b"\xfb\xff")]
        {
            assert_eq!(BASE64.decode(text).unwrap(), bytes, "{text}");
        }
        assert!(BASE64.decode("a b").is_err());
    }

    /// A PNG file of these chunks, as notebooks keep it.
    fn png(chunks: &[(&[u8; 4], &[u8])]) -> String {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, data) in chunks {
            bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend([*name, *data, b"crc_"].concat());
        }
        BASE64.encode(bytes)
    }

    #[test]
    fn a_picture_is_its_pixels() {
        let one = content(&png(&[(b"IHDR", b"8x8_"), (b"IDAT", b"pixels___")]));
        assert_eq!(one, content(&png(&[(b"IHDR", b"8x8_"), (b"tIME", b""), (b"IDAT", b"pixels___")])));
        assert_eq!(one, content(&png(&[(b"IHDR", b"8x8_"), (b"IDAT", b"pix"), (b"IDAT", b"els___")])));
        assert_ne!(one, content(&png(&[(b"IHDR", b"8x8_"), (b"IDAT", b"pixelz___")])));
        assert_ne!(one, content(&png(&[(b"IHDR", b"4x16"), (b"IDAT", b"pixels___")])));
        assert_eq!(content("/9j/ 4AA=\n"), content("/9j/4AA="), "a JPEG, as it is");
    }
}
