//! What a program said about its end, as a reason of one line.

/// The longest reason. All of it was told when it was said.
const LIMIT_CHARS: usize = 400;
/// What is kept until the end, so that a program that goes on and on fills no memory.
const KEPT_CHARS: usize = 10 * LIMIT_CHARS;

/// The lines from the last one on that begins with `error:` or `denied:`, as our resources end; of a program that has none, its
/// last line.
#[derive(Default)]
pub(crate) struct ErrorTail {
    said: String,
    tells_an_error: bool,
}

impl ErrorTail {
    /// Hears one line, without colours.
    pub fn hear(&mut self, line: &str) {
        let line = line.trim();
        let error = line.strip_prefix("error:");
        if let Some(error) = error.or_else(|| line.strip_prefix("denied:")) {
            error.trim().clone_into(&mut self.said);
            self.tells_an_error = true;
        } else if self.tells_an_error {
            self.go_on(line);
        } else if !line.is_empty() {
            line.clone_into(&mut self.said);
        }
    }

    fn go_on(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        if !self.said.ends_with([':', ';', '.', ',']) {
            self.said.push(';');
        }
        self.said.push(' ');
        self.said.push_str(line);
        self.said = shortened(std::mem::take(&mut self.said), KEPT_CHARS);
    }

    /// The reason.
    pub fn said(self) -> String {
        shortened(self.said, LIMIT_CHARS)
    }
}

/// The begin and the end of what is longer than `limit`: an error begins with what happened, and ends with what is left of it.
fn shortened(text: String, limit: usize) -> String {
    let count = text.chars().count();
    if count <= limit {
        return text;
    }
    let begin: String = text.chars().take(limit / 2).collect();
    let end: String = text.chars().skip(count - limit / 2 + 1).collect();
    format!("{begin}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> String {
        let mut words = ErrorTail::default();
        lines.iter().for_each(|line| words.hear(line));
        words.said()
    }

    #[test]
    fn an_error_is_told_whole_and_in_one_line() {
        assert_eq!(said(&[]), "");
        assert_eq!(said(&["one", "two", " "]), "two");
        assert_eq!(
            said(&[
                "one",
                "error: no node was touched:",
                "  budget a",
                "budget b",
                "none is cordoned"
            ]),
            "no node was touched: budget a; budget b; none is cordoned"
        );
        assert_eq!(said(&["error: one", "more", "error: two"]), "two");
        assert_eq!(said(&["verdict: one", "denied: 3 findings"]), "3 findings");
    }

    #[test]
    fn of_a_long_error_the_middle_goes() {
        let long = format!("error: {}", "ü".repeat(100_000));
        let lines = [&long[..], &long[7..], "left cordoned: w-a"];
        let said = said(&lines);
        assert_eq!(said.chars().count(), LIMIT_CHARS);
        assert!(said.starts_with("üü") && said.ends_with("; left cordoned: w-a"));
    }
}
