//! The same pipeline where the clock of the roller is not the cluster's, and where answers come late: one Job a node.

use std::thread;

use jiff::SignedDuration;
use trireme_peers::cosign::KeyPair;
use trireme_sandbox::platform::Size;

use crate::{
    bench::{Bench, Ended},
    cluster::Cluster,
    images::Registries,
    late::{Answered, Late},
    summary, vars,
};

/// How often the start of one node may be written anew where answers are lost.
const REPEATS_MAX: usize = 4;
/// Set by `tests/run --long`: thirty nodes instead of nine.
const LONG: &str = "TRIREME_LONG";
/// A step whose answer comes too late ends with exit code 1, and the same command goes on: so often, at most.
const RUNS_MAX: u32 = 5;

/// A roller.
struct Roller {
    name: &'static str,
    /// What its clock is told, and what that means.
    clock: (&'static str, SignedDuration),
    /// Whether every tenth answer comes to it late.
    late: bool,
}

const ROLLERS: [Roller; 3] = [
    Roller {
        name: "ahead",
        clock: ("+6s", SignedDuration::from_secs(6)),
        late: false,
    },
    Roller {
        name: "behind",
        clock: ("-6s", SignedDuration::from_secs(-6)),
        late: false,
    },
    Roller {
        name: "late",
        clock: ("+0.7s", SignedDuration::from_millis(700)),
        late: true,
    },
];

/// Side by side, on clusters of their own: they mostly wait.
#[test]
fn a_roller_whose_clock_is_off_or_that_is_answered_late_acts_once_on_each_node() {
    let (registries, keys) = (Registries::start(), KeyPair::generate().expect("keys"));
    thread::scope(|scope| {
        for roller in &ROLLERS {
            scope.spawn(|| roller.repairs(&registries, &keys));
        }
    });
}

impl Roller {
    fn repairs(&self, registries: &Registries, keys: &KeyPair) {
        let cluster = Cluster::start(size());
        let mut vars = vars(registries, keys, self.name, &cluster.roller());
        let late = self.late.then(|| Late::start(&cluster.roller()));
        if let Some(late) = &late {
            vars["kubeconfig"] = late.kubeconfig().into();
        }
        let (clock, off) = self.clock;
        let mut bench = Bench::new(&vars);
        bench.set_clock(clock);
        self.until_done(&bench);
        cluster.judge_clock(off);
        summary::tells_of_all(&bench.summary(), cluster.nodes());
        cluster.judge_roll(if self.late { REPEATS_MAX } else { 0 });
        if let Some(Answered {
            in_all,
            writes_late,
        }) = late.map(|late| late.answered())
        {
            let nodes = cluster.nodes();
            assert!(
                in_all > 10 * nodes && writes_late > 3,
                "the roller did not ask the proxy: {in_all} answers, {writes_late} of writes late"
            );
        }
    }

    /// Runs the pipeline until it has ended well: once, or where answers are late as often as it says that it may pass.
    fn until_done(&self, bench: &Bench) {
        for run in 1.. {
            let Ended { code, text } = bench.run(&[]);
            if code == Some(0) {
                return;
            }
            let may_go_on = self.late && code == Some(1) && run < RUNS_MAX;
            assert!(may_go_on, "{}, run {run}: {code:?} {text}", self.name);
        }
    }
}

/// Nine nodes, or thirty.
fn size() -> Size {
    match std::env::var_os(LONG) {
        Some(_) => Size::thirty(),
        None => Size::small(),
    }
}
