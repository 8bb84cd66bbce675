//! One step by itself.

#[cfg(test)]
mod support;

use support::*;
use trireme_runner::*;

async fn say(world: &World, resource: &str, single: Single) -> Result<Said, RunnerError> {
    let file = world.path("pipeline.yml");
    let options = SingleOptions {
        file,
        catalogue: catalogue(),
        resource: resource.to_owned(),
        ..Default::default()
    };
    run_single(&options, &single, &Interrupt::new()).await
}

#[tokio::test]
async fn each_step_shows_its_json() {
    let world = World::new("\n- {name: j, plan: [{get: a, trigger: true}]}\n");
    world.found("a", &["1", "2"]);
    let answer = say(&world, "a", Single::Check { from: None })
        .await
        .unwrap()
        .answer
        .unwrap();
    assert_eq!(answer, serde_json::json!([{"v": "1"}, {"v": "2"}]));
    let get = Single::Get {
        version: None,
        params: None,
        dir: world.path("files"),
    };
    let answer = say(&world, "a", get).await.unwrap().answer.unwrap();
    assert_eq!(answer["version"]["v"], "2");
    assert_eq!(
        std::fs::read_to_string(world.path("files/v")).unwrap(),
        "2\n"
    );
    let put = |exit: &str| {
        let params = serde_json::json!({"v": "3", "exit": exit, "say": "canary-token"});
        Single::Put {
            params: Some(params),
            dir: world.path("files"),
        }
    };
    assert_eq!(
        say(&world, "a", put("")).await.unwrap().answer.unwrap()["version"]["v"],
        "3"
    );
    assert_eq!(
        say(&world, "a", put("2")).await.unwrap(),
        Said {
            answer: None,
            exit: 2
        }
    );
    assert_eq!(world.lines().last().unwrap(), "trireme/a: ((redacted))");
    let error = say(&world, "none", Single::Check { from: None })
        .await
        .unwrap_err();
    assert!(error.to_string().contains("the pipeline has a"), "{error}");
}
