//! The order of texts with numbers in them, as people expect it: `k3s9` before `k3s10`.

use std::cmp::Ordering;

/// Compares piece by piece: two numbers by value, other bytes by themselves, a digit before any other byte. Texts that differ
/// only in leading zeros are compared as text, so that only equal texts are equal.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    by_pieces(left.as_bytes(), right.as_bytes()).then_with(|| left.cmp(right))
}

fn by_pieces(mut left: &[u8], mut right: &[u8]) -> Ordering {
    loop {
        let (one, other) = (number(left), number(right));
        let found = if one > 0 && other > 0 {
            by_value(&left[..one], &right[..other])
        } else {
            // An end is less than a digit, a digit less than any other byte.
            let rank = |text: &[u8]| text.first().map(|byte| (!byte.is_ascii_digit(), *byte));
            rank(left).cmp(&rank(right))
        };
        if found.is_ne() || left.is_empty() {
            return found;
        }
        (left, right) = (&left[one.max(1)..], &right[other.max(1)..]);
    }
}

/// How many digits `text` begins with.
fn number(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Numbers of any length, without a type that could overflow.
fn by_value(left: &[u8], right: &[u8]) -> Ordering {
    let (left, right) = (significant(left), significant(right));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Without leading zeros.
fn significant(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_in_a_text_count_as_numbers() {
        let ordered = [
            "",
            "+k0s",
            "+k3s",
            "+k3s01",
            "+k3s1",
            "+k3s2",
            "+k3s9",
            "+k3s10",
            "+vmware.1",
            "+vmware.1-fips.1",
            "+vmware.2",
            "+vmware.10",
            "+vmware.a",
            "-eks-1",
            "-eks-a",
        ];
        for (i, left) in ordered.iter().enumerate() {
            for (j, right) in ordered.iter().enumerate() {
                assert_eq!(compare(left, right), i.cmp(&j), "{left} and {right}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(texts in prop::array::uniform3("[0-1a.+-]{0,5}")) {
            let [a, b, c] = &texts;
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            prop_assert_eq!(compare(a, b).is_eq(), a == b);
            if compare(a, b).is_le() && compare(b, c).is_le() {
                prop_assert!(compare(a, c).is_le());
            }
        }
    }
}
