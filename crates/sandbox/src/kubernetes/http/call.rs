//! A request in the terms of the API: which resource, which verb, which options.

use std::collections::BTreeMap;

use http::{Method, Request, header};
use serde_json::{Value, json};

use crate::kubernetes::{
    access::Question,
    failure::Failure,
    kinds::{self, Kind},
    selector::{Fields, Labels},
    write::Mode,
};

/// What a path names.
#[derive(Debug)]
pub(crate) enum Target {
    /// No resource: discovery, version, health.
    Path,
    /// An object or a collection.
    Resource {
        group: String,
        plural: String,
        /// `None` when it is not served.
        kind: Option<&'static Kind>,
        namespace: String,
        name: String,
        subresource: String,
    },
}

/// One request, read.
#[derive(Debug)]
pub(crate) struct Call {
    pub method: Method,
    pub path: String,
    pub target: Target,
    pub accept: String,
    pub content_type: String,
    query: BTreeMap<String, String>,
}

impl Call {
    /// Reads a request's line and headers.
    ///
    /// # Errors
    /// 400 when its query cannot be read.
    pub fn of<B>(request: &Request<B>) -> Result<Self, Failure> {
        let uri = request.uri();
        let header = |name| {
            let value = request.headers().get(name).and_then(|v| v.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let path = percent_encoding::percent_decode_str(uri.path()).decode_utf8();
        let path = path.map_err(|_| Failure::bad_request("the path is not UTF-8"))?;
        let content_type = header(header::CONTENT_TYPE);
        let content_type = content_type.split(';').next().unwrap_or_default().trim();
        Ok(Self {
            method: request.method().clone(),
            target: Target::of(&path),
            path: path.into_owned(),
            accept: header(header::ACCEPT),
            content_type: content_type.to_owned(),
            query: query.into_owned().collect(),
        })
    }

    /// A query parameter; empty when it is not given.
    pub fn query(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub fn asks(&self, name: &str) -> bool {
        ["true", "1"].contains(&self.query(name))
    }

    pub fn is_watch(&self) -> bool {
        self.method == Method::GET && self.asks("watch")
    }

    pub fn mode(&self) -> Mode {
        Mode {
            dry_run: self.query("dryRun") == "All",
            strict: self.query("fieldValidation") == "Strict",
        }
    }

    /// Refuses a `dryRun` other than `All`: without the refusal the request would really be done.
    ///
    /// # Errors
    /// 422, naming the options of this method.
    pub fn check_dry_run(&self) -> Result<(), Failure> {
        let asked = self.query("dryRun");
        let options = match self.method.as_str() {
            "POST" => "CreateOptions",
            "PUT" => "UpdateOptions",
            "PATCH" => "PatchOptions",
            _ => return Ok(()),
        };
        if ["", "All"].contains(&asked) {
            return Ok(());
        }
        Err(Failure::unsupported_dry_run(options, &[asked]))
    }

    /// The revision that is asked for; 0 is any.
    ///
    /// # Errors
    /// The message of the real server when it is not a revision.
    pub fn revision(&self) -> Result<u64, String> {
        let asked = self.query("resourceVersion");
        if asked.is_empty() {
            return Ok(0);
        }
        asked.parse().map_err(|_| {
            format!("resourceVersion: Invalid value: {asked:?}: strconv.ParseUint: parsing {asked:?}: invalid syntax")
        })
    }

    pub fn labels(&self) -> Result<Labels, Failure> {
        Labels::parse(self.query("labelSelector"))
    }

    pub fn fields(&self, kind: &Kind) -> Result<Fields, Failure> {
        Fields::parse(self.query("fieldSelector"), kind)
    }

    /// The question to the authorizer.
    pub fn question(&self) -> Question {
        match &self.target {
            Target::Path => Question {
                verb: self.method.as_str().to_lowercase(),
                path: self.path.clone(),
                ..Question::default()
            },
            Target::Resource {
                group,
                plural,
                namespace,
                name,
                subresource,
                ..
            } => Question {
                verb: self.verb(name).to_owned(),
                group: group.clone(),
                resource: plural.clone(),
                subresource: subresource.clone(),
                namespace: namespace.clone(),
                name: self.asked_name(name),
                path: String::new(),
            },
        }
    }

    /// A list or watch of one name by field selector counts as naming the object.
    fn asked_name(&self, name: &str) -> String {
        let selected = self.query("fieldSelector").strip_prefix("metadata.name=");
        match selected {
            Some(selected) if name.is_empty() && !selected.contains(',') => selected.to_owned(),
            _ => name.to_owned(),
        }
    }

    fn verb(&self, name: &str) -> &'static str {
        match (self.method.as_str(), name.is_empty()) {
            ("GET" | "HEAD", true) if self.is_watch() => "watch",
            ("GET" | "HEAD", true) => "list",
            ("GET" | "HEAD", false) if self.is_watch() => "watch",
            ("GET" | "HEAD", false) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", true) => "deletecollection",
            ("DELETE", false) => "delete",
            _ => "",
        }
    }

    /// The details of a 403.
    pub fn denied_details(&self) -> Value {
        match &self.target {
            Target::Path => json!({}),
            Target::Resource {
                group,
                plural,
                name,
                ..
            } => {
                let mut details = json!({"kind": plural});
                for (key, value) in [("group", group.clone()), ("name", self.asked_name(name))] {
                    if !value.is_empty() {
                        details[key] = value.into();
                    }
                }
                details
            }
        }
    }
}

impl Target {
    fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').skip(1).collect();
        match parts.as_slice() {
            ["api", version, rest @ ..] if !rest.is_empty() => Self::resource("", version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => {
                Self::resource(group, version, rest)
            }
            _ => Self::Path,
        }
    }

    fn resource(group: &str, version: &str, rest: &[&str]) -> Self {
        let (namespace, plural, rest) = match rest {
            // The namespace itself and its subresources, not something in it.
            ["namespaces", name, "status" | "finalize", ..] | ["namespaces", name] => {
                (*name, "namespaces", &rest[1..])
            }
            ["namespaces", namespace, plural, rest @ ..] => (*namespace, *plural, rest),
            [plural, rest @ ..] => ("", *plural, rest),
            [] => ("", "", rest),
        };
        let kind = kinds::served(group, version, plural).filter(|_| rest.len() <= 2);
        let part = |at: usize| rest.get(at).copied().unwrap_or_default().to_owned();
        Self::Resource {
            group: group.to_owned(),
            plural: plural.to_owned(),
            kind,
            namespace: namespace.to_owned(),
            name: part(0),
            subresource: part(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(method: &str, uri: &str) -> String {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        let q = Call::of(&request).unwrap().question();
        let parts = [
            q.verb,
            q.group,
            q.resource,
            q.subresource,
            q.namespace,
            q.name,
            q.path,
        ];
        parts.join("|")
    }

    #[test]
    fn paths_and_methods_become_questions() {
        for (method, uri, expected) in [
            ("GET", "/version", "get||||||/version"),
            ("GET", "/api/v1/nodes", "list||nodes||||"),
            ("GET", "/api/v1/nodes?watch=1", "watch||nodes||||"),
            (
                "GET",
                "/api/v1/nodes?fieldSelector=metadata.name%3Da",
                "list||nodes|||a|",
            ),
            (
                "GET",
                "/api/v1/namespaces/shop",
                "get||namespaces||shop|shop|",
            ),
            (
                "PATCH",
                "/apis/apps/v1/namespaces/shop/deployments/web/status",
                "patch|apps|deployments|status|shop|web|",
            ),
            (
                "POST",
                "/api/v1/namespaces/shop/pods/a/eviction",
                "create||pods|eviction|shop|a|",
            ),
            (
                "DELETE",
                "/api/v1/namespaces/shop/pods",
                "deletecollection||pods||shop||",
            ),
        ] {
            assert_eq!(question(method, uri), expected, "{method} {uri}");
        }
    }
}
