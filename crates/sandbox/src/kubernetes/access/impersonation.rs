//! Impersonation (`kubectl --as`): the headers `Impersonate-User` and `Impersonate-Group`. The sender needs the verb
//! `impersonate` on each user and group.

use http::HeaderMap;
use serde_json::json;

use super::{Identity, Question, allows};
use crate::kubernetes::{failure::Failure, store::World};

/// The identity of a request: the one in its headers, otherwise the sender.
///
/// # Errors
/// 403 when the sender may not impersonate it; 500, as in the real server, for groups without a user.
pub(crate) fn impersonated(
    world: &World,
    sender: Identity,
    headers: &HeaderMap,
) -> Result<Identity, Failure> {
    let values = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        values.collect()
    };
    let groups = values("impersonate-group");
    let Some(user) = values("impersonate-user").into_iter().next() else {
        if groups.is_empty() {
            return Ok(sender);
        }
        let why = format!("requested {groups:?} without impersonating a user name");
        return Err(Failure::internal(why));
    };
    let named = groups.iter().map(|group| question("groups", "", group));
    for question in std::iter::once(of_user(&user)).chain(named) {
        if !allows(world, &sender, &question) {
            let details = json!({"kind": question.resource, "name": question.name});
            return Err(Failure::denied(question.refusal(&sender), details));
        }
    }
    let mut identity = Identity::named(&user);
    if !groups.is_empty() {
        identity.groups = groups;
        identity.groups.push("system:authenticated".into());
    }
    Ok(identity)
}

fn of_user(user: &str) -> Question {
    let account = user
        .strip_prefix("system:serviceaccount:")
        .and_then(|account| account.split_once(':'));
    match account {
        Some((namespace, name)) => question("serviceaccounts", namespace, name),
        None => question("users", "", user),
    }
}

fn question(resource: &str, namespace: &str, name: &str) -> Question {
    Question {
        verb: "impersonate".into(),
        resource: resource.into(),
        namespace: namespace.into(),
        name: name.into(),
        ..Question::default()
    }
}
