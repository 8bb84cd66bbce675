//! cosign with keys in files, as an air-gapped user runs it: no transparency log, no timestamp.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::{PeerError, Tool};

/// What protects the private keys; characters that a URL or a form would escape are in it.
pub const PASSWORD: &str = "a pass/word+";

/// With it cosign asks no log and no timestamp authority.
const NO_LOG: &str = r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}"#;

/// A key pair in cosign's own files.
#[derive(Debug)]
pub struct KeyPair {
    dir: TempDir,
}

impl KeyPair {
    /// P-256, by `cosign generate-key-pair`.
    ///
    /// # Errors
    /// cosign is not installed or refuses.
    pub fn generate() -> Result<Self, PeerError> {
        let keys = Self::in_new_folder()?;
        keys.cosign(&["generate-key-pair"])?.succeed()?;
        Ok(keys)
    }

    /// RSA of 2048 bits, made by OpenSSL and imported by cosign.
    ///
    /// # Errors
    /// A program is not installed or refuses.
    pub fn import_rsa() -> Result<Self, PeerError> {
        let keys = Self::in_new_folder()?;
        let generate = "genpkey -out plain.pem -algorithm RSA -pkeyopt rsa_keygen_bits:2048";
        let openssl = Tool::system("openssl").dir(keys.dir.path());
        openssl.args(generate.split(' ')).succeed()?;
        let import = "import-key-pair --key plain.pem --output-key-prefix cosign -y";
        keys.cosign(&import.split(' ').collect::<Vec<_>>())?
            .succeed()?;
        Ok(keys)
    }

    /// The private key, encrypted with [`PASSWORD`], as PEM.
    pub fn private(&self) -> String {
        self.read("cosign.key")
    }

    /// The public key, as PEM.
    pub fn public(&self) -> String {
        self.read("cosign.pub")
    }

    /// Signs `REPOSITORY@DIGEST`.
    ///
    /// # Errors
    /// cosign's own.
    pub fn sign(&self, reference: &str) -> Result<(), PeerError> {
        let sign = "sign --key cosign.key --signing-config no-log.json -y";
        self.on(sign, reference)?.succeed().map(drop)
    }

    /// Attests to `REPOSITORY@DIGEST`, which is no signature.
    ///
    /// # Errors
    /// cosign's own.
    pub fn attest(&self, reference: &str) -> Result<(), PeerError> {
        self.write("predicate.json", "{}")?;
        let attest = "attest --key cosign.key --signing-config no-log.json --type custom --predicate predicate.json -y";
        self.on(attest, reference)?.succeed().map(drop)
    }

    /// Whether cosign accepts a signature of `REPOSITORY@DIGEST` by this key.
    ///
    /// # Errors
    /// cosign could not be started.
    pub fn verifies(&self, reference: &str) -> Result<bool, PeerError> {
        let verify = "verify --key cosign.pub --insecure-ignore-tlog";
        Ok(self.on(verify, reference)?.run()?.code == Some(0))
    }

    /// Where cosign runs; a `config.json` of Docker's clients there gives it credentials.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    fn in_new_folder() -> Result<Self, PeerError> {
        let dir = tempfile::tempdir().map_err(start_error)?;
        let keys = Self { dir };
        keys.write("no-log.json", NO_LOG)?;
        Ok(keys)
    }

    fn on(&self, command: &str, reference: &str) -> Result<Tool, PeerError> {
        let words: Vec<_> = command.split(' ').chain([reference]).collect();
        self.cosign(&words)
    }

    fn cosign(&self, arguments: &[&str]) -> Result<Tool, PeerError> {
        let cosign = Tool::new("cosign")?.env("COSIGN_PASSWORD", PASSWORD);
        let cosign = cosign.env("DOCKER_CONFIG", self.folder());
        Ok(cosign.args(arguments).dir(self.dir.path()))
    }

    fn read(&self, name: &str) -> String {
        read(&self.dir.path().join(name))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), PeerError> {
        fs::write(self.dir.path().join(name), text).map_err(start_error)
    }
}

/// A key file that cosign has just written; when it is gone, what needs a key refuses the empty one.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn start_error(source: std::io::Error) -> PeerError {
    PeerError::Start {
        name: "cosign".into(),
        source,
    }
}
