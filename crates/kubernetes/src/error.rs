//! What can go wrong with a Kubernetes API.

use kube::core::Status;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The way to the API is not described as it must be.
    #[error("{0}")]
    Access(String),
    /// The environment of this machine does not lead to the API.
    #[error("{0}")]
    Environment(String),
    /// The API answered with a refusal.
    #[error("could not {act}: the API answered {}: {}{}", .status.code, .status.message.trim(), remedy(.status.code))]
    Refused {
        /// What was tried, to what.
        act: String,
        /// What it answered.
        status: Box<Status>,
    },
    /// The API could not be reached, or what it answered could not be read.
    #[error("could not {act}")]
    Api {
        /// What was tried, to what.
        act: String,
        /// What the client says.
        #[source]
        source: Box<kube::Error>,
    },
    /// An object does not have the form that it must have.
    #[error("{object} is not as expected: {reason}")]
    Malformed {
        /// Which object.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No answer in time.
    #[error("could not {act}: no answer within {seconds} s")]
    Silent {
        /// What was tried, to what.
        act: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Another roller is at work.
    #[error(
        "another roller is at work: {holder} holds Lease {lease}; wait for its end, or stop it"
    )]
    Held {
        /// `namespace/name`.
        lease: String,
        /// Who holds it.
        holder: String,
    },
    /// Another roller may be at work: its Lease is good for longer than it is watched.
    #[error(
        "{holder} holds Lease {lease}, which is good for {seconds} s without renewal, and did not renew it in the {watched_s} s \
         that it was watched; if it is not at work any more, set the Lease's holderIdentity to \"\""
    )]
    HeldFor {
        /// `namespace/name`.
        lease: String,
        /// Who holds it.
        holder: String,
        /// What the Lease says, in seconds.
        seconds: u64,
        /// How long it was watched, in seconds.
        watched_s: u64,
    },
    /// The Lease was lost while we worked.
    #[error("Lease {lease} is no longer ours (now of {holder}); nothing more is written")]
    Lost {
        /// `namespace/name`.
        lease: String,
        /// Who holds it.
        holder: String,
    },
}

impl Error {
    pub(crate) fn api(act: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        |source| match source {
            kube::Error::Api(status) => Self::Refused {
                act: act.into(),
                status,
            },
            other => Self::Api {
                act: act.into(),
                source: Box::new(other),
            },
        }
    }

    pub(crate) fn malformed(object: impl Into<String>, reason: impl ToString) -> Self {
        Self::Malformed {
            object: object.into(),
            reason: reason.to_string(),
        }
    }

    /// The status that the API answered with.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Whether the same request may succeed later: no answer, a server error, or too many requests.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Silent { .. } => true,
            Self::Refused { status, .. } => status.code == 429 || status.code >= 500,
            Self::Api { source, .. } => matches!(
                source.as_ref(),
                kube::Error::HyperError(_)
                    | kube::Error::Service(_)
                    | kube::Error::ReadEvents(_)
                    | kube::Error::HttpError(_)
                    | kube::Error::SerdeError(_)
            ),
            _ => false,
        }
    }

    /// Whether the API has refused the request for good, so that it does not carry it out any more. After an error of its own
    /// it may have.
    pub fn is_refusal(&self) -> bool {
        self.status()
            .is_some_and(|status| (400..500).contains(&status.code))
    }

    /// Whether someone else changed the object meanwhile: look again.
    pub fn is_conflict(&self) -> bool {
        self.status().is_some_and(|status| status.code == 409)
    }
}

/// What to try when the API refuses who we are or what we may.
fn remedy(code: u16) -> &'static str {
    match code {
        401 => "; is the token of the source still valid?",
        403 => "; does the account have the rights of resources/cluster/rbac.yaml?",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_was_tried_what_was_answered_and_what_to_try() {
        let refusal = |code: u16, message: &str| {
            let status = Status {
                code,
                message: message.into(),
                ..Status::default()
            };
            Error::api("list nodes")(kube::Error::Api(Box::new(status))).to_string()
        };
        assert_eq!(
            refusal(401, "Unauthorized"),
            "could not list nodes: the API answered 401: Unauthorized; is the token of the source still valid?"
        );
        assert!(refusal(403, "no").ends_with("the rights of resources/cluster/rbac.yaml?"));
        assert_eq!(
            refusal(500, "etcd"),
            "could not list nodes: the API answered 500: etcd"
        );
    }
}
