//! Where a world is served.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// The address on which all servers of a world listen, and the name under which clients reach it. By default it is loopback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listen {
    /// The address.
    pub address: IpAddr,
    /// What clients call it; by default the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            name: None,
        }
    }
}

impl Listen {
    /// Whether it is another address than 127.0.0.1, with which alone every client speaks plain HTTP without being told.
    pub(crate) fn is_elsewhere(&self) -> bool {
        *self != Self::default()
    }

    /// A port of it, to listen there.
    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        (self.address, port).into()
    }

    /// A port of it as clients name it, `HOST:PORT`.
    pub(crate) fn host(&self, port: u16) -> String {
        match &self.name {
            Some(name) => format!("{name}:{port}"),
            None => self.at(port).to_string(),
        }
    }

    /// What a certificate of it has to name.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = self.name.iter().cloned();
        name.chain([self.address.to_string()]).collect()
    }
}
