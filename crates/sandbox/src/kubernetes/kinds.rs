//! The kinds that are served, as one table. A kind that is not here answers 404.

use k8s_openapi::api;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One kind of object.
#[derive(Debug)]
pub(crate) struct Kind {
    pub group: &'static str,
    pub version: &'static str,
    /// Its name in paths; unique here, and so the key of the store.
    pub plural: &'static str,
    pub kind: &'static str,
    pub short: &'static [&'static str],
    pub namespaced: bool,
    pub subresources: &'static [&'static str],
    /// Asked and answered, never stored (access reviews).
    pub transient: bool,
    /// Reads the object into its real type: an error says which field has another type.
    pub decode: fn(&Value) -> Result<(), serde_json::Error>,
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.plural == other.plural
    }
}

impl Kind {
    /// `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.into(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The kind as messages name it: `pods`, `deployments.apps`.
    pub fn resource(&self) -> String {
        qualify(self.plural, self.group)
    }

    /// The kind as validation names it: `Pod`, `Deployment.apps`.
    pub fn qualified(&self) -> String {
        qualify(self.kind, self.group)
    }

    pub fn singular(&self) -> String {
        self.kind.to_lowercase()
    }

    pub fn has_status(&self) -> bool {
        self.subresources.contains(&"status")
    }

    /// Whether one request may delete a whole collection; namespaces do not allow it.
    pub fn deletes_together(&self) -> bool {
        self.plural != "namespaces"
    }

    /// Whether an update without a `resourceVersion` is allowed (`AllowUnconditionalUpdate`).
    pub fn takes_any_revision(&self) -> bool {
        !["leases", "poddisruptionbudgets"].contains(&self.plural)
    }

    /// Whether a change of its spec raises `metadata.generation`.
    pub fn has_generation(&self) -> bool {
        self.has_status() && !["nodes", "namespaces", "services"].contains(&self.plural)
    }
}

fn qualify(name: &str, group: &str) -> String {
    match group {
        "" => name.into(),
        group => format!("{name}.{group}"),
    }
}

fn decode<T: DeserializeOwned>(object: &Value) -> Result<(), serde_json::Error> {
    T::deserialize(object).map(drop)
}

macro_rules! kind {
    ($group:literal $version:literal $plural:literal $kind:literal $short:expr, $scope:ident, $subresources:expr, $type:ty) => {
        Kind {
            group: $group,
            version: $version,
            plural: $plural,
            kind: $kind,
            short: &$short,
            namespaced: kind!(@namespaced $scope),
            subresources: &$subresources,
            transient: kind!(@transient $scope),
            decode: decode::<$type>,
        }
    };
    (@namespaced namespaced) => { true };
    (@namespaced $other:ident) => { false };
    (@transient question) => { true };
    (@transient $other:ident) => { false };
}

/// Every kind, in the order in which discovery lists them.
#[rustfmt::skip]
pub(crate) static KINDS: &[Kind] = &[
    kind!("" "v1" "namespaces" "Namespace" ["ns"], cluster, ["status"], api::core::v1::Namespace),
    kind!("" "v1" "nodes" "Node" ["no"], cluster, ["status"], api::core::v1::Node),
    kind!("" "v1" "pods" "Pod" ["po"], namespaced, ["status", "eviction"], api::core::v1::Pod),
    kind!("" "v1" "services" "Service" ["svc"], namespaced, ["status"], api::core::v1::Service),
    kind!("" "v1" "configmaps" "ConfigMap" ["cm"], namespaced, [], api::core::v1::ConfigMap),
    kind!("" "v1" "secrets" "Secret" [], namespaced, [], api::core::v1::Secret),
    kind!("" "v1" "serviceaccounts" "ServiceAccount" ["sa"], namespaced, ["token"], api::core::v1::ServiceAccount),
    kind!("" "v1" "events" "Event" ["ev"], namespaced, [], api::core::v1::Event),
    kind!("apps" "v1" "deployments" "Deployment" ["deploy"], namespaced, ["status"], api::apps::v1::Deployment),
    kind!("apps" "v1" "replicasets" "ReplicaSet" ["rs"], namespaced, ["status"], api::apps::v1::ReplicaSet),
    kind!("apps" "v1" "statefulsets" "StatefulSet" ["sts"], namespaced, ["status"], api::apps::v1::StatefulSet),
    kind!("apps" "v1" "daemonsets" "DaemonSet" ["ds"], namespaced, ["status"], api::apps::v1::DaemonSet),
    kind!("batch" "v1" "jobs" "Job" [], namespaced, ["status"], api::batch::v1::Job),
    kind!("policy" "v1" "poddisruptionbudgets" "PodDisruptionBudget" ["pdb"], namespaced, ["status"], api::policy::v1::PodDisruptionBudget),
    kind!("discovery.k8s.io" "v1" "endpointslices" "EndpointSlice" [], namespaced, [], api::discovery::v1::EndpointSlice),
    kind!("coordination.k8s.io" "v1" "leases" "Lease" [], namespaced, [], api::coordination::v1::Lease),
    kind!("rbac.authorization.k8s.io" "v1" "clusterroles" "ClusterRole" [], cluster, [], api::rbac::v1::ClusterRole),
    kind!("rbac.authorization.k8s.io" "v1" "clusterrolebindings" "ClusterRoleBinding" [], cluster, [], api::rbac::v1::ClusterRoleBinding),
    kind!("rbac.authorization.k8s.io" "v1" "roles" "Role" [], namespaced, [], api::rbac::v1::Role),
    kind!("rbac.authorization.k8s.io" "v1" "rolebindings" "RoleBinding" [], namespaced, [], api::rbac::v1::RoleBinding),
    kind!("authorization.k8s.io" "v1" "selfsubjectaccessreviews" "SelfSubjectAccessReview" [], question, [], api::authorization::v1::SelfSubjectAccessReview),
    kind!("authorization.k8s.io" "v1" "selfsubjectrulesreviews" "SelfSubjectRulesReview" [], question, [], api::authorization::v1::SelfSubjectRulesReview),
    kind!("authentication.k8s.io" "v1" "selfsubjectreviews" "SelfSubjectReview" [], question, [], api::authentication::v1::SelfSubjectReview),
];

/// The kind of a path.
pub(crate) fn served(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS
        .iter()
        .find(|kind| (kind.group, kind.version, kind.plural) == (group, version, plural))
}

/// Whether anything of this group is served.
pub(crate) fn serves_group(group: &str) -> bool {
    KINDS.iter().any(|kind| kind.group == group)
}

/// The kind with this plural, by which the store and the controllers name it.
///
/// # Panics
/// When the table has no such kind: the callers name kinds of the table only.
pub(crate) fn stored(plural: &str) -> &'static Kind {
    let found = KINDS.iter().find(|kind| kind.plural == plural);
    assert!(found.is_some(), "{plural} is in the table of kinds");
    found.unwrap_or(&KINDS[0])
}

/// The kind by group and Go name, as owner references have it.
pub(crate) fn of_owner(api_version: &str, kind: &str) -> Option<&'static Kind> {
    KINDS
        .iter()
        .find(|known| known.kind == kind && known.api_version() == api_version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_are_unique_because_the_store_is_keyed_by_them() {
        let mut plurals: Vec<_> = KINDS.iter().map(|kind| kind.plural).collect();
        plurals.sort_unstable();
        plurals.dedup();
        assert_eq!(plurals.len(), KINDS.len());
    }
}
