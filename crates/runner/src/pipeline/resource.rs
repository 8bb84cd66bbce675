//! Resources, resource types, groups and the display.

use super::{Fields, Name, Shape, duration::parse_duration};
use crate::problem::{Position, Problems};
use crate::report::Version;
use crate::vars;
use crate::yaml::Node;
use std::time::Duration;

/// One resource.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its name; empty when the file has none.
    pub name: Name,
    /// The name of its type; empty when the file has none.
    pub kind: Name,
    /// Its configuration.
    pub source: Option<Node>,
    /// The version to which it is pinned.
    pub version: Option<Version>,
    /// How long a check may take; Concourse's default when absent.
    pub check_timeout: Option<Duration>,
    /// Where its entry starts.
    pub at: Position,
}

/// One entry of `resource_types`.
#[derive(Debug, Clone)]
pub struct ResourceType {
    /// The name that resources use.
    pub name: Name,
    /// The type that fetches its image.
    pub kind: Name,
    /// Where its image is.
    pub source: Option<Node>,
    /// Values that resources of this type have unless they say otherwise.
    pub defaults: Option<Node>,
}

/// One group of jobs.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: Name,
    /// Its jobs.
    pub jobs: Vec<Name>,
    /// Its resources.
    pub resources: Vec<Name>,
}

impl Resource {
    pub(super) fn read(node: &Node, context: &str, problems: &mut Problems) -> Self {
        let mut fields = Fields::new(node, context, problems);
        let empty = || Name {
            text: String::new(),
            at: node.at,
        };
        let resource = Self {
            name: fields.string("name").unwrap_or_else(empty),
            kind: fields.string("type").unwrap_or_else(empty),
            source: fields.mapping("source"),
            version: fields.version("version").map(version_of),
            check_timeout: read_duration(&mut fields, "check_timeout"),
            at: node.at,
        };
        check_every(&mut fields);
        // Nothing of this has a meaning without a server: looks, access, webhooks, workers.
        fields.ignore(&[
            ("old_name", Shape::Text),
            ("public", Shape::Flag),
            ("webhook_token", Shape::Text),
            ("icon", Shape::Text),
            ("expose_build_created_by", Shape::Flag),
        ]);
        fields.tags();
        fields.finish();
        resource
    }
}

impl ResourceType {
    pub(super) fn read(node: &Node, context: &str, problems: &mut Problems) -> Self {
        let mut fields = Fields::new(node, context, problems);
        let empty = || Name {
            text: String::new(),
            at: node.at,
        };
        let kind = Self {
            name: fields.string("name").unwrap_or_else(empty),
            kind: fields.string("type").unwrap_or_else(empty),
            source: fields.mapping("source"),
            defaults: fields.mapping("defaults"),
        };
        check_every(&mut fields);
        // The linked resource runs as a process: there is no image to fetch and no container to privilege.
        fields.ignore(&[("params", Shape::Mapping), ("privileged", Shape::Flag)]);
        fields.tags();
        fields.finish();
        kind
    }
}

impl Group {
    pub(super) fn read(node: &Node, context: &str, problems: &mut Problems) -> Self {
        let mut fields = Fields::new(node, context, problems);
        let group = Self {
            name: fields.string("name").unwrap_or(Name {
                text: String::new(),
                at: node.at,
            }),
            jobs: fields.strings("jobs"),
            resources: fields.strings("resources"),
        };
        fields.finish();
        group
    }
}

/// `display` has an effect on the web page only, but its keys are checked.
pub(super) fn read_display(fields: &mut Fields<'_, '_>) {
    let Some(node) = fields.node("display") else {
        return;
    };
    let mut display = Fields::new(node, "display", fields.problems);
    display.ignore(&[("background_filter", Shape::Text)]);
    if let Some(image) = display.string("background_image") {
        let scheme = image
            .text
            .split_once(':')
            .map(|(scheme, _)| scheme.to_owned());
        if scheme.is_some_and(|scheme| !matches!(scheme.as_str(), "http" | "https")) {
            display.error(image.at, "background_image must be http, https or relative");
        }
    }
    display.finish();
}

fn check_every(fields: &mut Fields<'_, '_>) {
    let never = |node: &Node| node.as_str() == Some("never");
    if fields.value().get("check_every").is_some_and(never) {
        fields.ignore(&[("check_every", Shape::Text)]);
    } else {
        read_duration(fields, "check_every");
    }
}

fn read_duration(fields: &mut Fields<'_, '_>, key: &'static str) -> Option<Duration> {
    let text = fields.string(key)?;
    let duration = parse_duration(&text.text);
    if duration.is_none() && vars::references(&text.text).is_empty() {
        fields.error(
            text.at,
            &format!(
                "`{key}`: invalid duration '{}'; write it as 90s, 15m or 1h30m",
                text.text
            ),
        );
    }
    duration
}

pub(super) fn version_of(pairs: Vec<(Name, String)>) -> Version {
    pairs
        .into_iter()
        .map(|(name, value)| (name.text, value))
        .collect()
}
