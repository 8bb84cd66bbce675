//! The images that the registry is seeded with: real package databases around a program that stands for the real one.
//!
//! What an upgrade needs is in `upstream/`: the four images of a Kubernetes release and `node-act`, the image that
//! upgrades a node, each at the old and the new release, built on Debian 12 with every fix that the advisories know. One
//! more, `upstream/shop`, is an application on Alpine 3.18 without any update. The programs do nothing, and say what
//! they were built from as real ones do (`programs`). The same input gives the same
//! digests on every machine: no clock and no owner goes into a layer.

mod layers;
mod packages;
mod programs;

use serde_json::{Value, json};

use crate::{
    SandboxError,
    registry::{Digest, Reference, Store},
    releases,
};
use layers::{Entry, Layer};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The images of a Kubernetes release, as `registry.k8s.io` names them.
pub const CONTROL_PLANE: [&str; 4] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
];

/// A repository that has a tag for each release whose images are all there.
pub(crate) const PUBLISHED: &str = "upstream/node-act";

/// Fills an empty registry; in one that was filled before, nothing changes.
pub fn seed(store: &Store) -> Result<(), SandboxError> {
    for version in [releases::FROM, releases::TO] {
        seed_release(store, version)?;
    }
    seed_image(store, "shop", "stable", &packages::neglected_alpine())
}

/// Adds what an upgrade to a release needs.
pub(crate) fn seed_release(store: &Store, version: &str) -> Result<(), SandboxError> {
    for name in CONTROL_PLANE {
        seed_index(store, name, version, &packages::distroless())?;
    }
    seed_image(store, "node-act", version, &packages::debian())
}

/// An image for two platforms, as release images are.
fn seed_index(
    store: &Store,
    name: &str,
    version: &str,
    base: &[Entry],
) -> Result<(), SandboxError> {
    let repository = format!("upstream/{name}");
    let mut children = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let manifest = image(store, &repository, name, version, architecture, base)?;
        let digest = Digest::of(manifest.as_bytes());
        put(
            store,
            &repository,
            &Reference::Digest(digest.clone()),
            MANIFEST,
            &manifest,
        )?;
        children.push(json!({
            "mediaType": MANIFEST, "digest": digest.to_string(), "size": manifest.len(),
            "platform": { "os": "linux", "architecture": architecture },
        }));
    }
    let index =
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": children }).to_string();
    put(
        store,
        &repository,
        &Reference::Tag(version.to_owned()),
        INDEX,
        &index,
    )
}

fn seed_image(
    store: &Store,
    name: &str,
    version: &str,
    base: &[Entry],
) -> Result<(), SandboxError> {
    let repository = format!("upstream/{name}");
    let manifest = image(store, &repository, name, version, "amd64", base)?;
    put(
        store,
        &repository,
        &Reference::Tag(version.to_owned()),
        MANIFEST,
        &manifest,
    )
}

/// Stores the two layers and the config of an image, and returns its manifest.
fn image(
    store: &Store,
    repository: &str,
    name: &str,
    version: &str,
    architecture: &str,
    base: &[Entry],
) -> Result<String, SandboxError> {
    let program = programs::standing_for(name, version, architecture);
    let program = Entry::program(format!("usr/local/bin/{name}"), program);
    let layers = [Layer::pack(base), Layer::pack(&[program])];
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|layer| layer.diff_id.to_string())
        .collect();
    let config = json!({
        "architecture": architecture, "os": "linux",
        "config": {
            "Entrypoint": [format!("/usr/local/bin/{name}")],
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
            "Labels": { "org.opencontainers.image.title": name, "org.opencontainers.image.version": version },
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = store_blob(store, repository, CONFIG, config.to_string().as_bytes())?;
    let stored = layers
        .iter()
        .map(|layer| store_blob(store, repository, LAYER, &layer.gzip));
    let layers = stored.collect::<Result<Vec<Value>, _>>()?;
    Ok(
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers })
            .to_string(),
    )
}

/// Stores a blob and returns its descriptor.
fn store_blob(
    store: &Store,
    repository: &str,
    media_type: &str,
    bytes: &[u8],
) -> Result<Value, SandboxError> {
    let stored = store
        .put_blob(repository, bytes)
        .map_err(SandboxError::file("write a blob of", repository))?;
    Ok(json!({ "mediaType": media_type, "digest": stored.to_string(), "size": bytes.len() }))
}

fn put(
    store: &Store,
    name: &str,
    reference: &Reference,
    media_type: &str,
    body: &str,
) -> Result<(), SandboxError> {
    let stored = store.put_manifest(name, reference, media_type, body.as_bytes());
    let refused = |reason: String| SandboxError::Seed {
        reference: name.to_owned(),
        reason,
    };
    stored
        .map_err(SandboxError::file("write a manifest of", name))?
        .map(|_| ())
        .map_err(|refusal| refused(refusal.to_string()))
}
