//! Images are taken only with their proofs: a permit and a verified signature, of their digest and of today.

use crate::world::{NEW, World, stderr};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// What the files of the artifacts say: decision, and when.
const FILES: [(&str, &str, &str, Option<i64>); 7] = [
    ("scan", "verdict.json", "permit", Some(0)),
    ("bad-scan", "verdict.json", "deny", Some(0)),
    ("old-scan", "verdict.json", "permit", Some(-3601)),
    ("future-scan", "verdict.json", "permit", Some(3600)),
    ("silent-scan", "verdict.json", "permit", None),
    ("signature", "signature.json", "permit", Some(0)),
    ("old-signature", "signature.json", "permit", Some(-3601)),
];

/// Verdict, signature, and what is said of them.
const REFUSED: [(&[&str], &[&str], &str); 7] = [
    (
        &["bad-scan"],
        &["signature"],
        "bad-scan/verdict.json says deny",
    ),
    (&[], &["signature"], "no verdict.json"),
    (&["scan"], &[], "no signature.json"),
    (
        &["old-scan"],
        &["signature"],
        "(`require.max_age`). Judge the image again",
    ),
    (
        &["future-scan"],
        &["signature"],
        "set the clocks of both machines",
    ),
    (&["silent-scan"], &["signature"], "does not say when"),
    (
        &["scan"],
        &["old-signature"],
        "`put` of its image-signature resource with `verify: true`",
    ),
];

/// Writes the artifacts of a build.
fn artifacts(world: &World, digest: &str) {
    let write = |artifact: &str, file: &str, text: &str| {
        let folder = world.dir.path().join("work").join(artifact);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(file), text).unwrap();
    };
    write("node-act", "repository", "registry.example/node-act\n");
    write("node-act", "digest", digest);
    let now = Timestamp::now();
    for (artifact, file, verdict, age) in FILES {
        let at = age.map(|seconds| now + SignedDuration::from_secs(seconds));
        let format = if file == "verdict.json" { 2 } else { 1 };
        let said = json!({"format": format, "digest": digest, "verdict": verdict, "judged_at": at, "verified_at": at});
        write(artifact, file, &said.to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_are_taken_only_with_their_proofs() {
    let world = World::start().await;
    let digest = format!("sha256:{}", "ab".repeat(32));
    artifacts(&world, &digest);
    let mut source = world.source();
    source["require"] = json!({"verdict": "permit", "signature": "verified"});
    source["act"]["image"] = json!("node-act");
    let with = |verdicts: &[&str], signatures: &[&str]| {
        let params = json!({"version": NEW, "images": ["node-act"], "verdicts": verdicts, "signatures": signatures});
        json!({"source": source, "params": params})
    };
    for (verdicts, signatures, part) in REFUSED {
        let output = world.run("out", &with(verdicts, signatures)).await;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(world.jobs().await.len(), 0);
    let request = with(&["scan", "old-scan"], &["signature"]);
    let output = world.run("out", &request).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let job = world.jobs().await.remove(0);
    let container = &job.spec.unwrap().template.spec.unwrap().containers[0];
    let expected = format!("registry.example/node-act@{digest}");
    assert_eq!(container.image, Some(expected));
    let mut variables = container.env.iter().flatten();
    let images = variables.find(|variable| variable.name == "TRIREME_IMAGES");
    assert!(images.unwrap().value.as_ref().unwrap().contains(&digest));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_held_to_its_proofs_wherever_it_is_named() {
    let world = World::start().await;
    let digest = format!("sha256:{}", "ab".repeat(32));
    let work = world.dir.path().join("work");
    let verdict = |format: u32| {
        json!({"format": format, "digest": digest, "verdict": "permit", "judged_at": Timestamp::now()}).to_string()
    };
    for (name, text) in [("scan", verdict(2)), ("later", verdict(3))] {
        std::fs::create_dir_all(work.join(name)).unwrap();
        std::fs::write(work.join(name).join("verdict.json"), text).unwrap();
    }
    let with = |act: &str, image: &str, verdicts: Value| {
        let mut source = world.source();
        source["require"] = json!({"verdict": "permit"});
        source["act"]["image"] = json!(act);
        source["images"] = json!({"node-act": image});
        json!({"source": source, "params": {"version": NEW, "verdicts": verdicts}})
    };
    let proven = format!("registry.example/node-act@{digest}");
    let other = format!("registry.example/node-act@sha256:{}", "cd".repeat(32));
    let tag = "registry.example/node-act:1";
    for (request, code, part) in [
        (with("node-act", &proven, json!([])), 2, "no verdict.json"),
        (
            with("node-act", &proven, json!(["later"])),
            65,
            "has format 3",
        ),
        (
            with("node-act", &other, json!(["scan"])),
            2,
            "no verdict.json",
        ),
        (
            with("node-act", tag, json!(["scan"])),
            78,
            "repository@sha256",
        ),
        (with(tag, &proven, json!(["scan"])), 2, "image of the act"),
    ] {
        let output = world.run("out", &request).await;
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(
            stderr(&output).contains(part),
            "{part}: {}",
            stderr(&output)
        );
        assert!(!world.is_recorded().await, "{part}");
    }
    assert_eq!(world.jobs().await.len(), 0);
    let output = world
        .run("out", &with(&proven, &proven, json!(["scan"])))
        .await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}
