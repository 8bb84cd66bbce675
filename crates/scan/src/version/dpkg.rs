//! The order of dpkg: `[epoch:]upstream[-revision]`.

use std::cmp::Ordering;

use super::{compare_digits, split_while};

/// Compares two dpkg versions: epochs as numbers, then upstream version and revision each by [`fragment`].
///
/// `~` sorts before everything, even the end (`1.0~rc1 < 1.0`), and letters before all other characters.
pub fn compare(a: &str, b: &str) -> Ordering {
    let ((epoch_a, upstream_a, revision_a), (epoch_b, upstream_b, revision_b)) =
        (parts(a), parts(b));
    compare_digits(epoch_a.as_bytes(), epoch_b.as_bytes())
        .then_with(|| fragment(upstream_a.as_bytes(), upstream_b.as_bytes()))
        .then_with(|| fragment(revision_a.as_bytes(), revision_b.as_bytes()))
}

/// Epoch (default 0), upstream version, revision (default none). A first part that is no number is no epoch.
fn parts(version: &str) -> (&str, &str, &str) {
    let version = version.trim();
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) if !epoch.is_empty() && epoch.bytes().all(|b| b.is_ascii_digit()) => {
            (epoch, rest)
        }
        _ => ("0", version),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

/// Compares alternating runs of other characters and of digits, as dpkg's `verrevcmp`.
fn fragment(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = split_while(a, |byte| !byte.is_ascii_digit());
        let (text_b, rest_b) = split_while(b, |byte| !byte.is_ascii_digit());
        let (digits_a, rest_a) = split_while(rest_a, |byte| byte.is_ascii_digit());
        let (digits_b, rest_b) = split_while(rest_b, |byte| byte.is_ascii_digit());
        let order = text(text_a, text_b).then_with(|| compare_digits(digits_a, digits_b));
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    Ordering::Equal
}

/// Compares two runs without digits; past its end a run has the weight 0.
fn text(a: &[u8], b: &[u8]) -> Ordering {
    let weight_at = |run: &[u8], at: usize| run.get(at).map_or(0, |&byte| weight(byte));
    (0..a.len().max(b.len()))
        .map(|at| weight_at(a, at).cmp(&weight_at(b, at)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn weight(byte: u8) -> i32 {
    match byte {
        b'~' => -1,
        letter if letter.is_ascii_alphabetic() => i32::from(letter),
        other => i32::from(other) + 256,
    }
}
