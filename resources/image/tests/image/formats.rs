//! Images of every kind that a registry may hold, usual and unusual.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};
use tar::EntryType;
use trireme_registry::digest_of;

use crate::{
    faults::{get, honest, layer},
    faulty::{Faulty, Image, LAYER, Trouble},
    program::Program,
};

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

fn file(name: &str, content: &str) -> Vec<u8> {
    layer(EntryType::Regular, name, "", content)
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).expect("written to memory");
    encoder.finish().expect("written to memory")
}

async fn fetched(image: Image) -> Program {
    let registry = Faulty::serve(Trouble::None, image).await;
    get(&registry, &json!({})).await
}

/// `in` must fail with this exit code and these words.
async fn refused(image: Image, params: Value, code: i32, words: &str) {
    let registry = Faulty::serve(Trouble::None, image).await;
    let get = get(&registry, &params).await;
    assert_eq!(get.code, code, "{}", get.stderr);
    assert!(get.stderr.contains(words), "{}", get.stderr);
    get.assert_nothing_was_made();
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_of_every_compression_are_applied_in_their_order() {
    let layers = [
        (LAYER, file("etc/a", "lowest")),
        (GZIP, gzip(&file("etc/b", "b"))),
        (
            ZSTD,
            compress_to_vec(&file("etc/a", "a")[..], CompressionLevel::Fastest),
        ),
        // BuildKit once wrote zstd under the type of gzip.
        (
            GZIP,
            compress_to_vec(&file("etc/c", "c")[..], CompressionLevel::Fastest),
        ),
        (
            LAYER,
            layer(EntryType::XGlobalHeader, "pax_global_header", "", ""),
        ),
        (LAYER, file("etc/.wh.b", "")),
    ];
    let get = fetched(Image::of(&layers)).await;
    get.succeed();
    let read = |name: &str| std::fs::read_to_string(get.dir().join("rootfs/etc").join(name)).ok();
    assert_eq!(read("a").as_deref(), Some("a"));
    assert_eq!(read("c").as_deref(), Some("c"));
    assert_eq!(read("b"), None, "a mark hides what lies below");
    assert!(!get.dir().join("rootfs/pax_global_header").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_kept_and_never_lead_out_of_the_root() {
    let layers = [
        (LAYER, layer(EntryType::Symlink, "out", "/", "")),
        (LAYER, layer(EntryType::Symlink, "up", "../../../../..", "")),
        (LAYER, file("out/trireme-absolute", "x")),
        (LAYER, file("up/trireme-upwards", "x")),
    ];
    let get = fetched(Image::of(&layers)).await;
    get.succeed();
    for name in ["trireme-absolute", "trireme-upwards"] {
        assert!(get.dir().join("rootfs").join(name).is_file(), "{name}");
        assert!(!std::path::Path::new("/").join(name).exists(), "{name}");
    }
    let link = std::fs::read_link(get.dir().join("rootfs/out")).expect("a link");
    assert_eq!(link, std::path::Path::new("/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_of_an_index_is_that_of_the_platform() {
    let named = |text: &str| Image::of(&[(LAYER, file("name", text))]);
    let index = Image::index(&[
        ("plan9/mips", named("plan9")),
        ("linux/amd64", named("amd64")),
        ("linux/arm64", named("arm64")),
    ]);
    let registry = Faulty::serve(Trouble::None, index).await;
    for architecture in ["amd64", "arm64"] {
        let params = json!({"platform": {"architecture": architecture}});
        let get = get(&registry, &params).await;
        assert_eq!(get.succeed()["version"]["digest"], registry.digest());
        let name = std::fs::read_to_string(get.dir().join("rootfs/name")).expect("written");
        assert_eq!(name, architecture);
    }
    let absent = get(&registry, &json!({"platform": {"architecture": "s390x"}})).await;
    assert_eq!(absent.code, 1, "{}", absent.stderr);
    let words = "no platform linux/s390x; it has plan9/mips, linux/amd64, linux/arm64";
    assert!(absent.stderr.contains(words), "{}", absent.stderr);
    absent.assert_nothing_was_made();
}

/// The image specification lets an index leave the platform out; the configuration of an image has it.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_which_the_index_names_no_platform_is_known_by_its_configuration() {
    let named = |text: &str| Image::of(&[(LAYER, file("name", text))]);
    let index = Image::index(&[("linux/arm64", named("arm64")), ("", named("amd64"))]);
    let registry = Faulty::serve(Trouble::None, index).await;
    for architecture in ["amd64", "arm64"] {
        let params = json!({"platform": {"architecture": architecture}});
        let get = get(&registry, &params).await;
        get.succeed();
        let name = std::fs::read_to_string(get.dir().join("rootfs/name")).expect("written");
        assert_eq!(name, architecture);
    }
    let only = Image::index(&[("", named("amd64"))]);
    let params = json!({"platform": {"architecture": "s390x"}});
    refused(only, params, 1, "no platform linux/s390x; it has none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_image_is_refused_by_its_kind() {
    let schema_1 = Image::raw(
        SCHEMA_1,
        br#"{"schemaVersion":1,"name":"app","fsLayers":[]}"#,
    );
    refused(schema_1, json!({}), 65, "schema 1 is not supported").await;
    let strange = Image::raw(MANIFEST, br#"{"schemaVersion":2,"layers":7}"#);
    refused(strange.clone(), json!({}), 65, "expected an image manifest").await;
    refused(
        strange,
        json!({"format": "oci-layout"}),
        1,
        "expected an image manifest",
    )
    .await;
    let endless = format!(r#"{{"padding":"{}"}}"#, "x".repeat(4 << 20));
    let endless = Image::raw(MANIFEST, endless.as_bytes());
    refused(endless, json!({}), 1, "larger than 4194304 bytes").await;
    let text = Image::of(&[(LAYER, b"no archive".repeat(100))]);
    refused(text, json!({}), 65, "not a tar archive").await;
    let cut = gzip(&file("a", "content"));
    let cut = Image::of(&[(GZIP, cut[..cut.len() / 2].to_vec())]);
    refused(cut, json!({}), 65, "not a tar archive").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_that_may_not_be_distributed_is_named() {
    let windows = gzip(&file("Windows", ""));
    let image = Image::of(&[(FOREIGN, windows.clone()), (LAYER, honest())]);
    refused(
        image.clone().without(&digest_of(&windows)),
        json!({}),
        1,
        "may not be distributed",
    )
    .await;
    // A registry that has it may give it.
    fetched(image.clone()).await.succeed();
    let registry = Faulty::serve(Trouble::None, image.without(&digest_of(&windows))).await;
    get(&registry, &json!({"format": "oci-layout"}))
        .await
        .succeed();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_unusual_shape_is_told_by_what_it_is() {
    let named = |text: &str| Image::of(&[(LAYER, file("name", text))]);
    let inner = Image::index(&[("linux/amd64", named("inner"))]);
    let params = json!({"platform": {"architecture": "amd64"}});
    let nested = Image::index(&[("linux/amd64", inner)]);
    refused(
        nested.clone(),
        params.clone(),
        65,
        "no image that can be unpacked",
    )
    .await;
    let registry = Faulty::serve(Trouble::None, nested).await;
    get(&registry, &json!({"format": "oci-layout"}))
        .await
        .succeed();
    // Runtimes take the first.
    let both = Image::index(&[
        ("linux/amd64", named("first")),
        ("linux/amd64", named("second")),
    ]);
    let registry = Faulty::serve(Trouble::None, both).await;
    let first = get(&registry, &params).await;
    first.succeed();
    let name = std::fs::read_to_string(first.dir().join("rootfs/name")).expect("written");
    assert_eq!(name, "first");
    let empty = Image::index(&[]);
    refused(empty, params, 1, "no platform linux/amd64; it has none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_is_copied_as_it_is_or_refused_and_never_unpacked() {
    let kind = "application/vnd.oci.artifact.manifest.v1+json";
    let artifact = json!({"mediaType": kind, "artifactType": "text/plain", "blobs": []});
    let artifact = Image::raw(kind, artifact.to_string().as_bytes());
    refused(
        artifact.clone(),
        json!({}),
        65,
        "no image that can be unpacked",
    )
    .await;
    let words = "expected an image manifest";
    refused(artifact, json!({"format": "oci-layout"}), 1, words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_lies_is_told() {
    let layer = file("a", "content");
    let image = |size: Value| {
        let digest = digest_of(&layer);
        let descriptor = json!({"mediaType": LAYER, "digest": digest, "size": size});
        Image::of(&[(LAYER, layer.clone())]).with_layers(&json!([descriptor]))
    };
    for size in [json!(1), json!(100_000), json!(u64::MAX)] {
        for params in [json!({}), json!({"format": "oci-layout"})] {
            refused(image(size.clone()), params, 1, "size").await;
        }
    }
    refused(
        image(json!(-1)),
        json!({}),
        65,
        "no image that can be unpacked",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_of_any_compression_ends_at_the_limit() {
    let content = "0".repeat(1 << 20);
    let bomb = file("zeros", &content);
    let small = compress_to_vec(&bomb[..], CompressionLevel::Fastest);
    for (kind, layer) in [(GZIP, gzip(&bomb)), (ZSTD, small)] {
        assert!(layer.len() < 64 << 10, "it is small for what it holds");
        let image = Image::of(&[(kind, layer)]);
        let params = json!({"unpacked_limit": "64KiB"});
        refused(image, params, 65, "unpacked_limit").await;
    }
}
