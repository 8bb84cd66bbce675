//! What a roll says in plain text, for pages and terminals.

use jiff::SignedDuration;

use crate::{RollFile, Span};

/// More times than this are in the file alone.
const SPANS_SHOWN: usize = 5;
const INSTANT: &str = "%Y-%m-%d %H:%M:%S";

/// Whether the roll watched the budgets all the time.
pub fn watched(roll: &RollFile) -> String {
    let gaps = match roll.unwatched.as_deref() {
        None => return "it is not known when the roll watched the budgets".to_owned(),
        Some([]) => return "the roll watched the budgets all the time".to_owned(),
        Some(gaps) => gaps,
    };
    format!(
        "the roll did not watch the budgets for {}",
        part_of(gaps, roll)
    )
}

/// How long these times are together, of how long a roll, and when they are.
pub fn part_of(times: &[Span], roll: &RollFile) -> String {
    let part = times.iter().map(Span::length).sum::<SignedDuration>();
    let shown: Vec<_> = times.iter().take(SPANS_SHOWN).map(instants).collect();
    let mut text = shown.join(", ");
    if times.len() > SPANS_SHOWN {
        text.push_str(&format!(" and {} more times", times.len() - SPANS_SHOWN));
    }
    let (part, whole) = (tenths(part), tenths(roll.span().length()));
    format!("{part:.1} s of {whole:.1} s: {text} (UTC)")
}

/// `2026-01-01 10:00:00 to 10:01:40`.
pub fn instants(span: &Span) -> String {
    let (from, until) = (span.from.strftime(INSTANT), span.until.strftime("%H:%M:%S"));
    format!("{from} to {until}")
}

/// Seconds, rounded to a tenth.
pub fn tenths(span: SignedDuration) -> f64 {
    (span.as_secs_f64() * 10.0).round() / 10.0
}

/// Text of others without what could change how a page or a terminal shows it: control characters, and characters that change
/// the direction of writing.
pub fn printable(text: &str) -> String {
    let harmless = |c: char| match c {
        '\n' | '\t' => ' ',
        '\u{061c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn roll(unwatched: serde_json::Value) -> RollFile {
        let value = json!({
            "format": 1, "blueprint": "b", "from": "v1.36.4", "to": "v1.37.2", "nodes": [], "budgets": [],
            "started_at": "2026-01-01T10:00:00Z", "finished_at": "2026-01-01T10:01:40Z", "unwatched": unwatched,
        });
        RollFile::from_json(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn times_without_a_watch_are_said_and_those_not_known_are_not_taken_for_none() {
        let gap = |second: u32| {
            let until = format!("2026-01-01T10:00:{:02}.500Z", second + 1);
            json!({"from": format!("2026-01-01T10:00:{second:02}Z"), "until": until})
        };
        assert_eq!(
            watched(&roll(json!([gap(2), gap(20)]))),
            "the roll did not watch the budgets for 3.0 s of 100.0 s: \
             2026-01-01 10:00:02 to 10:00:03, 2026-01-01 10:00:20 to 10:00:21 (UTC)"
        );
        let many: Vec<_> = (0..9).map(gap).collect();
        assert!(watched(&roll(json!(many))).ends_with(" and 4 more times (UTC)"));
        assert!(watched(&roll(json!([]))).contains("all the time"));
        assert!(watched(&roll(json!(null))).contains("not known"));
    }

    #[test]
    fn spans_are_shown_in_tenths_of_a_second() {
        for (milliseconds, shown) in [(40, "0.0"), (449, "0.4"), (960, "1.0"), (61_250, "61.3")] {
            let took = tenths(SignedDuration::from_millis(milliseconds));
            assert_eq!(format!("{took:.1}"), shown, "{milliseconds} ms");
        }
    }

    #[test]
    fn what_changes_the_direction_or_the_screen_is_not_printed() {
        assert_eq!(printable("w-1 (äö)"), "w-1 (äö)");
        assert_eq!(printable("a\nb\tc"), "a b c");
        for hostile in [
            "\u{202e}",
            "\u{2066}",
            "\u{1b}[2J",
            "\u{0}",
            "\u{85}",
            "\u{200f}",
        ] {
            let shown = printable(hostile);
            assert!(shown.starts_with('\u{fffd}'), "{hostile:?}: {shown:?}");
            assert!(!shown.contains(char::is_control));
        }
    }
}
