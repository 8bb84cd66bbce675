//! How the container of a Job ended.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::cluster::{list, ours};
use crate::{Cluster, Error};

impl Cluster {
    /// How the containers of the Job `name` that did not succeed ended, for people; none when no pod tells it any more.
    ///
    /// # Errors
    /// When the API refuses or does not answer.
    pub async fn failed_containers(&self, name: &str) -> Result<Option<String>, Error> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let ours = ListParams::default().labels(&ours());
        let pods = list(&api, ours, &format!("pods of Job {name}")).await?;
        let endings: Vec<_> = pods
            .iter()
            .filter(|pod| {
                pod.owner_references()
                    .iter()
                    .any(|owner| owner.name == name)
            })
            .flat_map(endings)
            .collect();
        Ok((!endings.is_empty()).then(|| endings.join(", ")))
    }
}

/// E.g. `container act: exit code 3 (Error)`.
fn endings(pod: &Pod) -> Vec<String> {
    let status = pod.status.as_ref();
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    let ended = containers.into_iter().flatten().filter_map(|container| {
        let ended = container.state.as_ref()?.terminated.as_ref()?;
        (ended.exit_code != 0).then(|| ending(&container.name, ended))
    });
    ended.collect()
}

fn ending(container: &str, ended: &ContainerStateTerminated) -> String {
    let code = ended.exit_code;
    let said = [&ended.reason, &ended.message].into_iter().flatten();
    let said: Vec<_> = said
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
        .collect();
    match said.as_slice() {
        [] => format!("container {container}: exit code {code}"),
        said => format!(
            "container {container}: exit code {code} ({})",
            said.join(": ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_container_that_failed_is_named_with_its_code_and_last_words() {
        let ended = |code: i32, more: serde_json::Value| {
            let mut state = json!({"exitCode": code});
            state
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            json!({"name": "act", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": state}})
        };
        let statuses = [
            ended(0, json!({"reason": "Completed"})),
            ended(
                3,
                json!({"reason": "Error", "message": "no such package\n"}),
            ),
            ended(137, json!({})),
        ];
        let pod =
            serde_json::from_value(json!({"status": {"containerStatuses": statuses}})).unwrap();
        assert_eq!(
            endings(&pod),
            [
                "container act: exit code 3 (Error: no such package)",
                "container act: exit code 137"
            ]
        );
    }
}
