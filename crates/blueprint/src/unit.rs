//! One thing that is rolled, whatever the platform: a Kubernetes node, a BOSH instance group, a Cluster API machine.

use trireme_release::Version;

/// What a unit does for the platform. The control plane goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It carries the control plane.
    ControlPlane,
    /// It carries workloads.
    Worker,
}

/// Who carries out the steps on a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// We act on it, one action after another.
    Executor,
    /// The platform rolls it by itself and reports its progress (BOSH, TKGI, Cluster API). We start it, watch it, and halt it
    /// when a gate closes.
    Platform,
}

/// How a unit stands in the roll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does not run what is wanted.
    Due,
    /// An attempt is under way.
    Begun {
        /// The id of the attempt.
        attempt: String,
    },
    /// It runs what is wanted.
    Done {
        /// Whether this roll brought it there.
        by_this_roll: bool,
    },
}

/// One thing that is rolled: the facts that order, limits and waves follow from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its name, unique on the platform.
    pub name: String,
    /// For people: kind, name and zone, e.g. `node w-1 (az-a)`.
    pub title: String,
    /// Its failure domain. The workers of one zone are a group, and so is the control plane.
    pub zone: String,
    /// What it does for the platform.
    pub role: Role,
    /// What it runs.
    pub version: Version,
    /// How it stands in the roll.
    pub status: Status,
    /// Whether it serves: healthy, and taking work.
    pub in_service: bool,
    /// Who carries out the steps on it.
    pub driver: Driver,
    /// Whether an attempt on it waits for the control plane: it can be neither finished nor given back before, and nothing
    /// runs on it meanwhile.
    pub waits_for_control_plane: bool,
}

impl Unit {
    /// The attempt on it that is under way.
    pub fn attempt(&self) -> Option<&str> {
        match &self.status {
            Status::Begun { attempt } => Some(attempt),
            Status::Due | Status::Done { .. } => None,
        }
    }

    /// Whether an attempt on it is under way.
    pub fn is_begun(&self) -> bool {
        matches!(self.status, Status::Begun { .. })
    }

    /// Whether an attempt on it is under way that has to end before anything else is begun beside it.
    pub fn is_in_hand(&self) -> bool {
        self.is_begun() && !self.waits_for_control_plane
    }

    /// Whether it runs what is wanted and no attempt is under way.
    pub fn is_done(&self) -> bool {
        matches!(self.status, Status::Done { .. })
    }

    /// Whether `other` is in the same group: a worker of the same zone, or the control plane, which is one group in all zones.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.role == other.role && (self.role == Role::ControlPlane || self.zone == other.zone)
    }
}
