//! Which versions the gets with `passed` take, by the rules of Concourse (`atc/scheduler/algorithm/group_resolver.go`,
//! `atc/db/versions_db.go`): for each get in turn, the builds of each job in its `passed` are tried, the newest first, and a build
//! that is taken gives its versions to every get that names its job. So what is taken comes from the newest builds, which is not
//! always the newest version.

#[cfg(test)]
mod tests;

use crate::report::Version;
use std::collections::BTreeMap;

/// Builds that are tried at most. A pipeline needs as many as it has gets and jobs, and some more after failures.
const MAX_TRIES: usize = 20_000;

/// One get with `passed`.
#[derive(Debug, Clone)]
pub(super) struct Input<'a> {
    pub resource: &'a str,
    /// Indices into the jobs, in the order in which the pipeline has them.
    pub passed: Vec<usize>,
    /// The part of a version that a pin names.
    pub pin: Option<&'a Version>,
    /// `version: every`.
    pub every: bool,
}

/// A job that is named in `passed`.
#[derive(Debug, Clone, Default)]
pub(super) struct PassedJob<'a> {
    /// Its successful builds, the newest first.
    pub builds: Vec<PassedBuild<'a>>,
}

/// One successful build.
#[derive(Debug, Clone)]
pub(super) struct PassedBuild<'a> {
    pub number: u64,
    /// Resource and version of what it put, the last first, then of what it got.
    pub versions: Vec<(&'a str, &'a Version)>,
}

impl<'a> PassedJob<'a> {
    /// The versions of a resource that passed the job.
    pub fn versions_of<'b>(
        &'b self,
        resource: &'b str,
    ) -> impl Iterator<Item = &'a Version> + use<'a, 'b> {
        let versions = self.builds.iter().flat_map(|build| &build.versions);
        versions
            .filter(move |(known, _)| *known == resource)
            .map(|(_, version)| *version)
    }
}

/// What one get takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate<'a> {
    pub version: &'a Version,
    /// Job → the build of it that had this version.
    pub vouched_by: BTreeMap<usize, u64>,
}

/// Why nothing can be taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsatisfied {
    /// No build of this job has what this get asks for, together with the other gets.
    NoBuild { input: usize, job: usize },
    /// There are too many combinations.
    TooMany,
}

/// For each get what it takes. `last_used` are the builds, by job, whose versions the last build took.
pub(super) fn resolve<'a>(
    inputs: &[Input<'a>],
    jobs: &[PassedJob<'a>],
    last_used: &BTreeMap<usize, u64>,
) -> Result<Vec<Candidate<'a>>, Unsatisfied> {
    let mut search = Search {
        inputs,
        jobs,
        last_used,
        candidates: vec![None; inputs.len()],
        doomed: Vec::new(),
        tries: MAX_TRIES,
    };
    search.satisfy_all()?;
    Ok(search.candidates.into_iter().flatten().collect())
}

struct Search<'s, 'a> {
    inputs: &'s [Input<'a>],
    jobs: &'s [PassedJob<'a>],
    last_used: &'s BTreeMap<usize, u64>,
    candidates: Vec<Option<Candidate<'a>>>,
    /// The versions that led nowhere last: another build with the same is not tried.
    doomed: Vec<Option<&'a Version>>,
    tries: usize,
}

impl<'a> Search<'_, 'a> {
    fn satisfy_all(&mut self) -> Result<(), Unsatisfied> {
        (0..self.inputs.len()).try_for_each(|input| self.satisfy(input))
    }

    /// Finds a build of the first job that has not vouched for this get; what follows from it is found by recursion.
    fn satisfy(&mut self, input: usize) -> Result<(), Unsatisfied> {
        for &job in &self.inputs[input].passed {
            if self.is_vouched_by(input, job) || self.is_left_to_other_jobs(input, job) {
                continue;
            }
            for build in self.builds_to_try(input, job) {
                if self.try_build(input, job, build)? {
                    return Ok(());
                }
            }
            return Err(Unsatisfied::NoBuild { input, job });
        }
        Ok(())
    }

    fn is_vouched_by(&self, input: usize, job: usize) -> bool {
        let candidate = self.candidates[input].as_ref();
        candidate.is_some_and(|candidate| candidate.vouched_by.contains_key(&job))
    }

    /// With `version: every`, a job that the last build took nothing from vouches after those that it did.
    fn is_left_to_other_jobs(&self, input: usize, job: usize) -> bool {
        let (get, last) = (&self.inputs[input], self.last_used);
        get.every
            && self.candidates[input].is_none()
            && !last.contains_key(&job)
            && last.keys().any(|job| get.passed.contains(job))
    }

    /// Builds that have every version chosen so far for this job: the newest first, or with `version: every` the oldest of those
    /// after the last one used, then that one and what is before it.
    fn builds_to_try(&self, input: usize, job: usize) -> Vec<usize> {
        let builds = &self.jobs[job].builds;
        let fits = |build: &usize| self.has_chosen_versions(job, &builds[*build]);
        let fitting: Vec<usize> = (0..builds.len()).filter(fits).collect();
        let last = self
            .last_used
            .get(&job)
            .filter(|_| self.inputs[input].every);
        let Some(last) = last else { return fitting };
        let (mut newer, older): (Vec<usize>, Vec<usize>) = fitting
            .into_iter()
            .partition(|build| builds[*build].number > *last);
        newer.reverse();
        newer.into_iter().chain(older).collect()
    }

    fn has_chosen_versions(&self, job: usize, build: &PassedBuild<'a>) -> bool {
        let gets = self.inputs.iter().zip(&self.candidates);
        gets.filter(|(input, _)| input.passed.contains(&job))
            .filter_map(|(input, candidate)| Some((input.resource, candidate.as_ref()?.version)))
            .all(|chosen| build.versions.contains(&chosen))
    }

    /// Takes the versions of a build for all gets that they concern, and goes on with these; whether that led to an answer.
    fn try_build(&mut self, input: usize, job: usize, build: usize) -> Result<bool, Unsatisfied> {
        self.tries = self.tries.checked_sub(1).ok_or(Unsatisfied::TooMany)?;
        let before = self.candidates.clone();
        let fits = self.take_versions(job, build) && self.is_vouched_by(input, job);
        if fits && self.doomed != self.versions() {
            match self.satisfy_all() {
                Err(Unsatisfied::NoBuild { .. }) => self.doomed = self.versions(),
                ended => return ended.map(|()| true),
            }
        }
        self.candidates = before;
        Ok(false)
    }

    fn versions(&self) -> Vec<Option<&'a Version>> {
        let candidates = self.candidates.iter();
        candidates
            .map(|candidate| candidate.as_ref().map(|one| one.version))
            .collect()
    }

    /// Whether the versions of the build agree with what is chosen.
    fn take_versions(&mut self, job: usize, build: usize) -> bool {
        let build = &self.jobs[job].builds[build];
        let mut taken = vec![false; self.inputs.len()];
        for &(resource, version) in &build.versions {
            for (at, input) in self.inputs.iter().enumerate() {
                if taken[at] || input.resource != resource || !input.passed.contains(&job) {
                    continue;
                }
                let candidate = &mut self.candidates[at];
                if candidate.as_ref().is_some_and(|one| one.version != version) {
                    return false;
                }
                if input.pin.is_some_and(|pin| !super::is_pinned(version, pin)) {
                    continue;
                }
                taken[at] = true;
                let candidate = candidate.get_or_insert_with(|| Candidate {
                    version,
                    vouched_by: BTreeMap::new(),
                });
                candidate.vouched_by.insert(job, build.number);
            }
        }
        true
    }
}
