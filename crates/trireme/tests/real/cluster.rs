//! A real control plane with the platform on it, its actor, and those who watch.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::runtime::Runtime;
use trireme_peers::ControlPlane;
use trireme_sandbox::{
    Witness,
    client::connect,
    platform::{self, Size, actor::Actor},
    witnesses::{observer::Observed, prober::Measured},
};

/// Ends with this value.
pub struct Cluster {
    witness: Witness,
    _actor: Actor,
    plane: ControlPlane,
    runtime: Runtime,
    size: Size,
}

/// What was seen and measured until now.
pub struct Witnessed {
    pub observed: Observed,
    pub measured: Measured,
}

impl Cluster {
    pub fn start(size: Size) -> Self {
        let plane = ControlPlane::start().expect("a control plane");
        let runtime = Runtime::new().expect("a runtime");
        let admin = plane.admin_kubeconfig();
        runtime.block_on(async {
            let client = connect(&admin).await.expect("a client");
            platform::seed(&client, &size).await.expect("a platform");
        });
        await_workloads(&plane, &size);
        let account = |name| plane.kubeconfig_for("sandbox", name).expect("an account");
        let (actor, viewer) = (account("actor"), account("viewer"));
        let (actor, witness) = runtime.block_on(async {
            let client = connect(&actor).await.expect("a client");
            let witness = Witness::start(&viewer).await.expect("a witness");
            (Actor::start(&client), witness)
        });
        Self {
            witness,
            _actor: actor,
            plane,
            runtime,
            size,
        }
    }

    /// How many nodes it has: the workers of three zones, and in each one of the control plane.
    pub fn nodes(&self) -> usize {
        3 * (usize::try_from(self.size.workers).expect("a small number") + 1)
    }

    /// How many budgets.
    pub fn budgets(&self) -> usize {
        self.size.workloads.len()
    }

    /// How many pods all workloads have together.
    pub fn pods(&self) -> usize {
        let replicas = self.size.workloads.iter().map(|one| one.replicas);
        usize::try_from(replicas.sum::<u32>()).expect("a small number")
    }

    /// The Jobs that acted on nodes and are there: the node of each, by its name.
    pub fn jobs(&self) -> BTreeMap<String, String> {
        let found = self.get(&["jobs", "--selector=trireme.dev/act=node"]);
        let jobs = found["items"].as_array().expect("a list");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let job = |job: &Value| {
            let metadata = &job["metadata"];
            let node = &metadata["annotations"]["trireme.dev/node"];
            (text(&metadata["name"]), text(node))
        };
        jobs.iter().map(job).collect()
    }

    /// The Lease of the roller, as it was written last.
    pub fn lease(&self) -> Value {
        self.get(&["lease", "trireme-roller"])
    }

    fn get(&self, what: &[&str]) -> Value {
        let arguments = [&["get", "-n", "trireme-system", "-o", "json"], what].concat();
        let kubectl = self.plane.kubectl(&arguments).expect("kubectl");
        serde_json::from_str(&kubectl.succeed().expect("objects")).expect("JSON")
    }

    /// The kubeconfig of the account with the rights of `resources/cluster/rbac.yaml`.
    pub fn roller(&self) -> String {
        let roller = self.plane.kubeconfig_for("trireme-system", "trireme");
        roller.expect("the account of rbac.yaml")
    }

    /// Once the observer has caught up with all that happened.
    pub fn witnessed(&self) -> Witnessed {
        Witnessed {
            observed: self.runtime.block_on(self.witness.observer.caught_up()),
            measured: self.witness.prober.measured(),
        }
    }

    /// The audit log of the API server. A line that is just being written is waited for.
    pub fn audit(&self) -> String {
        let end = Instant::now() + LINE_WITHIN;
        loop {
            let log = std::fs::read_to_string(self.plane.audit_log()).expect("an audit log");
            if log.ends_with('\n') || Instant::now() > end {
                return log;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A line is written at once; on a machine that is busy within this.
const LINE_WITHIN: Duration = Duration::from_secs(10);

/// Every pod is there and counted by its budget, so that nothing of the beginning is taken for the roll's doing.
fn await_workloads(plane: &ControlPlane, size: &Size) {
    let wait = |what: &[&str]| {
        let arguments = [&["wait", "--timeout=180s", "--all"], what].concat();
        let kubectl = plane.kubectl(&arguments).expect("kubectl");
        kubectl.succeed().expect("workloads that are ready");
    };
    wait(&["nodes", "--for=condition=Ready"]);
    wait(&["deployments", "-A", "--for=condition=Available"]);
    wait(&["pods", "-A", "--for=condition=Ready"]);
    for workload in &size.workloads {
        let healthy = workload.replicas;
        let status = format!("--for=jsonpath={{.status.currentHealthy}}={healthy}");
        let budget = ["-n", workload.namespace, "pdb", workload.name];
        let arguments = [&["wait", "--timeout=180s"], &budget[..], &[&*status]].concat();
        let kubectl = plane.kubectl(&arguments).expect("kubectl");
        kubectl.succeed().expect("budgets that are met");
    }
}
