//! The answer to "is this digest permitted?": an image's layers, catalogued and matched.

use trireme_finding::{Examination, Policy, ScanGate, Verdict, judge};
use trireme_protocol::{Fault, redact};
use trireme_registry::{RegistryError, Repository, RepositoryName};
use trireme_scan::{Matcher, ScanError};
use trireme_transport::{Client, Options, TransportError};

use crate::{
    Source,
    advisories::{Advisories, Edition},
    evidence::Packages,
    image, layers,
};

/// Judges the images of one repository.
pub struct Scanner {
    repository: Repository,
    advisories: Advisories,
    platform: Option<String>,
    policy: Policy,
}

/// What was found out about an image.
pub(crate) struct Judged {
    pub verdict: Verdict,
    pub packages: Vec<Packages>,
    /// The databases that were read; none unless asked for ([`Scanner::with_editions`]), or if one of them cannot be
    /// recognised again.
    pub editions: Option<Vec<Edition>>,
}

/// Why it could not be told whether an image is permitted.
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
        "{image}: there is no such image any more; check again for the present version, or copy it to this repository"
    )]
    Gone {
        /// Repository and digest.
        image: String,
        /// What the registry said.
        #[source]
        source: Box<RegistryError>,
    },
    /// The manifest is not what a manifest or index is.
    #[error("{image} is no image: {reason}")]
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

impl Scanner {
    /// The scanner that `source` describes.
    ///
    /// # Errors
    /// A configuration fault when the repository, the database or the settings for HTTP cannot be used.
    pub fn open(source: &Source) -> Result<Self, Fault> {
        let name: RepositoryName = source
            .repository
            .parse()
            .map_err(|error| Fault::config("source.repository cannot be used").because(error))?;
        let client = Client::new(Options {
            ca_certs: source.ca_certs.clone(),
            insecure: source.insecure,
            proxy: source.proxy.clone(),
            user_agent: None,
        });
        let client = client.map_err(|error| {
            Fault::config("the source's settings for HTTP cannot be used").because(error)
        })?;
        Ok(Self {
            advisories: Advisories::at(&source.database, client.clone())?,
            repository: Repository::new(
                client,
                name,
                source.credentials()?,
                source.insecure,
                redact::learn,
            ),
            platform: source.platform.clone(),
            policy: source.policy.clone(),
        })
    }

    /// The same with another policy.
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The same, that tells which editions of the advisories it read.
    pub(crate) fn with_editions(self) -> Self {
        let advisories = self.advisories.with_marks();
        Self { advisories, ..self }
    }

    /// `image REPOSITORY:TAG` or `image REPOSITORY@DIGEST`, for people.
    pub(crate) fn label(&self, reference: &str) -> String {
        let separator = if reference.contains(':') { '@' } else { ':' };
        format!("image {}{separator}{reference}", self.repository.name())
    }

    /// What a tag points to; none when it does not exist.
    pub(crate) async fn resolve(&self, tag: &str) -> Result<Option<String>, ScannerError> {
        let found = self.repository.head_manifest(tag).await?;
        Ok(found.map(|descriptor| descriptor.digest().to_string()))
    }

    pub(crate) fn advisories(&self) -> &Advisories {
        &self.advisories
    }

    /// Judges an image, and tells what is installed in it.
    pub(crate) async fn judge(&self, digest: &str) -> Result<Judged, ScannerError> {
        let found = image::find(&self.repository, digest, self.platform.as_deref()).await?;
        let mut examination = Examination {
            digest: digest.to_owned(),
            not_examined: found.not_examined,
            ..Examination::default()
        };
        let (mut matchers, mut packages) = (Vec::new(), Vec::new());
        for image in found.images {
            let catalogue = layers::catalogue(&self.repository, &image).await?;
            matchers.extend(Matcher::new(&catalogue));
            examination.examined.push(image.examined(&catalogue));
            examination.not_examined.extend(catalogue.not_examined);
            packages.push(Packages {
                digest: image.digest,
                platform: image.platform,
                packages: catalogue.packages,
            });
        }
        let offered = self.advisories.offer(matchers).await?;
        for matcher in offered.matchers {
            examination.findings.extend(matcher.finish()?);
        }
        Ok(Judged {
            verdict: judge(&examination, &self.policy),
            packages,
            editions: offered.editions,
        })
    }
}

impl ScanGate for Scanner {
    type Error = ScannerError;

    async fn permitted(&self, digest: &str) -> Result<Verdict, ScannerError> {
        Ok(self.judge(digest).await?.verdict)
    }
}
