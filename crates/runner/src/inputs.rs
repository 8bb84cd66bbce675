//! Which versions a build takes: for each get the newest that fulfils its conditions, where gets that
//! share a job in `passed` take versions that went through one and the same build of it, as in
//! Concourse (`atc/scheduler/algorithm`).

#[cfg(test)]
mod tests;
mod together;

use crate::order::matching;
use crate::pipeline::{Core, Get, Job, Pipeline, VersionChoice};
use crate::report::{Idle, Version};
use crate::store::{BuildRecord, Store, Taken};
use std::collections::BTreeMap;
use together::{Apart, Link, Puzzle};

/// Name of the get → what it takes.
pub(crate) type Chosen = BTreeMap<String, Taken>;

/// The gets of a job, each once.
pub(crate) fn gets(job: &Job) -> Vec<&Get> {
    let mut found: Vec<&Get> = Vec::new();
    job.visit(&mut |step| {
        if let Core::Get(get) = &step.core
            && !found.iter().any(|known| known.name.text == get.name.text)
        {
            found.push(get);
        }
    });
    found
}

/// What the next build of the job takes, or what it waits for.
pub(crate) fn choose(pipeline: &Pipeline, store: &Store, job: &Job) -> Result<Chosen, Idle> {
    let gets = gets(job);
    let mut wants = Vec::new();
    for get in &gets {
        wants.push(want(pipeline, store, job, get)?);
    }
    let versions = puzzle(&wants)
        .solve()
        .map_err(|apart| waits_for_builds(&wants, &apart))?;
    let taken = |(want, version): (&Want<'_>, usize)| {
        let taken = Taken {
            resource: want.resource.to_owned(),
            version: want.candidates[version].clone(),
        };
        (want.name.to_owned(), taken)
    };
    Ok(wants.iter().zip(versions).map(taken).collect())
}

fn waits_for_builds(wants: &[Want<'_>], apart: &Apart) -> Idle {
    let shared: Vec<&str> = wants
        .iter()
        .filter(|want| !want.passed.is_empty())
        .map(|want| want.name)
        .collect();
    let names = shared.join(" and ");
    let reason = match apart {
        Apart::Never => {
            format!("no build of the jobs in `passed` holds versions of {names} together")
        }
        Apart::Unknown => format!(
            "there are too many ways to combine the versions of {names} by the builds of the jobs in `passed`; pin one of \
             them with `version:`"
        ),
    };
    Idle::Waiting {
        input: shared
            .first()
            .map_or_else(String::new, |name| (*name).to_owned()),
        reason,
    }
}

/// One get with the versions it could take, the preferred first.
struct Want<'w> {
    name: &'w str,
    resource: &'w str,
    candidates: Vec<Version>,
    passed: Vec<(&'w str, Vec<&'w BuildRecord>)>,
}

fn want<'w>(
    pipeline: &'w Pipeline,
    store: &'w Store,
    job: &Job,
    get: &'w Get,
) -> Result<Want<'w>, Idle> {
    let resource = get.resource.text.as_str();
    let jobs = get
        .passed
        .iter()
        .flat_map(|passed| matching(pipeline, &passed.text));
    let passed: Vec<(&str, Vec<&BuildRecord>)> = jobs
        .map(|job| {
            (
                job.name.text.as_str(),
                store.succeeded(&job.name.text).collect(),
            )
        })
        .collect();
    let wait = |reason| Idle::Waiting {
        input: get.name.text.clone(),
        reason,
    };
    for (job, builds) in &passed {
        if builds
            .iter()
            .all(|build| build.versions_of(resource).next().is_none())
        {
            return Err(wait(format!(
                "no version of {resource} has passed job {job} yet"
            )));
        }
    }
    let known = known(store, resource, &passed);
    let pinned = pipeline
        .resource(resource)
        .and_then(|resource| resource.version.clone());
    let choice = pinned.map_or_else(|| get.version.clone(), VersionChoice::Pinned);
    let candidates = candidates(known, &choice, last_taken(store, job, get));
    if candidates.is_empty() {
        return Err(wait(missing(&choice, resource)));
    }
    Ok(Want {
        name: &get.name.text,
        resource,
        candidates,
        passed,
    })
}

fn missing(choice: &VersionChoice, resource: &str) -> String {
    match choice {
        VersionChoice::Pinned(version) => {
            format!("the pinned version {version:?} of {resource} was not found by check")
        }
        VersionChoice::Latest | VersionChoice::Every => format!("{resource} has no version yet"),
    }
}

/// The versions there are, oldest first: what check found, or what went through the builds of the jobs in `passed`.
fn known(store: &Store, resource: &str, passed: &[(&str, Vec<&BuildRecord>)]) -> Vec<Version> {
    let mut known = store.versions(resource).to_vec();
    if let Some((_, builds)) = passed.first() {
        let through = |version: &Version| builds.iter().any(|build| build.holds(resource, version));
        known.retain(through);
        let held = builds.iter().flat_map(|build| build.versions_of(resource));
        let forgotten: Vec<Version> = held
            .filter(|version| !known.contains(version))
            .cloned()
            .collect();
        known.splice(0..0, forgotten.into_iter().rev());
    }
    known
}

fn last_taken<'s>(store: &'s Store, job: &Job, get: &Get) -> Option<&'s Version> {
    let last = store.succeeded(&job.name.text).next()?;
    let taken = last.inputs.get(&get.name.text)?;
    (taken.resource == get.resource.text).then_some(&taken.version)
}

/// The versions to try, the preferred first.
fn candidates(
    mut known: Vec<Version>,
    choice: &VersionChoice,
    last: Option<&Version>,
) -> Vec<Version> {
    match choice {
        VersionChoice::Pinned(pin) => {
            known.retain(|candidate| is_pinned(candidate, pin));
            known.reverse();
        }
        VersionChoice::Latest => known.reverse(),
        VersionChoice::Every => {
            let taken = last.and_then(|last| known.iter().position(|version| version == last));
            match taken {
                // The next one first; with nothing newer, the same again.
                Some(index) => {
                    let later = known.split_off(index + 1);
                    known.reverse();
                    return later.into_iter().chain(known).collect();
                }
                None => known.reverse(),
            }
        }
    }
    known
}

/// Whether a version has every key of the pin with its value: a pin may name a part of a version (`FindVersionOfResource` in
/// `atc/db/versions_db.go` asks for containment).
pub(crate) fn is_pinned(version: &Version, pin: &Version) -> bool {
    pin.iter()
        .all(|(key, value)| version.get(key) == Some(value))
}

/// The wants by their indices. Every want knows the same builds of a job.
fn puzzle(wants: &[Want<'_>]) -> Puzzle {
    let mut jobs: BTreeMap<&str, usize> = BTreeMap::new();
    let mut builds = Vec::new();
    let mut links = Vec::new();
    for (get, want) in wants.iter().enumerate() {
        let versions = want.candidates.iter().enumerate();
        // Of one that stands there twice, the first.
        let index: BTreeMap<&Version, usize> = versions.rev().map(|(at, one)| (one, at)).collect();
        for (job, records) in &want.passed {
            let job = *jobs.entry(job).or_insert_with(|| {
                builds.push(records.len());
                builds.len() - 1
            });
            let held = records.iter().enumerate().flat_map(|(build, record)| {
                let held = record.versions_of(want.resource);
                held.map(move |version| (version, build))
            });
            let pairs = held.filter_map(|(version, build)| Some((*index.get(version)?, build)));
            let pairs = pairs.collect();
            links.push(Link { get, job, pairs });
        }
    }
    Puzzle {
        candidates: wants.iter().map(|want| want.candidates.len()).collect(),
        builds,
        links,
    }
}

/// Whether the job is to be built with these inputs: a triggering one is not that of the last successful build.
pub(crate) fn is_triggered(store: &Store, job: &Job, chosen: &Chosen) -> Result<(), Idle> {
    let triggers: Vec<&Get> = gets(job).into_iter().filter(|get| get.trigger).collect();
    if triggers.is_empty() {
        return Err(Idle::NotTriggered);
    }
    let Some(last) = store.succeeded(&job.name.text).next() else {
        return Ok(());
    };
    let is_new = |get: &&Get| last.inputs.get(&get.name.text) != chosen.get(&get.name.text);
    if triggers.iter().any(is_new) {
        Ok(())
    } else {
        Err(Idle::UpToDate)
    }
}
