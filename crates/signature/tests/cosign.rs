//! Bundles that cosign wrote, and ours, are judged alike; everything that is not a signature is refused for its reason.

use serde_json::{Value, json};
use trireme_signature::{
    ImageDigest, Password, PrivateKey, PublicKey, Refusal, SignatureKind, sign, verify,
};

macro_rules! data {
    ($name:literal) => {
        include_str!(concat!("data/", $name))
    };
}

fn digest() -> ImageDigest {
    ImageDigest::of(data!("manifest.json").as_bytes())
}

fn p256() -> PublicKey {
    PublicKey::from_pem(data!("p256.pub")).expect("a public key")
}

fn rsa() -> PublicKey {
    PublicKey::from_pem(data!("rsa2048.pub")).expect("a public key")
}

fn refused(bundle: &Value) -> Refusal {
    verify(bundle.to_string().as_bytes(), &digest(), &p256()).expect_err("a refusal")
}

fn cosigned() -> Value {
    serde_json::from_str(data!("cosign-p256.json")).expect("a bundle")
}

#[test]
fn signatures_of_cosign_verify() {
    let cases = [
        (data!("cosign-p256.json"), p256(), SignatureKind::Statement),
        (
            data!("cosign-rsa2048.json"),
            rsa(),
            SignatureKind::Statement,
        ),
        (data!("cosign-message.json"), p256(), SignatureKind::Message),
    ];
    for (bundle, key, kind) in cases {
        assert_eq!(verify(bundle.as_bytes(), &digest(), &key).unwrap(), kind);
    }
}

#[test]
fn our_signatures_verify_and_are_the_same_every_time() {
    for pem in [data!("p256.key"), data!("rsa2048.key")] {
        let key = PrivateKey::from_pem(pem, Some(Password("test-password"))).unwrap();
        let bundle = sign(&digest(), &key).unwrap();
        assert_eq!(bundle, sign(&digest(), &key).unwrap());
        verify(&bundle, &digest(), key.public()).unwrap();
    }
}

#[test]
fn an_attestation_over_the_same_digest_is_not_a_signature() {
    let bundle = data!("cosign-attestation.json");
    let refusal = verify(bundle.as_bytes(), &digest(), &p256()).unwrap_err();
    let Refusal::Attestation { found } = refusal else {
        panic!("{refusal}");
    };
    assert_eq!(found, "https://cosign.sigstore.dev/attestation/v1");
}

#[test]
fn another_key_and_another_image_are_told_apart() {
    let bundle = data!("cosign-p256.json").as_bytes();
    let refusal = verify(bundle, &digest(), &rsa()).unwrap_err();
    assert!(matches!(refusal, Refusal::Signature { .. }), "{refusal}");
    let other = ImageDigest::of(b"another manifest");
    let refusal = verify(bundle, &other, &p256()).unwrap_err();
    assert!(matches!(refusal, Refusal::Subject { .. }), "{refusal}");
    let message = data!("cosign-message.json").as_bytes();
    let refusal = verify(message, &other, &p256()).unwrap_err();
    assert!(
        matches!(refusal, Refusal::MessageDigest { .. }),
        "{refusal}"
    );
}

/// The digest beside a message signature is not signed; taking it away must not make the signature one of another image.
#[test]
fn a_message_signature_without_its_digest_is_still_about_one_image() {
    let mut bundle: Value = serde_json::from_str(data!("cosign-message.json")).unwrap();
    bundle["messageSignature"]
        .as_object_mut()
        .unwrap()
        .remove("messageDigest");
    let bundle = bundle.to_string();
    verify(bundle.as_bytes(), &digest(), &p256()).unwrap();
    let other = ImageDigest::of(b"another manifest");
    let refusal = verify(bundle.as_bytes(), &other, &p256()).unwrap_err();
    assert!(matches!(refusal, Refusal::Signature { .. }), "{refusal}");
}

#[test]
fn what_the_format_forbids_is_refused() {
    let mut two = cosigned();
    let signature = two["dsseEnvelope"]["signatures"][0].clone();
    two["dsseEnvelope"]["signatures"]
        .as_array_mut()
        .unwrap()
        .push(signature);
    assert!(matches!(
        refused(&two),
        Refusal::SignatureCount { found: 2 }
    ));

    let mut none = cosigned();
    none["dsseEnvelope"]["signatures"] = json!([]);
    assert!(matches!(
        refused(&none),
        Refusal::SignatureCount { found: 0 }
    ));

    let mut empty = cosigned();
    empty.as_object_mut().unwrap().remove("dsseEnvelope");
    assert!(matches!(refused(&empty), Refusal::Contents { found: 0 }));

    let mut both = cosigned();
    let message: Value = serde_json::from_str(data!("cosign-message.json")).unwrap();
    both["messageSignature"] = message["messageSignature"].clone();
    assert!(matches!(refused(&both), Refusal::Contents { found: 2 }));

    let mut older = cosigned();
    older["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.2");
    assert!(matches!(refused(&older), Refusal::MediaType { .. }));
}

#[test]
fn a_certificate_is_not_a_key() {
    let mut keyless = cosigned();
    keyless["verificationMaterial"] = json!({"certificate": {"rawBytes": "AAAA"}});
    assert!(matches!(refused(&keyless), Refusal::Certificate));
    keyless["verificationMaterial"] = json!({"x509CertificateChain": {"certificates": []}});
    assert!(matches!(refused(&keyless), Refusal::Certificate));
    keyless["verificationMaterial"] = json!({});
    assert!(matches!(refused(&keyless), Refusal::NoKey));
}

/// Protobuf's JSON has a second spelling of every field, and readers must tolerate fields they do not know.
#[test]
fn other_spellings_and_unknown_fields_are_read() {
    let original = cosigned();
    let envelope = &original["dsseEnvelope"];
    let bundle = json!({
        "media_type": "application/vnd.dev.sigstore.bundle+json;version=0.3",
        "verification_material": {"public_key": {"hint": "x"}, "tlogEntries": [], "future": 1},
        "dsse_envelope": {
            "payload": envelope["payload"],
            "payload_type": envelope["payloadType"],
            "signatures": envelope["signatures"],
        },
        "future": {"a": [null]},
    });
    verify(bundle.to_string().as_bytes(), &digest(), &p256()).unwrap();
}

#[test]
fn a_field_given_twice_is_refused() {
    let twice = data!("cosign-p256.json").replacen('{', r#"{"mediaType":"other","#, 1);
    let refusal = verify(twice.as_bytes(), &digest(), &p256()).unwrap_err();
    assert!(matches!(refusal, Refusal::Malformed(_)), "{refusal}");
}
