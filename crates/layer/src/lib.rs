//! How a layer of an image is read (pure): what the resource that judges an image and the one that unpacks it must read alike.
//!
//! | where to look | for |
//! | --- | --- |
//! | [`decompress`] | gzip with several members and padding, zstd with several frames, or neither, told by the first bytes |
//! | [`Headers`] | a limit for what the headers of an entry may have |
//! | [`kind`] | what an entry is, a folder of the oldest archives too |
//! | [`Extensions`] | the headers that readers of archives understand in different ways, which are refused |
//! | [`Mark`] | marks that hide what lies in the layers below |
//!
//! **Invariant:** what two readers may take for different things is an error here, so that what was judged is what is unpacked.

mod compression;
mod extensions;
mod headers;
mod kind;
mod mark;

pub use compression::decompress;
pub use extensions::{Ambiguous, Extensions};
pub use headers::{Headers, Limited};
pub use kind::kind;
pub use mark::Mark;
