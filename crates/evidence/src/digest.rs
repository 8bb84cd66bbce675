//! What a digest looks like.

/// Whether the text is a digest as registries compute them: `sha256:` and 64 lower-case hexadecimal digits.
pub fn is_sha256(text: &str) -> bool {
    let is_hex = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    let digits = text.strip_prefix("sha256:");
    digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(is_hex))
}

#[cfg(test)]
mod tests {
    use super::is_sha256;

    #[test]
    fn only_the_exact_form_is_a_digest() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        assert!(is_sha256(&digest));
        let wrong = [
            String::new(),
            "sha256:".to_owned(),
            digest[7..].to_owned(),
            digest.to_uppercase(),
            format!("{digest}0"),
            format!("{digest}\n"),
            digest.replacen('0', "g", 1),
            digest.replacen('0', "é", 1),
            format!("sha512:{}", "0f".repeat(64)),
        ];
        for text in wrong {
            assert!(!is_sha256(&text), "{text}");
        }
    }
}
