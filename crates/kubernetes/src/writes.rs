//! Every write to a node or a Job. Each fails when the object is not the one that was observed.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1 as core;
use kube::api::{
    DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy,
};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use trireme_blueprint::{NodeVersion, RollAnnotation, RolledAnnotation, Start};
use trireme_executor::{Answer, Mode};

use crate::cluster::{bounded, list};
use crate::{Cluster, Error, names};

/// Who we are in `managedFields`.
pub(crate) const MANAGER: &str = "trireme";

impl Cluster {
    /// Cordons `node` and writes on it that an attempt has begun, in one patch.
    pub(crate) async fn cordon(
        &self,
        node: &NodeVersion,
        roll: &RollAnnotation,
    ) -> Result<Answer, Error> {
        let epoch = roll.epoch;
        let roll = text(node, roll)?;
        let patch = json!({
            "metadata": metadata(node, json!(roll), Value::Null, epoch),
            "spec": {"unschedulable": true},
        });
        let act = format!("cordon node {}", node.name);
        self.patch_node(act, node, patch).await
    }

    /// Uncordons `node` and writes on it what was done, in one patch.
    pub(crate) async fn uncordon(
        &self,
        node: &NodeVersion,
        rolled: &RolledAnnotation,
    ) -> Result<Answer, Error> {
        let epoch = rolled.epoch;
        let rolled = text(node, rolled)?;
        let patch = json!({
            "metadata": metadata(node, Value::Null, json!(rolled), epoch),
            "spec": {"unschedulable": null},
        });
        let act = format!("uncordon node {}", node.name);
        self.patch_node(act, node, patch).await
    }

    /// Uncordons a node on which nothing was done and ends the attempt, in one patch.
    pub(crate) async fn give_back(&self, node: &NodeVersion, epoch: u64) -> Result<Answer, Error> {
        let patch = json!({
            "metadata": metadata(node, Value::Null, Value::Null, epoch),
            "spec": {"unschedulable": null},
        });
        let act = format!("uncordon node {}", node.name);
        self.patch_node(act, node, patch).await
    }

    /// Writes on `node`, which the attempt of `roll` has cordoned, whether the Job of the attempt is started. The node as it is then:
    /// a write that was based on what it was before fails from now on.
    async fn write_start(
        &self,
        node: &NodeVersion,
        roll: &RollAnnotation,
    ) -> Result<Patched, Error> {
        let text = text(node, roll)?;
        let patch = json!({"metadata": metadata(node, json!(text), Value::Null, roll.epoch)});
        let act = format!("write on node {} that its Job is started", node.name);
        self.patch(act, node, patch).await
    }

    async fn patch_node(
        &self,
        act: String,
        node: &NodeVersion,
        patch: Value,
    ) -> Result<Answer, Error> {
        Ok(match self.patch(act, node, patch).await? {
            Patched::Done(_) => Answer::Accepted,
            Patched::Not(answer) => answer,
        })
    }

    async fn patch(&self, act: String, node: &NodeVersion, patch: Value) -> Result<Patched, Error> {
        // An empty one would be no precondition.
        if node.resource_version.is_empty() {
            return Ok(Patched::Not(Answer::Outdated));
        }
        let api: Api<core::Node> = Api::all(self.client.clone());
        let params = PatchParams {
            field_manager: Some(MANAGER.into()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(patch);
        match bounded(act, api.patch(&node.name, &params, &patch)).await {
            Ok(patched) => Ok(Patched::Done(NodeVersion {
                name: node.name.clone(),
                resource_version: patched.resource_version().unwrap_or_default(),
            })),
            Err(error) => answer(Err::<(), _>(error)).map(Patched::Not),
        }
    }

    /// Starts the Job of the attempt `roll` on `node`, after it was written on the node that it is started. A Job that is refused
    /// for good was not started: that is written, too, unless an earlier start is not known.
    pub(crate) async fn mark_and_start_job(
        &self,
        node: &NodeVersion,
        roll: &RollAnnotation,
        start: Start,
        job: &Job,
    ) -> Result<Answer, Error> {
        let marked = match self.write_start(node, roll).await? {
            Patched::Done(marked) => marked,
            Patched::Not(answer) => return Ok(answer),
        };
        let answer = self.start_job(job, &roll.attempt, Mode::Commit).await?;
        if matches!(answer, Answer::Refused(_)) && start == Start::First {
            let before = RollAnnotation {
                started: false,
                ..roll.clone()
            };
            // Without it the node stays cordoned, as one on which something may have been done.
            let _ = self.write_start(&marked, &before).await;
        }
        Ok(answer)
    }

    /// Starts the Job of `attempt`. One of its name that is of the same attempt is that Job: the answer to an earlier request was
    /// lost.
    pub(crate) async fn start_job(
        &self,
        job: &Job,
        attempt: &str,
        mode: Mode,
    ) -> Result<Answer, Error> {
        let (api, name) = (self.jobs(), job.name_any());
        let params = PostParams {
            field_manager: Some(MANAGER.into()),
            dry_run: mode == Mode::DryRun,
        };
        let act = match mode {
            Mode::Commit => format!("create Job {name}"),
            Mode::DryRun => format!("create Job {name} in a dry run"),
        };
        let created = bounded(act, api.create(&params, job)).await;
        match created {
            Err(error) if has_reason(&error, "AlreadyExists") => {
                self.same_attempt(&name, attempt).await
            }
            created => answer(created),
        }
    }

    /// Whether the Job `name` that exists is of `attempt`.
    async fn same_attempt(&self, name: &str, attempt: &str) -> Result<Answer, Error> {
        let params = ListParams::default().fields(&format!("metadata.name={name}"));
        let found = list(&self.jobs(), params, &format!("Jobs named {name}")).await?;
        let Some(job) = found.first() else {
            return Ok(Answer::Outdated);
        };
        let found = job.annotations().get(names::ATTEMPT);
        if found.is_some_and(|found| found == attempt) {
            return Ok(Answer::Accepted);
        }
        Ok(Answer::Refused(format!(
            "Job {}/{name} exists and belongs to something else: its annotation {} is {found:?}, expected {attempt:?}. Delete it",
            self.namespace,
            names::ATTEMPT,
        )))
    }

    /// Deletes the Job `name` with this UID, in the foreground: it goes when its pods are gone.
    pub(crate) async fn delete_job(&self, name: &str, uid: &str) -> Result<Answer, Error> {
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Foreground),
            preconditions: Some(Preconditions {
                uid: Some(uid.into()),
                ..Preconditions::default()
            }),
            ..DeleteParams::default()
        };
        let act = format!("delete Job {name}");
        answer(bounded(act, self.jobs().delete(name, &params)).await)
    }

    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

/// What became of a patch of a node.
enum Patched {
    /// It was made, and this is the node now.
    Done(NodeVersion),
    /// It was not.
    Not(Answer),
}

/// The metadata of a patch that fails when the node has changed since it was observed.
fn metadata(node: &NodeVersion, roll: Value, rolled: Value, epoch: u64) -> Value {
    json!({
        "resourceVersion": node.resource_version,
        "annotations": {
            names::ROLL: roll,
            names::ROLLED: rolled,
            names::EPOCH: epoch.to_string(),
        },
    })
}

fn text(node: &NodeVersion, annotation: &impl serde::Serialize) -> Result<String, Error> {
    let text = serde_json::to_string(annotation);
    text.map_err(|error| Error::malformed(format!("annotation of node {}", node.name), error))
}

/// What follows from the answer to a write.
fn answer<T>(answered: Result<T, Error>) -> Result<Answer, Error> {
    match answered {
        Ok(_) => Ok(Answer::Accepted),
        Err(error) if error.is_not_found() || has_reason(&error, "Conflict") => {
            Ok(Answer::Outdated)
        }
        Err(error) => match error.refusal() {
            Some(reason) => Ok(Answer::Refused(reason)),
            None => Err(error),
        },
    }
}

fn has_reason(error: &Error, reason: &str) -> bool {
    let status = error.status();
    status.is_some_and(|status| status.code == 409 && status.reason == reason)
}
