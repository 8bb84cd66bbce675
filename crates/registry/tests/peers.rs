//! Real registries judge, one without and one with the referrers API.
#![cfg(feature = "peers")]

use bytes::Bytes;
use oci_spec::image::{ImageManifest, ImageManifestBuilder, MediaType};
use trireme_peers::{Registry, Tool};
use trireme_registry::{Descriptor, RegistryError, Repository, descriptor_of, digest_of};
use trireme_transport::{Client, Options};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

fn registries() -> [Registry; 2] {
    [
        Registry::distribution().expect("the distribution registry"),
        Registry::referrers().expect("a registry with the referrers API"),
    ]
}

fn repository(registry: &Registry, path: &str) -> Repository {
    let client = Client::new(Options::default()).expect("a client");
    let name = format!("{}/{path}", registry.host());
    Repository::new(client, name.parse().expect("a name"), None, false, |_| {})
}

async fn push(repository: &Repository, media_type: &str, bytes: &'static [u8]) -> Descriptor {
    let descriptor = descriptor_of(media_type, bytes).expect("a descriptor");
    repository
        .push_bytes(&descriptor, Bytes::from_static(bytes))
        .await
        .expect("a blob");
    descriptor
}

async fn manifest(
    repository: &Repository,
    layer: &'static [u8],
    subject: Option<Descriptor>,
) -> ImageManifest {
    let config = push(repository, EMPTY, b"{}").await;
    let layer = push(repository, "text/plain", layer).await;
    let manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::from(MANIFEST))
        .config(config)
        .layers(vec![layer])
        .artifact_type(MediaType::from("example/signature"));
    let manifest = match subject {
        Some(subject) => manifest.subject(subject),
        None => manifest,
    };
    manifest.build().expect("a manifest")
}

#[tokio::test]
async fn blobs_and_manifests_come_back_as_they_went() {
    for registry in registries() {
        let repository = repository(&registry, "team/app");
        assert!(repository.head_manifest("1").await.unwrap().is_none());
        let content = manifest(&repository, b"layer", None).await;
        let bytes = Bytes::from(serde_json::to_vec(&content).unwrap());
        repository
            .put_manifest("1", MANIFEST, bytes.clone())
            .await
            .unwrap();
        let digest = digest_of(&bytes);
        let head = repository.head_manifest("1").await.unwrap().unwrap();
        assert_eq!(head.digest().to_string(), digest);
        let (descriptor, fetched) = repository.get_manifest(&digest).await.unwrap();
        assert_eq!(
            (fetched, descriptor.media_type().to_string()),
            (bytes, MANIFEST.into())
        );
        let blob = repository.blob(&content.layers()[0], 100).await.unwrap();
        assert_eq!(blob, "layer".as_bytes());
        assert_eq!(repository.list_tags().await.unwrap(), ["1"]);
        let crane = Tool::new("crane")
            .unwrap()
            .args(["digest", &format!("{}:1", repository.name())]);
        assert_eq!(crane.succeed().unwrap().trim(), digest);
    }
}

#[tokio::test]
async fn a_large_blob_streams_from_one_repository_to_another_and_is_mounted_where_possible() {
    let registry = Registry::distribution().unwrap();
    let (from, to) = (repository(&registry, "from"), repository(&registry, "to"));
    let bytes = Bytes::from(
        (0..3_000_000_u32)
            .flat_map(u32::to_le_bytes)
            .collect::<Vec<u8>>(),
    );
    let descriptor = descriptor_of("application/octet-stream", &bytes).unwrap();
    from.push_bytes(&descriptor, bytes).await.unwrap();
    let digest = descriptor.digest().to_string();
    assert!(!to.blob_exists(&digest).await.unwrap());
    let stream = from.blob_stream(&descriptor).await.unwrap();
    to.push_blob(&descriptor, stream.into_stream())
        .await
        .unwrap();
    assert!(to.blob_exists(&digest).await.unwrap());
    let third = repository(&registry, "third");
    assert!(third.mount_blob(&digest, "from").await.unwrap());
    assert!(third.blob_exists(&digest).await.unwrap());
    let absent = digest_of(b"absent");
    assert!(!third.mount_blob(&absent, "from").await.unwrap());
}

#[tokio::test]
async fn referrers_are_listed_with_and_without_the_api() {
    for registry in registries() {
        let repository = repository(&registry, "app");
        let image = manifest(&repository, b"image", None).await;
        let bytes = Bytes::from(serde_json::to_vec(&image).unwrap());
        repository.put_manifest("1", MANIFEST, bytes).await.unwrap();
        let subject = repository.head_manifest("1").await.unwrap().unwrap();
        let digest = subject.digest().to_string();
        assert!(
            repository
                .referrers(&digest, None)
                .await
                .unwrap()
                .is_empty()
        );

        let first = manifest(&repository, b"first", Some(subject.clone())).await;
        let first = repository.push_referrer(&first).await.unwrap();
        let second = manifest(&repository, b"second", Some(subject.clone())).await;
        let second = repository.push_referrer(&second).await.unwrap();
        let found = repository
            .referrers(&digest, Some("example/signature"))
            .await
            .unwrap();
        let mut found: Vec<String> = found.iter().map(|d| d.digest().to_string()).collect();
        let mut pushed = [first.digest().to_string(), second.digest().to_string()];
        found.sort();
        pushed.sort();
        assert_eq!(found, pushed);
        assert!(
            repository
                .referrers(&digest, Some("example/other"))
                .await
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn what_is_absent_is_said_to_be_absent() {
    for registry in registries() {
        let repository = repository(&registry, "app");
        let digest = digest_of(b"absent");
        let error = repository.get_manifest(&digest).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        let absent = descriptor_of("text/plain", b"absent").unwrap();
        let error = repository.blob(&absent, 100).await.unwrap_err();
        assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
        assert!(repository.list_tags().await.unwrap().is_empty());
    }
}
