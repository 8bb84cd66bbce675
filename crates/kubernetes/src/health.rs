//! What is known of one watch: whether what it delivered can still be relied on.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use crate::Error;

/// A watch that failed is relied on for so long: it begins anew within this in general, and what changes meanwhile is little.
const TROUBLE_MAX: Duration = Duration::from_secs(10);
/// A watch is asked to end after 60 s, and begins anew. One that was silent for longer than this is broken.
const SILENCE_MAX: Duration = Duration::from_secs(75);
/// A watch that fails so soon after it began anew had not recovered.
const RECOVERY: Duration = Duration::from_secs(5);

/// The health of one watch.
#[derive(Debug)]
pub(crate) struct Health {
    /// The kind of object that is watched, in the plural.
    what: &'static str,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Whether the list that a watch begins with is complete.
    is_complete: bool,
    /// When anything was last received.
    heard_at: Instant,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    since: Instant,
    /// When the watch began anew after it.
    recovered_at: Option<Instant>,
    error: Option<Error>,
}

impl Health {
    pub(crate) fn new(what: &'static str) -> Self {
        let now = Instant::now();
        let state = State {
            is_complete: false,
            heard_at: now,
            trouble: Some(Trouble::since(now)),
        };
        Self {
            what,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn what(&self) -> &'static str {
        self.what
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Every change below is one assignment after another: a thread that panicked leaves nothing half-done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was received.
    pub(crate) fn heard(&self) {
        self.state().heard_at = Instant::now();
    }

    /// The server has accepted the watch. Answers whether that ended a trouble.
    pub(crate) fn connected(&self) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        state.heard_at = now;
        let recovering = state.is_complete;
        match state.trouble.as_mut() {
            Some(trouble) if recovering && trouble.recovered_at.is_none() => {
                trouble.recovered_at = Some(now);
                true
            }
            _ => false,
        }
    }

    /// A list has begun: what is known from before is out of date.
    pub(crate) fn begun(&self) {
        let mut state = self.state();
        state.is_complete = false;
        state.continue_trouble();
    }

    /// The list is complete.
    pub(crate) fn completed(&self) {
        let mut state = self.state();
        (state.is_complete, state.trouble) = (true, None);
    }

    /// A change was received: the watch works.
    pub(crate) fn changed(&self) {
        let mut state = self.state();
        if state.is_complete {
            state.trouble = None;
        }
    }

    /// The watch or the list failed.
    pub(crate) fn failed(&self, error: Error) {
        let mut state = self.state();
        state.continue_trouble().error = Some(error);
    }

    /// # Errors
    /// When what the watch delivered cannot be relied on.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let state = self.state();
        let (now, silence) = (Instant::now(), state.heard_at.elapsed());
        if let Some(trouble) = state.trouble.as_ref().filter(|trouble| !trouble.is_over()) {
            let lasted = now - trouble.since;
            if let Some(refusal) = trouble.refusal().filter(|_| lasted > TROUBLE_MAX) {
                return Err(refusal);
            }
            if !state.is_complete || lasted > TROUBLE_MAX {
                return Err(self.unknown(trouble.why(state.is_complete), lasted));
            }
        }
        if silence > SILENCE_MAX {
            let why = "the API server sent nothing, not even the end of the watch";
            return Err(self.unknown(why.into(), silence));
        }
        Ok(())
    }

    fn unknown(&self, why: String, lasted: Duration) -> Error {
        Error::Unknown {
            what: self.what.into(),
            why,
            seconds: lasted.as_secs(),
        }
    }
}

impl State {
    /// The present trouble; a new one, when the last was over for a while.
    fn continue_trouble(&mut self) -> &mut Trouble {
        let now = Instant::now();
        let lasts = self.trouble.take_if(|trouble| {
            let recovered = trouble.recovered_at;
            recovered.is_none_or(|recovered| now - recovered < RECOVERY)
        });
        let mut trouble = lasts.unwrap_or_else(|| Trouble::since(now));
        trouble.recovered_at = None;
        self.trouble.insert(trouble)
    }
}

impl Trouble {
    fn since(since: Instant) -> Self {
        Self {
            since,
            recovered_at: None,
            error: None,
        }
    }

    fn is_over(&self) -> bool {
        self.recovered_at.is_some()
    }

    /// The answer of an API server that does not let us watch. Right after its start it may not know our rights yet.
    fn refusal(&self) -> Option<Error> {
        let Some(Error::Refused { act, status }) = &self.error else {
            return None;
        };
        matches!(status.code, 401 | 403).then(|| Error::Refused {
            act: act.clone(),
            status: status.clone(),
        })
    }

    fn why(&self, is_complete: bool) -> String {
        match (&self.error, is_complete) {
            (Some(error), _) => chain(error),
            (None, false) => "the list is not complete yet".into(),
            (None, true) => "the watch has ended".into(),
        }
    }
}

/// An error with what led to it.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some of the client's errors repeat their source.
        if !text.ends_with(&cause_text) {
            text += &format!(": {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use tokio::time::advance;

    use super::*;

    fn refused(code: u16) -> Error {
        let status = Status {
            code,
            message: "no".into(),
            ..Status::default()
        };
        Error::api("list pods")(kube::Error::Api(Box::new(status)))
    }

    fn complete() -> Health {
        let health = Health::new("pods");
        health.begun();
        health.completed();
        health
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_listed_whole_is_unknown() {
        let health = Health::new("pods");
        health.begun();
        advance(Duration::from_secs(3)).await;
        assert_eq!(
            health.check().unwrap_err().to_string(),
            "Cannot tell the state of pods, unknown for 3 s: the list is not complete yet"
        );
        health.failed(refused(500));
        let error = health.check().unwrap_err();
        assert!(
            error.may_pass() && error.to_string().ends_with("answered 500: no"),
            "{error}"
        );
        health.completed();
        assert!(health.check().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_fails_is_relied_on_for_ten_seconds() {
        let health = complete();
        health.failed(refused(500));
        advance(TROUBLE_MAX).await;
        assert!(health.check().is_ok());
        advance(Duration::from_secs(1)).await;
        assert!(health.check().unwrap_err().may_pass());
        assert!(health.connected());
        assert!(health.check().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_begins_and_fails_again_and_again_has_not_recovered() {
        let health = complete();
        for _ in 0..12 {
            health.failed(refused(500));
            advance(Duration::from_secs(1)).await;
            health.connected();
        }
        health.failed(refused(500));
        assert!(health.check().is_err());
        health.connected();
        advance(RECOVERY).await;
        health.failed(refused(500));
        assert!(health.check().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_begins_anew_makes_what_is_known_out_of_date_at_once() {
        let health = complete();
        health.failed(refused(410));
        health.begun();
        assert!(health.check().is_err());
        // A list is answered page by page: none of them is the whole.
        assert!(!health.connected());
        assert!(health.check().is_err());
        health.completed();
        assert!(health.check().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_is_silent_for_too_long_is_stale() {
        let health = complete();
        health.heard();
        advance(SILENCE_MAX).await;
        assert!(health.check().is_ok());
        advance(Duration::from_secs(1)).await;
        let error = health.check().unwrap_err().to_string();
        assert!(
            error.contains("pods, unknown for 76 s: the API server sent nothing"),
            "{error}"
        );
        health.heard();
        assert!(health.check().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_is_not_allowed_says_which_right_is_missing() {
        let health = complete();
        health.failed(refused(403));
        // A server that has just started may not know our rights yet.
        advance(TROUBLE_MAX).await;
        assert!(health.check().is_ok());
        advance(Duration::from_secs(1)).await;
        let error = health.check().unwrap_err();
        assert!(
            !error.may_pass() && error.to_string().contains("rbac.yaml"),
            "{error}"
        );
    }
}
