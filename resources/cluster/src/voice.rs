//! The step as the executor hears and tells it.

use trireme_executor::{Interruption, Voice};
use trireme_protocol::Step;

pub(crate) struct Spoken<'a>(pub(crate) &'a Step);

impl Voice for Spoken<'_> {
    fn info(&self, object: &str, message: &str) {
        self.0.info(object, message);
    }

    fn done(&self, object: &str, message: &str) {
        self.0.done(object, message);
    }

    fn warn(&self, object: &str, message: &str) {
        self.0.warn(object, message);
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    fn cancelled(&self) -> Interruption<'_> {
        Box::pin(self.0.cancelled())
    }
}
