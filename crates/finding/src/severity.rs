//! How bad an advisory is, and the honest word for "nobody said".

use std::fmt;

/// How bad an advisory is, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The distribution says that it is no security problem there. Reported, below every threshold.
    Negligible,
    /// CVSS 0.1 to 3.9, or the publisher's word.
    Low,
    /// CVSS 4.0 to 6.9, or the publisher's word.
    Medium,
    /// CVSS 7.0 to 8.9, or the publisher's word.
    High,
    /// CVSS 9.0 to 10.0, or the publisher's word.
    Critical,
}

impl Severity {
    /// The band of a CVSS score (specifications 3.1, section 5, and 4.0, section 6; 0.0 is "none" there).
    pub fn from_cvss(score: f64) -> Self {
        match score {
            s if s >= 9.0 => Self::Critical,
            s if s >= 7.0 => Self::High,
            s if s >= 4.0 => Self::Medium,
            s if s > 0.0 => Self::Low,
            _ => Self::Negligible,
        }
    }

    /// The word used in files and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Negligible => "negligible",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// The severity of a finding, if anybody stated one.
///
/// Not ordered on purpose: an unknown severity is neither low nor high, the policy says what it counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rating {
    /// The advisory states it.
    Known(Severity),
    /// The advisory states none that we can read.
    Unknown,
}

impl Rating {
    /// The word used in files and tables; `unknown` if nobody stated a severity.
    pub fn word(self) -> &'static str {
        match self {
            Self::Known(severity) => severity.word(),
            Self::Unknown => "unknown",
        }
    }

    /// For tables: the worst first, the unknown right behind "high", where a reader should look next.
    pub(crate) fn reading_order(self) -> u8 {
        match self {
            Self::Known(Severity::Critical) => 0,
            Self::Known(Severity::High) => 1,
            Self::Unknown => 2,
            Self::Known(Severity::Medium) => 3,
            Self::Known(Severity::Low) => 4,
            Self::Known(Severity::Negligible) => 5,
        }
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cvss_bands_have_the_borders_of_the_specification() {
        let bands = [
            (0.0, "negligible"),
            (0.1, "low"),
            (3.9, "low"),
            (4.0, "medium"),
            (6.9, "medium"),
        ];
        let upper = [
            (7.0, "high"),
            (8.9, "high"),
            (9.0, "critical"),
            (10.0, "critical"),
        ];
        for (score, word) in bands.into_iter().chain(upper) {
            assert_eq!(Severity::from_cvss(score).word(), word, "score {score}");
        }
    }
}
