//! A real Kubernetes control plane: etcd, kube-apiserver, controller manager, scheduler, and KWOK for the nodes.

use std::{
    fs::{self, File},
    io,
    net::TcpListener,
    ops::Range,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use tempfile::TempDir;

use crate::{PeerError, Tool, cache, clock, program};

/// The apiserver needs 4 s on an idle machine of two cores.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// Between two looks whether it is ready. Each look starts a kubectl.
const PAUSE: Duration = Duration::from_millis(300);

/// Its place among the processes: after etcd.
const API_SERVER: usize = 1;

/// The token of the administrator; it opens nothing but this control plane on loopback.
const ADMIN_TOKEN: &str = "peers-admin";

/// Since when its certificates are valid: a client whose clock is behind trusts them too.
const SINCE: &str = "-1d";

/// Every request is logged once, when it was answered, without its body.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n";

/// KWOK has no probes: a pod that the node controller marked NotReady, because its node was, would remain so. A kubelet
/// reports such a pod as Ready again.
const READY_AGAIN: &str = "apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-ready-again}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
    - {key: .status.phase, operator: In, values: [Running]}
    - {key: '.status.conditions.[] | select( .type == \"Ready\" ) | .status', operator: In, values: ['False']}
  next:
    statusTemplate: |
      conditions:
      - {type: Ready, status: 'True', lastTransitionTime: {{ Now | Quote }}}
";

/// A running control plane; dropping it kills its processes and removes its files.
#[derive(Debug)]
pub struct ControlPlane {
    dir: TempDir,
    server: String,
    /// The client port of etcd and the port of the API.
    ports: (u16, u16),
    /// In the order of their start; they are killed in the opposite one.
    processes: Vec<Child>,
}

impl ControlPlane {
    /// Starts all five programs on free loopback ports and waits until the API is ready.
    ///
    /// # Errors
    /// [`PeerError::Missing`] when one is not installed, [`PeerError::NotReady`] with the server's log when the deadline
    /// passes.
    pub fn start() -> Result<Self, PeerError> {
        let dir = tempfile::tempdir().map_err(|source| start_error("control plane", source))?;
        let [store, peers, api] = free_ports().map_err(|source| start_error("etcd", source))?;
        let mut plane = Self {
            dir,
            server: format!("https://127.0.0.1:{api}"),
            ports: (store, api),
            processes: Vec::new(),
        };
        plane.write_files()?;
        plane.start_etcd(store, peers)?;
        plane.start_api_server()?;
        plane.await_ready()?;
        plane.start_controllers()?;
        Ok(plane)
    }

    /// Ends the API server and starts it anew at the same address: it no longer knows the changes from before, so that a
    /// watch that resumes there is told to list again.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub fn restart_api_server(&mut self) -> Result<(), PeerError> {
        let mut old = self.processes.remove(API_SERVER);
        let ended = old.kill().and_then(|()| old.wait());
        ended.map_err(|source| start_error("kube-apiserver", source))?;
        self.start_api_server()?;
        // The last one started is moved to where it is looked for.
        self.processes[API_SERVER..].rotate_right(1);
        self.await_ready()
    }

    /// The address of the API (`https://127.0.0.1:PORT`).
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The kubeconfig of the administrator (group `system:masters`), as content.
    pub fn admin_kubeconfig(&self) -> String {
        self.kubeconfig(ADMIN_TOKEN)
    }

    /// The kubeconfig of a service account that exists, as content.
    ///
    /// # Errors
    /// [`PeerError::Failed`] when the account does not exist.
    pub fn kubeconfig_for(&self, namespace: &str, account: &str) -> Result<String, PeerError> {
        let arguments = ["create", "token", account, "-n", namespace, "--duration=1h"];
        let token = self.kubectl(&arguments)?.succeed()?;
        Ok(self.kubeconfig(token.trim()))
    }

    /// A kubectl command as administrator.
    ///
    /// # Errors
    /// [`PeerError::Missing`] when kubectl is not installed.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<Tool, PeerError> {
        let tool = Tool::new("kubectl")?.env("KUBECONFIG", self.path("admin.kubeconfig"));
        Ok(tool.args(arguments))
    }

    /// The audit log: one JSON object a line for every request that was answered.
    pub fn audit_log(&self) -> PathBuf {
        self.path("audit.log")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// JSON, which is YAML too.
    fn kubeconfig(&self, token: &str) -> String {
        let (server, ca) = (&self.server, self.path("ca.pem"));
        let ca = STANDARD.encode(fs::read(ca).unwrap_or_default());
        format!(
            r#"{{"apiVersion":"v1","kind":"Config","current-context":"peer",
"clusters":[{{"name":"peer","cluster":{{"server":"{server}","certificate-authority-data":"{ca}"}}}}],
"users":[{{"name":"peer","user":{{"token":"{token}"}}}}],
"contexts":[{{"name":"peer","context":{{"cluster":"peer","user":"peer"}}}}]}}
"#
        )
    }

    fn write_files(&self) -> Result<(), PeerError> {
        let issue = |arguments: &[&str]| {
            let common = [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3",
            ];
            let tool = Tool::system("openssl").dir(self.dir.path());
            let tool = clock::tool_at(SINCE, tool.args(common).args(arguments))?;
            tool.succeed().map(drop)
        };
        issue(&[
            "-subj",
            "/CN=peer-ca",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ])?;
        issue(&[
            "-subj",
            "/CN=kube-apiserver",
            "-keyout",
            "server.key",
            "-out",
            "server.pem",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-addext",
            "subjectAltName=IP:127.0.0.1,DNS:localhost",
        ])?;
        let tokens = format!("{ADMIN_TOKEN},admin,1,\"system:masters\"\n");
        let files = [
            ("tokens.csv", tokens),
            ("audit.yaml", AUDIT_POLICY.to_owned()),
            ("ready-again.yaml", READY_AGAIN.to_owned()),
            ("admin.kubeconfig", self.admin_kubeconfig()),
        ];
        for (name, text) in files {
            fs::write(self.path(name), text).map_err(|source| start_error(name, source))?;
        }
        Ok(())
    }

    fn start_etcd(&mut self, store: u16, peers: u16) -> Result<(), PeerError> {
        let (client, peer) = (local(store), local(peers));
        let arguments = [
            "--unsafe-no-fsync".to_owned(),
            format!("--data-dir={}", self.path("etcd").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
        ];
        self.spawn("etcd", &arguments)
    }

    fn start_api_server(&mut self) -> Result<(), PeerError> {
        let (store, port) = self.ports;
        let file = |name: &str| self.path(name).display().to_string();
        let arguments = [
            format!("--etcd-servers={}", local(store)),
            "--bind-address=127.0.0.1".into(),
            format!("--secure-port={port}"),
            format!("--tls-cert-file={}", file("server.pem")),
            format!("--tls-private-key-file={}", file("server.key")),
            format!("--token-auth-file={}", file("tokens.csv")),
            format!("--service-account-key-file={}", file("ca.key")),
            format!("--service-account-signing-key-file={}", file("ca.key")),
            "--service-account-issuer=https://peer.invalid".into(),
            "--authorization-mode=RBAC".into(),
            // As kubeadm sets it: agents and acts on a node are privileged.
            "--allow-privileged=true".into(),
            "--service-cluster-ip-range=10.96.0.0/16".into(),
            format!("--audit-policy-file={}", file("audit.yaml")),
            format!("--audit-log-path={}", file("audit.log")),
        ];
        self.spawn("kube-apiserver", &arguments)
    }

    fn start_controllers(&mut self) -> Result<(), PeerError> {
        let [manager, scheduler, kwok] =
            free_ports().map_err(|source| start_error("kube-controller-manager", source))?;
        let kubeconfig = format!("--kubeconfig={}", self.path("admin.kubeconfig").display());
        let common = |port: u16| {
            vec![
                kubeconfig.clone(),
                "--leader-elect=false".into(),
                "--kube-api-qps=500".into(),
                "--kube-api-burst=1000".into(),
                "--bind-address=127.0.0.1".into(),
                format!("--secure-port={port}"),
            ]
        };
        let mut arguments = common(manager);
        arguments.push(format!(
            "--service-account-private-key-file={}",
            self.path("ca.key").display()
        ));
        self.spawn("kube-controller-manager", &arguments)?;
        self.spawn("kube-scheduler", &common(scheduler))?;
        let arguments = [
            kubeconfig,
            "--manage-all-nodes=true".into(),
            format!("--config={}", cache().join("kwok-stages.yaml").display()),
            format!("--config={}", self.path("ready-again.yaml").display()),
            format!("--server-address=127.0.0.1:{kwok}"),
        ];
        self.spawn("kwok", &arguments)
    }

    fn spawn(&mut self, name: &str, arguments: &[String]) -> Result<(), PeerError> {
        let log = File::create(self.path(&format!("{name}.log")));
        let log = log.map_err(|source| start_error(name, source))?;
        let child = Command::new(program(name)?)
            .args(arguments)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.processes
            .push(child.map_err(|source| start_error(name, source))?);
        Ok(())
    }

    fn await_ready(&self) -> Result<(), PeerError> {
        let end = Instant::now() + START_DEADLINE;
        while self.kubectl(&["get", "--raw", "/readyz"])?.run()?.code != Some(0) {
            if Instant::now() >= end {
                return Err(PeerError::NotReady {
                    name: "kube-apiserver".into(),
                    log: tail(&self.path("kube-apiserver.log")),
                });
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            // Both fail only when the process is gone already, which is what is wanted.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn start_error(name: &str, source: io::Error) -> PeerError {
    PeerError::Start {
        name: name.into(),
        source,
    }
}

fn local(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// From these the ports are chosen: below those that Linux gives to connections and to whoever asks for any port (from 32768 on), so
/// that nobody takes one between the choice and the start of its program.
const PORTS: Range<u16> = 20_000..32_768;

/// How many ports this process has tried.
static TRIED: AtomicU32 = AtomicU32::new(0);

/// Three ports that are free now. These programs cannot say which port they took, so unlike elsewhere it is chosen before.
fn free_ports() -> io::Result<[u16; 3]> {
    Ok([free_port()?, free_port()?, free_port()?])
}

/// Each port is given out once by a process, and each process begins elsewhere.
fn free_port() -> io::Result<u16> {
    let first = process::id().wrapping_mul(97);
    for _ in PORTS {
        let number = first.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        let offset = number % u32::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(offset).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
