//! What a test asks of the disruption budgets of `shop`, and does with them.

use serde_json::{Value, json};

use super::World;
use super::objects::budget;

const BUDGETS: &str = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets";

impl World {
    /// The second budget over the pods of Deployment `shop/web`.
    pub async fn add_second_budget(&self) {
        let mut second = budget(json!({"maxUnavailable": 1}));
        second["metadata"]["name"] = json!("web-too");
        self.create(&second).await;
    }

    pub async fn remove_budget(&self, name: &str) {
        self.delete(&format!("{BUDGETS}/{name}")).await;
    }

    /// The budget `web` lets none of so many pods go.
    pub async fn allow_no_eviction(&self, pods: i64) {
        let none = json!({"spec": {"maxUnavailable": 0}});
        self.patch(&format!("{BUDGETS}/web"), &none).await;
        let demands_all =
            async |world: &Self| world.budget_says("desiredHealthy").await == Some(pods);
        self.wait("the budget", demands_all).await;
    }

    pub async fn budget_says(&self, key: &str) -> Option<i64> {
        let request = http::Request::get(format!("{BUDGETS}/web"))
            .body(Vec::new())
            .unwrap();
        let budget: Value = self.admin.request(request).await.ok()?;
        budget["status"][key].as_i64()
    }
}
