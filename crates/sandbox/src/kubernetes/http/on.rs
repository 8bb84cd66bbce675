//! One request on a resource, taken apart.

use serde_json::Value;

use super::{call::Call, protobuf};
use crate::kubernetes::{failure::Failure, kinds::Kind};

/// The media types that the body of an object may have. Protobuf is read of the kinds in `protobuf.rs`.
const ACCEPTED: &str = "application/json, application/vnd.kubernetes.protobuf";

/// One request with its resource taken apart.
pub(crate) struct On<'a> {
    pub call: &'a Call,
    pub kind: &'static Kind,
    pub namespace: &'a str,
    pub name: &'a str,
    pub body: &'a [u8],
}

impl On<'_> {
    pub fn at(&self) -> (&str, &str) {
        (self.namespace, self.name)
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, Failure> {
        match self.call.content_type.as_str() {
            "" | "application/json" => {
                serde_json::from_slice(self.body).map_err(|error| self.unrecognized(&error))
            }
            protobuf::MEDIA_TYPE => protobuf::decode(self.body)
                .ok_or_else(|| Failure::unsupported_media_type("application/json")),
            _ => Err(Failure::unsupported_media_type(ACCEPTED)),
        }
    }

    fn unrecognized(&self, error: &dyn std::fmt::Display) -> Failure {
        let kind = self.kind.kind;
        Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {error}"
        ))
    }
}
