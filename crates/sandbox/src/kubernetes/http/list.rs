//! Lists, whole or in pages. All pages of a list show the world as it was at the first one, so that a watch from there misses
//! nothing.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Response, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Service,
    answer::{self, Body},
    on::On,
    table,
};
use crate::kubernetes::{
    failure::Failure,
    kinds::Kind,
    object::{self, set, unset},
    store::World,
};

/// Of which time a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    Now,
    At(u64),
}

/// Where to go on after a page: the list's revision, and the namespace and name of the last object.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    /// `None`: the first page's revision is no longer known, and the rest is shown as it is now.
    revision: Option<u64>,
    namespace: String,
    name: String,
}

/// Answers a list.
///
/// # Errors
/// 400 for a revision, selector or token that cannot be read; 410 for a time that is no longer known; 504 for one to come.
pub(super) fn answer(service: &Service, on: &On<'_>) -> Result<Response<Body>, Failure> {
    let asked = on.call.revision();
    let asked =
        asked.map_err(|why| Failure::bad_request(format!("invalid resource version: {why}")))?;
    let token = Token::of(on)?;
    let time = time(on, asked, token.as_ref());
    let (objects, revision) = service.store.with(|world| {
        let (objects, revision) = objects(world, on, asked, time, token.as_ref())?;
        selected(on, objects).map(|objects| (objects, revision))
    })?;
    let (objects, page) = Page::take(on, objects, revision, token);
    Ok(answer::json(
        StatusCode::OK,
        &shown(on, &objects, revision, page, service.store.now()),
    ))
}

/// The objects that the selectors of a request pick.
///
/// # Errors
/// 400 for a selector that cannot be read.
pub(super) fn selected(
    on: &On<'_>,
    mut objects: Vec<Arc<Value>>,
) -> Result<Vec<Arc<Value>>, Failure> {
    let (labels, fields) = (on.call.labels()?, on.call.fields(on.kind)?);
    objects.retain(|object| labels.matches(&object::labels(object)) && fields.matches(object));
    Ok(objects)
}

/// These objects as a list.
pub(super) fn of(kind: &Kind, objects: &[Arc<Value>], revision: u64) -> Value {
    let items = objects.iter().map(|object| {
        let mut item = Value::clone(object);
        // The kind is in the list, not in its items.
        unset(&mut item, &["apiVersion"]);
        unset(&mut item, &["kind"]);
        item
    });
    json!({
        "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(),
        "metadata": {"resourceVersion": revision.to_string()},
        "items": items.collect::<Vec<_>>(),
    })
}

/// A page goes on at the time of the first one. A limit with a revision asks for exactly that one, as in the oldest clients.
fn time(on: &On<'_>, asked: u64, token: Option<&Token>) -> Time {
    let exactly = match on.call.query("resourceVersionMatch") {
        "Exact" => true,
        "" => limit(on) > 0 && asked > 0,
        _ => false,
    };
    match token {
        Some(token) => token.revision.map_or(Time::Now, Time::At),
        None if exactly => Time::At(asked),
        None => Time::Now,
    }
}

fn objects(
    world: &World,
    on: &On<'_>,
    asked: u64,
    time: Time,
    token: Option<&Token>,
) -> Result<(Vec<Arc<Value>>, u64), Failure> {
    let now = world.revision();
    if asked > now {
        return Err(Failure::revision_too_large(asked, now));
    }
    let Time::At(revision) = time else {
        return Ok((world.list(on.kind.plural, on.namespace), now));
    };
    let past = world.list_at(on.kind.plural, on.namespace, revision);
    let past = past.ok_or_else(|| match token {
        Some(token) => Failure::gone(CONTINUE_EXPIRED).with_continue(token.without_revision()),
        None => Failure::gone("The resourceVersion for the provided list is too old."),
    })?;
    Ok((past, revision))
}

const CONTINUE_EXPIRED: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// The most objects of a page; 0 for all. A list of any revision (`0`) is never cut, as in the real server.
fn limit(on: &On<'_>) -> usize {
    match on.call.query("resourceVersion") {
        "0" => 0,
        _ => on.call.query("limit").parse().unwrap_or_default(),
    }
}

fn shown(on: &On<'_>, objects: &[Arc<Value>], revision: u64, page: Page, now: Timestamp) -> Value {
    let mut list = if table::wanted(&on.call.accept) {
        let rows: Vec<&Value> = objects.iter().map(|object| &**object).collect();
        let include = table::Include::of(on.call);
        let mut table = table::of(on.kind, &rows, include, now);
        let path = ["metadata", "resourceVersion"];
        set(&mut table, &path, revision.to_string());
        table
    } else {
        of(on.kind, objects, revision)
    };
    page.note(&mut list);
    list
}

impl Token {
    /// The token of a request that asks for a later page.
    fn of(on: &On<'_>) -> Result<Option<Self>, Failure> {
        let sent = on.call.query("continue");
        if sent.is_empty() {
            return Ok(None);
        }
        if !["", "0"].contains(&on.call.query("resourceVersion")) {
            let why = "specifying resource version is not allowed when using continue";
            return Err(Failure::bad_request(why));
        }
        let bytes = URL_SAFE_NO_PAD.decode(sent).ok();
        let token = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let unreadable = || {
            let why =
                "invalid continue token: continue key is not valid: this server did not make it";
            Failure::bad_request(why)
        };
        token.ok_or_else(unreadable).map(Some)
    }

    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!(self).to_string())
    }

    fn without_revision(&self) -> String {
        let token = Self {
            revision: None,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        };
        token.encode()
    }
}

/// Where a list was cut, and how many objects are left (told only where no selector picks among them).
struct Page {
    next: Option<String>,
    left: Option<usize>,
}

impl Page {
    fn take(
        on: &On<'_>,
        mut objects: Vec<Arc<Value>>,
        revision: u64,
        token: Option<Token>,
    ) -> (Vec<Arc<Value>>, Self) {
        if let Some(Token {
            namespace, name, ..
        }) = token
        {
            let after = (namespace.as_str(), name.as_str());
            objects.retain(|object| (object::namespace(object), object::name(object)) > after);
        }
        let limit = limit(on);
        let left = objects.len().saturating_sub(limit);
        if limit == 0 || left == 0 {
            let whole = Self {
                next: None,
                left: None,
            };
            return (objects, whole);
        }
        objects.truncate(limit);
        let next = objects.last().map(|last| Token {
            revision: Some(revision),
            namespace: object::namespace(last).to_owned(),
            name: object::name(last).to_owned(),
        });
        let selects = |name: &str| !on.call.query(name).is_empty();
        let selects = selects("labelSelector") || selects("fieldSelector");
        let page = Self {
            next: next.map(|token| token.encode()),
            left: (!selects).then_some(left),
        };
        (objects, page)
    }

    fn note(self, list: &mut Value) {
        if let Some(token) = self.next {
            set(list, &["metadata", "continue"], token);
        }
        if let Some(left) = self.left {
            set(list, &["metadata", "remainingItemCount"], left);
        }
    }
}
