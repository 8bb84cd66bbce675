//! A registry that answers wrongly: an operational error that says what was found, and never a verdict.

mod world;

use serde_json::{Value, json};
use world::{Program, World, debian, digest};

const FIXED: &str = "3.0.14-1~deb12u2";

struct Wrong {
    status: u16,
    kind: &'static str,
    body: &'static str,
    /// What the error must say.
    says: &'static str,
}

const WRONG: [Wrong; 5] = [
    Wrong {
        status: 401,
        kind: "text/plain",
        body: "no",
        says: "authenticate",
    },
    Wrong {
        status: 429,
        kind: "text/plain",
        body: "later",
        says: "429",
    },
    Wrong {
        status: 500,
        kind: "text/plain",
        body: "oops",
        says: "500",
    },
    Wrong {
        status: 200,
        kind: "text/html",
        body: "<html>log in</html>",
        says: "",
    },
    Wrong {
        status: 200,
        kind: "application/vnd.oci.image.manifest.v1+json",
        body: "",
        says: "",
    },
];

/// `check` and `in` of what the world answers now: both fail, and nothing that they leave looks like a verdict.
fn fails(source: &Value, version: &Value, says: &str) {
    for ran in [
        Program::check(source, None),
        Program::get(source, version, &json!({})),
    ] {
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "expected {says}: {}", ran.stderr);
        let left = std::fs::read_dir(ran.dir.path()).expect("the folder");
        assert_eq!(left.count(), 0);
    }
}

#[test]
fn a_registry_that_answers_wrongly_is_an_operational_error_and_never_a_verdict() {
    let world = World::start();
    world.advisories(&[]);
    let layer = debian(FIXED);
    let image = world.image("v1", "amd64", std::slice::from_ref(&layer));
    let mut source = world.source();
    source["digest"] = json!(image);
    let version = Program::check(&source, None).json()[0].clone();
    let manifest = format!("/v2/app/manifests/{image}");
    let blob = format!("/v2/app/blobs/{}", digest(&layer));
    for path in [manifest, blob] {
        for wrong in &WRONG {
            world.serve(&path, wrong.status, wrong.kind, wrong.body);
            fails(&source, &version, wrong.says);
        }
        world.image("v1", "amd64", std::slice::from_ref(&layer));
    }
    let whole = Program::get(&source, &version, &json!({}));
    assert_eq!(whole.json()["version"], version);
}
