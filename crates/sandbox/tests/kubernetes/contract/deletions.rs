//! Jobs and their pods: how they end, their finalizers, and which waits for which.

use serde_json::{Value, json};

use super::{Answers, MERGE, condition, told};
use crate::world::Caller;

const JOBS: &str = "/apis/batch/v1/namespaces/jobs/jobs";
const PODS: &str = "/api/v1/namespaces/jobs/pods";

/// A Job with a pod that never finds a node and has these finalizers.
fn waiting(name: &str, finalizers: Value) -> Value {
    let mut job = running(name);
    job["spec"]["template"]["metadata"] = json!({"finalizers": finalizers});
    job["spec"]["template"]["spec"]["nodeSelector"] = json!({"there": "is-none"});
    job
}

fn running(name: &str) -> Value {
    let spec = json!({"restartPolicy": "Never", "containers": [{"name": "act", "image": "act:1"}]});
    json!({"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": spec}}})
}

pub async fn answers(admin: &Caller) -> Answers {
    let home = json!({"metadata": {"name": "jobs"}});
    admin.ok("POST", "/api/v1/namespaces", home).await;
    let mut answers = Answers::new();
    answers.extend(of_their_ends(admin).await);
    answers.extend(in_the_foreground(admin).await);
    answers.extend(in_other_ways(admin).await);
    answers
}

/// What a pod of a Job carries until its end is counted, and what counts as one.
async fn of_their_ends(admin: &Caller) -> Answers {
    let mut answers = Answers::new();
    admin.ok("POST", JOBS, running("ends")).await;
    let complete = |job: &Value| condition(job, "Complete")["status"] == "True";
    let job = admin.until(&format!("{JOBS}/ends"), complete).await;
    answers.push(("a Job that ended".into(), of_job(&job)));
    let counted = |pod: &Value| pod["items"][0]["metadata"]["finalizers"].is_null();
    let pods = admin.until(&pods_of("ends"), counted).await;
    answers.push(("the pod of a Job that ended".into(), of_pod(&pods)));

    admin.ok("POST", JOBS, waiting("fails", json!([]))).await;
    let pods = admin.until(&pods_of("fails"), is_there).await;
    answers.push(("the pod of a Job that waits".into(), of_pod(&pods)));
    let pod = pods["items"][0]["metadata"]["name"].as_str();
    let pod = format!("{PODS}/{}", pod.unwrap_or_default());
    admin.ok("DELETE", &pod, Value::Null).await;
    let failed = |job: &Value| condition(job, "Failed")["status"] == "True";
    let job = admin.until(&format!("{JOBS}/fails"), failed).await;
    answers.push(("a Job whose pod was deleted".into(), of_job(&job)));
    answers
}

/// The Job stays until its pod is gone, and the pod as long as it has a finalizer.
async fn in_the_foreground(admin: &Caller) -> Answers {
    let mut answers = Answers::new();
    let path = format!("{JOBS}/held");
    let held = waiting("held", json!(["trireme.test/hold"]));
    let uid = admin.ok("POST", JOBS, held).await["metadata"]["uid"].clone();
    let pods = admin.until(&pods_of("held"), is_there).await;
    let pod = pods["items"][0]["metadata"]["name"].as_str();
    let pod = format!("{PODS}/{}", pod.unwrap_or_default());

    let options = |uid: &Value| json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground", "preconditions": {"uid": uid}});
    let another = options(&json!("no-such-uid"));
    let (code, answer) = admin.call("DELETE", &path, another).await;
    let told = told(code, &answer);
    answers.push(("delete a Job of another uid".into(), told));
    let job = admin.get(&path).await;
    answers.push(("the Job that was not meant".into(), of_job(&job)));

    let (code, answer) = admin.call("DELETE", &path, options(&uid)).await;
    let told = json!({"code": code, "kind": answer["kind"], "job": of_job(&answer)});
    answers.push(("delete a Job in the foreground".into(), told));
    admin.until(&pod, goes).await;
    let only_held = |pod: &Value| pod["metadata"]["finalizers"] == json!(["trireme.test/hold"]);
    admin.until(&pod, only_held).await;
    let job = admin.get(&path).await;
    answers.push(("the Job while its pod goes".into(), of_job(&job)));
    let (code, answer) = admin.call("DELETE", &path, options(&uid)).await;
    let told = json!({"code": code, "kind": answer["kind"], "job": of_job(&answer)});
    answers.push(("delete a Job in the foreground again".into(), told));

    let free = json!({"metadata": {"finalizers": null}});
    admin.call_as("PATCH", &pod, MERGE, free).await;
    let gone = |answer: &Value| answer["code"] == 404;
    admin.until(&path, gone).await;
    let (code, _) = admin.call("GET", &pod, Value::Null).await;
    answers.push(("the pod when its Job is gone".into(), json!(code)));
    answers
}

/// The Job goes and its pod later; also when the Job waited for the pod before. Who says nothing orphans the pod.
async fn in_other_ways(admin: &Caller) -> Answers {
    let mut answers = Answers::new();
    for (name, policies) in [
        ("a Job in the background", &["Background"][..]),
        ("a Job in no special way", &[""]),
        ("a Job and orphan its pod", &["Orphan"]),
        (
            "a Job in the foreground, then in the background",
            &["Foreground", "Background"],
        ),
    ] {
        let job = waiting("passing", json!(["trireme.test/hold"]));
        admin.ok("POST", JOBS, job).await;
        let path = format!("{JOBS}/passing");
        let pods = admin.until(&pods_of("passing"), is_there).await;
        let pod = pods["items"][0]["metadata"]["name"].as_str();
        let pod = format!("{PODS}/{}", pod.unwrap_or_default());
        for policy in policies {
            let options = match *policy {
                "" => Value::Null,
                policy => json!({"propagationPolicy": policy}),
            };
            let (code, answer) = admin.call("DELETE", &path, options).await;
            let finalizers = &answer["metadata"]["finalizers"];
            let told = json!({"code": code, "kind": answer["kind"], "finalizers": finalizers});
            answers.push((format!("delete {name}: {policy}"), told));
        }
        admin.until(&path, |answer| answer["code"] == 404).await;
        // An orphan has no owner any more, another one goes.
        let settled = |pod: &Value| goes(pod) || pod["metadata"]["ownerReferences"].is_null();
        let left = admin.until(&pod, settled).await;
        answers.push((format!("the pod of {name}"), json!({"goes": goes(&left)})));
        let free = json!({"metadata": {"finalizers": null}});
        admin.call_as("PATCH", &pod, MERGE, free).await;
        admin.call("DELETE", &pod, Value::Null).await;
        admin.until(&pod, |answer| answer["code"] == 404).await;
    }
    answers
}

fn goes(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

fn pods_of(job: &str) -> String {
    format!("{PODS}?labelSelector=batch.kubernetes.io%2Fjob-name%3D{job}")
}

fn is_there(pods: &Value) -> bool {
    pods["items"][0].is_object()
}

fn of_job(job: &Value) -> Value {
    let status = &job["status"];
    let reasons = ["Complete", "Failed"].map(|kind| condition(job, kind)["reason"].clone());
    let metadata = &job["metadata"];
    json!({
        "goes": metadata["deletionTimestamp"].is_string(), "grace": metadata["deletionGracePeriodSeconds"],
        "finalizers": metadata["finalizers"], "generation": metadata["generation"],
        "succeeded": status["succeeded"], "failed": status["failed"], "reasons": reasons,
    })
}

fn of_pod(pods: &Value) -> Value {
    let pod = &pods["items"][0];
    json!({"finalizers": pod["metadata"]["finalizers"], "phase": pod["status"]["phase"]})
}
