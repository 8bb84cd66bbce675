//! Nothing that belongs to a node is written unless its attempt still has it.

use super::*;

/// What the API server says of node `w-1` when the attempt does not have it any more.
fn not_cordoned_by_the_attempt() -> [Vec<Value>; 5] {
    let mut uncordoned = cordoned(&[]);
    uncordoned["spec"] = json!({});
    [
        vec![node("w-1", "v1.36.4", &json!({}))],
        vec![uncordoned],
        vec![cordoned(&[("attempt", json!("a2"))])],
        // A run that came after us has gone on with the same attempt.
        vec![cordoned(&[("epoch", json!(8))])],
        Vec::new(),
    ]
}

#[tokio::test(start_paused = true)]
async fn nothing_is_evicted_and_no_job_deleted_on_a_node_that_the_attempt_does_not_have_any_more() {
    let delete = Action::DeleteJob {
        node: "w-1".into(),
        attempt: "a1".into(),
        job: "j".into(),
        uid: "u-1".into(),
    };
    for now in not_cordoned_by_the_attempt() {
        let world = World::new(1).await;
        let platform = world.begun().await;
        let pod = platform.observe().await.unwrap().pods["w-1"][0].clone();
        // The watch has not said so yet.
        world.fake.has(NODES, &now);
        for action in [evict(pod), delete.clone()] {
            let answer = commit(&platform, &action).await;
            assert_eq!(answer, Answer::Outdated, "{action}: {now:?}");
        }
        assert!(world.writes().is_empty(), "{now:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_evictions_of_one_look_ask_for_their_node_once_and_after_its_own_cordon_not_at_all() {
    let world = World::new(2).await;
    let platform = world.begun().await;
    let pods = platform.observe().await.unwrap().pods["w-1"].clone();
    let kinds = |world: &World| {
        let asked = world.fake.asked().into_iter();
        asked.map(|asked| asked.method).collect::<Vec<_>>()
    };
    for pod in pods.clone() {
        assert_eq!(commit(&platform, &evict(pod)).await, Answer::Accepted);
    }
    assert_eq!(kinds(&world), [Method::GET, Method::POST, Method::POST]);
    tokio::time::advance(SECOND).await;
    commit(&platform, &evict(pods[0].clone())).await;
    assert_eq!(kinds(&world), [Method::GET, Method::POST]);
    tokio::time::advance(SECOND).await;
    commit(&platform, &cordon()).await;
    commit(&platform, &evict(pods[1].clone())).await;
    assert_eq!(kinds(&world), [Method::PATCH, Method::POST]);
}

#[tokio::test(start_paused = true)]
async fn that_a_job_is_started_is_written_on_its_node_first_and_no_job_is_created_when_that_fails()
{
    let world = World::new(0).await;
    let platform = world.platform().await;
    let start = start_job(Start::First);
    world
        .fake
        .will_answer("/nodes/w-1", 409, json!({"reason": "Conflict"}));
    assert_eq!(commit(&platform, &start).await, Answer::Outdated);
    let writes = world.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!(writes[0].path, "/api/v1/nodes/w-1");
    assert_eq!(commit(&platform, &start).await, Answer::Accepted);
    let writes = world.writes();
    let metadata = &writes[0].body["metadata"];
    assert_eq!(metadata["resourceVersion"], "17");
    assert_eq!(writes[0].body["spec"], Value::Null);
    assert!(started(&writes[0]));
    assert_eq!(writes[1].path, JOBS);
}

/// Whether a patch of a node says that the Job of its attempt is started.
fn started(patch: &Asked) -> bool {
    let text = &patch.body["metadata"]["annotations"][names::ROLL];
    let roll: RollAnnotation = serde_json::from_str(text.as_str().unwrap()).unwrap();
    roll.started
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_refused_for_good_leaves_no_word_of_its_start_unless_an_earlier_one_is_unknown()
 {
    for (start, writes_of_node) in [(Start::First, 2), (Start::AfterLost, 1)] {
        let world = World::new(0).await;
        let platform = world.platform().await;
        let patched = json!({"metadata": {"resourceVersion": "18"}});
        world.fake.will_answer("/nodes/w-1", 200, patched);
        world
            .fake
            .will_answer("/jobs", 403, json!({"message": "quota"}));
        let answer = commit(&platform, &start_job(start)).await;
        assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
        let writes = world.writes();
        let of_node = writes.iter().filter(|asked| asked.path.contains("/nodes/"));
        let of_node: Vec<_> = of_node.collect();
        assert_eq!(of_node.len(), writes_of_node, "{start:?}");
        if let [_, again] = of_node[..] {
            assert_eq!(again.body["metadata"]["resourceVersion"], "18");
            assert!(!started(again));
        }
    }
}
