use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use trireme_runner::{BuildReport, JobOutcome, JobReport, StepReport};

use super::*;

/// Which resource looked, how its step ended, at which repository, and what it said.
type Look<'l> = (&'l str, Status, &'l str, &'l str);

const DIGEST: &str = "sha256:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

/// A run of one build, each step with a folder of its own.
struct Run {
    dir: tempfile::TempDir,
    steps: Vec<StepReport>,
}

impl Run {
    /// The image lies in the repositories `a` and `b`.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut run = Self {
            dir,
            steps: Vec::new(),
        };
        for repository in ["a", "b"] {
            let dir = run.step(StepKind::Get, "image", repository, Status::Succeeded);
            std::fs::write(dir.join("repository"), repository).unwrap();
            std::fs::write(dir.join("digest"), DIGEST).unwrap();
        }
        run
    }

    fn step(&mut self, kind: StepKind, linked: &str, name: &str, status: Status) -> PathBuf {
        let dir = self.dir.path().join(self.steps.len().to_string());
        std::fs::create_dir(&dir).unwrap();
        self.steps.push(StepReport {
            kind,
            name: name.to_owned(),
            path: String::new(),
            resource: Some(name.to_owned()),
            linked: Some(linked.to_owned()),
            version: None,
            metadata: Vec::new(),
            dir: Some(dir.clone()),
            cached: false,
            status,
            exit: None,
            reason: None,
            started_at: Timestamp::UNIX_EPOCH,
            took: Duration::ZERO,
        });
        dir
    }

    fn scanned(&mut self, scan: &str, status: Status, verdict: &str, findings: usize) {
        let dir = self.step(StepKind::Get, "image-scan", scan, status);
        write_verdict(&dir, verdict, findings);
    }

    fn incomplete(&mut self, status: Status) {
        let dir = self.step(StepKind::Get, "image-scan", "scan", status);
        let said = json!({"format": 2, "digest": DIGEST, "verdict": "incomplete"});
        std::fs::write(dir.join("verdict.json"), said.to_string()).unwrap();
    }

    fn looked(&mut self, signature: &str, status: Status, repository: &str, verdict: &str) {
        let dir = self.step(StepKind::Get, "image-signature", signature, status);
        let said =
            json!({"format": 1, "repository": repository, "digest": DIGEST, "verdict": verdict});
        std::fs::write(dir.join("signature.json"), said.to_string()).unwrap();
        std::fs::write(dir.join("repository"), repository).unwrap();
    }

    fn images(self) -> Vec<Image> {
        let build = BuildReport {
            job: "j".to_owned(),
            number: 1,
            status: Status::Succeeded,
            steps: self.steps,
            dir: self.dir.path().to_owned(),
            started_at: Timestamp::UNIX_EPOCH,
            took: Duration::ZERO,
        };
        let job = JobReport {
            name: "j".to_owned(),
            named: false,
            outcome: JobOutcome::Built(vec![build]),
        };
        let report = RunReport {
            jobs: vec![job],
            started_at: Timestamp::UNIX_EPOCH,
            took: Duration::ZERO,
            aborted: false,
        };
        of(&report).unwrap()
    }

    /// The verdict and the findings of both images, which are always the same.
    fn verdict(self) -> (Option<String>, Option<usize>) {
        let images = self.images();
        assert_eq!(images.len(), 2);
        let seen = |image: &Image| (image.verdict.clone(), image.findings);
        assert_eq!(seen(&images[0]), seen(&images[1]));
        seen(&images[0])
    }
}

fn write_verdict(dir: &Path, verdict: &str, findings: usize) {
    let findings = vec![json!({}); findings];
    let said = json!({"format": 1, "digest": DIGEST, "verdict": verdict, "findings": findings});
    std::fs::write(dir.join("verdict.json"), said.to_string()).unwrap();
}

fn denied(findings: usize) -> (Option<String>, Option<usize>) {
    (Some("deny".to_owned()), Some(findings))
}

fn permitted() -> (Option<String>, Option<usize>) {
    (Some("permit".to_owned()), Some(0))
}

#[test]
fn a_verdict_is_that_of_the_digest_in_every_repository_and_a_deny_wins() {
    assert_eq!(Run::new().verdict(), (None, None));
    for (first, second) in [("permit", "deny"), ("deny", "permit")] {
        let mut run = Run::new();
        for (scan, verdict) in [("scan-of-a", first), ("scan-of-b", second)] {
            let findings = if verdict == "deny" { 3 } else { 0 };
            run.scanned(scan, Status::Succeeded, verdict, findings);
        }
        assert_eq!(run.verdict(), denied(3), "{first}, then {second}");
    }
}

#[test]
fn an_incomplete_verdict_is_told_as_such_and_outdoes_a_permit_only() {
    for (other, expected) in [("permit", "incomplete"), ("deny", "deny")] {
        let mut run = Run::new();
        run.incomplete(Status::Denied);
        run.scanned("other", Status::Succeeded, other, 0);
        run.incomplete(Status::Succeeded);
        assert_eq!(run.verdict().0.as_deref(), Some(expected));
    }
}

#[test]
fn the_last_word_of_a_scan_on_a_digest_counts() {
    let mut run = Run::new();
    run.scanned("scan", Status::Succeeded, "deny", 3);
    run.scanned("scan", Status::Succeeded, "permit", 0);
    assert_eq!(run.verdict(), permitted());
}

#[test]
fn a_scan_that_was_denied_permits_nothing_whatever_it_wrote() {
    let mut run = Run::new();
    run.scanned("scan", Status::Denied, "permit", 0);
    assert_eq!(run.verdict(), denied(0));
}

#[test]
fn a_scan_that_failed_has_said_nothing() {
    for status in [Status::Failed, Status::Errored, Status::Aborted] {
        let mut run = Run::new();
        run.scanned("scan", status, "permit", 0);
        assert_eq!(run.verdict(), (None, None), "{status:?}");
    }
}

#[test]
fn a_put_that_was_denied_has_its_verdict_in_a_folder_of_its_own() {
    let mut run = Run::new();
    let dir = run.step(StepKind::Put, "image-scan", "scan", Status::Denied);
    write_verdict(&dir, "permit", 0);
    let own = dir.join(FOLDER_IN_BUILD);
    std::fs::create_dir(&own).unwrap();
    write_verdict(&own, "deny", 2);
    assert_eq!(run.verdict(), denied(2));
}

#[test]
fn an_image_that_a_get_did_not_finish_is_none() {
    let mut run = Run::new();
    run.steps[1].status = Status::Errored;
    assert_eq!(run.images().len(), 1);
}

#[test]
fn an_image_that_was_only_judged_is_told() {
    let mut run = Run::new();
    let dir = run.step(StepKind::Get, "image-scan", "scan", Status::Denied);
    let digest = DIGEST.replace('f', "c");
    let said = json!({"format": 1, "digest": digest, "verdict": "deny"});
    std::fs::write(dir.join("verdict.json"), said.to_string()).unwrap();
    std::fs::write(dir.join("repository"), "c").unwrap();
    let images = run.images();
    let told = |image: &Image| (image.reference.clone(), image.verdict.clone());
    let last = images.last().map(told);
    assert_eq!(images.len(), 3);
    assert_eq!(last, Some(("c".to_owned(), Some("deny".to_owned()))));
}

#[test]
fn a_signature_is_that_of_a_repository_and_every_key_must_have_signed() {
    let cases: &[(&[Look<'_>], [bool; 2])] = &[
        (&[], [false, false]),
        (&[("x", Status::Succeeded, "a", "permit")], [true, false]),
        (&[("x", Status::Denied, "a", "permit")], [false, false]),
        (&[("x", Status::Failed, "a", "permit")], [false, false]),
        (
            &[
                ("x", Status::Denied, "a", "deny"),
                ("y", Status::Succeeded, "a", "permit"),
            ],
            [false, false],
        ),
        (
            &[
                ("x", Status::Denied, "a", "deny"),
                ("x", Status::Succeeded, "a", "permit"),
            ],
            [true, false],
        ),
    ];
    for (looks, signed) in cases {
        let mut run = Run::new();
        for (signature, status, repository, verdict) in *looks {
            run.looked(signature, *status, repository, verdict);
        }
        let images = run.images();
        let found: Vec<bool> = images.iter().map(|image| image.signed).collect();
        assert_eq!(found, signed, "{looks:?}");
    }
}
