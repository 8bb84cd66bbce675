//! The version that the resource emits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trireme_kubernetes::Mark;
use trireme_protocol::Fault;

/// A blueprint, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its id: a digest of wanted state, policy and where each pool starts.
    pub blueprint: String,
    /// The oldest version that a node starts from.
    pub from: String,
    /// The wanted version.
    pub to: String,
    /// When it was first seen (RFC 3339).
    pub since: String,
}

impl Version {
    /// Holds a version that may come from anywhere (`fly check-resource --from`) to its form.
    ///
    /// # Errors
    /// A data fault when `from` or `to` is no Kubernetes version.
    pub(crate) fn validate(&self) -> Result<(), Fault> {
        for (key, text) in [("from", &self.from), ("to", &self.to)] {
            text.parse::<trireme_release::Version>().map_err(|error| {
                Fault::data(format!("version.{key} is malformed")).with_source(error)
            })?;
        }
        Ok(())
    }
}

impl From<&Mark> for Version {
    fn from(mark: &Mark) -> Self {
        Self {
            blueprint: mark.blueprint.clone(),
            from: mark.from.to_string(),
            to: mark.to.to_string(),
            since: mark.since.clone(),
        }
    }
}
