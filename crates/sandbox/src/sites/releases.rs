//! The release server: Kubernetes' stable markers and artifacts, laid out as on `dl.k8s.io/release`.
//!
//! Markers are read as they are published: one line `vX.Y.Z` without a line end. An artifact has its checksums beside
//! it, the bare hexadecimal digits, also without a line end.

use sha2::{Digest as _, Sha256, Sha512};

use super::Site;

/// The release that the sandbox's cluster runs at first.
pub const FROM: &str = "v1.36.4";
/// The newest release, to which the cluster can be rolled.
pub const TO: &str = "v1.37.2";

/// A site with the markers of three minors and the artifacts of [`FROM`] and [`TO`].
pub fn site() -> Site {
    let site = Site::default();
    for version in ["v1.35.9", FROM, TO] {
        publish(&site, version);
    }
    site
}

/// Publishes a release: its artifact, then the marker of its minor, then `stable.txt`, as a release team does it. The
/// releases of a test come in ascending order.
pub fn publish(site: &Site, version: &str) {
    let minor = version
        .trim_start_matches('v')
        .split('.')
        .take(2)
        .collect::<Vec<_>>()
        .join(".");
    let kubeadm =
        format!("#!/bin/sh\n# Stands for kubeadm {version} in the sandbox.\necho '{version}'\n");
    let path = format!("/release/{version}/bin/linux/amd64/kubeadm");
    site.publish(
        format!("{path}.sha256"),
        "text/plain",
        hex::encode(Sha256::digest(&kubeadm)),
    );
    site.publish(
        format!("{path}.sha512"),
        "text/plain",
        hex::encode(Sha512::digest(&kubeadm)),
    );
    site.publish(path, "application/octet-stream", kubeadm);
    site.publish(
        format!("/release/stable-{minor}.txt"),
        "text/plain",
        version,
    );
    let major = minor.split('.').next().unwrap_or("1");
    site.publish(
        format!("/release/stable-{major}.txt"),
        "text/plain",
        version,
    );
    site.publish("/release/stable.txt", "text/plain", version);
}
