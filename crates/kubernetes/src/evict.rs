//! The eviction of a pod (policy/v1), which budgets may refuse.

use serde_json::json;
use trireme_blueprint::Pod;

use crate::cluster::bounded;
use crate::{Cluster, Error};

/// The cause of a refusal in a namespace that is being deleted (`NamespaceTerminatingCause` of `k8s.io/api/core/v1`).
const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";

/// What the API server answers to an eviction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Eviction {
    /// The pod is leaving, or would be in a dry run.
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
    /// Asks for the eviction of `pod`; with `dry_run` only asks whether it would be granted.
    ///
    /// # Errors
    /// When the API does not answer, or with something that does not answer an eviction.
    pub(crate) async fn evict(&self, pod: &Pod, dry_run: bool) -> Result<Eviction, Error> {
        let act = format!("evict pod {}", pod.path());
        let request = eviction(pod, dry_run).map_err(|error| Error::malformed(&act, error))?;
        let answered = bounded(act, self.client.request::<serde_json::Value>(request)).await;
        match answered {
            Ok(_) => Ok(Eviction::Granted),
            Err(error) => answer(error, pod),
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
fn answer(error: Error, pod: &Pod) -> Result<Eviction, Error> {
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
            let budgets = pod.budget_names();
            Ok(Eviction::Refused(format!(
                "{reason} (its budgets: {budgets}). Let one budget select it"
            )))
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

    fn pod() -> Pod {
        let budgets = ["web", "all"];
        serde_json::from_value(json!({
            "namespace": "shop", "name": "web-1", "uid": "u-1", "owner": null, "kind": "managed", "ready": true,
            "terminating": false, "budgets": budgets,
        }))
        .unwrap()
    }

    fn refusal(status: serde_json::Value) -> Result<Eviction, Error> {
        let status = serde_json::from_value(status).unwrap();
        answer(
            Error::api("evict")(kube::Error::Api(Box::new(status))),
            &pod(),
        )
    }

    #[test]
    fn the_pod_that_was_seen_is_evicted_and_no_later_one_of_its_name() {
        let request = eviction(&pod(), true).unwrap();
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(
            body["deleteOptions"]["preconditions"],
            json!({"uid": "u-1"})
        );
        assert_eq!(body["apiVersion"], "policy/v1");
        let uri = "/api/v1/namespaces/shop/pods/web-1/eviction?dryRun=All";
        assert_eq!(request.uri().to_string(), uri);
    }

    #[test]
    fn a_pod_of_two_budgets_is_refused_by_their_names() {
        let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        let Ok(Eviction::Refused(reason)) = refusal(json!({"code": 500, "message": message}))
        else {
            panic!("not refused");
        };
        assert!(reason.contains("its budgets: all, web"), "{reason}");
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
