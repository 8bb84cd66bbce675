//! What a test asks of the disruption budgets of `shop`, and does with them.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::World;
use super::objects::budget;

impl World {
    /// The second budget over the pods of Deployment `shop/web`.
    pub async fn add_second_budget(&self) {
        let mut second = budget(json!({"maxUnavailable": 1}));
        second["metadata"]["name"] = json!("web-too");
        self.create(&second).await;
    }

    pub async fn remove_budget(&self, name: &str) {
        let budgets: Api<PodDisruptionBudget> = Api::namespaced(self.admin.clone(), "shop");
        budgets
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    pub async fn budget_says(&self, key: &str) -> Option<i64> {
        let uri = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/web";
        let request = http::Request::get(uri).body(Vec::new()).unwrap();
        let budget: Value = self.admin.request(request).await.ok()?;
        budget["status"][key].as_i64()
    }
}
