//! The version, as `registry-image` has it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trireme_protocol::Fault;
use trireme_registry::{is_digest, is_tag};

/// An image, by the tag that led to it and by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// The tag; absent when the source names a digest only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The digest that the tag pointed to, `sha256:HEX`.
    pub digest: String,
}

impl Version {
    /// Whether it has its form.
    pub(crate) fn validate(&self) -> Result<(), Fault> {
        self.clone().checked().map(drop)
    }

    /// Holds a version that may come from anywhere (`fly check-resource --from`) to its form.
    ///
    /// # Errors
    /// A data fault when its digest or tag is none.
    pub(crate) fn checked(self) -> Result<Self, Fault> {
        let tag = self.tag.as_deref();
        if is_digest(&self.digest) && tag.is_none_or(is_tag) {
            return Ok(self);
        }
        Err(Fault::data(format!(
            "version is {:?} with the tag {tag:?}; expected a digest, `sha256:` and 64 hexadecimal digits, and perhaps a tag",
            self.digest
        )))
    }
}
