//! What a `get` writes, of a roll that is due, of one that is done, and of none.

use serde_json::{Value, json};

use crate::world::{NEW, OLD, World, stderr};

/// The file of the last `get`.
fn read(world: &World, name: &str) -> String {
    std::fs::read_to_string(world.dir.path().join("work").join(name)).unwrap()
}

fn read_json(world: &World, name: &str) -> Value {
    serde_json::from_str(&read(world, name)).unwrap()
}

/// The files of the last `get`, by name.
fn files(world: &World) -> Vec<String> {
    let folder = std::fs::read_dir(world.dir.path().join("work")).unwrap();
    let mut names: Vec<_> = folder
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn image(hex: &str) -> String {
    format!("registry.example/node-act@sha256:{}", hex.repeat(32))
}

/// The source of `world`, with this image that acts.
fn source(world: &World, hex: &str) -> Value {
    let mut source = world.source();
    source["version"] = json!(NEW);
    source["images"] = json!({"node-act": image(hex)});
    source["act"]["image"] = json!("node-act");
    source
}

/// The one version that a check emits.
async fn check(world: &World, source: &Value) -> Value {
    let request = json!({"source": source, "version": null});
    let output = world.run("check", &request).await;
    assert!(output.status.success(), "{}", stderr(&output));
    let versions: Value = serde_json::from_slice(&output.stdout).unwrap();
    versions[0].clone()
}

async fn get(world: &World, source: &Value, version: &Value) {
    let _ = std::fs::remove_dir_all(world.dir.path().join("work"));
    let request = json!({"source": source, "version": version});
    let output = world.run("in", &request).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["version"], *version);
}

/// Runs a put to its good end; gives its version and what it said.
async fn put(world: &World, source: &Value) -> (Value, String) {
    let request = json!({"source": source, "params": {}});
    let output = world.run("out", &request).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    (made["version"].clone(), stderr(&output))
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_roll_that_is_due_a_get_writes_what_was_seen_and_what_is_planned() {
    let world = World::small().await;
    let source = source(&world, "aa");
    let due = check(&world, &source).await;
    get(&world, &source, &due).await;
    let written = ["blueprint.json", "inventory.json", "plan.txt", "state"];
    assert_eq!(files(&world), written);
    assert_eq!(read(&world, "state"), "pending");

    let inventory = read_json(&world, "inventory.json");
    assert_eq!(inventory["format"], 2);
    for (node, zone) in [("w-a", "az-a"), ("w-b", "az-b")] {
        let seen = &inventory["nodes"][node];
        assert_eq!(
            (&seen["zone"], &seen["version"]),
            (&json!(zone), &json!(OLD))
        );
        assert_eq!(
            (&seen["ready"], &seen["schedulable"]),
            (&json!(true), &json!(true))
        );
    }
    let pods = inventory["pods"].as_object().unwrap().values();
    let pods = pods.flat_map(|pods| pods.as_array().unwrap());
    let owners: Vec<_> = pods.map(|pod| pod["owner"]["name"].clone()).collect();
    assert_eq!(owners, ["web", "web"]);
    assert_eq!(names(&inventory["budgets"]), ["web"]);

    let blueprint = read_json(&world, "blueprint.json");
    assert_eq!(blueprint["format"], 1);
    assert_eq!(blueprint["id"], due["blueprint"]);
    assert_eq!(blueprint["from"], OLD);
    let wanted = json!({"version": NEW, "images": {"node-act": image("aa")}});
    assert_eq!(blueprint["wanted"], wanted);
    assert_eq!(blueprint["policy"]["zone_order"], json!(["az-b"]));
    assert_eq!(names(&blueprint["waves"]), ["canary", "zone az-a"]);
    let first = &blueprint["waves"][0]["steps"][0];
    assert_eq!(
        (&first["node"], &first["state"]),
        (&json!("w-b"), &json!("ready"))
    );

    let plan = read(&world, "plan.txt");
    for line in [
        &format!("Blueprint {}", due["blueprint"].as_str().unwrap()),
        &format!("Kubernetes {OLD} to {NEW}"),
        &format!("Image node-act: {}", image("aa")),
        "Wave canary, 1 at once",
        &format!("  node w-b (az-b): {OLD} to {NEW}"),
        &format!("  node w-a (az-a): {OLD} to {NEW}, after the steps before it"),
    ] {
        assert!(plan.lines().any(|own| own == line), "{line}: {plan}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_roll_that_is_done_a_get_writes_its_evidence_and_every_step_as_done() {
    let world = World::small().await;
    let source = source(&world, "aa");
    let (made, _) = put(&world, &source).await;
    get(&world, &source, &made).await;
    let written = [
        "blueprint.json",
        "inventory.json",
        "plan.txt",
        "report.html",
        "roll.json",
        "state",
    ];
    assert_eq!(files(&world), written);
    assert_eq!(read(&world, "state"), "done");
    let blueprint = read_json(&world, "blueprint.json");
    assert_eq!(
        (&blueprint["id"], &blueprint["from"]),
        (&made["blueprint"], &json!(OLD))
    );
    for wave in blueprint["waves"].as_array().unwrap() {
        for step in wave["steps"].as_array().unwrap() {
            assert_eq!(step["state"], "true", "{step}");
        }
    }
    assert!(read(&world, "plan.txt").contains("  node w-b (az-b): done\n"));
    let evidence = read_json(&world, "roll.json");
    assert_eq!(
        (&evidence["format"], &evidence["blueprint"]),
        (&json!(2), &made["blueprint"])
    );
    assert_eq!(evidence["outcome"], "done");
    assert!(read(&world, "report.html").contains(&format!("Roll to {NEW}: done")));
    assert_eq!(
        (&evidence["from"], &evidence["to"]),
        (&json!(OLD), &json!(NEW))
    );
    assert_eq!(evidence["images"], json!({"node-act": image("aa")}));
    assert_eq!(names(&evidence["nodes"]), ["w-b", "w-a"]);
    for node in evidence["nodes"].as_array().unwrap() {
        let time = |key: &str| -> jiff::Timestamp { node[key].as_str().unwrap().parse().unwrap() };
        let times = ["cordoned_at", "acted_at", "ready_at", "uncordoned_at"].map(time);
        assert!(times.is_sorted(), "{node}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_blueprint_that_the_cluster_does_not_need_a_get_writes_nothing() {
    let world = World::small().await;
    let source = source(&world, "aa");
    let unknown = json!({
        "blueprint": "00".repeat(32), "from": OLD, "to": NEW, "since": "2026-01-01T00:00:00Z",
    });
    let mut other = source.clone();
    other["policy"]["canary"] = json!(2);
    let overtaken = check(&world, &other).await;
    for version in [&unknown, &overtaken] {
        let request = json!({"source": source, "version": version});
        let output = world.run("in", &request).await;
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let id = version["blueprint"].as_str().unwrap();
        let message = format!(
            "blueprint {id} ({OLD} to {NEW}) is not what the cluster needs any more; run a check"
        );
        assert!(said.contains(&message), "{said}");
        assert!(output.stdout.is_empty());
        assert_eq!(files(&world), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_images_alone_roll_nothing_and_no_file_says_that_they_did() {
    let world = World::small().await;
    let before = source(&world, "aa");
    let (made, _) = put(&world, &before).await;
    let after = source(&world, "bb");
    assert_eq!(check(&world, &after).await, made);
    let (again, said) = put(&world, &after).await;
    assert_eq!(again, made);
    for part in [
        "nothing is to do",
        "the images are not those that acted on its nodes",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(world.jobs().await.len(), 2);
    get(&world, &after, &made).await;
    let rolled = json!({"node-act": image("aa")});
    assert_eq!(read_json(&world, "roll.json")["images"], rolled);
    assert_eq!(
        read_json(&world, "blueprint.json")["wanted"]["images"],
        rolled
    );
    let plan = read(&world, "plan.txt");
    assert!(
        plan.contains(&image("aa")) && !plan.contains(&image("bb")),
        "{plan}"
    );

    // The next node that differs gets them, as they were recorded, and it alone is in the evidence.
    world.add_node("w-c", "c").await;
    let mut recorded = after.clone();
    recorded.as_object_mut().unwrap().remove("images");
    let (next, said) = put(&world, &recorded).await;
    assert_ne!(next["blueprint"], made["blueprint"]);
    assert!(!said.contains("the images are not those"), "{said}");
    get(&world, &recorded, &next).await;
    let evidence = read_json(&world, "roll.json");
    assert_eq!(evidence["images"], json!({"node-act": image("bb")}));
    assert_eq!(names(&evidence["nodes"]), ["w-c"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_is_there_already_is_recorded_without_images_that_acted() {
    let world = World::small().await;
    for node in ["w-a", "w-b"] {
        world.set_ready(node, true).await;
    }
    let source = source(&world, "aa");
    let (made, _) = put(&world, &source).await;
    assert_eq!(world.jobs().await.len(), 0);
    get(&world, &source, &made).await;
    assert_eq!(read(&world, "state"), "done");
    let evidence = read_json(&world, "roll.json");
    assert_eq!(
        (&evidence["nodes"], &evidence["images"]),
        (&json!([]), &json!({}))
    );
    let blueprint = read_json(&world, "blueprint.json");
    assert_eq!(blueprint["wanted"]["images"], json!({}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_the_old_one_again_is_news_and_rolled_although_the_blueprint_is_the_same() {
    let world = World::small().await;
    let source = source(&world, "aa");
    let (first, _) = put(&world, &source).await;
    world.next_second().await;
    let old = json!({"status": {"nodeInfo": {"kubeletVersion": OLD}}});
    world.patch("/api/v1/nodes/w-b/status", &old).await;
    let request = json!({"source": source, "version": first});
    let output = world.run("check", &request).await;
    let news: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(news[0]["blueprint"], first["blueprint"]);
    assert_ne!(news[0]["since"], first["since"]);
    get(&world, &source, &news[0]).await;
    assert_eq!(read(&world, "state"), "pending");
    let (second, _) = put(&world, &source).await;
    assert_eq!(world.versions().await, [NEW; 2]);
    get(&world, &source, &second).await;
    assert_eq!(read(&world, "state"), "done");
    assert_eq!(names(&read_json(&world, "roll.json")["nodes"]), ["w-b"]);
}
