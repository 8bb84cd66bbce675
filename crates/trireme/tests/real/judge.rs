//! The verdict on a roll, from those who did not take part in it.

use serde_json::Value;
use trireme_sandbox::{
    clients::{observer::Observed, prober::Measured},
    platform::ROLLER,
    releases::{FROM, TO},
};

/// What the program itself says.
pub fn summary(summary: &Value, nodes: usize) {
    assert_eq!(summary["release"]["from"], FROM, "{summary:#}");
    assert_eq!(summary["release"]["to"], TO, "{summary:#}");
    let rolled = summary["nodes"].as_array().expect("nodes");
    assert_eq!(rolled.len(), nodes, "{summary:#}");
    assert!(
        rolled
            .iter()
            .all(|node| node["from"] == FROM && node["to"] == TO)
    );
    let images = summary["images"].as_array().expect("images");
    assert_eq!(images.len(), 5, "{summary:#}");
    let passed = |image: &Value| image["verdict"] == "permit" && image["signed"] == true;
    assert!(images.iter().all(passed), "{summary:#}");
}

/// Over both runs every node was cordoned once, but for the one that the kill hit.
pub fn nobody_was_disturbed_twice(killed: &str, resumed: &str, nodes: usize) {
    let cordoned = |log: &str| log.matches("): cordoning").count();
    let (before, after) = (cordoned(killed), cordoned(resumed));
    assert!(
        before > 3 && after > 3,
        "{before} before the kill, {after} after it"
    );
    assert_eq!(before + after, nodes, "{killed}\n{resumed}");
}

/// What an observer saw in every watch event.
pub fn cluster(observed: &Observed, nodes: usize) {
    assert_eq!(observed.nodes.len(), nodes);
    for (name, samples) in &observed.nodes {
        let first = samples.first().expect("a sample");
        let last = samples.last().expect("a sample");
        assert_eq!(
            (first.version.as_str(), last.version.as_str()),
            (FROM, TO),
            "{name}"
        );
        assert!(last.ready && last.schedulable, "{name}: {last:?}");
        let cordons = samples
            .windows(2)
            .filter(|pair| pair[0].schedulable && !pair[1].schedulable);
        assert_eq!(cordons.count(), 1, "{name} was cordoned once: {samples:?}");
    }
    assert_eq!(observed.budgets.len(), 4);
    for (name, samples) in &observed.budgets {
        let lowest = samples
            .iter()
            .map(|budget| budget.current - budget.desired)
            .min();
        assert!(
            samples.len() > 2 && lowest >= Some(0),
            "{name}: {samples:?}"
        );
    }
    assert_eq!(observed.budget_violations, 0);
}

/// What a client of the service saw.
pub fn prober(measured: &Measured) {
    assert!(measured.sent > 500, "{} sent", measured.sent);
    assert_eq!(measured.failed, 0, "of {}", measured.sent);
}

/// What the API server answered to our identity: pods left by eviction alone, and no status of a node was written.
pub fn audit(log: &str) {
    let events: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let ours = || {
        events
            .iter()
            .filter(|event| event["user"]["username"] == ROLLER)
    };
    let on = |event: &Value| {
        let text = |key: &str| {
            event["objectRef"][key]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        (text("resource"), text("subresource"))
    };
    let evictions = ours().filter(|event| {
        event["verb"] == "create" && on(event) == ("pods".into(), "eviction".into())
    });
    let evicted = evictions
        .filter(|event| event["responseStatus"]["code"] == 201)
        .count();
    assert!(evicted >= 60, "{evicted} evictions are in the audit log");
    for event in ours() {
        let verb = event["verb"].as_str().unwrap_or_default();
        let (resource, subresource) = on(event);
        assert!(
            !(verb.starts_with("delete") && resource == "pods"),
            "{event}"
        );
        let reads = ["get", "list", "watch"].contains(&verb);
        assert!(
            reads || (resource.as_str(), subresource.as_str()) != ("nodes", "status"),
            "{event}"
        );
        assert_ne!(
            event["responseStatus"]["code"], 403,
            "rbac.yaml lacks a right: {event}"
        );
    }
}
