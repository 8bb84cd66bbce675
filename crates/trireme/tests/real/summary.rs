//! What the program itself said of its runs.

use serde_json::Value;
use trireme_sandbox::releases::{FROM, TO};

/// What the program itself says.
pub fn tells_of_all(summary: &Value, nodes: usize) {
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
