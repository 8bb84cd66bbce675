//! Which versions there are: what `check` finds, and what `put` emits.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    faults::honest,
    faulty::{Faulty, Trouble},
    program::Program,
};

fn empty() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_asks_once_when_nothing_has_changed() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let source = json!({"repository": registry.repository(), "tag": "1"});
    let version = json!({"tag": "1", "digest": registry.digest()});
    let check = Program::check(&source, Some(&version)).await;
    assert_eq!(check.succeed(), json!([version]));
    assert_eq!(registry.requests(), ["HEAD /v2/app/manifests/1"]);
    let gone = json!({"tag": "1", "digest": format!("sha256:{}", "0".repeat(64))});
    let check = Program::check(&source, Some(&gone)).await;
    assert_eq!(
        check.succeed(),
        json!([version]),
        "a lost version is not kept"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_has_one_version_while_it_is_there() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let digest = registry.digest();
    let source = json!({"repository": registry.repository(), "digest": digest});
    let check = Program::check(&source, None).await;
    assert_eq!(check.succeed(), json!([{"digest": digest}]));
    assert!(!check.stderr.contains("no such"), "{}", check.stderr);
    let request = format!("HEAD /v2/app/manifests/{digest}");
    assert_eq!(registry.requests(), [request]);
    let gone = format!("sha256:{}", "0".repeat(64));
    let source = json!({"repository": registry.repository(), "digest": gone});
    let check = Program::check(&source, Some(&json!({"digest": gone}))).await;
    assert_eq!(check.succeed(), json!([]));
    for words in [gone.as_str(), "there is no such digest"] {
        assert!(check.stderr.contains(words), "{}", check.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_without_a_download_brings_files_only_and_asks_for_no_blob() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let source = json!({"repository": registry.repository(), "tag": "1"});
    let version = json!({"tag": "1", "digest": registry.digest()});
    let files = |get: &Program| {
        let names = std::fs::read_dir(get.dir()).expect("the folder");
        let content = |name: &str| std::fs::read_to_string(get.dir().join(name)).expect("a file");
        let names = names.map(|entry| entry.expect("one").file_name().into_string());
        let mut files: Vec<_> = names.map(|name| name.expect("UTF-8")).collect();
        files.sort();
        let contents = files.into_iter().map(|name| (content(&name), name));
        contents
            .map(|(text, name)| (name, text))
            .collect::<Vec<_>>()
    };
    let expected = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let params = json!({"skip_download": true});
    let get = Program::get(&source, &version, &params).await;
    let answer = get.succeed();
    assert_eq!(answer["version"], version);
    let pair = |name: &str, value: &str| json!({"name": name, "value": value});
    let metadata = [
        pair("repository", &registry.repository()),
        pair("digest", registry.digest()),
        pair("tag", "1"),
    ];
    assert_eq!(answer["metadata"], json!(metadata));
    let digest = expected("digest", registry.digest());
    let repository = expected("repository", &registry.repository());
    let by_tag = [digest.clone(), repository.clone(), expected("tag", "1")];
    assert_eq!(files(&get), by_tag);
    // By its digest an image has no tag.
    let source = json!({"repository": registry.repository(), "digest": registry.digest()});
    let version = Program::check(&source, None).await.succeed()[0].clone();
    let get = Program::get(&source, &version, &params).await;
    assert_eq!(get.succeed()["version"], version);
    assert_eq!(files(&get), [digest, repository]);
    let request = format!("HEAD /v2/app/manifests/{}", registry.digest());
    assert_eq!(registry.requests(), vec![request; 3]);
}

/// A `put` of the other registry's image; its params and what they are copied from.
async fn put(source: &Value, from: &Faulty, mut params: Value) -> Program {
    params["from"] = json!({"repository": from.repository(), "digest": from.digest()});
    let build = empty();
    std::fs::write(build.path().join("tags"), "2 3").expect("written");
    Program::put(source, &params, build).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_put_emits_is_the_newest_that_check_finds() {
    let from = Faulty::start(Trouble::None, honest()).await;
    for (keys, params) in [
        (json!({}), json!({"tag": "2"})),
        (json!({"tag": "2"}), json!({})),
        (json!({"tag": "2"}), json!({"tag": "2"})),
        (json!({"digest": from.digest()}), json!({"tag": "2"})),
    ] {
        let to = Faulty::start(Trouble::None, b"another image 1".to_vec()).await;
        let mut source = keys.clone();
        source["repository"] = json!(to.repository());
        let put = put(&source, &from, params.clone()).await;
        let version = put.succeed()["version"].clone();
        assert_eq!(version["digest"], from.digest());
        let check = Program::check(&source, Some(&version)).await;
        assert_eq!(check.succeed(), json!([version]), "{keys} {params}");
    }
}

/// `latest` is a tag like every other: nothing gets it that was not told to.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_whose_tag_nobody_named_is_not_stored() {
    let from = Faulty::start(Trouble::None, honest()).await;
    let to = Faulty::start(Trouble::None, b"another image 1".to_vec()).await;
    let untagged = json!({"repository": to.repository()});
    let tagged = json!({"repository": to.repository(), "tag": "2"});
    let none = "no tag is named for the image: give tag or tag_file";
    let empty = "params.tag: found an empty string";
    for (source, params, words) in [
        (&untagged, json!({}), none),
        (&untagged, json!({"additional_tags": "./tags"}), none),
        (&untagged, json!({"tag": ""}), empty),
        (&tagged, json!({"tag": ""}), empty),
    ] {
        let put = put(source, &from, params.clone()).await;
        assert_eq!(
            (put.code, put.stdout.as_str()),
            (78, ""),
            "{params}: {}",
            put.stderr
        );
        assert!(put.stderr.contains(words), "{params}: {}", put.stderr);
    }
    assert_eq!(to.requests(), [""; 0], "nothing was stored");
}

/// `registry-image` seeks versions among all tags then.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_is_told_no_tag_says_so_where_there_are_tags() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let source = json!({"repository": registry.repository()});
    let check = Program::check(&source, None).await;
    assert_eq!(
        (check.code, check.stdout.as_str()),
        (78, ""),
        "{}",
        check.stderr
    );
    let words = "neither tag nor digest";
    assert!(check.stderr.contains(words), "{}", check.stderr);
    let empty = json!({"repository": registry.repository().replace("/app", "/none")});
    let check = Program::check(&empty, None).await;
    assert_eq!(check.succeed(), json!([]));
    assert!(
        check.stderr.contains("a put stores the first image"),
        "{}",
        check.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_check_would_not_find_is_not_stored() {
    let from = Faulty::start(Trouble::None, honest()).await;
    let to = Faulty::start(Trouble::None, b"another image 1".to_vec()).await;
    for (key, value, words) in [
        ("tag", "1", "check would go on with what \"1\" points to"),
        ("digest", to.digest(), "check would never find it"),
    ] {
        let source = json!({"repository": to.repository(), key: value});
        let put = put(&source, &from, json!({"tag": "2"})).await;
        assert_eq!((put.code, put.stdout.as_str()), (78, ""), "{}", put.stderr);
        assert!(put.stderr.contains(words), "{}", put.stderr);
    }
    assert_eq!(to.requests(), [""; 0], "nothing was stored");
}
