//! What `pipelines/repair.yml` keeps away from the nodes: an image that is denied, and one without its proofs.

#[cfg(test)]
#[path = "support/bench.rs"]
mod bench;

use std::fs;
use std::io::{Cursor, Write};

use bench::{Bench, pipelines, stderr, text_of};
use serde_json::json;

/// The advisories of Debian as OSV packs them: one, for the shell that only `node-act` has.
fn advisory() -> Vec<u8> {
    let record = json!({
        "id": "DSA-0001-1", "modified": "2026-01-01T00:00:00Z",
        "affected": [{
            "package": {"ecosystem": "Debian:12", "name": "bash"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "5.2.15-2+b9"}]}],
        }],
    });
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("DSA-0001-1.json", options).expect("a file");
    write!(zip, "{record}").expect("its content");
    zip.finish().expect("an archive").into_inner()
}

#[test]
fn an_image_of_the_platform_that_is_denied_ends_the_job_unsigned_and_reaches_no_node() {
    let bench = Bench::new();
    let archive = "/osv/Debian/all.zip";
    let advisories = bench.sandbox.advisories();
    advisories.publish(archive, "application/zip", advisory());

    let run = bench.run(&pipelines().join("repair.yml"), "state");
    let text = stderr(&run);
    assert_eq!(run.status.code(), Some(2), "{text}");
    for line in [
        "scan-and-sign put node-act-scan: was denied",
        "job scan-and-sign: build 1 was denied",
        "job roll: waits for",
    ] {
        assert!(text.contains(line), "`{line}`: {text}");
    }
    for (name, verdict, signatures) in [("kube-proxy", "permit", 1), ("node-act", "deny", 0)] {
        let image = bench.image("state", name);
        assert_eq!(text_of(&image, "verdict"), verdict, "{image}");
        let found = bench.referrers(name, text_of(&image, "digest"));
        assert_eq!(found, signatures, "{image}");
    }
    bench.no_node_was_touched();
}

/// The pipeline without one resource, as somebody might cut it short: no step of it, and its name in no list.
fn without(resource: &str) -> String {
    let text = fs::read_to_string(pipelines().join("repair.yml")).expect("the pipeline");
    let listed = format!(", {resource}");
    let lines = text.lines().map(|line| line.replace(&listed, ""));
    let kept: Vec<_> = lines.filter(|line| !line.contains(resource)).collect();
    // Declared, put and got; a scan is watched too.
    let expected = if resource.ends_with("-scan") { 4 } else { 3 };
    assert_eq!(text.lines().count() - kept.len(), expected, "{resource}");
    kept.join("\n")
}

#[test]
fn an_image_without_a_verdict_or_a_signature_reaches_no_node() {
    let bench = Bench::new();
    for (resource, missing) in [
        ("kube-proxy-signature", "no signature.json"),
        ("kube-proxy-scan", "no verdict.json"),
    ] {
        let pipeline = bench.dir.path().join("short.yml");
        fs::write(&pipeline, without(resource)).expect("a pipeline");
        let run = bench.run(&pipeline, resource);
        let text = stderr(&run);
        assert_eq!(run.status.code(), Some(2), "{text}");
        for line in [
            "job scan-and-sign: build 1 succeeded",
            "job roll: build 1 was denied",
            &format!("{missing} for its digest"),
        ] {
            assert!(text.contains(line), "`{line}`: {text}");
        }
    }
    bench.no_node_was_touched();
}

/// Only triggering inputs are polled by Concourse: without a job of its own nobody would look at these scans again.
#[test]
fn an_advisory_that_appears_after_the_roll_turns_a_job_red() {
    let bench = Bench::new();
    let pipeline = pipelines().join("repair.yml");
    let first = bench.run(&pipeline, "state");
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let advisories = bench.sandbox.advisories();
    advisories.publish("/osv/Debian/all.zip", "application/zip", advisory());
    let second = bench.run(&pipeline, "state");
    let text = stderr(&second);
    assert_eq!(second.status.code(), Some(2), "{text}");
    let line = "watch-advisories get node-act-scan: was denied";
    assert!(text.contains(line), "`{line}`: {text}");
    let third = bench.run(&pipeline, "state");
    assert_eq!(
        third.status.code(),
        Some(2),
        "it stays red: {}",
        stderr(&third)
    );
}
