//! The images of a build, and the proof that each was permitted and signed.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use trireme_evidence::{
    Decision, EvidenceError, LIMIT_BYTES, SignatureFile, VerdictFile, is_sha256, require_recent,
};
use trireme_protocol::{Fault, build};

use crate::{PutParams, source::Require};

/// What such a file says of an image.
struct Judgement {
    digest: String,
    decision: Decision,
    /// When it was judged, by the clock of the step that judged.
    at: Option<Timestamp>,
}

/// Digest → when it was proven last, if the file says so.
type Proven = BTreeMap<String, Option<Timestamp>>;

/// How a file is read.
type Parse = fn(&[u8]) -> Result<Judgement, EvidenceError>;

fn verdict(json: &[u8]) -> Result<Judgement, EvidenceError> {
    let file = VerdictFile::from_json(json)?;
    Ok(Judgement {
        digest: file.digest,
        decision: file.decision,
        at: file.judged_at,
    })
}

fn signature(json: &[u8]) -> Result<Judgement, EvidenceError> {
    let file = SignatureFile::from_json(json)?;
    Ok(Judgement {
        digest: file.digest,
        decision: file.decision,
        at: file.verified_at,
    })
}

/// What the files of the artifacts say about digests, and what of it is demanded.
pub(crate) struct Proofs<'a> {
    require: &'a Require,
    /// When this step began: a roll that takes hours does not outlive its proofs.
    now: Timestamp,
    permitted: Proven,
    verified: Proven,
    /// Which file denies a digest.
    denied: BTreeMap<String, String>,
}

impl<'a> Proofs<'a> {
    /// Reads the files of the artifacts that the params name.
    ///
    /// # Errors
    /// Exit 65 for a file that is malformed, 78 for a name that is not a path.
    pub(crate) async fn read(
        dir: &Path,
        params: &PutParams,
        require: &'a Require,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let mut proofs = Self {
            require,
            now,
            permitted: Proven::new(),
            verified: Proven::new(),
            denied: BTreeMap::new(),
        };
        for (param, artifacts) in [
            ("images", &params.images),
            ("verdicts", &params.verdicts),
            ("signatures", &params.signatures),
        ] {
            for artifact in artifacts {
                proofs.add(dir, param, artifact).await?;
            }
        }
        Ok(proofs)
    }

    async fn add(&mut self, dir: &Path, param: &str, artifact: &str) -> Result<(), Fault> {
        let files: [(&str, Parse, &mut Proven); 2] = [
            ("verdict.json", verdict, &mut self.permitted),
            ("signature.json", signature, &mut self.verified),
        ];
        for (file, parse, proven) in files {
            let file = format!("{artifact}/{file}");
            let Some(judgement) = judgement(dir, param, &file, parse).await? else {
                continue;
            };
            if judgement.decision.permits() {
                let last = proven.entry(judgement.digest).or_default();
                *last = (*last).max(judgement.at);
            } else {
                let why = format!("{file} says {}", judgement.decision.word());
                self.denied.insert(judgement.digest, why);
            }
        }
        Ok(())
    }

    /// Holds an image to what is demanded, wherever it was named. A file that denies it refuses it, demanded or not.
    ///
    /// # Errors
    /// Exit 2 for an image that is denied or not proven.
    pub(crate) fn verify(&self, name: &str, reference: &str) -> Result<(), Fault> {
        let digest = reference.rsplit_once('@').map_or("", |(_, digest)| digest);
        let refuse = |why: &str| Err(Fault::denied(format!("image {name} ({reference}): {why}")));
        if let Some(why) = self.denied.get(digest) {
            return refuse(why);
        }
        let demanded = [
            (self.require.verdict.is_some(), VERDICT, &self.permitted),
            (self.require.signature.is_some(), SIGNATURE, &self.verified),
        ];
        for (_, kind, proven) in demanded
            .into_iter()
            .filter(|(is_demanded, ..)| *is_demanded)
        {
            let file = kind.file;
            let Some(at) = proven.get(digest) else {
                return refuse(&format!("no {file} for its digest is among the artifacts"));
            };
            if let Err(too_old) = require_recent(*at, self.now, self.require.max_age()) {
                let text = format!("{file}: {too_old} (`require.max_age`). {}", kind.remedy);
                return refuse(&text);
            }
        }
        Ok(())
    }
}

/// One kind of proof, and how a job gets a new one.
struct Kind {
    file: &'static str,
    remedy: &'static str,
}

const VERDICT: Kind = Kind {
    file: "verdict.json",
    remedy: "Judge the image again in the job that rolls, by a `put` of its image-scan resource: Concourse answers a `get` of a \
             known version from its cache",
};

const SIGNATURE: Kind = Kind {
    file: "signature.json",
    remedy: "Verify the image again in the job that rolls, by a `put` of its image-signature resource with `verify: true`: \
             Concourse answers a `get` of a known version from its cache",
};

/// The images of these artifacts, `repository@digest` by the name of their folder.
///
/// # Errors
/// Exit 1 for a file that is not there, 65 for one that is malformed, 78 for a name that is not a path, or that two artifacts have.
pub(crate) async fn images(
    dir: &Path,
    artifacts: &[String],
) -> Result<BTreeMap<String, String>, Fault> {
    let mut found = BTreeMap::new();
    for artifact in artifacts {
        let repository = build::read_line(dir, "images", &format!("{artifact}/repository")).await?;
        let digest = build::read_digest(dir, "images", artifact).await?;
        if !is_sha256(&digest) {
            let message =
                format!("{artifact}/digest holds `{digest}`, expected sha256 and 64 hex digits");
            return Err(Fault::data(message));
        }
        let name = artifact.rsplit('/').next().unwrap_or(artifact);
        let reference = format!("{repository}@{digest}");
        if found.insert(name.to_owned(), reference).is_some() {
            let message = format!("`images` has two artifacts whose folder is named `{name}`");
            return Err(Fault::config(message));
        }
    }
    Ok(found)
}

async fn judgement(
    dir: &Path,
    param: &str,
    file: &str,
    parse: Parse,
) -> Result<Option<Judgement>, Fault> {
    let Some(text) = build::read_if_there(dir, param, file, LIMIT_BYTES).await? else {
        return Ok(None);
    };
    let wrong = |error| Fault::data(format!("{file} cannot be used: {error}"));
    parse(text.as_bytes()).map(Some).map_err(wrong)
}
