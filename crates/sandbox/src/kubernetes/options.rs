//! How the API is started.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use jiff::SignedDuration;

/// How [`Api::start`](super::Api::start) begins.
#[derive(Debug, Clone)]
pub struct KubernetesOptions {
    /// The folder that keeps objects, tokens and certificates. It belongs to one API at a time.
    pub state_dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Under which names and addresses clients reach it, beside those of loopback: they are in its certificate.
    pub names: Vec<String>,
    /// How long the simulated parts take.
    pub timings: Timings,
    /// The version that is reported while there is no control plane node (`v1.36.4`).
    pub version: String,
    /// How far the clock of this server is ahead of the clocks of its clients; negative: behind.
    pub clock_ahead: SignedDuration,
    /// Some requests meet these troubles, once [`Api::begin_faults`](super::Api::begin_faults) lets them.
    pub faults: Option<FaultOptions>,
}

impl KubernetesOptions {
    /// Loopback, a free port, the default timings.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            state_dir: state_dir.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            names: Vec::new(),
            timings: Timings::default(),
            version: "v1.36.4".into(),
            clock_ahead: SignedDuration::ZERO,
            faults: None,
        }
    }
}

/// Which troubles requests meet.
#[derive(Debug, Clone, Copy)]
pub struct FaultOptions {
    /// Decides which request meets which trouble.
    pub seed: u64,
    /// The longest delay of a request or of its answer.
    pub longest_delay: Duration,
    /// Whether a write may be done and its answer get lost. A client cannot tell that from a write that was not done.
    pub loses_answers: bool,
}

impl FaultOptions {
    /// The faults of a busy API.
    pub fn busy(seed: u64) -> Self {
        Self {
            seed,
            longest_delay: Duration::from_millis(1500),
            loses_answers: true,
        }
    }
}

/// How long the kubelets of the sandbox take.
#[derive(Debug, Clone, Copy)]
pub struct Timings {
    /// From the placement of a pod until it is Ready.
    pub pod_start: Duration,
    /// From the deletion of a pod until it is gone, unless its grace period is shorter.
    pub pod_stop: Duration,
    /// From the start of a pod that ends by itself until it has.
    pub job_run: Duration,
}

impl Default for Timings {
    /// Long enough to see, short enough for a roll of nine nodes within half a minute.
    fn default() -> Self {
        Self {
            pod_start: Duration::from_millis(300),
            pod_stop: Duration::from_millis(200),
            job_run: Duration::from_millis(300),
        }
    }
}

impl Timings {
    /// For tests: as short as it still takes several steps.
    pub fn fast() -> Self {
        Self {
            pod_start: Duration::from_millis(20),
            pod_stop: Duration::from_millis(20),
            job_run: Duration::from_millis(20),
        }
    }
}
