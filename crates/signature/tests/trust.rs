//! A trust policy asks the verifiers of an artifact's type, and no other.

use trireme_signature::{
    BUNDLE_MEDIA_TYPE, CosignKey, ImageDigest, PublicKey, Refusal, SignatureKind, Signer,
    TrustPolicy, Verifier,
};

const BUNDLE: &[u8] = include_bytes!("data/cosign-p256.json");
const OF_ANOTHER_KIND: &str = "application/vnd.cncf.notary.signature";

fn digest() -> ImageDigest {
    ImageDigest::of(include_bytes!("data/manifest.json"))
}

fn key(pem: &str) -> PublicKey {
    PublicKey::from_pem(pem).expect("a public key")
}

fn p256() -> PublicKey {
    key(include_str!("data/p256.pub"))
}

fn trusting(key: PublicKey) -> TrustPolicy {
    TrustPolicy::any_of(vec![Box::new(CosignKey(key))])
}

/// Another kind of signature, with an artifact type of its own or that of bundles; it accepts what is "signed".
#[derive(Debug)]
struct AnotherKind(&'static str);

impl Verifier for AnotherKind {
    fn artifact_type(&self) -> &'static str {
        self.0
    }

    fn signer(&self) -> Signer {
        Signer::Key {
            fingerprint: "another".to_owned(),
        }
    }

    fn verify(&self, artifact: &[u8], _: &ImageDigest) -> Result<SignatureKind, Refusal> {
        match artifact {
            b"signed" => Ok(SignatureKind::Message),
            _ => Err(Refusal::NoKey),
        }
    }
}

/// Who signed `artifact`; or how many verifiers refused it.
fn signer(policy: &TrustPolicy, artifact_type: &str, artifact: &[u8]) -> Result<Signer, usize> {
    let verified = policy.verify(artifact_type, artifact, &digest());
    verified
        .map(|verified| verified.signer)
        .map_err(|refusals| refusals.len())
}

#[test]
fn a_signature_of_the_trusted_key_is_accepted_and_names_it() {
    let policy = trusting(p256());
    let signer = signer(&policy, BUNDLE_MEDIA_TYPE, BUNDLE).unwrap();
    assert_eq!(signer.described(), ("key", p256().fingerprint()));
    assert_eq!(policy.to_string(), format!("key {}", p256().fingerprint()));
    let other = trusting(key(include_str!("data/rsa2048.pub")));
    let refusals = other.verify(BUNDLE_MEDIA_TYPE, BUNDLE, &digest());
    assert!(matches!(
        refusals.unwrap_err()[..],
        [Refusal::Signature { .. }]
    ));
}

/// A bundle under another name is no signature: the type says by which rules it is read.
#[test]
fn an_artifact_is_judged_by_the_verifiers_of_its_type_alone() {
    let only_keys = trusting(p256());
    assert_eq!(signer(&only_keys, OF_ANOTHER_KIND, BUNDLE), Err(0));
    let no_bundles = TrustPolicy::any_of(vec![Box::new(AnotherKind(OF_ANOTHER_KIND))]);
    assert_eq!(signer(&no_bundles, BUNDLE_MEDIA_TYPE, b"signed"), Err(0));
    assert!(signer(&no_bundles, OF_ANOTHER_KIND, b"signed").is_ok());
}

/// As a bundle of cosign that is signed with a key, and one that is signed with a certificate.
#[test]
fn of_two_kinds_with_one_type_either_is_enough() {
    let policy = TrustPolicy::any_of(vec![
        Box::new(CosignKey(p256())),
        Box::new(AnotherKind(BUNDLE_MEDIA_TYPE)),
    ]);
    assert_eq!(policy.artifact_types(), [BUNDLE_MEDIA_TYPE]);
    assert!(signer(&policy, BUNDLE_MEDIA_TYPE, BUNDLE).is_ok());
    assert!(signer(&policy, BUNDLE_MEDIA_TYPE, b"signed").is_ok());
    assert_eq!(signer(&policy, BUNDLE_MEDIA_TYPE, b"unsigned"), Err(2));
}

#[test]
fn nobody_is_trusted_unless_named() {
    let nobody = TrustPolicy::any_of(Vec::new());
    assert_eq!(signer(&nobody, BUNDLE_MEDIA_TYPE, BUNDLE), Err(0));
}
