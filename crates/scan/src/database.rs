//! Advisory databases: a zip file of records, as <https://osv.dev> publishes one for each ecosystem, or single records.

use std::io::{self, Read, Seek};

use zip::ZipArchive;

use crate::{Matcher, ScanError, osv::Advisory};

/// The largest record that is read. Debian's advisories on the kernel list thousands of versions and reach 2 MB.
pub const RECORD_LIMIT_BYTES: u64 = 8 << 20;
/// The most that all records of a database may unpack to. That of Debian has about 1 GB.
pub const DATABASE_LIMIT_BYTES: u64 = 8 << 30;

/// Offers every record of a zip file (`*.json`) to all matchers. Each record is unpacked by itself, so memory stays
/// bounded by the largest one; the checksum of each is verified.
///
/// # Errors
/// The file is no whole zip file, a record cannot be read, or it is larger than the limits.
pub fn offer_zip(archive: impl Read + Seek, matchers: &mut [Matcher]) -> Result<(), ScanError> {
    let mut archive = ZipArchive::new(archive).map_err(ScanError::Archive)?;
    let mut total_bytes = 0;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(ScanError::Archive)?;
        let name = entry.name().map_err(ScanError::Archive)?.into_owned();
        if !name.ends_with(".json") {
            continue;
        }
        let mut bytes = Vec::new();
        let read = entry.take(RECORD_LIMIT_BYTES + 1).read_to_end(&mut bytes);
        total_bytes += read.map_err(|source| ScanError::Record {
            name: name.clone(),
            source,
        })? as u64;
        if total_bytes > DATABASE_LIMIT_BYTES {
            let what = "the advisory database".to_owned();
            return Err(ScanError::TooLarge {
                what,
                limit_bytes: DATABASE_LIMIT_BYTES,
            });
        }
        offer_record(&name, &bytes, matchers)?;
    }
    Ok(())
}

/// Offers one record to all matchers.
///
/// # Errors
/// It is no record in OSV format, or larger than [`RECORD_LIMIT_BYTES`].
pub fn offer_record(name: &str, bytes: &[u8], matchers: &mut [Matcher]) -> Result<(), ScanError> {
    if bytes.len() as u64 > RECORD_LIMIT_BYTES {
        let what = format!("the advisory {name}");
        return Err(ScanError::TooLarge {
            what,
            limit_bytes: RECORD_LIMIT_BYTES,
        });
    }
    let advisory: Advisory = serde_json::from_slice(bytes).map_err(|error| ScanError::Record {
        name: name.to_owned(),
        source: io::Error::from(error),
    })?;
    for matcher in matchers {
        matcher.offer(&advisory);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
