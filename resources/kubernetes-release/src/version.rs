//! The version: which release, of which channel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trireme_protocol::Fault;
use trireme_release::Version as Release;

/// A Kubernetes release as Concourse keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// The release, e.g. `v1.37.2`.
    pub version: String,
    /// The channel that offered it: `stable`.
    pub channel: String,
}

impl Version {
    /// A release of the stable channel.
    pub fn stable(release: &Release) -> Self {
        Self {
            version: release.to_string(),
            channel: "stable".into(),
        }
    }

    /// Holds it to its form.
    pub(crate) fn validate(&self) -> Result<(), Fault> {
        self.release().map(drop)
    }

    /// The release, read from text that may come from anywhere (`fly check-resource --from`).
    ///
    /// # Errors
    /// A data fault when it is not a release, or of another channel.
    pub fn release(&self) -> Result<Release, Fault> {
        if self.channel != "stable" {
            return Err(Fault::data(format!(
                "version.channel is `{}`; expected `stable`",
                self.channel
            )));
        }
        self.version
            .parse()
            .map_err(|e| Fault::data("version.version is malformed").with_source(e))
    }
}
