//! What is tried again, when, and how often.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, StatusCode, header::RETRY_AFTER};

/// How often a request is sent at most.
pub(crate) const ATTEMPTS: u32 = 5;
/// How long waiting between attempts may take altogether. Concourse shows a step that waits as running; a minute bridges
/// the restart of a registry, and more would hide that it is gone.
pub(crate) const BUDGET: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The attempts at a request, or at something larger than one within the same budget.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
    waited: Duration,
}

impl Backoff {
    /// The number of the attempt that is next, from 1.
    pub(crate) fn attempt(&self) -> u32 {
        self.failures + 1
    }

    /// Waits after a failure until the next attempt may begin, for as long as a server `asked` at least; false when attempts
    /// or time are used up.
    pub async fn pause(&mut self, asked: Option<Duration>) -> bool {
        self.failures += 1;
        let Some(wait) = wait(self.failures, self.waited, asked, fastrand::f64()) else {
            return false;
        };
        tokio::time::sleep(wait).await;
        self.waited += wait;
        true
    }
}

/// Whether this status may pass. A 500 is tried again once and only for reads: it may also be a bug that every attempt
/// meets.
pub(crate) fn is_transient(status: StatusCode, method: &Method, attempt: u32) -> bool {
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => true,
        StatusCode::INTERNAL_SERVER_ERROR => attempt == 1 && is_read(method),
        _ => false,
    }
}

fn is_read(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

/// How long to wait after the failure of `attempt` (from 1), or `None` when attempts or budget are used up. `spread` is
/// a random number below 1.
pub(crate) fn wait(
    attempt: u32,
    waited: Duration,
    asked: Option<Duration>,
    spread: f64,
) -> Option<Duration> {
    if attempt >= ATTEMPTS {
        return None;
    }
    let doubled = FIRST_WAIT
        .saturating_mul(1 << attempt.min(10))
        .min(LONGEST_WAIT);
    let wait = asked
        .unwrap_or_default()
        .max(doubled.mul_f64(0.5 + spread / 2.0));
    // A server may ask for more seconds than there will ever be.
    (waited.saturating_add(wait) <= BUDGET).then_some(wait)
}

/// The wait that the server asks for: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<_> = (1..=5)
            .map(|n| wait(n, Duration::ZERO, None, 0.0))
            .collect();
        let milliseconds = |n| Some(Duration::from_millis(n));
        let grown = [200, 400, 800, 1600].map(milliseconds);
        assert_eq!(waits[..4], grown);
        assert_eq!(waits[4], None);
    }

    #[test]
    fn a_server_that_asks_for_more_than_the_budget_is_not_waited_for() {
        let asked = |s| Some(Duration::from_secs(s));
        assert_eq!(wait(1, Duration::ZERO, asked(7), 0.5), asked(7));
        assert_eq!(wait(1, Duration::ZERO, asked(61), 0.5), None);
        assert_eq!(wait(2, Duration::from_secs(55), asked(7), 0.5), None);
        assert_eq!(wait(2, Duration::from_secs(1), asked(u64::MAX), 0.5), None);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = httpdate::parse_http_date("Tue, 15 Nov 1994 08:12:31 GMT").unwrap();
        let read = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers, now)
        };
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        let date = read("Tue, 15 Nov 1994 08:12:41 GMT");
        assert_eq!(date, Some(Duration::from_secs(10)));
        assert_eq!(read("Tue, 15 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn a_500_is_tried_again_once_and_only_for_reads() {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        assert!(is_transient(status, &Method::GET, 1));
        assert!(!is_transient(status, &Method::GET, 2));
        assert!(!is_transient(status, &Method::PUT, 1));
        assert!(!is_transient(StatusCode::NOT_FOUND, &Method::GET, 1));
    }
}
