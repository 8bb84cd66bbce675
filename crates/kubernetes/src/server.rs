//! The version that the API server reports, read as seldom as it can be.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use trireme_blueprint::Node;
use trireme_release::Version;

use crate::{Cluster, Error};

/// How long it is relied on. What changes it, as far as we know, is a change of the control plane, after which it is read anew.
const AGE_MAX: Duration = Duration::from_secs(60);
/// How long it is relied on while a control-plane node is newer: the workers wait for it.
const AGE_MAX_BEHIND: Duration = Duration::from_secs(5);
/// A roll that waits for it holds its Lease meanwhile.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);

/// What the API server reported last.
#[derive(Default)]
pub(crate) struct ServerVersion {
    known: Mutex<Option<Known>>,
}

struct Known {
    version: Version,
    /// The control-plane nodes at that time, with their versions.
    planes: BTreeMap<String, Version>,
    read_at: Instant,
}

impl Known {
    fn is_current(&self, planes: &BTreeMap<String, Version>) -> bool {
        let server = self.version.release();
        let is_behind = planes.values().any(|plane| plane.release() > server);
        let limit = if is_behind { AGE_MAX_BEHIND } else { AGE_MAX };
        self.planes == *planes && self.read_at.elapsed() < limit
    }
}

impl ServerVersion {
    /// The version of the API server in front of `nodes`.
    ///
    /// # Errors
    /// When it has to be read and cannot.
    pub(crate) async fn of(
        &self,
        cluster: &Cluster,
        nodes: &BTreeMap<String, Node>,
    ) -> Result<Version, Error> {
        let planes = nodes.values().filter(|node| node.control_plane);
        let planes = planes.map(|node| (node.name.clone(), node.version.clone()));
        let planes: BTreeMap<_, _> = planes.collect();
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.is_current(&planes)) {
            return Ok(known.version.clone());
        }
        let read_at = Instant::now();
        let version = cluster.server_version_within(VERSION_TIMEOUT).await?;
        *known = Some(Known {
            version: version.clone(),
            planes,
            read_at,
        });
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn planes(version: &str) -> BTreeMap<String, Version> {
        BTreeMap::from([("cp-1".to_owned(), version.parse().unwrap())])
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_read_anew_when_the_control_plane_changed_or_is_newer_and_once_a_minute() {
        let known = |version: &str| Known {
            version: version.parse().unwrap(),
            planes: planes("v1.37.2"),
            read_at: Instant::now(),
        };
        let (same, behind) = (known("v1.37.2+k3s1"), known("v1.36.4"));
        assert!(same.is_current(&planes("v1.37.2")));
        assert!(!same.is_current(&planes("v1.36.4")));
        advance(AGE_MAX_BEHIND).await;
        assert!(same.is_current(&planes("v1.37.2")));
        assert!(!behind.is_current(&planes("v1.37.2")));
        advance(AGE_MAX).await;
        assert!(!same.is_current(&planes("v1.37.2")));
    }
}
