//! An OCI registry on loopback: the distribution API 1.1 with referrers, stored in a folder.
//!
//! `route` reads paths, `access` authorizes, `manifest` reads manifests, `store` keeps content; the
//! rest are the handlers, one file per noun. Blobs are not deleted (405): nothing in the sandbox collects garbage.

mod access;
mod answer;
mod blobs;
mod digest;
mod late_tags;
mod lists;
mod manifest;
mod manifests;
mod refusal;
mod route;
mod server;
mod service;
mod store;
mod uploads;

pub use access::Access;
pub use digest::Digest;
pub use manifest::{MANIFEST_LIMIT_BYTES, Manifest};
pub use refusal::Refusal;
pub use route::{Reference, Route, Unroutable};
pub use service::{Quirks, Registry, RegistryOptions};
pub use store::Store;
