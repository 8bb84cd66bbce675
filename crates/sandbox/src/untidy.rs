//! The untidy world: the problems that ordinary clusters and registries have and a new one does not. One seed decides them all.

use std::time::Duration;

use jiff::SignedDuration;

/// Which untidy world. The same seed gives the same one again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untidy {
    /// Decides everything but the pod below.
    pub seed: u64,
    /// Whether a pod has a finalizer that nothing removes. A roll must find it before it changes anything, and stop; without it
    /// the roll must come to its end.
    pub held_pod: bool,
}

/// The releases of vendors have a suffix after the version of Kubernetes.
const SUFFIXES: [&str; 3] = ["+k3s1", "+rke2r1", "+vmware.1"];

/// How far the clock of the API server may be off, in milliseconds.
const CLOCKS_MS: [i64; 6] = [-300_000, -6_000, -700, 700, 6_000, 300_000];

/// The zones of the platform, by the letter in the names of their nodes.
const ZONES: [char; 3] = ['a', 'b', 'c'];

impl Untidy {
    /// How far the clock of the API server is ahead of the clocks of its clients; negative: behind.
    pub fn clock_ahead(self) -> SignedDuration {
        SignedDuration::from_millis(self.pick(1, &CLOCKS_MS))
    }

    /// What follows the version of Kubernetes in the version of a node.
    pub fn version_suffix(self) -> &'static str {
        self.pick(2, &SUFFIXES)
    }

    /// The zone whose workers have names of more than 46 characters.
    pub fn long_names_in(self) -> char {
        self.pick(3, &ZONES)
    }

    /// The zone where a DaemonSet crashes on the node of the control plane and on the first worker.
    pub fn crashes_in(self) -> char {
        self.pick(4, &ZONES)
    }

    /// How long the registry does not show a tag that was pushed.
    pub fn tags_late(self) -> Duration {
        Duration::from_millis(self.pick(5, &[200, 500, 1000]))
    }

    /// What is untidy, in one line for people.
    pub fn summary(self) -> String {
        let clock = self.clock_ahead();
        let direction = if clock.is_negative() {
            "behind"
        } else {
            "ahead"
        };
        let held = if self.held_pod {
            ", a pod with a finalizer that nothing removes"
        } else {
            ""
        };
        format!(
            "clock of the API server {:.1} s {direction}, node versions end in {}, long names in zone az-{}, a DaemonSet that crashes in \
             zone az-{}, a budget that selects no pods, a slow API that fails sometimes, a registry that refuses HEAD and shows tags \
             {} ms late{held}",
            clock.abs().as_secs_f64(),
            self.version_suffix(),
            self.long_names_in(),
            self.crashes_in(),
            self.tags_late().as_millis(),
        )
    }

    /// One of these; another `what` is decided apart.
    fn pick<T: Copy>(self, what: u64, of: &[T]) -> T {
        let mut random = fastrand::Rng::with_seed(self.seed.wrapping_mul(31).wrapping_add(what));
        of[random.usize(..of.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_world_and_a_few_seeds_give_every_kind_of_it() {
        let of = |seed| Untidy {
            seed,
            held_pod: false,
        };
        assert_eq!(of(7).summary(), of(7).summary());
        let clocks: std::collections::BTreeSet<_> = (0..60).map(|s| of(s).clock_ahead()).collect();
        let suffixes: std::collections::BTreeSet<_> =
            (0..60).map(|s| of(s).version_suffix()).collect();
        assert_eq!(
            (clocks.len(), suffixes.len()),
            (CLOCKS_MS.len(), SUFFIXES.len())
        );
    }
}
