//! What is wanted, by whom it was said.

use std::collections::BTreeMap;
use std::path::Path;

use trireme_blueprint::Wanted;
use trireme_evidence::is_sha256;
use trireme_kubernetes::Record;
use trireme_protocol::{Fault, build};
use trireme_release as release;

use crate::{PutParams, Source};

/// The wanted state: the one in the source, or what was recorded. Images that were recorded with another version do not count.
///
/// # Errors
/// Exit 78 when the version of the source is not a version, or one of its images has no digest.
pub(crate) fn wanted(source: &Source, record: &Record) -> anyhow::Result<Option<Wanted>> {
    check_images(source)?;
    let recorded = record.wanted.as_ref();
    let version = match &source.version {
        Some(text) => Some(parse(text, "`version` of the source")?),
        None => recorded.map(|wanted| wanted.version.clone()),
    };
    Ok(version.map(|version| Wanted {
        images: images(source, record, &version),
        version,
    }))
}

/// An image without its digest would be another one tomorrow.
fn check_images(source: &Source) -> Result<(), Fault> {
    for (name, reference) in source.images.iter().flatten() {
        let digest = reference.rsplit_once('@').map(|(_, digest)| digest);
        if !digest.is_some_and(is_sha256) {
            return Err(Fault::config(format!(
                "`images.{name}` of the source is `{reference}`; expected repository@sha256:…"
            )));
        }
    }
    Ok(())
}

/// The images for `version`, as far as the source or the record says.
pub(crate) fn images(
    source: &Source,
    record: &Record,
    version: &release::Version,
) -> BTreeMap<String, String> {
    let recorded = record
        .wanted
        .as_ref()
        .filter(|wanted| wanted.version == *version);
    let recorded = recorded.map(|wanted| wanted.images.clone());
    source.images.clone().or(recorded).unwrap_or_default()
}

/// The version that the params ask for, themselves or in a file.
///
/// # Errors
/// Exit 78 when they give both, or what is not a version; 1 when the file is not there.
pub(crate) async fn asked(
    params: &PutParams,
    dir: &Path,
) -> anyhow::Result<Option<release::Version>> {
    match (&params.version, &params.version_file) {
        (Some(_), Some(_)) => {
            Err(Fault::config("give `version` or `version_file`, not both").into())
        }
        (Some(text), None) => parse(text, "`version` of the params").map(Some),
        (None, Some(file)) => {
            let text = build::read_line(dir, "version_file", file).await?;
            parse(&text, file).map(Some)
        }
        (None, None) => Ok(None),
    }
}

/// The version to bring the cluster to: the one that was `asked` for, or the one in the source, or the recorded one.
///
/// # Errors
/// Exit 78 when none is, or when two places say different ones.
pub(crate) fn version(
    asked: Option<release::Version>,
    source: &Source,
    record: &Record,
) -> anyhow::Result<release::Version> {
    let known = wanted(source, record)?.map(|wanted| wanted.version);
    match (asked, known) {
        (Some(asked), Some(known)) if source.version.is_some() && asked != known => {
            let message =
                format!("the source wants {known}, the params {asked}; say it in one place");
            Err(Fault::config(message).into())
        }
        (Some(asked), _) => Ok(asked),
        (None, Some(known)) => Ok(known),
        (None, None) => {
            let message = "no version is wanted; give `version_file` or `version`";
            Err(Fault::config(message).into())
        }
    }
}

/// Reads a version, naming where it was written.
fn parse(text: &str, place: &str) -> anyhow::Result<release::Version> {
    let version = text.trim().parse();
    version.map_err(|error| Fault::config(format!("{place}: {error}")).into())
}
