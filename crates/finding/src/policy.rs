//! Which findings count.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Accepted, Finding, Rating, Severity};

/// What counts against an artifact. Every key has a default; all but that of `end_of_support` are the stricter choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The lowest severity that counts. Default `low`: every rated advisory.
    pub severity: Threshold,
    /// Count only advisories for which a fixed version exists. Default `false`.
    pub fixed_only: bool,
    /// What an advisory without a severity counts as. Default `deny`; most advisories for operating systems have none.
    pub unknown_severity: UnknownSeverity,
    /// What may stay without examination, by name: a kind (`program`, `script`, `java`, `python`, `npm`, `ruby`, `php`,
    /// `packages`, `module`), or the absolute path of a file. Default: nothing. An artifact with anything else that can
    /// run and was not examined is `incomplete`; and so is one in which nothing could be examined, unless the paths of all its files that can run
    /// are listed.
    pub accept_not_examined: Vec<Accepted>,
    /// What happens when security support of the distribution has ended, so that nobody publishes advisories any more.
    /// Default `report`.
    pub end_of_support: EndOfSupport,
}

/// The lowest severity that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Threshold {
    /// Everything that is rated.
    #[default]
    Low,
    /// `medium` and above.
    Medium,
    /// `high` and above.
    High,
    /// Only `critical`.
    Critical,
}

impl Threshold {
    /// The same as a severity.
    pub fn severity(self) -> Severity {
        match self {
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
        }
    }
}

/// What an advisory without a severity counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownSeverity {
    /// It counts, whatever the threshold: an unknown is never a yes.
    #[default]
    Deny,
    /// It counts as `high`.
    High,
    /// It does not count.
    Ignore,
}

/// What happens when security support of the distribution has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndOfSupport {
    /// The artifact is denied.
    Deny,
    /// The verdict is incomplete.
    Incomplete,
    /// The verdict says so.
    #[default]
    Report,
}

impl Policy {
    /// Whether a finding counts against the artifact.
    pub fn counts(&self, finding: &Finding) -> bool {
        if self.fixed_only && finding.fixed.is_none() {
            return false;
        }
        match (finding.severity, self.unknown_severity) {
            (Rating::Known(severity), _) => severity >= self.severity.severity(),
            (Rating::Unknown, UnknownSeverity::Deny) => true,
            (Rating::Unknown, UnknownSeverity::High) => Severity::High >= self.severity.severity(),
            (Rating::Unknown, UnknownSeverity::Ignore) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_strict() {
        let policy: Policy = serde_json::from_str("{}").unwrap();
        assert_eq!(policy, Policy::default());
        assert_eq!(policy.severity, Threshold::Low);
        assert_eq!(policy.unknown_severity, UnknownSeverity::Deny);
        assert!(!policy.fixed_only);
        assert!(policy.accept_not_examined.is_empty());
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_known_ones() {
        let error = serde_json::from_str::<Policy>(r#"{"sevrity":"high"}"#)
            .unwrap_err()
            .to_string();
        for part in [
            "sevrity",
            "severity",
            "fixed_only",
            "unknown_severity",
            "accept_not_examined",
            "end_of_support",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
