//! The Lease that lets one run at a time write.

use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::PostParams;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use trireme_executor::fence::LEASE_DURATION;

use crate::cluster::{READ_PAUSES, bounded, bounded_by, read};
use crate::holder::holder;
use crate::writes::MANAGER;
use crate::{Cluster, Error, names};

/// A write of the Lease that lasts longer than half its duration is worth nothing.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// A Lease that another run holds is not watched longer than this: six times what a run of ours asks for. Its holder may
/// renew it later all the same, so that one of a longer duration is not taken over, but refused.
const PATIENCE_MAX: Duration = Duration::from_secs(60);
/// How often a Lease that another run holds is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What a run waits for before it takes the Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseWait<'a> {
    /// Whether this holder renews it.
    Held(&'a str),
    /// It was deleted, and a run that held it has to learn so.
    Deleted,
}

/// Our hold on the Lease.
pub struct Lease {
    cluster: Cluster,
    holder: String,
    epoch: u64,
    /// As it was read or written last.
    object: Mutex<Object>,
    /// When the last renewal that succeeded was sent.
    renewed_at: std::sync::Mutex<Instant>,
}

impl Lease {
    /// Takes the Lease. One that another run holds is watched for its duration, by our own clock: unchanged all that time, its
    /// holder has ended and it is taken over. One that was deleted is waited for as long: a run that held it learns so within that
    /// time. `waiting` is told so before the wait.
    ///
    /// # Errors
    /// [`Error::Held`] when its holder is alive, [`Error::HeldFor`] when its duration is too long to watch whether it is.
    pub async fn take(
        cluster: &Cluster,
        waiting: impl Fn(LeaseWait<'_>, Duration),
    ) -> Result<Self, Error> {
        Self::take_as(cluster, &holder(), waiting).await
    }

    async fn take_as(
        cluster: &Cluster,
        holder: &str,
        waiting: impl Fn(LeaseWait<'_>, Duration),
    ) -> Result<Self, Error> {
        let mut found = find(cluster).await?;
        if found.is_none() && cluster.greatest_epoch().await? > 0 {
            waiting(LeaseWait::Deleted, LEASE_DURATION);
            tokio::time::sleep(LEASE_DURATION).await;
            found = find(cluster).await?;
        }
        let mut object = found.unwrap_or_default();
        if let Some(other) = holder_of(&object) {
            let stale_after = duration(&object);
            let patience = stale_after.min(PATIENCE_MAX);
            waiting(LeaseWait::Held(&other), patience);
            let freed = watch_until_stale(cluster, &mut object, &other, patience).await?;
            if !freed && stale_after > patience {
                return Err(Error::HeldFor {
                    lease: title(cluster),
                    holder: other,
                    seconds: stale_after.as_secs(),
                    watched_s: patience.as_secs(),
                });
            }
        }
        let lease = Self {
            cluster: cluster.clone(),
            holder: holder.into(),
            epoch: next_epoch(transitions(&object).max(cluster.greatest_epoch().await?))?,
            object: Mutex::default(),
            renewed_at: std::sync::Mutex::new(Instant::now()),
        };
        lease.acquire(&mut object).await?;
        *lease.object.lock().await = object;
        Ok(lease)
    }

    /// Writes the Lease for the first time. After a failure that may pass it is read again, which says whether the write was made.
    async fn acquire(&self, object: &mut Object) -> Result<(), Error> {
        for pause in READ_PAUSES {
            match self.write(object, Some(self.holder.clone())).await {
                Err(error) if error.is_conflict() => {}
                Err(error) if error.may_pass() => tokio::time::sleep(pause).await,
                written => return written,
            }
            let found = find(&self.cluster).await?.unwrap_or_default();
            let is_ours = holder_of(&found).as_ref() == Some(&self.holder);
            let is_free = holder_of(&found).is_none() && transitions(&found) == transitions(object);
            // What was watched until it was stale is still there unchanged, or another run was faster.
            let is_unchanged = found.metadata.resource_version == object.metadata.resource_version;
            if !is_ours && !is_free && !is_unchanged {
                return Err(held(&self.cluster, "another run"));
            }
            *object = found;
        }
        self.write(object, Some(self.holder.clone())).await
    }

    /// The number of this hold on the Lease (`spec.leaseTransitions`), never 0. It is greater than every one that the Lease, a node or
    /// the record has: it grows with every run, also when a person has deleted the Lease.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Who holds it.
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// When the last request that took or renewed the Lease was sent.
    pub fn renewed_at(&self) -> Instant {
        *self
            .renewed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews the Lease, once.
    ///
    /// # Errors
    /// [`Error::Lost`] when another run has taken it; an error of the API when that is not known.
    pub async fn renew(&self) -> Result<(), Error> {
        self.rewrite(Some(self.holder.clone())).await
    }

    /// Gives the Lease back, so that the next run need not wait.
    ///
    /// # Errors
    /// When another run has taken it, or the API refuses or does not answer.
    pub async fn release(self) -> Result<(), Error> {
        self.rewrite(None).await
    }

    /// Writes the Lease that we hold, also when the answer to an earlier write of ours was lost.
    async fn rewrite(&self, holder: Option<String>) -> Result<(), Error> {
        let rewritten = timeout(WRITE_TIMEOUT, self.rewrite_unless_lost(holder)).await;
        rewritten.unwrap_or_else(|_| {
            Err(Error::Silent {
                act: format!("write Lease {}", title(&self.cluster)),
                seconds: WRITE_TIMEOUT.as_secs(),
            })
        })
    }

    async fn rewrite_unless_lost(&self, holder: Option<String>) -> Result<(), Error> {
        let mut object = self.object.lock().await;
        match self.write(&mut object, holder.clone()).await {
            Err(error) if error.is_conflict() || error.is_not_found() => {}
            written => return written,
        }
        let api = api(&self.cluster);
        let found = bounded("read the Lease", api.get_opt(names::LEASE)).await?;
        let found = found.unwrap_or_default();
        let now = holder_of(&found).unwrap_or_else(|| "no run".into());
        if now != self.holder || transitions(&found) != self.epoch {
            return Err(Error::Lost {
                lease: title(&self.cluster),
                holder: now,
            });
        }
        *object = found;
        self.write(&mut object, holder).await
    }

    /// One write of `object`, which is then as it was written.
    async fn write(&self, object: &mut Object, holder: Option<String>) -> Result<(), Error> {
        let sent_at = Instant::now();
        let next = self.next(object, holder);
        let act = format!("write Lease {}", title(&self.cluster));
        let params = PostParams {
            field_manager: Some(MANAGER.into()),
            ..PostParams::default()
        };
        let api = api(&self.cluster);
        *object = if next.metadata.resource_version.is_none() {
            bounded_by(WRITE_TIMEOUT, act, api.create(&params, &next)).await?
        } else {
            let replace = api.replace(names::LEASE, &params, &next);
            bounded_by(WRITE_TIMEOUT, act, replace).await?
        };
        let renewed_at = self.renewed_at.lock();
        *renewed_at.unwrap_or_else(PoisonError::into_inner) = sent_at;
        Ok(())
    }

    fn next(&self, object: &Object, holder: Option<String>) -> Object {
        let mut next = object.clone();
        next.metadata.name = Some(names::LEASE.into());
        next.metadata.managed_fields = None;
        let now = MicroTime(Timestamp::now());
        let taken_now = transitions(&next) != self.epoch;
        let spec = next.spec.get_or_insert_with(LeaseSpec::default);
        if taken_now {
            spec.acquire_time = Some(now.clone());
        }
        spec.holder_identity = Some(holder.unwrap_or_default());
        spec.lease_duration_seconds = i32::try_from(LEASE_DURATION.as_secs()).ok();
        spec.lease_transitions = i32::try_from(self.epoch).ok();
        spec.renew_time = Some(now);
        next
    }
}

async fn find(cluster: &Cluster) -> Result<Option<Object>, Error> {
    let api = api(cluster);
    read("read the Lease", || api.get_opt(names::LEASE)).await
}

/// Watches the Lease `object` of `other`; answers whether it was given back.
async fn watch_until_stale(
    cluster: &Cluster,
    object: &mut Object,
    other: &str,
    patience: Duration,
) -> Result<bool, Error> {
    let deadline = Instant::now() + patience;
    let first = object.metadata.resource_version.clone();
    while Instant::now() < deadline {
        tokio::time::sleep(LOOK.min(patience)).await;
        let found = match find(cluster).await {
            // Deleted meanwhile: its holder has to learn so within the same time.
            Ok(None) => {
                *object = Object::default();
                continue;
            }
            Ok(Some(found)) => found,
            // The write that takes it fails if it has changed.
            Err(error) if error.may_pass() => continue,
            Err(error) => return Err(error),
        };
        if holder_of(&found).is_none() {
            *object = found;
            return Ok(true);
        }
        if found.metadata.resource_version != first {
            return Err(held(cluster, other));
        }
    }
    Ok(false)
}

fn held(cluster: &Cluster, holder: &str) -> Error {
    Error::Held {
        lease: title(cluster),
        holder: holder.into(),
    }
}

fn title(cluster: &Cluster) -> String {
    format!("{}/{}", cluster.namespace, names::LEASE)
}

fn api(cluster: &Cluster) -> Api<Object> {
    Api::namespaced(cluster.client.clone(), &cluster.namespace)
}

/// How often the Lease has been taken.
fn transitions(lease: &Object) -> u64 {
    let spec = lease.spec.as_ref();
    let transitions = spec.and_then(|spec| spec.lease_transitions);
    u64::try_from(transitions.unwrap_or_default()).unwrap_or_default()
}

/// The number of the hold that follows: the field has 31 bits.
fn next_epoch(greatest: u64) -> Result<u64, Error> {
    let next = greatest.saturating_add(1);
    match i32::try_from(next) {
        Ok(_) => Ok(next),
        Err(_) => Err(Error::malformed(
            format!("epoch {greatest} of the Lease, a node or the record"),
            format!("expected a number below {}", i32::MAX),
        )),
    }
}

/// How long a Lease is valid without renewal: as it says, and as ours when it says nothing that can be so.
fn duration(lease: &Object) -> Duration {
    let seconds = lease
        .spec
        .as_ref()
        .and_then(|spec| spec.lease_duration_seconds);
    match seconds.map(u64::try_from) {
        Some(Ok(seconds @ 1..)) => Duration::from_secs(seconds),
        _ => LEASE_DURATION,
    }
}

fn holder_of(lease: &Object) -> Option<String> {
    let holder = lease.spec.as_ref()?.holder_identity.clone();
    holder.filter(|holder| !holder.is_empty())
}

#[cfg(test)]
mod tests;
