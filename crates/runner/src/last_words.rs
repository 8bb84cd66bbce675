//! What a program said about its end, as a reason of one line.

/// The longest reason. All of it was told when it was said.
const LIMIT_CHARS: usize = 400;

/// The lines from the last one on that begins with `error:`, as our resources end; of a program that has none, its last line.
#[derive(Default)]
pub(crate) struct LastWords {
    said: String,
    tells_an_error: bool,
}

impl LastWords {
    /// Hears one line, without colours.
    pub fn hear(&mut self, line: &str) {
        let line = line.trim();
        if let Some(error) = line.strip_prefix("error:") {
            error.trim().clone_into(&mut self.said);
            self.tells_an_error = true;
        } else if self.tells_an_error {
            self.go_on(line);
        } else if !line.is_empty() {
            line.clone_into(&mut self.said);
        }
    }

    fn go_on(&mut self, line: &str) {
        if line.is_empty() || self.said.chars().count() > LIMIT_CHARS {
            return;
        }
        if !self.said.ends_with([':', ';', '.', ',']) {
            self.said.push(';');
        }
        self.said.push(' ');
        self.said.push_str(line);
    }

    /// The reason.
    pub fn said(self) -> String {
        if self.said.chars().count() <= LIMIT_CHARS {
            return self.said;
        }
        let begin: String = self.said.chars().take(LIMIT_CHARS).collect();
        format!("{begin}…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> String {
        let mut words = LastWords::default();
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
    }

    #[test]
    fn a_long_error_is_cut() {
        let many = vec!["error: é".repeat(1000); 3];
        let lines: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(said(&lines).chars().count(), LIMIT_CHARS + 1);
        let long = "ü".repeat(300);
        assert_eq!(
            said(&["error: x", &long, &long]).chars().count(),
            LIMIT_CHARS + 1
        );
    }
}
