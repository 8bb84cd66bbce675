//! Whether the clock of who rolled was really off: the time that it wrote into its Lease, beside when the API server got it.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Verdict, audit, seen};

/// What it takes a write at most to reach the server of the same machine.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(5);
/// Times are written in microseconds.
const PRECISION: SignedDuration = SignedDuration::from_millis(1);

/// The time in the Lease is ahead of the API server's by `off` (negative: behind), less what the write took to get there. What
/// the right clock could have written too proves nothing.
pub fn judge(log: &str, identity: &str, lease: &Value, off: SignedDuration) -> Verdict {
    let received = audit::last_write_of_the_lease(log, identity)?;
    let text = lease["spec"]["renewTime"].as_str().unwrap_or_default();
    let written: Option<Timestamp> = text.parse().ok();
    let ahead = written.map(|written| written.duration_since(received));
    let proves = |ahead: SignedDuration| {
        let is_off = ahead <= off + PRECISION && ahead >= off - ON_ITS_WAY;
        is_off && ahead.signum() == off.signum()
    };
    seen(ahead.is_some_and(proves), || {
        format!(
            "off by {off:?}? The Lease was renewed at {text:?}, and that reached the API server at {received}"
        )
    })
}
