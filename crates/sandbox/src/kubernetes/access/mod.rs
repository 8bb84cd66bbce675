//! Authentication (tokens) and authorization (RBAC).

mod impersonation;
mod rules;
mod tokens;

pub(crate) use impersonation::impersonated;
pub(crate) use rules::{Question, allows, rules_of, seed};
pub(crate) use tokens::Tokens;

/// The user that a request comes from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Identity {
    pub name: String,
    pub groups: Vec<String>,
}

/// The group that may do everything, before any rule is looked at.
pub(crate) const MASTERS: &str = "system:masters";

impl Identity {
    /// A user with the groups that its name implies: service accounts are in theirs.
    pub fn named(name: &str) -> Self {
        let mut groups = Vec::new();
        if let Some((namespace, _)) = name
            .strip_prefix("system:serviceaccount:")
            .and_then(|rest| rest.split_once(':'))
        {
            groups.push("system:serviceaccounts".to_owned());
            groups.push(format!("system:serviceaccounts:{namespace}"));
        }
        groups.push("system:authenticated".to_owned());
        Self {
            name: name.to_owned(),
            groups,
        }
    }

    /// A client without credentials (`--anonymous-auth`, on by default).
    pub fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            groups: vec!["system:unauthenticated".to_owned()],
        }
    }

    /// A user with all rights.
    pub fn master(name: &str) -> Self {
        let mut identity = Self::named(name);
        identity.groups.insert(0, MASTERS.to_owned());
        identity
    }
}
