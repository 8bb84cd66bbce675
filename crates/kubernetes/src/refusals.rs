//! When to ask again for an eviction that was refused.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use trireme_blueprint::Pod;

use crate::convert::ObservedBudget;

/// Without a time from the server: kubectl asks so often, too. A budget that changes is asked at once.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The evictions that were refused for now, by the UID of the pod.
#[derive(Default)]
pub(crate) struct Refusals {
    by_pod: Mutex<HashMap<String, Refusal>>,
}

struct Refusal {
    reason: String,
    until: Instant,
    /// The versions of the pod's budgets at that time, as far as they were known.
    versions: Vec<String>,
}

impl Refusals {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Refusal>> {
        self.by_pod.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why `pod` need not be asked for now. It is asked for again when its time has come, and at once when its budgets have
    /// changed and allow evictions.
    pub(crate) fn reason(&self, pod: &Pod, budgets: &[ObservedBudget]) -> Option<String> {
        let refusals = self.lock();
        let refusal = refusals.get(&pod.uid)?;
        let changed = refusal.versions != versions(budgets);
        let allowed = budgets.iter().all(|one| one.budget.allowed > 0);
        let waits = Instant::now() < refusal.until && !(changed && allowed);
        waits.then(|| refusal.reason.clone())
    }

    /// The API server has refused the eviction of `pod` for `retry_after_s` (0: it did not say).
    pub(crate) fn note(
        &self,
        pod: &Pod,
        budgets: &[ObservedBudget],
        reason: &str,
        retry_after_s: u32,
    ) {
        let now = Instant::now();
        let pause = match retry_after_s {
            0 => ASK_AGAIN,
            seconds => Duration::from_secs(seconds.into()),
        };
        let mut refusals = self.lock();
        refusals.retain(|_, refusal| refusal.until > now);
        let refusal = Refusal {
            reason: reason.into(),
            until: now + pause,
            versions: versions(budgets),
        };
        refusals.insert(pod.uid.clone(), refusal);
    }
}

fn versions(budgets: &[ObservedBudget]) -> Vec<String> {
    let versions = budgets.iter().map(|one| one.resource_version.clone());
    versions.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::time::advance;

    use super::*;
    use crate::convert;

    fn pod() -> Pod {
        serde_json::from_value(json!({
            "namespace": "shop", "name": "web-1", "uid": "u-1", "owner": null, "kind": "managed", "ready": true,
            "terminating": false, "budgets": ["web"],
        }))
        .unwrap()
    }

    fn budget(version: &str, allowed: i32) -> [ObservedBudget; 1] {
        let object = json!({
            "metadata": {"namespace": "shop", "name": "web", "resourceVersion": version},
            "status": {"disruptionsAllowed": allowed, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0},
        });
        [convert::observed_budget(
            &serde_json::from_value(object).unwrap(),
        )]
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_that_the_server_says_is_waited_for() {
        let (refusals, pod) = (Refusals::default(), pod());
        let before = budget("1", 0);
        assert_eq!(refusals.reason(&pod, &before), None);
        for (said_s, pause_s) in [(10, 10), (0, 5)] {
            refusals.note(&pod, &before, "needs 3", said_s);
            advance(Duration::from_secs(pause_s - 1)).await;
            assert_eq!(refusals.reason(&pod, &before).unwrap(), "needs 3");
            advance(Duration::from_secs(1)).await;
            assert_eq!(refusals.reason(&pod, &before), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_that_changed_and_allows_it_is_asked_at_once() {
        let (refusals, pod) = (Refusals::default(), pod());
        // What the store knows may be older than the answer.
        refusals.note(&pod, &budget("1", 1), "needs 3", 10);
        assert!(refusals.reason(&pod, &budget("1", 1)).is_some());
        assert!(refusals.reason(&pod, &budget("2", 0)).is_some());
        assert_eq!(refusals.reason(&pod, &budget("3", 1)), None);
    }
}
