//! What a resource author writes.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Fault, StepContext};

/// One Concourse resource type: typed input and three functions.
pub trait Resource: Send + Sync + 'static {
    /// The name of the resource type, e.g. `image`; its program is `trireme-image`.
    const NAME: &'static str;
    /// The version that `--version` prints.
    const RELEASE: &'static str = env!("CARGO_PKG_VERSION");
    /// How long a step may run on after SIGTERM, with [`StepContext::cancelled`] fired, before it is dropped.
    /// Concourse kills after 10 s (`gardenProcessStopGracePeriod`).
    const GRACE: Duration = Duration::ZERO;

    /// The `source` of the pipeline.
    type Source: DeserializeOwned + JsonSchema + Send;
    /// A version: a struct of strings.
    type Version: Serialize + DeserializeOwned + JsonSchema + Clone + Send;
    /// The `params` of a `get`.
    type GetParams: DeserializeOwned + JsonSchema + Send;
    /// The `params` of a `put`.
    type PutParams: DeserializeOwned + JsonSchema + Send;

    /// Holds a version to its form, which may come from anywhere: another source, an older release of the resource,
    /// `fly check-resource --from`. [`Resource::check`] gets none in the place of one that does not hold.
    ///
    /// # Errors
    /// What is wrong with it.
    fn validate_version(_version: &Self::Version) -> Result<(), Fault> {
        Ok(())
    }

    /// Lists the versions from `version` on, oldest first, `version` included while it is still valid.
    fn check(
        &self,
        step: &StepContext,
        source: Self::Source,
        version: Option<Self::Version>,
    ) -> impl Future<Output = anyhow::Result<Vec<Self::Version>>> + Send;

    /// Writes the content of `version` into `dir`; nothing of it is seen outside before the function succeeds.
    fn get(
        &self,
        step: &StepContext,
        source: Self::Source,
        version: Self::Version,
        params: Self::GetParams,
        dir: &Path,
    ) -> impl Future<Output = anyhow::Result<Outcome<Self::Version>>> + Send;

    /// Acts, with the artifacts of the build below `dir`; must be idempotent, since Concourse may run it twice.
    fn put(
        &self,
        step: &StepContext,
        source: Self::Source,
        params: Self::PutParams,
        dir: &Path,
    ) -> impl Future<Output = anyhow::Result<Outcome<Self::Version>>> + Send;
}

/// One line of what Concourse shows beside a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Left column.
    pub name: String,
    /// Right column.
    pub value: String,
}

/// What `get` and `put` end with.
#[derive(Clone, Debug)]
pub struct Outcome<V> {
    /// The version fetched or made.
    pub version: V,
    /// What to show beside it.
    pub metadata: Vec<Metadata>,
    /// Why the answer is no: the files are published, standard output stays empty, the exit code is 2.
    pub denied: Option<String>,
}

impl<V> Outcome<V> {
    /// A good end, with no metadata yet.
    pub fn new(version: V) -> Self {
        Self {
            version,
            metadata: Vec::new(),
            denied: None,
        }
    }

    /// Adds a line of metadata.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push(Metadata {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Makes this a deny.
    #[must_use]
    pub fn deny(mut self, reason: impl Into<String>) -> Self {
        self.denied = Some(reason.into());
        self
    }
}
