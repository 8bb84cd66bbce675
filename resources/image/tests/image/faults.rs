//! A registry that answers wrongly, or a hostile layer: the exit code, the words, and nothing that looks whole.

use futures_util::future::join_all;
use serde_json::json;

use tar::{Builder, EntryType, Header};

use trireme_registry::digest_of;

use crate::{
    faulty::{Faulty, Image, LAYER, Trouble},
    program::Program,
};

/// A layer of one entry; its name and link are written as they are.
pub fn layer(kind: EntryType, name: &str, link: &str, content: &str) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1);
    header.set_size(content.len() as u64);
    let gnu = header.as_gnu_mut().expect("a GNU header");
    gnu.name[..name.len()].copy_from_slice(name.as_bytes());
    gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_cksum();
    let added = builder.append(&header, content.as_bytes());
    added.expect("written to memory");
    builder.into_inner().expect("written to memory")
}

pub fn honest() -> Vec<u8> {
    layer(EntryType::Regular, "etc/motd", "", "hello 1\n")
}

/// `in` of the one image there is.
pub async fn get(registry: &Faulty, params: &serde_json::Value) -> Program {
    let source = json!({"repository": registry.repository(), "tag": "1"});
    let version = json!({"tag": "1", "digest": registry.digest()});
    Program::get(&source, &version, params).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_image_is_fetched_in_every_format() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let whole = get(&registry, &json!({})).await;
    whole.succeed();
    let read = |name: &str| std::fs::read_to_string(whole.dir().join(name)).expect("written");
    assert_eq!(read("rootfs/etc/motd"), "hello 1\n");
    assert_eq!(read("digest"), registry.digest());
    let metadata: serde_json::Value = serde_json::from_str(&read("metadata.json")).expect("JSON");
    assert_eq!(metadata["env"], json!(["A=b"]));
    assert_eq!(metadata["user"], "7");
    let layout = get(&registry, &json!({"format": "oci-layout"})).await;
    layout.succeed();
    let manifest = registry.digest().replace("sha256:", "oci/blobs/sha256/");
    let manifest = std::fs::read(layout.dir().join(manifest)).expect("written");
    assert_eq!(trireme_registry::digest_of(&manifest), registry.digest());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_gone_cannot_be_fetched() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let source = json!({"repository": registry.repository()});
    let version = json!({"tag": "1", "digest": format!("sha256:{}", "0".repeat(64))});
    let get = Program::get(&source, &version, &json!({})).await;
    assert_eq!(get.code, 1, "{}", get.stderr);
    assert!(
        get.stderr.contains("does not exist any more; run a check"),
        "{}",
        get.stderr
    );
    get.assert_nothing_was_made();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_which_a_part_is_gone_cannot_be_fetched() {
    let image = Image::of(&[(LAYER, honest())]);
    for part in [image.config(), digest_of(&honest())] {
        let part = part.as_str();
        let registry = Faulty::serve(Trouble::None, image.clone().without(part)).await;
        for params in [json!({}), json!({"format": "oci-layout"})] {
            let get = get(&registry, &params).await;
            assert_eq!(get.code, 1, "{part}: {}", get.stderr);
            for words in [part, "it is not there"] {
                assert!(get.stderr.contains(words), "{}", get.stderr);
            }
            get.assert_nothing_was_made();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_are_errors_that_say_what_came() {
    let cases = [
        (Trouble::Status(403), "403"),
        (Trouble::WrongManifest, "digest"),
        (Trouble::WrongBlob, "digest"),
        (Trouble::NoBlob, "size"),
        // Nobody waits for longer than an hour.
        (Trouble::BusyFor("7200"), "429"),
    ];
    join_all(cases.map(|(trouble, words)| is_told(trouble, words))).await;
}

async fn is_told(trouble: Trouble, words: &str) {
    let registry = Faulty::start(trouble, honest()).await;
    for params in [json!({}), json!({"format": "oci-layout"})] {
        let get = get(&registry, &params).await;
        assert_eq!(get.code, 1, "{trouble:?}: {}", get.stderr);
        assert!(get.stderr.contains(words), "{trouble:?}: {}", get.stderr);
        get.assert_nothing_was_made();
    }
    let asked = registry.requests().len();
    assert!(asked <= 40, "{trouble:?}: {asked} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_breaks_off_is_resumed_where_it_broke() {
    let registry = Faulty::start(Trouble::CutOnce, honest()).await;
    for params in [json!({}), json!({"format": "oci-layout"})] {
        get(&registry, &params).await.succeed();
    }
    let requests = registry.requests();
    let resumed = requests.iter().filter(|line| line.contains(" bytes="));
    assert_eq!(resumed.count(), 4, "two blobs, twice: {requests:?}");
}

/// As `registry-image` has it: more often than other requests are sent, since the step has time.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_registry_is_asked_again_when_it_says() {
    let put = async |from: &Faulty, to: &Faulty| {
        let from = json!({"repository": from.repository(), "digest": from.digest()});
        let source = json!({"repository": to.repository()});
        let dir = tempfile::tempdir().expect("a folder");
        Program::put(&source, &json!({"from": from, "tag": "2"}), dir).await
    };
    let busy = || Faulty::start(Trouble::BusyAtFirst, honest());
    let (whole, from, to) = tokio::join!(busy(), busy(), busy());
    let honest = Faulty::start(Trouble::None, honest()).await;
    let params = json!({});
    let ran = tokio::join!(get(&whole, &params), put(&from, &honest), put(&honest, &to));
    for ran in [ran.0, ran.1, ran.2] {
        ran.succeed();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_layer_is_refused_and_nothing_of_it_stays() {
    let cases = [
        (EntryType::Regular, "../outside", ""),
        (EntryType::Regular, "/../etc/passwd", ""),
        (EntryType::Regular, "a/../../outside", ""),
        (EntryType::Link, "shadow", "../../etc/shadow"),
        (EntryType::Regular, "etc/.wh...", ""),
    ];
    for (kind, name, link) in cases {
        let registry = Faulty::start(Trouble::None, layer(kind, name, link, "")).await;
        let get = get(&registry, &json!({})).await;
        assert_eq!(get.code, 65, "{name}: {}", get.stderr);
        assert!(get.stderr.contains("is refused"), "{name}: {}", get.stderr);
        get.assert_nothing_was_made();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_node_is_left_out_and_said() {
    let device = layer(EntryType::Char, "dev/null", "", "");
    let registry = Faulty::start(Trouble::None, device).await;
    let get = get(&registry, &json!({})).await;
    get.succeed();
    assert!(get.stderr.contains("left out"), "{}", get.stderr);
    assert!(!get.dir().join("rootfs/dev/null").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_unpacks_to_too_much_is_refused() {
    let large = layer(EntryType::Regular, "zeros", "", &"0".repeat(100_000));
    let registry = Faulty::start(Trouble::None, large).await;
    let get = get(&registry, &json!({"unpacked_limit": "64KiB"})).await;
    assert_eq!(get.code, 65, "{}", get.stderr);
    assert!(get.stderr.contains("unpacked_limit"), "{}", get.stderr);
    get.assert_nothing_was_made();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tag_and_no_digest_is_refused_before_anything_is_asked() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let zeros = format!("sha256:{}", "0".repeat(64));
    for (key, value) in [
        ("tag", "../blobs"),
        ("tag", "a b"),
        ("digest", "latest"),
        ("digest", "sha256:0"),
    ] {
        let mut source = json!({"repository": registry.repository(), "debug": true});
        source[key] = value.into();
        let check = Program::check(&source, None).await;
        assert_eq!(check.code, 78, "{value}: {}", check.stderr);
        let place = format!("source.{key} is {value:?}");
        assert!(check.stderr.contains(&place), "{}", check.stderr);
        let get = Program::get(&source, &json!({"digest": zeros}), &json!({})).await;
        assert_eq!(get.code, 78, "{value}: {}", get.stderr);
        let from = json!({"from": source.as_object().map(|keys| {
            let mut keys = keys.clone();
            keys.remove("debug");
            keys
        })});
        let target = json!({"repository": registry.repository()});
        let put = Program::put(&target, &from, tempfile::tempdir().expect("a folder")).await;
        assert_eq!(put.code, 78, "{value}: {}", put.stderr);
        assert!(put.stderr.contains("params.from"), "{}", put.stderr);
    }
    let source = json!({"repository": registry.repository()});
    for version in [
        json!({"tag": "1", "digest": "1"}),
        json!({"tag": "../1", "digest": zeros}),
    ] {
        let get = Program::get(&source, &version, &json!({})).await;
        assert_eq!(get.code, 65, "{version}: {}", get.stderr);
        assert!(get.stderr.contains("expected a digest"), "{}", get.stderr);
        get.assert_nothing_was_made();
    }
    assert_eq!(registry.requests(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_of_nothing_and_of_rubbish_is_refused() {
    let registry = Faulty::start(Trouble::None, honest()).await;
    let source = json!({"repository": registry.repository()});
    let build = || {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("text"), "no image").expect("written");
        dir
    };
    let from = json!({"repository": registry.repository(), "tag": "1"});
    let cases = [
        (json!({}), 78, "exactly one of image"),
        (
            json!({"image": "a", "from": from}),
            78,
            "exactly one of image",
        ),
        (json!({"image": "../a"}), 78, "not a path of this build"),
        (json!({"image": "text"}), 65, "is no image"),
        (
            json!({"image": "absent"}),
            1,
            "there is no absent; is it an input",
        ),
        (json!({"image": "te*"}), 78, "patterns are not known here"),
        (json!({"image": "./text"}), 65, "is no image"),
        (json!({"from": from, "tag": "a b"}), 65, "is no tag"),
        (json!({"imge": "a"}), 78, "image"),
    ];
    for (params, code, words) in cases {
        let put = Program::put(&source, &params, build()).await;
        assert_eq!(put.code, code, "{params}: {}", put.stderr);
        assert!(put.stderr.contains(words), "{params}: {}", put.stderr);
        assert_eq!(put.stdout, "");
    }
    assert_eq!(registry.requests(), [""; 0], "nothing was asked before");
}
