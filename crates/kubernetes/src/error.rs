//! What can go wrong with a Kubernetes API.

use kube::core::Status;
use trireme_executor::{ErrorKind, PlatformError};
use trireme_transport::is_lasting;

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
    #[error("Cannot {act}: the API answered {}: {}{}", .status.code, .status.message.trim(), remedy(.status.code))]
    Refused {
        /// What was tried, to what.
        act: String,
        /// What it answered.
        status: Box<Status>,
    },
    /// The API could not be reached, or what it answered could not be read.
    #[error("Cannot {act}")]
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
    #[error("Cannot {act}: no answer within {seconds} s")]
    Silent {
        /// What was tried, to what.
        act: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// What was observed is not complete, or too old to decide anything by it.
    #[error("Cannot tell the state of {what}{}: {why}", lasted(*.seconds))]
    Unknown {
        /// The kind of object, in the plural, or the object.
        what: String,
        /// What happened.
        why: String,
        /// For how long it has been so, in seconds; 0 when that is not known.
        seconds: u64,
    },
    /// Another roller is at work.
    #[error(
        "another roller is at work: {holder} holds Lease {lease}; wait until it ends, or stop it"
    )]
    Held {
        /// `namespace/name`.
        lease: String,
        /// Who holds it.
        holder: String,
    },
    /// Another run may be at work: its Lease is valid for longer than it is watched.
    #[error(
        "{holder} holds Lease {lease}, which is valid for {seconds} s without renewal, and did not renew it in the {watched_s} s \
         that it was watched; if that run has ended, set the Lease's holderIdentity to \"\""
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
    #[error("Lease {lease} was lost: {holder} holds it now; this run writes nothing more")]
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
            Self::Silent { .. } | Self::Unknown { .. } => true,
            Self::Refused { status, .. } => status.code == 429 || status.code >= 500,
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Service(error) => !is_lasting(error.as_ref()),
                kube::Error::HyperError(_)
                | kube::Error::ReadEvents(_)
                | kube::Error::HttpError(_)
                | kube::Error::SerdeError(_) => true,
                _ => false,
            },
            _ => false,
        }
    }

    /// What the API answers to a request that it will never carry out, for people. After an error of its own, a timeout or too
    /// many requests, or while it does not know who we are, it may.
    pub(crate) fn refusal(&self) -> Option<String> {
        let status = self.status()?;
        let (code, message) = (status.code, status.message.trim());
        let lasting = (400..500).contains(&code) && ![401, 408, 409, 429].contains(&code);
        lasting.then(|| format!("the API answered {code}: {message}{}", remedy(code)))
    }

    /// Whether someone else changed the object meanwhile: look again.
    pub fn is_conflict(&self) -> bool {
        self.status().is_some_and(|status| status.code == 409)
    }

    /// Whether there is no such object.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status().is_some_and(|status| status.code == 404)
    }
}

impl PlatformError for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Lost { .. } => ErrorKind::LockLost,
            error if error.may_pass() || error.is_conflict() => ErrorKind::MayPass,
            _ => ErrorKind::Lasting,
        }
    }
}

fn lasted(seconds: u64) -> String {
    match seconds {
        0 => String::new(),
        seconds => format!(", unknown for {seconds} s"),
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
    fn what_follows_from_an_error_is_told_by_its_kind() {
        let refused = |code: u16| {
            let status = Status {
                code,
                ..Status::default()
            };
            Error::api("list nodes")(kube::Error::Api(Box::new(status))).kind()
        };
        for code in [409, 429, 500, 503] {
            assert_eq!(refused(code), ErrorKind::MayPass, "{code}");
        }
        for code in [400, 401, 403, 404] {
            assert_eq!(refused(code), ErrorKind::Lasting, "{code}");
        }
        let (lease, holder) = ("l".into(), "h".into());
        assert_eq!(Error::Lost { lease, holder }.kind(), ErrorKind::LockLost);
        let (what, why) = ("pods".into(), "w".into());
        let unknown = Error::Unknown {
            what,
            why,
            seconds: 1,
        };
        assert_eq!(unknown.kind(), ErrorKind::MayPass);
    }

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
            "Cannot list nodes: the API answered 401: Unauthorized; is the token of the source still valid?"
        );
        assert!(refusal(403, "no").ends_with("the rights of resources/cluster/rbac.yaml?"));
        assert_eq!(
            refusal(500, "etcd"),
            "Cannot list nodes: the API answered 500: etcd"
        );
    }
}
