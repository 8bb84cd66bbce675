//! Audit logs of a roll of two nodes, with the Jobs that are there at its end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    audit::{US, event},
    judge::{
        Objection, Verdict,
        audit::{Case, acted_once},
    },
};

fn job(verb: &str, name: &str, code: u16) -> Value {
    event(US, verb, &json!({"resource": "jobs", "name": name}), code)
}

fn patch(node: &str, code: u16) -> Value {
    event(
        US,
        "patch",
        &json!({"resource": "nodes", "name": node}),
        code,
    )
}

/// With what was not done: a rehearsal, a write that came too late, a Job that was there already.
fn good() -> Vec<Value> {
    let mut rehearsed = job("create", "job-1", 201);
    rehearsed["requestURI"] = "/apis/batch/v1/namespaces/trireme-system/jobs?dryRun=All".into();
    vec![
        rehearsed,
        patch("w-1", 409),
        patch("w-1", 200),
        patch("w-1", 200),
        job("create", "job-1", 201),
        job("create", "job-1", 409),
        patch("w-1", 200),
        patch("w-2", 200),
        patch("w-2", 200),
        job("create", "job-2", 201),
        event(
            "another",
            "create",
            &json!({"resource": "jobs", "name": "job-3"}),
            201,
        ),
        patch("w-2", 200),
    ]
}

fn verdict(events: &[Value], jobs: &[(&str, &str)]) -> Verdict {
    verdict_with(events, jobs, 0)
}

fn verdict_with(events: &[Value], jobs: &[(&str, &str)], repeats: usize) -> Verdict {
    let log: String = events.iter().map(|event| format!("{event}\n")).collect();
    let jobs: BTreeMap<_, _> = jobs
        .iter()
        .map(|(job, node)| ((*job).to_owned(), (*node).to_owned()))
        .collect();
    let case = Case {
        identity: US,
        rolled: &BTreeSet::from(["w-1".to_owned(), "w-2".to_owned()]),
        evictions: 0,
    };
    acted_once(&log, &case, &jobs, repeats)
}

const JOBS: [(&str, &str); 2] = [("job-1", "w-1"), ("job-2", "w-2")];

fn broken(verdict: Verdict, words: &str) {
    assert!(
        matches!(&verdict, Err(Objection::Broken(why)) if why.contains(words)),
        "{words}: {verdict:?}"
    );
}

#[test]
fn one_cordon_one_start_one_job_and_one_uncordon_of_each_node_are_let_pass() {
    assert_eq!(verdict(&good(), &JOBS), Ok(()));
}

#[test]
fn a_job_that_was_deleted_is_found() {
    let mut events = good();
    events.push(job("delete", "job-1", 200));
    broken(verdict(&events, &JOBS), "deleted Jobs: [\"job-1\"]");
}

#[test]
fn a_second_job_of_a_node_is_found_whether_it_is_still_there_or_not() {
    let mut events = good();
    events.insert(10, job("create", "job-9", 201));
    broken(verdict(&events, &JOBS), "created Jobs");
    let jobs = [JOBS[0], JOBS[1], ("job-9", "w-2")];
    broken(verdict(&events, &jobs), "2 Jobs of node w-2");
}

#[test]
fn a_job_that_was_created_twice_is_found() {
    let mut events = good();
    events.push(job("create", "job-2", 201));
    broken(verdict(&events, &JOBS), "created Jobs");
}

#[test]
fn a_node_without_its_job_is_found() {
    broken(verdict(&good(), &JOBS[..1]), "created Jobs");
    let other = [JOBS[0], ("job-2", "w-3")];
    broken(verdict(&good(), &other), "0 Jobs of node w-2");
}

#[test]
fn a_second_cordon_or_one_that_lacks_is_found() {
    let mut events = good();
    events.push(patch("w-2", 200));
    broken(verdict(&events, &JOBS), "node w-2 was written 4 times");
    assert_eq!(
        verdict_with(&events, &JOBS, 1),
        Ok(()),
        "a start that was lost"
    );
    let mut events = good();
    events.remove(2);
    broken(verdict(&events, &JOBS), "node w-1 was written 2 times");
}
