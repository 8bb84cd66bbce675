//! Which versions a build takes: for a get without `passed` the newest, the next or the pinned one; for gets with `passed` what the
//! newest builds of those jobs had, as in Concourse ([`resolver`]).

mod resolver;
#[cfg(test)]
mod tests;

use crate::order::matching;
use crate::pipeline::{Core, Get, Job, Pipeline, VersionChoice};
use crate::report::{Idle, Version};
use crate::store::{BuildRecord, Store, Taken};
use resolver::{Candidate, Input, PassedBuild, PassedJob, Unsatisfied};
use std::collections::{BTreeMap, BTreeSet};

/// What the next build of a job takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// Name of the get → what it takes.
    pub inputs: BTreeMap<String, Taken>,
    /// Job in `passed` → the build of it that the versions came from (the `build_pipes` of Concourse).
    pub passed_builds: BTreeMap<String, u64>,
}

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
    let (with_passed, free): (Vec<&Get>, Vec<&Get>) = gets(job)
        .into_iter()
        .partition(|get| !get.passed.is_empty());
    let mut chosen = Chosen::default();
    for get in free {
        let version = free_version(pipeline, store, job, get)?;
        chosen.take(get, version);
    }
    let history = History::new(pipeline, store, job, &with_passed);
    for group in history.groups() {
        history.resolve(&group, &mut chosen)?;
    }
    Ok(chosen)
}

impl Chosen {
    fn take(&mut self, get: &Get, version: &Version) {
        let taken = Taken {
            resource: get.resource.text.clone(),
            version: version.clone(),
        };
        self.inputs.insert(get.name.text.clone(), taken);
    }
}

/// What a get waits for.
fn waits(get: &Get, reason: String) -> Idle {
    Idle::Waiting {
        input: get.name.text.clone(),
        reason,
    }
}

/// Which version the pipeline or the get asks for.
fn version_choice<'p>(
    pipeline: &'p Pipeline,
    get: &'p Get,
) -> (&'p VersionChoice, Option<&'p Version>) {
    let resource = pipeline.resource(&get.resource.text);
    let pin = resource.and_then(|resource| resource.version.as_ref());
    match &get.version {
        VersionChoice::Pinned(version) if pin.is_none() => (&get.version, Some(version)),
        _ => (&get.version, pin),
    }
}

/// What a get without `passed` takes (`individual_resolver.go`, `pinned_resolver.go`).
fn free_version<'s>(
    pipeline: &Pipeline,
    store: &'s Store,
    job: &Job,
    get: &Get,
) -> Result<&'s Version, Idle> {
    let resource = get.resource.text.as_str();
    let known = store.versions(resource);
    let (choice, pin) = version_choice(pipeline, get);
    if let Some(pin) = pin {
        let found = known.iter().rev().find(|version| is_pinned(version, pin));
        return found.ok_or_else(|| waits(get, not_found(resource, pin)));
    }
    let newest = known.last();
    let next = match choice {
        VersionChoice::Every => last_taken(store, job, get)
            .and_then(|last| known.iter().position(|version| version == last))
            .and_then(|last| known.get(last + 1))
            .or(newest),
        VersionChoice::Latest | VersionChoice::Pinned(_) => newest,
    };
    next.ok_or_else(|| waits(get, format!("{resource} has no version yet")))
}

fn not_found(resource: &str, pin: &Version) -> String {
    format!("the pinned version {pin:?} of {resource} was not found by check")
}

/// The version that the last successful build took. One that failed is built again with the same version, where Concourse goes on
/// to the next: a run that is repeated finishes what the run before it did not.
fn last_taken<'s>(store: &'s Store, job: &Job, get: &Get) -> Option<&'s Version> {
    let last = store.succeeded(&job.name.text).next()?;
    let taken = last.inputs.get(&get.name.text)?;
    (taken.resource == get.resource.text).then_some(&taken.version)
}

/// The gets with `passed`, and the builds of the jobs that they name.
struct History<'a> {
    gets: Vec<&'a Get>,
    inputs: Vec<Input<'a>>,
    names: Vec<&'a str>,
    jobs: Vec<PassedJob<'a>>,
    /// By job, the build whose versions the last build took.
    last_used: BTreeMap<usize, u64>,
}

impl<'a> History<'a> {
    fn new(pipeline: &'a Pipeline, store: &'a Store, job: &Job, gets: &[&'a Get]) -> Self {
        let names: Vec<&str> = pipeline
            .jobs
            .iter()
            .map(|job| job.name.text.as_str())
            .collect();
        let last = store.succeeded(&job.name.text).next();
        let used = last.map(|last| &last.passed_builds);
        let index = |name: &str| names.iter().position(|known| *known == name);
        let last_used = used.into_iter().flatten();
        let last_used = last_used.filter_map(|(job, build)| Some((index(job)?, *build)));
        let last_used = last_used.collect();
        let input = |get: &&'a Get| Input {
            resource: &get.resource.text,
            passed: passed_jobs(pipeline, get, &index),
            pin: version_choice(pipeline, get).1,
            every: get.version == VersionChoice::Every,
        };
        let inputs: Vec<Input<'a>> = gets.iter().map(input).collect();
        let named: BTreeSet<usize> = inputs.iter().flat_map(|get| get.passed.clone()).collect();
        // The others are only there so that an index means the same job everywhere.
        let builds = |(job, name): (usize, &&'a str)| match named.contains(&job) {
            true => PassedJob {
                builds: store.succeeded(name).map(passed_build).collect(),
            },
            false => PassedJob::default(),
        };
        Self {
            gets: gets.to_vec(),
            jobs: names.iter().enumerate().map(builds).collect(),
            inputs,
            names,
            last_used,
        }
    }

    /// Gets that hang together by the jobs that they share: what one group takes does not matter to the others.
    fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<(Vec<usize>, BTreeSet<usize>)> = Vec::new();
        for (get, input) in self.inputs.iter().enumerate() {
            let mut own = (vec![get], BTreeSet::from_iter(input.passed.iter().copied()));
            let (with, apart): (Vec<_>, Vec<_>) = groups
                .into_iter()
                .partition(|(_, jobs)| !jobs.is_disjoint(&own.1));
            groups = apart;
            for (gets, jobs) in with {
                own.0.extend(gets);
                own.1.extend(jobs);
            }
            own.0.sort_unstable();
            groups.push(own);
        }
        groups.into_iter().map(|(gets, _)| gets).collect()
    }

    /// Adds what the gets of one group take.
    fn resolve(&self, group: &[usize], chosen: &mut Chosen) -> Result<(), Idle> {
        for get in group {
            self.has_candidates(*get)?;
        }
        let inputs: Vec<Input<'_>> = group.iter().map(|get| self.inputs[*get].clone()).collect();
        let found = resolver::resolve(&inputs, &self.jobs, &self.last_used);
        let found = found.map_err(|unsatisfied| self.told(group, unsatisfied))?;
        for (
            get,
            Candidate {
                version,
                vouched_by,
            },
        ) in group.iter().zip(found)
        {
            chosen.take(self.gets[*get], version);
            let builds = vouched_by.into_iter();
            let builds = builds.map(|(job, build)| (self.names[job].to_owned(), build));
            chosen.passed_builds.extend(builds);
        }
        Ok(())
    }

    /// Says what a get waits for whatever the others take.
    fn has_candidates(&self, get: usize) -> Result<(), Idle> {
        let (input, get) = (&self.inputs[get], self.gets[get]);
        let resource = input.resource;
        for &job in &input.passed {
            let versions = || self.jobs[job].versions_of(resource);
            if versions().next().is_none() {
                let name = self.names[job];
                return Err(waits(
                    get,
                    format!("no version of {resource} has passed job {name} yet"),
                ));
            }
            if let Some(pin) = input.pin
                && !versions().any(|version| is_pinned(version, pin))
            {
                return Err(waits(
                    get,
                    format!(
                        "the pinned version {pin:?} of {resource} has not passed job {}",
                        self.names[job]
                    ),
                ));
            }
        }
        Ok(())
    }

    fn told(&self, group: &[usize], unsatisfied: Unsatisfied) -> Idle {
        let names: Vec<&str> = group
            .iter()
            .map(|get| self.gets[*get].name.text.as_str())
            .collect();
        let names = names.join(" and ");
        match unsatisfied {
            Unsatisfied::NoBuild { input, job } => waits(
                self.gets[group[input]],
                format!(
                    "no build of job {} has versions of {names} that passed the other jobs together",
                    self.names[job]
                ),
            ),
            Unsatisfied::TooMany => waits(
                self.gets[group[0]],
                format!(
                    "there are too many ways to combine the versions of {names} by the builds of the jobs in `passed`; pin one of \
                     them with `version:`"
                ),
            ),
        }
    }
}

/// The jobs that a get names, in the order of the pipeline.
fn passed_jobs(
    pipeline: &Pipeline,
    get: &Get,
    index: &dyn Fn(&str) -> Option<usize>,
) -> Vec<usize> {
    let globs = get.passed.iter();
    let jobs = globs.flat_map(|passed| matching(pipeline, &passed.text));
    let jobs: BTreeSet<usize> = jobs.filter_map(|job| index(&job.name.text)).collect();
    jobs.into_iter().collect()
}

/// What `successful_build_outputs` has of a build: what it put, then what it got.
fn passed_build(build: &BuildRecord) -> PassedBuild<'_> {
    let taken = build.outputs.iter().rev().chain(build.inputs.values());
    let versions = taken.map(|taken| (taken.resource.as_str(), &taken.version));
    PassedBuild {
        number: build.number,
        versions: versions.collect(),
    }
}

/// Whether a version has every key of the pin with its value: a pin may name a part of a version (`FindVersionOfResource` in
/// `atc/db/versions_db.go` asks for containment).
pub(crate) fn is_pinned(version: &Version, pin: &Version) -> bool {
    pin.iter()
        .all(|(key, value)| version.get(key) == Some(value))
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
    let is_new = |get: &&Get| last.inputs.get(&get.name.text) != chosen.inputs.get(&get.name.text);
    if triggers.iter().any(is_new) {
        Ok(())
    } else {
        Err(Idle::UpToDate)
    }
}
