//! The version, as `registry-image` has it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An image, by the tag that led to it and by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// The tag; absent when the source names a digest only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The digest that the tag pointed to, `sha256:HEX`.
    pub digest: String,
}
