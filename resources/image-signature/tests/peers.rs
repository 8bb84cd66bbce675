//! Real cosign and real registries judge: what we sign it verifies, what it signs we verify, with and without the
//! referrers API, with P-256 and RSA keys.
#![cfg(feature = "peers")]

mod program;

use program::Program;
use serde_json::{Value, json};
use trireme_peers::{
    Registry, Tool,
    cosign::{KeyPair, PASSWORD},
};

/// An image in a registry.
struct Registered {
    /// `HOST:PORT/PATH`.
    repository: String,
    /// `sha256:HEX`.
    digest: String,
}

impl Registered {
    /// `REPOSITORY@DIGEST`.
    fn reference(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    /// A version of it as a `get` could be given.
    fn version(&self) -> Value {
        json!({"digest": self.digest, "signatures": "sha256:0", "since": "2026-01-01T00:00:00Z"})
    }
}

fn p256() -> KeyPair {
    KeyPair::generate().expect("a P-256 key")
}

fn rsa() -> KeyPair {
    KeyPair::import_rsa().expect("an RSA key")
}

fn verifies(keys: &KeyPair, reference: &str) -> bool {
    keys.verifies(reference).expect("cosign runs")
}

fn registries() -> [Registry; 2] {
    [
        Registry::distribution().expect("the distribution registry"),
        Registry::referrers().expect("a registry with the referrers API"),
    ]
}

/// Pushes a small image with crane.
fn push(registry: &Registry, repository: &str) -> Registered {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("file"), repository).expect("a file");
    let tar = Tool::system("tar").args(["-cf", "layer.tar", "file"]);
    tar.dir(dir.path()).succeed().expect("tar");
    let name = format!("{}/{repository}", registry.host());
    let append =
        Tool::new("crane")
            .expect("crane")
            .args(["append", "-f", "layer.tar", "-t", &name]);
    append.dir(dir.path()).succeed().expect("crane append");
    let digest = Tool::new("crane")
        .expect("crane")
        .args(["digest", &name])
        .succeed()
        .expect("crane digest");
    Registered {
        repository: name,
        digest: digest.trim().into(),
    }
}

#[test]
fn what_we_sign_cosign_verifies() {
    for keys in [p256(), rsa()] {
        for registry in registries() {
            let image = push(&registry, "ours");
            assert!(
                !verifies(&keys, &image.reference()),
                "unsigned image verified"
            );
            let source = json!({"repository": image.repository, "key": keys.private(), "key_password": PASSWORD});
            let put = Program::put(&source, &json!({"digest": image.digest})).succeed();
            assert_eq!(put["version"]["digest"], image.digest);
            assert!(
                verifies(&keys, &image.reference()),
                "cosign refuses our signature"
            );
            assert!(!verifies(&p256(), &image.reference()), "any key verified");
        }
    }
}

#[test]
fn what_cosign_signs_we_verify() {
    for keys in [p256(), rsa()] {
        for registry in registries() {
            let image = push(&registry, "theirs");
            let source = json!({"repository": image.repository, "key": keys.public(), "digest": image.digest});
            assert_eq!(Program::check(&source, None).succeed(), json!([]));
            keys.sign(&image.reference()).expect("cosign signs");
            let versions = Program::check(&source, None).succeed();
            let got = Program::get(&source, &versions[0]);
            assert_eq!(got.evidence()["verdict"], "permit");
            got.succeed();

            let stranger = json!({"repository": image.repository, "key": p256().public(), "digest": image.digest});
            assert_eq!(Program::get(&stranger, &versions[0]).code, 2);
        }
    }
}

/// Both write to the same place: neither loses the other's signature, in the fallback index neither.
#[test]
fn our_signature_and_cosigns_live_side_by_side() {
    let (ours, theirs) = (p256(), p256());
    for registry in registries() {
        let image = push(&registry, "both");
        theirs.sign(&image.reference()).expect("cosign signs");
        let source = json!({"repository": image.repository, "key": ours.private(), "key_password": PASSWORD});
        let version =
            Program::put(&source, &json!({"digest": image.digest})).succeed()["version"].clone();
        theirs.sign(&image.reference()).expect("cosign signs");
        assert!(verifies(&ours, &image.reference()) && verifies(&theirs, &image.reference()));
        Program::get(&source, &version).succeed();
        let again = Program::put(&source, &json!({"digest": image.digest})).succeed();
        assert_eq!(again["version"], version, "a repeated put signed again");
    }
}

#[test]
fn an_image_with_an_attestation_only_is_refused() {
    let keys = p256();
    for registry in registries() {
        let image = push(&registry, "attested");
        keys.attest(&image.reference()).expect("cosign attests");
        assert!(
            verifies(&keys, &image.reference()),
            "cosign has become stricter: say so in the README"
        );
        let source = json!({"repository": image.repository, "key": keys.public()});
        let got = Program::get(&source, &image.version());
        assert_eq!(got.code, 2);
        assert!(
            got.stderr.contains("an attestation of type"),
            "{}",
            got.stderr
        );
        assert_eq!(got.evidence()["verdict"], "deny");
        assert_eq!(got.evidence()["refused"].as_array().map(Vec::len), Some(1));
    }
}
