//! Lets pods answer on the network: one listener on loopback per running pod, for as long as the pod exists.
//!
//! A pod that is asked to end goes on answering for [`LINGER`], as a well-behaved program does, or for its grace period
//! if that is shorter: one that is deleted by force is gone at once. Works on any API; the pods of KWOK have no network
//! of their own.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

use crate::client::{Change, follow};

/// How long a pod answers after it was asked to end: longer than a watch event takes to reach the front, also on a machine
/// that is busy.
pub const LINGER: Duration = Duration::from_secs(3);

/// A line is at most this long, so that a client cannot make a pod grow.
const LINE_LIMIT_BYTES: u64 = 256;

/// The pods that answer; dropping it ends them all.
#[derive(Clone)]
pub struct Pods(Arc<Mutex<Servers>>);

#[derive(Default)]
struct Servers {
    by_uid: HashMap<String, Server>,
    tasks: JoinSet<()>,
}

struct Server {
    address: SocketAddr,
    task: AbortHandle,
    ending: bool,
}

impl Pods {
    /// Starts to serve the pods of all namespaces.
    pub fn start(client: &Client) -> Self {
        let pods = Self(Arc::default());
        let servers = Arc::downgrade(&pods.0);
        let watch = follow(Api::<Pod>::all(client.clone()), None, move |change| {
            if let Some(servers) = servers.upgrade() {
                servers
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .see(change);
            }
        });
        pods.lock().tasks.spawn(watch);
        pods
    }

    /// Where the pod with this uid answers, if it does. (A StatefulSet's next pod has the same name.)
    pub fn address(&self, uid: &str) -> Option<SocketAddr> {
        self.lock().by_uid.get(uid).map(|server| server.address)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Servers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Servers {
    fn see(&mut self, change: Change<Pod>) {
        self.by_uid.retain(|_, server| !server.task.is_finished());
        while self.tasks.try_join_next().is_some() {}
        match change {
            Change::Listed(pods) => {
                let uids: Vec<String> = pods.iter().map(uid).collect();
                let gone: Vec<String> = self
                    .by_uid
                    .keys()
                    .filter(|uid| !uids.contains(uid))
                    .cloned()
                    .collect();
                gone.iter().for_each(|uid| self.end(uid, Duration::ZERO));
                pods.iter().for_each(|pod| self.apply(pod));
            }
            Change::Applied(pod) => self.apply(&pod),
            Change::Deleted(pod) => self.end(&uid(&pod), Duration::ZERO),
            Change::Missed(_) => {}
        }
    }

    fn apply(&mut self, pod: &Pod) {
        let uid = uid(pod);
        if pod.metadata.deletion_timestamp.is_some() {
            let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
            return self.end(&uid, LINGER.min(Duration::from_secs(grace.unsigned_abs())));
        }
        if starts(pod)
            && !self.by_uid.contains_key(&uid)
            && let Ok((listener, address)) = listen()
        {
            let task = self.tasks.spawn(serve(listener, name(pod)));
            self.by_uid.insert(
                uid,
                Server {
                    address,
                    task,
                    ending: false,
                },
            );
        }
    }

    /// Ends a server, once: a removal does not cut short the time that it was given before.
    fn end(&mut self, uid: &str, after: Duration) {
        let Some(server) = self.by_uid.get_mut(uid).filter(|server| !server.ending) else {
            return;
        };
        server.ending = true;
        let task = server.task.clone();
        if after.is_zero() {
            return task.abort();
        }
        self.tasks.spawn(async move {
            tokio::time::sleep(after).await;
            task.abort();
        });
    }
}

/// Whether the pod has a node and has not ended. A process listens before its pod is Ready; were the server started at
/// Ready only, the endpoints could be seen before it.
fn starts(pod: &Pod) -> bool {
    let placed = pod
        .spec
        .as_ref()
        .is_some_and(|spec| spec.node_name.is_some());
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    placed && !matches!(phase, Some("Succeeded" | "Failed"))
}

fn uid(pod: &Pod) -> String {
    pod.metadata.uid.clone().unwrap_or_default()
}

fn name(pod: &Pod) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!(
        "{}/{}",
        part(&pod.metadata.namespace),
        part(&pod.metadata.name)
    )
}

fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((TcpListener::from_std(listener)?, address))
}

async fn serve(listener: TcpListener, pod: String) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let pod = pod.clone();
        connections.spawn(async move { answer(stream, &pod).await.unwrap_or_default() });
        while connections.try_join_next().is_some() {}
    }
}

/// One line in, the same line back with the pod's name.
async fn answer(stream: TcpStream, pod: &str) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut read = BufReader::new(tokio::io::AsyncReadExt::take(read, LINE_LIMIT_BYTES));
    read.read_line(&mut line).await?;
    write
        .write_all(format!("{} {pod}\n", line.trim_end()).as_bytes())
        .await
}
