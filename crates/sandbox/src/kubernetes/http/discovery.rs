//! What is served, for clients that ask before they act; version and health.

use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{
    Service,
    answer::{self, Body},
    call::Call,
};
use crate::kubernetes::{
    failure::Failure,
    kinds::{KINDS, Kind},
    object::{pairs, text},
    store::World,
};

/// Answers a path that is no resource.
///
/// # Errors
/// 404 for what is not served, 405 for a method other than GET.
pub(crate) fn answer(service: &Service, call: &Call) -> Result<Response<Body>, Failure> {
    if ![Method::GET, Method::HEAD].contains(&call.method) {
        return Err(Failure::method_not_allowed());
    }
    let parts: Vec<&str> = call.path.split('/').filter(|p| !p.is_empty()).collect();
    let found = match parts.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => return Ok(answer::plain(StatusCode::OK, "ok")),
        ["version"] => version(service),
        ["api"] => {
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        }
        ["apis"] => groups(),
        ["api", "v1"] => resources("", "v1"),
        ["apis", name] => match group(name) {
            Some(group) => group,
            None => return Ok(answer::not_found_page()),
        },
        ["apis", group, version] if is_served(group, version) => resources(group, version),
        ["api", _] => return Err(Failure::no_such_resource()),
        _ => return Ok(answer::not_found_page()),
    };
    Ok(answer::json(StatusCode::OK, &found))
}

fn is_served(group: &str, version: &str) -> bool {
    KINDS
        .iter()
        .any(|kind| (kind.group, kind.version) == (group, version))
}

fn groups() -> Value {
    let mut names: Vec<_> = KINDS.iter().map(|kind| kind.group).collect();
    names.retain(|name| !name.is_empty());
    names.dedup();
    let groups: Vec<_> = names.into_iter().filter_map(group).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn group(name: &str) -> Option<Value> {
    let kind = KINDS
        .iter()
        .find(|kind| kind.group == name && !name.is_empty())?;
    let version = json!({"groupVersion": kind.api_version(), "version": kind.version});
    Some(json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": name,
        "versions": [version], "preferredVersion": version,
    }))
}

fn resources(group: &str, version: &str) -> Value {
    let kinds = KINDS
        .iter()
        .filter(|kind| (kind.group, kind.version) == (group, version));
    let resources: Vec<_> = kinds.flat_map(resource).collect();
    let group_version = match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources})
}

/// A kind and its subresources.
fn resource(kind: &'static Kind) -> Vec<Value> {
    let mut verbs = vec!["create"];
    if !kind.transient {
        verbs.extend(["delete", "get", "list", "patch", "update", "watch"]);
        if kind.deletes_together() {
            verbs.insert(2, "deletecollection");
        }
    }
    let mut all = vec![json!({
        "name": kind.plural, "singularName": kind.singular(), "namespaced": kind.namespaced,
        "kind": kind.kind, "verbs": verbs, "shortNames": kind.short,
    })];
    all.extend(kind.subresources.iter().map(|name| subresource(kind, name)));
    all
}

fn subresource(kind: &Kind, name: &str) -> Value {
    let (called, group, version, verbs): (&str, &str, &str, &[&str]) = match name {
        "eviction" => ("Eviction", "policy", "v1", &["create"]),
        "token" => ("TokenRequest", "authentication.k8s.io", "v1", &["create"]),
        _ => (kind.kind, "", "", &["get", "patch", "update"]),
    };
    let mut resource = json!({
        "name": format!("{}/{name}", kind.plural), "singularName": "",
        "namespaced": kind.namespaced, "kind": called, "verbs": verbs,
    });
    if !version.is_empty() {
        resource["group"] = group.into();
        resource["version"] = version.into();
    }
    resource
}

fn version(service: &Service) -> Value {
    let version = service
        .store
        .with(|world| oldest_control_plane(world))
        .unwrap_or_else(|| service.version.clone());
    let mut numbers = version.trim_start_matches('v').split('.');
    json!({
        "major": numbers.next().unwrap_or_default(), "minor": numbers.next().unwrap_or_default(),
        "gitVersion": version, "gitCommit": "", "gitTreeState": "clean", "buildDate": "",
        "goVersion": "", "compiler": "", "platform": "linux/amd64",
    })
}

/// The version of the control plane is that of its oldest node: only when all are upgraded does every answer come
/// from the new one.
fn oldest_control_plane(world: &World) -> Option<String> {
    let nodes = world.list("nodes", "");
    let control_plane = nodes.iter().filter(|node| {
        pairs(node, "/metadata/labels").contains_key("node-role.kubernetes.io/control-plane")
    });
    let versions = control_plane.filter_map(|node| {
        let version = text(node, "/status/nodeInfo/kubeletVersion");
        let parsed = semver::Version::parse(version.trim_start_matches('v')).ok()?;
        Some((parsed, version.to_owned()))
    });
    versions.min().map(|(_, version)| version)
}
