//! The address of a service: forwards every connection to one pod that the EndpointSlices list as ready, and to nothing
//! else. Like kube-proxy it does not try a second pod when the first refuses.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Api, Client};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::pods::Pods;
use crate::client::{Change, follow};

/// A running front; dropping it ends it.
pub struct Front {
    address: SocketAddr,
    ready: Ready,
    _tasks: JoinSet<()>,
}

/// The uids of ready pods, by slice.
type Ready = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

impl Front {
    /// Listens on a free loopback port for `NAMESPACE`'s service `NAME`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(
        client: &Client,
        pods: &Pods,
        namespace: &str,
        name: &str,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let ready = Ready::default();
        let mut tasks = JoinSet::new();
        let api = Api::<EndpointSlice>::namespaced(client.clone(), namespace);
        let labels = format!("kubernetes.io/service-name={name}");
        let seen = Arc::clone(&ready);
        tasks.spawn(
            async move { follow(api, Some(&labels), move |change| see(&seen, change)).await },
        );
        tasks.spawn(accept(listener, Arc::clone(&ready), pods.clone()));
        Ok(Self {
            address,
            ready,
            _tasks: tasks,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether every pod that is listed as ready is served, and there is one.
    pub fn answers(&self, pods: &Pods) -> bool {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let mut uids = ready.values().flatten().peekable();
        uids.peek().is_some() && uids.all(|uid| pods.address(uid).is_some())
    }

    /// How many pods are ready to be forwarded to.
    pub fn ready(&self) -> usize {
        self.ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(Vec::len)
            .sum()
    }
}

fn see(ready: &Ready, change: Change<EndpointSlice>) {
    let mut ready = ready.lock().unwrap_or_else(PoisonError::into_inner);
    let name = |slice: &EndpointSlice| slice.metadata.name.clone().unwrap_or_default();
    match change {
        Change::Listed(slices) => {
            *ready = slices
                .iter()
                .map(|slice| (name(slice), pods_of(slice)))
                .collect()
        }
        Change::Applied(slice) => drop(ready.insert(name(&slice), pods_of(&slice))),
        Change::Deleted(slice) => drop(ready.remove(&name(&slice))),
        Change::Missed(_) => {}
    }
}

fn pods_of(slice: &EndpointSlice) -> Vec<String> {
    let endpoints = serde_json::to_value(&slice.endpoints).unwrap_or_default();
    let ready = |endpoint: &&serde_json::Value| endpoint["conditions"]["ready"] == true;
    let pod =
        |endpoint: &serde_json::Value| endpoint["targetRef"]["uid"].as_str().map(str::to_owned);
    endpoints
        .as_array()
        .into_iter()
        .flatten()
        .filter(ready)
        .filter_map(pod)
        .collect()
}

async fn accept(listener: TcpListener, ready: Ready, pods: Pods) {
    let mut connections = JoinSet::new();
    let mut turn = 0_usize;
    while let Ok((client, _)) = listener.accept().await {
        turn = turn.wrapping_add(1);
        let listed: Vec<String> = ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .flatten()
            .cloned()
            .collect();
        let chosen = listed
            .get(turn % listed.len().max(1))
            .and_then(|pod| pods.address(pod));
        if let Some(address) = chosen {
            connections.spawn(async move { forward(client, address).await.unwrap_or_default() });
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn forward(mut client: TcpStream, pod: SocketAddr) -> io::Result<()> {
    let mut pod = TcpStream::connect(pod).await?;
    tokio::io::copy_bidirectional(&mut client, &mut pod)
        .await
        .map(|_| ())
}
