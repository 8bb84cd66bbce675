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
/// A Lease that another holds is not watched longer than this: six times what a roller of ours asks for. Its holder may renew
/// it later all the same, so that one of a longer duration is not taken over, but refused.
const PATIENCE_MAX: Duration = Duration::from_secs(60);
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
    /// [`Error::Held`] when its holder is alive, [`Error::HeldFor`] when its duration is too long to watch whether it is.
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
            let stale_after = duration(&lease.object);
            let patience = stale_after.min(PATIENCE_MAX);
            waiting(&other, patience);
            let freed = lease.watch_until_stale(&api, &other, patience).await?;
            if !freed && stale_after > patience {
                return Err(Error::HeldFor {
                    lease: lease.title(),
                    holder: other,
                    seconds: stale_after.as_secs(),
                    watched_s: patience.as_secs(),
                });
            }
        }
        match lease.write(&api, holder, found.is_none()).await {
            // Someone was faster.
            Err(error) if error.is_conflict() => Err(lease.held("another roller")),
            written => written.map(|()| lease),
        }
    }

    /// Watches a Lease of `other`; answers whether it was given back.
    async fn watch_until_stale(
        &mut self,
        api: &Api<Object>,
        other: &str,
        patience: Duration,
    ) -> Result<bool, Error> {
        let deadline = Instant::now() + patience;
        let first = self.object.metadata.resource_version.clone();
        while Instant::now() < deadline {
            tokio::time::sleep(LOOK.min(patience)).await;
            let found = bounded("read the Lease", api.get(names::LEASE)).await?;
            if holder_of(&found).is_none() {
                self.object = found;
                return Ok(true);
            }
            if found.metadata.resource_version != first {
                return Err(self.held(other));
            }
        }
        Ok(false)
    }

    /// Renews when it is time. To be called before every write.
    ///
    /// # Errors
    /// [`Error::Lost`] when another has taken it; an error of the API when it could not be renewed and is stale by now.
    pub async fn hold(&mut self) -> Result<(), Error> {
        if self.renewed_at.elapsed() < RENEWAL {
            return Ok(());
        }
        match self.rewrite(&self.holder.clone()).await {
            Err(error @ Error::Lost { .. }) => Err(error),
            Err(_) if self.renewed_at.elapsed() < DURATION / 2 => Ok(()),
            renewed => renewed,
        }
    }

    /// Gives the Lease back, so that the next roller need not wait.
    ///
    /// # Errors
    /// When another has taken it, or the API refuses or does not answer.
    pub async fn release(mut self) -> Result<(), Error> {
        self.rewrite("").await
    }

    /// Writes the Lease that we hold, also after a write of ours whose answer was lost.
    async fn rewrite(&mut self, holder: &str) -> Result<(), Error> {
        let api: Api<Object> =
            Api::namespaced(self.cluster.client.clone(), &self.cluster.namespace);
        match self.write(&api, holder, false).await {
            Err(error) if error.is_conflict() => {}
            written => return written,
        }
        let found = bounded("read the Lease", api.get(names::LEASE)).await?;
        let now = holder_of(&found).unwrap_or_else(|| "nobody".into());
        if now != self.holder {
            return Err(Error::Lost {
                lease: self.title(),
                holder: now,
            });
        }
        self.object = found;
        self.write(&api, holder, false).await
    }

    async fn write(&mut self, api: &Api<Object>, holder: &str, new: bool) -> Result<(), Error> {
        let begun = Instant::now();
        let mut object = self.object.clone();
        object.metadata.name = Some(names::LEASE.into());
        object.metadata.managed_fields = None;
        let spec = object.spec.get_or_insert_with(LeaseSpec::default);
        spec.holder_identity = Some(holder.into());
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

/// How long a Lease is good without renewal. One that says no time, or none that can be, gets ours.
fn duration(lease: &Object) -> Duration {
    let seconds = lease
        .spec
        .as_ref()
        .and_then(|spec| spec.lease_duration_seconds);
    match seconds.map(u64::try_from) {
        Some(Ok(seconds @ 1..)) => Duration::from_secs(seconds),
        _ => DURATION,
    }
}

fn holder_of(lease: &Object) -> Option<String> {
    let holder = lease.spec.as_ref()?.holder_identity.clone();
    holder.filter(|holder| !holder.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};

    use http::{Method, Request, Response};
    use kube::Client;
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower::service_fn;

    use super::*;

    /// A Lease of `another` that says `seconds`, and whether it was written.
    fn held(seconds: &Value) -> (Cluster, Arc<AtomicBool>) {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": names::LEASE, "resourceVersion": "1"},
            "spec": {"holderIdentity": "another", "leaseDurationSeconds": seconds},
        });
        let written = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&written);
        let service = service_fn(move |request: Request<Body>| {
            if request.method() != Method::GET {
                noted.store(true, Ordering::Relaxed);
            }
            let answer = Response::new(Body::from(lease.to_string().into_bytes()));
            std::future::ready(Ok::<_, std::convert::Infallible>(answer))
        });
        (
            Cluster::new(Client::new(service, "default"), "trireme-system"),
            written,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn the_lease_of_a_dead_holder_is_watched_for_its_time_and_taken_over() {
        // A server never stores one that is not positive; what one said would be no time at all.
        for (seconds, patience_s) in [
            (json!(15), 15),
            (json!(60), 60),
            (Value::Null, 10),
            (json!(0), 10),
            (json!(-5), 10),
        ] {
            let (cluster, written) = held(&seconds);
            let told = Mutex::new(None);
            let waiting = |_: &str, patience: Duration| {
                *told.lock().unwrap() = Some(patience.as_secs());
            };
            let begun = Instant::now();
            let taken = Lease::take(&cluster, "us", waiting).await;
            assert!(
                taken.is_ok() && written.load(Ordering::Relaxed),
                "{seconds}"
            );
            assert_eq!(*told.lock().unwrap(), Some(patience_s), "{seconds}");
            // By the paused clock.
            assert!(begun.elapsed().as_secs() >= patience_s, "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_is_good_for_years_is_neither_waited_for_nor_taken_over() {
        let (cluster, written) = held(&json!(i32::MAX));
        let taken = Lease::take(&cluster, "us", |_, _| ()).await;
        let said = taken.err().unwrap().to_string();
        for part in [
            "another holds Lease trireme-system/trireme-roller",
            "good for 2147483647 s",
            "in the 60 s that it was watched",
            "set the Lease's holderIdentity",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!written.load(Ordering::Relaxed));
    }
}
