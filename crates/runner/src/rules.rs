//! What the parts of a pipeline say about each other. [`structure`] holds the rules of Concourse's own
//! validation, each with the file it was read from; [`resources`] holds what the linked resources say.

mod names;
mod resources;
mod steps;

pub(crate) use resources::resources;

use crate::order;
use crate::pipeline::{Job, Pipeline};
use crate::problem::Problems;
use std::collections::{BTreeMap, BTreeSet};

/// The rules of `atc/configvalidate/validate.go` and `atc/step_validator.go`.
pub(crate) fn structure(pipeline: &Pipeline, problems: &mut Problems) {
    let lists = [
        (
            "resources",
            pipeline
                .resources
                .iter()
                .map(|resource| &resource.name)
                .collect::<Vec<_>>(),
        ),
        (
            "resource_types",
            pipeline
                .resource_types
                .iter()
                .map(|kind| &kind.name)
                .collect(),
        ),
        (
            "prototypes",
            pipeline.prototypes.iter().map(|kind| &kind.name).collect(),
        ),
        ("jobs", pipeline.jobs.iter().map(|job| &job.name).collect()),
        (
            "groups",
            pipeline.groups.iter().map(|group| &group.name).collect(),
        ),
    ];
    for (list, names) in lists {
        names::check(list, &names, problems);
    }
    types(pipeline, problems);
    unused(pipeline, problems);
    groups(pipeline, problems);
    pipeline
        .jobs
        .iter()
        .for_each(|job| steps::check(pipeline, job, problems));
    circle(pipeline, problems);
}

/// `validateResources`, `validateResourceTypes`: "has no type".
fn types(pipeline: &Pipeline, problems: &mut Problems) {
    let resources = pipeline
        .resources
        .iter()
        .map(|resource| ("resources", &resource.name, &resource.kind));
    let kinds = pipeline
        .resource_types
        .iter()
        .map(|kind| ("resource_types", &kind.name, &kind.kind));
    let prototypes = pipeline
        .prototypes
        .iter()
        .map(|kind| ("prototypes", &kind.name, &kind.kind));
    for (list, name, kind) in resources.chain(kinds).chain(prototypes) {
        if kind.text.is_empty() {
            problems.error(kind.at, format!("{list}.{} has no type", name.text));
        }
    }
}

/// `validateResourcesUnused`.
fn unused(pipeline: &Pipeline, problems: &mut Problems) {
    let named = pipeline.jobs.iter().flat_map(steps::resources_of);
    let used: BTreeSet<&str> = named.map(|name| name.text.as_str()).collect();
    for resource in &pipeline.resources {
        if !used.contains(resource.name.text.as_str()) {
            problems.error(
                resource.at,
                format!("resource '{}' is not used", resource.name.text),
            );
        }
    }
}

/// `validateGroups`.
fn groups(pipeline: &Pipeline, problems: &mut Problems) {
    let mut grouped: BTreeMap<&str, bool> = pipeline
        .jobs
        .iter()
        .map(|job| (job.name.text.as_str(), pipeline.groups.is_empty()))
        .collect();
    for group in &pipeline.groups {
        for name in &group.jobs {
            let matching = order::matching(pipeline, &name.text);
            if matching.is_empty() {
                problems.error(
                    name.at,
                    format!(
                        "group '{}' has unknown job '{}'",
                        group.name.text, name.text
                    ),
                );
            }
            matching.into_iter().for_each(|job| {
                grouped.insert(&job.name.text, true);
            });
        }
        for name in group
            .resources
            .iter()
            .filter(|name| pipeline.resource(&name.text).is_none())
        {
            problems.error(
                name.at,
                format!(
                    "group '{}' has unknown resource '{}'",
                    group.name.text, name.text
                ),
            );
        }
    }
    let lonely = |job: &&Job| !grouped.get(job.name.text.as_str()).copied().unwrap_or(true);
    for job in pipeline.jobs.iter().filter(lonely) {
        problems.error(
            job.name.at,
            format!("job '{}' belongs to no group", job.name.text),
        );
    }
}

/// Concourse accepts a circle of `passed`, and never schedules its jobs unless their versions passed before it was one.
fn circle(pipeline: &Pipeline, problems: &mut Problems) {
    let Some(jobs) = order::circle(pipeline) else {
        return;
    };
    let names: Vec<&str> = jobs.iter().map(|job| job.name.text.as_str()).collect();
    if let Some(first) = jobs.first() {
        let message = format!(
            "the jobs {} wait for each other by `passed`: none ever runs without a version that has passed already",
            names.join(", ")
        );
        problems.warning(first.name.at, message);
    }
}
