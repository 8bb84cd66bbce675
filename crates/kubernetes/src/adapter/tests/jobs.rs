//! The Job of an attempt: started once, deleted alone.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_job_is_not_started_while_a_pod_is_in_the_way() {
    let world = World::new(0).await;
    let platform = world.platform().await;
    let start = start_job(Start::First);
    // The watch has not said so yet.
    world.fake.has(PODS, &[pod("late", "w-1")]);
    assert_eq!(commit(&platform, &start).await, Answer::Outdated);
    assert!(world.writes().is_empty());
    world.fake.has(PODS, &[]);
    assert_eq!(commit(&platform, &start).await, Answer::Accepted);
    let writes = world.writes();
    assert_eq!(writes.len(), 2);
    assert_eq!(writes[1].parameter("fieldManager").unwrap(), "trireme");
    let annotations = &writes[1].body["metadata"]["annotations"];
    assert_eq!(
        (&annotations[names::ATTEMPT], &annotations[names::EPOCH]),
        (&json!("a1"), &json!("7"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_that_exists_is_ours_only_when_it_is_of_the_same_attempt() {
    let world = World::new(0).await;
    let platform = world.platform().await;
    let exists = json!({"reason": "AlreadyExists", "message": "jobs \"j\" already exists"});
    let job = |attempt: Value| json!({"metadata": {"name": "j", "annotations": {names::ATTEMPT: attempt}}});
    world.fake.has(JOBS, &[job(json!("a1"))]);
    world.fake.will_answer("/jobs", 409, exists.clone());
    assert_eq!(
        commit(&platform, &start_job(Start::First)).await,
        Answer::Accepted
    );
    for foreign in [job(json!("a0")), json!({"metadata": {"name": "j"}})] {
        world.fake.has(JOBS, &[foreign]);
        world.fake.will_answer("/jobs", 409, exists.clone());
        let Answer::Refused(reason) = commit(&platform, &start_job(Start::First)).await else {
            panic!("taken for ours");
        };
        assert!(
            reason.starts_with("Job trireme-system/trireme-w-1-a1 exists"),
            "{reason}"
        );
    }
    world.fake.has(JOBS, &[]);
    world.fake.will_answer("/jobs", 409, exists);
    assert_eq!(
        commit(&platform, &start_job(Start::First)).await,
        Answer::Outdated
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_is_deleted_in_the_foreground_and_only_itself() {
    let world = World::new(0).await;
    let platform = world.begun().await;
    let delete = Action::DeleteJob {
        node: "w-1".into(),
        attempt: "a1".into(),
        job: "j".into(),
        uid: "u-1".into(),
    };
    assert_eq!(commit(&platform, &delete).await, Answer::Accepted);
    let writes = world.writes();
    assert_eq!(
        (&writes[0].method, writes[0].path.as_str()),
        (&Method::DELETE, format!("{JOBS}/j").as_str())
    );
    assert_eq!(writes[0].body["propagationPolicy"], "Foreground");
    assert_eq!(writes[0].body["preconditions"], json!({"uid": "u-1"}));
    for (code, reason) in [(404, "NotFound"), (409, "Conflict")] {
        world
            .fake
            .will_answer("/jobs/j", code, json!({"reason": reason}));
        assert_eq!(commit(&platform, &delete).await, Answer::Outdated);
    }
}
