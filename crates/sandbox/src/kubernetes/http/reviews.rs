//! Questions about access: asked by a create, answered at once, never stored.

use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{
    Service,
    answer::{self, Body},
    on::On,
};
use crate::kubernetes::{
    access::{self, Identity, Question},
    failure::Failure,
    object::{set, text},
};

/// Answers a review.
///
/// # Errors
/// 405 for anything but a create.
pub(crate) fn answer(
    service: &Service,
    who: &Identity,
    on: &On<'_>,
) -> Result<Response<Body>, Failure> {
    if on.call.method != Method::POST || !on.name.is_empty() {
        return Err(Failure::method_not_allowed());
    }
    let mut review = on.json()?;
    set(&mut review, &["apiVersion"], on.kind.api_version());
    set(&mut review, &["kind"], on.kind.kind);
    let status = match on.kind.plural {
        "selfsubjectreviews" => json!({"userInfo": {"username": who.name, "groups": who.groups}}),
        "selfsubjectrulesreviews" => rules(service, who, text(&review, "/spec/namespace")),
        _ => allowed(service, who, &review),
    };
    set(&mut review, &["status"], status);
    Ok(answer::json(StatusCode::CREATED, &review))
}

fn allowed(service: &Service, who: &Identity, review: &Value) -> Value {
    let attribute = |key: &str| text(review, &format!("/spec/resourceAttributes/{key}")).to_owned();
    let path = review.pointer("/spec/nonResourceAttributes");
    let question = match path.filter(|path| path.is_object()) {
        Some(attributes) => Question {
            verb: text(attributes, "/verb").to_owned(),
            path: text(attributes, "/path").to_owned(),
            ..Question::default()
        },
        None => Question {
            verb: attribute("verb"),
            group: attribute("group"),
            resource: attribute("resource"),
            subresource: attribute("subresource"),
            namespace: attribute("namespace"),
            name: attribute("name"),
            path: String::new(),
        },
    };
    let allowed = service
        .store
        .with(|world| access::allows(world, who, &question));
    json!({ "allowed": allowed })
}

fn rules(service: &Service, who: &Identity, namespace: &str) -> Value {
    let mut rules = service
        .store
        .with(|world| access::rules_of(world, who, namespace));
    if who.groups.iter().any(|group| group == access::MASTERS) {
        rules.push(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
        rules.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
    }
    let is_path = |rule: &Value| rule.get("nonResourceURLs").is_some();
    let (paths, resources): (Vec<_>, Vec<_>) = rules.into_iter().partition(is_path);
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
}
