use std::io::{Cursor, Write as _};

use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;

fn zip_of(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const RECORD: &str = r#"{"id":"A","affected":[{"package":{"ecosystem":"Debian:12","name":"x"}}]}"#;

#[test]
fn records_are_read_and_other_files_are_not() {
    let archive = zip_of(&[("A.json", RECORD), ("README.txt", "not a record")]);
    assert!(offer_zip(Cursor::new(archive), &mut []).is_ok());
}

#[test]
fn a_zip_that_is_cut_off_is_an_error_wherever_the_cut_is() {
    let whole = zip_of(&[("A.json", RECORD), ("B.json", RECORD)]);
    for cut in 0..whole.len() {
        assert!(
            offer_zip(Cursor::new(&whole[..cut]), &mut []).is_err(),
            "cut at {cut} of {}",
            whole.len()
        );
    }
}

#[test]
fn a_changed_byte_in_a_record_is_an_error() {
    let mut archive = zip_of(&[("A.json", RECORD)]);
    let in_the_record = archive
        .windows(6)
        .position(|bytes| bytes == b"A.json")
        .unwrap()
        + 10;
    archive[in_the_record] ^= 0x55;
    assert!(offer_zip(Cursor::new(archive), &mut []).is_err());
}

#[test]
fn a_record_that_is_cut_off_or_none_is_an_error_that_names_it() {
    for content in [&RECORD[..40], "", "<html>", "[]", r#"{"affected":[]}"#] {
        let error = offer_zip(Cursor::new(zip_of(&[("A.json", content)])), &mut []).unwrap_err();
        assert!(error.to_string().contains("A.json"), "{error}");
    }
}

#[test]
fn a_record_that_unpacks_to_too_much_is_refused() {
    let bomb = " ".repeat(RECORD_LIMIT_BYTES as usize + 1);
    let error = offer_zip(Cursor::new(zip_of(&[("A.json", &bomb)])), &mut []).unwrap_err();
    assert!(matches!(error, ScanError::TooLarge { .. }), "{error}");
}
