//! What a pipeline says about the image, the database and the policy.

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_finding::Policy;
use trireme_protocol::{
    Fault,
    types::{Word, word},
};
use trireme_registry::is_sha256;

trireme_connection::registry_source! {
    /// The source of an `image-scan` resource.
    pub struct Source at "source" {
        /// The tag whose image is judged. At most one of `tag` and `digest`; with neither, the image that `put` judged last.
        #[serde(default, deserialize_with = "word")]
        #[schemars(with = "Word")]
        pub tag: Option<String>,
        /// The image that is judged, `sha256:…`.
        #[serde(default)]
        pub digest: Option<String>,
        /// Which platform of a multi-platform image is judged, e.g. `linux/amd64`. Default: every one.
        #[serde(default)]
        pub platform: Option<String>,
        /// Advisories in OSV format: the URL (`http`, `https` or `file`) of a zip file, or of a folder that holds
        /// `Debian/all.zip`, `Alpine/all.zip` and so on, as osv.dev publishes them.
        pub database: String,
        /// Which findings count, and what may stay without examination.
        #[serde(default)]
        pub policy: Policy,
        /// Log every request.
        #[serde(default)]
        pub debug: bool,
    }
}

/// What a step does after a verdict that is no permit: deny or incomplete. The verdict is written in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnDeny {
    /// It ends with exit code 2.
    #[default]
    Fail,
    /// It succeeds, and the verdict says what it is.
    Report,
}

/// Which image a step without one of its own is about.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// What this tag points to now.
    Tag(String),
    /// This image.
    Digest(String),
    /// The image of the version that Concourse knows; none before the first `put`.
    LastJudged,
}

impl Source {
    /// Which image it names.
    ///
    /// # Errors
    /// A configuration fault when it names two, or no digest where one is expected.
    pub fn target(&self) -> Result<Target, Fault> {
        match (&self.tag, &self.digest) {
            (Some(_), Some(_)) => Err(Fault::config(
                "source: tag and digest are both given; give one of them, or neither to follow what put judges",
            )),
            (Some(tag), None) => Ok(Target::Tag(tag.clone())),
            (None, Some(digest)) if is_sha256(digest) => Ok(Target::Digest(digest.clone())),
            (None, Some(digest)) => Err(Fault::config(format!(
                "source.digest: expected sha256: and 64 hexadecimal digits, found {digest:?}"
            ))),
            (None, None) => Ok(Target::LastJudged),
        }
    }
}
