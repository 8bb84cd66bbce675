//! Every write to a node, a pod or a Job.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1 as core;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use trireme_blueprint::{Pod, Roll, Rolled};

use crate::cluster::bounded;
use crate::{Cluster, Error, names};

/// Who we are in `managedFields`.
pub(crate) const MANAGER: &str = "trireme";

/// The cause of a refusal in a namespace that is being deleted (`NamespaceTerminatingCause` of `k8s.io/api/core/v1`).
const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";

/// What the API server answered to an eviction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// The pod is leaving, or would be in a rehearsal.
    Granted,
    /// There is no such pod any more.
    Gone,
    /// A budget does not allow it now. Seconds after which to ask again, as far as the server said.
    Blocked {
        /// What the server says.
        reason: String,
        /// `retryAfterSeconds`; 0 when it did not say.
        retry_after_s: u32,
    },
    /// It is refused for good.
    Refused(String),
}

impl Cluster {
    /// Cordons `node` and says so on it, in one patch.
    ///
    /// # Errors
    /// When the API refuses or does not answer.
    pub async fn cordon(&self, node: &str, roll: &Roll) -> Result<(), Error> {
        let roll = serde_json::to_string(roll).map_err(|error| Error::malformed(node, error))?;
        let patch = json!({
            "metadata": {"annotations": {names::ROLL: roll, names::ROLLED: null}},
            "spec": {"unschedulable": true},
        });
        self.patch_node(format!("cordon node {node}"), node, patch)
            .await
    }

    /// Lets pods on `node` again and says what was done, in one patch.
    ///
    /// # Errors
    /// When the API refuses or does not answer.
    pub async fn uncordon(&self, node: &str, rolled: &Rolled) -> Result<(), Error> {
        let rolled =
            serde_json::to_string(rolled).map_err(|error| Error::malformed(node, error))?;
        let patch = json!({
            "metadata": {"annotations": {names::ROLL: null, names::ROLLED: rolled}},
            "spec": {"unschedulable": null},
        });
        self.patch_node(format!("uncordon node {node}"), node, patch)
            .await
    }

    /// Gives back a node on which nothing was done.
    ///
    /// # Errors
    /// When the API refuses or does not answer.
    pub async fn restore(&self, node: &str) -> Result<(), Error> {
        let patch = json!({
            "metadata": {"annotations": {names::ROLL: null}},
            "spec": {"unschedulable": null},
        });
        self.patch_node(format!("uncordon node {node}"), node, patch)
            .await
    }

    async fn patch_node(
        &self,
        act: String,
        node: &str,
        patch: serde_json::Value,
    ) -> Result<(), Error> {
        let api: Api<core::Node> = Api::all(self.client.clone());
        let params = PatchParams {
            field_manager: Some(MANAGER.into()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(patch);
        bounded(act, api.patch(node, &params, &patch))
            .await
            .map(drop)
    }

    /// Asks for the eviction of `pod` (policy/v1), which budgets may refuse; with `dry_run` only asks whether.
    ///
    /// # Errors
    /// When the API does not answer, or with something that is no answer to an eviction.
    pub async fn evict(&self, pod: &Pod, dry_run: bool) -> Result<Eviction, Error> {
        let act = format!("evict pod {}/{}", pod.namespace, pod.name);
        let request = eviction(pod, dry_run).map_err(|error| Error::malformed(&act, error))?;
        let answered = bounded(act, self.client.request::<serde_json::Value>(request)).await;
        match answered {
            Ok(_) => Ok(Eviction::Granted),
            Err(error) => answer(error),
        }
    }

    /// Starts a Job; one of that name that is already there is taken as it is. With `dry_run` only asks whether it could be
    /// started: an admission policy may forbid it.
    ///
    /// # Errors
    /// When the API refuses or does not answer.
    pub async fn start_job(&self, job: &Job, dry_run: bool) -> Result<(), Error> {
        let api: Api<Job> = Api::namespaced(self.client.clone(), &self.namespace);
        let name = job.metadata.name.as_deref().unwrap_or_default();
        let params = PostParams {
            field_manager: Some(MANAGER.into()),
            dry_run,
        };
        let act = if dry_run { "rehearse" } else { "create" };
        match bounded(format!("{act} Job {name}"), api.create(&params, job)).await {
            Err(error) if error.is_conflict() => Ok(()),
            created => created.map(drop),
        }
    }

    /// Removes a Job and its pods.
    ///
    /// # Errors
    /// When the API refuses or does not answer. One that is gone is no error.
    pub async fn retire_job(&self, name: &str) -> Result<(), Error> {
        let api: Api<Job> = Api::namespaced(self.client.clone(), &self.namespace);
        match bounded(
            format!("remove Job {name}"),
            api.delete(name, &DeleteParams::background()),
        )
        .await
        {
            Err(error) if error.status().is_some_and(|status| status.code == 404) => Ok(()),
            removed => removed.map(drop),
        }
    }
}

/// The request itself: kube's own sends an Eviction without `apiVersion`, which leaves the version to the server. The
/// precondition keeps a new pod of the same name (a StatefulSet's) from being evicted in place of the one that was seen.
fn eviction(pod: &Pod, dry_run: bool) -> Result<http::Request<Vec<u8>>, http::Error> {
    let (namespace, name) = (&pod.namespace, &pod.name);
    let query = if dry_run { "?dryRun=All" } else { "" };
    let body = json!({
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
        "deleteOptions": {"preconditions": {"uid": pod.uid}},
    });
    http::Request::post(format!(
        "/api/v1/namespaces/{namespace}/pods/{name}/eviction{query}"
    ))
    .header("content-type", "application/json")
    .body(body.to_string().into_bytes())
}

/// Reads the refusals of the eviction subresource (`pkg/registry/core/pod/storage/eviction.go`).
fn answer(error: Error) -> Result<Eviction, Error> {
    let Some(status) = error.status() else {
        return Err(error);
    };
    let details = status.details.as_ref();
    let causes = details
        .map(|details| details.causes.as_slice())
        .unwrap_or_default();
    let retry_after_s = details.map_or(0, |details| details.retry_after_seconds);
    let has_cause = |reason: &str| causes.iter().any(|cause| cause.reason == reason);
    let about_budget = has_cause("DisruptionBudget");
    let first = causes.first().map_or("", |cause| cause.message.as_str());
    let reason = match first {
        "" => status.message.clone(),
        cause => cause.to_owned(),
    };
    match status.code {
        // 409: another pod of that name is there now.
        404 | 409 => Ok(Eviction::Gone),
        429 if about_budget || retry_after_s > 0 => Ok(Eviction::Blocked {
            reason,
            retry_after_s,
        }),
        // A plain 500 without a cause is how it says that two budgets cover the pod.
        500 if status.message.contains("more than one PodDisruptionBudget") => {
            Ok(Eviction::Refused(reason))
        }
        // Its controller marks the pod itself; until then nothing can be created in the namespace, an Eviction neither.
        403 if has_cause(NAMESPACE_TERMINATING) => Ok(Eviction::Blocked {
            reason,
            retry_after_s,
        }),
        403 => Ok(Eviction::Refused(reason)),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: serde_json::Value) -> Result<Eviction, Error> {
        let status = serde_json::from_value(status).unwrap();
        answer(Error::api("evict")(kube::Error::Api(Box::new(status))))
    }

    #[test]
    fn refusals_are_told_apart() {
        let blocked = refusal(json!({
            "code": 429, "reason": "TooManyRequests", "message": "Cannot evict pod",
            "details": {"causes": [{"reason": "DisruptionBudget", "message": "needs 3 healthy pods and has 3 currently"}]},
        }));
        let reason = "needs 3 healthy pods and has 3 currently".into();
        assert_eq!(
            blocked.unwrap(),
            Eviction::Blocked {
                reason,
                retry_after_s: 0
            }
        );
        let stale =
            refusal(json!({"code": 429, "message": "stale", "details": {"retryAfterSeconds": 10}}));
        assert!(matches!(
            stale.unwrap(),
            Eviction::Blocked {
                retry_after_s: 10,
                ..
            }
        ));
        for code in [404, 409] {
            assert_eq!(refusal(json!({"code": code})).unwrap(), Eviction::Gone);
        }
        assert!(matches!(
            refusal(json!({"code": 403, "message": "no"})),
            Ok(Eviction::Refused(_))
        ));
        let leaving = refusal(json!({
            "code": 403, "reason": "Forbidden", "message": "unable to create new content in namespace shop",
            "details": {"causes": [{"reason": "NamespaceTerminating", "message": "namespace shop is being terminated", "field": "metadata.namespace"}]},
        }));
        assert_eq!(
            leaving.unwrap(),
            Eviction::Blocked {
                reason: "namespace shop is being terminated".into(),
                retry_after_s: 0
            }
        );
        // A server that is overloaded has not answered the question.
        assert!(
            refusal(json!({"code": 429, "message": "slow down"}))
                .unwrap_err()
                .may_pass()
        );
        assert!(
            refusal(json!({"code": 500, "message": "etcd"}))
                .unwrap_err()
                .may_pass()
        );
        assert!(
            !refusal(json!({"code": 400, "message": "bad"}))
                .unwrap_err()
                .may_pass()
        );
    }
}
