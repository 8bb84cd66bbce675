//! What a running step may use: people's lines, progress, time, and the news that it was interrupted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

/// People see a new progress line at most this often.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// The surroundings of one `check`, `get` or `put`. Lines for people go through the macros of `tracing` (see
/// [`crate::lines`]); `info`, `done`, `warn`, `error` and `debug` are short for them.
#[derive(Clone, Default)]
pub struct StepContext {
    cancellation: CancellationToken,
}

impl StepContext {
    /// Surroundings for one step.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something happened to `object`.
    pub fn info(&self, object: impl AsRef<str>, message: impl AsRef<str>) {
        info!(object = object.as_ref(), "{}", message.as_ref());
    }

    /// `object` has reached what was wanted.
    pub fn done(&self, object: impl AsRef<str>, message: impl AsRef<str>) {
        info!(
            object = object.as_ref(),
            done = true,
            "{}",
            message.as_ref()
        );
    }

    /// Something about `object` needs a person's eye; the step goes on.
    pub fn warn(&self, object: impl AsRef<str>, message: impl AsRef<str>) {
        warn!(object = object.as_ref(), "{}", message.as_ref());
    }

    /// Something about `object` ends the step.
    pub fn error(&self, object: impl AsRef<str>, message: impl AsRef<str>) {
        error!(object = object.as_ref(), "{}", message.as_ref());
    }

    /// A line that only `debug: true` shows.
    pub fn debug(&self, object: impl AsRef<str>, message: impl AsRef<str>) {
        debug!(object = object.as_ref(), "{}", message.as_ref());
    }

    /// Starts to count towards `total` (bytes, unless the object says otherwise).
    pub fn progress(&self, object: impl Into<String>, total: Option<u64>) -> Progress {
        Progress {
            object: object.into(),
            total,
            done: AtomicU64::new(0),
            started: Instant::now(),
            shown: AtomicU64::new(0),
        }
    }

    /// The time, in UTC. Deciding code gets it as an argument.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Cancelled once SIGTERM or SIGINT has come.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// Whether SIGTERM or SIGINT has come.
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    /// Returns once SIGTERM or SIGINT has come.
    pub async fn cancelled(&self) {
        self.cancellation.cancelled().await;
    }
}

/// A count that people see grow, at most every two seconds.
pub struct Progress {
    object: String,
    total: Option<u64>,
    done: AtomicU64,
    started: Instant,
    shown: AtomicU64,
}

impl Progress {
    /// Adds `count`; prints a line when the last one is two seconds old.
    pub fn advance(&self, count: u64) {
        let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
        let period = self.started.elapsed().as_secs() / PROGRESS_INTERVAL.as_secs();
        if self.shown.fetch_max(period, Ordering::Relaxed) < period {
            info!(object = self.object, "{}", self.describe(done));
        }
    }

    fn describe(&self, done: u64) -> String {
        match self.total {
            Some(total) if total > 0 => format!(
                "{} {:>3} %  {} of {}",
                bar(done, total),
                done.saturating_mul(100) / total,
                size(done),
                size(total)
            ),
            _ => size(done),
        }
    }
}

fn bar(done: u64, total: u64) -> String {
    const WIDTH: u64 = 20;
    let full = (done.min(total) * WIDTH / total) as usize;
    format!(
        "[{}{}]",
        "#".repeat(full),
        ".".repeat(WIDTH as usize - full)
    )
}

fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_speaks_of_share_and_size() {
        let progress = StepContext::new().progress("layer", Some(4 << 20));
        assert_eq!(
            progress.describe(1 << 20),
            "[#####...............]  25 %  1.0 MiB of 4.0 MiB"
        );
        assert_eq!(size(12), "12 B");
    }

    #[tokio::test]
    async fn cancel_is_seen_before_and_after() {
        let step = StepContext::new();
        let waiter = tokio::spawn({
            let step = step.clone();
            async move { step.cancelled().await }
        });
        tokio::task::yield_now().await;
        step.cancellation().cancel();
        waiter.await.unwrap();
        step.cancelled().await;
        assert!(step.is_cancelled());
    }
}
