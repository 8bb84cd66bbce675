//! Files of every format that was ever written. They must load for ever, and what this release writes stays as it is.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use proptest::prelude::*;
use serde_json::{Value, json};
use trireme_evidence::page::roll_page;
use trireme_evidence::{
    Decision, EvidenceError, InventoryFile, NodeState, Outcome, RollFile, SignatureFile,
    VerdictFile,
};

const VERDICT_1: &str = include_str!("fixtures/verdict-1.json");
const VERDICT_2: &str = include_str!("fixtures/verdict-2.json");
const SIGNATURE_1: &str = include_str!("fixtures/signature-1.json");
const ROLL_1: &str = include_str!("fixtures/roll-1.json");
const ROLL_2: &str = include_str!("fixtures/roll-2.json");
const INVENTORY_1: &str = include_str!("fixtures/inventory-1.json");
const INVENTORY_2: &str = include_str!("fixtures/inventory-2.json");

/// A file as JSON, changed.
fn changed(file: &str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value = serde_json::from_str(file).unwrap();
    change(&mut value);
    value.to_string().into_bytes()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_verdict_of_format_1_loads_without_a_time() {
    let file = VerdictFile::from_json(VERDICT_1.as_bytes()).unwrap();
    assert_eq!(file.decision, Decision::Deny);
    assert_eq!(file.judged_at, None);
    assert_eq!(file.findings[0].severity, "unknown");
    assert_eq!(file.not_examined[0].count, 2);
    let third = |value: &mut Value| value["verdict"] = json!("incomplete");
    assert!(VerdictFile::from_json(&changed(VERDICT_1, third)).is_err());
}

#[test]
fn a_verdict_of_format_2_loads_and_is_written_byte_for_byte() {
    let file = VerdictFile::from_json(VERDICT_2.as_bytes()).unwrap();
    assert_eq!(file.decision, Decision::Incomplete);
    assert!(!file.decision.permits());
    assert_eq!(file.decision.word(), "incomplete");
    assert!(file.judged_at.is_some());
    assert_eq!(file.not_examined[0].kind, "program");
    assert_eq!(text(file.to_json()), VERDICT_2);
}

#[test]
fn a_signature_of_format_1_loads_and_is_written_byte_for_byte() {
    let file = SignatureFile::from_json(SIGNATURE_1.as_bytes()).unwrap();
    assert!(file.decision.permits());
    assert_eq!(file.signatures[0].kind, "statement");
    assert_eq!(text(file.to_json()), SIGNATURE_1);
}

#[test]
fn a_roll_of_format_1_loads_as_one_that_is_done_with_clocks_that_are_not_known() {
    let file = RollFile::from_json(ROLL_1.as_bytes()).unwrap();
    assert_eq!(
        (file.outcome, &file.roll, &file.reason),
        (Outcome::Done, &None, &None)
    );
    assert_eq!((file.nodes.len(), file.nodes_done()), (2, 2));
    let node = &file.nodes[0];
    assert_eq!(
        (node.one_clock, node.took(), node.seconds),
        (None, None, Some(26))
    );
    assert_eq!(file.budgets[0].tightest().unwrap().headroom(), 0);
    assert_eq!(file.images.len(), 1);
    assert_eq!(file.unwatched.as_ref().map(Vec::len), Some(1));
    let without = |value: &mut Value| {
        let members = value.as_object_mut().unwrap();
        members.remove("images");
        members.remove("unwatched");
    };
    let file = RollFile::from_json(&changed(ROLL_1, without)).unwrap();
    assert_eq!((file.images.len(), file.unwatched), (0, None));
}

#[test]
fn a_roll_of_format_2_loads_and_is_written_byte_for_byte() {
    let file = RollFile::from_json(ROLL_2.as_bytes()).unwrap();
    assert_eq!(file.outcome, Outcome::Failed);
    assert_eq!(file.left_cordoned, ["w-c"]);
    let states = file.nodes.iter().map(|node| node.state);
    let (done, begun) = (NodeState::Done, NodeState::Begun);
    assert_eq!(
        states.collect::<Vec<_>>(),
        [done, done, begun, NodeState::NotBegun]
    );
    assert_eq!(text(file.to_json()), ROLL_2);
}

#[test]
fn no_duration_is_computed_from_the_times_of_two_clocks() {
    let file = RollFile::from_json(ROLL_2.as_bytes()).unwrap();
    let [one, two, begun, none] = &file.nodes[..] else {
        panic!("four nodes");
    };
    assert_eq!(one.took().unwrap().as_secs(), 26);
    assert_eq!(one.clone().timed().seconds, Some(26));
    let unknown = two.clone();
    assert_eq!((two.took(), unknown.timed().seconds), (None, None));
    assert_eq!((begun.took(), none.took()), (None, None));
}

#[test]
fn an_inventory_of_format_1_loads_with_the_words_of_today() {
    let file = InventoryFile::from_json(INVENTORY_1.as_bytes()).unwrap();
    let kinds = file.pods["w-a"].iter().map(|pod| pod.kind.as_str());
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        ["managed", "daemon_set", "action"]
    );
    assert!(file.pods["w-a"][0].terminating);
    let jobs = file
        .jobs
        .iter()
        .map(|job| (job.state.as_str(), job.reason.as_deref()));
    let failed = ("failed", Some("BackoffLimitExceeded"));
    assert_eq!(
        jobs.collect::<Vec<_>>(),
        [("active", None), ("succeeded", None), failed]
    );
    assert_eq!(file.nodes["w-a"].roll.as_ref().unwrap().attempt, "");
}

#[test]
fn an_inventory_of_format_2_loads_and_is_written_byte_for_byte() {
    let file = InventoryFile::from_json(INVENTORY_2.as_bytes()).unwrap();
    assert_eq!(file.daemon_sets[0].name, "proxy");
    assert_eq!(text(file.to_json()), INVENTORY_2);
}

#[test]
fn keys_of_a_newer_release_are_accepted_at_every_depth() {
    let more = |value: &mut Value| {
        value["sbom"] = json!({"a": [1]});
        value["suppressed"][0]["epss"] = json!(0.1);
        value["counts"]["kev"] = json!(1);
    };
    let file = VerdictFile::from_json(&changed(VERDICT_2, more)).unwrap();
    assert_eq!(text(file.to_json()), VERDICT_2);
    let more = |value: &mut Value| value["signatures"][0]["log"] = json!(7);
    let file = SignatureFile::from_json(&changed(SIGNATURE_1, more)).unwrap();
    assert_eq!(text(file.to_json()), SIGNATURE_1);
    let more = |value: &mut Value| {
        value["platform"] = json!("kubernetes");
        value["nodes"][0]["group"] = json!("gpu");
        value["budgets"][0]["samples"][0]["more"] = json!({});
    };
    let file = RollFile::from_json(&changed(ROLL_2, more)).unwrap();
    assert_eq!(text(file.to_json()), ROLL_2);
    RollFile::from_json(&changed(ROLL_1, more)).unwrap();
    let more = |value: &mut Value| {
        value["nodes"]["w-a"]["kernel"] = json!("6.1");
        value["pods"]["w-a"][0]["more"] = json!(1);
    };
    let file = InventoryFile::from_json(&changed(INVENTORY_2, more)).unwrap();
    assert_eq!(text(file.to_json()), INVENTORY_2);
    InventoryFile::from_json(&changed(INVENTORY_1, more)).unwrap();
}

#[test]
fn a_newer_format_is_an_error_that_says_so() {
    // Its verdict may be a word that is not known here.
    let newer = |format: u32| {
        move |value: &mut Value| {
            value["format"] = json!(format);
            value["verdict"] = json!({"word": "permit"});
        }
    };
    let error = SignatureFile::from_json(&changed(SIGNATURE_1, newer(2))).unwrap_err();
    assert_eq!(error, EvidenceError::Newer { found: 2, known: 1 });
    assert!(error.to_string().contains("use a newer Trireme"), "{error}");
    let verdict = VerdictFile::from_json(&changed(VERDICT_2, newer(3))).unwrap_err();
    assert_eq!(verdict, EvidenceError::Newer { found: 3, known: 2 });
    let newer = |value: &mut Value| value["format"] = json!(3);
    let expected = EvidenceError::Newer { found: 3, known: 2 };
    let roll = RollFile::from_json(&changed(ROLL_2, newer)).unwrap_err();
    let inventory = InventoryFile::from_json(&changed(INVENTORY_2, newer)).unwrap_err();
    assert_eq!((roll, inventory), (expected.clone(), expected));
}

#[test]
fn a_file_of_another_scanner_needs_only_digest_and_verdict() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let least = json!({"format": 1, "digest": digest, "verdict": "permit"}).to_string();
    let verdict = VerdictFile::from_json(least.as_bytes()).unwrap();
    let signature = SignatureFile::from_json(least.as_bytes()).unwrap();
    for (found, decision) in [
        (&verdict.digest, verdict.decision),
        (&signature.digest, signature.decision),
    ] {
        assert_eq!((found, decision), (&digest, Decision::Permit));
    }
}

#[test]
fn what_is_missing_or_malformed_is_never_a_permit_and_never_quoted() {
    for (key, value) in [
        ("verdict", json!("hunter2")),
        ("verdict", json!("Permit")),
        ("verdict", Value::Null),
        ("digest", json!("hunter2")),
        ("digest", json!("sha256:hunter2")),
        ("digest", Value::Null),
        ("format", json!("hunter2")),
        ("format", Value::Null),
        ("reasons", json!("hunter2")),
    ] {
        let change = |file: &mut Value| file[key] = value.clone();
        for error in [
            VerdictFile::from_json(&changed(VERDICT_1, change)).unwrap_err(),
            VerdictFile::from_json(&changed(VERDICT_2, change)).unwrap_err(),
            SignatureFile::from_json(&changed(SIGNATURE_1, change)).unwrap_err(),
        ] {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2"), "{key}: {shown}");
        }
    }
    let twice = SIGNATURE_1.replace("\"verdict\"", "\"verdict\": \"deny\", \"verdict\"");
    assert!(SignatureFile::from_json(twice.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn a_file_that_was_damaged_anywhere_never_panics(
        at in 0..INVENTORY_2.len(), byte in any::<u8>(), end in any::<bool>(),
    ) {
        for file in [VERDICT_1, VERDICT_2, SIGNATURE_1, ROLL_1, ROLL_2, INVENTORY_1, INVENTORY_2] {
            let mut bytes = file.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            if end {
                bytes.truncate(at);
            }
            let _ = VerdictFile::from_json(&bytes);
            let _ = SignatureFile::from_json(&bytes);
            let _ = InventoryFile::from_json(&bytes);
            // A page can be made of whatever is accepted.
            let _ = RollFile::from_json(&bytes).map(|roll| roll_page(&roll));
        }
    }
}
