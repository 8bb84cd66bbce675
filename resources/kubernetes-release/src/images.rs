//! The control-plane images of a release, as files.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Serialize;
use trireme_release::Version;

/// The images that every release publishes under its own tag (`kubeadm config images list` names the same, beside
/// etcd, CoreDNS and pause, which have versions of their own).
const CONTROL_PLANE: [&str; 4] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
];

/// `images.json`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Images {
    format: u32,
    version: String,
    images: BTreeMap<&'static str, String>,
}

impl Images {
    /// The images of `release` in `registry`.
    pub(crate) fn of(release: &Version, registry: &str) -> Self {
        let reference = |name| (name, format!("{registry}/{name}:{release}"));
        Self {
            format: 1,
            version: release.to_string(),
            images: CONTROL_PLANE.into_iter().map(reference).collect(),
        }
    }

    /// Writes `images.json`, and `images/NAME` with one reference each, for `load_var`.
    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        std::fs::write(dir.join("images.json"), serde_json::to_vec_pretty(self)?)?;
        let folder = dir.join("images");
        std::fs::create_dir(&folder)?;
        for (name, reference) in &self.images {
            std::fs::write(folder.join(name), reference)?;
        }
        Ok(())
    }
}
