//! A verdict: what an examiner found out about an image, and what the policy makes of it.

use jiff::tz::TimeZone;
use trireme_finding::{Examination, Examiner, Policy, Verdict, judge};
use trireme_protocol::{Fault, StepContext};

use crate::{
    OsvExaminer, ScannerError, Source,
    advisories::{Advisories, DatabaseVersion},
};

/// Judges the images of one repository.
pub(crate) struct Scanner {
    examiner: OsvExaminer,
    policy: Policy,
}

/// A verdict, and what it was made from.
pub(crate) struct VersionedVerdict {
    pub verdict: Verdict,
    /// The versions of the databases that were read; none if one of them has no fingerprint.
    pub database_versions: Option<Vec<DatabaseVersion>>,
}

impl Scanner {
    /// The scanner that `source` describes.
    ///
    /// # Errors
    /// A configuration fault when the source cannot be used.
    pub(crate) fn open(step: &StepContext, source: &Source) -> Result<Self, Fault> {
        let today = TimeZone::UTC.to_datetime(step.now()).date();
        Ok(Self {
            examiner: OsvExaminer::open(source, today)?,
            policy: source.policy.clone(),
        })
    }

    /// The same with another policy.
    pub(crate) fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The same, that tells which versions of the databases it read.
    pub(crate) fn with_database_versions(self) -> Self {
        let examiner = self.examiner.with_database_versions();
        Self { examiner, ..self }
    }

    /// `image REPOSITORY:TAG` or `image REPOSITORY@DIGEST`, for people.
    pub(crate) fn label(&self, reference: &str) -> String {
        let separator = if reference.contains(':') { '@' } else { ':' };
        let repository = self.examiner.repository().name();
        format!("image {repository}{separator}{reference}")
    }

    /// What a tag points to; none when it does not exist.
    pub(crate) async fn resolve(&self, tag: &str) -> Result<Option<String>, ScannerError> {
        let found = self.examiner.repository().head_manifest(tag).await?;
        Ok(found.map(|descriptor| descriptor.digest().to_string()))
    }

    pub(crate) fn advisories(&self) -> &Advisories {
        self.examiner.advisories()
    }

    /// Judges an image.
    pub(crate) async fn judge(&self, digest: &str) -> Result<Verdict, ScannerError> {
        let examination = examine(&self.examiner, digest).await?;
        Ok(judge(&examination, &self.policy))
    }

    /// Judges an image, and tells what the verdict was made from.
    pub(crate) async fn judge_with_database_versions(
        &self,
        digest: &str,
    ) -> Result<VersionedVerdict, ScannerError> {
        let seen = self.examiner.examine_versioned(digest).await?;
        Ok(VersionedVerdict {
            verdict: judge(&seen.examination, &self.policy),
            database_versions: seen.database_versions,
        })
    }
}

/// Every engine is asked in this way.
async fn examine<E: Examiner>(examiner: &E, digest: &str) -> Result<Examination, E::Error> {
    examiner.examine(digest).await
}
