//! Who hears what happens, and who may interrupt it.

/// Told what happens; asked whether to go on.
pub trait Voice: Send + Sync {
    /// Something happened to `object`.
    fn info(&self, object: &str, message: &str);
    /// `object` has reached what was wanted.
    fn done(&self, object: &str, message: &str);
    /// `object` needs a person's eye.
    fn warn(&self, object: &str, message: &str);
    /// Whether to stop at the next safe point.
    fn is_cancelled(&self) -> bool;
}
