//! The release server: markers and checksums, as `dl.k8s.io/release` lays them out.

use std::path::Path;

use trireme_protocol::Fault;
use trireme_release::{Minor, ParseError, Version};
use trireme_transport::{Client, Downloaded, Fetched, Request, TransportError};

use crate::Source;
use crate::artifact::{Artifact, Checksum};

/// Markers and checksums have at most some 130 bytes; the rest of the limit is room to recognise a page for people.
const TEXT_LIMIT_BYTES: u64 = 64 << 10;

/// The largest artifact, `kubernetes-test-*.tar.gz` aside, is the server tarball with some 400 MB.
const ARTIFACT_LIMIT_BYTES: u64 = 2 << 30;

/// Why the release server did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No usable answer came.
    #[error("asking the release server failed")]
    Transport(#[from] TransportError),
    /// An answer that is neither the file nor 404.
    #[error(
        "GET {url}: answered {status}, expected 200 or 404: {detail}; is `release_server` right?"
    )]
    Unexpected {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// The start of the body.
        detail: String,
    },
    /// `stable.txt` is not there.
    #[error(
        "GET {url}: there is no such marker; `release_server` must be the folder that has `stable.txt`"
    )]
    NoMarker {
        /// What was asked for.
        url: String,
    },
    /// The answer is not a version.
    #[error("GET {url}: expected a version, found {found}")]
    NotAVersion {
        /// What was asked for.
        url: String,
        /// What came instead.
        found: String,
        /// Why it is not one.
        #[source]
        source: ParseError,
    },
    /// The marker names a release of another minor, a pre-release, or the build of a vendor.
    #[error("GET {url}: expected a stable release{of}, found {found}")]
    WrongRelease {
        /// What was asked for.
        url: String,
        /// ` of 1.37`, or empty.
        of: String,
        /// What the marker says.
        found: Version,
    },
    /// No checksum is published for the artifact, so it cannot be verified.
    #[error(
        "{url} has neither a .sha512 nor a .sha256 beside it; does the release have that artifact?"
    )]
    NoChecksum {
        /// The artifact.
        url: String,
    },
    /// The published checksum is not a checksum.
    #[error("GET {url}: expected {digits} hexadecimal digits, found {found}")]
    NotAChecksum {
        /// What was asked for.
        url: String,
        /// How many digits this kind of checksum has.
        digits: usize,
        /// What came instead.
        found: String,
    },
    /// The artifact is not what was published.
    #[error("{url}: its {kind} is {found}, but {expected} is published; the download was deleted")]
    ChecksumDiffers {
        /// The artifact.
        url: String,
        /// `sha512` or `sha256`.
        kind: &'static str,
        /// What is published.
        expected: String,
        /// What came.
        found: String,
    },
    /// The artifact could not be written to its file.
    #[error("writing {path} failed")]
    Write {
        /// The file.
        path: String,
        /// What the file system said.
        #[source]
        source: std::io::Error,
    },
}

/// A release server.
pub struct ReleaseServer {
    client: Client,
    base: String,
}

impl ReleaseServer {
    /// The server that `source` names.
    ///
    /// # Errors
    /// A configuration fault when the address or the settings for HTTP cannot be used.
    pub fn open(source: &Source) -> Result<Self, Fault> {
        let client = source.connection().client()?;
        let base = source.release_server()?.to_owned();
        Ok(Self { client, base })
    }

    /// The newest stable release of all: `stable.txt`.
    ///
    /// # Errors
    /// Also when there is no such marker.
    pub async fn newest(&self) -> Result<Version, ServerError> {
        let url = format!("{}/stable.txt", self.base);
        match self.marker(&url, None).await? {
            Some(version) => Ok(version),
            None => Err(ServerError::NoMarker { url }),
        }
    }

    /// The newest stable release of a minor, from its own marker. `None` when there is no such marker.
    ///
    /// # Errors
    /// When the answer is neither a release of that minor nor 404.
    pub async fn newest_of(&self, minor: Minor) -> Result<Option<Version>, ServerError> {
        let url = format!("{}/stable-{minor}.txt", self.base);
        self.marker(&url, Some(minor)).await
    }

    async fn marker(
        &self,
        url: &str,
        minor: Option<Minor>,
    ) -> Result<Option<Version>, ServerError> {
        let Some(answer) = self.text(url).await? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&answer.body);
        // Some editors put a byte order mark before it.
        let version: Version =
            text.trim_start_matches('\u{feff}')
                .trim()
                .parse()
                .map_err(|source| ServerError::NotAVersion {
                    url: url.into(),
                    found: answer.describe(),
                    source,
                })?;
        let other_minor = minor.is_some_and(|minor| version.minor() != minor);
        let is_plain = !version.is_prerelease() && version == version.release();
        if other_minor || !is_plain {
            return Err(ServerError::WrongRelease {
                url: url.into(),
                of: minor
                    .map(|minor| format!(" of {minor}"))
                    .unwrap_or_default(),
                found: version,
            });
        }
        Ok(Some(version))
    }

    /// Whether the release is there: its minor's marker names it, or else the checksum of its `kubeadm` is published.
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn has(&self, release: &Version) -> Result<bool, ServerError> {
        if self.newest_of(release.minor()).await?.as_ref() == Some(release) {
            return Ok(true);
        }
        match self.checksum(release, &Artifact::KUBEADM).await {
            Ok(_) => Ok(true),
            Err(ServerError::NoChecksum { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Downloads an artifact of a release to `path` and compares it with its published checksum.
    ///
    /// # Errors
    /// Also when no checksum is published, or the artifact has another. The file then holds a part or the wrong bytes.
    pub async fn download(
        &self,
        release: &Version,
        artifact: &Artifact,
        path: &Path,
    ) -> Result<Downloaded, ServerError> {
        let write_error = |source| ServerError::Write {
            path: path.display().to_string(),
            source,
        };
        let expected = self.checksum(release, artifact).await?;
        let url = self.url(release, artifact);
        let mut file = tokio::fs::File::create(path).await.map_err(write_error)?;
        let downloaded = self
            .client
            .download(&url, &mut file, ARTIFACT_LIMIT_BYTES)
            .await?;
        file.sync_all().await.map_err(write_error)?;
        match expected.found_instead(&downloaded) {
            None => Ok(downloaded),
            Some(found) => Err(ServerError::ChecksumDiffers {
                url,
                kind: expected.kind(),
                expected: expected.hex().into(),
                found: found.into(),
            }),
        }
    }

    /// The published checksum of an artifact, the strongest there is.
    async fn checksum(
        &self,
        release: &Version,
        artifact: &Artifact,
    ) -> Result<Checksum, ServerError> {
        let url = self.url(release, artifact);
        for kind in Checksum::KINDS {
            let place = format!("{url}.{kind}");
            if let Some(answer) = self.text(&place).await? {
                return Checksum::read(kind, &answer.body).map_err(|digits| {
                    ServerError::NotAChecksum {
                        url: place,
                        digits,
                        found: answer.describe(),
                    }
                });
            }
        }
        Err(ServerError::NoChecksum { url })
    }

    fn url(&self, release: &Version, artifact: &Artifact) -> String {
        format!("{}/{release}/{}", self.base, artifact.path())
    }

    /// A small file; `None` on 404.
    async fn text(&self, url: &str) -> Result<Option<Fetched>, ServerError> {
        let answer = self
            .client
            .fetch(Request::get(url), TEXT_LIMIT_BYTES)
            .await?;
        match answer.status.as_u16() {
            200 => Ok(Some(answer)),
            404 => Ok(None),
            status => Err(ServerError::Unexpected {
                url: url.into(),
                status,
                detail: answer.describe(),
            }),
        }
    }
}
