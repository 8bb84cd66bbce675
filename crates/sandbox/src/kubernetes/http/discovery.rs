//! Discovery, version and health.

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
    Ok(match parts.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => answer::plain(StatusCode::OK, "ok"),
        ["version"] => answer::json(StatusCode::OK, &version(service)),
        ["api"] => answer::json_as(AGGREGATED, &discovery(|group| group.is_empty())),
        ["apis"] => answer::json_as(AGGREGATED, &discovery(|group| !group.is_empty())),
        ["api", "v1"] => answer::json(StatusCode::OK, &core_resources()),
        ["api", _] => return Err(Failure::no_such_resource()),
        _ => answer::not_found_page(),
    })
}

/// The form of discovery that is served: everything at once, as client-go asks for it since 1.26.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

fn discovery(is_wanted: impl Fn(&str) -> bool) -> Value {
    let wanted = KINDS.iter().filter(|kind| is_wanted(kind.group));
    let kinds: Vec<_> = wanted.collect();
    let groups = kinds.chunk_by(|one, next| one.group == next.group);
    let groups = groups.map(|kinds| {
        let resources: Vec<_> = kinds.iter().map(|kind| resource(kind)).collect();
        let version =
            json!({"version": kinds[0].version, "resources": resources, "freshness": "Current"});
        json!({"metadata": {"name": kinds[0].group}, "versions": [version]})
    });
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
        "items": groups.collect::<Vec<_>>(),
    })
}

/// The resources of the core group in the older form: `kubectl drain` looks there whether pods can be evicted, and deletes them
/// if not.
fn core_resources() -> Value {
    let kinds = KINDS.iter().filter(|kind| kind.group.is_empty());
    let resources = kinds.flat_map(|kind| {
        let subresources = kind.subresources.iter().map(|name| {
            let (group, version, kind_of_it, verbs) = subresource(kind, name);
            json!({
                "name": format!("{}/{name}", kind.plural), "singularName": "", "namespaced": kind.namespaced,
                "group": group, "version": version, "kind": kind_of_it, "verbs": verbs,
            })
        });
        let main = json!({
            "name": kind.plural, "singularName": kind.singular(), "namespaced": kind.namespaced,
            "kind": kind.kind, "verbs": verbs(kind), "shortNames": kind.short,
        });
        std::iter::once(main).chain(subresources)
    });
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1",
        "resources": resources.collect::<Vec<_>>(),
    })
}

/// A kind and its subresources.
fn resource(kind: &Kind) -> Value {
    let subresources = kind.subresources.iter().map(|name| {
        let (group, version, kind, verbs) = subresource(kind, name);
        let response = json!({"group": group, "version": version, "kind": kind});
        json!({"subresource": name, "responseKind": response, "verbs": verbs})
    });
    json!({
        "resource": kind.plural, "singularResource": kind.singular(), "shortNames": kind.short,
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" }, "verbs": verbs(kind),
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "subresources": subresources.collect::<Vec<_>>(),
    })
}

fn verbs(kind: &Kind) -> Vec<&'static str> {
    let mut verbs = vec!["create"];
    if !kind.transient {
        verbs.extend(["delete", "get", "list", "patch", "update", "watch"]);
        if kind.deletes_together() {
            verbs.insert(2, "deletecollection");
        }
    }
    verbs
}

/// Group, version and kind of what a subresource takes, and its verbs.
fn subresource(
    kind: &Kind,
    name: &str,
) -> (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
) {
    match name {
        "eviction" => ("policy", "v1", "Eviction", &["create"]),
        "token" => ("authentication.k8s.io", "v1", "TokenRequest", &["create"]),
        _ => (
            kind.group,
            kind.version,
            kind.kind,
            &["get", "patch", "update"],
        ),
    }
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

/// The API reports the version of the oldest control plane node: only when all are upgraded, every answer comes from the new
/// version.
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
