//! How old evidence may be: what was true of an image then may be wrong now, since advisories are published every day.

use jiff::{SignedDuration, Timestamp};

/// How far the clocks of the machine that wrote a file and of the one that reads it may differ.
pub const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// Why a file is too old to be used, or may be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooOld {
    /// It does not say when it was written.
    #[error("it does not say when it was judged, expected at most {max_age:#} ago")]
    NoTime {
        /// The most that is allowed.
        max_age: SignedDuration,
    },
    /// It was written too long ago.
    #[error("it was judged {age:#} ago, expected at most {max_age:#}")]
    Age {
        /// How long ago.
        age: SignedDuration,
        /// The most that is allowed.
        max_age: SignedDuration,
    },
    /// It was written later than now.
    #[error("it was judged {ahead:#} from now; set the clocks of both machines")]
    Future {
        /// How far from now.
        ahead: SignedDuration,
    },
}

/// Holds evidence that was made at `judged_at` to an age of at most `max_age`.
///
/// # Errors
/// When it is older, does not say how old it is, or comes from the future: a clock that is ahead would keep a verdict
/// fresh for as long.
pub fn require_recent(
    judged_at: Option<Timestamp>,
    now: Timestamp,
    max_age: SignedDuration,
) -> Result<(), TooOld> {
    let Some(judged_at) = judged_at else {
        return Err(TooOld::NoTime { max_age });
    };
    let age = whole_seconds(now.duration_since(judged_at));
    if age > max_age {
        return Err(TooOld::Age { age, max_age });
    }
    if age < -CLOCKS_DIFFER {
        return Err(TooOld::Future { ahead: -age });
    }
    Ok(())
}

/// Rounded up in age, so that a file is never younger than it says.
fn whole_seconds(age: SignedDuration) -> SignedDuration {
    let part = i64::from(age.subsec_nanos() > 0);
    SignedDuration::from_secs(age.as_secs() + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn aged(judged_at: &str) -> Result<(), TooOld> {
        let now = "2026-12-01T12:00:00Z".parse().unwrap();
        require_recent(Some(judged_at.parse().unwrap()), now, HOUR)
    }

    #[test]
    fn evidence_holds_to_its_last_second_and_not_beyond() {
        assert_eq!(aged("2026-12-01T12:00:00Z"), Ok(()));
        assert_eq!(aged("2026-12-01T11:00:00Z"), Ok(()));
        let error = aged("2026-12-01T10:59:59.5Z").unwrap_err();
        let text = error.to_string();
        assert_eq!(text, "it was judged 1h 1s ago, expected at most 1h");
    }

    #[test]
    fn evidence_without_a_time_is_never_recent() {
        let error = require_recent(None, Timestamp::UNIX_EPOCH, HOUR).unwrap_err();
        assert!(error.to_string().contains("does not say when"), "{error}");
    }

    #[test]
    fn clocks_may_differ_a_little_and_no_evidence_comes_from_the_future() {
        assert_eq!(aged("2026-12-01T12:05:00Z"), Ok(()));
        let error = aged("2026-12-01T12:05:01Z").unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("5m 1s from now") && text.contains("clocks"),
            "{text}"
        );
    }
}
