//! Real cosign and real registries judge: what we sign it verifies, what it signs we verify, with and without the
//! referrers API, with P-256 and RSA keys.
#![cfg(feature = "peers")]

mod program;

use program::Program;
use serde_json::{Value, json};
use tempfile::TempDir;
use trireme_peers::{Registry, Tool};

const PASSWORD: &str = "a pass/word+";
const NO_LOG: &str = r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}"#;

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

/// A key pair as cosign keeps it.
struct Keys {
    dir: TempDir,
}

impl Keys {
    /// `cosign generate-key-pair` (P-256), or an OpenSSL key of this algorithm that cosign imports.
    fn new(import: Option<&[&str]>) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("no-log.json"), NO_LOG).expect("a file");
        let cosign = match import {
            None => cosign().args(["generate-key-pair"]),
            Some(algorithm) => {
                let genpkey = Tool::system("openssl").args(["genpkey", "-out", "plain.pem"]);
                genpkey
                    .args(algorithm)
                    .dir(dir.path())
                    .succeed()
                    .expect("openssl");
                cosign().args([
                    "import-key-pair",
                    "--key",
                    "plain.pem",
                    "--output-key-prefix",
                    "cosign",
                    "-y",
                ])
            }
        };
        cosign.dir(dir.path()).succeed().expect("a key pair");
        Self { dir }
    }

    fn rsa() -> Self {
        Self::new(Some(&[
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
        ]))
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).expect("a key file")
    }

    fn private(&self) -> String {
        self.read("cosign.key")
    }

    fn public(&self) -> String {
        self.read("cosign.pub")
    }

    fn cosign_sign(&self, reference: &str) {
        self.cosign(&[
            "sign",
            "--key",
            "cosign.key",
            "--signing-config",
            "no-log.json",
            "-y",
            reference,
        ]);
    }

    fn cosign_attest(&self, reference: &str) {
        std::fs::write(self.dir.path().join("predicate.json"), "{}").expect("a file");
        self.cosign(&[
            "attest",
            "--key",
            "cosign.key",
            "--signing-config",
            "no-log.json",
            "--type",
            "custom",
            "--predicate",
            "predicate.json",
            "-y",
            reference,
        ]);
    }

    fn cosign_verify(&self, reference: &str) -> bool {
        let verify = cosign().args([
            "verify",
            "--key",
            "cosign.pub",
            "--insecure-ignore-tlog",
            reference,
        ]);
        verify.dir(self.dir.path()).run().expect("cosign").code == Some(0)
    }

    fn cosign(&self, args: &[&str]) {
        cosign()
            .args(args)
            .dir(self.dir.path())
            .succeed()
            .expect("cosign");
    }
}

fn cosign() -> Tool {
    Tool::new("cosign")
        .expect("cosign")
        .env("COSIGN_PASSWORD", PASSWORD)
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
    for keys in [Keys::new(None), Keys::rsa()] {
        for registry in registries() {
            let image = push(&registry, "ours");
            assert!(
                !keys.cosign_verify(&image.reference()),
                "unsigned image verified"
            );
            let source = json!({"repository": image.repository, "key": keys.private(), "key_password": PASSWORD});
            let put = Program::put(&source, &json!({"digest": image.digest})).succeed();
            assert_eq!(put["version"]["digest"], image.digest);
            assert!(
                keys.cosign_verify(&image.reference()),
                "cosign refuses our signature"
            );
            assert!(
                !Keys::new(None).cosign_verify(&image.reference()),
                "any key verified"
            );
        }
    }
}

#[test]
fn what_cosign_signs_we_verify() {
    for keys in [Keys::new(None), Keys::rsa()] {
        for registry in registries() {
            let image = push(&registry, "theirs");
            let source = json!({"repository": image.repository, "key": keys.public(), "digest": image.digest});
            assert_eq!(Program::check(&source, None).succeed(), json!([]));
            keys.cosign_sign(&image.reference());
            let versions = Program::check(&source, None).succeed();
            let got = Program::get(&source, &versions[0]);
            assert_eq!(got.evidence()["verdict"], "permit");
            got.succeed();

            let stranger = json!({"repository": image.repository, "key": Keys::new(None).public(), "digest": image.digest});
            assert_eq!(Program::get(&stranger, &versions[0]).code, 2);
        }
    }
}

/// Both write to the same place: neither loses the other's signature, in the fallback index neither.
#[test]
fn our_signature_and_cosigns_live_side_by_side() {
    let (ours, theirs) = (Keys::new(None), Keys::new(None));
    for registry in registries() {
        let image = push(&registry, "both");
        theirs.cosign_sign(&image.reference());
        let source = json!({"repository": image.repository, "key": ours.private(), "key_password": PASSWORD});
        let version =
            Program::put(&source, &json!({"digest": image.digest})).succeed()["version"].clone();
        theirs.cosign_sign(&image.reference());
        assert!(ours.cosign_verify(&image.reference()) && theirs.cosign_verify(&image.reference()));
        Program::get(&source, &version).succeed();
        let again = Program::put(&source, &json!({"digest": image.digest})).succeed();
        assert_eq!(again["version"], version, "a repeated put signed again");
    }
}

#[test]
fn an_image_with_an_attestation_only_is_refused() {
    let keys = Keys::new(None);
    for registry in registries() {
        let image = push(&registry, "attested");
        keys.cosign_attest(&image.reference());
        assert!(
            keys.cosign_verify(&image.reference()),
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
