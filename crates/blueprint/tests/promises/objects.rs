//! A node, a pod and a budget as they are when nothing is wrong.

use trireme_blueprint::{Budget, Node, Owner, Pod, PodKind};

use crate::world::OLD;

pub fn node(name: &str, zone: &str, control_plane: bool) -> Node {
    Node {
        name: name.into(),
        uid: format!("uid-of-{name}"),
        resource_version: "1".into(),
        zone: zone.into(),
        version: OLD,
        image: "Debian GNU/Linux 12".into(),
        ready: true,
        schedulable: true,
        control_plane,
        roll: None,
        rolled: None,
    }
}

pub fn pod(name: &str) -> Pod {
    Pod {
        namespace: "shop".into(),
        name: name.into(),
        uid: name.into(),
        owner: Some(Owner {
            kind: "Deployment".into(),
            name: "web".into(),
        }),
        kind: PodKind::Managed,
        ready: true,
        ended: false,
        terminating: false,
        finalizers: Vec::new(),
        budgets: vec!["web".into()],
    }
}

pub fn budget(name: &str, current: i32, desired: i32, expected: i32) -> Budget {
    Budget {
        namespace: "shop".into(),
        name: name.into(),
        allowed: (current - desired).max(0),
        current,
        desired,
        expected,
        observed: true,
        counts_existing_pods: false,
    }
}
