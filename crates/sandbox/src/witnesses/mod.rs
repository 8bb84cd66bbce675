//! The judges of a roll, with credentials that can only read.
//!
//! [`observer`] watches nodes and budgets; [`prober`] measures whether a service answers, at the address of a [`front`] that
//! stands before the [`pods`], which answer on the network.

pub mod front;
pub mod observer;
pub mod pods;
pub mod prober;

use std::{net::SocketAddr, time::Duration};

use self::{front::Front, observer::Observer, pods::Pods, prober::Prober};
use crate::{SandboxError, client::connect, platform::PROBED};

/// Observer and prober together, on the sandbox's API or on a real one.
pub struct Witness {
    /// Of nodes and budgets.
    pub observer: Observer,
    /// Of the probed service.
    pub prober: Prober,
    /// The address that is probed.
    pub front: Front,
    _pods: Pods,
}

impl Witness {
    /// Starts with credentials that may only read; waits until the probed service has a ready pod.
    ///
    /// # Errors
    /// The API cannot be reached, or no pod becomes ready.
    pub async fn start(kubeconfig: &str) -> Result<Self, SandboxError> {
        let client = connect(kubeconfig).await?;
        let pods = Pods::start(&client);
        let (namespace, name) = PROBED;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let listen = |source| SandboxError::Listen {
            service: "probed service",
            address,
            source,
        };
        let front = Front::start(&client, &pods, namespace, name)
            .await
            .map_err(listen)?;
        let ready = async {
            while !front.answers(&pods) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let patience = Duration::from_secs(READY_WITHIN_S);
        tokio::time::timeout(patience, ready)
            .await
            .map_err(|_| SandboxError::Deadline {
                what: format!("service {namespace}/{name} to have a ready pod that answers"),
                seconds: READY_WITHIN_S,
                seen: format!("{} ready endpoints", front.ready()),
            })?;
        Ok(Self {
            observer: Observer::start(&client),
            prober: Prober::start(front.address()),
            front,
            _pods: pods,
        })
    }
}

/// Pods of a new world are ready within a second; a real cluster may have to start them.
const READY_WITHIN_S: u64 = 30;
