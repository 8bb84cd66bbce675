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
    let images = summary["images"].as_array().expect("images").iter();
    // The application is reported by the run that sees it first.
    let is_application = |image: &&Value| image["reference"].to_string().contains("/upstream/");
    let (application, images): (Vec<_>, Vec<_>) = images.partition(is_application);
    assert_eq!(images.len(), 5, "{summary:#}");
    let passed = |image: &&Value| image["verdict"] == "permit" && image["signed"] == true;
    assert!(images.iter().all(passed), "{summary:#}");
    let denied = |image: &&Value| image["verdict"] == "deny" && image["signed"] == false;
    assert!(application.iter().all(denied), "{summary:#}");
}

/// Over all runs every node was cordoned once, also those that a kill hit; each run had its share.
pub fn nobody_was_disturbed_twice(runs: &[&str], nodes: usize) {
    let cordoned = |log: &&str| log.matches("): cordoning").count();
    let each: Vec<_> = runs.iter().map(cordoned).collect();
    let all = runs.join("\n");
    assert!(each.iter().all(|cordoned| *cordoned > 3), "{each:?}: {all}");
    assert_eq!(each.iter().sum::<usize>(), nodes, "{all}");
}
