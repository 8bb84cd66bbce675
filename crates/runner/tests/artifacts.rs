//! What later steps see of a step that did not come to a good end: nothing.

#[cfg(test)]
mod support;

use support::*;
use trireme_runner::*;

/// Ends of `in`: refused, failed, without an answer although it ended well, killed. Each has written half of its files.
const ENDS: [(&str, Status); 4] = [
    ("exit: '2'", Status::Denied),
    ("exit: '1'", Status::Failed),
    ("exit: '0'", Status::Errored),
    ("die: '9'", Status::Failed),
];

/// Every way in which a step may reach for the artifact `b`, or for what its get said of it.
const REACHES: [&str; 5] = [
    "task: look\n    config: {platform: linux, inputs: [{name: b}], run: {path: 'true'}}",
    "load_var: half\n    file: b/half",
    "put: c\n    params: {v: x}\n    inputs: [b]",
    "put: c\n    params: {v: ((.:b.colour))}",
    "task: look\n    file: b/half",
];

/// A job whose first step fails as `first` says, and whose second reaches for what it would have made.
async fn reach(first: &str, reach: &str) -> RunReport {
    let world = World::new(&format!(
        "\n- name: j\n  plan:\n  - {{get: a, trigger: true}}\n  - try: {first}\n  - {reach}\n"
    ));
    world.found("a", &["1"]);
    if first.contains("get: b") {
        world.found("b", &["1"]);
    }
    let report = world.run().await;
    assert!(
        world.calls("c").is_empty(),
        "{first}, {reach}: nothing was put"
    );
    report
}

#[tokio::test]
async fn a_get_that_did_not_succeed_leaves_nothing_to_later_steps() {
    for (params, status) in ENDS {
        for step in REACHES {
            let report = reach(&format!("{{get: b, params: {{{params}}}}}"), step).await;
            let found: Vec<Status> = report.steps().map(|step| step.status).collect();
            let expected = [Status::Succeeded, status, Status::Errored];
            assert_eq!(found, expected, "{params}, {step}: {:?}", steps(&report));
        }
    }
}

#[tokio::test]
async fn the_get_after_a_put_that_did_not_succeed_leaves_nothing_either() {
    for (params, status) in ENDS {
        let first = format!("{{put: b, params: {{v: x}}, get_params: {{{params}}}}}");
        let report = reach(&first, REACHES[0]).await;
        let found: Vec<Status> = report.steps().map(|step| step.status).collect();
        let expected = [
            Status::Succeeded,
            Status::Succeeded,
            status,
            Status::Errored,
        ];
        assert_eq!(found, expected, "{params}: {:?}", steps(&report));
    }
}

#[tokio::test]
async fn hooks_of_a_get_that_was_denied_do_not_see_its_files() {
    let world = World::new(
        "
- name: j
  plan:
  - get: a
    trigger: true
    params: {exit: '2'}
    on_failure: {task: look, config: {platform: linux, inputs: [{name: a}], run: {path: 'true'}}}
- name: next
  plan: [{get: a, passed: [j], trigger: true}]
",
    );
    world.found("a", &["1"]);
    let report = world.run().await;
    assert_eq!(steps(&report), ["a Get Denied", "look Task Errored"]);
    let reason = report.steps().last().unwrap().reason.clone().unwrap();
    assert!(
        reason.starts_with("there is no artifact `a` here"),
        "{reason}"
    );
    assert!(
        matches!(
            report.jobs[1].outcome,
            JobOutcome::Idle(Idle::Waiting { .. })
        ),
        "a version that was denied has passed no job"
    );
}
