//! What a pipeline says about the images and the key.

use trireme_protocol::{
    Fault, Secret,
    types::{Word, word},
};
use trireme_signature::{
    CosignKey, ImageDigest, KeyError, Password, PrivateKey, PublicKey, TrustPolicy,
};

trireme_connection::registry_source! {
    /// The source of an `image-signature` resource.
    pub struct Source at "source" {
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
        /// Log every request.
        #[serde(default)]
        pub debug: bool,
    }
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

    /// Trusts whoever has the private half, and nobody else.
    pub fn trust(&self) -> TrustPolicy {
        TrustPolicy::any_of(vec![Box::new(CosignKey(self.public().clone()))])
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
                Err(error) => Err(Fault::config("source.digest is malformed").with_source(error)),
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

fn key_fault(error: KeyError) -> Fault {
    Fault::config("source.key cannot be used").with_source(error)
}
