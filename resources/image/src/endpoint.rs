//! A repository and how to reach it: the same seven keys in the source and in `from`.

use trireme_protocol::{Fault, Secret, redact};
use trireme_registry::{Credentials, Repository, RepositoryName, is_digest, is_tag};
use trireme_transport::{Client, Options};

/// What a tag may be; a registry's own error would say less.
pub(crate) const TAG_RULE: &str =
    "expected at most 128 letters, digits, `_`, `.` and `-`, the first one no `.` or `-`";

/// Holds a tag and a digest, where given, to their forms: they become parts of URLs, and a tag in the place of a digest
/// would not be verified against anything.
///
/// # Errors
/// A configuration fault that names the key.
pub(crate) fn check_reference(
    place: &str,
    tag: Option<&str>,
    digest: Option<&str>,
) -> Result<(), Fault> {
    if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
        return Err(Fault::config(format!("{place}.tag is {tag:?}; {TAG_RULE}")));
    }
    match digest.filter(|digest| !is_digest(digest)) {
        Some(digest) => Err(Fault::config(format!(
            "{place}.digest is {digest:?}; expected `sha256:` and 64 hexadecimal digits"
        ))),
        None => Ok(()),
    }
}

/// The keys, where they stand, and nothing else.
pub(crate) struct Endpoint<'a> {
    /// `source` or `params.from`, for messages.
    pub place: &'static str,
    pub repository: &'a str,
    pub username: Option<&'a str>,
    pub password: Option<&'a Secret>,
    pub ca_certs: &'a [String],
    pub insecure: bool,
    pub proxy: Option<&'a str>,
}

impl Endpoint<'_> {
    /// The repository.
    ///
    /// # Errors
    /// A configuration fault when a key cannot be used.
    pub fn open(&self) -> Result<Repository, Fault> {
        let place = self.place;
        let name: RepositoryName = self
            .repository
            .parse()
            .map_err(|e| Fault::config(format!("{place}.repository cannot be used")).because(e))?;
        let client = Client::new(Options {
            ca_certs: self.ca_certs.to_vec(),
            insecure: self.insecure,
            proxy: self.proxy.map(String::from),
            user_agent: None,
        })
        .map_err(|e| Fault::config(format!("the settings in {place} cannot be used")).because(e))?;
        Ok(Repository::new(
            client,
            name,
            self.credentials()?,
            self.insecure,
            redact::learn,
        ))
    }

    fn credentials(&self) -> Result<Option<Credentials>, Fault> {
        // As registry-image has it, empty text is none.
        let given = |text: &&str| !text.is_empty();
        let password = self.password.map(Secret::expose).filter(given);
        Credentials::pair(self.place, self.username.filter(given), password)
            .map_err(|error| Fault::config(error.to_string()))
    }
}
