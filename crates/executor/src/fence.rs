//! The fence: no write without the lock, and none that may still be under way when another run can have it.
//!
//! The lock says for how long it is held without renewal. That time is counted from when the last successful renewal was
//! sent, not from its answer, which may come late. Another run counts the same time from when it saw the renewal, which is
//! later, so that it waits longer than we write.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use trireme_blueprint::planted::{Bug, planted};

use crate::platform::{ErrorKind, Platform, PlatformError};

/// For how long the lock is held without renewal.
pub const LEASE_DURATION: Duration = Duration::from_secs(10);
/// A write that was sent may be carried out this long after we have stopped waiting for it: the last part of the lease is kept free of
/// writes.
const MARGIN: Duration = Duration::from_secs(2);
/// The age at which the lock is renewed. Two more renewals may fail before no write is allowed.
const RENEWAL_AGE: Duration = Duration::from_secs(3);
/// One renewal is waited for so long.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Our hold on the lock, by our own monotonic clock.
#[derive(Debug)]
pub struct Fence {
    renewed_at: Instant,
}

impl Fence {
    /// The fence of a run whose lock was taken with a request that was sent at `sent_at`.
    pub fn new(sent_at: Instant) -> Self {
        Self {
            renewed_at: sent_at,
        }
    }

    /// For how long a write may still be waited for.
    pub(crate) fn left(&self) -> Duration {
        let age = self.renewed_at.elapsed();
        if planted(Bug::LeaseWithoutFence) {
            return Duration::from_secs(30);
        }
        (LEASE_DURATION - MARGIN).saturating_sub(age)
    }

    /// Renews the lock when it is time. To be called before every write and while waiting.
    ///
    /// # Errors
    /// When another run has the lock, or it could not be renewed and writes are not allowed by now.
    pub(crate) async fn hold<P: Platform>(&mut self, platform: &P) -> Result<(), Unheld<P::Error>> {
        if self.renewed_at.elapsed() < RENEWAL_AGE {
            return Ok(());
        }
        let sent_at = Instant::now();
        match timeout(RENEWAL_TIMEOUT, platform.renew()).await {
            Ok(Ok(())) => self.renewed_at = sent_at,
            Ok(Err(error)) if error.kind() != ErrorKind::MayPass => return Err(Unheld::Api(error)),
            // Still ours for a while.
            Ok(Err(_)) | Err(_) if !self.left().is_zero() => return Ok(()),
            Ok(Err(error)) => return Err(Unheld::Api(error)),
            Err(_) => return Err(Unheld::NoAnswer),
        }
        // The answer may have come late: then the renewal is old already.
        match self.left().is_zero() {
            true => Err(Unheld::NoAnswer),
            false => Ok(()),
        }
    }
}

/// Why nothing may be written now.
#[derive(Debug)]
pub(crate) enum Unheld<E> {
    /// What the platform says.
    Api(E),
    /// The renewal was not answered in time.
    NoAnswer,
}
