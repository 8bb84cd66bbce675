//! The Lease that keeps a second roller out.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::PostParams;
use tokio::time::Instant;

use crate::cluster::bounded;
use crate::{Cluster, Error, names};

/// After this long without renewal a Lease is stale. Short enough that a roll that was killed is resumed at once.
const DURATION: Duration = Duration::from_secs(10);
/// Three renewals may fail before the Lease is stale.
const RENEWAL: Duration = Duration::from_secs(3);
/// How often a Lease that another holds is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Our hold on the Lease.
pub struct Lease {
    cluster: Cluster,
    holder: String,
    object: Object,
    renewed_at: Instant,
}

impl Lease {
    /// Takes the Lease for `holder`. One that another holds is watched for its duration, by our own clock: unchanged
    /// all that time, its holder is dead and it is taken over; `waiting` is told so before the wait.
    ///
    /// # Errors
    /// [`Error::Held`] when its holder is alive.
    pub async fn take(
        cluster: &Cluster,
        holder: &str,
        waiting: impl Fn(&str, Duration),
    ) -> Result<Self, Error> {
        let api: Api<Object> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
        let found = bounded("read the Lease", api.get_opt(names::LEASE)).await?;
        let mut lease = Self {
            cluster: cluster.clone(),
            holder: holder.into(),
            object: found.clone().unwrap_or_default(),
            renewed_at: Instant::now(),
        };
        if let Some(other) = found.as_ref().and_then(holder_of) {
            let seconds = found
                .as_ref()
                .and_then(|found| found.spec.as_ref()?.lease_duration_seconds);
            let patience = seconds
                .and_then(|s| u64::try_from(s).ok())
                .map_or(DURATION, Duration::from_secs);
            waiting(&other, patience);
            lease.watch_until_stale(&api, &other, patience).await?;
        }
        lease.write(&api, found.is_none()).await.map_err(|error| {
            // Someone was faster.
            if error.is_conflict() {
                lease.held("another roller")
            } else {
                error
            }
        })?;
        Ok(lease)
    }

    async fn watch_until_stale(
        &mut self,
        api: &Api<Object>,
        other: &str,
        patience: Duration,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + patience;
        let first = self.object.metadata.resource_version.clone();
        while Instant::now() < deadline {
            tokio::time::sleep(LOOK.min(patience)).await;
            let found = bounded("read the Lease", api.get(names::LEASE)).await?;
            if holder_of(&found).is_none() {
                self.object = found;
                return Ok(());
            }
            if found.metadata.resource_version != first {
                return Err(self.held(other));
            }
        }
        Ok(())
    }

    /// Renews when it is time. To be called before every write.
    ///
    /// # Errors
    /// [`Error::Lost`] when another has taken it; an error of the API when it could not be renewed and is stale by now.
    pub async fn hold(&mut self) -> Result<(), Error> {
        if self.renewed_at.elapsed() < RENEWAL {
            return Ok(());
        }
        let api: Api<Object> =
            Api::namespaced(self.cluster.client.clone(), &self.cluster.namespace);
        match self.write(&api, false).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_conflict() => {
                let found = bounded("read the Lease", api.get(names::LEASE)).await?;
                let holder = holder_of(&found).unwrap_or_else(|| "nobody".into());
                if holder == self.holder {
                    // Our own write, whose answer was lost.
                    self.object = found;
                    return self.write(&api, false).await;
                }
                Err(Error::Lost {
                    lease: self.title(),
                    holder,
                })
            }
            Err(_) if self.renewed_at.elapsed() < DURATION / 2 => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gives the Lease back, so that the next roller need not wait.
    ///
    /// # Errors
    /// When the API refuses or does not answer.
    pub async fn release(mut self) -> Result<(), Error> {
        let api: Api<Object> =
            Api::namespaced(self.cluster.client.clone(), &self.cluster.namespace);
        self.holder.clear();
        self.write(&api, false).await
    }

    async fn write(&mut self, api: &Api<Object>, new: bool) -> Result<(), Error> {
        let begun = Instant::now();
        let mut object = self.object.clone();
        object.metadata.name = Some(names::LEASE.into());
        object.metadata.managed_fields = None;
        let spec = object.spec.get_or_insert_with(LeaseSpec::default);
        spec.holder_identity = Some(self.holder.clone());
        spec.lease_duration_seconds = i32::try_from(DURATION.as_secs()).ok();
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        let act = format!("write Lease {}", self.title());
        let params = PostParams::default();
        self.object = if new {
            bounded(act, api.create(&params, &object)).await?
        } else {
            bounded(act, api.replace(names::LEASE, &params, &object)).await?
        };
        self.renewed_at = begun;
        Ok(())
    }

    fn held(&self, holder: &str) -> Error {
        Error::Held {
            lease: self.title(),
            holder: holder.into(),
        }
    }

    fn title(&self) -> String {
        format!("{}/{}", self.cluster.namespace, names::LEASE)
    }
}

fn holder_of(lease: &Object) -> Option<String> {
    let holder = lease.spec.as_ref()?.holder_identity.clone();
    holder.filter(|holder| !holder.is_empty())
}
