//! Role-based access control over the roles and bindings in the world.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Identity, MASTERS};
use crate::kubernetes::{
    object::{self, list, text},
    store::World,
};

/// A request in the terms of a rule.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question {
    pub verb: String,
    pub group: String,
    /// Plural; empty when `path` is asked for.
    pub resource: String,
    pub subresource: String,
    /// Empty: cluster-wide.
    pub namespace: String,
    /// Empty: any.
    pub name: String,
    /// A path that is no resource (`/version`).
    pub path: String,
}

impl Question {
    /// The refusal's message, in the words of the real authoriser.
    pub fn refusal(&self, who: &Identity) -> String {
        let user = &who.name;
        if self.resource.is_empty() {
            return format!(
                "forbidden: User {user:?} cannot {} path {:?}",
                self.verb, self.path
            );
        }
        let object = match self.group.as_str() {
            "" => self.resource.clone(),
            group => format!("{}.{group}", self.resource),
        };
        let object = match self.name.as_str() {
            "" => object,
            name => format!("{object} {name:?}"),
        };
        let resource = self.resource_path();
        let scope = match self.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        format!(
            "{object} is forbidden: User {user:?} cannot {} resource {resource:?} in API group {:?} {scope}",
            self.verb, self.group
        )
    }

    fn resource_path(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            subresource => format!("{}/{subresource}", self.resource),
        }
    }
}

/// Whether the roles of `who` allow it.
pub(crate) fn allows(world: &World, who: &Identity, question: &Question) -> bool {
    who.groups.iter().any(|group| group == MASTERS)
        || rules_of(world, who, &question.namespace)
            .iter()
            .any(|rule| covers(rule, question))
}

/// The rules that apply to `who` in a namespace (in none when it is empty).
pub(crate) fn rules_of(world: &World, who: &Identity, namespace: &str) -> Vec<Value> {
    let mut bindings = world.list("clusterrolebindings", "");
    if !namespace.is_empty() {
        bindings.extend(world.list("rolebindings", namespace));
    }
    let mut rules = Vec::new();
    for binding in bindings.iter().filter(|binding| binds(binding, who)) {
        if let Some(role) = role_of(world, binding) {
            rules.extend(list(&role, "/rules").iter().cloned());
        }
    }
    rules
}

fn binds(binding: &Value, who: &Identity) -> bool {
    list(binding, "/subjects").iter().any(|subject| {
        let name = text(subject, "/name");
        match text(subject, "/kind") {
            "User" => name == who.name,
            "Group" => who.groups.iter().any(|group| group == name),
            "ServiceAccount" => {
                let namespace = match text(subject, "/namespace") {
                    "" => object::namespace(binding),
                    namespace => namespace,
                };
                who.name == format!("system:serviceaccount:{namespace}:{name}")
            }
            _ => false,
        }
    })
}

fn role_of(world: &World, binding: &Value) -> Option<Arc<Value>> {
    let name = text(binding, "/roleRef/name");
    match text(binding, "/roleRef/kind") {
        "ClusterRole" => world.get("clusterroles", "", name),
        _ => world.get("roles", object::namespace(binding), name),
    }
}

fn covers(rule: &Value, question: &Question) -> bool {
    let has = |pointer: &str, wanted: &str| {
        let found = list(rule, pointer).iter().filter_map(Value::as_str);
        found.clone().any(|entry| entry == "*" || entry == wanted)
    };
    if !has("/verbs", &question.verb) {
        return false;
    }
    if question.resource.is_empty() {
        let urls = list(rule, "/nonResourceURLs")
            .iter()
            .filter_map(Value::as_str);
        return urls.clone().any(|url| match url.strip_suffix('*') {
            Some(prefix) => question.path.starts_with(prefix),
            None => url == question.path,
        });
    }
    let names = list(rule, "/resourceNames");
    let any_sub = format!("*/{}", question.subresource);
    let resource = has("/resources", &question.resource_path())
        || (!question.subresource.is_empty() && has("/resources", &any_sub));
    has("/apiGroups", &question.group)
        && resource
        && (names.is_empty() || names.iter().any(|name| *name == question.name.as_str()))
}

/// The roles that every cluster begins with, as far as clients rely on them: discovery, and questions about oneself.
pub(crate) fn seed() -> Vec<(&'static str, Value)> {
    let role = |name: &str, rules: Value| json!({"metadata": {"name": name}, "rules": rules});
    let subject = |group: &&str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group});
    let binding = |name: &str, groups: &[&str]| {
        json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": groups.iter().map(subject).collect::<Vec<_>>(),
        })
    };
    let all = json!([
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]);
    let paths = json!([{"verbs": ["get"], "nonResourceURLs": [
        "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*",
        "/readyz", "/version", "/version/",
    ]}]);
    let public = json!([{"verbs": ["get"], "nonResourceURLs": [
        "/healthz", "/livez", "/readyz", "/version", "/version/",
    ]}]);
    let basic = json!([
        {"apiGroups": ["authorization.k8s.io"], "verbs": ["create"],
         "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
        {"apiGroups": ["authentication.k8s.io"], "verbs": ["create"], "resources": ["selfsubjectreviews"]},
    ]);
    vec![
        ("clusterroles", role("cluster-admin", all)),
        ("clusterroles", role("system:discovery", paths)),
        ("clusterroles", role("system:basic-user", basic)),
        ("clusterroles", role("system:public-info-viewer", public)),
        ("clusterrolebindings", binding("cluster-admin", &[MASTERS])),
        (
            "clusterrolebindings",
            binding(
                "system:public-info-viewer",
                &["system:authenticated", "system:unauthenticated"],
            ),
        ),
        (
            "clusterrolebindings",
            binding("system:discovery", &["system:authenticated"]),
        ),
        (
            "clusterrolebindings",
            binding("system:basic-user", &["system:authenticated"]),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(verb: &str, resource: &str, name: &str) -> Question {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Question {
            verb: verb.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            name: name.into(),
            ..Question::default()
        }
    }

    #[test]
    fn a_rule_covers_what_it_names_and_no_more() {
        let rule = json!({"apiGroups": [""], "resources": ["pods/eviction", "nodes"], "verbs": ["create", "get"], "resourceNames": ["a"]});
        for (verb, resource, name, expected) in [
            ("create", "pods/eviction", "a", true),
            ("create", "pods/eviction", "b", false),
            ("create", "pods", "a", false),
            ("get", "nodes", "a", true),
            ("get", "nodes", "", false),
            ("get", "nodes/status", "a", false),
            ("delete", "nodes", "a", false),
        ] {
            let question = question(verb, resource, name);
            assert_eq!(covers(&rule, &question), expected, "{question:?}");
        }
    }
}
