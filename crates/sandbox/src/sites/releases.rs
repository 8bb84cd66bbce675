//! The release server: Kubernetes' stable markers and artifacts, laid out as on `dl.k8s.io/release`.
//!
//! Markers are read as they are published: one line `vX.Y.Z` without a line end. An artifact has its checksums beside
//! it, the bare hexadecimal digits, also without a line end.

use sha2::{Digest as _, Sha256, Sha512};

use semver::Version;

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

/// Whether a text is the version of a release, `vX.Y.Z`.
pub(crate) fn is_release(text: &str) -> bool {
    let is_plain = |number: Version| number.pre.is_empty() && number.build.is_empty();
    number(text).is_some_and(is_plain)
}

fn number(version: &str) -> Option<Version> {
    version.strip_prefix('v')?.parse().ok()
}

/// Publishes a release: its artifact, then the marker of its minor, then `stable.txt`, as a release team does it. A marker
/// that names a newer one stays.
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
    let major = minor.split('.').next().unwrap_or("1");
    for marker in [
        format!("stable-{minor}"),
        format!("stable-{major}"),
        "stable".into(),
    ] {
        let path = format!("/release/{marker}.txt");
        let marked = site.text(&path);
        if marked.is_none_or(|marked| number(&marked) < number(version)) {
            site.publish(path, "text/plain", version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_never_goes_back_and_only_a_release_is_one() {
        let site = site();
        publish(&site, "v1.36.10");
        publish(&site, "v1.36.9");
        let marker = |name: &str| site.text(&format!("/release/{name}.txt")).unwrap();
        assert_eq!(marker("stable-1.36"), "v1.36.10");
        assert_eq!(
            (marker("stable-1"), marker("stable")),
            (TO.into(), TO.into())
        );
        for (text, is) in [
            ("v1.37.3", true),
            ("1.37.3", false),
            ("v1.37", false),
            ("v1.37.3-rc.1", false),
            ("v1.37.3+k3s1", false),
        ] {
            assert_eq!(is_release(text), is, "{text}");
        }
    }
}
