//! Pipelines that were written for Concourse's `registry-image`.

use serde_json::{Value, json};

use crate::{
    faults::honest,
    faulty::{Faulty, Trouble},
    program::Program,
};

/// Every key of the source of `registry-image` (its `types.go`), with what a message about it must name; none where it
/// means the same here.
const SOURCE: [(&str, Option<&str>); 32] = [
    ("repository", None),
    ("insecure", None),
    ("tag", None),
    ("tag_regex", Some("`tag_file`")),
    ("created_at_sort", Some("`tag_file`")),
    ("variant", Some("`tag_file`")),
    ("semver_constraint", Some("`tag_file`")),
    ("pre_releases", Some("`tag_file`")),
    ("pre_release_prefixes", Some("`tag_file`")),
    ("username", None),
    ("password", None),
    ("aws_access_key_id", Some("`aws ecr get-login-password`")),
    (
        "aws_secret_access_key",
        Some("`aws ecr get-login-password`"),
    ),
    ("aws_session_token", Some("`aws ecr get-login-password`")),
    ("aws_region", Some("`aws ecr get-login-password`")),
    ("aws_role_arn", Some("`aws ecr get-login-password`")),
    ("aws_role_arns", Some("`aws ecr get-login-password`")),
    ("aws_account_id", Some("`aws ecr get-login-password`")),
    ("aws_ecr_registry_id", Some("`aws ecr get-login-password`")),
    ("azure_acr", Some("`username`")),
    ("azure_client_id", Some("`username`")),
    ("azure_tenant_id", Some("`username`")),
    ("azure_environment", Some("`username`")),
    ("platform", None),
    ("label_regex", Some("`labels.json`")),
    ("annotation_regex", Some("`labels.json`")),
    ("debug", None),
    ("registry_mirror", Some("`repository`")),
    ("content_trust", Some("`image-signature`")),
    ("ca_certs", None),
    // Not keys of it, but what people write.
    ("aws_region_", Some("did you mean")),
    ("tags", Some("did you mean `tag`")),
];

/// The values that the keys of both have.
fn shared(registry: &Faulty) -> Value {
    json!({"repository": registry.repository(), "insecure": true, "tag": "1", "username": "robot",
        "password": "hunter+2/k", "platform": {"architecture": "amd64", "os": "linux"}, "debug": false,
        "ca_certs": []})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_of_its_source_is_known_or_told_what_takes_its_place() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let readme = include_str!("../../README.md");
    for (key, instead) in SOURCE {
        let mut source = shared(&registry);
        let Some(instead) = instead else {
            assert!(source.get(key).is_some(), "{key} is given below");
            continue;
        };
        source[key] = json!({"server": "a value"});
        let check = Program::check(&source, None).await;
        assert_eq!((check.code, check.stdout.as_str()), (78, ""), "{key}");
        let said = &check.stderr;
        assert!(
            said.contains(key) && said.contains(instead),
            "{key}: {said}"
        );
        assert!(!said.contains("a value"), "{said}");
        let own = instead.starts_with('`');
        assert_eq!(readme.contains(&format!("`{key}`")), own, "{key}");
    }
    assert!(registry.requests().is_empty(), "nothing was asked for");
    Program::check(&shared(&registry), None).await.succeed();
}

/// As `registry-image` has it: they stand in a pipeline whose variables are empty, and mean nothing.
#[tokio::test(flavor = "multi_thread")]
async fn keys_at_their_inactive_value_have_no_effect() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let version = json!([{"tag": "1", "digest": registry.digest()}]);
    let inactive = [
        Value::Null,
        json!(false),
        json!(""),
        json!({}),
        json!([]),
        json!({"host": "", "insecure": false}),
    ];
    let own = |instead: &str| instead.starts_with('`');
    for value in inactive {
        let mut source = shared(&registry);
        for (key, instead) in SOURCE {
            if instead.is_some_and(own) {
                source[key] = value.clone();
            }
        }
        let check = Program::check(&source, None).await;
        assert_eq!(check.succeed(), version, "{value}");
    }
    let mut source = shared(&registry);
    (source["username"], source["password"]) = (json!(""), json!(""));
    assert_eq!(Program::check(&source, None).await.succeed(), version);
    source["tag"] = json!("");
    let check = Program::check(&source, Some(&version[0])).await;
    assert_eq!(check.succeed(), version);
    let dir = tempfile::tempdir().expect("a folder");
    let from = json!({"repository": registry.repository(), "tag": 1});
    let params = json!({"from": from, "version": "", "bump_aliases": false, "tag_prefix": "", "tag": 1, "additional_tags": ""});
    Program::put(&shared(&registry), &params, dir)
        .await
        .succeed();
}

/// `trireme validate` reads the schema, and must not say anything else.
#[tokio::test(flavor = "multi_thread")]
async fn the_schema_says_of_every_key_what_the_program_says() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let schema = Program::schema().await["source"].clone();
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let own =
        |(_, instead): &(&str, Option<&str>)| instead.is_some_and(|words| words.starts_with('`'));
    for (key, instead) in SOURCE.into_iter().filter(own) {
        let mut source = shared(&registry);
        for (value, is_valid) in [
            (json!(false), true),
            (json!(""), true),
            (json!({}), true),
            (json!({"host": ""}), true),
            (json!("a value"), false),
            (json!({"host": "a value"}), false),
        ] {
            source[key] = value;
            assert_eq!(schema.is_valid(&source), is_valid, "{key}: {}", source[key]);
        }
        let error = schema.iter_errors(&source).next().expect("an error");
        let described = error.schema_path().to_string();
        assert!(described.contains(key), "{described}: {instead:?}");
    }
    for tag in [json!(1.32), json!("1.32"), json!("")] {
        let mut source = shared(&registry);
        source["tag"] = tag;
        assert!(schema.is_valid(&source), "{}", source["tag"]);
    }
}

/// YAML makes a number of `tag: 1`.
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_may_look_like_a_number() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let mut source = shared(&registry);
    source["tag"] = json!(1);
    let version = json!([{"tag": "1", "digest": registry.digest()}]);
    assert_eq!(Program::check(&source, None).await.succeed(), version);
    source["tag"] = json!(1.32);
    let check = Program::check(&source, None).await;
    for words in ["/app:1.32", "there is no such tag"] {
        assert!(check.stderr.contains(words), "{}", check.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_params_are_known_or_told_what_takes_their_place() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    for key in ["version", "bump_aliases", "tag_prefix"] {
        let params = json!({"image": "x", key: "1.2.3"});
        let dir = tempfile::tempdir().expect("a folder");
        let put = Program::put(&shared(&registry), &params, dir).await;
        assert_eq!(put.code, 78, "{key}: {}", put.stderr);
        for words in [key, "`additional_tags`"] {
            assert!(put.stderr.contains(words), "{key}: {}", put.stderr);
        }
    }
    let version = json!({"tag": "1", "digest": registry.digest()});
    let archive = Program::get(&shared(&registry), &version, &json!({"format": "oci"})).await;
    assert_eq!(archive.code, 78, "{}", archive.stderr);
    for words in [
        "`oci` of registry-image is the archive",
        "`oci-layout` writes",
    ] {
        assert!(archive.stderr.contains(words), "{}", archive.stderr);
    }
    archive.assert_nothing_was_made();
    let params = json!({"format": "oci-layout"});
    let get = Program::get(&shared(&registry), &version, &params).await;
    get.succeed();
    assert!(get.dir().join("oci/index.json").is_file());
}
