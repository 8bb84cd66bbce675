//! Go's duration grammar (`time.ParseDuration`), which `timeout` and `check_every` use.

use std::time::Duration;

const UNITS: [(&str, f64); 7] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("h", 3600.0),
    ("m", 60.0),
    ("s", 1.0),
];
/// A century: more is a typing error, and it keeps deadlines computable.
const MAX_SECONDS: f64 = 3.2e9;

/// `1h30m`, `90s`, `1.5h`, `500ms`. `None` for anything else, also for negative ones.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().ok()?;
        let (unit, size) = UNITS
            .iter()
            .find(|(unit, _)| rest[end..].starts_with(unit))?;
        seconds += number * size;
        rest = &rest[end + unit.len()..];
    }
    (seconds <= MAX_SECONDS).then(|| Duration::from_secs_f64(seconds))
}
