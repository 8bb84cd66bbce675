//! `repair.yml` on an untidy platform ends as resources/cluster/README.md says.

#[cfg(test)]
#[path = "support/bench.rs"]
mod bench;

use bench::{Bench, pipelines, stderr};
use trireme_sandbox::witnesses::observer::NodeSample;
use trireme_sandbox::{Untidy, releases};

/// The first seed whose API server is so many seconds ahead of the roller.
fn seed_with_clock(ahead_s: i64) -> u64 {
    let ahead = |seed: &u64| {
        let untidy = Untidy {
            seed: *seed,
            held_pod: false,
        };
        untidy.clock_ahead().as_secs()
    };
    let found = (1..1000).find(|seed| ahead(seed) == ahead_s);
    found.expect("a seed with this clock")
}

/// How often a node stopped taking pods.
fn cordons(samples: &[NodeSample]) -> usize {
    let cordoned = |pair: &&[NodeSample]| pair[0].schedulable && !pair[1].schedulable;
    samples.windows(2).filter(cordoned).count()
}

#[test]
fn an_untidy_platform_is_repaired_with_each_node_disturbed_once() {
    // At the same time: they mostly wait.
    std::thread::scope(|scope| {
        for ahead_s in [6, -6] {
            scope.spawn(move || is_repaired(ahead_s));
        }
    });
}

/// A platform whose API server is so many seconds ahead of the roller.
fn is_repaired(ahead_s: i64) {
    let untidy = Untidy {
        seed: seed_with_clock(ahead_s),
        held_pod: false,
    };
    let bench = Bench::with(Some(untidy));
    let run = bench.run(&pipelines().join("repair.yml"), "state");
    let told = format!("{untidy:?}: {}", stderr(&run));
    assert_eq!(run.status.code(), Some(0), "{told}");
    let observed = bench.witness.observer.observed();
    assert_eq!(observed.nodes.len(), 9, "{told}");
    let wanted = format!("{}{}", releases::TO, untidy.version_suffix());
    for (name, samples) in &observed.nodes {
        let last = samples.last().expect("a sample");
        assert!(last.version == wanted && last.schedulable, "{name}: {told}");
        assert_eq!(cordons(samples), 1, "{name}: {told}");
    }
}

#[test]
fn a_pod_with_a_finalizer_of_somebody_else_stops_the_roll_before_any_node_is_changed() {
    let untidy = Untidy {
        seed: seed_with_clock(6),
        held_pod: true,
    };
    let bench = Bench::with(Some(untidy));
    let run = bench.run(&pipelines().join("repair.yml"), "state");
    let told = stderr(&run);
    assert_eq!(run.status.code(), Some(1), "{told}");
    assert!(
        told.contains("ops/backup-") && told.contains("example.com/backup"),
        "{told}"
    );
    let observed = bench.witness.observer.observed();
    let from = format!("{}{}", releases::FROM, untidy.version_suffix());
    let untouched = |sample: &NodeSample| sample.schedulable && sample.version == from;
    for (name, samples) in &observed.nodes {
        assert!(samples.iter().all(untouched), "{name}: {told}");
    }
}
