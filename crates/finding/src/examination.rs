//! What was found out about one artifact, and what was not.

use std::future::Future;

use jiff::civil::Date;

use crate::{Finding, NotExamined, Package};

/// All that was found out about one artifact. What a policy makes of it is another question: [`judge`](crate::judge).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// The artifact: the digest that was asked about.
    pub digest: String,
    /// The images that were examined: one, or one for each platform of an index.
    pub examined: Vec<Examined>,
    /// Every flaw that was found. Advisories that name each other are one finding.
    pub findings: Vec<Finding>,
    /// What was seen and not examined, and does not lie in one of these images.
    pub not_examined: Vec<NotExamined>,
}

/// One image that was examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// The digest of its manifest.
    pub digest: String,
    /// Its platform, e.g. `linux/amd64`; `unknown` if it does not say.
    pub platform: String,
    /// The packages that were matched against the advisories, sorted.
    pub packages: Vec<Package>,
    /// What was seen in it and not examined.
    pub not_examined: Vec<NotExamined>,
    /// When security support of its distribution ended, if it has: no advisory says any more what is wrong with it.
    pub support_ended: Option<SupportEnded>,
}

/// How many packages of one ecosystem an image has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Where they come from, e.g. `Debian:12` or `Go`.
    pub ecosystem: String,
    /// How many there are.
    pub packages: usize,
}

/// The end of security support of a distribution's release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportEnded {
    /// Of which one, e.g. `Debian:8`.
    pub ecosystem: String,
    /// The last day.
    pub on: Date,
}

impl Examination {
    /// All that was seen and not examined.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = &NotExamined> {
        let in_images = self.examined.iter().flat_map(|image| &image.not_examined);
        self.not_examined.iter().chain(in_images)
    }
}

impl Examined {
    /// How many packages were matched, for each place where they come from, in the order of their first package.
    pub fn counts(&self) -> Vec<Counted> {
        let mut counts: Vec<Counted> = Vec::new();
        for package in &self.packages {
            let known = counts
                .iter_mut()
                .find(|counted| counted.ecosystem == package.ecosystem);
            match known {
                Some(counted) => counted.packages += 1,
                None => counts.push(Counted {
                    ecosystem: package.ecosystem.clone(),
                    packages: 1,
                }),
            }
        }
        counts
    }
}

/// An engine: what is in an artifact, and which flaws of it are known?
///
/// It knows no policy. Our own matcher is one; a scanner behind an API is another.
pub trait Examiner {
    /// Why there is no answer. May pass on a retry; it is never the same as "nothing found".
    type Error: std::error::Error + Send + Sync + 'static;

    /// Examines the artifact with this digest (`sha256:…`).
    fn examine(
        &self,
        digest: &str,
    ) -> impl Future<Output = Result<Examination, Self::Error>> + Send;
}
