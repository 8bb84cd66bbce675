//! Tables, which `kubectl get` prints as they come: the columns of the kinds that one looks at during a roll, and the cells of some objects.

use serde_json::{Value, json};

use super::Answers;
use crate::world::Caller;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

const COLLECTIONS: [&str; 4] = [
    "/api/v1/nodes",
    "/api/v1/pods",
    "/apis/batch/v1/jobs",
    "/apis/policy/v1/poddisruptionbudgets",
];

/// The collection below the namespace `shop`, and an object to make there; of its row all is compared but the times.
fn objects() -> Vec<(&'static str, Value)> {
    let none = json!({"matchLabels": {"app": "nobody"}});
    let spec = json!({"restartPolicy": "Never", "nodeSelector": {"there": "is-none"}, "containers": [{"name": "one", "image": "one:1"}]});
    vec![
        (
            "/apis/policy/v1/#/poddisruptionbudgets",
            json!({"metadata": {"name": "shown"}, "spec": {"minAvailable": "50%", "selector": none}}),
        ),
        (
            "/apis/batch/v1/#/jobs",
            json!({"metadata": {"name": "shown"}, "spec": {"template": {"spec": spec}}}),
        ),
    ]
}

pub async fn answers(admin: &Caller) -> Answers {
    let mut answers = Answers::new();
    for collection in COLLECTIONS {
        let table = table(admin, collection).await;
        let wide = collection == "/api/v1/pods";
        answers.push((format!("columns of {collection}"), columns(&table, wide)));
    }
    for (collection, object) in objects() {
        let collection = collection.replace('#', "namespaces/shop");
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!("{collection}/{name}");
        admin.ok("POST", &collection, object.clone()).await;
        answers.push((format!("row of {path}"), row(&table(admin, &path).await)));
    }
    answers
}

async fn table(admin: &Caller, path: &str) -> Value {
    let request = http::Request::get(path).header("accept", TABLE);
    let answer = admin.exchange_as(request, Vec::new()).await;
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

/// All but the descriptions, which are documentation, and what `-o wide` alone shows of other kinds than pods, which the
/// sandbox leaves out.
fn columns(table: &Value, wide: bool) -> Value {
    let columns = table["columnDefinitions"].as_array();
    let shown = |column: &&Value| wide || column["priority"] == 0;
    let told = |column: &Value| {
        json!([
            column["name"],
            column["type"],
            column["format"],
            column["priority"]
        ])
    };
    columns
        .into_iter()
        .flatten()
        .filter(shown)
        .map(told)
        .collect()
}

fn row(table: &Value) -> Value {
    const TIMES: [&str; 2] = ["Age", "Duration"];
    let columns = table["columnDefinitions"].as_array().into_iter().flatten();
    let cells = table["rows"][0]["cells"].as_array().into_iter().flatten();
    let lasting = columns.zip(cells).filter(|(column, _)| {
        let name = column["name"].as_str().unwrap_or_default();
        column["priority"] == 0 && !TIMES.contains(&name)
    });
    lasting.map(|(_, cell)| cell.clone()).collect()
}
