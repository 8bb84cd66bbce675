//! The DSSE envelope (Dead Simple Signing Envelope, protocol 1.0.2) and the exact bytes it signs.

use serde::{Deserialize, Serialize};

use crate::encoding;

/// The payload type of an in-toto statement, the only one used here.
pub(crate) const IN_TOTO: &str = "application/vnd.in-toto+json";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope {
    #[serde(with = "encoding")]
    pub payload: Vec<u8>,
    #[serde(alias = "payload_type")]
    pub payload_type: String,
    /// The bundle format demands exactly one; [`crate::verify`] holds that.
    pub signatures: Vec<EnvelopeSignature>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct EnvelopeSignature {
    #[serde(with = "encoding")]
    pub sig: Vec<u8>,
}

impl Envelope {
    pub fn signed_bytes(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }
}

/// The pre-authentication encoding: both lengths are signed too, so no byte can move from the type to the payload.
pub(crate) fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "DSSEv1 {} {} {} ",
        payload_type.len(),
        payload_type,
        payload.len()
    )
    .into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::pae;

    /// The example of the specification, secure-systems-lab/dsse protocol.md.
    #[test]
    fn pae_of_the_specifications_example() {
        let bytes = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(
            bytes,
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn lengths_are_in_bytes() {
        assert_eq!(pae("é", "ü".as_bytes()), "DSSEv1 2 é 2 ü".as_bytes());
    }
}
