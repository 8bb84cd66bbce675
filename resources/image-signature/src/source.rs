//! What a pipeline says about the images and the key.

use schemars::JsonSchema;
use serde::Deserialize;
use trireme_protocol::{
    Fault, Secret,
    types::{Word, word},
};
use trireme_registry::Credentials;
use trireme_signature::{ImageDigest, KeyError, Password, PrivateKey, PublicKey};

/// The source of an `image-signature` resource.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Where the images and their signatures are: `HOST[:PORT]/PATH`, without tag and digest.
    pub repository: String,
    /// The tag whose image is looked at. At most one of `tag` and `digest`; with neither, the image that was signed last.
    #[serde(default, deserialize_with = "word")]
    #[schemars(with = "Word")]
    pub tag: Option<String>,
    /// The image that is looked at, `sha256:…`.
    #[serde(default)]
    pub digest: Option<String>,
    /// The key, in PEM. A private one (a key file of cosign, or PKCS #8) signs and verifies; a public one verifies.
    pub key: Secret,
    /// The password of an encrypted private key; may be empty.
    #[serde(default)]
    pub key_password: Option<Secret>,
    /// User name for the registry.
    #[serde(default)]
    pub username: Option<String>,
    /// Password or token for the registry.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Certificate authorities (PEM) that are trusted beside those of the system.
    #[serde(default)]
    pub ca_certs: Vec<String>,
    /// Use plain HTTP, and do not check the registry's certificate.
    #[serde(default)]
    pub insecure: bool,
    /// Proxy for the registry; default from the environment (`https_proxy`, `no_proxy`).
    #[serde(default)]
    pub proxy: Option<String>,
    /// Log every request.
    #[serde(default)]
    pub debug: bool,
}

/// Which image a step without one of its own is about.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// What this tag points to now.
    Tag(String),
    /// This image.
    Digest(ImageDigest),
    /// The image of the version that Concourse knows; none before the first `put`.
    LastSigned,
}

/// The key of a source.
pub enum Key {
    /// It signs and verifies.
    Private(Box<PrivateKey>),
    /// It only verifies.
    Public(PublicKey),
}

impl Key {
    /// The half that verifies.
    pub fn public(&self) -> &PublicKey {
        match self {
            Self::Private(key) => key.public(),
            Self::Public(key) => key,
        }
    }
}

impl Source {
    /// Which image it names.
    ///
    /// # Errors
    /// A configuration fault when it names two, or no digest where one is expected.
    pub fn target(&self) -> Result<Target, Fault> {
        match (&self.tag, &self.digest) {
            (Some(_), Some(_)) => Err(Fault::config(
                "source: tag and digest are both given; give one of them, or neither to follow what put signs",
            )),
            (Some(tag), None) => Ok(Target::Tag(tag.clone())),
            (None, Some(digest)) => match digest.parse() {
                Ok(digest) => Ok(Target::Digest(digest)),
                Err(error) => Err(Fault::config("source.digest is malformed").because(error)),
            },
            (None, None) => Ok(Target::LastSigned),
        }
    }

    /// Reads the key.
    ///
    /// # Errors
    /// A configuration fault when it is no key that can be used, or the password does not open it.
    pub fn key(&self) -> Result<Key, Fault> {
        let pem = self.key.expose();
        if pem.contains("://") {
            return Err(Fault::config(
                "source.key: expected a PEM block, found a URI; keys in a key service are not supported",
            ));
        }
        if !PrivateKey::is_private(pem) {
            let key = PublicKey::from_pem(pem).map_err(key_fault)?;
            return Ok(Key::Public(key));
        }
        let password = self.key_password.as_ref().map(|p| Password(p.expose()));
        let key = PrivateKey::from_pem(pem, password).map_err(key_fault)?;
        Ok(Key::Private(Box::new(key)))
    }
}

impl Source {
    /// The credentials for the registry.
    ///
    /// # Errors
    /// A configuration fault when only one half is given.
    pub fn credentials(&self) -> Result<Option<Credentials>, Fault> {
        let password = self.password.as_ref().map(Secret::expose);
        Credentials::pair("source", self.username.as_deref(), password)
            .map_err(|error| Fault::config(error.to_string()))
    }
}

fn key_fault(error: KeyError) -> Fault {
    Fault::config("source.key cannot be used").because(error)
}
