//! Concourse resource: container images, every byte verified.
//!
//! `check` follows a tag, or one digest; `get` fetches an image, or only names it; `put` stores an image of the build,
//! or copies one from another repository without touching the disk, an index with all its platforms. The version is that of Concourse's own
//! `registry-image`: `tag` and `digest`.

mod check;
mod get;
mod origin;
mod platform;
mod put;
mod reference;
mod registry_image;
mod rootfs;
mod source;
mod version;

pub use get::{Format, GetParams};
pub use platform::Platform;
pub use put::{From, PutParams};
pub use source::Source;
pub use version::Version;

trireme_protocol::resource! {
    /// The resource type `image`.
    pub struct Image is "image"
}
