//! What a tag and a digest may be.

use trireme_protocol::Fault;
use trireme_registry::{is_digest, is_tag};

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
