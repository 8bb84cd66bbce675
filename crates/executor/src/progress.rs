//! Lines for people: what is news is told once, and a long wait again every minute.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

/// A wait that lasts is told again after this.
const REMIND: Duration = Duration::from_secs(60);

/// What was told.
#[derive(Default)]
pub(crate) struct Progress {
    /// By object and message: since when, and when it was told last.
    told: BTreeMap<(String, String), (Instant, Instant)>,
}

impl Progress {
    /// Something happens to `object`.
    pub(crate) fn info(&mut self, object: &str, message: &str) {
        if let Some(message) = self.is_due(object, message) {
            info!(object = object, "{message}");
        }
    }

    /// `object` needs a person's attention.
    pub(crate) fn warn(&mut self, object: &str, message: &str) {
        if let Some(message) = self.is_due(object, message) {
            warn!(object = object, "{message}");
        }
    }

    /// `object` has reached what was wanted.
    pub(crate) fn done(&mut self, object: &str, message: &str) {
        info!(object = object, done = true, "{message}");
        self.told.retain(|(known, _), _| known != object);
    }

    /// The message, when it is news or lasts; with how long it has lasted.
    fn is_due(&mut self, object: &str, message: &str) -> Option<String> {
        let now = Instant::now();
        let key = (object.to_owned(), message.to_owned());
        let Some((since, told_at)) = self.told.get_mut(&key) else {
            self.told.insert(key, (now, now));
            return Some(message.to_owned());
        };
        if told_at.elapsed() < REMIND {
            return None;
        }
        *told_at = now;
        let minutes = since.elapsed().as_secs() / 60;
        Some(format!("{message} (for {minutes} min)"))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_message_is_told_once_and_a_wait_that_lasts_again_each_minute() {
        let mut progress = Progress::default();
        let mut told = Vec::new();
        for _ in 0..130 {
            told.extend(progress.is_due("node w-1", "waiting"));
            sleep(Duration::from_secs(1)).await;
        }
        let minutes = ["waiting", "waiting (for 1 min)", "waiting (for 2 min)"];
        assert_eq!(told, minutes);
        assert!(progress.is_due("node w-1", "something else").is_some());
        assert!(progress.is_due("node w-2", "waiting").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_told_of_a_node_that_is_done_is_news_again() {
        let mut progress = Progress::default();
        progress.info("node w-1", "cordoning");
        progress.info("node w-2", "cordoning");
        progress.done("node w-1", "v1.36.4 to v1.37.2");
        assert!(progress.is_due("node w-1", "cordoning").is_some());
        assert_eq!(progress.is_due("node w-2", "cordoning"), None);
    }
}
