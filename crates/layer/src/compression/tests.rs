use std::io::{Cursor, Write as _};

use flate2::{Compression, write::GzEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

fn read(layer: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    decompress(Cursor::new(layer))?.read_to_end(&mut content)?;
    Ok(content)
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    compress_to_vec(content, CompressionLevel::Fastest)
}

#[test]
fn every_compression_is_told_by_its_first_bytes() {
    let content = b"the content of a layer, ".repeat(20_000);
    assert_eq!(read(content.clone()).unwrap(), content);
    assert_eq!(read(gzip(&content)).unwrap(), content);
    assert_eq!(read(zstd(&content)).unwrap(), content);
    assert_eq!(read(Vec::new()).unwrap(), b"");
}

#[test]
fn members_and_frames_are_read_to_the_last() {
    let (first, second) = (b"one ".repeat(50_000), b"two".to_vec());
    let both = [first.clone(), second.clone()].concat();
    assert_eq!(read([gzip(&first), gzip(&second)].concat()).unwrap(), both);
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let frames = [skipped.clone(), zstd(&first), skipped, zstd(&second)];
    assert_eq!(read(frames.concat()).unwrap(), both);
}

#[test]
fn a_layer_that_is_cut_off_is_an_error() {
    let content = b"content ".repeat(10_000);
    for whole in [gzip(&content), zstd(&content)] {
        let cut = whole[..whole.len() - 5].to_vec();
        assert!(read(cut).is_err());
    }
}

/// libarchive#643: "extra padding ... is actually quite common".
#[test]
fn zeros_behind_the_last_member_are_padding_and_anything_else_is_an_error() {
    let content = b"content ".repeat(10_000);
    for zeros in [1, 17, 512, BUFFER_BYTES + 1] {
        let padded = [gzip(&content), vec![0; zeros]].concat();
        assert_eq!(read(padded.clone()).unwrap(), content, "{zeros} zeros");
        for more in [b"x".to_vec(), gzip(b"more")] {
            assert!(read([padded.clone(), more].concat()).is_err());
        }
    }
    assert!(read([gzip(&content), b"garbage".to_vec()].concat()).is_err());
    assert!(read([gzip(&content), gzip(b"more")[..9].to_vec()].concat()).is_err());
}

/// Every byte of a layer must come for its first ones to be known.
#[test]
fn a_source_that_gives_one_byte_at_a_time_is_told_too() {
    struct Slow(Cursor<Vec<u8>>);
    impl Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = into.len().min(1);
            self.0.read(&mut into[..count])
        }
    }
    let content = b"content".repeat(100);
    for layer in [gzip(&content), zstd(&content), content.clone()] {
        let mut read = Vec::new();
        let slow = Slow(Cursor::new(layer));
        decompress(slow).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, content);
    }
}

proptest::proptest! {
    #[test]
    fn what_is_damaged_never_panics(
        at in 0_usize..400, byte in proptest::prelude::any::<u8>(), cut in 0_usize..400,
    ) {
        let content = b"the content of a layer".repeat(10);
        for mut layer in [gzip(&content), zstd(&content)] {
            let at = at % layer.len();
            layer[at] = byte;
            layer.truncate(cut);
            let _ = read(layer);
        }
    }
}
