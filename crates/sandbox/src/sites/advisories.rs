//! The advisory database: real records of Debian and Alpine, as `osv.dev` publishes them: per ecosystem one
//! `all.zip`, and each record as `ECOSYSTEM/ID.json`; and all of them in one zip, `/osv/all.zip`.
//!
//! The records and their sources are in `tests/data/osv`. They are packed with a fixed time, so that the same records
//! have the same validator.

use std::io::{Cursor, Write as _};

use zip::{DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::Site;
use crate::SandboxError;

/// Ecosystem, file name, content.
const RECORDS: &[(&str, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/advisories.rs"));

/// The database as a site.
pub fn site() -> Result<Site, SandboxError> {
    let site = Site::default();
    let mut ecosystems: Vec<&str> = RECORDS.iter().map(|(ecosystem, ..)| *ecosystem).collect();
    ecosystems.dedup();
    for ecosystem in &ecosystems {
        let records = RECORDS
            .iter()
            .filter(|(of, ..)| of == ecosystem)
            .map(|(_, name, text)| (*name, *text));
        site.publish(
            format!("/osv/{ecosystem}/all.zip"),
            "application/zip",
            archive(ecosystem, records)?,
        );
    }
    for (ecosystem, name, text) in RECORDS {
        site.publish(
            format!("/osv/{ecosystem}/{name}"),
            "application/json",
            *text,
        );
    }
    let all = RECORDS.iter().map(|(_, name, text)| (*name, *text));
    site.publish(
        "/osv/all.zip",
        "application/zip",
        archive("all ecosystems", all)?,
    );
    site.publish("/osv/ecosystems.txt", "text/plain", ecosystems.join("\n"));
    Ok(site)
}

/// Packs records as OSV does: one flat zip of JSON files.
fn archive<'a>(
    name: &str,
    records: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<u8>, SandboxError> {
    let pack = || -> Result<Vec<u8>, ZipError> {
        let options = SimpleFileOptions::default().last_modified_time(DateTime::default());
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in records {
            zip.start_file(name, options)?;
            zip.write_all(text.as_bytes())?;
        }
        Ok(zip.finish()?.into_inner())
    };
    pack().map_err(|source| SandboxError::Pack {
        ecosystem: name.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_of_an_ecosystem_holds_its_records_and_is_reproducible() {
        let debian = || {
            RECORDS
                .iter()
                .filter(|r| r.0 == "Debian")
                .map(|r| (r.1, r.2))
        };
        let bytes = archive("Debian", debian()).unwrap();
        assert_eq!(bytes, archive("Debian", debian()).unwrap());
        let archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert!(
            archive
                .file_names()
                .any(|name| name.unwrap() == "DSA-5764-1.json")
        );
        assert!(
            !archive
                .file_names()
                .any(|name| name.unwrap().starts_with("ALPINE"))
        );
    }
}
