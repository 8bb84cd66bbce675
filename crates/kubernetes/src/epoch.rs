//! The greatest epoch that any run has written to a cluster.

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};

use crate::cluster::list;
use crate::{Cluster, Error, names};

impl Cluster {
    /// The greatest epoch that is on a node or in the record; 0 when no run has written any.
    ///
    /// # Errors
    /// When nodes or record cannot be read whole, or an epoch is not a number.
    pub(crate) async fn greatest_epoch(&self) -> Result<u64, Error> {
        let api: Api<Node> = Api::all(self.client.clone());
        let mut greatest = self.record().await?.epoch;
        for node in list(&api, ListParams::default(), "nodes").await? {
            greatest = greatest.max(of_node(&node)?);
        }
        Ok(greatest)
    }
}

fn of_node(node: &Node) -> Result<u64, Error> {
    let Some(text) = node.annotations().get(names::EPOCH) else {
        return Ok(0);
    };
    text.parse().map_err(|error| {
        let object = format!("annotation {} of node {}", names::EPOCH, node.name_any());
        Error::malformed(object, format!("{text:?}: {error}"))
    })
}
