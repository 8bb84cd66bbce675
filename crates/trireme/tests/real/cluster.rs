//! A real control plane with the platform on it, its actor, and those who watch.

use std::time::{Duration, Instant};

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
}

/// What was seen and measured until now.
pub struct Witnessed {
    pub observed: Observed,
    pub measured: Measured,
}

impl Cluster {
    pub fn start() -> Self {
        let plane = ControlPlane::start().expect("a control plane");
        let runtime = Runtime::new().expect("a runtime");
        let admin = plane.admin_kubeconfig();
        runtime.block_on(async {
            let client = connect(&admin).await.expect("a client");
            platform::seed(&client, &Size::thirty())
                .await
                .expect("a platform");
        });
        await_workloads(&plane);
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
        }
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
fn await_workloads(plane: &ControlPlane) {
    let wait = |what: &[&str]| {
        let arguments = [&["wait", "--timeout=180s", "--all"], what].concat();
        let kubectl = plane.kubectl(&arguments).expect("kubectl");
        kubectl.succeed().expect("workloads that are ready");
    };
    wait(&["nodes", "--for=condition=Ready"]);
    wait(&["deployments", "-A", "--for=condition=Available"]);
    wait(&["pods", "-A", "--for=condition=Ready"]);
    for workload in Size::thirty().workloads {
        let healthy = workload.replicas;
        let status = format!("--for=jsonpath={{.status.currentHealthy}}={healthy}");
        let budget = ["-n", workload.namespace, "pdb", workload.name];
        let arguments = [&["wait", "--timeout=180s"], &budget[..], &[&*status]].concat();
        let kubectl = plane.kubectl(&arguments).expect("kubectl");
        kubectl.succeed().expect("budgets that are met");
    }
}
