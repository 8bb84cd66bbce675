//! `get`: a release as files.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use schemars::JsonSchema;
use serde::Deserialize;
use trireme_protocol::{Outcome, StepContext};
use trireme_release::Version as Release;

use crate::artifact::Artifact;
use crate::images::Images;
use crate::{ReleaseServer, Source, Version};

/// The params of a `get`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetParams {
    /// A file of the release to download, e.g. `bin/linux/amd64/kubeadm`; it comes to `artifact/kubeadm`.
    #[serde(default)]
    pub artifact: Option<String>,
}

/// Writes what is known of the release, and downloads what was asked for.
pub(crate) async fn get(
    step: &StepContext,
    source: &Source,
    version: Version,
    params: &GetParams,
    dir: &Path,
) -> anyhow::Result<Outcome<Version>> {
    let release = version.release()?;
    let artifact = params
        .artifact
        .as_deref()
        .map(Artifact::named)
        .transpose()?;
    let images = Images::of(&release, source.image_registry()?);
    let server = ReleaseServer::open(source)?;
    anyhow::ensure!(
        server.has(&release).await?,
        "release {release}: {} has neither a marker that names it nor its kubeadm; complete the mirror, or {}",
        source.release_server,
        trireme_protocol::run_again()
    );
    write(&release, &images, dir).context("writing the files of the release")?;
    let minor = release.minor().to_string();
    let mut outcome = Outcome::new(version)
        .with("release", release.to_string())
        .with("minor", minor);
    if let Some(artifact) = artifact {
        let sha256 = download(step, &server, &release, &artifact, dir).await?;
        outcome = outcome
            .with("artifact", artifact.path())
            .with("sha256", sha256);
    }
    Ok(outcome)
}

fn write(release: &Release, images: &Images, dir: &Path) -> std::io::Result<()> {
    std::fs::write(dir.join("version"), release.to_string())?;
    // The tag of the release's images is its version; a file of that name reads better beside an `image` resource.
    std::fs::write(dir.join("tag"), release.to_string())?;
    std::fs::write(dir.join("minor"), release.minor().to_string())?;
    images.write(dir)
}

/// Downloads an artifact to `artifact/NAME`. Returns its SHA-256.
async fn download(
    step: &StepContext,
    server: &ReleaseServer,
    release: &Release,
    artifact: &Artifact,
    dir: &Path,
) -> anyhow::Result<String> {
    let object = format!("release {release}");
    step.info(&object, format!("downloading {}", artifact.path()));
    let folder = dir.join("artifact");
    std::fs::create_dir(&folder).context("making the folder of the artifact")?;
    let path = folder.join(artifact.file_name());
    let downloaded = server.download(release, artifact, &path).await?;
    if artifact.is_program() {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .context("making the artifact executable")?;
    }
    let words = format!(
        "{} has {} bytes and its published checksum",
        artifact.path(),
        downloaded.size
    );
    step.done(&object, words);
    Ok(downloaded.sha256)
}
