//! A run that is killed half-way through the roll, and started again: judged by an observer and a prober that watched all the
//! time, not by what the runs say of themselves.

#[cfg(test)]
#[path = "support/bench.rs"]
mod bench;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use bench::{Bench, pipelines, stderr};
use trireme_sandbox::releases;
use trireme_sandbox::witnesses::observer::NodeSample;

const DEADLINE: Duration = Duration::from_secs(240);

/// Kills the run with SIGKILL once its log has this line.
fn kill_at(mut child: Child, log: &Path, line: &str) {
    let started = Instant::now();
    while !fs::read_to_string(log).unwrap_or_default().contains(line) {
        assert!(started.elapsed() < DEADLINE, "`{line}` was never printed");
        let ended = child.try_wait().expect("a child");
        assert!(ended.is_none(), "it ended before `{line}`");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("a child to kill");
    child.wait().expect("a child");
}

/// How often something changed from true to false.
fn falls(samples: &[NodeSample], is: impl Fn(&NodeSample) -> bool) -> usize {
    let fell = |pair: &&[NodeSample]| is(&pair[0]) && !is(&pair[1]);
    samples.windows(2).filter(fell).count()
}

#[test]
fn every_node_is_disturbed_once_and_the_service_never() {
    let bench = Bench::new();
    let pipeline = pipelines().join("repair.yml");
    let mut seen_before_the_kill = 0;
    for line in [
        "node w-a2 (az-a): evicting",
        "node w-b1 (az-b): empty, starting Job",
    ] {
        let log = bench.dir.path().join("run.log");
        let file = fs::File::create(&log).expect("a log");
        let mut command = bench.command(&pipeline, "state");
        let child = command.stderr(Stdio::from(file)).spawn();
        kill_at(child.expect("the program starts"), &log, line);
        let observed = bench.witness.observer.observed();
        let rolled =
            |samples: &Vec<NodeSample>| falls(samples, |node| node.version == releases::FROM) > 0;
        let now = observed.nodes.values().filter(|node| rolled(node)).count();
        assert!(now > seen_before_the_kill && now < 9, "{now} nodes");
        seen_before_the_kill = now;
    }
    let last = bench.run(&pipeline, "state");
    assert_eq!(last.status.code(), Some(0), "{}", stderr(&last));

    let observed = bench.witness.observer.observed();
    assert_eq!(observed.nodes.len(), 9);
    for (name, samples) in &observed.nodes {
        assert_eq!(
            falls(samples, |node| node.schedulable),
            1,
            "{name} was cordoned once: {samples:#?}"
        );
        assert_eq!(
            falls(samples, |node| node.version == releases::FROM),
            1,
            "{name}: {samples:#?}"
        );
        assert!(
            falls(samples, |node| node.ready) <= 1,
            "{name} went away once at most: {samples:#?}"
        );
        let end = samples.last().expect("a sample");
        assert!(end.schedulable && end.ready, "{name}: {end:?}");
    }
    assert_eq!(observed.budget_violations, 0);
    let measured = bench.witness.prober.measured();
    assert!(measured.sent > 100, "{} connections", measured.sent);
    assert_eq!(measured.failed, 0, "of {} connections", measured.sent);
}
