//! OCI distribution client: manifests, blobs, referrers, tags; and layouts on disk.
//!
//! A thin client of our own on [`trireme_transport`], with the types of `oci-spec`. The crate `oci-client` 0.18 was read
//! first; it lacks what a gate needs: any retry, `Retry-After`, the 202 answer to a mount, paging of referrers (a list
//! that was cut short can hide or fake a verdict), writing the fallback index, and it takes every error of the fallback
//! tag, also 401 and 429, for "no referrers".
//!
//! Rules that hold everywhere here:
//!
//! - Every manifest and blob that is returned was verified against its digest and, where known, its size.
//! - Only 404 means "not there". Every other answer that was not expected is an error.
//! - Credentials go to the registry's own host and, over https, to the token service that it names, nowhere else: a server
//!   that the registry redirects to is not answered when it asks for them.
//! - Plain HTTP is used for loopback hosts that do not speak TLS, and where the caller says `insecure`.

mod artifact;
mod auth;
mod blob;
mod content;
mod copy;
mod error;
mod keys;
mod layout;
mod manifest;
mod name;
mod realm;
mod referrers;
mod repository;
mod shape;
mod tags;
mod tree;

pub use artifact::ArtifactFile;
pub use auth::Credentials;
pub use blob::BlobStream;
pub use content::{descriptor_of, digest_of};
pub use copy::Progress;
pub use error::RegistryError;
pub use layout::{Layout, LayoutError};
pub use manifest::MANIFEST_LIMIT_BYTES;
pub use name::{RepositoryName, is_digest, is_tag};
pub use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};
pub use repository::Repository;
pub use tree::{Tree, image_manifest, is_foreign, is_index};
pub use trireme_evidence::is_sha256;
