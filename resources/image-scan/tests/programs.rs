//! Programs of Go and Rust: what they were built from is known, and judged.

mod world;

use serde_json::{Value, json};
use world::{FIXED, Program, World, debian, go_program, layer_of, rust_program};

const REPAIRED: &str = "path\texample.com/app\nmod\texample.com/app\tv1.0.0\t\n\
    dep\tgolang.org/x/net\tv0.17.0\th1:x\n";
const VULNERABLE: &str = "path\texample.com/app\nmod\texample.com/app\tv1.0.0\t\n\
    dep\tgolang.org/x/net\tv0.10.0\th1:x\n";

/// What is found in an image of Debian with this program, and the verdict.
fn judged(program: &[u8], policy: &Value) -> (Program, Value) {
    let (world, mut source, _) = World::of(FIXED);
    let added = layer_of(&[("usr/local/bin/app", program)]);
    world.image("app", "amd64", &[debian(FIXED), added]);
    source["tag"] = json!("app");
    source["policy"] = policy.clone();
    let version = Program::check(&source, None).json()[0].clone();
    let got = Program::get(&source, &version, &json!({"on_deny": "report"}));
    let verdict = got.file("verdict.json");
    assert_eq!(verdict["verdict"], version["verdict"]);
    (got, verdict)
}

#[test]
fn a_program_of_go_is_examined_with_its_modules_and_its_standard_library() {
    let (got, verdict) = judged(&go_program("go1.26.8", REPAIRED), &json!({}));
    assert_eq!(verdict["verdict"], "permit", "{}", got.stderr);
    assert_eq!(verdict["examined"][0]["ecosystem"], "Debian:12, Go");
    let counts =
        json!([{"ecosystem": "Debian:12", "packages": 1}, {"ecosystem": "Go", "packages": 3}]);
    assert_eq!(verdict["examined"][0]["packages_of"], counts);
    let listed = &got.file("packages.json")["images"][0]["packages"];
    assert_eq!(listed[2]["name"], "golang.org/x/net");
    assert_eq!(listed[2]["program"], "usr/local/bin/app");
}

#[test]
fn a_module_with_an_advisory_is_a_finding_in_the_program_that_has_it() {
    let (_, verdict) = judged(
        &go_program("go1.26.8", VULNERABLE),
        &json!({"severity": "high"}),
    );
    assert_eq!(verdict["verdict"], "deny");
    let finding = &verdict["findings"][0];
    let advisories = json!(["GHSA-4374-p667-p6c8", "GO-2023-2102"]);
    assert_eq!(finding["advisories"], advisories);
    assert_eq!(finding["binaries"], json!(["usr/local/bin/app"]));
    assert_eq!(finding["fixed"], "0.17.0");
    assert_eq!(verdict["suppressed"][0]["severity"], "medium");
}

#[test]
fn an_old_standard_library_is_a_finding() {
    let (_, verdict) = judged(&go_program("go1.20.6", REPAIRED), &json!({}));
    let about: Vec<_> = (0..2)
        .map(|at| &verdict["findings"][at]["package"])
        .collect();
    assert_eq!(about, ["stdlib", "stdlib"], "{verdict}");
}

#[test]
fn a_program_of_rust_is_examined_with_its_crates() {
    let root = json!({"name": "app", "version": "1.0.0", "source": "local", "dependencies": [1, 2], "root": true});
    for (version, expected) in [("0.2.22", "deny"), ("0.2.23", "permit")] {
        let packages = json!([root,
            {"name": "time", "version": version, "source": "crates.io"},
            {"name": "cc", "version": "0.1.0", "source": "crates.io", "kind": "build"}]);
        let (got, verdict) = judged(&rust_program(&packages), &json!({}));
        assert_eq!(verdict["verdict"], expected, "{}", got.stderr);
        let counts = &verdict["examined"][0]["packages_of"][1];
        assert_eq!(counts, &json!({"ecosystem": "crates.io", "packages": 2}));
    }
}

/// Such an image has no distribution, as that of a program of one's own `FROM scratch`.
#[test]
fn an_image_with_nothing_but_a_program_of_go_can_be_permitted() {
    let (world, mut source, _) = World::of(FIXED);
    let program = go_program("go1.26.8", REPAIRED);
    world.image("scratch", "amd64", &[layer_of(&[("app", &program)])]);
    source["tag"] = json!("scratch");
    assert_eq!(Program::check(&source, None).json()[0]["verdict"], "permit");
}

#[test]
fn a_program_whose_data_cannot_be_read_is_not_examined() {
    let whole = go_program("go1.26.8", REPAIRED);
    let (_, verdict) = judged(&whole[..whole.len() - 20], &json!({}));
    assert_eq!(verdict["verdict"], "incomplete");
    let part = &verdict["not_examined"][0];
    assert_eq!(part["kind"], "program");
    assert!(
        part["reason"].to_string().contains("cannot be read"),
        "{part}"
    );
}

#[test]
fn a_database_that_does_not_cover_the_language_is_an_error_and_not_clean() {
    let (world, mut source, _) = World::of(FIXED);
    world.remove("/osv/Go/all.zip");
    let program = go_program("go1.26.8", REPAIRED);
    world.image("scratch", "amd64", &[layer_of(&[("app", &program)])]);
    source["tag"] = json!("scratch");
    let checked = Program::check(&source, None);
    assert_eq!((checked.code, checked.stdout.as_str()), (1, ""));
    assert!(
        checked.stderr.contains("/osv/Go/all.zip"),
        "{}",
        checked.stderr
    );
}

/// As `pause` of Kubernetes. A kind is accepted beside what was examined; a path is accepted by who looked at the file.
#[test]
fn an_image_of_which_nothing_is_known_is_incomplete_unless_its_programs_are_accepted_by_path() {
    let (world, mut source, _) = World::of(FIXED);
    world.image("scratch", "amd64", &[layer_of(&[("pause", b"\x7fELF")])]);
    source["tag"] = json!("scratch");
    for (accepted, code) in [("program", 2), ("/app", 2), ("/pause", 0)] {
        source["policy"] = json!({"severity": "critical", "unknown_severity": "ignore", "fixed_only": true,
               "accept_not_examined": [accepted]});
        let put = Program::put(&source, &json!({}), &[]);
        assert_eq!(put.code, code, "{accepted}: {}", put.stderr);
        let names_the_way = put.stderr.contains("by the path of each program");
        assert_eq!(names_the_way, code == 2, "{accepted}: {}", put.stderr);
    }
}
