//! The order of jobs: after those whose `passed` versions they take, and after those whose puts they get.

use crate::pipeline::{Core, Job, Pipeline};
use regex::Regex;
use std::collections::BTreeSet;

/// Indices of jobs.
type Edges = Vec<BTreeSet<usize>>;

/// The jobs that a `passed` entry or a group means; since Concourse 8 it may be a glob.
pub(crate) fn matching<'p>(pipeline: &'p Pipeline, text: &str) -> Vec<&'p Job> {
    let Some(glob) = glob(text) else {
        return Vec::new();
    };
    let is_meant = |job: &&Job| glob.is_match(&job.name.text);
    pipeline.jobs.iter().filter(is_meant).collect()
}

/// The globs of `gobwas/glob`: `*`, `?`, `[a-z]`, `[!x]`, `{a,b}` and `\`. `None` for one that is not closed.
pub(crate) fn glob(text: &str) -> Option<Regex> {
    let (mut pattern, mut open) = (String::from("^"), 0);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => pattern += ".*",
            '?' => pattern.push('.'),
            '{' => (pattern, open) = (pattern + "(?:", open + 1),
            '}' if open > 0 => (pattern, open) = (pattern + ")", open - 1),
            ',' if open > 0 => pattern.push('|'),
            '[' => {
                let (set, after) = rest.as_str().split_once(']')?;
                let set = regex::escape(set).replace(r"\-", "-");
                let set = set
                    .strip_prefix('!')
                    .map_or(set.clone(), |set| format!("^{set}"));
                pattern += &format!("[{set}]");
                rest = after.chars();
            }
            '\\' => pattern += &regex::escape(&rest.next()?.to_string()),
            plain => pattern += &regex::escape(&plain.to_string()),
        }
    }
    Regex::new(&(pattern + "$")).ok()
}

/// All jobs in an order in which each comes after those it depends on, otherwise as in the file.
pub(crate) fn order(pipeline: &Pipeline) -> Vec<&Job> {
    let mut after = passed_edges(pipeline);
    for (job, earlier) in put_edges(pipeline) {
        // A put that would close a circle is no reason to wait.
        if !reaches(&after, earlier, job) {
            after[job].insert(earlier);
        }
    }
    let mut done = Vec::new();
    (0..pipeline.jobs.len()).for_each(|job| place(job, &after, &mut done));
    done.into_iter().map(|job| &pipeline.jobs[job]).collect()
}

/// The jobs of one circle of `passed`, if there is one: none of them could ever run.
pub(crate) fn circle(pipeline: &Pipeline) -> Option<Vec<&Job>> {
    let after = passed_edges(pipeline);
    let first = (0..after.len()).find(|&job| {
        after[job]
            .iter()
            .any(|&earlier| reaches(&after, earlier, job))
    })?;
    let member =
        |&job: &usize| job == first || (reaches(&after, first, job) && reaches(&after, job, first));
    let members = (0..after.len()).filter(member);
    Some(members.map(|job| &pipeline.jobs[job]).collect())
}

fn place(job: usize, after: &Edges, done: &mut Vec<usize>) {
    let mut pending = vec![(job, false)];
    let mut entered = BTreeSet::new();
    while let Some((job, ready)) = pending.pop() {
        if ready && !done.contains(&job) {
            done.push(job);
        } else if !ready && !done.contains(&job) && entered.insert(job) {
            pending.push((job, true));
            pending.extend(after[job].iter().rev().map(|&earlier| (earlier, false)));
        }
    }
}

fn reaches(after: &Edges, from: usize, to: usize) -> bool {
    let (mut seen, mut pending) = (BTreeSet::new(), vec![from]);
    while let Some(job) = pending.pop() {
        if job == to {
            return true;
        }
        if seen.insert(job) {
            pending.extend(&after[job]);
        }
    }
    false
}

fn index(pipeline: &Pipeline, job: &Job) -> Option<usize> {
    pipeline
        .jobs
        .iter()
        .position(|other| other.name == job.name)
}

fn passed_edges(pipeline: &Pipeline) -> Edges {
    let passed_of = |job: &Job| {
        let mut edges = BTreeSet::new();
        job.visit(&mut |step| {
            if let Core::Get(get) = &step.core {
                let jobs = get
                    .passed
                    .iter()
                    .flat_map(|passed| matching(pipeline, &passed.text));
                edges.extend(jobs.filter_map(|job| index(pipeline, job)));
            }
        });
        edges
    };
    pipeline.jobs.iter().map(passed_of).collect()
}

/// Pairs of a job that gets a resource freely and another that puts it.
fn put_edges(pipeline: &Pipeline) -> Vec<(usize, usize)> {
    let mut edges = Vec::new();
    for (getter, job) in pipeline.jobs.iter().enumerate() {
        job.visit(&mut |step| {
            let Core::Get(get) = &step.core else { return };
            let puts = |other: &Job| get.passed.is_empty() && puts(other, &get.resource.text);
            let putters = pipeline
                .jobs
                .iter()
                .enumerate()
                .filter(|(putter, other)| *putter != getter && puts(other));
            edges.extend(putters.map(|(putter, _)| (getter, putter)));
        });
    }
    edges
}

fn puts(job: &Job, resource: &str) -> bool {
    let mut found = false;
    job.visit(&mut |step| {
        found |= matches!(&step.core, Core::Put(put) if put.resource.text == resource);
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{problem::Problems, yaml};

    fn names(jobs: &[&Job]) -> Vec<String> {
        jobs.iter().map(|job| job.name.text.clone()).collect()
    }

    fn read(jobs: &str) -> Pipeline {
        let root = yaml::parse(&format!("jobs:\n{jobs}")).unwrap();
        Pipeline::read(&root, &mut Problems::default())
    }

    #[test]
    fn jobs_follow_what_they_take() {
        let pipeline = read(
            "- {name: roll, plan: [{get: i, passed: [sign]}]}
- {name: alone, plan: [{get: x}]}
- {name: sign, plan: [{get: i, passed: ['mir*']}]}
- {name: scan, plan: [{get: i}]}
- {name: mirror, plan: [{put: i}]}",
        );
        assert_eq!(
            names(&order(&pipeline)),
            ["mirror", "sign", "roll", "alone", "scan"]
        );
        assert!(circle(&pipeline).is_none());
    }

    #[test]
    fn names_of_jobs_may_be_globs() {
        let rows = [
            ("build", "build", true),
            ("build", "builds", false),
            ("b*", "build", true),
            ("b?ild", "build", true),
            ("{unit,lint}-*", "lint-go", true),
            ("{unit,lint}-*", "test-go", false),
            ("v[0-9]", "v7", true),
            ("v[!0-9]", "v7", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("a.b", "axb", false),
        ];
        for (text, name, is_meant) in rows {
            assert_eq!(
                glob(text).unwrap().is_match(name),
                is_meant,
                "{text} {name}"
            );
        }
        for text in ["[a", "{a", "a\\"] {
            assert!(glob(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_circle_of_passed_is_found_and_one_of_puts_is_none() {
        let pipeline = read(
            "- {name: a, plan: [{get: r, passed: [b]}]}
- {name: b, plan: [{get: r, passed: [c]}]}
- {name: c, plan: [{get: r, passed: [b]}]}",
        );
        assert_eq!(names(&circle(&pipeline).unwrap()), ["b", "c"]);
        let pipeline = read(
            "- {name: a, plan: [{get: r}, {put: s}]}\n- {name: b, plan: [{get: s}, {put: r}]}",
        );
        assert!(circle(&pipeline).is_none());
        assert_eq!(order(&pipeline).len(), 2);
    }
}
