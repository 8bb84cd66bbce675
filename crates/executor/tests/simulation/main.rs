//! The executor on a simulated cluster, with faults, restarts, a second roller and clocks that differ: all by a seed.
//!
//! `TRIREME_SEED=17 cargo test -p trireme-executor --test simulation replay` shows one schedule.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod api;
mod course;
mod faults;
mod memory;
mod objects;
mod people;
mod planted;
mod promises;
mod rollers;
mod schedule;
mod world;

use rollers::simulate;
use world::Violation;

/// So many broken promises are shown at once.
const SHOWN: usize = 10;

/// How many schedules are played; `tests/run --long` sets more.
fn schedules() -> u64 {
    let cases = std::env::var("PROPTEST_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
}

/// Names the seed when something panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {0}: {1}", self.0, replay_with(self.0));
        }
    }
}

fn replay_with(seed: u64) -> String {
    format!(
        "TRIREME_SEED={seed} cargo test -p trireme-executor --test simulation replay -- --nocapture"
    )
}

#[test]
fn every_schedule_keeps_every_promise() {
    let (mut nodes, mut jobs) = (0, 0);
    let mut broken = Vec::new();
    for seed in 0..schedules() {
        let named = Named(seed);
        let outcome = simulate(seed, false);
        std::mem::forget(named);
        (nodes, jobs) = (nodes + outcome.nodes, jobs + outcome.jobs);
        let of_seed = |Violation { property, detail }| {
            format!("{property}: {detail}\n  {}", replay_with(seed))
        };
        broken.extend(outcome.violation.map(of_seed));
        if broken.len() == SHOWN {
            break;
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(
        jobs > nodes / 2,
        "{jobs} Jobs for {nodes} nodes: too little was simulated"
    );
}

#[test]
fn replay() {
    let Some(seed) = std::env::var("TRIREME_SEED").ok() else {
        // The same seed is the same schedule: a replay shows what was found.
        for seed in 0..20 {
            assert_eq!(
                simulate(seed, true).log,
                simulate(seed, true).log,
                "seed {seed}"
            );
        }
        return;
    };
    let outcome = simulate(seed.parse().unwrap(), true);
    for line in &outcome.log {
        eprintln!("{line}");
    }
    assert_eq!(outcome.violation, None);
}
