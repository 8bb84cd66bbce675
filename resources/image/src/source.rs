//! What a pipeline says about the image.

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_protocol::{Fault, Secret};

use crate::{
    Platform,
    endpoint::{Endpoint, check_reference},
};

/// The tag that is followed when nothing else is said.
pub(crate) const DEFAULT_TAG: &str = "latest";

/// The source of an `image` resource.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The repository, `HOST[:PORT]/PATH`, without tag and digest.
    pub repository: String,
    /// The tag that is followed. At most one of `tag` and `digest`; with neither, the tag of the last version, at first
    /// `latest`.
    #[serde(default)]
    pub tag: Option<String>,
    /// The one image that there is, `sha256:…`.
    #[serde(default)]
    pub digest: Option<String>,
    /// User name for the registry.
    #[serde(default)]
    pub username: Option<String>,
    /// Password or token for the registry.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Certificate authorities (PEM) that are trusted beside those of the system.
    #[serde(default)]
    pub ca_certs: Vec<String>,
    /// Use plain HTTP, and do not check the registry's certificate.
    #[serde(default)]
    pub insecure: bool,
    /// Proxy for the registry; default from the environment (`https_proxy`, `no_proxy`).
    #[serde(default)]
    pub proxy: Option<String>,
    /// Which image of an index a `get` unpacks; default `linux` and the processor of the machine.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Log every request.
    #[serde(default)]
    pub debug: bool,
}

/// What a source names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// One image for ever.
    Digest(&'a str),
    /// What a tag points to; without one, that of the last version.
    Tag(Option<&'a str>),
}

impl Source {
    /// What the source names.
    ///
    /// # Errors
    /// A configuration fault when it names both a tag and a digest, or something that is neither.
    pub(crate) fn target(&self) -> Result<Target<'_>, Fault> {
        check_reference("source", self.tag.as_deref(), self.digest.as_deref())?;
        match (&self.tag, &self.digest) {
            (Some(_), Some(_)) => Err(Fault::config(
                "source: tag and digest are both given; give one of them",
            )),
            (_, Some(digest)) => Ok(Target::Digest(digest)),
            (tag, None) => Ok(Target::Tag(tag.as_deref())),
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint<'_> {
        Endpoint {
            place: "source",
            repository: &self.repository,
            username: self.username.as_deref(),
            password: self.password.as_ref(),
            ca_certs: &self.ca_certs,
            insecure: self.insecure,
            proxy: self.proxy.as_deref(),
        }
    }
}
