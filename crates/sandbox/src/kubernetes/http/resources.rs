//! Requests on objects and collections.

use http::{Method, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Service,
    answer::{self, Body},
    call::{Call, Target},
    list, list_options,
    on::On,
    reviews, table, watch,
};
use crate::kubernetes::{
    access::Identity,
    delete::{Deleted, delete},
    delete_options::Deletion,
    eviction,
    failure::Failure,
    object::{self, set},
    write::{self, Part},
};

/// Answers a request on a resource that is served.
///
/// # Errors
/// Every refusal.
pub(crate) fn answer(
    service: &Service,
    who: &Identity,
    call: &Call,
    body: &[u8],
) -> Result<Response<Body>, Failure> {
    let Target::Resource {
        kind: Some(kind),
        namespace,
        name,
        subresource,
        ..
    } = &call.target
    else {
        return Err(Failure::no_such_resource());
    };
    // A cluster-wide kind has no namespace, though the path of a Namespace names it twice.
    let namespace = if kind.namespaced {
        namespace.as_str()
    } else {
        ""
    };
    let on = On {
        call,
        kind,
        namespace,
        name,
        body,
    };
    call.check_dry_run()?;
    if kind.transient {
        return reviews::answer(service, who, &on);
    }
    match subresource.as_str() {
        "" => object_or_collection(service, &on),
        other if !kind.subresources.contains(&other) => Err(Failure::no_such_resource()),
        "status" => single(service, &on, Part::Status),
        other => post_only(service, &on, other),
    }
}

fn object_or_collection(service: &Service, on: &On<'_>) -> Result<Response<Body>, Failure> {
    if !on.name.is_empty() && !on.call.is_watch() {
        return single(service, on, Part::Main);
    }
    if on.kind.namespaced && on.namespace.is_empty() && on.call.method != Method::GET {
        return Err(Failure::method_not_allowed());
    }
    if on.call.method != Method::POST {
        list_options::check(on.call)?;
    }
    match on.call.method.as_str() {
        "GET" if on.call.is_watch() => watch::answer(service, on),
        "GET" => list::answer(service, on),
        "POST" => {
            let body = on.json()?;
            let mode = on.call.mode();
            let created = service
                .store
                .with(|world| write::create(world, on.kind, on.namespace, body, mode))?;
            respond(service, on, StatusCode::CREATED, &created)
        }
        "DELETE" if on.kind.deletes_together() => delete_collection(service, on),
        _ => Err(Failure::method_not_allowed()),
    }
}

/// Requests on one object.
fn single(service: &Service, on: &On<'_>, part: Part) -> Result<Response<Body>, Failure> {
    let mode = on.call.mode();
    match on.call.method.as_str() {
        "GET" => {
            let found = service
                .store
                .with(|world| world.get(on.kind.plural, on.namespace, on.name));
            let found = found.ok_or_else(|| Failure::not_found(on.kind, on.name))?;
            respond(service, on, StatusCode::OK, &found)
        }
        "PUT" => {
            let body = on.json()?;
            let updated = service
                .store
                .with(|world| write::update(world, on.kind, on.at(), body, part, mode))?;
            respond(service, on, StatusCode::OK, &updated)
        }
        "PATCH" => {
            let patch = (on.call.content_type.as_str(), on.body);
            let patched = service
                .store
                .with(|world| write::patch(world, on.kind, on.at(), patch, part, mode))?;
            respond(service, on, StatusCode::OK, &patched)
        }
        "DELETE" if part == Part::Main => {
            let how = deletion(on)?;
            let deleted = service
                .store
                .with(|world| delete(world, on.kind, on.at(), &how))?;
            Ok(answer_deleted(on, &deleted))
        }
        _ => Err(Failure::method_not_allowed()),
    }
}

fn respond(
    service: &Service,
    on: &On<'_>,
    code: StatusCode,
    object: &Value,
) -> Result<Response<Body>, Failure> {
    if table::wanted(&on.call.accept) {
        let table = table::of(
            on.kind,
            &[object],
            table::Include::of(on.call),
            service.store.now(),
        );
        return Ok(answer::json(code, &table));
    }
    Ok(answer::json(code, object))
}

/// The options of a deletion: the body's, or the query's where there is no body.
fn deletion(on: &On<'_>) -> Result<Deletion, Failure> {
    let how = if on.body.is_empty() {
        Deletion::of_query(|name| on.call.query(name))?
    } else {
        Deletion::of(&on.json()?)?
    };
    how.check()?;
    Ok(how)
}

/// Pods, services and service accounts answer with their last state, and so does what still waits for its end; the
/// rest answers that it is done.
fn answer_deleted(on: &On<'_>, deleted: &Deleted) -> Response<Body> {
    let object = &deleted.object;
    let shows = ["pods", "services", "serviceaccounts"].contains(&on.kind.plural);
    if shows || !deleted.gone {
        return answer::json(StatusCode::OK, object);
    }
    let mut details =
        json!({"name": object::name(object), "kind": on.kind.plural, "uid": object::uid(object)});
    if !on.kind.group.is_empty() {
        details["group"] = on.kind.group.into();
    }
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    answer::json(StatusCode::OK, &status)
}

fn delete_collection(service: &Service, on: &On<'_>) -> Result<Response<Body>, Failure> {
    let how = deletion(on)?;
    service.store.with(|world| {
        let mut deleted = Vec::new();
        for object in list::selected(on, world.list(on.kind.plural, on.namespace))? {
            let at = (object::namespace(&object), object::name(&object));
            deleted.push(delete(world, on.kind, at, &how)?.object);
        }
        let list = list::of(on.kind, &deleted, world.revision());
        Ok(answer::json(StatusCode::OK, &list))
    })
}

/// The subresources to which one only posts.
fn post_only(service: &Service, on: &On<'_>, name: &str) -> Result<Response<Body>, Failure> {
    if on.call.method != Method::POST {
        return Err(Failure::method_not_allowed());
    }
    let body = on.json()?;
    let mode = on.call.mode();
    let result = match name {
        "eviction" => service
            .store
            .with(|world| eviction::evict(world, on.at(), &body, mode))?,
        _ => issue_token(service, on, body)?,
    };
    Ok(answer::json(StatusCode::CREATED, &result))
}

/// A token of a service account (`TokenRequest`).
fn issue_token(service: &Service, on: &On<'_>, mut request: Value) -> Result<Value, Failure> {
    let account = service
        .store
        .with(|world| world.get("serviceaccounts", on.namespace, on.name));
    account.ok_or_else(|| Failure::not_found(on.kind, on.name))?;
    let seconds = object::number(&request, "/spec/expirationSeconds").unwrap_or(3600);
    let end = Timestamp::now() + SignedDuration::from_secs(seconds.clamp(600, 1 << 31));
    let name = format!("system:serviceaccount:{}:{}", on.namespace, on.name);
    let token = service.tokens.issue(Identity::named(&name), Some(end))?;
    set(&mut request, &["apiVersion"], "authentication.k8s.io/v1");
    set(&mut request, &["kind"], "TokenRequest");
    set(
        &mut request,
        &["status"],
        json!({"token": token, "expirationTimestamp": object::time(end)}),
    );
    Ok(request)
}
