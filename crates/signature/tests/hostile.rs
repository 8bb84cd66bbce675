//! Whatever bytes a registry hands out: no panic, and no changed bundle that passes as a signature of something else.

use proptest::prelude::*;
use trireme_signature::{ImageDigest, Password, PrivateKey, PublicKey, verify};

const BUNDLE: &[u8] = include_bytes!("data/cosign-p256.json");

fn digest() -> ImageDigest {
    ImageDigest::of(include_bytes!("data/manifest.json"))
}

fn key() -> PublicKey {
    PublicKey::from_pem(include_str!("data/p256.pub")).expect("a public key")
}

fn parts(bundle: &[u8]) -> Option<(String, String, String)> {
    let bundle: serde_json::Value = serde_json::from_slice(bundle).ok()?;
    let envelope = &bundle["dsseEnvelope"];
    let text = |value: &serde_json::Value| value.as_str().map(String::from);
    Some((
        text(&envelope["payload"])?,
        text(&envelope["payloadType"])?,
        text(&envelope["signatures"][0]["sig"])?,
    ))
}

/// Every bit of the bundle, one after another: refused, unless what was signed and the signature are untouched (then
/// the bit was in the key hint, which proves nothing).
#[test]
fn any_flipped_bit_that_touches_what_is_signed_is_refused() {
    let (digest, key) = (digest(), key());
    let original = parts(BUNDLE);
    let mut refused = 0;
    for bit in 0..BUNDLE.len() * 8 {
        let mut flipped = BUNDLE.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match verify(&flipped, &digest, &key) {
            Ok(_) => assert_eq!(parts(&flipped), original, "bit {bit} passed"),
            Err(_) => refused += 1,
        }
    }
    let share = refused * 100 / (BUNDLE.len() * 8);
    assert!(share > 85, "only {share} % of the flips were refused");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(verify(&bytes, &digest(), &key()).is_err());
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(PublicKey::from_pem(&text).is_err());
        prop_assert!(PrivateKey::from_pem(&text, Some(Password(""))).is_err());
    }

    /// Bytes that get past the PEM layer into the DER and JSON decoders.
    #[test]
    fn arbitrary_key_bytes_never_panic(
        label in prop_oneof!["PUBLIC KEY", "PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY"],
        body in "([A-Za-z0-9+/]{4}){0,60}",
    ) {
        let text = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        prop_assert!(PublicKey::from_pem(&text).is_err());
        prop_assert!(PrivateKey::from_pem(&text, Some(Password(""))).is_err());
    }

    /// A real key with some bytes changed: read as some key or refused, never a panic.
    #[test]
    fn damaged_keys_never_panic(
        pem in prop_oneof![
            Just(include_str!("data/p256.pub")),
            Just(include_str!("data/rsa2048.pub")),
            Just(include_str!("data/p256.pkcs8.pem")),
        ],
        at in any::<proptest::sample::Index>(),
        to in "[A-Za-z0-9+/]",
    ) {
        let at = at.index(pem.len());
        let text = format!("{}{to}{}", &pem[..at], &pem[at + 1..]);
        let _ = PublicKey::from_pem(&text);
        let _ = PrivateKey::from_pem(&text, None);
    }

    #[test]
    fn a_cut_bundle_is_refused(length in 0..BUNDLE.len()) {
        prop_assert!(verify(&BUNDLE[..length], &digest(), &key()).is_err());
    }

    #[test]
    fn digests_are_read_only_in_their_one_form(text in "\\PC{0,80}") {
        if let Ok(digest) = text.parse::<ImageDigest>() {
            prop_assert_eq!(digest.to_string(), text);
        }
    }
}
