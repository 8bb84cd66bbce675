//! Kubernetes as a platform of the executor.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;
use trireme_blueprint::{Action, Goal, Inventory, NodeVersion, Pod, RollAnnotation, Start};
use trireme_executor::{Answer, Mode, Platform};

use crate::evict::Eviction;
use crate::refusals::Refusals;
use crate::server::ServerVersion;
use crate::still_cordoned::StillCordoned;
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
    still_cordoned: StillCordoned,
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
            still_cordoned: StillCordoned::default(),
        }
    }

    /// Whether `attempt` still has `node`. Asked before a write that does not name a version of the node: what was observed of the
    /// node may be older than the pods.
    async fn still_has(&self, goal: &Goal, node: &str, attempt: &str) -> Result<bool, Error> {
        let asked = self
            .still_cordoned
            .confirm(self.cluster, node, attempt, goal.epoch);
        asked.await
    }

    async fn cordon(
        &self,
        node: &NodeVersion,
        annotation: &RollAnnotation,
    ) -> Result<Answer, Error> {
        let asked_at = Instant::now();
        let cordoned = self.cluster.cordon(node, annotation).await?;
        if cordoned == Answer::Accepted {
            let (node, attempt) = (&node.name, &annotation.attempt);
            self.still_cordoned.note(node, attempt, asked_at);
        }
        Ok(cordoned)
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
        let job = job::build(self.action, goal, &node.name, &annotation.attempt);
        let asked = self
            .cluster
            .start_job(&job, &annotation.attempt, Mode::DryRun);
        Ok(match asked.await? {
            Answer::Refused(reason) => Answer::Refused(format!("its Job may not start: {reason}")),
            answer => answer,
        })
    }

    async fn ask_for_pods(&self, node: &str) -> Result<Answer, Error> {
        let pods = self.stores.pods_of(node)?.into_iter();
        let staying = pods.filter(|pod| pod.must_leave() && !pod.terminating);
        let asked = stream::iter(staying).map(|pod| async move {
            let answer = self.ask_for_eviction(&pod, Mode::DryRun).await;
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

    /// Evicts `pod` from the node that `attempt` has cordoned.
    async fn evict(
        &self,
        goal: &Goal,
        node: &str,
        attempt: &str,
        pod: &Pod,
    ) -> Result<Answer, Error> {
        if let Some(reason) = self.refusals.reason(pod, &self.stores.budgets_of(pod)) {
            return Ok(Answer::NotNow(reason));
        }
        if !self.still_has(goal, node, attempt).await? {
            return Ok(Answer::Outdated);
        }
        self.ask_for_eviction(pod, Mode::Commit).await
    }

    async fn ask_for_eviction(&self, pod: &Pod, mode: Mode) -> Result<Answer, Error> {
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
        node: &NodeVersion,
        annotation: &RollAnnotation,
        start: Start,
    ) -> Result<Answer, Error> {
        // Watches of two kinds are not of one time: a pod that came just before the cordon may not have been seen yet.
        let pods = self.cluster.pods_on(&node.name).await?;
        if pods.iter().any(|pod| pod.is_in_the_way()) {
            return Ok(Answer::Outdated);
        }
        let job = job::build(self.action, goal, &node.name, &annotation.attempt);
        self.cluster
            .mark_and_start_job(node, annotation, start, &job)
            .await
    }

    /// Makes one write.
    async fn commit(&self, goal: &Goal, action: &Action) -> Result<Answer, Error> {
        match action {
            Action::Cordon { node, annotation } => self.cordon(node, annotation).await,
            Action::Evict { node, attempt, pod } => self.evict(goal, node, attempt, pod).await,
            Action::StartJob {
                node,
                annotation,
                start,
            } => self.start_job(goal, node, annotation, *start).await,
            Action::DeleteJob {
                node,
                attempt,
                job,
                uid,
            } => match self.still_has(goal, node, attempt).await? {
                true => self.cluster.delete_job(job, uid).await,
                false => Ok(Answer::Outdated),
            },
            Action::Uncordon { node, annotation } => self.cluster.uncordon(node, annotation).await,
            Action::GiveBack { node } => self.cluster.give_back(node, goal.epoch).await,
        }
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
        match (mode, action) {
            (Mode::Commit, action) => self.commit(goal, action).await,
            (Mode::DryRun, Action::Cordon { node, annotation }) => {
                self.ask_all(goal, node, annotation).await
            }
            // Only what begins a node is asked for.
            (Mode::DryRun, _) => Ok(Answer::Accepted),
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
