//! Carries out a roll, one observed step after another, on any [`Platform`].
//!
//! [`roll`] observes, asks [`trireme_blueprint::next_actions`] what is due, does it, waits for a change and begins again. It keeps
//! no state of its own that matters: killed at any instant and started again, it continues from what the platform shows.
//!
//! **Invariant:** no write without the lock ([`fence`]), and none that could still be under way when another run has it.
//! **Invariant:** a write counts as done when a later observation shows it, never because it was answered.
//! **Invariant:** every wait has a deadline from the policy, measured by the monotonic clock of this process. What is not
//! known (an observation that fails or is stale) is waited for, and stops the roll after `policy.api_timeout`. A write that comes to
//! nothing each time stops it after `policy.node_timeout`.

mod error;
pub mod fence;
mod fruitless;
pub mod interruption;
mod pass;
mod platform;
mod progress;
mod roll;
mod taken_out;
mod unconfirmed;

pub use error::{Cause, RollError, chain};
pub use fence::Fence;
pub use platform::{Action, Answer, ErrorKind, Mode, Platform, PlatformError};
pub use roll::{Roll, roll};
pub use taken_out::TakenOut;
