//! Types of plain scalars, by the table of go-yaml v2 (`resolve.go`), which `sigs.k8s.io/yaml` and so Concourse use: `y`, `n`,
//! `yes`, `no`, `on` and `off` are truth values, `0755` is octal, a date stays a text.

use super::Kind;
use serde_json::Number;

/// The value of a plain (unquoted) scalar, or a reason why JSON cannot hold it.
pub(super) fn resolve(text: &str) -> Result<Kind, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Kind::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(Kind::Bool(true));
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(Kind::Bool(false));
        }
        _ => {}
    }
    if is_not_finite(text) {
        return Err(format!(
            "`{text}` is a number that JSON does not have: quote it if a text is meant"
        ));
    }
    Ok(number(text).map_or_else(|| Kind::String(text.to_owned()), Kind::Number))
}

fn is_not_finite(text: &str) -> bool {
    let unsigned = text.trim_start_matches(['+', '-']);
    matches!(
        unsigned,
        ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN"
    )
}

fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| float(&plain))
}

fn integer(plain: &str) -> Option<Number> {
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(plain)),
    };
    let (radix, digits) = radix(digits);
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if !negative {
        return Some(magnitude.into());
    }
    let signed = i64::try_from(-i128::from(magnitude)).ok()?;
    Some(signed.into())
}

fn radix(digits: &str) -> (u32, &str) {
    let prefixes = [
        ("0x", 16),
        ("0X", 16),
        ("0b", 2),
        ("0B", 2),
        ("0o", 8),
        ("0O", 8),
    ];
    for (prefix, radix) in prefixes {
        if let Some(rest) = digits.strip_prefix(prefix) {
            return (radix, rest);
        }
    }
    match digits.strip_prefix('0') {
        Some(rest) if !rest.is_empty() => (8, rest),
        _ => (10, digits),
    }
}

fn float(plain: &str) -> Option<Number> {
    let only = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !plain.chars().all(only) || !plain.chars().any(|c| c.is_ascii_digit()) {
        return None;
    }
    plain.parse::<f64>().ok().and_then(shortest)
}

/// A whole number has no `.0`, as Go writes it into JSON (`TAG: 1.0` becomes `1`).
fn shortest(float: f64) -> Option<Number> {
    /// Beyond it a float does not hold every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() < EXACT {
        return format!("{float:.0}").parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(float)
}
