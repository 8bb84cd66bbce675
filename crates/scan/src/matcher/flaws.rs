//! Advisories about the same flaw are one finding: a distribution's advisory and the flaws that it repairs, and what several
//! databases say of one flaw under different ids.
//!
//! Nothing gets lost on the way: what has a fix stays apart from what has none (a policy may count only the former), and an
//! advisory that repairs flaws which nobody rated stays unrated, and apart from what is rated.

use std::collections::{BTreeMap, BTreeSet};

use trireme_finding::{Finding, Rating, Severity};

use crate::version::Order;

/// One advisory that matched.
pub(super) struct Match {
    pub finding: Finding,
    /// Other names of this very flaw.
    pub aliases: Vec<String>,
    /// The flaws that it repairs, as others name them.
    pub upstream: Vec<String>,
}

impl Match {
    fn names(&self) -> impl Iterator<Item = &String> {
        [&self.finding.id]
            .into_iter()
            .chain(&self.aliases)
            .chain(&self.upstream)
    }

    fn severity(&self) -> Option<Severity> {
        match self.finding.severity {
            Rating::Known(severity) => Some(severity),
            Rating::Unknown => None,
        }
    }

    /// Whether its severity is known from others: one of its other names is rated, or every flaw that it repairs is.
    fn is_rated_by(&self, rated: &BTreeSet<&String>) -> bool {
        let repairs_rated =
            !self.upstream.is_empty() && self.upstream.iter().all(|name| rated.contains(name));
        self.severity().is_some()
            || self.aliases.iter().any(|name| rated.contains(name))
            || repairs_rated
    }
}

/// One finding for each flaw of each version of a package.
pub(super) fn merged(matches: Vec<Match>, order: Order) -> Vec<Finding> {
    let mut of_package: BTreeMap<(String, String), Vec<Match>> = BTreeMap::new();
    for one in matches {
        let key = (one.finding.package.clone(), one.finding.version.clone());
        of_package.entry(key).or_default().push(one);
    }
    let groups = of_package.into_values().flat_map(groups);
    groups.flat_map(|group| findings(group, order)).collect()
}

/// The matches, those together that name each other.
fn groups(matches: Vec<Match>) -> Vec<Vec<Match>> {
    let mut groups: Vec<(BTreeSet<String>, Vec<Match>)> = Vec::new();
    for one in matches {
        let mut names: BTreeSet<String> = one.names().cloned().collect();
        let mut group = vec![one];
        let (same, others) = groups
            .into_iter()
            .partition(|(known, _)| !known.is_disjoint(&names));
        groups = others;
        for (known, members) in same {
            names.extend(known);
            group.extend(members);
        }
        groups.push((names, group));
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn findings(group: Vec<Match>, order: Order) -> Vec<Finding> {
    let highest = group.iter().filter_map(Match::severity).max();
    let rated: BTreeSet<&String> = group
        .iter()
        .filter(|one| one.severity().is_some())
        .flat_map(Match::names)
        .collect();
    let is_rated: Vec<bool> = group.iter().map(|one| one.is_rated_by(&rated)).collect();
    let mut apart: BTreeMap<(bool, bool), Vec<Match>> = BTreeMap::new();
    for (one, is_rated) in group.into_iter().zip(is_rated) {
        let key = (is_rated, one.finding.fixed.is_some());
        apart.entry(key).or_default().push(one);
    }
    let one = |((is_rated, _), members)| {
        let rating = highest.filter(|_| is_rated);
        one_of(
            members,
            rating.map_or(Rating::Unknown, Rating::Known),
            order,
        )
    };
    apart.into_iter().filter_map(one).collect()
}

/// One finding for all of these, named by the advisory of a publisher before that of a flaw.
fn one_of(mut members: Vec<Match>, severity: Rating, order: Order) -> Option<Finding> {
    members.sort_by_key(|one| {
        let id = &one.finding.id;
        (id.contains("CVE-"), id.clone(), one.finding.fixed.clone())
    });
    let advisories: BTreeSet<String> = members.iter().map(|one| one.finding.id.clone()).collect();
    let names: BTreeSet<String> = members.iter().flat_map(Match::names).cloned().collect();
    let fixes = members.iter().filter_map(|one| one.finding.fixed.clone());
    let fixed = fixes.max_by(|a, b| order.compare(a, b));
    let binaries: BTreeSet<String> = members
        .iter()
        .flat_map(|one| one.finding.binaries.iter().cloned())
        .collect();
    let first = members.into_iter().next()?.finding;
    Some(Finding {
        aliases: names.difference(&advisories).cloned().collect(),
        advisories: advisories.into_iter().collect(),
        binaries: binaries.into_iter().collect(),
        fixed,
        severity,
        ..first
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: &str, severity: Rating, fixed: Option<&str>) -> Match {
        Match {
            finding: Finding {
                id: id.to_owned(),
                advisories: vec![id.to_owned()],
                aliases: Vec::new(),
                ecosystem: "Debian:12".to_owned(),
                package: "openssl".to_owned(),
                binaries: vec!["libssl3".to_owned()],
                version: "3.0.9-1".to_owned(),
                fixed: fixed.map(str::to_owned),
                severity,
                summary: String::new(),
            },
            aliases: Vec::new(),
            upstream: Vec::new(),
        }
    }

    fn repairs(names: &[&str], one: Match) -> Match {
        Match {
            upstream: names.iter().map(|name| (*name).to_owned()).collect(),
            ..one
        }
    }

    fn also(names: &[&str], one: Match) -> Match {
        Match {
            aliases: names.iter().map(|name| (*name).to_owned()).collect(),
            ..one
        }
    }

    fn seen(matches: Vec<Match>) -> Vec<(String, Rating, Option<String>)> {
        let findings = merged(matches, Order::Dpkg).into_iter();
        let mut seen: Vec<_> = findings
            .map(|found| (found.advisories.join(" "), found.severity, found.fixed))
            .collect();
        seen.sort_by(|a, b| a.0.cmp(&b.0));
        seen
    }

    const LOW: Rating = Rating::Known(Severity::Low);
    const HIGH: Rating = Rating::Known(Severity::High);

    #[test]
    fn an_advisory_and_the_flaws_that_it_repairs_are_one_finding_with_the_highest_severity() {
        let dsa = || {
            repairs(
                &["CVE-1", "CVE-2"],
                one("DSA-1", Rating::Unknown, Some("3")),
            )
        };
        let first = || repairs(&["CVE-1"], one("DEBIAN-CVE-1", LOW, Some("2")));
        let second = || repairs(&["CVE-2"], one("DEBIAN-CVE-2", HIGH, Some("10")));
        let expected = (
            "DEBIAN-CVE-1 DEBIAN-CVE-2 DSA-1".to_owned(),
            HIGH,
            Some("10".to_owned()),
        );
        assert_eq!(seen(vec![first(), dsa(), second()]), vec![expected.clone()]);
        assert_eq!(seen(vec![second(), first(), dsa()]), [expected]);
        let found = merged(vec![first(), dsa(), second()], Order::Dpkg);
        assert_eq!(found[0].id, "DSA-1");
        assert_eq!(found[0].aliases, ["CVE-1", "CVE-2"]);
    }

    #[test]
    fn an_advisory_that_repairs_a_flaw_which_nobody_rated_stays_unrated_and_apart() {
        let dsa = repairs(
            &["CVE-1", "CVE-2"],
            one("DSA-1", Rating::Unknown, Some("2")),
        );
        let first = repairs(&["CVE-1"], one("DEBIAN-CVE-1", LOW, Some("2")));
        let fixed = Some("2".to_owned());
        assert_eq!(
            seen(vec![dsa, first]),
            [
                ("DEBIAN-CVE-1".to_owned(), LOW, fixed.clone()),
                ("DSA-1".to_owned(), Rating::Unknown, fixed),
            ]
        );
    }

    #[test]
    fn one_rated_name_is_enough_for_the_same_flaw_under_other_names() {
        let go = also(
            &["CVE-1", "CVE-9", "GHSA-1"],
            one("GO-1", Rating::Unknown, Some("2")),
        );
        let github = also(&["CVE-1"], one("GHSA-1", HIGH, Some("2")));
        let both = ("GHSA-1 GO-1".to_owned(), HIGH, Some("2".to_owned()));
        assert_eq!(seen(vec![go, github]), [both]);
    }

    /// A policy that counts only what has a fix must still see the fix.
    #[test]
    fn what_has_a_fix_stays_apart_from_what_has_none() {
        let dsa = repairs(&["CVE-1"], one("DSA-1", Rating::Unknown, Some("2")));
        let open = repairs(&["CVE-1"], one("DEBIAN-CVE-1", HIGH, None));
        assert_eq!(
            seen(vec![dsa, open]),
            [
                ("DEBIAN-CVE-1".to_owned(), HIGH, None),
                ("DSA-1".to_owned(), HIGH, Some("2".to_owned())),
            ]
        );
    }

    #[test]
    fn other_packages_and_other_versions_are_other_findings() {
        let mut other = repairs(&["CVE-1"], one("DSA-1", HIGH, None));
        other.finding.version = "3.0.10-1".to_owned();
        let same = repairs(&["CVE-1"], one("DEBIAN-CVE-1", HIGH, None));
        assert_eq!(seen(vec![other, same]).len(), 2);
    }
}
