use proptest::prelude::*;

use super::*;
use crate::{
    Accepted, Kind, NotExamined, Package, SourcePackage, SupportEnded, Threshold, UnknownSeverity,
    table,
};

fn finding(id: &str, severity: Rating, fixed: Option<&str>) -> Finding {
    Finding {
        id: id.to_owned(),
        advisories: vec![id.to_owned()],
        aliases: vec![],
        ecosystem: "Debian:12".to_owned(),
        package: "openssl".to_owned(),
        binaries: vec!["libssl3".to_owned()],
        version: "3.0.9-1".to_owned(),
        fixed: fixed.map(str::to_owned),
        severity,
        summary: String::new(),
    }
}

fn package(ecosystem: &str) -> Package {
    Package {
        ecosystem: ecosystem.to_owned(),
        name: "openssl".to_owned(),
        version: "3.0.9-1".to_owned(),
        architecture: "amd64".to_owned(),
        source: SourcePackage {
            name: "openssl".to_owned(),
            version: "3.0.9-1".to_owned(),
        },
        program: None,
    }
}

fn examined(findings: Vec<Finding>) -> Examination {
    let image = Examined {
        digest: "sha256:aa".to_owned(),
        platform: "linux/amd64".to_owned(),
        packages: vec![package("Debian:12"), package("Go"), package("Debian:12")],
        not_examined: vec![],
        support_ended: None,
    };
    Examination {
        digest: "sha256:aa".to_owned(),
        examined: vec![image],
        findings,
        not_examined: vec![],
    }
}

fn rules(verdict: &Verdict) -> Vec<Rule> {
    verdict.reasons.iter().map(|reason| reason.rule).collect()
}

#[test]
fn nothing_found_permits() {
    let verdict = judge(&examined(vec![]), &Policy::default());
    assert_eq!(verdict.decision, Decision::Permit);
    assert!(verdict.reasons.is_empty());
    let text = table(&verdict);
    let counts = "examined linux/amd64: 2 packages of Debian:12, 1 of Go (sha256:aa)";
    assert!(text.contains(counts), "{text}");
}

#[test]
fn nothing_examined_is_incomplete_under_the_mildest_policy() {
    let mildest = Policy {
        severity: Threshold::Critical,
        fixed_only: true,
        unknown_severity: UnknownSeverity::Ignore,
        accept_not_examined: vec![Accepted::Kind(Kind::Program)],
        end_of_support: EndOfSupport::Report,
    };
    let nothing = Examination {
        digest: "sha256:aa".to_owned(),
        ..Examination::default()
    };
    let verdict = judge(&nothing, &mildest);
    assert_eq!(rules(&verdict), [Rule::NothingExamined]);
    assert_eq!(verdict.decision, Decision::Incomplete);
    let mut one_platform = examined(vec![]);
    one_platform.examined.push(Examined {
        packages: Vec::new(),
        ..one_platform.examined[0].clone()
    });
    one_platform.examined[1].platform = "linux/arm64".to_owned();
    let verdict = judge(&one_platform, &mildest);
    assert_eq!(rules(&verdict), [Rule::NothingExamined]);
    assert!(
        verdict.reasons[0].message.contains("linux/arm64"),
        "{:?}",
        verdict.reasons
    );
}

/// As the image `pause`: a program of C, and nothing else.
#[test]
fn an_image_of_which_every_program_is_accepted_by_its_path_is_permitted() {
    let mut image = examined(vec![]);
    image.examined[0].packages.clear();
    image.examined[0].not_examined = vec![NotExamined {
        kind: Kind::Program,
        what: "program".to_owned(),
        reason: "not read".to_owned(),
        names: ["pause".to_owned()].into(),
    }];
    let path = |path: &str| Accepted::Path(path.to_owned());
    let judged = |image: &Examination, accepted: Vec<Accepted>| {
        let policy = Policy {
            accept_not_examined: accepted,
            ..Policy::default()
        };
        rules(&judge(image, &policy))
    };
    assert_eq!(judged(&image, vec![path("/pause")]), []);
    let by_kind = vec![Accepted::Kind(Kind::Program)];
    assert_eq!(judged(&image, by_kind), [Rule::NothingExamined]);
    let both = [Rule::NothingExamined, Rule::NotExamined];
    assert_eq!(judged(&image, vec![path("/other")]), both);
    let mut empty = image.examined[0].clone();
    empty.not_examined.clear();
    image.examined.push(empty);
    let silent_platform = [Rule::NothingExamined];
    assert_eq!(judged(&image, vec![path("/pause")]), silent_platform);
}

#[test]
fn each_unknown_severity_rule_does_what_it_says() {
    let unrated = examined(vec![finding("DSA-5532-1", Rating::Unknown, Some("2"))]);
    let verdict = |unknown_severity, severity| {
        judge(
            &unrated,
            &Policy {
                unknown_severity,
                severity,
                ..Policy::default()
            },
        )
        .decision
    };
    assert_eq!(
        verdict(UnknownSeverity::Deny, Threshold::Critical),
        Decision::Deny
    );
    assert_eq!(
        verdict(UnknownSeverity::High, Threshold::High),
        Decision::Deny
    );
    assert_eq!(
        verdict(UnknownSeverity::High, Threshold::Critical),
        Decision::Permit
    );
    assert_eq!(
        verdict(UnknownSeverity::Ignore, Threshold::Low),
        Decision::Permit
    );
}

/// Which of them comes first is a matter of the database.
#[test]
fn an_advisory_that_names_a_package_twice_counts_twice() {
    let mild = finding("DSA-1", Rating::Known(Severity::Low), None);
    let grave = finding("DSA-1", Rating::Known(Severity::Critical), Some("2"));
    let policy = Policy {
        severity: Threshold::High,
        fixed_only: true,
        ..Policy::default()
    };
    let one = judge(&examined(vec![mild.clone(), grave.clone()]), &policy);
    let other = judge(&examined(vec![grave.clone(), mild.clone()]), &policy);
    assert_eq!(one, other);
    assert_eq!((one.findings, one.suppressed), (vec![grave], vec![mild]));
}

#[test]
fn the_unknown_are_counted_apart() {
    let both = vec![
        finding("DSA-1", Rating::Unknown, None),
        finding("CVE-1", Rating::Known(Severity::High), None),
        finding("CVE-2", Rating::Known(Severity::Negligible), None),
    ];
    let verdict = judge(&examined(both), &Policy::default());
    assert_eq!(
        (
            verdict.counts.unknown,
            verdict.counts.high,
            verdict.counts.negligible
        ),
        (1, 1, 1)
    );
    assert_eq!(rules(&verdict), [Rule::Severity, Rule::UnknownSeverity]);
    assert_eq!(
        verdict.reasons[0].message,
        "1 finding of severity low or above"
    );
    assert_eq!(verdict.suppressed.len(), 1);
}

#[test]
fn fixed_only_passes_over_what_has_no_fix() {
    let policy = Policy {
        fixed_only: true,
        ..Policy::default()
    };
    let high = Rating::Known(Severity::High);
    let verdict = judge(
        &examined(vec![
            finding("a", high, None),
            finding("b", high, Some("2")),
        ]),
        &policy,
    );
    assert_eq!(
        verdict
            .findings
            .iter()
            .map(|f| f.id.as_str())
            .collect::<Vec<_>>(),
        ["b"]
    );
    assert_eq!(verdict.suppressed.len(), 1);
}

/// An examination without findings that saw `names` of this kind, and read none of them.
fn partly(kind: Kind, names: &[&str]) -> Examination {
    let mut partly = examined(vec![]);
    partly.not_examined.push(NotExamined {
        kind,
        what: "thing".to_owned(),
        reason: "not catalogued".to_owned(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    });
    partly
}

#[test]
fn what_can_run_and_was_not_examined_is_incomplete_unless_it_is_accepted_by_name() {
    let partly = partly(Kind::Java, &["opt/a.jar", "opt/b.jar"]);
    let judged = |accepted: &str| {
        let policy = format!(r#"{{"accept_not_examined": {accepted}}}"#);
        judge(&partly, &serde_json::from_str(&policy).unwrap())
    };
    let incomplete = judged("[]");
    assert_eq!(incomplete.decision, Decision::Incomplete);
    assert_eq!(rules(&incomplete), [Rule::NotExamined]);
    assert_eq!(incomplete.reasons[0].message, "not examined: 2 × thing");
    let half = judged(r#"["/opt/a.jar", "program"]"#);
    assert_eq!(half.decision, Decision::Incomplete);
    assert_eq!(half.reasons[0].message, "not examined: 1 × thing");
    for enough in [r#"["java"]"#, r#"["/opt/a.jar", "/opt/b.jar"]"#] {
        let permitted = judged(enough);
        assert_eq!(permitted.decision, Decision::Permit, "{enough}");
        let text = table(&permitted);
        assert!(text.contains("accepted by the policy"), "{text}");
    }
}

#[test]
fn what_cannot_run_is_named_and_leaves_the_verdict_complete() {
    let verdict = judge(
        &partly(Kind::Attachment, &["sha256:bb"]),
        &Policy::default(),
    );
    assert_eq!(verdict.decision, Decision::Permit);
    assert_eq!(verdict.not_examined[0].count, 1);
}

#[test]
fn a_deny_stays_a_deny_whatever_was_not_examined() {
    let mut both = partly(Kind::Program, &["bin/a"]);
    both.findings
        .push(finding("CVE-1", Rating::Known(Severity::High), None));
    let verdict = judge(&both, &Policy::default());
    assert_eq!(verdict.decision, Decision::Deny);
    assert_eq!(rules(&verdict), [Rule::Severity, Rule::NotExamined]);
}

#[test]
fn the_end_of_security_support_is_always_said_and_decides_as_the_policy_says() {
    let mut old = examined(vec![]);
    old.examined[0].support_ended = Some(SupportEnded {
        ecosystem: "Debian:8".to_owned(),
        on: jiff::civil::date(2020, 6, 30),
    });
    for (end_of_support, decision) in [
        (EndOfSupport::Report, Decision::Permit),
        (EndOfSupport::Incomplete, Decision::Incomplete),
        (EndOfSupport::Deny, Decision::Deny),
    ] {
        let policy = Policy {
            end_of_support,
            ..Policy::default()
        };
        let verdict = judge(&old, &policy);
        assert_eq!(verdict.decision, decision);
        let text = table(&verdict);
        let said = "Debian:8 is no longer supported: security support ended on 2020-06-30";
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn the_digest_changes_with_what_a_reader_would_act_on_and_with_nothing_else() {
    let digest = |change: fn(&mut Finding)| {
        let mut changed = finding("DSA-5532-1", Rating::Unknown, None);
        change(&mut changed);
        judge(&examined(vec![changed]), &Policy::default()).findings_digest()
    };
    let same = digest(|_| ());
    assert_eq!(digest(|f| f.summary = "other words".to_owned()), same);
    assert_ne!(
        digest(|f| f.fixed = Some("3.0.11-1~deb12u2".to_owned())),
        same
    );
    assert_ne!(digest(|f| f.severity = Rating::Known(Severity::Low)), same);
    assert_ne!(digest(|f| f.version = "3.0.10-1".to_owned()), same);
}

#[test]
fn control_characters_of_foreign_text_do_not_reach_the_terminal() {
    let text = table(&judge(
        &examined(vec![finding("DSA\x1b[2J", Rating::Unknown, None)]),
        &Policy::default(),
    ));
    assert!(!text.contains('\x1b'), "{text:?}");
}

fn any_finding() -> impl Strategy<Value = Finding> {
    let severity = prop_oneof![
        Just(Rating::Unknown),
        Just(Rating::Known(Severity::Negligible)),
        Just(Rating::Known(Severity::Low)),
        Just(Rating::Known(Severity::Medium)),
        Just(Rating::Known(Severity::High)),
        Just(Rating::Known(Severity::Critical)),
    ];
    // The severity and the fix of a finding follow from its id, as in a database.
    ("[A-C]{1,2}", severity, any::<bool>()).prop_map(|(id, severity, fixed)| {
        finding(
            &format!("{id}-{severity}-{fixed}"),
            severity,
            fixed.then_some("2"),
        )
    })
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let threshold = prop::sample::select(vec![
        Threshold::Low,
        Threshold::Medium,
        Threshold::High,
        Threshold::Critical,
    ]);
    let unknown = prop::sample::select(vec![
        UnknownSeverity::Deny,
        UnknownSeverity::High,
        UnknownSeverity::Ignore,
    ]);
    (threshold, any::<bool>(), unknown).prop_map(|(severity, fixed_only, unknown_severity)| {
        Policy {
            severity,
            fixed_only,
            unknown_severity,
            ..Policy::default()
        }
    })
}

/// Of each rule the milder one of two policies.
fn milder(one: &Policy, other: &Policy) -> Policy {
    let by_severity = [one, other].map(|policy| policy.severity);
    let by_unknown = [one, other].map(|policy| policy.unknown_severity);
    Policy {
        severity: pick(by_severity, |threshold| threshold.severity()),
        fixed_only: one.fixed_only || other.fixed_only,
        unknown_severity: pick(by_unknown, |unknown| unknown as u8),
        ..Policy::default()
    }
}

fn pick<T: Copy, K: Ord>([one, other]: [T; 2], key: impl Fn(T) -> K) -> T {
    if key(one) >= key(other) { one } else { other }
}

proptest! {
    #[test]
    fn the_order_of_the_findings_does_not_matter(
        mut findings in prop::collection::vec(any_finding(), 0..12), policy in any_policy(), turn in 0usize..12,
    ) {
        let before = judge(&examined(findings.clone()), &policy);
        if !findings.is_empty() {
            let turn = turn % findings.len();
            findings.rotate_left(turn);
            findings.push(findings[0].clone());
        }
        prop_assert_eq!(before, judge(&examined(findings), &policy));
    }

    #[test]
    fn a_milder_policy_never_denies_what_a_stricter_one_permits(
        findings in prop::collection::vec(any_finding(), 0..12), strict in any_policy(), other in any_policy(),
    ) {
        let mild = milder(&strict, &other);
        let examination = examined(findings);
        let (strict, mild) = (judge(&examination, &strict), judge(&examination, &mild));
        prop_assert!(mild.findings.iter().all(|finding| strict.findings.contains(finding)));
        prop_assert!(!(strict.decision == Decision::Permit && mild.decision == Decision::Deny));
    }

    #[test]
    fn one_more_finding_never_turns_a_deny_into_a_permit(
        mut findings in prop::collection::vec(any_finding(), 0..12), more in any_finding(), policy in any_policy(),
    ) {
        let before = judge(&examined(findings.clone()), &policy).decision;
        findings.push(more);
        let after = judge(&examined(findings), &policy).decision;
        prop_assert!(!(before == Decision::Deny && after == Decision::Permit));
    }
}
