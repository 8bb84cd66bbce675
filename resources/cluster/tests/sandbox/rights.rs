//! `rbac.yaml` is the smallest: no roll ends well without one of its rights.

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::world::{NEW, World, stderr};

/// Worlds at the same time: they mostly wait.
const AT_ONCE: usize = 4;

/// One verb on one resource, taken from the role of this kind.
#[derive(Clone, Debug)]
struct Right {
    role: String,
    verb: String,
    resource: String,
    /// The rules that are left.
    rules: Vec<Value>,
}

fn texts(list: &Value) -> Vec<String> {
    serde_json::from_value(list.clone()).unwrap()
}

/// Every right of `rbac.yaml`, each with all the others.
fn rights() -> Vec<Right> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(include_str!("../../rbac.yaml")).unwrap();
    let roles = documents
        .iter()
        .filter(|document| document["rules"].is_array());
    roles.flat_map(of_role).collect()
}

fn of_role(role: &Value) -> Vec<Right> {
    let rules = role["rules"].as_array().unwrap();
    let mut rights = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        // Otherwise a resource of a rule could be superfluous and not be found.
        let [resource] = &texts(&rule["resources"])[..] else {
            panic!("a rule of several resources: {rule}");
        };
        for verb in texts(&rule["verbs"]) {
            let mut left = rules.clone();
            let mut verbs = texts(&rule["verbs"]);
            verbs.retain(|own| *own != verb);
            left[index]["verbs"] = json!(verbs);
            left.retain(|rule| rule["verbs"] != json!([]));
            rights.push(Right {
                role: role["kind"].as_str().unwrap().into(),
                verb,
                resource: resource.clone(),
                rules: left,
            });
        }
    }
    rights
}

fn uri(role: &str) -> String {
    let group = "/apis/rbac.authorization.k8s.io/v1";
    match role {
        "ClusterRole" => format!("{group}/clusterroles/trireme"),
        _ => format!("{group}/namespaces/trireme-system/roles/trireme"),
    }
}

/// A put that does everything, the second attempt after a failed Job included, without this right; what it said and how it ended.
async fn put_without(right: Right) -> (Right, String, Option<i32>) {
    let world = World::small_with_jobs_that_wait().await;
    let mut request = json!({"source": world.source(), "params": {"version": NEW}});
    request["source"]["debug"] = json!(true);
    if right.verb == "delete" {
        let failing = world.end_jobs(1);
        world.run("out", &request).await;
        failing.abort();
        world.next_second().await;
    }
    // A roll may be over before a watch that is refused counts as broken: with it, no Job ends.
    let ending = (right.verb != "watch").then(|| world.end_jobs(0));
    let rules = json!({"rules": right.rules});
    world.patch(&uri(&right.role), &rules).await;
    let output = world.run("out", &request).await;
    if let Some(ending) = ending {
        ending.abort();
    }
    (right, stderr(&output), output.status.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_right_of_the_role_is_superfluous() {
    let rights = rights();
    assert!(rights.len() > 10, "{rights:?}");
    let mut puts = stream::iter(rights)
        .map(put_without)
        .buffer_unordered(AT_ONCE);
    while let Some((right, said, code)) = puts.next().await {
        let title = format!("{} {}: {said}", right.verb, right.resource);
        let missing = format!("cannot {} resource \"{}\"", right.verb, right.resource);
        match (right.verb.as_str(), right.resource.as_str()) {
            // A roll that is shorter than a renewal only keeps the Lease that it should give back.
            ("update", "leases") => assert!(said.contains(&missing), "{title}"),
            _ => {
                assert!(said.contains(&missing), "{title}");
                assert_eq!(code, Some(1), "{title}");
            }
        }
    }
}
