//! Kubernetes as a platform of the executor.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use trireme_blueprint::{Action, Goal, Inventory, NodeVersion, Pod, RollAnnotation};
use trireme_executor::{Answer, Mode, Platform};

use crate::evict::Eviction;
use crate::refusals::Refusals;
use crate::server::ServerVersion;
use crate::stores::Stores;
use crate::{ActionSpec, Cluster, Error, Lease, job};

/// So many dry runs of evictions are under way at a time: less than the API server lets one client have.
const DRY_RUNS_MAX: usize = 8;

/// A cluster that is watched, the Lease that lets this run write to it, and what acts on its nodes.
pub struct KubernetesPlatform<'a> {
    cluster: &'a Cluster,
    lease: &'a Lease,
    action: &'a ActionSpec,
    stores: Stores,
    server: ServerVersion,
    refusals: Refusals,
}

impl<'a> KubernetesPlatform<'a> {
    /// Begins to watch `cluster`, until this is dropped. Needs the runtime.
    pub fn start(cluster: &'a Cluster, lease: &'a Lease, action: &'a ActionSpec) -> Self {
        Self {
            cluster,
            lease,
            action,
            stores: Stores::new(cluster),
            server: ServerVersion::default(),
            refusals: Refusals::default(),
        }
    }

    /// Whether everything that follows from a cordon would be accepted: that its pods leave, unless an attempt before this one
    /// has asked so, and that the Job starts.
    async fn ask_all(
        &self,
        goal: &Goal,
        node: &NodeVersion,
        annotation: &RollAnnotation,
    ) -> Result<Answer, Error> {
        let nodes = self.stores.nodes()?;
        let Some(known) = nodes.get(&node.name) else {
            return Ok(Answer::Outdated);
        };
        if known.roll.is_none() {
            let answer = self.ask_for_pods(&node.name).await?;
            if answer != Answer::Accepted {
                return Ok(answer);
            }
        }
        let asked = self.start_job(goal, &node.name, &annotation.attempt, Mode::DryRun);
        Ok(match asked.await? {
            Answer::Refused(reason) => Answer::Refused(format!("its Job may not start: {reason}")),
            answer => answer,
        })
    }

    async fn ask_for_pods(&self, node: &str) -> Result<Answer, Error> {
        let pods = self.stores.pods_of(node)?.into_iter();
        let staying = pods.filter(|pod| pod.must_leave() && !pod.terminating);
        let asked = stream::iter(staying).map(|pod| async move {
            let answer = self.evict(&pod, Mode::DryRun).await;
            (pod, answer)
        });
        let mut asked = std::pin::pin!(asked.buffered(DRY_RUNS_MAX));
        while let Some((pod, answer)) = asked.next().await {
            let named = |reason| format!("pod {}: {reason}", pod.path());
            match answer? {
                Answer::Accepted | Answer::Outdated => {}
                Answer::NotNow(reason) => return Ok(Answer::NotNow(named(reason))),
                Answer::Refused(reason) => return Ok(Answer::Refused(named(reason))),
            }
        }
        Ok(Answer::Accepted)
    }

    async fn evict(&self, pod: &Pod, mode: Mode) -> Result<Answer, Error> {
        let budgets = self.stores.budgets_of(pod);
        if let Some(reason) = self.refusals.reason(pod, &budgets) {
            return Ok(Answer::NotNow(reason));
        }
        let evicted = self.cluster.evict(pod, mode == Mode::DryRun).await?;
        Ok(match evicted {
            Eviction::Granted => Answer::Accepted,
            Eviction::Gone => Answer::Outdated,
            Eviction::Refused(reason) => Answer::Refused(reason),
            Eviction::Blocked {
                reason,
                retry_after_s,
            } => {
                self.refusals.note(pod, &budgets, &reason, retry_after_s);
                Answer::NotNow(reason)
            }
        })
    }

    async fn start_job(
        &self,
        goal: &Goal,
        node: &str,
        attempt: &str,
        mode: Mode,
    ) -> Result<Answer, Error> {
        // Watches of two kinds are not of one time: a pod that came just before the cordon may not have been seen yet.
        if mode == Mode::Commit {
            let pods = self.cluster.pods_on(node).await?;
            if pods.iter().any(|pod| pod.is_in_the_way()) {
                return Ok(Answer::Outdated);
            }
        }
        let job = job::build(self.action, goal, node, attempt);
        self.cluster.start_job(&job, attempt, mode).await
    }
}

impl Platform for KubernetesPlatform<'_> {
    type Snapshot = Inventory;
    type Error = Error;

    async fn observe(&self) -> Result<Inventory, Error> {
        let nodes = self.stores.nodes()?;
        let server = self.server.of(self.cluster, &nodes).await?;
        self.stores.inventory(server)
    }

    async fn perform(&self, goal: &Goal, action: &Action, mode: Mode) -> Result<Answer, Error> {
        match action {
            Action::Cordon { node, annotation } => match mode {
                Mode::DryRun => self.ask_all(goal, node, annotation).await,
                Mode::Commit => self.cluster.cordon(node, annotation, mode).await,
            },
            Action::Evict { pod, .. } => self.evict(pod, mode).await,
            Action::StartJob { node, attempt } => self.start_job(goal, node, attempt, mode).await,
            Action::DeleteJob { job, uid, .. } => self.cluster.delete_job(job, uid, mode).await,
            Action::Uncordon { node, annotation } => {
                self.cluster.uncordon(node, annotation, mode).await
            }
            Action::GiveBack { node } => self.cluster.give_back(node, goal.epoch, mode).await,
        }
    }

    async fn watch(&self, longest: Duration) {
        self.stores.changed(longest).await;
    }

    async fn renew(&self) -> Result<(), Error> {
        self.lease.renew().await
    }
}

#[cfg(test)]
mod tests;
