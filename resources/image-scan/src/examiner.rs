//! Our engine: an image's layers, catalogued, and matched with advisories in OSV format.

use jiff::civil::Date;
use trireme_finding::{Examination, Examined, Examiner, SupportEnded};
use trireme_protocol::Fault;
use trireme_registry::{RegistryError, Repository};
use trireme_scan::{Catalogue, Matcher, ScanError};
use trireme_transport::TransportError;

use crate::{
    Source,
    advisories::{Advisories, DatabaseVersion},
    image, layers,
};

/// Examines the images of one repository.
pub struct OsvExaminer {
    repository: Repository,
    advisories: Advisories,
    platform: Option<String>,
    /// What is not supported any more depends on the day.
    today: Date,
}

/// An examination, and what it was made from.
pub(crate) struct VersionedExamination {
    pub examination: Examination,
    /// The versions of the databases that were read; none unless asked for ([`OsvExaminer::with_database_versions`]), or if one of them cannot be
    /// known again by a fingerprint.
    pub database_versions: Option<Vec<DatabaseVersion>>,
}

/// Why an image could not be examined.
#[derive(Debug, thiserror::Error)]
pub enum ScannerError {
    /// The registry could not be asked, or what it has is damaged.
    #[error("reading the image failed")]
    Registry(#[from] RegistryError),
    /// The image or the database cannot be read.
    #[error("scanning failed")]
    Scan(#[from] ScanError),
    /// The database could not be fetched.
    #[error("fetching the advisory database {database} failed")]
    Database {
        /// Its address, without credentials.
        database: String,
        /// What the server or the connection said.
        #[source]
        source: TransportError,
    },
    /// A file of the database, or a temporary one, could not be read or written.
    #[error("reading the advisory database {database} failed")]
    File {
        /// Its address or path.
        database: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no image with this digest. What is missing of an image that is there is another error.
    #[error(
        "{image}: there is no such image any more; copy it to this repository, or {}",
        trireme_protocol::run_again()
    )]
    Gone {
        /// Repository and digest.
        image: String,
        /// What the registry said.
        #[source]
        source: Box<RegistryError>,
    },
    /// The manifest is not what a manifest or index is.
    #[error("{image} is not an image: {reason}")]
    NotAnImage {
        /// Its digest.
        image: String,
        /// What was expected and found.
        reason: String,
    },
    /// A part of the program failed.
    #[error("a scan was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

impl OsvExaminer {
    /// The examiner that `source` describes.
    ///
    /// # Errors
    /// A configuration fault when the repository, the database or the settings for HTTP cannot be used.
    pub fn open(source: &Source, today: Date) -> Result<Self, Fault> {
        let client = source.connection().client()?;
        Ok(Self {
            advisories: Advisories::at(&source.database, client.clone())?,
            repository: source.registry().open_with(client)?,
            platform: source.platform.clone(),
            today,
        })
    }

    /// The same, that tells which versions of the databases it read.
    pub(crate) fn with_database_versions(self) -> Self {
        let advisories = self.advisories.with_fingerprints();
        Self { advisories, ..self }
    }

    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(crate) fn advisories(&self) -> &Advisories {
        &self.advisories
    }

    /// Examines an image, and tells what that was made from.
    pub(crate) async fn examine_versioned(
        &self,
        digest: &str,
    ) -> Result<VersionedExamination, ScannerError> {
        let found = image::find(&self.repository, digest, self.platform.as_deref()).await?;
        let mut examination = Examination {
            digest: digest.to_owned(),
            not_examined: found.not_examined,
            ..Examination::default()
        };
        let mut matchers = Vec::new();
        for image in found.images {
            let catalogue = layers::catalogue(&self.repository, &image).await?;
            matchers.extend(Matcher::all(&catalogue));
            let support_ended = support_ended(&catalogue, self.today);
            examination.examined.push(Examined {
                digest: image.digest,
                platform: image.platform,
                packages: catalogue.packages,
                not_examined: catalogue.not_examined,
                support_ended,
            });
        }
        let offered = self.advisories.offer(matchers).await?;
        for matcher in offered.matchers {
            let matched = matcher.finish()?;
            examination.findings.extend(matched.findings);
            examination.not_examined.extend(matched.not_examined);
        }
        Ok(VersionedExamination {
            examination,
            database_versions: offered.database_versions,
        })
    }
}

/// Of the image's distribution; a language has no end of support.
fn support_ended(catalogue: &Catalogue, today: Date) -> Option<SupportEnded> {
    catalogue.ecosystems.iter().find_map(|ecosystem| {
        let on = ecosystem.support_ended(today)?;
        Some(SupportEnded {
            ecosystem: ecosystem.name().to_owned(),
            on,
        })
    })
}

impl Examiner for OsvExaminer {
    type Error = ScannerError;

    async fn examine(&self, digest: &str) -> Result<Examination, ScannerError> {
        Ok(self.examine_versioned(digest).await?.examination)
    }
}
