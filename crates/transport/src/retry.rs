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

/// How long a patient client waits altogether for a server that limits its rate (429), and, where the server does not say how
/// long to wait, at first and at most: as Concourse's registry-image (its `backoff.go`).
pub(crate) const PATIENCE: Duration = Duration::from_secs(3600);
const FIRST_LIMITED_WAIT: Duration = Duration::from_secs(5);
const LONGEST_LIMITED_WAIT: Duration = Duration::from_secs(300);
/// People are told of a longer wait, and then at this interval.
const SILENT_WAIT: Duration = Duration::from_secs(10);
const TOLD_INTERVAL: Duration = Duration::from_secs(60);

/// The attempts at a request, or at something larger than one within the same budget.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
    waited: Duration,
    /// How often, and for how long, a limited rate was waited for.
    limited: u32,
    limited_for: Duration,
}

impl Backoff {
    /// The number of the attempt that is next, from 1.
    pub(crate) fn attempt(&self) -> u32 {
        self.failures + self.limited + 1
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

    /// Waits until a server that limits its rate may be asked again; false when that would take longer than `patience`
    /// altogether. `tell` is told how much of a long wait is left, each minute.
    pub(crate) async fn wait_for_rate(
        &mut self,
        asked: Option<Duration>,
        patience: Duration,
        tell: impl Fn(Duration),
    ) -> bool {
        self.limited += 1;
        let wait = limited_wait(self.limited, asked, fastrand::f64());
        self.limited_for = self.limited_for.saturating_add(wait);
        if self.limited_for > patience {
            return false;
        }
        let mut left = wait;
        while !left.is_zero() {
            if wait > SILENT_WAIT {
                tell(left);
            }
            let next = left.min(TOLD_INTERVAL);
            tokio::time::sleep(next).await;
            left -= next;
        }
        true
    }
}

/// How long to wait after a server has limited its rate for the `count`th time (from 1): as long as it asked, and longer each
/// time if it asked for little or for nothing.
fn limited_wait(count: u32, asked: Option<Duration>, spread: f64) -> Duration {
    let (first, longest) = match asked {
        Some(_) => (FIRST_WAIT, LONGEST_WAIT),
        None => (FIRST_LIMITED_WAIT, LONGEST_LIMITED_WAIT),
    };
    let doubled = first.saturating_mul(1 << (count - 1).min(10)).min(longest);
    asked
        .unwrap_or_default()
        .max(doubled.mul_f64(0.5 + spread / 2.0))
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
    fn a_limited_rate_is_waited_for_as_long_as_the_server_asks_and_ever_longer() {
        let asked = |s| Some(Duration::from_secs(s));
        assert_eq!(limited_wait(1, asked(900), 1.0), Duration::from_secs(900));
        assert_eq!(limited_wait(1, asked(0), 1.0), Duration::from_millis(200));
        let waits: Vec<u64> = (1..=8)
            .map(|n| limited_wait(n, None, 1.0).as_secs())
            .collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_is_told_each_minute_and_has_an_end() {
        let told = std::cell::RefCell::default();
        let tell = |left: Duration| Vec::push(&mut told.borrow_mut(), left.as_secs());
        let seconds = |s| Some(Duration::from_secs(s));
        let mut backoff = Backoff::default();
        let started = tokio::time::Instant::now();
        assert!(backoff.wait_for_rate(seconds(150), PATIENCE, tell).await);
        assert!(backoff.wait_for_rate(seconds(9), PATIENCE, tell).await);
        assert_eq!(*told.borrow(), [150, 90, 30]);
        assert_eq!(started.elapsed().as_secs(), 159);
        assert!(!backoff.wait_for_rate(seconds(3600), PATIENCE, tell).await);
        assert!(
            !backoff
                .wait_for_rate(seconds(u64::MAX), PATIENCE, tell)
                .await
        );
        assert_eq!(started.elapsed().as_secs(), 159, "it is given up at once");
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
