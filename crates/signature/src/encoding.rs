//! Bytes in protobuf's JSON: base64, written standard and padded, read in every form that protobuf allows.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT},
};
use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Standard or URL-safe alphabet, padded or not. Trailing bits that do not belong to a byte are refused, so that
/// one value has one text apart from alphabet and padding.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    if text.contains(['-', '_']) {
        URL_SAFE_PAD_INDIFFERENT.decode(text)
    } else {
        STANDARD_PAD_INDIFFERENT.decode(text)
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// For `#[serde(with = "encoding")]`.
pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&encode(bytes))
}

/// For `#[serde(with = "encoding")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    decode(&text).map_err(|e| D::Error::custom(format!("base64: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_protobuf_allows_is_read() {
        let bytes = [0xfb, 0xff, 0xbf, 0x01];
        for text in ["+/+/AQ==", "+/+/AQ", "-_-_AQ==", "-_-_AQ"] {
            assert_eq!(decode(text).unwrap(), bytes, "{text}");
        }
        assert_eq!(encode(&bytes), "+/+/AQ==");
    }

    #[test]
    fn a_second_text_for_the_same_bytes_is_refused() {
        assert!(decode("+/+/AR==").is_err(), "trailing bits were ignored");
        assert!(decode("+_+/AQ==").is_err(), "two alphabets were mixed");
        assert!(decode("+/+/\nAQ==").is_err(), "a line break was ignored");
    }
}
