//! Who hears what happens, and who may interrupt it.

use std::pin::Pin;

/// The end of a wait for an interruption.
pub type Interruption<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Told what happens; asked whether to go on.
pub trait Voice: Send + Sync {
    /// Something happened to `object`.
    fn info(&self, object: &str, message: &str);
    /// `object` has reached what was wanted.
    fn done(&self, object: &str, message: &str);
    /// `object` needs a person's eye.
    fn warn(&self, object: &str, message: &str);
    /// Whether to stop before the next write.
    fn is_cancelled(&self) -> bool;
    /// Returns once [`Voice::is_cancelled`].
    fn cancelled(&self) -> Interruption<'_>;
}
