//! The advisory database: where it is, and its records into the matchers.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Seek as _},
    path::{Path, PathBuf},
};

use rustix::fs::{MemfdFlags, memfd_create};
use serde::{Deserialize, Serialize};
use trireme_protocol::Fault;
use trireme_scan::{Matcher, ScanError, database};
use trireme_transport::{Client, Validator, redacted};
use url::Url;

use crate::{ScannerError, checksum};

/// The largest zip file that is fetched. That of Debian has about 100 MB.
const ZIP_LIMIT_BYTES: u64 = 2 << 30;
/// The file of one ecosystem in a folder, as osv.dev names it.
const ALL: &str = "all.zip";

/// Where the advisories are.
pub(crate) enum Advisories {
    /// On a server: a zip file, or a folder of one zip file for each ecosystem.
    Server { url: Url, client: Client },
    /// On this machine: the same, or a folder of records.
    Files {
        path: PathBuf,
        /// Whether the version that was read gets a fingerprint, which takes reading the files once more.
        fingerprints: bool,
    },
}

impl Advisories {
    /// The database at this URL.
    pub(crate) fn at(database: &str, client: Client) -> Result<Self, Fault> {
        let expected = "expected the http, https or file URL of a zip file or of a folder";
        let url = Url::parse(database).map_err(|error| {
            Fault::config(format!("source.database: {expected}")).with_source(error)
        })?;
        match url.scheme() {
            "http" | "https" => Ok(Self::Server { url, client }),
            "file" => match url.to_file_path() {
                Ok(path) => Ok(Self::Files {
                    path,
                    fingerprints: false,
                }),
                Err(()) => Err(Fault::config(format!(
                    "source.database: {expected}, found no path"
                ))),
            },
            scheme => Err(Fault::config(format!(
                "source.database: {expected}, found {scheme}"
            ))),
        }
    }

    /// The same, with a fingerprint of each version that is read.
    pub(crate) fn with_fingerprints(self) -> Self {
        match self {
            Self::Files { path, .. } => Self::Files {
                path,
                fingerprints: true,
            },
            server @ Self::Server { .. } => server,
        }
    }

    /// Offers the records of the image's ecosystems to the matchers and gives them back, with the versions of the database that were
    /// read. Without a matcher, nothing is fetched.
    pub(crate) async fn offer(&self, matchers: Vec<Matcher>) -> Result<Offered, ScannerError> {
        let mut by_family: BTreeMap<&'static str, Vec<Matcher>> = BTreeMap::new();
        for matcher in matchers {
            by_family
                .entry(matcher.ecosystem().family())
                .or_default()
                .push(matcher);
        }
        let (mut offered, mut database_versions) = (Vec::new(), Vec::new());
        for (family, mut matchers) in by_family {
            let records = self.open(family).await?;
            database_versions.push(records.fingerprint.clone().map(|fingerprint| {
                DatabaseVersion {
                    family: family.to_owned(),
                    fingerprint,
                }
            }));
            let task = tokio::task::spawn_blocking(move || {
                records.offer(&mut matchers).map(|()| matchers)
            });
            offered.extend(task.await??);
        }
        Ok(Offered {
            matchers: offered,
            database_versions: database_versions.into_iter().collect(),
        })
    }

    /// Whether these are still the versions that would be read: asked of the server, or computed from the files. What
    /// cannot be told is no.
    pub(crate) async fn are_current(
        &self,
        database_versions: &[DatabaseVersion],
    ) -> Result<bool, ScannerError> {
        for version in database_versions {
            if !self.is_current(version).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn is_current(&self, version: &DatabaseVersion) -> Result<bool, ScannerError> {
        match (self, &version.fingerprint) {
            (Self::Server { url, client }, Fingerprint::Served(validator)) => {
                let url = zip_url(url, &version.family);
                let unchanged = client.is_unchanged(url.as_str(), validator).await;
                unchanged.map_err(|source| ScannerError::Database {
                    database: redacted(&url),
                    source,
                })
            }
            (Self::Files { path, .. }, Fingerprint::Sha256(_)) => {
                let (path, family) = (path.clone(), version.family.clone());
                let found = move || Kind::at(&path, &family)?.fingerprint();
                let found = tokio::task::spawn_blocking(found).await?;
                // What cannot be read now is told by the full scan that follows.
                Ok(found.is_ok_and(|found| found == version.fingerprint))
            }
            _ => Ok(false),
        }
    }

    async fn open(&self, family: &str) -> Result<Records, ScannerError> {
        match self {
            Self::Server { url, client } => fetch(client, &zip_url(url, family)).await,
            Self::Files { path, fingerprints } => {
                let (path, family, fingerprints) = (path.clone(), family.to_owned(), *fingerprints);
                tokio::task::spawn_blocking(move || local(&path, &family, fingerprints)).await?
            }
        }
    }
}

/// What [`Advisories::offer`] gives back.
pub(crate) struct Offered {
    pub matchers: Vec<Matcher>,
    /// None if one of them has no fingerprint.
    pub database_versions: Option<Vec<DatabaseVersion>>,
}

/// One version of the database of one ecosystem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatabaseVersion {
    family: String,
    fingerprint: Fingerprint,
}

/// By what a version is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fingerprint {
    /// By what its server said, which is asked again.
    Served(Validator),
    /// By the checksum of the files, which are read again: a file's time says little about its content.
    Sha256(String),
}

/// The zip file itself, or that of the ecosystem in a folder.
fn zip_url(url: &Url, family: &str) -> Url {
    let mut url = url.clone();
    if !url.path().ends_with(".zip") {
        let path = format!("{}/{family}/{ALL}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    url
}

/// Fetches a zip file into an [`unnamed_file`].
async fn fetch(client: &Client, url: &Url) -> Result<Records, ScannerError> {
    let database = redacted(url);
    let failed = |source| ScannerError::File {
        database: database.clone(),
        source,
    };
    let mut file = tokio::fs::File::from_std(unnamed_file().map_err(failed)?);
    let fetched = client
        .download(url.as_str(), &mut file, ZIP_LIMIT_BYTES)
        .await;
    let fetched = fetched.map_err(|source| ScannerError::Database {
        database: database.clone(),
        source,
    })?;
    let mut file = file.into_std().await;
    file.rewind().map_err(failed)?;
    Ok(Records {
        database,
        fingerprint: fetched.validator.map(Fingerprint::Served),
        kind: Kind::Zip(file),
    })
}

/// A file without a name, in the temporary folder; in memory where a container has none that it may write.
fn unnamed_file() -> io::Result<File> {
    tempfile::tempfile().or_else(|error| {
        let in_memory = memfd_create("advisories", MemfdFlags::CLOEXEC);
        in_memory.map(File::from).map_err(|_| error)
    })
}

/// A fingerprint, where one is wanted, is computed before a record is read: a change in between makes it the wrong one, and is
/// seen next time.
fn local(path: &Path, family: &str, fingerprints: bool) -> Result<Records, ScannerError> {
    let database = path.display().to_string();
    let opened = Kind::at(path, family).and_then(|mut kind| {
        let fingerprint = fingerprints.then(|| kind.fingerprint()).transpose()?;
        Ok((kind, fingerprint))
    });
    match opened {
        Ok((kind, fingerprint)) => Ok(Records {
            database,
            fingerprint,
            kind,
        }),
        Err(source) => Err(ScannerError::File { database, source }),
    }
}

/// Records that are ready to be read.
struct Records {
    database: String,
    fingerprint: Option<Fingerprint>,
    kind: Kind,
}

enum Kind {
    Zip(File),
    Folder(PathBuf),
}

impl Kind {
    /// The file or folder of local advisories that serves an ecosystem.
    fn at(path: &Path, family: &str) -> io::Result<Self> {
        if !path.is_dir() {
            return Ok(Self::Zip(File::open(path)?));
        }
        let of_family = path.join(family);
        let zip = of_family.join(ALL);
        if zip.exists() {
            return Ok(Self::Zip(File::open(zip)?));
        }
        let folder = if of_family.is_dir() {
            of_family
        } else {
            path.to_owned()
        };
        Ok(Self::Folder(folder))
    }

    fn fingerprint(&mut self) -> io::Result<Fingerprint> {
        let sum = match self {
            Self::Zip(file) => checksum::of_file(file),
            Self::Folder(folder) => checksum::of_files(&records_of(folder)?),
        };
        sum.map(Fingerprint::Sha256)
    }
}

impl Records {
    fn offer(self, matchers: &mut [Matcher]) -> Result<(), ScannerError> {
        match self.kind {
            Kind::Zip(file) => Ok(database::offer_zip(BufReader::new(file), matchers)?),
            Kind::Folder(folder) => {
                let failed = |source| ScannerError::File {
                    database: self.database.clone(),
                    source,
                };
                offer_folder(&folder, matchers).map_err(failed)?
            }
        }
    }
}

/// Every `*.json` of a folder, sorted.
fn records_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The outer error is the system's, the inner one is about a record.
fn offer_folder(folder: &Path, matchers: &mut [Matcher]) -> io::Result<Result<(), ScannerError>> {
    for path in records_of(folder)? {
        if let Err(error) = offer_file(&path, matchers)? {
            return Ok(Err(error.into()));
        }
    }
    Ok(Ok(()))
}

fn offer_file(path: &Path, matchers: &mut [Matcher]) -> io::Result<Result<(), ScanError>> {
    use io::Read as _;
    let mut bytes = Vec::new();
    File::open(path)?
        .take(database::RECORD_LIMIT_BYTES + 1)
        .read_to_end(&mut bytes)?;
    Ok(database::offer_record(
        &path.display().to_string(),
        &bytes,
        matchers,
    ))
}
