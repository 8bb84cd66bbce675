//! What can go wrong while cataloguing and matching.

/// Why an image could not be catalogued or matched. None of these is a verdict.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A layer is no tar archive, or ends too early.
    #[error(
        "could not read layer {layer}: expected a tar archive, plain or compressed with gzip or zstd"
    )]
    Layer {
        /// Which one, counted from 1 at the base.
        layer: usize,
        /// What the decoder said.
        #[source]
        source: std::io::Error,
    },
    /// A layer unpacks to more than the limit, or a database in it is larger than any real one.
    #[error("refused {what}: more than {limit_bytes} bytes")]
    TooLarge {
        /// The layer or file.
        what: String,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// A package database of the image does not have its own format.
    #[error("could not read the package database {path}, entry {entry}: {reason}")]
    PackageDatabase {
        /// Its path in the image.
        path: String,
        /// Which entry, counted from 1.
        entry: usize,
        /// What was expected and found.
        reason: String,
    },
    /// The advisory database is no whole zip file.
    #[error(
        "could not read the advisory database: it is no zip file, or it is cut off; fetch it again"
    )]
    Archive(#[source] zip::result::ZipError),
    /// A record of the advisory database cannot be read.
    #[error(
        "could not read the advisory {name}: the database is damaged or cut off; fetch it again"
    )]
    Record {
        /// Its file name.
        name: String,
        /// What the reader said.
        #[source]
        source: std::io::Error,
    },
    /// The advisory database holds no record at all.
    #[error("the advisory database holds no records: expected files named *.json in OSV format")]
    NoRecords,
    /// The advisory database does not cover the image's ecosystem: that is not the same as "no advisories".
    #[error(
        "the database has no {wanted} advisories (it has {found}): use one that covers {wanted}"
    )]
    EcosystemNotCovered {
        /// What the image needs.
        wanted: String,
        /// Some that the database has.
        found: String,
    },
}
